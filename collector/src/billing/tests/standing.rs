//! Low credit, promises, abuse, broken books, caps, leaving and purging, in control.db.

use crate::billing::BillingError;
use crate::billing::adjust::{Adjustment, adjust};
use crate::billing::lifecycle::standing::{CapSetting, Choices, Standing, set_budget, set_choices, standing};
use crate::billing::lifecycle::{ask, hold_account, set_abuse, unpark};
use crate::billing::testing::{CENT, PLAN, START, World};
use hostmeter_core::ids::AccountId;
use hostmeter_core::ledger::{LedgerAccount, TxnKind};
use hostmeter_core::lifecycle::{Ask, Settings};
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::command::{Action, Status};

const HOUR_SEC: i64 = 3_600;

/// A customer with an account on a live host and 1.00 of credit.
fn world() -> World {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "shop@web1", Some("c-1"));
    w.host(1, 1);
    w.topup("c-1", "1", "p-1");
    w
}

/// Usage of the hour before now that costs so many hundredths, charged.
fn use_up(w: &World, cents: i64) {
    let hour = UtcHour(UtcHour::from_ms(w.now_ms).0 - 1);
    w.uses(1, hour, Meter::CpuUsec, cents * CENT);
    w.charge();
}

fn state(w: &World) -> String {
    w.one("SELECT state || ' ' || (SELECT desired FROM account WHERE id = 1) FROM customer")
}

fn kinds(w: &World) -> String {
    w.one("SELECT group_concat(kind, ' ') FROM (SELECT kind FROM lifecycle_event ORDER BY id)")
}

fn last(w: &World, kind: &str) -> String {
    w.one(&format!("SELECT detail FROM lifecycle_event WHERE kind = '{kind}' ORDER BY id DESC LIMIT 1"))
}

fn alerts(w: &World) -> String {
    w.one("SELECT coalesce(group_concat(kind), '') FROM (SELECT kind FROM alert WHERE cleared_ms IS NULL ORDER BY id)")
}

fn asks(w: &World, asked: Ask) -> Result<(), BillingError> {
    let (customer, rules, now_ms) = (w.customer("c-1"), w.rules.clone(), w.now_ms);
    w.write(move |tx| ask(tx, &customer, asked, &rules, now_ms).map(drop))
}

fn shown(w: &World) -> Standing {
    w.read(|c| standing(c, &w.customer("c-1"), &w.rules, w.now_ms))
}

fn choose(w: &World, choices: Choices) {
    let customer = w.customer("c-1");
    w.write(move |tx| set_choices(tx, &customer, &choices)).unwrap();
    w.sweep();
}

fn cap(amount: &str, suspend: bool) -> Option<CapSetting> {
    Some(CapSetting { amount: Money::parse(amount).unwrap(), suspend })
}

#[test]
fn low_credit_is_told_by_time_and_by_amount() {
    let mut w = world();
    w.rules.lifecycle.low_ms = Settings::default().low_ms;
    w.topup("c-1", "19", "p-2");
    // 1.00 within the only hour of use: 19 hours are left.
    use_up(&w, 100);
    assert_eq!(state(&w), "low active");
    assert_eq!(last(&w, "balance.low"), "below 1 day: lasts about 0.7 days");
    w.topup("c-1", "900", "p-3");
    assert_eq!(
        (state(&w), kinds(&w)),
        ("active active".into(), "customer.opened balance.low balance.ok".into())
    );
    choose(&w, Choices { low_below: Some(Money::parse("950").unwrap()), ..Choices::default() });
    assert_eq!(last(&w, "balance.low"), "below 950.000000: lasts about 38.2 days");
    w.after(60);
    w.sweep();
    assert_eq!(w.one("SELECT count(*) FROM lifecycle_event WHERE kind = 'balance.low'"), "2", "once");
    w.sound();
}

