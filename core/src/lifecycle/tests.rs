//! The lifecycle as stories: a table of what happens and what follows.

use super::*;
use crate::ids::{AccountId, CustomerId};
use crate::money::Money;

mod rows;

/// A customer with a clock in seconds. After every word of the story, one step is taken.
pub(super) struct Story {
    pub(super) state: CustomerState,
    facts: Facts,
    settings: Settings,
    now_s: i64,
    stale: Vec<AccountId>,
}

impl Story {
    fn new() -> Self {
        let settings = Settings {
            grace_ms: 10_000,
            delete_after_ms: 30_000,
            overdraft: Money::parse("5").unwrap(),
            final_notice_ms: 7_000,
            fresh_ms: 2_000,
            reminders_ms: vec![3_000, 6_000],
            low_ms: vec![70_000, 30_000, 10_000],
            trust_month_ms: 2_000,
            trust_max_ms: 5_000,
            promise_trust_ms: 2_000,
            promise_ms: 20_000,
            promise_every_ms: 100_000,
            retention_ms: 1_000_000,
        };
        let facts = Facts { had_topup: true, ..Facts::default() };
        Self { state: CustomerState::new(0), facts, settings, now_s: 0, stale: Vec::new() }
    }

    fn account(&mut self, name: &str) -> &mut AccountFacts {
        let id = AccountId::parse(name).unwrap();
        self.facts.accounts.iter_mut().find(|a| a.id == id).unwrap()
    }

    fn hear(&mut self, word: &str) {
        let (verb, rest) = word.split_once(' ').unwrap_or((word, ""));
        let money = |text: &str| Money::parse(text).unwrap();
        let notice = Notice { episode: self.state.episode, at_ms: self.now_s * 1_000 };
        match verb {
            "at" => self.now_s = rest.parse().unwrap(),
            "balance" => self.facts.balance = money(rest),
            "pending" => self.facts.pending = money(rest),
            "crossing" => self.facts.crossing_ms = Some(rest.parse::<i64>().unwrap() * 1_000),
            "no-topup" => self.facts.had_topup = false,
            "hold" => self.facts.hold = rest == "on",
            "undelete" => self.facts.undelete = rest == "on",
            "channel" => self.facts.notices.channel = true,
            "handed" if rest == "first" => self.facts.notices.first = Some(notice),
            "handed" => self.facts.notices.last = Some(notice),
            "outage" => self.state = self.state.clone().postponed(rest.parse::<i64>().unwrap() * 1_000),
            "account" => {
                let id = AccountId::parse(rest).unwrap();
                let host = Host::Reporting { watermark_ms: None };
                let (hold, settled) = (false, true);
                self.facts.accounts.push(AccountFacts {
                    id,
                    host,
                    deletion: Deletion::NotBegun,
                    hold,
                    settled,
                });
            }
            "leaves" => self.facts.accounts.retain(|a| a.id.as_str() != rest),
            "gone" => self.account(rest).host = Host::Gone,
            "stale" => self.stale.push(AccountId::parse(rest).unwrap()),
            "fresh" => self.stale.retain(|a| a.as_str() != rest),
            "begun" => self.account(rest).deletion = Deletion::Begun,
            "done" => self.account(rest).deletion = Deletion::Confirmed { archive: Some("arc".into()) },
            "done-bare" => self.account(rest).deletion = Deletion::Confirmed { archive: None },
            "restored" => self.account(rest).deletion = Deletion::NotBegun,
            other => self.hear_more(other, rest),
        }
        let now_ms = self.now_s * 1_000;
        for account in &mut self.facts.accounts {
            if account.host != Host::Gone && !self.stale.contains(&account.id) {
                account.host = Host::Reporting { watermark_ms: Some(now_ms) };
            }
        }
    }

