//! Resellers: what their customers pay them, what they pay the company, and what becomes of both when either does not.

use crate::billing::adjust::{Adjustment, adjust};
use crate::billing::charge::{self, RunLock};
use crate::billing::explain::explain;
use crate::billing::history::{Order, history};
use crate::billing::refund::{Refund, refund, refundable};
use crate::billing::statement;
use crate::billing::testing::{CENT, START, World};
use crate::billing::{BillingError, Rates, accounts, customers, ledger, pending, plans, resellers};
use hostmeter_core::ids::{AccountId, CustomerId, PlanId};
use hostmeter_core::ledger::{LedgerAccount, TxnKind};
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;

/// A CPU-hour costs the reseller 0.004, the first is free; traffic costs it, too.
pub(super) const BULK: &str = "id = \"bulk\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-01T00:00:00Z\"\n\
    [[price]]\nmeter = \"cpu_usec\"\namount = \"0.004\"\nper = \"3600000000\"\nfree = \"3600000000\"\n\
    [[price]]\nmeter = \"net_tx_bytes\"\namount = \"0.01\"\nper = \"1073741824\"\n";
/// Its customers pay 0.01 a CPU-hour, and nothing for traffic.
pub(super) const SHOP: &str = "id = \"shop\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-01T00:00:00Z\"\n\
    [[price]]\nmeter = \"cpu_usec\"\namount = \"0.01\"\nper = \"3600000000\"\n";

pub(super) fn with_base(plan: &str, base: &str) -> String {
    plan.replacen("[[price]]", &format!("base_per_day = \"{base}\"\n[[price]]"), 1)
}

fn hour(n: i64) -> UtcHour {
    UtcHour(START.0 + n)
}

/// Reseller r-1 with customer c-1, who has shop@cloud; c-2 is the company's.
fn world() -> World {
    let w = World::new();
    w.add_reseller("r-1", BULK, SHOP);
    w.add_resold("c-1", "r-1", "shop");
    w.add_customer("c-2");
    w.account(1, "shop@cloud", Some("c-1"));
    w
}

/// `ACCOUNT AMOUNT` of the ledger's accounts that hold anything.
fn books(w: &World) -> String {
    w.one(
        "SELECT group_concat(n, ', ') FROM (SELECT a.name || ' ' || b.amount AS n FROM balance b
           JOIN ledger_account a ON a.id = b.account WHERE b.amount <> 0 ORDER BY a.name)",
    )
}

fn assign(w: &World, customer: &str, reseller: Option<&str>, plan: &str) -> Result<i64, BillingError> {
    let (customer, now_ms) = (w.customer(customer), w.now_ms);
    let (reseller, plan) = (reseller.map(|r| w.customer(r)), PlanId::parse(plan).unwrap());
    let from = w.write(move |tx| resellers::assign(tx, &customer, reseller.as_ref(), &plan, now_ms))?;
    Ok(from.0.saturating_sub(START.0))
}

