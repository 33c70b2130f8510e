//! The ledger's rules, as tables and as properties.

use super::*;
use crate::ids::{AccountId, CustomerId};
use crate::meter::Meter;
use crate::plan::PriceVersionId;
use crate::rating::Line;
use crate::units::UtcHour;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn customer(n: u32) -> CustomerId {
    CustomerId::parse(&format!("c-{n}")).unwrap()
}

fn euros(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn gateway() -> Gateway {
    Gateway::parse("manual").unwrap()
}

fn payment(text: &str) -> PaymentRef {
    PaymentRef::parse(text).unwrap()
}

fn line(meter: Meter, micros: i64) -> Line {
    Line {
        meter,
        quantity_before: 0,
        quantity_after: 1,
        price_version: PriceVersionId::parse("basic@2026-11-01T00:00:00Z").unwrap(),
        amount: Money::from_micros(micros),
    }
}

fn shown(txn: Result<Txn, LedgerError>) -> String {
    match txn {
        Ok(txn) => {
            let entries: Vec<String> =
                txn.entries().iter().map(|e| format!("{} {}", e.account, e.amount)).collect();
            let key = txn.idem_key().map_or("-", IdemKey::as_str);
            format!("{} [{key}] {}", txn.kind(), entries.join(", "))
        }
        Err(e) => e.to_string(),
    }
}

#[test]
fn what_each_kind_books() {
    let check = |txn: Result<Txn, LedgerError>, want: &str| assert_eq!(shown(txn), want);
    let c = customer(1);
    check(
        topup(&c, euros("10"), &gateway(), &payment("p-1"), 5),
        "topup [topup:manual:p-1] customer:c-1 10.000000, cash:manual -10.000000",
    );
    check(
        refund(&c, euros("4"), &gateway(), &payment("r-1"), 5),
        "refund [refund:manual:r-1] customer:c-1 -4.000000, cash:manual 4.000000",
    );
    check(
        adjustment(&c, euros("-2"), LedgerAccount::Promo, &payment("a-1"), 5),
        "adjustment [adjust:a-1] customer:c-1 -2.000000, promo 2.000000",
    );
    check(
        topup(&c, euros("0"), &gateway(), &payment("p"), 5),
        "topup of 0.000000: the amount must be above zero",
    );
    check(
        refund(&c, euros("-1"), &gateway(), &payment("p"), 5),
        "refund of -1.000000: the amount must be above zero",
    );
    check(
        adjustment(&c, Money::ZERO, LedgerAccount::Promo, &payment("p"), 5),
        "adjustment of 0.000000: the amount must be above or below zero",
    );
    check(
        adjustment(&c, Money::MIN, LedgerAccount::Promo, &payment("p"), 5),
        "adjustment overflows on promo; the range of an amount is -9223372036854.775808 to 9223372036854.775807",
    );
    check(
        adjustment(&c, euros("1"), LedgerAccount::Cash(gateway()), &payment("p"), 5),
        "adjustment cannot be booked against cash:manual; use promo, referral, bad-debt or revenue:METER; money \
         itself moves by top-up and refund",
    );
}

#[test]
fn charges_are_added_up_by_customer_and_meter() {
    let mut batch = ChargeBatch::default();
    batch.add(&Payer::Customer(customer(1)), &[line(Meter::CpuUsec, 5), line(Meter::NetTxBytes, 7)]);
    batch.add(&Payer::Customer(customer(2)), &[line(Meter::CpuUsec, 0)]);
    batch.add(&Payer::Customer(customer(1)), &[line(Meter::CpuUsec, 1)]);
    batch.add(&Payer::BadDebt, &[line(Meter::NetTxBytes, 2)]);
    assert_eq!(batch.entries(), 5);
    assert_eq!(
        shown(batch.finish(9).map(Option::unwrap)),
        "charge [-] customer:c-1 -0.000013, revenue:cpu_usec 0.000006, revenue:net_tx_bytes 0.000009, \
         bad-debt -0.000002"
    );
    assert_eq!(ChargeBatch::default().finish(9), Ok(None));
    let mut free = ChargeBatch::default();
    free.add(&Payer::Customer(customer(1)), &[line(Meter::CpuUsec, 0)]);
    assert_eq!(free.finish(9), Ok(None));
    let mut huge = ChargeBatch::default();
    huge.add(&Payer::Customer(customer(1)), &[line(Meter::CpuUsec, i64::MAX), line(Meter::IoOps, i64::MAX)]);
    assert!(shown(huge.finish(9).map(Option::unwrap)).starts_with("charge overflows on customer:c-1"));
}

#[test]
fn entries_that_make_no_transaction() {
    let check = |amounts: &[(&str, i64)], want: &str| {
        let entry = |(name, micros): &(&str, i64)| Entry {
            account: LedgerAccount::parse(name).unwrap(),
            amount: Money::from_micros(*micros),
        };
        assert_eq!(shown(Txn::new(TxnKind::Tax, None, 0, amounts.iter().map(entry).collect())), want);
    };
    check(&[("tax", 1), ("promo", -1)], "tax [-] tax 0.000001, promo -0.000001");
    check(&[], "tax with 0 entries: double entry needs 2 or more");
    check(&[("tax", 0)], "tax with 1 entries: double entry needs 2 or more");
    check(&[("tax", 0), ("promo", 0)], "tax has an entry of zero on tax; leave it out");
    check(&[("tax", 1), ("tax", -1)], "tax has two entries on tax; add them up into one");
    check(&[("tax", 1), ("promo", 1)], "tax does not balance: its entries sum to 2 micro-units instead of 0");
    let many = (0..=TXN_ENTRIES_MAX)
        .map(|n| Entry {
            account: LedgerAccount::Customer(customer(u32::try_from(n).unwrap())),
            amount: Money::from_micros(1),
        })
        .collect();
    let want = "tax with 4097 entries: at most 4096 fit one transaction; post it in parts";
    assert_eq!(shown(Txn::new(TxnKind::Tax, None, 0, many)), want);
}

#[test]
fn names_of_accounts() {
    let check = |text: &str, want: &str| {
        let got = LedgerAccount::parse(text).map_or_else(|e| e.to_string(), |a| a.to_string());
        assert_eq!(got, want);
    };
    for name in [
        "customer:c-1",
        "cash:manual",
        "revenue:cpu_usec",
        "revenue:base",
        "tax",
        "promo",
        "referral",
        "bad-debt",
        "reseller:r-1",
        "cash:reseller:r-1",
    ] {
        check(name, name);
    }
    check(
        "cash:man:ual",
        "\"cash:man:ual\" is no account of the ledger: gateway \"man:ual\" must be 1 to 32 lower-case letters, \
         digits, '-' or '_', like \"manual\"",
    );
    check("revenue:gold", "\"revenue:gold\" is no account of the ledger: no meter is called \"gold\"");
    check(
        "customer:",
        "\"customer:\" is no account of the ledger: customer id \"\" has 0 characters; 1 to 64 are allowed",
    );
    let known = "known are customer:ID, cash:GATEWAY, revenue:METER, tax, promo, referral, bad-debt, reseller:ID, \
                 cash:reseller:ID";
    check("tax:1", &format!("\"tax:1\" is no account of the ledger: {known}"));
    check("", &format!("\"\" is no account of the ledger: {known}"));
    for kind in TxnKind::ALL {
        assert_eq!(TxnKind::from_name(kind.as_str()), Some(*kind));
        assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
    }
}

#[test]
fn keys() {
    let account = AccountId::parse("shop@web1").unwrap();
    let check = |key: IdemKey, want: &str| assert_eq!(key.as_str(), want);
    check(IdemKey::charge(&account, UtcHour(0), 2), "charge:shop@web1:1970-01-01T00:00:00Z:2");
    check(IdemKey::life(&customer(1), 3, "account.suspend"), "life:c-1:3:account.suspend");
    check(IdemKey::notice(&customer(1), 3, "balance.low", 7), "notice:c-1:3:balance.low:7");
    for bad in ["", "a b", "a\n", "ä", &"x".repeat(129)] {
        assert_eq!(PaymentRef::parse(bad).unwrap_err(), KeyError::Payment(bad.chars().take(80).collect()));
    }
}

#[test]
fn the_chain_is_frozen() {
    let txn = topup(&customer(1), euros("10"), &gateway(), &payment("p-1"), 1_795_255_200_000).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}",
        hex(&txn.canonical_bytes(&[])),
        hex(&txn.payload_hash()),
        hex(&chain_hash(&GENESIS, &txn.canonical_bytes(&[])))
    ));
}

