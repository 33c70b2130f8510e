//! The bill, held against tests/oracle, to the micro-unit; `make oracle` does the same for 10,000 accounts and a year.

use hostmeter_sim::replay::oracle::{World, hold};

#[test]
fn the_bill_is_what_the_oracle_says() {
    let (mut charges, mut fees) = (0, 0);
    for seed in 1..=6 {
        for shuffle in 0..2 {
            let world = World { seed, accounts: 10, days: 40, shuffle };
            let done = hold(&world).unwrap_or_else(|e| panic!("{world:?}: {e:#}"));
            charges += done.charges;
            fees += done.base_fees;
        }
    }
    assert!(charges > 5_000 && fees > 500, "{charges} charges and {fees} base fees are too few to tell");
}