#[test]
fn a_promise_needs_trust_and_extends_the_grace_once() {
    let mut w = world();
    (w.rules.lifecycle.promise_ms, w.rules.lifecycle.delete_after_ms) = (60_000, i64::MAX);
    assert_eq!(asks(&w, Ask::Promise).unwrap_err().code(), "lifecycle");
    use_up(&w, 200);
    let why = asks(&w, Ask::Promise).unwrap_err().to_string();
    assert!(why.contains("a promise needs 4 days"), "{why}");
    w.rules.lifecycle.promise_trust_ms = 0;
    assert_eq!(shown(&w).promise_why_not, None);
    asks(&w, Ask::Promise).unwrap();
    asks(&w, Ask::Promise).unwrap();
    assert_eq!(w.one("SELECT count(*) FROM lifecycle_event WHERE kind = 'promise.opened'"), "1");
    w.after(69);
    assert_eq!(state(&w), "promised active");
    w.after(1);
    assert_eq!(state(&w), "suspended suspended");
    w.topup("c-1", "2", "p-2");
    use_up(&w, 300);
    let why = asks(&w, Ask::Promise).unwrap_err().to_string();
    assert!(why.contains("not before 2026-12-21"), "{why}");
    assert!(kinds(&w).contains("promise.opened promise.broken account.suspend"), "{}", kinds(&w));
    w.sound();
}

#[test]
fn months_paid_in_time_are_learnt() {
    let mut w = world();
    w.topup("c-1", "90", "p-2");
    for month in 0..4 {
        use_up(&w, 10);
        assert_eq!(shown(&w).months_in_time, month);
        w.after(31 * 24 * HOUR_SEC);
    }
    assert_eq!((shown(&w).months_in_time, shown(&w).trust_days.unwrap().to_string()), (4, "8.0".into()));
    use_up(&w, 9_200);
    assert_eq!(state(&w), "grace active");
    let deadline = last(&w, "balance.negative");
    w.after(8 * 24 * HOUR_SEC + 9);
    assert_eq!(state(&w), "grace active", "{deadline}");
    w.after(1);
    assert_eq!(state(&w), "suspended suspended", "{deadline}");
}

#[test]
fn abuse_is_lifted_by_staff_only() {
    let w = world();
    let abuse = |why: Option<&str>| {
        let (customer, rules, now_ms) = (w.customer("c-1"), w.rules.clone(), w.now_ms);
        let why = why.map(str::to_owned);
        w.write(move |tx| set_abuse(tx, &customer, why.as_deref(), &rules, now_ms)).unwrap();
    };
    abuse(Some("spam"));
    assert_eq!((state(&w), w.told(1)), ("active suspended".into(), "suspend#1/1".into()));
    w.topup("c-1", "50", "p-2");
    assert_eq!((state(&w), shown(&w).abuse), ("active suspended".into(), Some("spam".into())));
    let why = asks(&w, Ask::Close).unwrap_err().to_string();
    assert!(why.contains("customer abuse --off"), "{why}");
    abuse(None);
    assert_eq!((state(&w), w.told(1)), ("active active".into(), "resume#2/2".into()));
}

fn unparks(w: &World, accept: bool) -> Result<(), BillingError> {
    let (customer, rules, now_ms) = (w.customer("c-1"), w.rules.clone(), w.now_ms);
    w.write(move |tx| unpark(tx, &customer, accept, &rules, now_ms).map(drop))
}

const OWN: &str = "(SELECT id FROM ledger_account WHERE name = 'customer:c-1')";

#[test]
fn a_balance_that_its_entries_contradict_parks() {
    let mut w = world();
    w.sql(&format!("UPDATE balance SET amount = -1 WHERE account = {OWN}"));
    w.after(60);
    assert_eq!(
        (state(&w), alerts(&w)),
        ("active active".into(), "parked".into()),
        "no notice, no suspension"
    );
    assert!(shown(&w).parked.unwrap().contains("-1.000001 above what its entries add up to"));
    w.uses(1, START, Meter::CpuUsec, CENT);
    w.after(2 * HOUR_SEC);
    assert_eq!(w.charge().0, 0, "no debit");
    unparks(&w, false).unwrap();
    assert_eq!((w.balance("c-1"), alerts(&w)), ("1.000000".into(), String::new()), "made anew");
    assert_eq!(w.charge().0, 1, "nothing was lost");
    assert_eq!(unparks(&w, false).unwrap_err().code(), "not_parked");
    assert_eq!(kinds(&w), "customer.opened billing.parked billing.unparked");
    w.sound();
}

