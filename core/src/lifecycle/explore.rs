//! `step` explored breadth first: every order of events from a new customer, until nothing new is reached.
//!
//! **Bounds.** One customer with one account on one host, and all durations as short as they can be (one or two units of
//! time); time runs in whole units, and what lies as far back as the longest duration, or further, is all the same. The
//! collector is never out, months do not end, and no archive is missing: the stories and the random tests have those. Notices
//! are handed over after they were given out, and agents do what they were told. The events are split into two worlds, because
//! together they are too many: money and agents; and what staff and the customer ask for. A build for debugging, which is
//! slow, stops after [`DEPTH_MAX`] events.

use super::*;
use crate::ids::AccountId;
use crate::money::Money;
use std::collections::{HashSet, VecDeque};

/// What lies this far back is as good as long ago: the longest duration.
const HORIZON: i64 = 2;
/// Longest chain of events.
const DEPTH_MAX: usize = if cfg!(debug_assertions) { 8 } else { usize::MAX };
/// More states than this would mean that something is not forgotten.
const STATES_MAX: usize = 3_000_000;
/// The episode that every state is moved to.
const EPISODE: u64 = 10;

fn settings() -> Settings {
    Settings {
        grace_ms: 1,
        delete_after_ms: 2,
        overdraft: Money::from_micros(5),
        final_notice_ms: 1,
        fresh_ms: 1,
        reminders_ms: vec![],
        low_ms: vec![10],
        trust_month_ms: 1,
        trust_max_ms: 1,
        promise_trust_ms: 1,
        promise_ms: 1,
        promise_every_ms: 2,
        retention_ms: 1,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event1 {
    Tick,
    Pay,
    Owe,
    PendingOn,
    PendingOff,
    Low,
    NotLow,
    Report,
    Stale,
    HandFirst,
    HandLast,
    Begin,
    Confirm,
    Restore,
    Purge,
    Hold(bool),
    Abuse(bool),
    Provider(bool),
    Parked(bool),
    Cap(bool),
    Undelete,
    Settle(bool),
    OpenHours(bool),
    Ask(Ask),
    HoldAccount(bool),
}

const MONEY: &[Event1] = &[
    Event1::Tick,
    Event1::Pay,
    Event1::Owe,
    Event1::PendingOn,
    Event1::PendingOff,
    Event1::Low,
    Event1::NotLow,
    Event1::Report,
    Event1::Stale,
    Event1::HandFirst,
    Event1::HandLast,
    Event1::Begin,
    Event1::Confirm,
    Event1::Restore,
    Event1::Purge,
    Event1::Hold(true),
    Event1::Hold(false),
];

const WISHES: &[Event1] = &[
    Event1::Tick,
    Event1::Pay,
    Event1::Owe,
    Event1::Begin,
    Event1::Confirm,
    Event1::Restore,
    Event1::Purge,
    Event1::Abuse(true),
    Event1::Abuse(false),
    Event1::Provider(true),
    Event1::Provider(false),
    Event1::Parked(true),
    Event1::Parked(false),
    Event1::Cap(true),
    Event1::Cap(false),
    Event1::Undelete,
    Event1::Settle(true),
    Event1::Settle(false),
    Event1::OpenHours(true),
    Event1::OpenHours(false),
    Event1::HoldAccount(true),
    Event1::HoldAccount(false),
    Event1::Ask(Ask::Promise),
    Event1::Ask(Ask::Close),
    Event1::Ask(Ask::Reopen),
];

/// What somebody beside `step` saw: since when what was true, and what was told in this episode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Witness {
    suspended: Option<i64>,
    negative: Option<i64>,
    final_notice: Option<i64>,
    deleted: Option<i64>,
    told: Vec<&'static str>,
}

/// A state with all that the next step depends on; the time is 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    state: CustomerState,
    owes: bool,
    pending: bool,
    low: bool,
    fresh: bool,
    first: bool,
    last: Option<i64>,
    deletion: u8,
    hold: bool,
    abuse: bool,
    provider: bool,
    parked: bool,
    cap: bool,
    undelete: bool,
    settled: bool,
    open_hours: bool,
    held: bool,
    witness: Witness,
}

fn account() -> AccountId {
    AccountId::parse("a@h").unwrap()
}

