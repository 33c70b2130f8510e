//! Any order of top-ups, usage, late usage and charges: sums stay zero, and the bill is the exact cost.

use crate::billing::ledger;
use crate::billing::testing::{PLAN, START, World, cases};
use hostmeter_core::meter::Meter;
use hostmeter_core::plan::parse_toml;
use hostmeter_core::rating::{Cost, cost};
use hostmeter_core::units::UtcHour;
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Clone, Debug)]
enum Deed {
    Use { account: i64, hour: i64, meter: Meter, quantity: i64 },
    TopUp { customer: usize, micros: i64 },
    Charge { blocks: usize },
    Pass { hours: i64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    let meter = prop_oneof![Just(Meter::CpuUsec), Just(Meter::NetTxBytes), Just(Meter::DbQueries)];
    let used = (0..4_usize, -5..3_i64, meter, 0..9_000_000_000_i64)
        .prop_map(|(a, hour, meter, quantity)| Deed::Use { account: ACCOUNTS[a].0, hour, meter, quantity });
    prop_oneof![
        6 => used,
        2 => (0..2_usize, 1..50_000_000_i64).prop_map(|(customer, micros)| Deed::TopUp { customer, micros }),
        2 => (0..6_usize).prop_map(|blocks| Deed::Charge { blocks }),
        1 => (1..4_i64).prop_map(|hours| Deed::Pass { hours }),
    ]
}

const CUSTOMERS: [&str; 2] = ["c-1", "c-2"];
/// Row and customer; in three blocks.
const ACCOUNTS: [(i64, usize); 4] = [(1, 0), (2, 1), (1_030, 0), (2_050, 1)];

/// Prices of every shape for CPU time.
const SHAPES: [&str; 4] = [
    "amount = \"0.01\"\nper = \"3600000000\"",
    "amount = \"0.007\"\nper = \"999999937\"\nfree = \"4000000001\"",
    "tiers = [{ up_to = \"5000000000\", amount = \"0.03\", per = \"700000001\" }, { amount = \"0.01\", per = \"900000000\" }]",
    "amount = \"0.01\"\nper = \"360000007\"\nmonthly_cap = \"0.333333\"",
];

/// Plays the deeds; with `twice` everything that can be repeated is. Returns what the ledger holds in the end.
fn play(deeds: &[Deed], shape: usize, twice: bool) -> String {
    let mut w = World::new();
    let text = PLAN.replacen("amount = \"0.01\"\nper = \"3600000000\"", SHAPES[shape], 1);
    w.sql("DELETE FROM price_version");
    w.plan(&text).unwrap();
    // Nobody is deleted here: what is used after that would be nobody's debt.
    w.rules.lifecycle.grace_ms = i64::MAX;
    w.rules.lifecycle.delete_after_ms = i64::MAX;
    for c in CUSTOMERS {
        w.add_customer(c);
    }
    for (row, owner) in ACCOUNTS {
        w.account(row, &format!("u{row}@cloud"), Some(CUSTOMERS[owner]));
    }
    let mut paid_in = [0_i64; 2];
    let mut used: HashMap<(i64, Meter), i64> = HashMap::new();
    for (i, deed) in deeds.iter().enumerate() {
        match *deed {
            Deed::Use { account, hour, meter, quantity } => {
                w.uses(account, UtcHour(START.0 + hour), meter, quantity);
                *used.entry((account, meter)).or_default() += quantity;
            }
            Deed::TopUp { customer, micros } => {
                let amount = hostmeter_core::money::Money::from_micros(micros).to_string();
                w.topup(CUSTOMERS[customer], &amount, &format!("p-{i}"));
                if twice {
                    let (payment, key) = (format!("p-{i}"), format!("again-{i}"));
                    assert!(!w.try_topup(CUSTOMERS[customer], &amount, &payment, &key).unwrap().new);
                    assert!(!w.try_topup(CUSTOMERS[customer], &amount, &payment, &payment).unwrap().new);
                }
                paid_in[customer] += micros;
            }
            Deed::Charge { blocks } => {
                w.charge_blocks(blocks);
                if twice {
                    let before = w.digest();
                    w.plan(&text).unwrap();
                    assert_eq!(w.charge_blocks(0).0, 0);
                    assert_eq!(w.digest(), before);
                }
            }
            Deed::Pass { hours } => w.now_ms += hours * 3_600_000,
        }
        assert_eq!(w.one("SELECT COALESCE(SUM(amount), 0) FROM balance"), "0", "after {deed:?}");
    }
    w.sound();
    w.now_ms = UtcHour(START.0 + 4).start_ms();
    w.charge();
    if twice {
        let once = w.digest();
        assert_eq!(w.charge().0, 0);
        assert_eq!(w.digest(), once);
    }
    w.sound();
    let plan = parse_toml(&text).unwrap();
    for (c, customer) in CUSTOMERS.iter().enumerate() {
        let owed: i64 = used
            .iter()
            .filter(|((account, _), _)| ACCOUNTS.iter().any(|(row, owner)| row == account && *owner == c))
            .filter_map(|((_, meter), q)| {
                Some(cost(plan.price(*meter)?, *q).and_then(Cost::floor).unwrap().micros())
            })
            .sum();
        let balance = w.read(|conn| ledger::balance(conn, &w.customer(customer).id)).micros();
        assert_eq!(balance, paid_in[c] - owed, "{customer}");
    }
    w.digest()
}

proptest! {
    #![proptest_config(cases(16))]
    #[test]
    fn any_order_gives_the_exact_bill_and_everything_twice_the_same(
        deeds in proptest::collection::vec(deed(), 1..40), shape in 0..SHAPES.len(),
    ) {
        prop_assert_eq!(play(&deeds, shape, false), play(&deeds, shape, true));
    }
}
