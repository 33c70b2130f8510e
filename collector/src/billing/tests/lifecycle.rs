//! From a negative balance to a deletion and back, with commands and outcomes.

use crate::billing::BillingError;
use crate::billing::commands::{breaker_state, has_work, list, reset_breaker, retry};
use crate::billing::lifecycle::{StaffAction, set_hold, staff};
use crate::billing::testing::{CENT, START, World};
use hostmeter_core::ids::{AccountId, CustomerId};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::command::{Action, Status};

/// A customer with an account on a live host and 1.00 of credit.
fn world() -> World {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "shop@web1", Some("c-1"));
    w.host(1, 1);
    w.topup("c-1", "1", "p-1");
    w
}

/// Usage that costs 2.00, charged.
fn use_up(w: &World) {
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, 200 * CENT);
    w.charge();
}

fn state(w: &World) -> String {
    w.one(
        "SELECT state || ' ' || (SELECT desired || ' ' || deletion FROM account WHERE id = 1) FROM customer",
    )
}

fn states(w: &World) -> String {
    w.one("SELECT group_concat(state) FROM (SELECT state FROM command ORDER BY id)")
}

fn kinds(w: &World) -> String {
    w.one("SELECT group_concat(kind, ' ') FROM (SELECT kind FROM lifecycle_event ORDER BY id)")
}

#[test]
fn from_credit_to_deletion_and_back() {
    let mut w = world();
    assert_eq!(state(&w), "active active none");
    use_up(&w);
    assert_eq!((w.balance("c-1"), state(&w)), ("-1.000000".into(), "grace active none".into()));
    w.after(9);
    assert_eq!((state(&w), w.told(1)), ("grace active none".into(), String::new()));
    w.after(1);
    assert_eq!(state(&w), "suspended suspended none");
    let (commands, _) = w.poll(1);
    let suspend = &commands[0];
    assert_eq!((suspend.action, suspend.generation, suspend.account.uid), (Action::Suspend, 1, 1_001));
    w.report(1, suspend, Status::Done, None);
    assert_eq!(w.one("SELECT done_generation FROM account"), "1");

    w.topup("c-1", "5", "p-2");
    assert_eq!(state(&w), "active active none", "a credit acts in its own transaction");
    let (commands, _) = w.poll(1);
    assert_eq!((commands[0].action, commands[0].generation), (Action::Resume, 2));
    w.report(1, &commands[0], Status::Done, None);

    for _ in 0..3 {
        use_up(&w);
    }
    w.after(10);
    let (commands, _) = w.poll(1);
    assert_eq!((commands[0].action, commands[0].generation), (Action::Suspend, 3));
    w.report(1, &commands[0], Status::Done, None);
    w.after(25);
    w.after(5);
    assert_eq!(state(&w), "deleting deleted none");
    let (commands, _) = w.poll(1);
    let delete = commands[0].clone();
    assert_eq!((delete.action, delete.expires_ms - delete.issued_ms), (Action::Delete, 600_000));
    w.report(1, &delete, Status::Begun, None);
    assert_eq!((state(&w), w.told(1)), ("deleting deleted begun".into(), format!("begun#{}", delete.number)));
    w.report(1, &delete, Status::Done, Some("arc-1"));
    assert_eq!(state(&w), "deleted deleted done");
    assert_eq!(w.told(1), "");

    w.topup("c-1", "20", "p-3");
    let (commands, _) = w.poll(1);
    assert_eq!((commands[0].action, commands[0].generation), (Action::Undelete, 5));
    w.report(1, &commands[0], Status::Done, None);
    assert_eq!(state(&w), "active active none");
    assert_eq!(
        kinds(&w),
        "customer.opened balance.negative account.suspend account.resume balance.negative account.suspend delete.notice \
         delete.scheduled account.delete account.deleted account.undelete"
    );
    w.sound();
}

