//! Prices never change for what was charged.

use crate::billing::testing::{CENT, PLAN, START, World};
use crate::billing::{customers, plans};
use hostmeter_core::ids::PlanId;
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;

fn set(w: &World, from: &str, amount: &str) -> String {
    let text = PLAN.replace("2026-11-01T00:00:00Z", from).replacen("0.01", amount, 1);
    match w.plan(&text) {
        Ok(change) => format!("{change:?}"),
        Err(e) => e.code().to_owned(),
    }
}

#[test]
fn versions() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    assert_eq!(set(&w, "2026-11-01T00:00:00Z", "0.01"), "Unchanged");
    assert_eq!(set(&w, "2026-11-01T00:00:00Z", "0.02"), "plan_conflict", "in force");
    assert_eq!(set(&w, "2026-12-01T00:00:00Z", "0.02"), "Added");
    assert_eq!(set(&w, "2026-12-01T00:00:00Z", "0.03"), "Replaced", "still ahead");
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, CENT);
    assert_eq!(set(&w, "2026-11-21T09:00:00Z", "0.04"), "Added", "nothing charged since");
    w.charge();
    assert_eq!(w.balance("c-1"), "-0.040000");
    assert_eq!(set(&w, "2026-11-21T09:00:00Z", "0.05"), "plan_conflict");
    assert_eq!(
        set(&w, "2026-11-21T08:00:00Z", "0.05"),
        "plan_conflict",
        "never before an hour already charged"
    );
    assert_eq!(set(&w, "2026-11-21T10:00:00Z", "0.05"), "Added");
    assert_eq!(w.one("SELECT COUNT(*) FROM price_version"), "4");
    // Late usage goes by the price of its hour.
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, CENT);
    w.charge();
    assert_eq!(w.balance("c-1"), "-0.080000");
    w.sound();
}

#[test]
fn an_hour_charged_at_nothing_is_charged_too() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.sql("DELETE FROM price_version");
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, CENT);
    assert_eq!(w.charge().0, 1);
    assert_eq!(w.balance("c-1"), "0.000000");
    assert_eq!(
        set(&w, "2026-11-21T09:00:00Z", "0.01"),
        "plan_conflict",
        "a price never applies to usage older than it"
    );
    w.sound();
}

#[test]
fn a_file_for_other_books_is_refused() {
    let w = World::new();
    let check = |text: String, want: &str| assert_eq!(w.plan(&text).unwrap_err().code(), want);
    check(PLAN.replace("EUR", "USD"), "plan_currency");
    check(PLAN.replace("cpu_usec", "cpu_sec"), "plan_invalid");
    let (id, version) = (PlanId::parse("other").unwrap(), hostmeter_core::plan::parse_toml(PLAN).unwrap());
    let (currency, now_ms) = (w.rules.currency, w.now_ms);
    assert_eq!(
        w.write(move |tx| plans::set(tx, &id, &version, currency, now_ms)).unwrap_err().code(),
        "plan_id"
    );
}

#[test]
fn when_another_plan_holds() {
    let w = World::new();
    w.add_customer("c-1");
    w.plan(&PLAN.replace("basic", "other")).unwrap();
    w.plan(
        &PLAN
            .replace("basic", "tiered")
            .replace("per = \"3600000000\"", "per = \"3600000000\"\nfree = \"5\""),
    )
    .unwrap();
    let change = |to: &str| {
        let (customer, plan, now_ms) = (w.customer("c-1"), PlanId::parse(to).unwrap(), w.now_ms);
        match w.write(move |tx| customers::change_plan(tx, &customer, &plan, now_ms)) {
            Ok(customers::FROM_START) => "from the start".to_owned(),
            Ok(hour) => hour.to_string(),
            Err(e) => e.code().to_owned(),
        }
    };
    assert_eq!(change("basic"), "from the start", "it has it already");
    assert_eq!(change("other"), "2026-11-21T11:00:00Z");
    assert_eq!(change("nonsense"), "not_found");
    // From or to a version with a month's prices: the next billing month, in Riga's zone.
    assert_eq!(change("tiered"), "2026-11-30T22:00:00Z");
    // The switch that has not begun is taken back or replaced; what counts is the plan that holds until then.
    assert_eq!(change("basic"), "from the start");
    assert_eq!(change("tiered"), "2026-11-30T22:00:00Z");
    let at = |h: i64| w.read(|c| customers::plan_at(c, w.customer("c-1").row, UtcHour(h))).unwrap();
    assert_eq!((at(START.0), at(START.0 + 24 * 20)), ("basic".to_owned(), "tiered".to_owned()));
}

#[test]
fn free_allowance_counts_in_the_customer_s_month() {
    let mut w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.sql("DELETE FROM price_version");
    w.plan(&PLAN.replace("per = \"3600000000\"", &format!("per = \"3600000000\"\nfree = \"{CENT}\"")))
        .unwrap();
    // In Riga December begins at 22:00Z: the hours before and after it each have their month's allowance.
    let border = UtcHour::parse("2026-11-30T22:00:00Z").unwrap();
    w.now_ms = border.start_ms() + 10 * 3_600_000;
    for h in [-2, -1, 0, 1] {
        w.uses(1, UtcHour(border.0 + h), Meter::CpuUsec, CENT);
    }
    w.charge();
    assert_eq!(w.balance("c-1"), "-0.020000");
    assert_eq!(
        w.one("SELECT group_concat(month) FROM (SELECT month FROM rated ORDER BY month)"),
        "202611,202612"
    );
    w.sound();
}
