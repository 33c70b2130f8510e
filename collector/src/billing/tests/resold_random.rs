//! Any order of usage, late usage, moves between customers and resellers, payments and charges: sums stay zero, the
//! books verify, and both sides pay the exact cost.

use super::resold::{BULK, SHOP, with_base};
use crate::billing::accounts;
use crate::billing::resellers;
use crate::billing::testing::{START, World, cases};
use hostmeter_core::ids::{AccountId, PlanId};
use hostmeter_core::meter::Meter;
use hostmeter_core::plan::parse_toml;
use hostmeter_core::rating::{Cost, cost};
use hostmeter_core::units::UtcHour;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Deed {
    Use { account: i64, hour: i64, quantity: i64 },
    TopUp { customer: usize, micros: i64 },
    Move { account: i64, to: usize },
    Resell { customer: usize, to: usize },
    Charge { blocks: usize },
    Pass { hours: i64 },
}

const CUSTOMERS: [&str; 5] = ["r-1", "r-2", "c-1", "c-2", "c-3"];
const ACCOUNTS: [i64; 3] = [1, 2, 1_030];

fn deed() -> impl Strategy<Value = Deed> {
    let account = || (0..ACCOUNTS.len()).prop_map(|a| ACCOUNTS[a]);
    prop_oneof![
        8 => (account(), -5..30_i64, 0..9_000_000_000_i64)
            .prop_map(|(account, hour, quantity)| Deed::Use { account, hour, quantity }),
        1 => (0..5_usize, 1..50_000_000_i64).prop_map(|(customer, micros)| Deed::TopUp { customer, micros }),
        2 => (account(), 0..5_usize).prop_map(|(account, to)| Deed::Move { account, to }),
        2 => (2..5_usize, 0..3_usize).prop_map(|(customer, to)| Deed::Resell { customer, to }),
        2 => (0..6_usize).prop_map(|blocks| Deed::Charge { blocks }),
        2 => (1..9_i64).prop_map(|hours| Deed::Pass { hours }),
    ]
}

fn world(base: bool) -> World {
    let mut w = World::new();
    w.rules.lifecycle.grace_ms = i64::MAX;
    w.rules.lifecycle.overdraft = hostmeter_core::money::Money::MAX;
    let fee = |plan: &str, amount| if base { with_base(plan, amount) } else { plan.to_owned() };
    w.add_reseller("r-1", &fee(BULK, "0.05"), &fee(SHOP, "0.24"));
    w.add_reseller("r-2", &BULK.replace("bulk", "bulk2"), &fee(&SHOP.replace("shop", "shop2"), "0.1"));
    w.add_resold("c-1", "r-1", "shop");
    w.add_resold("c-2", "r-2", "shop2");
    w.add_customer("c-3");
    for (row, owner) in ACCOUNTS.into_iter().zip(["c-1", "c-2", "c-3"]) {
        w.account(row, &format!("u{row}@cloud"), Some(owner));
    }
    w
}

fn act(w: &mut World, n: usize, deed: &Deed) {
    let now_ms = w.now_ms;
    match *deed {
        // No usage of hours that are not over.
        Deed::Use { account, hour, quantity } => {
            let hour = UtcHour(START.0 + hour).min(UtcHour::from_ms(now_ms));
            w.uses(account, hour, Meter::CpuUsec, quantity);
        }
        Deed::TopUp { customer, micros } => {
            let amount = hostmeter_core::money::Money::from_micros(micros).to_string();
            w.topup(CUSTOMERS[customer], &amount, &format!("p-{n}"));
        }
        Deed::Move { account, to } => {
            let (id, to) =
                (AccountId::parse(&format!("u{account}@cloud")).unwrap(), w.customer(CUSTOMERS[to]));
            w.write(move |tx| accounts::assign(tx, &accounts::get(tx, &id)?, &to, now_ms)).unwrap();
        }
        Deed::Resell { customer, to } => {
            let (reseller, plan) = [(None, "basic"), (Some("r-1"), "shop"), (Some("r-2"), "shop2")][to];
            let (customer, plan) = (w.customer(CUSTOMERS[customer]), PlanId::parse(plan).unwrap());
            let reseller = reseller.map(|r| w.customer(r));
            // One that is ahead already stands in the way of nothing but a change of the plan alone.
            let done = w.write(move |tx| resellers::assign(tx, &customer, reseller.as_ref(), &plan, now_ms));
            assert!(done.as_ref().map_or_else(|e| e.code() == "reseller_ahead", |_| true), "{done:?}");
        }
        Deed::Charge { blocks } => {
            w.charge_blocks(blocks);
        }
        Deed::Pass { hours } => w.now_ms += hours * 3_600_000,
    }
    assert_eq!(w.one("SELECT COALESCE(SUM(amount), 0) FROM balance"), "0", "after {deed:?}");
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn whoever_has_whom_the_books_verify(deeds in proptest::collection::vec(deed(), 1..50), base in any::<bool>()) {
        let mut w = world(base);
        for (n, deed) in deeds.iter().enumerate() {
            act(&mut w, n, deed);
        }
        w.sound();
        w.now_ms += 3_600_000;
        w.charge();
        let once = w.digest();
        w.charge();
        prop_assert_eq!(w.digest(), once);
        w.sound();
    }

    /// Without moves, the reseller pays the exact cost of what its customers' accounts used, and they pay theirs.
    #[test]
    fn both_sides_pay_the_exact_cost(deeds in proptest::collection::vec(deed(), 1..40)) {
        let mut w = world(false);
        let mut used = [0_i64; 2];
        for (n, deed) in deeds.iter().enumerate() {
            match deed {
                Deed::Move { .. } | Deed::Resell { .. } | Deed::TopUp { .. } => continue,
                Deed::Use { account, quantity, .. } if *account < 3 => {
                    used[usize::try_from(*account - 1).unwrap()] += quantity;
                }
                _ => {}
            }
            act(&mut w, n, deed);
        }
        w.now_ms += 3_600_000;
        w.charge();
        let exact = |plan: &str, q| {
            let plan = parse_toml(plan).unwrap();
            cost(plan.price(Meter::CpuUsec).unwrap(), q).and_then(Cost::floor).unwrap().checked_neg().unwrap()
        };
        for (n, (customer, reseller)) in [("c-1", "r-1"), ("c-2", "r-2")].into_iter().enumerate() {
            prop_assert_eq!(w.balance(customer), exact(SHOP, used[n]).to_string());
            prop_assert_eq!(w.balance(reseller), exact(BULK, used[n]).to_string());
        }
        w.sound();
    }
}