#[test]
fn an_overdraft_that_is_only_pending_suspends_too() {
    let w = world();
    // 1.00 − 6.01 pending is below the floor of −5.
    w.uses(1, START, Meter::CpuUsec, 601 * CENT);
    w.sweep();
    assert_eq!((w.balance("c-1"), state(&w)), ("1.000000".into(), "suspended suspended none".into()));
    assert_eq!(w.told(1), "suspend#1/1");
}

#[test]
fn a_stale_host_suspends_nobody() {
    let mut w = world();
    use_up(&w);
    w.now_ms += 3 * 3_600_000;
    w.sweep();
    assert_eq!(state(&w), "grace active none");
    w.watermark();
    w.sweep();
    assert_eq!(state(&w), "suspended suspended none");
}

#[test]
fn the_same_bytes_until_an_outcome_or_the_end() {
    let mut w = world();
    w.rules.lifecycle.delete_after_ms = i64::MAX;
    use_up(&w);
    w.after(10);
    let first = w.poll_bytes(1);
    assert_eq!(first.commands.len(), 1);
    assert!(w.poll_bytes(1).commands.is_empty(), "not again at once");
    assert!(!w.read(|c| has_work(c, 1, w.now_ms)));
    w.after(30);
    assert!(w.read(|c| has_work(c, 1, w.now_ms)));
    assert_eq!(w.poll_bytes(1), first, "the same bytes");
    w.after(3_600);
    assert_eq!(w.told(1), "suspend#2/1", "a new number for the same generation");
    assert_eq!(states(&w), "expired,sent");
}

#[test]
fn a_credit_overtakes_a_suspension() {
    let mut w = world();
    use_up(&w);
    w.after(10);
    w.topup("c-1", "5", "p-2");
    assert_eq!(w.told(1), "resume#1/2", "what was not handed out is void, the higher generation goes out");
    assert_eq!(states(&w), "superseded,sent");
}

#[test]
fn a_deletion_called_off_before_it_began_is_not_let_go_on() {
    let mut w = world();
    use_up(&w);
    w.after(10);
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Done, None);
    w.after(25);
    w.after(5);
    let (commands, _) = w.poll(1);
    assert_eq!(commands[0].action, Action::Delete);
    w.topup("c-1", "5", "p-2");
    w.report(1, &commands[0], Status::Begun, None);
    assert_eq!((state(&w), w.told(1)), ("active active none".into(), "resume#3/3".into()));
}

#[test]
fn a_failure_raises_an_alert_and_can_be_retried() {
    let mut w = world();
    use_up(&w);
    w.after(10);
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Failed, None);
    assert!(
        w.one("SELECT detail FROM alert WHERE cleared_ms IS NULL").contains("suspend of shop@web1 failed")
    );
    w.after(60);
    assert_eq!(w.told(1), "", "not by itself");
    let now_ms = w.now_ms;
    w.write(move |tx| retry(tx, 1, now_ms)).unwrap();
    let twice = w.write(move |tx| retry(tx, 1, now_ms)).unwrap_err();
    assert_eq!(twice.code(), "command_state");
    let (commands, _) = w.poll(1);
    assert_eq!((commands[0].number, commands[0].generation), (2, 1));
    w.report(1, &commands[0], Status::Done, None);
    assert_eq!(w.one("SELECT COUNT(*) FROM alert WHERE cleared_ms IS NULL"), "0");
    let rows = w.read(|c| list(c, Some("shop@web1"), None, i64::MAX, 10));
    assert_eq!(rows.iter().map(|c| c.state.as_str()).collect::<Vec<_>>(), ["done", "failed"]);
    // A report that comes again, or late, undoes nothing.
    w.report(1, &commands[0], Status::Failed, None);
    assert_eq!(w.one("SELECT state FROM command WHERE id = 2"), "done");
}

#[test]
fn an_outcome_of_no_command_is_named() {
    let w = world();
    let mut w2 = world();
    use_up(&w2);
    w2.after(10);
    let (commands, _) = w2.poll(1);
    w.report(1, &commands[0], Status::Done, None);
    assert!(w.one("SELECT detail FROM alert").contains("never given"));
    assert_eq!(state(&w), "active active none");
}