#[test]
fn retail_is_the_resellers_and_wholesale_the_companys() {
    let mut w = world();
    w.topup("c-1", "10", "p-1");
    w.uses(1, hour(-1), Meter::CpuUsec, 3 * CENT);
    w.uses(1, hour(-1), Meter::NetTxBytes, 1 << 30);
    let open = |who| w.read(|c| pending(c, &mut Rates::default(), w.customer(who).row)).amount.to_string();
    assert_eq!(
        (open("c-1"), open("r-1"), open("c-2")),
        ("0.030000".into(), "0.018000".into(), "0.000000".into())
    );
    assert_eq!(w.charge().1.to_string(), "0.030000", "a run tells what customers paid for usage, once");
    let after = "cash:reseller:r-1 -10000000, customer:c-1 9970000, customer:r-1 -18000, reseller:r-1 30000, \
                 revenue:cpu_usec 8000, revenue:net_tx_bytes 10000";
    assert_eq!(books(&w), after);
    w.sound();
    // Nothing twice.
    let digest = w.digest();
    w.charge();
    assert_eq!(w.digest(), digest);
    // Late usage and a correction: both sides, each by its own price; the free hour is used up.
    w.uses(1, hour(-1), Meter::CpuUsec, -CENT);
    w.charge();
    w.uses(1, hour(-1), Meter::CpuUsec, 2 * CENT);
    w.charge();
    assert_eq!((w.balance("c-1"), w.balance("r-1")), ("9.960000".into(), "-0.022000".into()));
    assert_eq!(w.one("SELECT group_concat(rev || ':' || amount) FROM wholesale"), "0:18000,1:-4000,2:8000");
    // Traffic has a price for the reseller alone: its revisions are its own.
    w.uses(1, hour(-2), Meter::NetTxBytes, 1 << 30);
    w.charge();
    w.uses(1, hour(-2), Meter::NetTxBytes, 1 << 30);
    w.charge();
    assert_eq!(w.one("SELECT count(*) || ' ' || max(rev) FROM wholesale WHERE hour = 498680"), "2 1");
    assert_eq!(w.one("SELECT count(*) FROM charge WHERE hour = 498680"), "0");
    assert_eq!(w.balance("r-1"), "-0.042000");
    w.now_ms += 1;
    w.sound();
}

#[test]
fn months_of_wholesale_go_on_from_customer_to_customer() {
    let mut w = world();
    w.add_resold("c-3", "r-1", "shop");
    w.uses(1, hour(-1), Meter::CpuUsec, CENT / 2);
    let (account, to, now_ms) = (AccountId::parse("shop@cloud").unwrap(), w.customer("c-3"), w.now_ms);
    w.write(move |tx| accounts::assign(tx, &accounts::get(tx, &account)?, &to, now_ms)).unwrap();
    w.uses(1, hour(1), Meter::CpuUsec, CENT);
    w.now_ms = hour(2).start_ms();
    w.charge();
    // The free CPU-hour is the account's, whoever of the reseller's customers has it.
    assert_eq!(
        (w.balance("c-1"), w.balance("c-3"), w.balance("r-1")),
        ("-0.005000".into(), "-0.010000".into(), "-0.002000".into())
    );
    w.sound();
}

#[test]
fn a_customer_changes_its_reseller_from_the_next_hour_on() {
    let mut w = world();
    let linear = BULK.replace("free = \"3600000000\"\n", "");
    w.add_reseller(
        "r-2",
        &linear.replace("bulk", "bulk2"),
        &SHOP.replace("shop", "shop2").replace("0.01", "0.02"),
    );
    assert_eq!(assign(&w, "c-1", Some("r-2"), "shop").unwrap_err().code(), "not_found", "a plan of another");
    assert_eq!(assign(&w, "r-1", Some("r-2"), "shop2").unwrap_err().code(), "reseller_level");
    assert_eq!(assign(&w, "c-1", Some("r-2"), "shop2").unwrap(), 1);
    let plan = |w: &World, plan: &str| {
        let (customer, plan, now_ms) = (w.customer("c-1"), PlanId::parse(plan).unwrap(), w.now_ms);
        w.write(move |tx| customers::change_plan(tx, &customer, &plan, now_ms)).map_err(|e| e.code())
    };
    assert_eq!(plan(&w, "shop2").unwrap_err(), "reseller_ahead");
    assert_eq!(plan(&w, "shop").unwrap_err(), "not_found");
    w.topup("c-1", "1", "p-1");
    w.uses(1, hour(0), Meter::CpuUsec, CENT);
    w.uses(1, hour(1), Meter::CpuUsec, CENT);
    w.now_ms = hour(2).start_ms();
    w.charge();
    assert!(w.try_topup("c-1", "2", "p-1", "k-2").unwrap().new, "the same reference in other books");
    let after = "cash:reseller:r-1 -1000000, cash:reseller:r-2 -2000000, customer:c-1 2970000, customer:r-2 -4000, \
                 reseller:r-1 10000, reseller:r-2 20000, revenue:cpu_usec 4000";
    assert_eq!(books(&w), after);
    // Late usage of the hour before is the first one's.
    w.uses(1, hour(0), Meter::CpuUsec, CENT);
    w.charge();
    assert_eq!((w.balance("r-1"), w.balance("r-2")), ("-0.004000".into(), "-0.004000".into()));
    // To the company and, before that begins, back again.
    assert_eq!(assign(&w, "c-1", None, "basic").unwrap(), 3);
    assert_eq!(assign(&w, "c-1", Some("r-2"), "shop2").unwrap(), 1);
    assert_eq!(assign(&w, "c-1", None, "basic").unwrap(), 3);
    w.uses(1, hour(3), Meter::CpuUsec, CENT);
    w.now_ms = hour(4).start_ms();
    w.charge();
    assert_eq!(
        (w.balance("r-2"), w.one("SELECT amount FROM charge ORDER BY hour DESC LIMIT 1")),
        ("-0.004000".into(), "10000".into())
    );
    w.sound();
    // What was booked by hand in the wrong books is found.
    w.sql("DROP TRIGGER entry_no_update");
    w.sql("UPDATE customer SET reseller = NULL WHERE name = 'c-2'; UPDATE customer_reseller SET reseller = NULL WHERE from_hour > 0");
    assert!(!w.differences().is_empty());
}

