//! Base fees: one a day and account, for whoever owns it in the day's first hour, whatever is late, killed or repeated.

use crate::billing::testing::{CENT, PLAN, START, World, cases};
use crate::billing::{accounts, customers, history, quote};
use hostmeter_core::ids::{AccountId, PlanId};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;
use proptest::prelude::*;

/// 0.24 a day.
const BASE: &str = "base_per_day = \"0.24\"\n[[price]]\nmeter = \"cpu";

fn with_base(plan: &str) -> String {
    plan.replacen("[[price]]\nmeter = \"cpu", BASE, 1)
}

fn hour(text: &str) -> UtcHour {
    UtcHour::parse(text).unwrap()
}

fn ms(text: &str) -> i64 {
    hostmeter_core::units::parse_rfc3339_ms(text).unwrap()
}

/// Customers in Riga whose plan has a base fee; the time is `now`.
fn world(now: &str) -> World {
    let mut w = World::new();
    w.now_ms = ms(now);
    w.sql("DELETE FROM price_version");
    w.plan(&with_base(PLAN)).unwrap();
    // Nobody is suspended by the lifecycle here.
    w.rules.lifecycle.grace_ms = i64::MAX;
    w.rules.lifecycle.overdraft = hostmeter_core::money::Money::MAX;
    for c in ["c-1", "c-2"] {
        w.add_customer(c);
        w.topup(c, "100", c);
    }
    w
}

/// `21 0h 240000` is the 21st, decided in the first hour of the test, for 0.24.
fn fees(w: &World, account: i64, from: UtcHour) -> String {
    w.one(&format!(
        "SELECT group_concat((date % 100) || ' ' || (hour - {}) || 'h ' || amount, ', ') FROM
           (SELECT * FROM base_fee WHERE account = {account} ORDER BY hour)",
        from.0
    ))
}

fn assign(w: &World, account: &str, customer: &str) {
    let id = AccountId::parse(account).unwrap();
    let (customer, now_ms) = (w.customer(customer), w.now_ms);
    w.write(move |tx| accounts::assign(tx, &accounts::get(tx, &id)?, &customer, now_ms)).unwrap();
}

fn want(w: &World, account: i64, desired: &'static str) {
    let now_ms = w.now_ms;
    w.write(move |tx| accounts::note_state(tx, account, desired, now_ms)).unwrap();
}

#[test]
fn idle_accounts_pay_once_a_day() {
    let mut w = world("2026-11-21T10:00:00Z");
    let from = hour("2026-11-21T10:00:00Z");
    w.account(1, "a@cloud", Some("c-1"));
    w.account(2, "nobodys@cloud", None);
    w.account(1_030, "b@cloud", Some("c-2"));
    assert_eq!(w.charge().1.micros(), 0, "the hour is not over");
    w.now_ms = from.end_ms();
    assert_eq!(w.charge().1.micros(), 480_000);
    let once = w.digest();
    assert_eq!(w.charge().1.micros(), 0);
    assert_eq!(w.digest(), once);
    w.now_ms = ms("2026-11-23T10:00:00Z");
    w.charge();
    // In Riga a day begins at 22:00Z.
    assert_eq!(fees(&w, 1, from), "21 0h 240000, 22 12h 240000, 23 36h 240000");
    assert_eq!(fees(&w, 1_030, from), fees(&w, 1, from));
    assert_eq!(fees(&w, 2, from), "null");
    assert_eq!((w.balance("c-1"), w.balance("c-2")), ("99.280000".into(), "99.280000".into()));
    let revenue = "SELECT b.amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE a.name = 'revenue:base'";
    assert_eq!(w.one(revenue), "1440000");
    w.sound();
}

#[test]
fn days_of_23_and_25_hours_cost_one_fee() {
    for (start, hours, want) in [
        ("2026-03-28T22:00:00Z", 23, "29 0h 240000, 30 23h 240000"),
        ("2026-10-24T21:00:00Z", 25, "25 0h 240000, 26 25h 240000"),
    ] {
        let mut w = world(start);
        let from = hour(start);
        w.sql("DELETE FROM price_version");
        w.plan(&with_base(PLAN).replace("2026-11-01", "2026-01-01")).unwrap();
        w.account(1, "a@cloud", Some("c-1"));
        w.now_ms = UtcHour(from.0 + hours + 1).start_ms();
        w.charge();
        assert_eq!(fees(&w, 1, from), want);
        w.sound();
    }
}