#[test]
fn only_live_hosts_get_commands() {
    let mut w = world();
    use_up(&w);
    w.after(10);
    for state in ["pending", "frozen"] {
        w.sql(&format!("UPDATE host SET state = '{state}'"));
        assert_eq!((w.told(1), w.read(|c| has_work(c, 1, w.now_ms))), (String::new(), false), "{state}");
    }
    w.sql("UPDATE host SET state = 'live'");
    assert_eq!(w.told(1), "suspend#1/1");
}

#[test]
fn a_host_that_has_not_told_the_home_waits() {
    let mut w = world();
    w.sql("UPDATE account SET home_inode = NULL");
    use_up(&w);
    w.after(10);
    assert_eq!(w.told(1), "");
    assert!(w.one("SELECT detail FROM alert").contains("home and inode"));
    w.sql("UPDATE account SET home_inode = 7");
    assert_eq!(w.told(1), "suspend#1/1");
    assert_eq!(w.one("SELECT COUNT(*) FROM alert WHERE cleared_ms IS NULL"), "0");
}

#[test]
fn the_breaker_holds_a_mass_suspension() {
    let mut w = World::new();
    w.rules.breaker.suspensions = 2;
    w.rules.breaker.suspensions_percent = 0;
    w.rules.lifecycle.delete_after_ms = i64::MAX;
    w.add_customer("c-1");
    for row in 1..=5 {
        w.account(row, &format!("u{row}@web1"), Some("c-1"));
        w.host(1, row);
    }
    w.topup("c-1", "1", "p-1");
    use_up(&w);
    w.after(10);
    assert_eq!(w.told(1), "suspend#1/1 suspend#2/1");
    assert!(w.one("SELECT detail FROM alert WHERE kind = 'breaker'").contains("breaker reset"));
    w.after(3_601);
    assert_eq!(w.told(1), "suspend#3/1 suspend#4/1", "those sent again count once; the others still wait");
    assert_eq!(w.one("SELECT group_concat(DISTINCT account) FROM command WHERE number IS NOT NULL"), "1,2");
    let now_ms = w.now_ms;
    w.write(move |tx| reset_breaker(tx, now_ms)).unwrap();
    assert_eq!(w.read(|c| breaker_state(c, w.rules.breaker, w.now_ms)).suspensions, 0);
    w.now_ms += 1;
    assert_eq!(w.told(1), "suspend#5/1 suspend#6/1");
    w.topup("c-1", "5", "p-2");
    assert_eq!(w.told(1).split(' ').count(), 5, "giving back is never held");
}

fn order(w: &World, action: StaffAction) -> Result<(), BillingError> {
    let (id, rules, now_ms) = (AccountId::parse("shop@web1").unwrap(), w.rules.clone(), w.now_ms);
    w.write(move |tx| staff(tx, &id, action, "by staff", &rules, now_ms).map(|_| ()))
}

fn refused(w: &World, action: StaffAction) {
    assert_eq!(order(w, action).unwrap_err().code(), "account_state", "{action:?}");
}

#[test]
fn what_staff_suspends_only_staff_resumes() {
    let mut w = world();
    refused(&w, StaffAction::Undelete);
    order(&w, StaffAction::Suspend).unwrap();
    order(&w, StaffAction::Suspend).unwrap();
    assert_eq!((state(&w), w.told(1)), ("active suspended none".into(), "suspend#1/1".into()));
    use_up(&w);
    w.after(10);
    w.topup("c-1", "5", "p-2");
    assert_eq!((state(&w), w.told(1)), ("active suspended none".into(), String::new()));
    order(&w, StaffAction::Resume).unwrap();
    assert_eq!((state(&w), w.told(1)), ("active active none".into(), "resume#2/2".into()));
    // What the balance suspended, staff does not resume.
    for _ in 0..3 {
        use_up(&w);
    }
    w.after(10);
    refused(&w, StaffAction::Resume);
    // Both: lifting one leaves the other.
    order(&w, StaffAction::Suspend).unwrap();
    order(&w, StaffAction::Resume).unwrap();
    assert_eq!(state(&w), "suspended suspended none");
}