#[test]
fn a_repeated_request_has_the_same_payload_and_another_has_not() {
    let base = topup(&customer(1), euros("10"), &gateway(), &payment("p-1"), 1).unwrap();
    let check = |other: Txn, same: bool| {
        assert_eq!(other.payload_hash() == base.payload_hash(), same, "{other:?}");
        assert_ne!(other.canonical_bytes(&[]), base.canonical_bytes(&[]));
    };
    check(topup(&customer(1), euros("10"), &gateway(), &payment("p-1"), 2).unwrap(), true);
    check(topup(&customer(1), euros("11"), &gateway(), &payment("p-1"), 1).unwrap(), false);
    check(topup(&customer(2), euros("10"), &gateway(), &payment("p-1"), 1).unwrap(), false);
    check(topup(&customer(1), euros("10"), &gateway(), &payment("p-2"), 1).unwrap(), false);
    assert_ne!(base.canonical_bytes(&[b"ab", b"c"]), base.canonical_bytes(&[b"a", b"bc"]));
    assert_ne!(base.canonical_bytes(&[b""]), base.canonical_bytes(&[]));
}

/// A ledger as the database keeps it: a key that stands is not posted again.
#[derive(Default)]
struct Book {
    keys: BTreeSet<IdemKey>,
    balances: BTreeMap<LedgerAccount, Money>,
}