#[test]
fn plans_bind_to_those_who_made_them() {
    let w = world();
    let change = |customer: &str, plan: &str| {
        let (customer, plan, now_ms) = (w.customer(customer), PlanId::parse(plan).unwrap(), w.now_ms);
        w.write(move |tx| customers::change_plan(tx, &customer, &plan, now_ms))
            .map(drop)
            .map_err(|e| e.code())
    };
    assert_eq!(change("c-1", "basic"), Err("not_found"));
    assert_eq!(change("c-2", "shop"), Err("not_found"));
    assert_eq!(change("r-1", "shop"), Err("not_found"));
    let make = |plan: Option<&str>, reseller: &str| {
        let new = customers::NewCustomer {
            id: CustomerId::parse("c-9").unwrap(),
            title: String::new(),
            plan: plan.map(|p| PlanId::parse(p).unwrap()),
            billing_zone: "UTC".into(),
            reseller: Some(CustomerId::parse(reseller).unwrap()),
        };
        let (rules, now_ms) = (w.rules.clone(), w.now_ms);
        let made =
            w.write(move |tx| customers::create(tx, &new, Some(&rules.default_plan), rules.currency, now_ms));
        made.map(drop).map_err(|e| e.code())
    };
    assert_eq!(make(None, "r-1"), Err("plan_missing"));
    assert_eq!(make(Some("basic"), "r-1"), Err("not_found"));
    assert_eq!(make(Some("shop"), "c-2"), Err("not_found"), "c-2 is no reseller");
    assert_eq!(make(Some("shop"), "r-1"), Ok(()));
    let level = w.customer("c-1");
    assert_eq!(w.write(move |tx| resellers::make(tx, &level)).unwrap_err().code(), "reseller_level");
    assert_eq!(
        w.read(|c| plans::get(c, &PlanId::parse("shop").unwrap())).reseller,
        Some(w.customer("r-1").row)
    );
}