impl Node {
    fn root(months: u32) -> Self {
        let mut state = CustomerState::new(0);
        state.trust.months = months;
        Self {
            state,
            owes: false,
            pending: false,
            low: false,
            fresh: true,
            first: false,
            last: None,
            deletion: 0,
            hold: false,
            abuse: false,
            provider: false,
            parked: false,
            cap: false,
            undelete: false,
            settled: true,
            open_hours: false,
            held: false,
            witness: Witness::default(),
        }
    }

    fn facts(&self, ask: Option<Ask>, channel: bool) -> Facts {
        let deletion = match self.deletion {
            0 => Deletion::NotBegun,
            1 => Deletion::Begun,
            2 => Deletion::Confirmed { archive: Some("arc".into()) },
            _ => Deletion::Purged,
        };
        let host = Host::Reporting { watermark_ms: self.fresh.then_some(0) };
        let episode = self.state.episode;
        let cap = Cap { span: Span::Day, period: 1, suspends: true, until_ms: 0 };
        Facts {
            balance: Money::from_micros(if self.owes { -1 } else { 1 }),
            pending: Money::from_micros(if self.pending { 9 } else { 0 }),
            had_topup: true,
            notices: Notices {
                channel,
                first: self.first.then_some(Notice { episode, at_ms: 0 }),
                last: self.last.map(|at_ms| Notice { episode, at_ms }),
            },
            hold: self.hold,
            undelete: self.undelete,
            accounts: vec![AccountFacts {
                id: account(),
                host,
                deletion,
                hold: self.held,
                settled: self.settled,
            }],
            abuse: self.abuse,
            provider: self.provider,
            parked: self.parked,
            ask,
            left_ms: Some(if self.low { 5 } else { 99 }),
            caps: self.cap.then_some(cap).into_iter().collect(),
            open_hours: self.open_hours,
            ..Facts::default()
        }
    }

    /// Whether the event can happen and changes anything. Agents do what they were told.
    fn hear(&mut self, event: Event1) -> bool {
        let desired = self.state.desired(&account());
        let before = self.clone();
        match event {
            Event1::Tick => {
                shift(&mut self.state, 1);
                for at in [&mut self.last, &mut self.witness.suspended, &mut self.witness.negative] {
                    *at = at.map(|at| (at - 1).max(-HORIZON));
                }
                for at in [&mut self.witness.final_notice, &mut self.witness.deleted] {
                    *at = at.map(|at| (at - 1).max(-HORIZON));
                }
                return true;
            }
            Event1::Ask(_) => return true,
            Event1::Pay => self.owes = false,
            Event1::Owe => self.owes = true,
            Event1::PendingOn => self.pending = true,
            Event1::PendingOff => self.pending = false,
            Event1::Low => self.low = true,
            Event1::NotLow => self.low = false,
            Event1::Report => self.fresh = true,
            Event1::Stale => self.fresh = false,
            Event1::HandFirst if self.state.notice_ms.is_some() => self.first = true,
            Event1::HandLast if self.state.final_notice_ms.is_some() => self.last = Some(0),
            Event1::Begin if desired == Desired::Deleted && self.deletion == 0 => self.deletion = 1,
            Event1::Confirm if self.deletion == 1 => self.deletion = 2,
            Event1::Restore
                if self.deletion == 2 && matches!(desired, Desired::Active | Desired::Suspended) =>
            {
                self.deletion = 0;
            }
            Event1::Purge if desired == Desired::Purged => self.deletion = 3,
            Event1::Settle(on) if self.state.phase == Phase::Closing => self.settled = on,
            Event1::OpenHours(on) if self.state.phase == Phase::Closing => self.open_hours = on,
            Event1::HandFirst
            | Event1::HandLast
            | Event1::Begin
            | Event1::Confirm
            | Event1::Restore
            | Event1::Purge
            | Event1::Settle(_)
            | Event1::OpenHours(_) => return false,
            Event1::Hold(on) => self.hold = on,
            Event1::Abuse(on) => self.abuse = on,
            Event1::Provider(on) => self.provider = on,
            Event1::Parked(on) => self.parked = on,
            Event1::Cap(on) => self.cap = on,
            Event1::Undelete if self.state.phase == Phase::Deleted => self.undelete = true,
            Event1::Undelete => return false,
            Event1::HoldAccount(on) => self.held = on,
        }
        *self != before
    }

