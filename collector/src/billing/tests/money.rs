//! Top-ups, adjustments, imports and quotes: once for each key, and clear words for everything else.

use crate::billing::adjust::{self, Adjustment};
use crate::billing::imports::{Import, ImportRow, import};
use crate::billing::testing::{CENT, START, World};
use crate::billing::{BillingError, history, quote};
use hostmeter_core::ids::{AccountId, PlanId};
use hostmeter_core::ledger::{LedgerAccount, TxnKind};
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;

#[test]
fn a_payment_counts_once() {
    let w = World::new();
    w.add_customer("c-1");
    w.add_customer("c-2");
    // customer, amount, payment, key → new, or the code of the error; then the balance of c-1
    let table = [
        ("c-1", "10", "p-1", "k-1", "new", "10.000000"),
        ("c-1", "10", "p-1", "k-1", "same", "10.000000"),
        ("c-1", "11", "p-1", "k-1", "idempotency_key_reused", "10.000000"),
        ("c-2", "10", "p-1", "k-1", "idempotency_key_reused", "10.000000"),
        ("c-1", "10", "p-2", "k-1", "idempotency_key_reused", "10.000000"),
        ("c-1", "10", "p-1", "k-2", "same", "10.000000"),
        ("c-1", "11", "p-1", "k-3", "payment_reused", "10.000000"),
        ("c-2", "10", "p-1", "k-4", "payment_reused", "10.000000"),
        ("c-1", "0", "p-3", "k-5", "ledger", "10.000000"),
        ("c-1", "-1", "p-3", "k-5", "ledger", "10.000000"),
        ("c-1", "1", "p 3", "k-5", "payment", "10.000000"),
        ("c-1", "1", "p-3", "", "idempotency_key", "10.000000"),
        ("c-1", "0.000001", "p-3", "k-5", "new", "10.000001"),
    ];
    let mut first = None;
    for (i, (customer, amount, payment, key, want, balance)) in table.into_iter().enumerate() {
        let got = match w.try_topup(customer, amount, payment, key) {
            Ok(outcome) => {
                if i < 6 {
                    assert_eq!(first.get_or_insert(outcome.booked.clone()), &outcome.booked, "row {i}");
                }
                if outcome.new { "new" } else { "same" }
            }
            Err(e) => e.code(),
        };
        assert_eq!((got, w.balance("c-1").as_str()), (want, balance), "row {i}");
    }
    assert_eq!(w.balance("c-2"), "0.000000");
    w.sound();
}

#[test]
fn an_adjustment_has_a_reason_and_an_actor() {
    let w = World::new();
    w.add_customer("c-1");
    let adjust = |amount: &str, reason: &str, key: Option<&str>| {
        let (customer, now_ms) = (w.customer("c-1"), w.now_ms);
        let (amount, reason, key) =
            (Money::parse(amount).unwrap(), reason.to_owned(), key.map(str::to_owned));
        let asked = (TxnKind::Adjustment, LedgerAccount::Promo);
        let got = w.write(move |tx| {
            let (kind, against) = asked;
            let asked = Adjustment { kind, amount, against, reason: &reason };
            adjust::adjust(tx, &customer, &asked, key.as_deref(), "eva", now_ms)
        });
        got.map_or_else(|e| e.code(), |o| if o.new { "new" } else { "same" })
    };
    assert_eq!(adjust("2", "an outage", Some("a b")), "new");
    assert_eq!(adjust("2", "an outage", Some("a b")), "same");
    assert_eq!(adjust("2", "another reason", Some("a b")), "idempotency_key_reused");
    assert_eq!(adjust("-0.5", "a mistake", None), "new");
    assert_eq!(adjust("-0.5", "a mistake", None), "new", "without a key each is another one");
    assert_eq!(adjust("1", " ", None), "reason");
    assert_eq!(adjust("0", "nothing", None), "ledger");
    assert_eq!(w.balance("c-1"), "1.000000");
    let (list, next) = w.read(|c| history::history(c, &w.customer("c-1"), None, history::Order::Rising, 10));
    let words: Vec<String> = list
        .iter()
        .map(|e| format!("{} {} {} {} {}", e.kind, e.amount, e.balance_after, e.actor, e.reason))
        .collect();
    assert_eq!(
        words,
        [
            "adjustment 2.000000 2.000000 eva an outage",
            "adjustment -0.500000 1.500000 eva a mistake",
            "adjustment -0.500000 1.000000 eva a mistake"
        ]
    );
    assert_eq!(next, None);
    w.sound();
}

#[test]
fn the_ledger_lists_charges_by_account_and_hour() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.account(2, "b@cloud", Some("c-1"));
    w.topup("c-1", "1", "p-1");
    for hour in [UtcHour(START.0 - 2), UtcHour(START.0 - 1)] {
        w.uses(1, hour, Meter::CpuUsec, CENT);
        w.uses(2, hour, Meter::CpuUsec, 2 * CENT);
    }
    w.charge();
    let page = |from, order, limit| w.read(|c| history::history(c, &w.customer("c-1"), from, order, limit));
    let show = |list: &[history::HistoryEntry]| {
        let text = |o: &Option<String>| o.clone().unwrap_or_default();
        let one = |e: &history::HistoryEntry| {
            format!("{} {} {} {} {}", e.kind, text(&e.account), text(&e.hour), e.amount, e.balance_after)
        };
        list.iter().map(one).collect::<Vec<_>>()
    };
    let all = [
        "topup   1.000000 1.000000",
        "charge a@cloud 2026-11-21T08:00:00Z -0.010000 0.990000",
        "charge b@cloud 2026-11-21T08:00:00Z -0.020000 0.970000",
        "charge a@cloud 2026-11-21T09:00:00Z -0.010000 0.960000",
        "charge b@cloud 2026-11-21T09:00:00Z -0.020000 0.940000",
    ];
    let (list, next) = page(None, history::Order::Rising, 100);
    assert_eq!((show(&list), next), (all.map(str::to_owned).to_vec(), None));
    let line = &list[2].lines[0];
    assert_eq!(
        (line.meter, line.quantity, line.price_version.as_str(), line.amount.to_string()),
        (Meter::CpuUsec.into(), 2 * CENT, "basic@2026-11-01T00:00:00Z", "0.020000".to_owned())
    );
    let (falling, _) = page(None, history::Order::Falling, 100);
    assert_eq!(show(&falling), all.iter().rev().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    // Page by page it is the same; a transaction is never cut.
    let (mut from, mut got) = (None, Vec::new());
    loop {
        let (list, next) = page(from, history::Order::Rising, 2);
        assert!(list.len() <= 3);
        got.extend(show(&list));
        match next {
            Some(_) => from = next,
            None => break,
        }
    }
    assert_eq!(got, all);
}