impl Book {
    fn post(&mut self, txn: &Txn) {
        if txn.idem_key().is_none_or(|key| self.keys.insert(key.clone())) {
            apply(&mut self.balances, txn).unwrap();
        }
    }
}

#[test]
fn a_balance_that_would_overflow_changes_nothing() {
    let mut balances = BTreeMap::from([(LedgerAccount::Promo, Money::MIN)]);
    let before = balances.clone();
    let txn = adjustment(&customer(1), euros("1"), LedgerAccount::Promo, &payment("a"), 0).unwrap();
    let want = LedgerError::Overflow { kind: TxnKind::Adjustment, account: LedgerAccount::Promo };
    assert_eq!(apply(&mut balances, &txn), Err(want));
    assert_eq!(balances, before);
}

fn any_txn() -> impl Strategy<Value = Txn> {
    let amount = 1_i64..1_000_000_000_000;
    (0_u32..5, amount, 0_u32..20, 0_u8..4).prop_map(|(who, micros, reference, kind)| {
        let (who, amount, reference) =
            (customer(who), Money::from_micros(micros), payment(&reference.to_string()));
        match kind {
            0 => topup(&who, amount, &gateway(), &reference, 0),
            1 => refund(&who, amount, &gateway(), &reference, 0),
            2 => adjustment(&who, amount, LedgerAccount::Promo, &reference, 0),
            _ => adjustment(&who, amount.checked_neg().unwrap(), LedgerAccount::BadDebt, &reference, 0),
        }
        .unwrap()
    })
}

proptest! {
    #[test]
    fn every_transaction_sums_to_zero(txn in any_txn()) {
        prop_assert_eq!(Money::checked_sum(txn.entries().iter().map(|e| e.amount)), Some(Money::ZERO));
    }

    #[test]
    fn a_charge_sums_to_zero_however_many_lines(
        hours in proptest::collection::vec((0_u32..6, proptest::collection::vec((0_usize..Meter::COUNT, -1_000_i64..1_000_000), 0..5)), 0..40),
    ) {
        let mut batch = ChargeBatch::default();
        let mut owed = BTreeMap::<u32, i64>::new();
        for (who, lines) in &hours {
            let lines: Vec<Line> = lines.iter().map(|(m, micros)| line(Meter::ALL[*m], *micros)).collect();
            *owed.entry(*who).or_default() += lines.iter().map(|l| l.amount.micros()).sum::<i64>();
            batch.add(&Payer::Customer(customer(*who)), &lines);
        }
        if let Some(txn) = batch.finish(0).unwrap() {
            prop_assert_eq!(Money::checked_sum(txn.entries().iter().map(|e| e.amount)), Some(Money::ZERO));
            for (who, micros) in owed {
                let booked = txn.amount_on(&LedgerAccount::Customer(customer(who))).unwrap_or_default();
                prop_assert_eq!(booked.micros(), -micros);
            }
        } else {
            prop_assert!(owed.values().all(|micros| *micros == 0));
        }
    }

    #[test]
    fn twice_is_once(txns in proptest::collection::vec(any_txn(), 0..20)) {
        let (mut once, mut twice) = (Book::default(), Book::default());
        for txn in &txns {
            once.post(txn);
        }
        for txn in txns.iter().chain(&txns) {
            twice.post(txn);
        }
        prop_assert_eq!(&once.balances, &twice.balances);
        prop_assert_eq!(Money::checked_sum(once.balances.values().copied()), Some(Money::ZERO));
    }

    #[test]
    fn other_things_have_other_keys(
        a in ("[a:1]{1,3}", 0_i64..3, 0_u32..12), b in ("[a:1]{1,3}", 0_i64..3, 0_u32..12), gates in ("[a1]{1,2}", "[a1]{1,2}"),
    ) {
        let key = |(name, hour, rev): &(String, i64, u32)| {
            let account = AccountId::parse(&format!("{name}@web1")).unwrap();
            IdemKey::charge(&account, UtcHour(*hour), *rev)
        };
        prop_assert_eq!(key(&a) == key(&b), a == b);
        let pay = |gate: &str, name: &str| IdemKey::topup(&Gateway::parse(gate).unwrap(), &payment(name));
        prop_assert_eq!(pay(&gates.0, &a.0) == pay(&gates.1, &b.0), gates.0 == gates.1 && a.0 == b.0);
    }

    #[test]
    fn any_change_changes_the_chain(a in any_txn(), b in any_txn()) {
        let hash = |t: &Txn| chain_hash(&GENESIS, &t.canonical_bytes(&[]));
        prop_assert_eq!(hash(&a) == hash(&b), a == b);
        prop_assert_ne!(hash(&a), chain_hash(&hash(&b), &a.canonical_bytes(&[])));
    }
}
