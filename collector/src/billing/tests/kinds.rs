//! Refunds, promotions, write-offs and referrals: what may be booked, once, and what `ledger verify` says of the rest.

use crate::billing::adjust::{self, Adjustment};
use crate::billing::referral;
use crate::billing::refund::{self, Refund, refundable};
use crate::billing::testing::{CENT, START, World};
use crate::billing::topup::{self, Payment};
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::{LedgerAccount, Ppm, TxnKind};
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// `new`, `same` or the code of the error.
fn give(w: &World, kind: TxnKind, amount: &str, key: &str) -> &'static str {
    let (customer, now_ms) = (w.customer("c-1"), w.now_ms);
    let (amount, key) = (money(amount), key.to_owned());
    let got = w.write(move |tx| {
        let asked = Adjustment { kind, amount, against: LedgerAccount::Promo, reason: "because" };
        adjust::adjust(tx, &customer, &asked, Some(&key), "eva", now_ms)
    });
    got.map_or_else(|e| e.code(), |o| if o.new { "new" } else { "same" })
}

fn back(w: &World, customer: &str, amount: &str, payment: &str, reference: &str, key: &str) -> &'static str {
    let (customer, now_ms) = (w.customer(customer), w.now_ms);
    let (amount, payment, reference, key) =
        (money(amount), payment.to_owned(), reference.to_owned(), key.to_owned());
    let got = w.write(move |tx| {
        let asked =
            Refund { amount, gateway: "manual", payment: &payment, refund: &reference, reason: "asked for" };
        refund::refund(tx, &customer, &asked, &key, "eva", now_ms)
    });
    got.map_or_else(|e| e.code(), |o| if o.new { "new" } else { "same" })
}

#[test]
fn only_unspent_money_goes_back_and_once() {
    let w = World::new();
    w.add_customer("c-1");
    w.add_customer("c-2");
    w.account(1, "a@cloud", Some("c-1"));
    w.topup("c-1", "10", "p-1");
    assert_eq!(give(&w, TxnKind::Promo, "5", "promo"), "new");
    // 6 of use: the promotion first, then 1 of the money.
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, 600 * CENT);
    w.charge();
    assert_eq!(w.balance("c-1"), "9.000000");
    w.topup("c-1", "2", "p-2");
    assert_eq!(give(&w, TxnKind::Promo, "3", "promo-2"), "new");
    // customer, amount, payment, refund, key → new, or the code of the error; then the balance of c-1
    let table = [
        ("c-1", "0", "p-1", "r-0", "k-0", "ledger", "14.000000"),
        ("c-2", "1", "p-1", "r-0", "k-0", "not_found", "14.000000"),
        ("c-1", "1", "p-9", "r-0", "k-0", "not_found", "14.000000"),
        ("c-1", "2.000001", "p-2", "r-0", "k-0", "refund_exceeds_payment", "14.000000"),
        ("c-1", "2", "p-2", "r-1", "k-1", "new", "12.000000"),
        ("c-1", "2", "p-2", "r-1", "k-1", "same", "12.000000"),
        ("c-1", "2", "p-2", "r-1", "k-2", "same", "12.000000"),
        ("c-1", "1", "p-2", "r-1", "k-1", "idempotency_key_reused", "12.000000"),
        ("c-1", "1", "p-2", "r-1", "k-3", "payment_reused", "12.000000"),
        ("c-1", "2", "p-1", "r-1", "k-4", "payment_reused", "12.000000"),
        ("c-1", "0.000001", "p-2", "r-2", "k-5", "refund_exceeds_payment", "12.000000"),
        ("c-1", "9.000001", "p-1", "r-2", "k-5", "refund_exceeds_cash", "12.000000"),
        ("c-1", "4", "p-1", "r-2", "k-5", "new", "8.000000"),
        ("c-1", "5", "p-1", "r-3", "k-6", "new", "3.000000"),
        ("c-1", "0.000001", "p-1", "r-4", "k-7", "refund_exceeds_cash", "3.000000"),
    ];
    for (i, (customer, amount, payment, reference, key, want, balance)) in table.into_iter().enumerate() {
        let got = back(&w, customer, amount, payment, reference, key);
        assert_eq!((got, w.balance("c-1").as_str()), (want, balance), "row {i}");
    }
    let (cash, list) = w.read(|c| refundable(c, &w.customer("c-1")));
    assert_eq!(cash, Money::ZERO);
    let words: Vec<String> =
        list.iter().map(|r| format!("{} {} {} {}", r.payment, r.amount, r.refunded, r.refundable)).collect();
    assert_eq!(words, ["p-2 2.000000 2.000000 0.000000", "p-1 10.000000 9.000000 0.000000"]);
    w.sound();
}