#[test]
fn the_owner_of_the_first_hour_pays() {
    let mut w = world("2026-11-21T18:00:00Z");
    let from = hour("2026-11-21T18:00:00Z");
    w.account(1, "a@cloud", None);
    w.now_ms = ms("2026-11-21T19:30:00Z");
    assign(&w, "a@cloud", "c-1");
    w.now_ms = ms("2026-11-21T20:10:00Z");
    assign(&w, "a@cloud", "c-2");
    w.now_ms = ms("2026-11-22T23:00:00Z");
    w.charge();
    // The 21st is the first owner's, from 20:00Z; the 22nd the next one's.
    assert_eq!(fees(&w, 1, from), "21 2h 240000, 22 4h 240000, 23 28h 240000");
    assert_eq!((w.balance("c-1"), w.balance("c-2")), ("99.760000".into(), "99.520000".into()));
    w.sound();
}

#[test]
fn nothing_while_suspended() {
    let mut w = world("2026-11-21T20:00:00Z");
    let from = hour("2026-11-21T20:00:00Z");
    w.account(1, "a@cloud", Some("c-1"));
    w.now_ms = ms("2026-11-21T21:00:00Z");
    want(&w, 1, "suspended");
    // The 22nd and the 23rd pass; the 24th begins suspended at 22:00Z of the 23rd, and runs from 02:30Z.
    w.now_ms = ms("2026-11-24T02:30:00Z");
    want(&w, 1, "active");
    w.now_ms = ms("2026-11-24T22:30:00Z");
    want(&w, 1, "deleted");
    w.now_ms = ms("2026-11-27T00:00:00Z");
    w.charge();
    // 25: it ran when the day began.
    assert_eq!(fees(&w, 1, from), "21 0h 240000, 24 55h 240000, 25 74h 240000");
    w.sound();
}

#[test]
fn a_fee_has_the_price_of_its_hour() {
    let mut w = world("2026-11-21T10:00:00Z");
    let from = hour("2026-11-21T10:00:00Z");
    w.sql("DELETE FROM price_version");
    w.plan(PLAN).unwrap();
    w.plan(&with_base(PLAN).replace("2026-11-01T00", "2026-11-22T00")).unwrap();
    w.plan(&with_base(PLAN).replace("0.24", "0.48").replace("2026-11-01T00", "2026-11-24T00")).unwrap();
    w.account(1, "a@cloud", Some("c-1"));
    w.now_ms = ms("2026-11-25T10:00:00Z");
    w.charge();
    // The days began at 22:00Z, two hours before the version that holds for the rest of them.
    assert_eq!(
        fees(&w, 1, from),
        "21 0h 0, 22 12h 0, 23 36h 240000, 24 60h 240000, 25 84h 480000",
        "the price is the one of the day's first hour"
    );
    // An hour for which days were decided is charged, although nobody used anything.
    let late = with_base(PLAN).replace("2026-11-01T00", "2026-11-25T05");
    assert_eq!(w.plan(&late).unwrap_err().code(), "plan_conflict");
    w.sound();
}

