//! Statements: what stands in which, once; numbers, tax, late usage; and that they can be made again from the ledger.

use crate::billing::adjust::{self, Adjustment};
use crate::billing::statement::{self, Statement, close_due, corrections};
use crate::billing::testing::{CENT, START, World};
use hostmeter_core::ledger::{LedgerAccount, Ppm, TxnKind};
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;
use std::fmt::Write;

/// Goes to a time, brings hosts up to date, charges, closes months.
fn run(w: &mut World, time: &str) -> usize {
    w.now_ms = hostmeter_core::units::parse_rfc3339_ms(time).unwrap();
    w.watermark();
    w.charge();
    close(w)
}

fn close(w: &World) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(close_due(&w.db, &w.rules, "cron", UtcHour::from_ms(w.now_ms), w.now_ms)).unwrap()
}

fn find(w: &World, customer: &str, number: i64) -> Statement {
    w.read(|c| statement::find(c, &w.customer(customer), number)).unwrap()
}

/// What a statement adds up, in words; its parts make up its closing balance.
fn words(s: &Statement) -> String {
    let mut out = format!("{} {} {} {} → {}", s.number, s.customer, s.month, s.opening, s.closing);
    let mut sum = s.opening.micros();
    for c in &s.charges {
        sum -= c.amount.micros();
        write!(out, "; {} {} {} {}", c.account.as_deref().unwrap(), c.meter, c.quantity, c.amount).unwrap();
    }
    for c in &s.corrections {
        sum -= c.amount.micros();
        write!(out, "; late {} {} {} {}", c.month, c.meter, c.quantity, c.amount).unwrap();
    }
    for m in &s.movements {
        sum += m.amount.micros();
        write!(out, "; {} {} {:?}", m.kind, m.amount, m.text).unwrap();
    }
    assert_eq!(sum, s.closing.micros(), "{out}");
    out
}

fn promo(w: &World, customer: &str, amount: &str, key: &str) {
    let (customer, now_ms) = (w.customer(customer), w.now_ms);
    let (amount, key) = (Money::parse(amount).unwrap(), key.to_owned());
    w.write(move |tx| {
        let (kind, against) = (TxnKind::Promo, LedgerAccount::Promo);
        let asked = Adjustment { kind, amount, against, reason: "welcome" };
        adjust::adjust(tx, &customer, &asked, Some(&key), "eva", now_ms)
    })
    .unwrap();
}

fn hour(text: &str) -> UtcHour {
    UtcHour::parse(text).unwrap()
}

/// Two customers in Riga, where December begins at 22:00Z.
fn november() -> World {
    let mut w = World::new();
    w.rules.tax = Ppm::parse_percent("21", 100).unwrap();
    w.add_customer("c-1");
    w.add_customer("c-2");
    w.account(1, "a@cloud", Some("c-1"));
    w.account(2, "b@cloud", Some("c-2"));
    w.host(1, 1);
    w.topup("c-1", "10", "p-1");
    promo(&w, "c-1", "2", "k-1");
    w.uses(1, START, Meter::CpuUsec, CENT);
    w.uses(1, hour("2026-11-30T21:00:00Z"), Meter::CpuUsec, CENT);
    w.uses(1, hour("2026-11-30T22:00:00Z"), Meter::CpuUsec, 7 * CENT);
    w.uses(1, START, Meter::NetTxBytes, 1 << 30);
    w
}

#[test]
fn a_month_is_closed_once_it_is_over_and_charged() {
    let mut w = november();
    assert_eq!(run(&mut w, "2026-11-30T21:59:59Z"), 0, "not over");
    w.now_ms += 1_000;
    // The host has not said that November is over.
    assert_eq!((w.charge().0, close(&w)), (0, 0), "not settled");
    w.topup("c-1", "5", "p-2");
    assert_eq!(run(&mut w, "2026-12-01T01:00:00Z"), 1, "c-2 has nothing to state");
    assert_eq!(close(&w), 0, "once");
    let s = find(&w, "c-1", 1);
    assert_eq!(
        words(&s),
        "1 c-1 2026-11 0.000000 → 11.970000; a@cloud cpu_usec 7200000000 0.020000; \
         a@cloud net_tx_bytes 1073741824 0.010000; topup 10.000000 \"manual p-1\"; promo 2.000000 \"welcome\""
    );
    insta::assert_json_snapshot!(s);
    insta::assert_snapshot!(statement::csv(&s));
    // The payment after the month's end, and the hour of December, are in the next one.
    assert_eq!(run(&mut w, "2026-12-31T22:00:00Z"), 1);
    assert_eq!(
        words(&find(&w, "c-1", 2)),
        "2 c-1 2026-12 11.970000 → 16.900000; a@cloud cpu_usec 25200000000 0.070000; topup 5.000000 \"manual p-2\""
    );
    assert!(w.read(|c| statement::find(c, &w.customer("c-2"), 1)).is_none(), "somebody else's");
    w.sound();
}