#[test]
fn a_write_off_makes_no_credit() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    assert_eq!(give(&w, TxnKind::WriteOff, "1", "w-0"), "not_owed");
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, 300 * CENT);
    w.charge();
    assert_eq!(w.balance("c-1"), "-3.000000");
    assert_eq!(give(&w, TxnKind::WriteOff, "-1", "w-1"), "ledger");
    assert_eq!(give(&w, TxnKind::Promo, "-1", "w-1"), "ledger");
    assert_eq!(give(&w, TxnKind::Topup, "1", "w-1"), "adjustment_kind");
    assert_eq!(give(&w, TxnKind::WriteOff, "3.000001", "w-1"), "not_owed");
    assert_eq!(give(&w, TxnKind::WriteOff, "3", "w-1"), "new");
    assert_eq!(give(&w, TxnKind::WriteOff, "3", "w-1"), "same");
    assert_eq!(w.balance("c-1"), "0.000000");
    assert_eq!(
        w.one(
            "SELECT amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE name = 'bad-debt'"
        ),
        "-3000000"
    );
    w.sound();
}

fn pay(w: &World, customer: &str, amount: &str, payment: &str) {
    let (customer, rules, now_ms) = (w.customer(customer), w.rules.clone(), w.now_ms);
    let (amount, payment) = (money(amount), payment.to_owned());
    w.write(move |tx| {
        let paid = Payment { amount, gateway: "manual", payment: &payment };
        topup::receive(tx, &customer, &paid, &payment, "admin", &rules, now_ms)
    })
    .unwrap();
}

fn shares(w: &World) -> usize {
    let (rules, now_ms) = (w.rules.clone(), w.now_ms);
    w.write(move |tx| referral::pay_due(tx, &rules, now_ms)).unwrap().0
}

/// `c-2`, brought by `c-1`, at 10 %, after 100 s.
fn referred() -> World {
    let mut w = World::new();
    w.rules.referral = Ppm::parse_percent("10", 100).unwrap();
    w.rules.referral_delay_ms = 100_000;
    w.add_customer("c-1");
    w.add_customer("c-2");
    let customer = w.customer("c-2");
    let refer = |w: &World, id: &str| {
        let (customer, referrer) = (customer.clone(), CustomerId::parse(id).unwrap());
        w.write(move |tx| referral::refer(tx, &customer, &referrer)).map_err(|e| e.code())
    };
    assert_eq!(refer(&w, "c-2"), Err("referred_by"));
    assert_eq!(refer(&w, "c-9"), Err("not_found"));
    assert_eq!(refer(&w, "c-1"), Ok(()));
    w
}