#[test]
fn money_of_a_resellers_customer_is_in_the_resellers_books() {
    let mut w = world();
    w.topup("c-1", "10", "p-1");
    w.topup("c-2", "10", "p-1x");
    // The same reference is another payment in the company's books.
    w.topup("r-1", "5", "p-1c");
    let book = |w: &World, kind, amount: &str| {
        let (customer, now_ms, amount) = (w.customer("c-1"), w.now_ms, Money::parse(amount).unwrap());
        w.write(move |tx| {
            let asked = Adjustment { kind, amount, against: LedgerAccount::Promo, reason: "x" };
            adjust(tx, &customer, &asked, None, "admin", now_ms)
        })
        .unwrap();
    };
    book(&w, TxnKind::Promo, "2");
    book(&w, TxnKind::Adjustment, "-1");
    let back = |w: &World, amount: &str, reference: &'static str| {
        let (customer, now_ms, amount) = (w.customer("c-1"), w.now_ms, Money::parse(amount).unwrap());
        w.write(move |tx| {
            let (gateway, payment, reason) = ("manual", "p-1", "x");
            let asked = Refund { amount, gateway, payment, refund: reference, reason };
            refund(tx, &customer, &asked, reference, "admin", now_ms)
        })
        .map(drop)
        .map_err(|e| e.code())
    };
    assert_eq!(back(&w, "4", "b-1"), Ok(()));
    assert_eq!(
        books(&w),
        "cash:manual -15000000, cash:reseller:r-1 -6000000, customer:c-1 7000000, customer:c-2 10000000, \
         customer:r-1 5000000, reseller:r-1 -1000000"
    );
    // With another reseller the money goes back to where it came to.
    let linear = BULK.replace("free = \"3600000000\"\n", "");
    w.add_reseller("r-2", &linear.replace("bulk", "bulk2"), &SHOP.replace("shop", "shop2"));
    assign(&w, "c-1", Some("r-2"), "shop2").unwrap();
    w.now_ms = hour(1).start_ms();
    assert_eq!(back(&w, "2", "b-2"), Ok(()));
    assert_eq!(w.one("SELECT amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE name = 'cash:reseller:r-1'"), "-4000000");
    let (cash, payments) = w.read(|c| refundable(c, &w.customer("c-1")));
    assert_eq!(
        (cash.to_string(), payments[0].payment.as_str(), payments[0].refunded.to_string()),
        ("4.000000".into(), "p-1", "6.000000".into())
    );
    w.sound();
}

#[test]
fn base_fees_are_paid_on_both_sides() {
    let mut w = World::new();
    w.add_reseller("r-1", &with_base(BULK, "0.05"), &with_base(SHOP, "0.24"));
    w.add_resold("c-1", "r-1", "shop");
    w.account(1, "shop@cloud", Some("c-1"));
    w.topup("c-1", "10", "p-1");
    w.topup("r-1", "10", "p-2");
    // Until 22:00Z: c-1's next day has begun in Riga, the reseller's not in UTC.
    w.now_ms = UtcHour::parse("2026-11-21T23:00:00Z").unwrap().start_ms();
    w.charge();
    assert_eq!((w.balance("c-1"), w.balance("r-1")), ("9.520000".into(), "9.950000".into()));
    w.now_ms += 3_600_000 * 2;
    w.charge();
    assert_eq!((w.balance("c-1"), w.balance("r-1")), ("9.520000".into(), "9.900000".into()));
    assert_eq!(w.one("SELECT amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE name = 'reseller:r-1'"), "480000");
    w.sound();
    w.sql("DROP TRIGGER wholesale_fee_no_update; UPDATE wholesale_fee SET amount = 1");
    assert!(!w.differences().is_empty());
}

#[test]
fn what_comes_after_a_deletion_is_no_resellers_revenue() {
    let w = world();
    w.sql("UPDATE account SET deletion = 'done'");
    w.uses(1, hour(-1), Meter::CpuUsec, 2 * CENT);
    w.charge();
    assert_eq!(books(&w), "bad-debt -4000, revenue:cpu_usec 4000");
    w.sound();
}

#[test]
fn whose_books_are_broken_holds_up_both() {
    let w = world();
    w.uses(1, hour(-1), Meter::CpuUsec, 2 * CENT);
    w.sql("INSERT INTO parked (customer, since_ms, why) SELECT id, 0, 'x' FROM customer WHERE name = 'r-1'");
    assert_eq!(w.charge().0, 0);
    w.sql("DELETE FROM parked");
    assert_eq!(w.charge().0, 1);
    w.sound();
}