#[test]
fn a_silent_host_is_waited_for_until_the_lag_limit() {
    let mut w = november();
    w.now_ms = hostmeter_core::units::parse_rfc3339_ms("2026-12-02T21:59:00Z").unwrap();
    assert_eq!((w.charge().0, close(&w)), (1, 0), "one hour is beyond the lag limit, the month is not");
    w.now_ms += 60_000;
    assert_eq!((w.charge().0, close(&w)), (1, 1));
    assert_eq!(find(&w, "c-1", 1).charged.to_string(), "0.030000");
    w.sound();
}

#[test]
fn late_usage_of_a_closed_month_stands_in_the_next_one_linked_to_its_hour() {
    let mut w = november();
    run(&mut w, "2026-12-01T01:00:00Z");
    // More for an hour that was charged, less for another, one that had none; and an account that comes late at all.
    w.uses(1, START, Meter::CpuUsec, 3 * CENT);
    w.uses(1, hour("2026-11-30T21:00:00Z"), Meter::CpuUsec, -CENT / 2);
    w.uses(2, hour("2026-11-25T00:00:00Z"), Meter::CpuUsec, CENT);
    // Free use moves no money and stands in the statement all the same.
    w.uses(1, hour("2026-11-25T00:00:00Z"), Meter::CpuUsec, 1);
    assert_eq!(run(&mut w, "2026-12-01T02:00:00Z"), 0);
    let before = words(&find(&w, "c-1", 1));
    assert_eq!(run(&mut w, "2027-01-01T02:00:00Z"), 2);
    assert_eq!(words(&find(&w, "c-1", 1)), before, "a closed one stays as it is");
    assert_eq!(
        words(&find(&w, "c-1", 2)),
        "2 c-1 2026-12 11.970000 → 11.875000; a@cloud cpu_usec 25200000000 0.070000; \
         late 2026-11 cpu_usec 9000000001 0.025000"
    );
    assert_eq!(
        words(&find(&w, "c-2", 3)),
        "3 c-2 2026-12 0.000000 → -0.010000; late 2026-11 cpu_usec 3600000000 0.010000"
    );
    let (list, next) = w.read(|c| corrections(c, 2, None, 2));
    let show = |list: &[statement::Correction]| {
        let one = |c: &statement::Correction| format!("{} {} {} {}", c.account, c.hour, c.revision, c.amount);
        list.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(
        show(&list),
        ["a@cloud 2026-11-21T10:00:00Z 1 0.030000", "a@cloud 2026-11-25T00:00:00Z 0 0.000000"]
    );
    let (rest, end) = w.read(|c| corrections(c, 2, next, 2));
    assert_eq!((show(&rest), end), (vec!["a@cloud 2026-11-30T21:00:00Z 1 -0.005000".to_owned()], None));
    w.sound();
}

#[test]
fn months_in_which_nothing_happened_have_no_statement() {
    let mut w = november();
    assert_eq!(run(&mut w, "2027-03-15T00:00:00Z"), 2, "November and December");
    w.topup("c-1", "1", "p-3");
    w.uses(1, hour("2027-02-10T00:00:00Z"), Meter::CpuUsec, CENT);
    assert_eq!(run(&mut w, "2027-04-15T00:00:00Z"), 1);
    assert_eq!(
        words(&find(&w, "c-1", 3)),
        "3 c-1 2027-03 11.900000 → 12.890000; late 2027-02 cpu_usec 3600000000 0.010000; topup 1.000000 \"manual p-3\""
    );
    w.sound();
}

#[test]
fn a_statement_is_never_changed_and_what_does_not_fit_is_named() {
    let check = |sql: &str, want: &str| {
        let mut w = november();
        run(&mut w, "2027-01-02T00:00:00Z");
        let refused = w.write(|tx| Ok(tx.execute("UPDATE statement SET closing = 0", [])?)).unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
        w.sql(&format!("DROP TRIGGER statement_no_update; DROP TRIGGER statement_no_delete; {sql}"));
        let found = w.differences();
        assert!(found.iter().any(|d| d.contains(want)), "{sql}: {found:?}");
    };
    check(
        "UPDATE statement SET closing = closing + 1 WHERE number = 1",
        "statement 1: it is not what the ledger holds",
    );
    check(
        "UPDATE statement SET body = replace(body, 'welcome', 'well')",
        "statement 1: it is not what the ledger holds",
    );
    check("UPDATE statement SET body = '{}' WHERE number = 2", "statement 2 is damaged");
    check("DELETE FROM statement WHERE number = 1", "there are gaps");
    check("DELETE FROM statement WHERE number = 2", "1 transactions of tax belong to no statement");
    check("INSERT INTO late_charge SELECT account, hour, rev, customer, NULL FROM charge", "statement 1");
    check(
        "UPDATE statement SET body = replace(body, '\"tax\":\"0.003471\"', '\"tax\":\"0.003470\"')",
        "its tax is booked",
    );
}

/// A walk through three months with usage that comes in any order: whatever happens, everything stands in one statement.
#[test]
fn everything_stands_in_one_statement() {
    let mut w = november();
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut made = 0;
    for step in 0..120_u32 {
        let now = hostmeter_core::units::rfc3339(w.now_ms + 3_600_000 * i64::try_from(next(48)).unwrap());
        let back = i64::try_from(next(900)).unwrap();
        let at = UtcHour(UtcHour::from_ms(w.now_ms).0 - back);
        let account = i64::try_from(next(2)).unwrap() + 1;
        w.uses(account, at, Meter::CpuUsec, i64::try_from(next(5_000_000)).unwrap() * 1_000);
        if next(3) == 0 {
            w.topup(if next(2) == 0 { "c-1" } else { "c-2" }, "0.5", &format!("w-{step}"));
        }
        made += run(&mut w, &now);
        w.sound();
    }
    assert!(made >= 6, "{made} statements");
    let sql = "SELECT count(*) FROM late_charge WHERE statement IS NOT NULL";
    assert!(w.one(sql).parse::<i64>().unwrap() > 5, "late charges were in it");
}

#[test]
fn base_fees_and_a_new_zone_are_in_the_month_of_their_day() {
    let mut w = World::new();
    w.rules.tax = Ppm::parse_percent("21", 100).unwrap();
    w.plan(
        "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-25T00:00:00Z\"\nbase_per_day = \"0.10\"\n\
         [[price]]\nmeter = \"cpu_usec\"\namount = \"0.01\"\nper = \"3600000000\"\n",
    )
    .unwrap();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.topup("c-1", "10", "p-1");
    w.uses(1, hour("2026-11-26T00:00:00Z"), Meter::CpuUsec, CENT);
    let (customer, now_ms) = (w.customer("c-1"), w.now_ms);
    // By Riga the 25th began before the price did. December begins by Riga, and ends by New York.
    w.write(move |tx| crate::billing::customers::change_zone(tx, &customer, "America/New_York", now_ms))
        .unwrap();
    assert_eq!(run(&mut w, "2026-12-01T01:00:00Z"), 1);
    let first = find(&w, "c-1", 1);
    assert_eq!(
        words(&first),
        "1 c-1 2026-11 0.000000 → 9.490000; a@cloud cpu_usec 3600000000 0.010000; a@cloud base 5 0.500000; \
         topup 10.000000 \"manual p-1\""
    );
    assert_eq!((first.billing_zone.as_str(), first.tax.lines.len()), ("Europe/Riga", 2));
    assert_eq!(first.days.iter().map(|d| d.amount.micros()).sum::<i64>(), 510_000);
    assert_eq!(run(&mut w, "2027-01-01T04:59:59Z"), 0);
    assert_eq!(run(&mut w, "2027-01-01T05:00:00Z"), 1);
    let second = find(&w, "c-1", 2);
    assert_eq!(words(&second), "2 c-1 2026-12 9.490000 → 6.390000; a@cloud base 31 3.100000");
    assert_eq!(
        (second.billing_zone.as_str(), second.from.as_str()),
        ("America/New_York", "2026-11-30T22:00:00Z")
    );
    w.sound();
}