    fn hear_more(&mut self, verb: &str, rest: &str) {
        match verb {
            "abuse" => self.facts.abuse = rest == "on",
            "provider" => self.facts.provider = rest == "on",
            "resells" => self.facts.resells = true,
            "parked" => self.facts.parked = rest == "on",
            "hold-of" => self.account(rest).hold = true,
            "unhold-of" => self.account(rest).hold = false,
            "unsettled" => self.account(rest).settled = false,
            "settled" => self.account(rest).settled = true,
            "purged" => self.account(rest).deletion = Deletion::Purged,
            "open-hours" => self.facts.open_hours = rest == "on",
            "left" => self.facts.left_ms = Some(rest.parse::<i64>().unwrap() * 1_000),
            "low-amount" => self.facts.low_amount = Some(Money::parse(rest).unwrap()),
            "ask" => {
                let ask = match rest {
                    "promise" => Ask::Promise,
                    "close" => Ask::Close,
                    _ => Ask::Reopen,
                };
                self.facts.ask = Some(ask);
            }
            "month" => self.facts.month = Some(Month { number: rest.parse().unwrap(), billed: true }),
            "cap" => {
                let (period, suspends) = (rest.trim_start_matches('!'), rest.starts_with('!'));
                let cap = |p| Cap { span: Span::Day, period: p, suspends, until_ms: 0 };
                self.facts.caps = period.parse().map(cap).into_iter().collect();
            }
            "budget" => {
                let (percent, id) = rest.split_once(' ').unwrap();
                let (percent, account) = (percent.parse().unwrap(), AccountId::parse(id).unwrap());
                self.facts.budgets = vec![Budget { account, month: 1, percent }];
            }
            other => panic!("unknown word {other}"),
        }
    }

    fn step(&mut self) -> String {
        let now_ms = self.now_s * 1_000;
        let step = step(&self.state, &self.facts, &self.settings, now_ms);
        let again = super::step(&step.state, &self.facts, &self.settings, now_ms);
        assert_eq!(
            (again.events.as_slice(), &again.state),
            ([].as_slice(), &step.state),
            "a second call changed it"
        );
        self.state = step.state;
        self.facts.ask = None;
        let events: Vec<String> = step.events.iter().map(shown).collect();
        [vec![self.state.phase.to_string()], events].concat().join(" ")
    }