#[test]
fn a_reseller_that_does_not_pay_stops_its_customers() {
    let mut w = world();
    w.host(1, 1);
    w.topup("c-1", "10", "p-1");
    w.topup("r-1", "0.001", "p-0");
    w.uses(1, hour(-1), Meter::CpuUsec, 2 * CENT);
    w.charge();
    let state = |w: &World| {
        let states = "SELECT group_concat(name || ' ' || state) FROM customer WHERE name <> 'c-2'";
        format!("{}; {}", w.one(states), w.one("SELECT desired FROM account"))
    };
    assert_eq!(state(&w), "r-1 grace,c-1 active; active");
    w.after(11);
    w.after(1);
    assert_eq!(state(&w), "r-1 suspended,c-1 active; suspended");
    assert_eq!(w.told(1), "suspend#1/1");
    // Much later nothing of the customer is gone.
    w.after(1_000);
    assert_eq!(state(&w), "r-1 suspended,c-1 active; suspended");
    let events = "SELECT group_concat(kind) FROM lifecycle_event e JOIN customer c ON c.id = e.customer WHERE c.name = 'c-1'";
    assert_eq!(w.one(events), "customer.opened,provider.suspended,account.suspend");
    // Its payment lets both run in the same transaction.
    w.topup("r-1", "10", "p-2");
    assert_eq!(state(&w), "r-1 active,c-1 active; active");
    w.sound();
}

#[test]
fn a_customer_of_another_reseller_is_not_stopped() {
    let mut w = world();
    let linear = BULK.replace("free = \"3600000000\"\n", "");
    w.add_reseller("r-2", &linear.replace("bulk", "bulk2"), &SHOP.replace("shop", "shop2"));
    w.topup("c-1", "10", "p-1");
    w.uses(1, hour(-1), Meter::CpuUsec, 2 * CENT);
    w.charge();
    assign(&w, "c-1", Some("r-2"), "shop2").unwrap();
    w.now_ms = hour(1).start_ms();
    w.sweep();
    w.sweep();
    assert_eq!(w.one("SELECT state FROM customer WHERE name = 'r-1'"), "suspended");
    assert_eq!(w.one("SELECT desired FROM account"), "active");
    assert_eq!(w.read(|c| ledger::balance(c, &CustomerId::parse("r-1").unwrap())).to_string(), "-0.004000");
}

/// A run as the cron makes it, which also closes months.
fn run(w: &World) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let lock = RunLock::default();
    runtime.block_on(charge::run(&w.db, &lock, &w.rules, "cron", w.now_ms, w.now_ms, |_| {})).unwrap();
}

/// The newest statement of a customer, or one before it.
fn of(w: &World, customer: &str, n: usize) -> statement::Statement {
    let customer = w.customer(customer);
    let all = w.read(|c| statement::list(c, &customer, None, 10));
    w.read(|c| statement::find(c, &customer, all[n].number)).unwrap()
}

/// A statement's sums: account, for whom, meter, amount.
fn lines(s: &statement::Statement) -> String {
    let line = |c: &statement::ChargeSum| {
        let (account, customer) = (c.account.as_deref().unwrap(), c.customer.as_deref().unwrap_or("-"));
        format!("{account} {customer} {} {}", c.meter, c.amount)
    };
    s.charges.iter().map(line).collect::<Vec<_>>().join(", ")
}

