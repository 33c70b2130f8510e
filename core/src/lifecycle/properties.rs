//! The lifecycle under any course of events. A witness beside it keeps its own record of what was true when.

use super::*;
use crate::ids::AccountId;
use crate::money::Money;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 3] = ["a@h", "b@h", "c@i"];

#[derive(Clone, Debug)]
enum Word {
    Wait(i64),
    Balance(i64),
    Pending(i64),
    Hold(bool),
    Undelete(bool),
    Channel(bool),
    HandOverFirst,
    HandOverLast,
    Assign(usize, bool),
    Leave(usize),
    Report(usize),
    Begin(usize),
    Confirm(usize, bool),
    Restore(usize),
    Left(Option<i64>),
    LowAmount(Option<i64>),
    Ask(Ask),
    Abuse(bool),
    Provider(bool),
    Parked(bool),
    Cap(Option<(i64, bool)>),
    Budget(usize, u32),
    Month,
    HoldOf(usize, bool),
    OpenHours(bool),
    Settle(usize, bool),
    Purge(usize),
}

fn any_word() -> impl Strategy<Value = Word> {
    let who = 0..NAMES.len();
    prop_oneof![
        6 => (0_i64..25).prop_map(Word::Wait),
        4 => (-9_i64..5).prop_map(Word::Balance),
        1 => (0_i64..9).prop_map(Word::Pending),
        1 => any::<bool>().prop_map(Word::Hold),
        1 => any::<bool>().prop_map(Word::Undelete),
        1 => any::<bool>().prop_map(Word::Channel),
        2 => Just(Word::HandOverFirst),
        2 => Just(Word::HandOverLast),
        3 => (who.clone(), any::<bool>()).prop_map(|(who, gone)| Word::Assign(who, gone)),
        1 => who.clone().prop_map(Word::Leave),
        4 => who.clone().prop_map(Word::Report),
        2 => who.clone().prop_map(Word::Begin),
        3 => (who.clone(), any::<bool>()).prop_map(|(who, archive)| Word::Confirm(who, archive)),
        1 => who.clone().prop_map(Word::Restore),
        5 => any_new_word(who),
    ]
}

fn any_new_word(who: std::ops::Range<usize>) -> impl Strategy<Value = Word> {
    let ask = prop_oneof![
        3 => Just(Ask::Promise), 1 => Just(Ask::Close), 2 => Just(Ask::Reopen)
    ];
    prop_oneof![
        3 => proptest::option::of(0_i64..99).prop_map(Word::Left),
        1 => proptest::option::of(0_i64..4).prop_map(Word::LowAmount),
        3 => ask.prop_map(Word::Ask),
        1 => proptest::bool::weighted(0.3).prop_map(Word::Abuse),
        1 => proptest::bool::weighted(0.3).prop_map(Word::Provider),
        1 => proptest::bool::weighted(0.3).prop_map(Word::Parked),
        2 => proptest::option::weighted(0.4, (0_i64..4, any::<bool>())).prop_map(Word::Cap),
        1 => (who.clone(), 1_u32..4).prop_map(|(who, n)| Word::Budget(who, n)),
        2 => Just(Word::Month),
        1 => (who.clone(), proptest::bool::weighted(0.3)).prop_map(|(who, on)| Word::HoldOf(who, on)),
        1 => any::<bool>().prop_map(Word::OpenHours),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, on)| Word::Settle(who, on)),
        3 => who.prop_map(Word::Purge),
    ]
}

/// What the witness has seen of an account.
#[derive(Clone, Copy, Default)]
struct Seen {
    suspended_at: Option<i64>,
    deleted_at: Option<i64>,
}