#[test]
fn a_day_that_begins_while_parked_costs_nothing() {
    let mut w = World::new();
    w.sql("DELETE FROM price_version");
    w.plan(&PLAN.replacen("[[price]]", "base_per_day = \"0.24\"\n[[price]]", 1)).unwrap();
    w.add_customer("c-1");
    w.account(1, "shop@web1", Some("c-1"));
    w.topup("c-1", "1", "p-1");
    w.sql(&format!("UPDATE balance SET amount = -1 WHERE account = {OWN}"));
    w.after(HOUR_SEC);
    w.charge();
    assert_eq!(w.one("SELECT amount || ' ' || (version IS NULL) FROM base_fee"), "0 1");
    unparks(&w, false).unwrap();
    w.after(24 * HOUR_SEC);
    w.charge();
    assert_eq!(w.balance("c-1"), "0.760000", "the next day");
    w.sound();
}

#[test]
fn entries_that_contradict_each_other_need_a_word() {
    let mut w = world();
    w.sql(&format!(
        "DROP TRIGGER entry_no_update; UPDATE entry SET amount = amount - 5000000 WHERE account = {OWN};
         UPDATE balance SET amount = -4000000 WHERE account = {OWN}"
    ));
    w.after(60);
    assert_eq!(alerts(&w), "parked");
    assert_eq!(unparks(&w, false).unwrap_err().code(), "books_broken");
    unparks(&w, true).unwrap();
    assert_eq!((state(&w), alerts(&w)), ("grace active".into(), String::new()));
    w.after(60);
    assert_eq!(state(&w), "suspended suspended", "what staff accepted parks no more");
}

#[test]
fn a_state_that_cannot_be_read_stops_nobody_else() {
    let mut w = world();
    w.add_customer("c-2");
    w.account(2, "blog@web1", Some("c-2"));
    w.sql("UPDATE customer SET lifecycle = '{\"phase\":\"lost\"}' WHERE name = 'c-1'");
    for account in [1, 2] {
        w.uses(account, START, Meter::CpuUsec, CENT);
    }
    w.after(2 * HOUR_SEC);
    assert_eq!(w.charge().0, 1, "the other one");
    assert_eq!(alerts(&w), "parked");
    let standing = shown(&w);
    assert!(standing.parked.unwrap().contains("cannot be read"), "and it is shown");
    assert_eq!(standing.state, "active");
    let now_ms = w.now_ms + 1_000;
    w.write(move |tx| crate::billing::lifecycle::heartbeat(tx, now_ms - 900)).unwrap();
    w.write(move |tx| crate::billing::lifecycle::resume_after_outage(tx, now_ms)).unwrap();
    unparks(&w, false).unwrap();
    assert_eq!(w.charge().0, 1);
    assert_eq!(w.one("SELECT state FROM customer WHERE name = 'c-1'"), "active");
}

#[test]
fn caps_tell_or_suspend_until_the_day_is_over() {
    let mut w = world();
    w.topup("c-1", "99", "p-2");
    choose(&w, Choices { day: cap("0.50", false), month: cap("1.00", true), low_below: None });
    use_up(&w, 50);
    assert_eq!(state(&w), "active active");
    assert_eq!(last(&w, "cap.reached"), "cap of the day, until 2026-11-21T22:00:00Z: accounts run on");
    // What is pending counts, too.
    w.uses(1, START, Meter::CpuUsec, 50 * CENT);
    w.sweep();
    assert_eq!(state(&w), "suspended suspended");
    assert_eq!(
        last(&w, "cap.reached"),
        "cap of the month, until 2026-11-30T22:00:00Z: accounts are suspended"
    );
    assert_eq!(
        (shown(&w).spent_day.to_string(), shown(&w).spent_month.to_string()),
        ("1.000000".into(), "1.000000".into())
    );
    choose(&w, Choices { day: None, month: cap("1.01", true), low_below: None });
    assert_eq!(state(&w), "active active", "a raised cap");
    choose(&w, Choices { day: cap("0.10", true), month: None, low_below: None });
    assert_eq!(state(&w), "suspended suspended");
    w.after(12 * HOUR_SEC);
    w.charge();
    w.sweep();
    assert_eq!(state(&w), "active active", "another day");
    let zero = Choices { day: cap("0", true), ..Choices::default() };
    let customer = w.customer("c-1");
    assert_eq!(w.write(move |tx| set_choices(tx, &customer, &zero)).unwrap_err().code(), "cap");
}