    fn blocked(&self) -> String {
        let (facts, settings) = (&self.facts, &self.settings);
        let view = View { state: &self.state, facts, settings, now_ms: self.now_s * 1_000 };
        let lines = explain(&view).into_iter().map(|v| {
            let to = v.to.map(|p| format!(" -> {p}")).unwrap_or_default();
            format!("{}{to}: {}", v.row, v.blocked.map_or("applies".to_owned(), |b| b.to_string()))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn shown(event: &Event) -> String {
    let detail = match &event.kind {
        EventKind::BalanceNegative { deadline_ms } => format!("({})", deadline_ms / 1_000),
        EventKind::BalanceReminder { reminder, deadline_ms } => {
            format!("({reminder}, {})", deadline_ms / 1_000)
        }
        EventKind::DeleteNotice { delete_at_ms } => format!("({})", delete_at_ms / 1_000),
        EventKind::AccountDeleted { account, archive } => format!("({account}, {archive:?})"),
        EventKind::BalanceLow { threshold: Threshold::Time(ms), .. } => format!("({} s)", ms / 1_000),
        EventKind::BalanceLow { threshold: Threshold::Amount(amount), .. } => format!("({amount})"),
        EventKind::PromiseOpened { until_ms } => format!("({})", until_ms / 1_000),
        EventKind::CapReached(cap) => format!("({} {})", cap.span.as_str(), cap.period),
        EventKind::BudgetReached(b) => format!("({} {} %)", b.account, b.percent),
        other => other.account().map(|id| format!("({id})")).unwrap_or_default(),
    };
    format!("{}{detail}", event.kind.name())
}

pub(super) fn check(story: &[(&str, &str)]) -> Story {
    let mut world = Story::new();
    for (i, (word, want)) in story.iter().enumerate() {
        world.hear(word);
        assert_eq!(world.step(), *want, "word {i}: {word}");
    }
    world
}

#[test]
fn from_credit_to_deletion_and_back() {
    check(&[
        ("balance 1", "new"),
        ("account a@h", "active customer.opened"),
        ("account b@h", "active"),
        ("at 100", "active"),
        ("balance -1", "grace balance.negative(110)"),
        ("at 102", "grace"),
        ("at 103", "grace balance.reminder(1, 110)"),
        ("at 109", "grace balance.reminder(2, 110)"),
        ("at 110", "suspended account.suspend(a@h) account.suspend(b@h)"),
        ("at 132", "suspended"),
        ("at 133", "suspended delete.notice(140)"),
        ("at 139", "suspended"),
        ("at 140", "deleting delete.scheduled account.delete(a@h) account.delete(b@h)"),
        ("begun a@h", "deleting"),
        ("done a@h", "deleting"),
        ("done b@h", "deleted account.deleted(a@h, Some(\"arc\")) account.deleted(b@h, Some(\"arc\"))"),
        ("at 1000", "deleted"),
        ("balance 0", "active account.undelete(a@h) account.undelete(b@h)"),
        ("restored a@h", "active"),
        ("restored b@h", "active"),
        ("balance -1", "grace balance.negative(1010)"),
    ]);
}

#[test]
fn a_payment_at_any_time_ends_active() {
    let to_grace = [("account a@h", "active customer.opened"), ("balance -1", "grace balance.negative(10)")];
    let to_suspended = [&to_grace[..], &[("at 10", "suspended account.suspend(a@h)")]].concat();
    let to_deleting = [
        &to_suspended[..],
        &[
            ("at 40", "suspended delete.notice(47)"),
            ("at 47", "deleting delete.scheduled account.delete(a@h)"),
        ],
    ]
    .concat();
    let with = |story: &[(&'static str, &'static str)], more: &[(&'static str, &'static str)]| {
        check(&[story, more].concat());
    };
    with(&to_grace, &[("balance 0", "active balance.recovered"), ("at 10", "active")]);
    with(&to_suspended, &[("balance 0", "active account.resume(a@h)"), ("at 99", "active")]);
    with(&to_deleting, &[("balance 0", "active delete.cancelled account.resume(a@h)")]);
    with(
        &to_deleting,
        &[
            ("begun a@h", "deleting"),
            ("balance 0", "deleting"),
            ("done a@h", "active account.deleted(a@h, Some(\"arc\")) account.undelete(a@h)"),
            ("restored a@h", "active"),
        ],
    );
    // The order to stop the deletion was overtaken by the deletion.
    with(
        &to_deleting,
        &[
            ("balance 0", "active delete.cancelled account.resume(a@h)"),
            ("begun a@h", "active"),
            ("done a@h", "active account.undelete(a@h)"),
            ("restored a@h", "active"),
            ("done a@h", "active account.undelete(a@h)"),
        ],
    );
}

#[test]
fn a_suspension_waits_for_what_it_needs() {
    let world = check(&[
        ("channel", "new"),
        ("account a@h", "active customer.opened"),
        ("account b@h", "active"),
        ("stale a@h", "active"),
        ("stale b@h", "active"),
        ("balance -1", "grace balance.negative(10)"),
        ("at 50", "grace"),
        ("handed first", "grace"),
        ("hold on", "grace hold.set"),
        ("fresh b@h", "grace"),
        ("hold off", "suspended hold.cleared account.suspend(b@h)"),
        ("at 200", "suspended"),
        ("hold on", "suspended hold.set"),
        ("fresh a@h", "suspended"),
        ("hold off", "suspended hold.cleared account.suspend(a@h)"),
        ("account c@h", "suspended account.suspend(c@h)"),
        ("stale a@h", "suspended"),
        ("balance 0", "active account.resume(a@h) account.resume(b@h) account.resume(c@h)"),
    ]);
    assert_eq!(world.state.episode, 1);
    check(&[
        ("channel", "new"),
        ("account a@h", "active customer.opened"),
        ("handed first", "active"),
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "grace"),
        ("handed first", "suspended account.suspend(a@h)"),
    ]);
    check(&[
        ("account a@h", "active customer.opened"),
        ("stale a@h", "active"),
        ("at 2", "active"),
        ("balance -1", "grace balance.negative(12)"),
        ("at 12", "grace"),
        ("gone a@h", "suspended account.suspend(a@h)"),
    ]);
}

#[test]
fn the_floor_suspends_at_once() {
    check(&[
        ("account a@h", "active customer.opened"),
        ("pending 5", "active"),
        ("pending 5.000001", "suspended balance.floor account.suspend(a@h)"),
        ("at 500", "suspended"),
        ("pending 5", "active account.resume(a@h)"),
    ]);
    check(&[
        ("channel", "new"),
        ("account a@h", "active customer.opened"),
        ("pending 6", "active balance.floor"),
        ("pending 0", "active balance.recovered"),
        ("pending 6", "active balance.floor"),
        ("balance -1", "grace balance.negative(10)"),
        ("handed first", "suspended account.suspend(a@h)"),
        ("balance 0", "suspended"),
        ("balance 1", "active account.resume(a@h)"),
    ]);
    check(&[
        ("no-topup", "new"),
        ("account a@h", "active customer.opened"),
        ("pending 0.000001", "suspended balance.floor account.suspend(a@h)"),
    ]);
}

#[test]
fn a_deletion_waits_for_what_it_needs() {
    let suspended = [
        ("channel", "new"),
        ("account a@h", "active customer.opened"),
        ("balance -1", "grace balance.negative(10)"),
        ("handed first", "grace"),
        ("at 10", "suspended account.suspend(a@h)"),
    ];
    let with = |more: &[(&'static str, &'static str)]| check(&[&suspended[..], more].concat());
    // The final notice counts from when a channel took it.
    with(&[
        ("at 33", "suspended delete.notice(40)"),
        ("at 45", "suspended"),
        ("handed final", "suspended"),
        ("at 51", "suspended"),
        ("at 52", "deleting delete.scheduled account.delete(a@h)"),
    ]);
    // An outage of the collector moves every date.
    with(&[
        ("outage 100", "suspended"),
        ("at 132", "suspended"),
        ("at 133", "suspended delete.notice(140)"),
        ("handed final", "suspended"),
        ("at 139", "suspended"),
    ]);
    // A hold under way calls it off; afterwards everything is waited for again.
    with(&[
        ("at 33", "suspended delete.notice(40)"),
        ("handed final", "suspended"),
        ("at 40", "deleting delete.scheduled account.delete(a@h)"),
        ("hold on", "suspended hold.set delete.cancelled account.suspend(a@h)"),
        ("at 400", "suspended"),
        ("hold off", "suspended hold.cleared delete.notice(407)"),
        ("at 408", "suspended"),
        ("handed final", "suspended"),
        ("at 415", "deleting delete.scheduled account.delete(a@h)"),
    ]);
    // Without an archive, nothing counts as deleted.
    with(&[
        ("at 33", "suspended delete.notice(40)"),
        ("handed final", "suspended"),
        ("at 40", "deleting delete.scheduled account.delete(a@h)"),
        ("done-bare a@h", "deleting"),
        ("done a@h", "deleted account.deleted(a@h, Some(\"arc\"))"),
        ("hold on", "deleted hold.set"),
        ("undelete on", "grace balance.negative(50) account.undelete(a@h)"),
    ]);
}

#[test]
fn an_account_that_is_late_is_not_deleted_early() {
    check(&[
        ("account a@h", "active customer.opened"),
        ("account b@h", "active"),
        ("stale b@h", "active"),
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended account.suspend(a@h)"),
        ("at 100", "suspended"),
        ("fresh b@h", "suspended account.suspend(b@h)"),
        ("at 122", "suspended"),
        ("at 123", "suspended delete.notice(130)"),
        ("leaves a@h", "suspended"),
        ("at 130", "deleting delete.scheduled account.delete(b@h)"),
    ]);
}

#[test]
fn accounts_not_begun_are_spared_when_others_have_begun() {
    check(&[
        ("account a@h", "active customer.opened"),
        ("account b@h", "active"),
        ("account c@h", "active"),
        ("gone c@h", "active"),
        ("balance -1", "grace balance.negative(10)"),
        ("at 10", "suspended account.suspend(a@h) account.suspend(b@h) account.suspend(c@h)"),
        ("at 40", "suspended delete.notice(47)"),
        ("at 47", "deleting delete.scheduled account.delete(a@h) account.delete(b@h) account.delete(c@h)"),
        ("begun a@h", "deleting"),
        ("hold on", "deleting hold.set account.suspend(b@h) account.suspend(c@h)"),
        ("balance 0", "deleting account.resume(b@h) account.resume(c@h)"),
        ("balance -1", "deleting"),
        ("hold off", "deleting hold.cleared account.suspend(b@h) account.suspend(c@h)"),
        ("done a@h", "deleted account.deleted(a@h, Some(\"arc\"))"),
        ("balance 3", "active account.undelete(a@h) account.resume(b@h) account.resume(c@h)"),
    ]);
}

#[test]
fn several_steps_in_one_call() {
    let mut world = check(&[("no-topup", "new"), ("balance -1", "new"), ("at 1000", "new")]);
    world.hear("account a@h");
    world.facts.crossing_ms = Some(0);
    assert_eq!(
        world.step(),
        "suspended customer.opened balance.negative(1010) account.suspend(a@h)",
        "below the floor of a customer who never paid; the deadline does not lie in the past"
    );
    let crossing = [
        ("account a@h", "active customer.opened"),
        ("crossing 95", "active"),
        ("at 100", "active"),
        ("balance -1", "grace balance.negative(105) balance.reminder(1, 105)"),
    ];
    check(&crossing);
}

#[test]
fn the_reasons_are_data() {
    let world = check(&[
        ("channel", "new"),
        ("account a@h", "active customer.opened"),
        ("stale a@h", "active"),
        ("at 5", "active"),
        ("balance -1", "grace balance.negative(15)"),
    ]);
    let mut pages = vec![world.blocked()];
    let mut world = world;
    for word in ["at 15", "fresh a@h", "handed first", "at 45"] {
        world.hear(word);
        world.step();
        pages.push(format!("after {word}\n{}", world.blocked()));
    }
    insta::assert_snapshot!(pages.join("\n\n"));
}

#[test]
fn dates_for_people() {
    let world = check(&[("account a@h", "active customer.opened")]);
    assert_eq!(world.state.deadline_ms(&world.settings), None);
    let world =
        check(&[("account a@h", "active customer.opened"), ("balance -1", "grace balance.negative(10)")]);
    assert_eq!(world.state.deadline_ms(&world.settings), Some(10_000));
    assert_eq!(world.state.clone().postponed(5).deadline_ms(&world.settings), Some(10_005));
    let mut world = world;
    world.hear("at 10");
    world.step();
    assert_eq!(world.state.deadline_ms(&world.settings), Some(40_000));
}

#[test]
fn names_and_storage() {
    for phase in Phase::ALL {
        assert_eq!(Phase::parse(phase.as_str()), Ok(*phase));
        assert_eq!(serde_json::to_string(phase).unwrap(), format!("\"{phase}\""));
    }
    assert!(Phase::parse("dead").is_err());
    let world =
        check(&[("account a@h", "active customer.opened"), ("balance -1", "grace balance.negative(10)")]);
    let json = serde_json::to_string(&world.state).unwrap();
    insta::assert_snapshot!(json);
    assert_eq!(serde_json::from_str::<CustomerState>(&json).unwrap(), world.state);
    let event = Event { episode: 3, number: 12, kind: EventKind::BalanceFloor };
    assert_eq!(event.idem_key(&CustomerId::parse("c-1").unwrap()).as_str(), "life:c-1:3:balance.floor.12");
}
