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
        1 => who.prop_map(Word::Restore),
    ]
}

/// What the witness has seen of an account.
#[derive(Clone, Copy, Default)]
struct Seen {
    suspended_at: Option<i64>,
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
        };
        let facts = Facts {
            balance: Money::ZERO,
            pending: Money::ZERO,
            had_topup: true,
            crossing_ms: None,
            notices: Notices::default(),
            hold: false,
            undelete: false,
            accounts: Vec::new(),
        };
        Self {
            state: CustomerState::new(0),
            facts,
            settings,
            now: 0,
            seen: BTreeMap::new(),
            negative_since: None,
            final_notice_at: None,
            numbers: BTreeSet::new(),
        }
    }

    fn account(&mut self, who: usize) -> Option<&mut AccountFacts> {
        self.facts.accounts.iter_mut().find(|a| a.id.as_str() == NAMES[who])
    }

    /// Agents only do what they were told: nothing is deleted that was not to be.
    fn told_to_delete(&self, who: usize) -> bool {
        self.state.desired(&AccountId::parse(NAMES[who]).unwrap()) == Desired::Deleted
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
                    self.facts.accounts.push(AccountFacts { id, host, deletion: Deletion::NotBegun });
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
                if let Some(account) = self.account(who) {
                    account.deletion = Deletion::Begun;
                }
            }
            Word::Confirm(who, archive) => {
                let archive = archive.then(|| "arc".to_owned());
                if let Some(account) = self.account(who).filter(|a| a.deletion != Deletion::NotBegun) {
                    account.deletion = Deletion::Confirmed { archive };
                }
            }
            Word::Restore(who) => {
                if let Some(account) = self.account(who) {
                    account.deletion = Deletion::NotBegun;
                }
            }
            Word::Begin(_) => {}
        }
    }

    fn step(&mut self) -> Result<(), TestCaseError> {
        if !self.facts.balance.is_negative() {
            self.negative_since = None;
        } else if self.negative_since.is_none() {
            self.negative_since = Some(self.now);
        }
        let before = self.state.clone();
        let step = step(&before, &self.facts, &self.settings, self.now);
        let again = super::step(&step.state, &self.facts, &self.settings, self.now);
        prop_assert_eq!(&again.events, &[]);
        prop_assert_eq!(&again.state, &step.state);
        self.state = step.state;
        for event in &step.events {
            prop_assert!(self.numbers.insert(event.number), "event {} came twice", event.number);
            self.witness(event, &before)?;
        }
        self.settled()
    }

    fn witness(&mut self, event: &Event, before: &CustomerState) -> Result<(), TestCaseError> {
        let now = self.now;
        let may_run = self.facts.may_run(&self.settings);
        match &event.kind {
            EventKind::AccountSuspend(id) => {
                prop_assert!(!may_run, "{id} suspended though it may run");
                let account = self.facts.accounts.iter().find(|a| a.id == *id).unwrap().clone();
                let recalled = before.desired(id) == Desired::Deleted;
                prop_assert!(recalled || !self.facts.hold, "{id} suspended under a hold");
                let fresh = match account.host {
                    Host::Gone => true,
                    Host::Reporting { watermark_ms } => watermark_ms.is_some_and(|at| now - at < 8),
                };
                prop_assert!(recalled || fresh, "{id} suspended on old figures");
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
                prop_assert!(!self.facts.hold, "{id} deleted under a hold");
            }
            _ => {}
        }
        Ok(())
    }

    fn settled(&self) -> Result<(), TestCaseError> {
        let phase = self.state.phase;
        if self.facts.may_run(&self.settings) {
            prop_assert!(!matches!(phase, Phase::Grace | Phase::Suspended), "{phase} though it may run");
            for account in &self.facts.accounts {
                let begun = account.has_begun();
                prop_assert!(
                    begun || self.state.desired(&account.id) == Desired::Active,
                    "{} waits",
                    account.id
                );
            }
        }
        if phase == Phase::Active {
            prop_assert!(!self.facts.balance.is_negative());
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
        prop_assert_eq!(world.state.phase, Phase::Active);
        for (id, account) in &world.state.accounts {
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
    for _ in 0..600 {
        let words = proptest::collection::vec(any_word(), 1..120).new_tree(&mut runner).unwrap().current();
        let mut world = World::new();
        for word in &words {
            world.hear(word);
            let next = step(&world.state, &world.facts, &world.settings, world.now);
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