#[test]
fn what_staff_deletes_only_staff_brings_back() {
    let mut w = world();
    order(&w, StaffAction::Delete).unwrap();
    refused(&w, StaffAction::Suspend);
    order(&w, StaffAction::Undelete).unwrap();
    assert_eq!((state(&w), w.told(1)), ("active active none".into(), "resume#1/2".into()));
    order(&w, StaffAction::Delete).unwrap();
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Begun, None);
    refused(&w, StaffAction::Undelete);
    w.report(1, &commands[0], Status::Done, Some("arc"));
    w.after(60);
    assert_eq!((state(&w), w.told(1)), ("active deleted done".into(), String::new()));
    order(&w, StaffAction::Undelete).unwrap();
    let (commands, _) = w.poll(1);
    assert_eq!(commands[0].action, Action::Undelete);
    w.report(1, &commands[0], Status::Done, None);
    w.after(60);
    assert_eq!((state(&w), w.told(1)), ("active active none".into(), String::new()));
    assert_eq!(w.one("SELECT manual FROM account"), "null");
}

#[test]
fn staff_brings_back_what_the_balance_deleted() {
    let mut w = world();
    use_up(&w);
    w.after(10);
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Done, None);
    w.after(25);
    w.after(5);
    refused(&w, StaffAction::Undelete);
    let (commands, _) = w.poll(1);
    w.report(1, &commands[0], Status::Begun, None);
    w.report(1, &commands[0], Status::Done, Some("arc"));
    assert_eq!(state(&w), "deleted deleted done");
    order(&w, StaffAction::Undelete).unwrap();
    let (commands, _) = w.poll(1);
    assert_eq!(commands[0].action, Action::Undelete);
    w.report(1, &commands[0], Status::Done, None);
    assert_eq!(w.one("SELECT undelete || ' ' || hold FROM customer"), "0 1");
    assert_eq!(
        w.one("SELECT desired FROM account"),
        "active",
        "the hold keeps it running, whatever the balance"
    );
}

#[test]
fn a_hold_stops_suspension() {
    let mut w = world();
    let hold = |w: &World, hold: bool| {
        let (id, rules, now_ms) = (CustomerId::parse("c-1").unwrap(), w.rules.clone(), w.now_ms);
        w.write(move |tx| set_hold(tx, &id, hold, &rules, now_ms)).unwrap();
    };
    hold(&w, true);
    use_up(&w);
    w.after(100);
    assert_eq!(state(&w), "grace active none");
    hold(&w, false);
    assert_eq!(state(&w), "suspended suspended none");
}

#[test]
fn the_collectors_outage_moves_deadlines() {
    let mut w = world();
    use_up(&w);
    let now_ms = w.now_ms;
    w.write(move |tx| crate::billing::lifecycle::heartbeat(tx, now_ms)).unwrap();
    w.now_ms += 60_000;
    w.watermark();
    let now_ms = w.now_ms;
    assert_eq!(
        w.write(move |tx| crate::billing::lifecycle::resume_after_outage(tx, now_ms)).unwrap(),
        60_000
    );
    w.sweep();
    assert_eq!(state(&w), "grace active none");
    w.after(10);
    assert_eq!(state(&w), "suspended suspended none");
}

#[test]
fn accounts_of_the_api_follow_without_a_host() {
    let mut w = World::new();
    w.add_customer("c-1");
    w.account(1, "shop@web1", Some("c-1"));
    w.topup("c-1", "1", "p-1");
    use_up(&w);
    w.after(10);
    assert_eq!(state(&w), "suspended suspended none");
    assert_eq!(w.one("SELECT generation = done_generation FROM account"), "1");
    w.topup("c-1", "5", "p-2");
    assert_eq!(state(&w), "active active none");
    assert_eq!(w.one("SELECT COUNT(*) FROM command"), "0");
}