#[test]
fn a_referrer_gets_its_share_after_the_delay_and_gives_it_back_with_a_refund() {
    let mut w = referred();
    pay(&w, "c-2", "10", "p-1");
    pay(&w, "c-2", "10", "p-1");
    pay(&w, "c-1", "1", "p-own");
    // A later change of the rate is for later payments.
    w.rules.referral = Ppm::parse_percent("20", 100).unwrap();
    pay(&w, "c-2", "5", "p-2");
    w.after(99);
    assert_eq!((shares(&w), w.balance("c-1").as_str()), (0, "1.000000"));
    w.after(1);
    assert_eq!((shares(&w), w.balance("c-1").as_str()), (2, "3.000000"));
    assert_eq!(shares(&w), 0, "once");
    // A share cannot be paid out.
    assert_eq!(back(&w, "c-1", "1.000001", "p-own", "r-x", "k-x"), "refund_exceeds_payment");
    let pots = w.read(|c| refund::pots(c, &w.customer("c-1")));
    assert_eq!((pots.cash(), pots.given()), (money("1"), money("2")));
    // A third goes back, then the rest: the share of what is left stays, to the micro-unit.
    assert_eq!(back(&w, "c-2", "3.333333", "p-1", "r-1", "k-1"), "new");
    assert_eq!(w.balance("c-1"), "2.666666");
    assert_eq!(back(&w, "c-2", "3.333333", "p-1", "r-1", "k-1"), "same");
    assert_eq!(w.balance("c-1"), "2.666666");
    w.sound();
    assert_eq!(back(&w, "c-2", "6.666667", "p-1", "r-2", "k-2"), "new");
    assert_eq!(back(&w, "c-2", "5", "p-2", "r-3", "k-3"), "new");
    assert_eq!((w.balance("c-1").as_str(), w.balance("c-2").as_str()), ("1.000000", "0.000000"));
    w.sound();
}

#[test]
fn what_went_back_before_its_share_was_due_is_not_shared() {
    let mut w = referred();
    pay(&w, "c-2", "10", "p-1");
    pay(&w, "c-2", "4", "p-2");
    assert_eq!(back(&w, "c-2", "10", "p-1", "r-1", "k-1"), "new");
    assert_eq!(back(&w, "c-2", "1", "p-2", "r-2", "k-2"), "new");
    w.after(100);
    assert_eq!((shares(&w), w.balance("c-1").as_str()), (2, "0.300000"));
    assert_eq!(w.one("SELECT group_concat(state, ' ') FROM referral"), "void credited");
    w.sound();
}

#[test]
fn what_no_rule_allows_is_named() {
    let check = |sql: &str, want: &str| {
        let mut w = referred();
        w.account(1, "a@cloud", Some("c-2"));
        pay(&w, "c-2", "10", "p-1");
        w.after(100);
        assert_eq!(shares(&w), 1);
        assert_eq!(back(&w, "c-2", "5", "p-1", "r-1", "k-1"), "new");
        w.sound();
        w.sql(&format!("DROP TRIGGER txn_no_update; DROP TRIGGER entry_no_update; {sql}"));
        let found = w.differences();
        assert!(found.iter().any(|d| d.contains(want)), "{sql}: {found:?}");
    };
    // Transactions: 1 top-up, 2 share, 3 refund, 4 share back.
    check("UPDATE txn SET reverses = NULL WHERE id = 3", "it gives back None");
    check("UPDATE txn SET reverses = 2 WHERE id = 3", "it gives back Some(2)");
    check("UPDATE txn SET reverses = 1 WHERE id = 2", "which it cannot");
    check(
        "UPDATE txn SET kind = 'promo' WHERE id = 2",
        "transaction 2, promo: it books 1.000000 against referral",
    );
    check("UPDATE txn SET kind = 'write-off' WHERE id = 2", "transaction 2, write-off");
    check("UPDATE entry SET amount = amount * 3 WHERE txn = 3", "of which 10.000000 was unspent money");
    check(
        "UPDATE entry SET amount = amount * 2 WHERE txn = 4",
        "the referrer has Some(Some(0)) micro-units of it",
    );
    check("UPDATE referral SET rate_ppm = 1", "its share is Some(5)");
    check("DELETE FROM referral", "1 referrals are in the ledger, 0 are listed");
}