    /// Takes a step and checks what must always hold.
    fn step(&mut self, ask: Option<Ask>, channel: bool) {
        let facts = self.facts(ask, channel);
        let settings = settings();
        let before = self.state.clone();
        let next = step(&before, &facts, &settings, 0);
        let again = step(&next.state, &facts, &settings, 0);
        assert!(again.events.is_empty() && again.state == next.state, "{self:?}: {again:?}");
        self.witness.negative = facts.balance.is_negative().then(|| self.witness.negative.unwrap_or(0));
        let mut episode = before.episode;
        for event in &next.events {
            if event.episode != episode {
                episode = event.episode;
                self.witness.told.clear();
            }
            self.see(event, &facts, &before, &next.state);
        }
        let moved = next.state.episode != before.episode;
        self.first &= !moved;
        self.last = self.last.filter(|_| !moved);
        if next.state.phase != Phase::Deleted {
            self.undelete = false;
        }
        self.state = next.state;
        self.check(&facts, &settings);
        self.forget();
    }

    /// Leaves out what the next step does not look at.
    fn forget(&mut self) {
        let state = &mut self.state;
        for told in state.caps_told.values_mut() {
            // Only whether it was told in this episode.
            told.episode = if told.episode == state.episode { EPISODE } else { EPISODE - 1 };
        }
        state.episode = EPISODE;
        state.events = 0;
        // Only whether there was one.
        state.notice_ms = state.notice_ms.map(|_| 0);
        if !matches!(state.phase, Phase::Suspended | Phase::Deleted) {
            state.since_ms = 0;
        }
        if state.notice_ms.is_none() {
            self.first = false;
        }
        if state.final_notice_ms.is_none() {
            (self.last, self.witness.final_notice) = (None, None);
        }
        if state.phase != Phase::Closing {
            (self.settled, self.open_hours) = (true, false);
        }
        if state.phase != Phase::Deleted {
            self.witness.deleted = None;
        }
    }

    fn see(&mut self, event: &Event, facts: &Facts, before: &CustomerState, after: &CustomerState) {
        let asked = facts.abuse || matches!(after.phase, Phase::Closing | Phase::Closed);
        let held = self.hold || self.parked || self.held;
        let long = |since: Option<i64>, units: i64| since.is_some_and(|at| -at >= units);
        let name = event.kind.name();
        match &event.kind {
            EventKind::AccountSuspend(id) => {
                let recalled = before.desired(id) == Desired::Deleted;
                let stopped = asked || self.provider;
                assert!(stopped || !facts.may_run(&settings()), "suspended though it may run: {self:?}");
                assert!(
                    asked || recalled || (!held && (self.fresh || self.provider)),
                    "suspended though held or stale: {self:?}"
                );
                self.witness.suspended = Some(0);
            }
            EventKind::AccountResume(_) | EventKind::AccountUndelete(_) => self.witness.suspended = None,
            EventKind::DeleteNotice { .. } => self.witness.final_notice = Some(0),
            EventKind::DeleteCancelled => self.witness.final_notice = None,
            EventKind::AccountDelete(_) => {
                let w = &self.witness;
                assert!(long(w.suspended, 2) && long(w.negative, 2), "deleted too soon: {self:?}");
                assert!(long(w.final_notice, 1), "deleted without a notice: {self:?}");
                assert!(!held && !self.provider, "deleted though held: {self:?}");
            }
            EventKind::AccountDeleted { .. } => self.witness.deleted = Some(0),
            EventKind::AccountPurge(_) => {
                assert!(long(self.witness.deleted, 1) && self.owes && !held, "purged too soon: {self:?}");
            }
            EventKind::BalanceNegative { .. }
            | EventKind::BalanceFloor
            | EventKind::BalanceLow { .. }
            | EventKind::CapReached(_) => {
                assert!(!self.parked, "a parked customer was told {name}");
                assert!(!self.witness.told.contains(&name), "{name} was told twice: {self:?}");
                self.witness.told.push(name);
                self.witness.told.sort_unstable();
            }
            _ => {}
        }
    }