#[test]
fn another_zone_and_another_plan() {
    let mut w = world("2026-11-29T10:00:00Z");
    let from = hour("2026-11-29T10:00:00Z");
    w.plan(&PLAN.replace("basic", "free")).unwrap();
    w.account(1, "a@cloud", Some("c-1"));
    let change = |w: &World, zone: &'static str| {
        let (customer, now_ms) = (w.customer("c-1"), w.now_ms);
        w.write(move |tx| customers::change_zone(tx, &customer, zone, now_ms))
            .map(|h| if h == customers::FROM_START { String::new() } else { h.to_string() })
    };
    assert_eq!(change(&w, "Mars/Olympus").unwrap_err().code(), "billing_zone");
    // December begins in Riga and ends in New York.
    assert_eq!(change(&w, "America/New_York").unwrap(), "2026-11-30T22:00:00Z");
    assert_eq!(change(&w, "America/New_York").unwrap(), "2026-11-30T22:00:00Z", "again changes nothing");
    assert_eq!(change(&w, "Europe/Riga").unwrap(), "", "taken back");
    assert_eq!(change(&w, "America/New_York").unwrap(), "2026-11-30T22:00:00Z");
    w.now_ms = ms("2026-12-03T10:00:00Z");
    assert_eq!(change(&w, "UTC").unwrap(), "2027-01-01T05:00:00Z");
    w.charge();
    assert_eq!(
        fees(&w, 1, from),
        "29 0h 240000, 30 12h 240000, 1 43h 240000, 2 67h 240000, 3 91h 240000",
        "New York still has the 30th when December begins"
    );
    let (customer, now_ms) = (w.customer("c-1"), w.now_ms);
    let plan = PlanId::parse("free").unwrap();
    w.write(move |tx| customers::change_plan(tx, &customer, &plan, now_ms)).unwrap();
    w.now_ms = ms("2026-12-06T10:00:00Z");
    w.charge();
    assert_eq!(w.balance("c-1"), "98.800000");
    w.sound();
}

#[test]
fn a_day_is_shown_beside_usage_and_quoted() {
    let mut w = world("2026-11-21T10:00:00Z");
    w.account(1, "a@cloud", Some("c-1"));
    let start = START;
    w.uses(1, start, Meter::CpuUsec, CENT);
    w.now_ms = start.end_ms();
    w.charge();
    let (list, _) = w.read(|c| history::history(c, &w.customer("c-1"), None, history::Order::Rising, 10));
    let show = |e: &history::HistoryEntry| {
        let line = &e.lines[0];
        format!(
            "{} {} {} {} | {} {} {} {}",
            e.kind,
            e.hour.as_deref().unwrap(),
            e.amount,
            e.balance_after,
            line.meter,
            line.quantity,
            line.price_version,
            line.date.as_deref().unwrap_or("-")
        )
    };
    assert_eq!(
        list.iter().skip(1).map(show).collect::<Vec<_>>(),
        [
            "charge 2026-11-21T10:00:00Z -0.240000 99.760000 | base 1 basic@2026-11-01T00:00:00Z 2026-11-21",
            "charge 2026-11-21T10:00:00Z -0.010000 99.750000 | cpu_usec 3600000000 basic@2026-11-01T00:00:00Z -",
        ]
    );
    let (id, plan) = (AccountId::parse("a@cloud").unwrap(), PlanId::parse("basic").unwrap());
    w.now_ms = ms("2026-11-21T23:00:00Z");
    let to = UtcHour(start.0 + 13);
    let q = w.read(|c| quote::of_history(c, &plan, &id, UtcHour(start.0 - 30), to, w.now_ms));
    assert_eq!(q.total.to_string(), "0.490000", "usage and the days 21 and 22");
}

#[test]
fn killed_between_any_two_blocks_it_leaves_the_same_ledger() {
    let make = || {
        let mut w = world("2026-11-21T10:00:00Z");
        for (row, customer) in [(1, "c-1"), (2, "c-2"), (1_030, "c-1"), (2_050, "c-2")] {
            w.account(row, &format!("u{row}@cloud"), Some(customer));
        }
        w.uses(2_050, UtcHour(START.0 + 1), Meter::CpuUsec, CENT);
        w.now_ms = ms("2026-11-21T23:00:00Z");
        w
    };
    let calm = make();
    calm.charge();
    calm.sound();
    let want = calm.digest();
    for k in 0..=39 {
        let w = make();
        w.charge_blocks(k);
        w.sound();
        let w = w.reopen();
        w.charge();
        assert_eq!(w.digest(), want, "killed after {k} blocks");
    }
}