struct World {
    state: CustomerState,
    facts: Facts,
    settings: Settings,
    now: i64,
    seen: BTreeMap<AccountId, Seen>,
    negative_since: Option<i64>,
    final_notice_at: Option<i64>,
    numbers: BTreeSet<u64>,
    notices: BTreeSet<String>,
    /// What was told of low credit, and is not armed again.
    low: Vec<(u64, Threshold)>,
    promised_at: Option<i64>,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            grace_ms: 10,
            delete_after_ms: 30,
            overdraft: Money::from_micros(5),
            final_notice_ms: 7,
            fresh_ms: 8,
            reminders_ms: vec![3, 6],
            low_ms: vec![70, 30, 10],
            trust_month_ms: 2,
            trust_max_ms: 5,
            promise_trust_ms: 2,
            promise_ms: 20,
            promise_every_ms: 100,
            retention_ms: 90,
        };
        let facts = Facts { had_topup: true, ..Facts::default() };
        Self {
            state: CustomerState::new(0),
            facts,
            settings,
            now: 0,
            seen: BTreeMap::new(),
            negative_since: None,
            final_notice_at: None,
            numbers: BTreeSet::new(),
            notices: BTreeSet::new(),
            low: Vec::new(),
            promised_at: None,
        }
    }

    fn account(&mut self, who: usize) -> Option<&mut AccountFacts> {
        self.facts.accounts.iter_mut().find(|a| a.id.as_str() == NAMES[who])
    }

    /// Agents only do what they were told: nothing is deleted that was not to be.
    fn told_to_delete(&self, who: usize) -> bool {
        self.desired(who) == Desired::Deleted
    }

    fn desired(&self, who: usize) -> Desired {
        self.state.desired(&AccountId::parse(NAMES[who]).unwrap())
    }

    fn deletion(&mut self, who: usize, from: &[Deletion], to: Deletion) {
        if let Some(account) = self.account(who).filter(|a| from.contains(&a.deletion)) {
            account.deletion = to;
        }
    }

    fn hear(&mut self, word: &Word) {
        let notice = Some(Notice { episode: self.state.episode, at_ms: self.now });
        let now = self.now;
        match *word {
            Word::Wait(ms) => self.now += ms,
            Word::Balance(micros) => self.facts.balance = Money::from_micros(micros),
            Word::Pending(micros) => self.facts.pending = Money::from_micros(micros),
            Word::Hold(on) => self.facts.hold = on,
            Word::Undelete(on) => self.facts.undelete = on,
            Word::Channel(on) => self.facts.notices.channel = on,
            Word::HandOverFirst => self.facts.notices.first = notice,
            Word::HandOverLast => self.facts.notices.last = notice,
            Word::Assign(who, gone) => {
                if self.account(who).is_none() {
                    let host = if gone { Host::Gone } else { Host::Reporting { watermark_ms: None } };
                    let id = AccountId::parse(NAMES[who]).unwrap();
                    let (hold, settled, deletion) = (false, true, Deletion::NotBegun);
                    self.facts.accounts.push(AccountFacts { id, host, deletion, hold, settled });
                }
            }
            Word::Leave(who) => {
                self.facts.accounts.retain(|a| a.id.as_str() != NAMES[who]);
                self.seen.remove(&AccountId::parse(NAMES[who]).unwrap());
            }
            Word::Report(who) => {
                if let Some(account) = self.account(who).filter(|a| a.host != Host::Gone) {
                    account.host = Host::Reporting { watermark_ms: Some(now) };
                }
            }
            Word::Begin(who) if self.told_to_delete(who) => {
                self.deletion(who, &[Deletion::NotBegun], Deletion::Begun);
            }
            Word::Confirm(who, archive) => {
                let archive = archive.then(|| "arc".to_owned());
                let (bare, done) = (Deletion::Confirmed { archive: None }, Deletion::Confirmed { archive });
                self.deletion(who, &[Deletion::Begun, bare], done);
            }
            Word::Restore(who) if self.desired(who) != Desired::Purged => {
                let archives = [None, Some("arc".to_owned())];
                let done = archives.map(|archive| Deletion::Confirmed { archive });
                self.deletion(who, &done, Deletion::NotBegun);
            }
            Word::Purge(who) if self.desired(who) == Desired::Purged => {
                if let Some(account) = self.account(who) {
                    account.deletion = Deletion::Purged;
                }
            }
            Word::Begin(_) | Word::Restore(_) | Word::Purge(_) => {}
            ref other => self.hear_new(other),
        }
    }

    fn hear_new(&mut self, word: &Word) {
        let facts = &mut self.facts;
        match *word {
            Word::Left(ms) => facts.left_ms = ms,
            Word::LowAmount(micros) => facts.low_amount = micros.map(Money::from_micros),
            Word::Ask(ask) => facts.ask = Some(ask),
            Word::Abuse(on) => facts.abuse = on,
            Word::Provider(on) => facts.provider = on,
            Word::Parked(on) => facts.parked = on,
            Word::OpenHours(on) => facts.open_hours = on,
            Word::Cap(cap) => {
                let cap =
                    cap.map(|(period, suspends)| Cap { span: Span::Day, period, suspends, until_ms: 0 });
                facts.caps = cap.into_iter().collect();
            }
            Word::Budget(who, percent) => {
                let account = AccountId::parse(NAMES[who]).unwrap();
                facts.budgets = vec![Budget { account, month: facts.month.map_or(0, |m| m.number), percent }];
            }
            Word::Month => {
                let number = facts.month.map_or(1, |m| m.number + 1);
                facts.month = Some(Month { number, billed: true });
            }
            Word::HoldOf(who, on) => self.account(who).into_iter().for_each(|a| a.hold = on),
            Word::Settle(who, on) => self.account(who).into_iter().for_each(|a| a.settled = on),
            _ => {}
        }
    }

    fn step(&mut self) -> Result<(), TestCaseError> {
        if !self.facts.balance.is_negative() {
            self.negative_since = None;
        } else if self.negative_since.is_none() {
            self.negative_since = Some(self.now);
        }
        let facts = &self.facts;
        self.low.retain(|(_, told)| match told {
            Threshold::Time(ms) => facts.left_ms.is_some_and(|left| left < ms + ms / 4),
            Threshold::Amount(set) => {
                let micros = i128::from(set.micros());
                facts.low_amount == Some(*set) && facts.left() < micros + micros / 4
            }
        });
        let before = self.state.clone();
        let step = step(&before, &self.facts, &self.settings, self.now);
        let again = super::step(&step.state, &self.facts, &self.settings, self.now);
        prop_assert_eq!(&again.events, &[]);
        prop_assert_eq!(&again.state, &step.state);
        self.state = step.state;
        for event in &step.events {
            prop_assert!(self.numbers.insert(event.number), "event {} came twice", event.number);
            self.witness(event, &before)?;
            self.witness_new(event)?;
        }
        self.facts.ask = None;
        self.settled()
    }

    /// What staff or the customer asked for: neither the balance nor a hold nor old figures matter then.
    fn asked_to_stop(&self) -> bool {
        self.facts.abuse || matches!(self.state.phase, Phase::Closing | Phase::Closed)
    }

    fn witness_new(&mut self, event: &Event) -> Result<(), TestCaseError> {
        let now = self.now;
        let kind = &event.kind;
        let threshold = match kind {
            EventKind::BalanceNegative { .. } | EventKind::BalanceFloor => Some(String::new()),
            EventKind::BalanceReminder { reminder, .. } => Some(reminder.to_string()),
            EventKind::BalanceLow { threshold, .. } => {
                prop_assert!(!self.facts.balance.is_negative());
                let is_below = match threshold {
                    Threshold::Time(ms) => self.facts.left_ms.is_some_and(|left| left < *ms),
                    Threshold::Amount(set) => self.facts.left() < i128::from(set.micros()),
                };
                prop_assert!(is_below, "{threshold:?}");
                // An episode of another kind may be open meanwhile, and the credit rise and fall in it.
                let told = (event.episode, *threshold);
                prop_assert!(!self.low.contains(&told), "told twice: {told:?}");
                self.low.push(told);
                None
            }
            EventKind::CapReached(cap) => Some(format!("{cap:?}")),
            EventKind::BudgetReached(budget) => Some(format!("{budget:?}")),
            _ => None,
        };
        if let Some(threshold) = threshold {
            prop_assert!(!self.state.parked, "a parked customer was told {}", kind.name());
            let key = format!("{} {} {threshold}", event.episode, kind.name());
            prop_assert!(self.notices.insert(key.clone()), "told twice: {key}");
        }
        match kind {
            EventKind::PromiseOpened { .. } => {
                prop_assert!(self.promised_at.is_none_or(|at| now - at >= 100), "promised too often");
                self.promised_at = Some(now);
            }
            EventKind::AccountDeleted { account, .. } => {
                self.seen.entry(account.clone()).or_default().deleted_at = Some(now);
            }
            EventKind::AccountPurge(id) => {
                let deleted = self.seen.get(id).and_then(|s| s.deleted_at);
                prop_assert!(deleted.is_some_and(|at| now - at >= 90), "{id} purged, deleted at {deleted:?}");
                prop_assert!(self.facts.balance.is_negative() && !self.facts.hold && !self.facts.parked);
            }
            EventKind::CustomerClosed => {
                prop_assert!(!self.facts.open_hours && !self.facts.balance.is_negative());
                prop_assert!(self.state.accounts.values().all(|a| a.desired != Desired::Active));
            }
            _ => {}
        }
        Ok(())
    }

    fn witness(&mut self, event: &Event, before: &CustomerState) -> Result<(), TestCaseError> {
        let now = self.now;
        let may_run = self.facts.may_run(&self.settings);
        match &event.kind {
            EventKind::AccountSuspend(id) => {
                let asked = self.asked_to_stop();
                let provider = self.facts.provider;
                prop_assert!(asked || provider || !may_run, "{id} suspended though it may run");
                let account = self.facts.accounts.iter().find(|a| a.id == *id).unwrap().clone();
                let recalled = asked || before.desired(id) == Desired::Deleted;
                let held = self.facts.hold || self.facts.parked || account.hold;
                prop_assert!(recalled || !held, "{id} suspended under a hold");
                let fresh = match account.host {
                    Host::Gone => true,
                    Host::Reporting { watermark_ms } => watermark_ms.is_some_and(|at| now - at < 8),
                };
                prop_assert!(recalled || fresh || provider, "{id} suspended on old figures");
                prop_assert!(!account.has_begun());
                self.seen.entry(id.clone()).or_default().suspended_at = Some(now);
            }
            EventKind::AccountResume(id) | EventKind::AccountUndelete(id) => {
                self.seen.entry(id.clone()).or_default().suspended_at = None;
            }
            EventKind::DeleteNotice { .. } => self.final_notice_at = Some(now),
            EventKind::DeleteCancelled => self.final_notice_at = None,
            EventKind::AccountDelete(id) => {
                let long = |since: Option<i64>, ms: i64| since.is_some_and(|at| now - at >= ms);
                let suspended = self.seen.get(id).and_then(|s| s.suspended_at);
                prop_assert!(
                    long(suspended, 30),
                    "{id} deleted too soon: suspended at {suspended:?}, now {now}"
                );
                prop_assert!(
                    long(self.negative_since, 30),
                    "{id} deleted, negative since {:?}",
                    self.negative_since
                );
                prop_assert!(long(self.final_notice_at, 7), "{id} deleted without a final notice");
                let held = self.facts.accounts.iter().any(|a| a.hold);
                prop_assert!(!self.facts.hold && !held && !self.facts.parked, "{id} deleted under a hold");
                prop_assert!(!self.facts.provider, "{id} deleted while its provider is suspended");
            }
            _ => {}
        }
        Ok(())
    }

    fn settled(&self) -> Result<(), TestCaseError> {
        let phase = self.state.phase;
        if self.facts.may_run(&self.settings) {
            let waits = matches!(phase, Phase::Grace | Phase::Promised | Phase::Suspended);
            prop_assert!(!waits, "{phase} though it may run");
        }
        for account in self.facts.accounts.iter().filter(|a| !a.has_begun()) {
            let desired = self.state.desired(&account.id);
            // What was purged is gone for good, at once where no host is left to do it, whatever else the customer gets.
            if desired == Desired::Purged {
                continue;
            }
            let asked = self.asked_to_stop();
            let may_run = self.facts.may_run(&self.settings) && phase != Phase::Purged;
            let stopped = asked || self.facts.provider;
            prop_assert!(stopped || !may_run || desired == Desired::Active, "{} waits", account.id);
            prop_assert!(!asked || desired != Desired::Active, "{} runs", account.id);
        }
        if matches!(phase, Phase::Active | Phase::Low) {
            prop_assert!(!self.facts.balance.is_negative() || self.state.parked);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold(words in proptest::collection::vec(any_word(), 1..120)) {
        let mut world = World::new();
        for word in &words {
            world.hear(word);
            world.step()?;
        }
    }

    #[test]
    fn a_payment_in_the_end_brings_everything_back(
        words in proptest::collection::vec(any_word(), 1..80), order in Just(vec![0_usize, 1, 2]).prop_shuffle(),
    ) {
        let mut world = World::new();
        for word in &words {
            world.hear(word);
            world.step()?;
        }
        world.hear(&Word::Assign(0, false));
        world.hear(&Word::Pending(0));
        world.hear(&Word::Balance(1));
        world.hear(&Word::Abuse(false));
        world.hear(&Word::Provider(false));
        world.hear(&Word::Parked(false));
        world.hear(&Word::Cap(None));
        world.hear(&Word::Left(None));
        world.hear(&Word::LowAmount(None));
        world.hear(&Word::Ask(Ask::Reopen));
        // The payment, the agents' reports and a sweep, in any order: steps with what is known by then.
        for who in order {
            world.hear(&Word::Confirm(who, true));
            world.step()?;
            world.hear(&Word::Wait(50));
            world.step()?;
        }
        for who in 0..NAMES.len() {
            world.hear(&Word::Restore(who));
        }
        world.step()?;
        if world.state.phase == Phase::Purged {
            // Only what was not purged comes back, and there is nothing of that.
            prop_assert!(world.state.accounts.values().all(|a| a.desired == Desired::Purged));
            return Ok(());
        }
        prop_assert_eq!(world.state.phase, Phase::Active);
        for (id, account) in world.state.accounts.iter().filter(|(_, a)| a.desired != Desired::Purged) {
            prop_assert_eq!((account.desired, account.restoring), (Desired::Active, false), "{}", id);
        }
    }
}

/// How often each row is taken by random stories: a property over rows that never come would prove little.
#[test]
fn the_random_stories_reach_every_row() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut names = BTreeSet::new();
    for _ in 0..3_000 {
        let words = proptest::collection::vec(any_word(), 1..120).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        for word in &words {
            world.hear(word);
            let next = step(&world.state, &world.facts, &world.settings, world.now);
            world.facts.ask = None;
            names.extend(next.events.iter().map(|e| e.kind.name()));
            world.state = next.state;
        }
    }
    let missing: Vec<&str> = TABLE.iter().map(|row| row.name).filter(|name| !names.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    for name in ["account.delete", "account.resume", "account.suspend"] {
        assert!(names.contains(name), "{name}");
    }
}