#[test]
fn statements_name_whom_a_reseller_paid_for() {
    let mut w = World::new();
    w.rules.tax = hostmeter_core::ledger::Ppm::parse_percent("21", 100).unwrap();
    w.rules.lifecycle.grace_ms = i64::MAX;
    w.add_reseller("r-1", &with_base(BULK, "0.05"), &with_base(SHOP, "0.24"));
    w.add_resold("c-1", "r-1", "shop");
    w.account(1, "shop@cloud", Some("c-1"));
    w.account(2, "own@cloud", Some("r-1"));
    w.topup("c-1", "10", "p-1");
    w.topup("r-1", "10", "p-2");
    w.uses(1, hour(0), Meter::CpuUsec, 3 * CENT);
    w.uses(2, hour(0), Meter::CpuUsec, 2 * CENT);
    w.now_ms = UtcHour::parse("2026-12-01T01:00:00Z").unwrap().start_ms();
    run(&w);
    w.sound();
    let theirs = of(&w, "c-1", 0);
    assert_eq!(
        (theirs.provider.as_deref(), theirs.tax.tax.to_string()),
        (Some("Reseller r-1"), "0.000000".into())
    );
    let own = of(&w, "r-1", 0);
    assert_eq!(own.provider, None);
    assert_eq!(
        lines(&own),
        "own@cloud - cpu_usec 0.004000, own@cloud - base 0.500000, shop@cloud c-1 cpu_usec 0.008000, \
         shop@cloud c-1 base 0.500000"
    );
    assert_eq!(own.tax.gross, own.charged);
    assert!(statement::csv(&own).contains("-0.008000,EUR,c-1"), "{}", statement::csv(&own));
    // Late: it stands in the next one of both.
    w.uses(1, hour(0), Meter::CpuUsec, CENT);
    w.now_ms = UtcHour::parse("2027-01-01T01:00:00Z").unwrap().start_ms();
    run(&w);
    w.sound();
    let late = of(&w, "r-1", 0);
    assert_eq!(late.corrections[0].customer.as_deref(), Some("c-1"));
    assert_eq!(late.corrections[0].amount.to_string(), "0.004000");
    let (listed, _) = w.read(|c| statement::corrections(c, late.number, None, 10));
    assert_eq!((listed[0].account.as_str(), listed[0].hour.clone()), ("shop@cloud", hour(0).to_string()));
    // Down to the hour, on both sides, by the price of each.
    let store = crate::store::sqlite::SqliteStore::open(&w.dir().join("usage.db")).unwrap();
    let explained = |customer: &str| {
        let account = AccountId::parse("shop@cloud").unwrap();
        let found =
            w.db.read_blocking(|c| explain(c, &store, &w.customer(customer), &account, hour(0))).unwrap();
        let found = found.unwrap();
        let charges =
            found.charges.iter().map(|c| format!("{} {} in {:?}", c.price_version, c.amount, c.statement));
        (charges.collect::<Vec<_>>().join(", "), found.usage["cpu_usec"].charged)
    };
    let number = |s: &statement::Statement| s.number;
    let (first, next) = (number(&own), number(&late));
    let bulk = "bulk@2026-11-01T00:00:00Z";
    assert_eq!(
        explained("r-1"),
        (format!("{bulk} 0.008000 in Some({first}), {bulk} 0.004000 in Some({next})"), 4 * CENT)
    );
    assert!(explained("c-1").0.starts_with("shop@2026-11-01T00:00:00Z 0.030000"));
    // The ledger of the reseller says for whom.
    let (entries, _) = w.read(|c| history(c, &w.customer("r-1"), None, Order::Rising, 1_000));
    let for_whom: Vec<_> = entries.iter().filter(|e| e.account.as_deref() == Some("shop@cloud")).collect();
    assert!(for_whom.iter().all(|e| e.customer.as_deref() == Some("c-1")) && for_whom.len() > 2);
    let balance = entries.last().unwrap().balance_after.to_string();
    assert_eq!(balance, w.balance("r-1"));
}

#[test]
fn a_gateway_of_the_company_books_nothing_for_a_resellers_customer() {
    let w = world();
    let now_ms = w.now_ms;
    let (gateway, rules) = (hostmeter_core::ledger::Gateway::parse("bank").unwrap(), w.rules.clone());
    let body = r#"{"type":"payment.succeeded","data":{"customer":"c-1","payment":"p-1","amount":"10.00","currency":"EUR"}}"#;
    let taken = w.write(move |tx| {
        crate::billing::payments::take(tx, &gateway, "m-1", body.as_bytes(), &rules, now_ms)
    });
    drop(taken.unwrap());
    assert_eq!(w.one("SELECT state FROM payment_event"), "kept");
    assert!(w.one("SELECT why FROM payment_event").contains("reseller r-1"));
    assert_eq!(w.balance("c-1"), "0.000000");
}