    fn check(&self, facts: &Facts, settings: &Settings) {
        let (phase, desired) = (self.state.phase, self.state.desired(&account()));
        let asked = self.abuse || matches!(phase, Phase::Closing | Phase::Closed);
        let settled = self.deletion == 0;
        if facts.may_run(settings) && settled && !asked && !self.provider && phase != Phase::Purged {
            assert_eq!(desired, Desired::Active, "{self:?}");
            assert!(matches!(phase, Phase::Active | Phase::Low), "{self:?}");
        }
        if asked && settled {
            assert_ne!(desired, Desired::Active, "{self:?}");
        }
        let held = self.hold || self.parked || self.held;
        if self.provider && !held && settled {
            assert_ne!(desired, Desired::Active, "{self:?}");
        }
    }

    /// Whatever stands: paid, cleared, let go on and reported, everything runs again, unless it was purged.
    fn rescue(&self, channel: bool) {
        let mut node = self.clone();
        for event in [
            Event1::Pay,
            Event1::PendingOff,
            Event1::NotLow,
            Event1::Report,
            Event1::Hold(false),
            Event1::HoldAccount(false),
            Event1::Abuse(false),
            Event1::Provider(false),
            Event1::Parked(false),
            Event1::Cap(false),
        ] {
            node.hear(event);
        }
        node.step(Some(Ask::Reopen), channel);
        for event in [Event1::Confirm, Event1::Restore, Event1::Purge] {
            if node.hear(event) {
                node.step(None, channel);
            }
        }
        let desired = node.state.desired(&account());
        let gone = node.state.phase == Phase::Purged && desired == Desired::Purged && node.deletion == 3;
        let runs = node.state.phase == Phase::Active && desired == Desired::Active && node.deletion == 0;
        assert!(gone || runs, "no way out of {self:?}: {node:?}");
    }
}

/// Moves every time of a state back.
fn shift(state: &mut CustomerState, by: i64) {
    let back = |at: &mut i64| *at = (*at - by).max(-HORIZON);
    back(&mut state.since_ms);
    let times = [
        &mut state.notice_ms,
        &mut state.grace_until_ms,
        &mut state.negative_since_ms,
        &mut state.final_notice_ms,
        &mut state.promised_ms,
        &mut state.promise_until_ms,
    ];
    times.into_iter().flatten().for_each(back);
    state.accounts.values_mut().for_each(|a| back(&mut a.since_ms));
}

/// Returns how many states there are, and the phases among them.
fn explore(events: &[Event1], months: u32, channel: bool) -> (usize, HashSet<Phase>) {
    let mut root = Node::root(months);
    root.step(None, channel);
    let mut seen: HashSet<Node> = HashSet::from([root.clone()]);
    let (mut open, mut phases) = (VecDeque::from([(root, 0)]), HashSet::new());
    while let Some((node, depth)) = open.pop_front() {
        phases.insert(node.state.phase);
        node.rescue(channel);
        if depth == DEPTH_MAX {
            continue;
        }
        for event in events {
            let mut next = node.clone();
            if !next.hear(*event) {
                continue;
            }
            let ask = if let Event1::Ask(ask) = event { Some(*ask) } else { None };
            next.step(ask, channel);
            if seen.insert(next.clone()) {
                assert!(seen.len() < STATES_MAX, "more states than expected");
                open.push_back((next, depth + 1));
            }
        }
    }
    (seen.len(), phases)
}

fn check(name: &str, events: &[Event1], months: u32, channel: bool, want: &[Phase]) {
    let (states, phases) = explore(events, months, channel);
    println!("{name}: {states} states, {} events each", events.len());
    let missing: Vec<&Phase> = want.iter().filter(|phase| !phases.contains(phase)).collect();
    assert!(missing.is_empty() || cfg!(debug_assertions), "{missing:?} were not reached");
    assert!(states > 1_000, "{states} states are too few to say anything");
}

#[test]
fn every_order_of_money_and_agents() {
    use Phase::{Active, Deleted, Deleting, Grace, Low, Purged, Suspended};
    check("money", MONEY, 0, true, &[Active, Low, Grace, Suspended, Deleting, Deleted, Purged]);
}

#[test]
fn every_order_of_wishes() {
    use Phase::{Active, Closed, Closing, Deleted, Deleting, Grace, Promised, Purged, Suspended};
    let all = [Active, Grace, Promised, Suspended, Deleting, Deleted, Purged, Closing, Closed];
    check("wishes", WISHES, 1, false, &all);
}