fn row(account: &str, meter: &str, hour: &str, quantity: i64) -> ImportRow {
    ImportRow { account: account.into(), meter: meter.into(), hour: hour.into(), quantity }
}

#[test]
fn imports_are_all_rows_or_none() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    let last = "2026-11-21T09:00:00Z";
    let send = |key: &str, source: &str, rows: Vec<ImportRow>| {
        let (asked, key, now_ms) = (Import { source: source.into(), rows }, key.to_owned(), w.now_ms);
        match w.write(move |tx| import(tx, &asked, &key, now_ms)) {
            Ok((n, new)) => format!("{n} {}", if new { "new" } else { "same" }),
            Err(BillingError::Invalid { code, why }) => format!("{code}: {why}"),
            Err(e) => e.code().to_owned(),
        }
    };
    let good = || vec![row("a@cloud", "cpu_usec", last, CENT), row("a@cloud", "db_queries", last, 7)];
    let total = || w.one("SELECT coalesce(cpu_usec, 0) FROM usage_hour UNION ALL SELECT -1");
    assert_eq!(send("k1", "cloud-a", good()), "2 new");
    assert_eq!(send("k1", "cloud-a", good()), "2 same");
    assert_eq!(send("k1", "cloud-b", good()), "idempotency_key_reused");
    assert_eq!(total(), CENT.to_string());
    let check = |rows: Vec<ImportRow>, want: &str| {
        let mut all = good();
        all.extend(rows);
        let got = send("k2", "cloud-a", all);
        assert!(got.contains(want), "{got}");
        assert_eq!(total(), CENT.to_string(), "nothing of it may stay: {want}");
    };
    check(vec![row("b@cloud", "cpu_usec", last, 1)], "import_row: rows[2].account: b@cloud is not known");
    check(vec![row("nobody", "cpu_usec", last, 1)], "rows[2].account: account \"nobody\" has no '@'");
    check(vec![row("a@cloud", "cpu", last, 1)], "rows[2].meter: \"cpu\" is no meter; known are cpu_usec,");
    check(vec![row("a@cloud", "sessions", last, 1)], "rows[2].meter: sessions is a level");
    check(
        vec![row("a@cloud", "cpu_usec", "2026-11-21T10:00:00Z", 1)],
        "rows[2].hour: 2026-11-21T10:00:00Z is not over",
    );
    check(vec![row("a@cloud", "cpu_usec", "2026-11-21T09:30:00Z", 1)], "is not the start of a UTC hour");
    check(vec![row("a@cloud", "cpu_usec", last, -2 * CENT - 1)], "would be -1");
    check(vec![row("a@cloud", "cpu_usec", last, i64::MAX)], "does not fit 63 bits");
    assert_eq!(
        send("k3", "cloud-b", vec![row("a@cloud", "cpu_usec", last, -1)]).split(':').next(),
        Some("import_row"),
        "each source for itself"
    );
    // The order of rows does not matter; hours of a host that does not exist close at once.
    assert_eq!(
        send(
            "k4",
            "cloud-a",
            vec![row("a@cloud", "cpu_usec", last, -CENT - 5), row("a@cloud", "cpu_usec", last, 5)]
        ),
        "2 new"
    );
    assert_eq!(total(), "0");
    assert_eq!(send("k5", "cloud-a", vec![row("a@cloud", "cpu_usec", last, CENT)]), "1 new");
    w.charge();
    assert_eq!(w.balance("c-1"), "-0.010000");
    w.sound();
}

#[test]
fn quotes_use_the_bill_s_code() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    let plan = PlanId::parse("basic").unwrap();
    let values: Values = [(Meter::CpuUsec, 3 * CENT), (Meter::DbQueries, 9)].into_iter().collect();
    let q = w.read(|c| quote::of_quantities(c, &plan, &values, w.now_ms));
    assert_eq!((q.total.to_string(), q.lines.len()), ("0.030000".into(), 1));
    for h in 1..=5 {
        w.uses(1, UtcHour(START.0 - h), Meter::CpuUsec, CENT / 3 + h);
    }
    let id = AccountId::parse("a@cloud").unwrap();
    let q = w.read(|c| quote::of_history(c, &plan, &id, UtcHour(START.0 - 5), START, w.now_ms));
    let (_, paid) = w.charge();
    assert_eq!(q.total, paid);
    let refused = w.db.read_blocking(|c| quote::of_history(c, &plan, &id, START, START, w.now_ms));
    assert_eq!(refused.unwrap_err().code(), "quote");
    let unknown = PlanId::parse("gold").unwrap();
    assert_eq!(
        w.db.read_blocking(|c| quote::of_quantities(c, &unknown, &values, w.now_ms)).unwrap_err().code(),
        "not_found"
    );
}