#[test]
fn verification_names_what_was_changed() {
    let check = |sql: &str, want: &str| {
        let mut w = world("2026-11-21T10:00:00Z");
        w.account(1, "a@cloud", Some("c-1"));
        w.now_ms = ms("2026-11-22T10:00:00Z");
        w.charge();
        w.sound();
        w.sql("DROP TRIGGER base_fee_no_update; DROP TRIGGER base_fee_no_delete");
        w.sql(&format!("PRAGMA defer_foreign_keys = ON; {sql}"));
        let found = w.differences().join("\n");
        assert!(found.contains(want), "{sql}\n{found}");
    };
    check("UPDATE base_fee SET amount = amount + 1 WHERE date = 20261122", "worked out again");
    check("UPDATE base_fee SET amount = amount + 1 WHERE date = 20261122", "its hash does not fit");
    check("UPDATE base_fee SET hour = hour + 1 WHERE date = 20261122", "worked out again");
    check("UPDATE base_fee SET customer = 2 WHERE date = 20261122", "worked out again");
    check("DELETE FROM base_fee WHERE date = 20261122", "it is missing");
    check(
        "INSERT INTO base_fee SELECT 20261120, account, hour, customer, version, amount, txn FROM base_fee WHERE date = 20261121",
        "none is due on that day",
    );
    check("INSERT INTO account_state VALUES (1, 5, 'suspended')", "none is due on that day");
}

#[test]
fn the_ledger_keeps_its_days() {
    let mut w = world("2026-11-21T10:00:00Z");
    w.account(1, "a@cloud", Some("c-1"));
    w.now_ms = START.end_ms();
    w.charge();
    for sql in ["UPDATE base_fee SET amount = 1", "DELETE FROM base_fee"] {
        let got = w.write(move |tx| Ok(tx.execute_batch(sql)?)).unwrap_err().to_string();
        assert!(got.contains("never changed"), "{sql}: {got}");
    }
}

/// What happens in one hour.
#[derive(Clone, Debug)]
enum Deed {
    Assign { account: usize, customer: usize },
    State { account: usize, active: bool },
    Use { account: usize, back: i64 },
    Charge { blocks: usize },
    Pass { hours: i64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => (0..3_usize, 0..2_usize).prop_map(|(account, customer)| Deed::Assign { account, customer }),
        2 => (0..3_usize, any::<bool>()).prop_map(|(account, active)| Deed::State { account, active }),
        1 => (0..3_usize, 1..30_i64).prop_map(|(account, back)| Deed::Use { account, back }),
        2 => (0..5_usize).prop_map(|blocks| Deed::Charge { blocks }),
        4 => (1..20_i64).prop_map(|hours| Deed::Pass { hours }),
    ]
}

const ROWS: [i64; 3] = [1, 2, 1_030];

/// Plays the deeds; charging only at the end if `late`. Who paid how much in base fees, by day.
fn play(deeds: &[Deed], late: bool) -> String {
    let mut w = world("2026-11-21T10:00:00Z");
    for (i, row) in ROWS.iter().enumerate() {
        w.account(*row, &format!("u{i}@cloud"), (i == 0).then_some("c-1"));
    }
    w.sql("UPDATE customer SET billing_zone = 'Pacific/Pago_Pago' WHERE name = 'c-2'");
    for deed in deeds {
        match *deed {
            Deed::Assign { account, customer } => {
                assign(&w, &format!("u{account}@cloud"), ["c-1", "c-2"][customer]);
            }
            Deed::State { account, active } => {
                want(&w, ROWS[account], if active { "active" } else { "suspended" });
            }
            Deed::Use { account, back } => {
                let at = UtcHour(UtcHour::from_ms(w.now_ms).0 - back);
                w.uses(ROWS[account], at, Meter::CpuUsec, CENT);
            }
            Deed::Charge { blocks } if !late => drop(w.charge_blocks(blocks)),
            Deed::Charge { .. } => {}
            Deed::Pass { hours } => w.now_ms += hours * 3_600_000,
        }
    }
    w.charge();
    w.sound();
    assert_eq!(w.one("SELECT COALESCE(SUM(amount), 0) FROM balance"), "0");
    w.one("SELECT coalesce(group_concat(x, ' '), '') FROM (SELECT date || ':' || account || ':' || customer || ':' || amount AS x
             FROM base_fee ORDER BY date, account)")
}

proptest! {
    #![proptest_config(cases(12))]
    #[test]
    fn days_are_the_same_for_every_order_of_charging(deeds in proptest::collection::vec(deed(), 1..40)) {
        prop_assert_eq!(play(&deeds, false), play(&deeds, true));
    }
}