#[test]
fn budgets_of_accounts_are_told_by_share() {
    let w = world();
    w.write(|tx| set_budget(tx, 1, Some(Money::parse("0.40").unwrap()))).unwrap();
    use_up(&w, 19);
    assert_eq!(kinds(&w).matches("budget.reached").count(), 0);
    use_up(&w, 1);
    assert_eq!(last(&w, "budget.reached"), "shop@web1, 50 % of its budget");
    use_up(&w, 21);
    assert_eq!(last(&w, "budget.reached"), "shop@web1, 100 % of its budget");
    use_up(&w, 1);
    assert_eq!(kinds(&w).matches("budget.reached").count(), 2);
}

#[test]
fn one_account_is_held() {
    let mut w = world();
    let hold = |w: &World, on| {
        let (id, rules, now_ms) = (AccountId::parse("shop@web1").unwrap(), w.rules.clone(), w.now_ms);
        w.write(move |tx| hold_account(tx, &id, on, &rules, now_ms)).unwrap();
    };
    hold(&w, true);
    use_up(&w, 200);
    w.after(60);
    assert_eq!(state(&w), "grace active");
    hold(&w, false);
    assert_eq!(state(&w), "suspended suspended");
}

#[test]
fn who_leaves_gets_back_what_was_paid_in() {
    let mut w = world();
    let customer = w.customer("c-1");
    let now_ms = w.now_ms;
    w.write(move |tx| {
        let amount = Money::parse("0.50").unwrap();
        let gift =
            Adjustment { kind: TxnKind::Promo, amount, against: LedgerAccount::Promo, reason: "welcome" };
        adjust(tx, &customer, &gift, None, "admin", now_ms)
    })
    .unwrap();
    w.uses(1, START, Meter::CpuUsec, 70 * CENT);
    asks(&w, Ask::Close).unwrap();
    asks(&w, Ask::Close).unwrap();
    assert_eq!(state(&w), "closing suspended");
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Done, None);
    assert_eq!(state(&w), "closing suspended", "the last hour is not charged yet");
    w.after(HOUR_SEC);
    assert_eq!(w.charge().0, 1);
    // 1.50 − 0.70: the gift was spent first.
    assert_eq!((state(&w), w.balance("c-1")), ("closed suspended".into(), "0.000000".into()));
    assert_eq!(
        w.one("SELECT amount FROM entry e JOIN txn t ON t.id = e.txn WHERE t.kind = 'refund' AND amount > 0"),
        "800000"
    );
    assert_eq!(alerts(&w), "payout");
    asks(&w, Ask::Reopen).unwrap();
    assert_eq!((state(&w), w.told(1)), ("active active".into(), "resume#2/2".into()));
    assert_eq!(asks(&w, Ask::Reopen).unwrap_err().code(), "lifecycle");
    w.sound();
}

#[test]
fn what_is_not_paid_is_purged_and_written_off() {
    let mut w = world();
    w.rules.lifecycle.retention_ms = 50_000;
    w.rules.breaker.deletions = 1;
    use_up(&w, 300);
    w.after(10);
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Done, None);
    w.after(25);
    w.after(5);
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Begun, None);
    w.poll(1);
    w.report(1, &commands[0], Status::Done, Some("arc"));
    w.after(49);
    assert_eq!((state(&w), w.told(1)), ("deleted deleted".into(), String::new()));
    w.after(1);
    assert_eq!((state(&w), w.balance("c-1")), ("purged deleted".into(), "0.000000".into()));
    assert_eq!(w.one("SELECT b.amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE a.name = 'bad-debt'"), "-2000000");
    let (commands, _) = w.poll(1);
    assert_eq!((commands[0].action, commands[0].generation), (Action::Purge, 3));
    w.report(1, &commands[0], Status::Done, None);
    assert_eq!(w.one("SELECT purged_ms IS NOT NULL FROM account"), "1");
    assert!(kinds(&w).ends_with("balance.written-off account.purge account.purged"), "{}", kinds(&w));
    w.topup("c-1", "9", "p-9");
    w.after(60);
    assert_eq!((state(&w), w.told(1)), ("purged deleted".into(), String::new()), "gone is gone");
    w.account(2, "blog@web1", Some("c-1"));
    assert_eq!(state(&w), "active deleted", "a new account begins anew");
    w.sound();
}
