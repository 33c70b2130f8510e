//! Rating: the rules on money, each as a property, and the figures of a few plain cases.

use super::*;
use crate::plan::{Price, Tier, parse_toml};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::cmp::Ordering;

fn account() -> AccountId {
    AccountId::parse("shop@web1").unwrap()
}

fn hour() -> UtcHour {
    UtcHour::parse("2026-11-21T10:00:00Z").unwrap()
}

fn version(from: &str, price: &str) -> PriceVersion {
    let text = format!(
        "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"{from}\"\n[[price]]\nmeter = \"cpu_usec\"\n{price}\n"
    );
    parse_toml(&text).unwrap()
}

fn basic(price: &str) -> PriceVersion {
    version("2026-11-01T00:00:00Z", price)
}

fn micros(price: &Price, q: i64) -> i64 {
    cost(price, q).unwrap().floor().unwrap().micros()
}

#[test]
fn costs_of_plain_cases() {
    let check = |toml: &str, q: i64, want: &str| {
        let version = basic(toml);
        let got = cost(version.price(Meter::CpuUsec).unwrap(), q);
        let got = got.and_then(Cost::floor).map_or("does not fit".to_owned(), |m| m.to_string());
        assert_eq!(got, want, "{toml} of {q}");
    };
    let cpu_hour = "amount = \"0.01\"\nper = \"3600000000\"";
    check(cpu_hour, 0, "0.000000");
    check(cpu_hour, 3_600_000_000, "0.010000");
    check(cpu_hour, 20_000_000, "0.000055");
    check(cpu_hour, 359_999, "0.000000");
    check(cpu_hour, 360_000, "0.000001");
    check(cpu_hour, -1, "does not fit");
    let free = "amount = \"1\"\nper = \"10\"\nfree = \"100\"";
    check(free, 100, "0.000000");
    check(free, 101, "0.100000");
    check(free, 110, "1.000000");
    // A cap is exact: the fraction beyond it is not owed either.
    let half = Price::new(
        0,
        vec![Tier { up_to: None, amount: Money::from_micros(1), per: 2 }],
        Some(Money::from_micros(1)),
    );
    assert_eq!(cost(&half.unwrap(), 3).unwrap().fraction(), Some((2, 2)));
    let capped = "amount = \"1\"\nper = \"1\"\nmonthly_cap = \"2.5\"";
    check(capped, 2, "2.000000");
    check(capped, 3, "2.500000");
    check(capped, i64::MAX, "2.500000");
    // 10 units at 2, 10 at 1, the rest at 0.5; 5 of the first tier are free.
    let tiers = "free = \"5\"\ntiers = [{ up_to = \"10\", amount = \"2\", per = \"1\" }, \
                 { up_to = \"20\", amount = \"1\", per = \"1\" }, { amount = \"0.5\", per = \"1\" }]";
    check(tiers, 5, "0.000000");
    check(tiers, 10, "10.000000");
    check(tiers, 20, "20.000000");
    check(tiers, 22, "21.000000");
    check("amount = \"1\"\nper = \"1\"", i64::MAX, "does not fit");
}

#[test]
fn an_hour_makes_lines() {
    let plan = parse_toml(
        "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-01T00:00:00Z\"\n\
         [[price]]\nmeter = \"net_tx_bytes\"\namount = \"0.01\"\nper = \"1000\"\n\
         [[price]]\nmeter = \"cpu_usec\"\namount = \"0.01\"\nper = \"3600000000\"\n",
    )
    .unwrap();
    let month: Values = [(Meter::CpuUsec, 100_000)].into_iter().collect();
    let added: Values =
        [(Meter::CpuUsec, 20_000_000), (Meter::NetTxBytes, 500), (Meter::IoOps, 7), (Meter::Sessions, 2)]
            .into_iter()
            .collect();
    let rated = rate_hour(&plan, &account(), hour(), &month, &added).unwrap();
    insta::assert_json_snapshot!(rated.lines);
    assert_eq!(rated.total.to_string(), "0.005055");
    assert_eq!(rated.month.get(Meter::CpuUsec), Some(20_100_000));
    assert_eq!(rated.month.get(Meter::IoOps), None);
    assert_eq!(rated.lines[0].quantity(), Some(20_000_000));
    let none = rate_hour(&plan, &account(), hour(), &month, &Values::new()).unwrap();
    assert_eq!((none.lines.len(), none.total, none.month), (0, Money::ZERO, month));
}

#[test]
fn what_does_not_fit_is_an_error_with_its_key() {
    let check = |price: &str, before: i64, added: i64, want: &str| {
        let month = [(Meter::CpuUsec, before)].into_iter().collect();
        let added = [(Meter::CpuUsec, added)].into_iter().collect();
        let error = rate_hour(&basic(price), &account(), hour(), &month, &added).unwrap_err().to_string();
        let key = "account shop@web1, hour 2026-11-21T10:00:00Z, meter cpu_usec, \
                   price basic@2026-11-01T00:00:00Z: ";
        assert!(error.starts_with(&format!("{key}{want}")), "{error}");
    };
    let cheap = "amount = \"0.000001\"\nper = \"1\"";
    check(cheap, i64::MAX, 1, "the month's quantity does not fit");
    check("amount = \"1\"\nper = \"1\"", 0, i64::MAX, "the cost does not fit");
    check(cheap, 5, -6, "the month's quantity would be below zero");
    check(cheap, -5, 6, "the month's quantity would be below zero");
}

#[test]
fn months_follow_the_billing_zone() {
    let riga = TimeZone::get("Europe/Riga").unwrap();
    let check = |hour: &str, utc: &str, local: &str| {
        let hour = UtcHour::parse(hour).unwrap();
        assert_eq!(Calendar::new(TimeZone::UTC).month(hour).unwrap().to_string(), utc);
        let month = Calendar::new(riga.clone()).month(hour).unwrap();
        assert_eq!(month.to_string(), local);
        assert_eq!(BillingMonth::parse(local), Ok(month));
    };
    check("2026-10-31T21:00:00Z", "2026-10", "2026-10");
    check("2026-10-31T22:00:00Z", "2026-10", "2026-11");
    check("2026-12-31T23:00:00Z", "2026-12", "2027-01");
    assert_eq!(Calendar::new(riga.clone()).month(UtcHour(i64::MAX)), Err(MonthError::Hour(i64::MAX)));
    for bad in ["2026-13", "2026-00", "2026", "26-11", "2026-1", "+026-11", "-026-11"] {
        assert_eq!(BillingMonth::parse(bad), Err(MonthError::Text(bad.to_owned())), "{bad}");
    }
}

#[test]
fn an_hour_has_the_price_of_its_time() {
    let linear = "amount = \"0.01\"\nper = \"10\"";
    let monthly = "amount = \"0.01\"\nper = \"10\"\nfree = \"1\"";
    let versions = [
        version("2026-12-01T00:00:00Z", monthly),
        version("2026-11-05T07:00:00Z", linear),
        version("2026-11-20T00:00:00Z", linear),
    ];
    let riga = TimeZone::get("Europe/Riga").unwrap();
    let check = |hour: &str, zone: &TimeZone, want: &str| {
        let hour = UtcHour::parse(hour).unwrap();
        let month = Calendar::new(zone.clone()).month(hour).unwrap();
        let found = version_at(&versions, hour, month).unwrap();
        assert_eq!(found.map_or("none".to_owned(), |v| v.id().valid_from.to_string()), want, "{hour}");
    };
    check("2026-11-05T06:00:00Z", &riga, "none");
    check("2026-11-05T07:00:00Z", &riga, "2026-11-05T07:00:00Z");
    check("2026-11-20T00:00:00Z", &riga, "2026-11-20T00:00:00Z");
    check("2026-11-30T21:00:00Z", &riga, "2026-11-20T00:00:00Z");
    check("2026-11-30T22:00:00Z", &riga, "2026-12-01T00:00:00Z");
    check("2026-11-30T22:00:00Z", &TimeZone::UTC, "2026-11-20T00:00:00Z");
    check("2026-12-01T00:00:00Z", &TimeZone::UTC, "2026-12-01T00:00:00Z");
}

prop_compose! {
    /// Prices of every shape, with `per` of mixed size so that fractions do not come out even.
    fn any_price()(
        free in prop_oneof![Just(0_i64), 0_i64..300],
        steps in proptest::collection::vec((1_i64..200, 0_i64..5_000, 1_i64..1_000), 0..4),
        last in (0_i64..5_000, 1_i64..1_000),
        cap in proptest::option::of(0_i64..20_000),
    ) -> Price {
        let mut end = 0;
        let mut tiers: Vec<Tier> = steps.into_iter().map(|(width, amount, per)| {
            end += width;
            Tier { up_to: Some(end), amount: Money::from_micros(amount), per }
        }).collect();
        tiers.push(Tier { up_to: None, amount: Money::from_micros(last.0), per: last.1 });
        Price::new(free, tiers, cap.map(Money::from_micros)).unwrap()
    }
}

/// Quantities about the tiers, and large ones whose cost still fits.
fn any_quantity() -> impl Strategy<Value = i64> {
    prop_oneof![0_i64..900, 0_i64..i64::MAX / 8_192]
}

/// The same cost by adding unit for unit, as `(numerator, denominator)`.
fn unit_by_unit(price: &Price, q: i64) -> (i128, i128) {
    let scale = i128::from(price.scale());
    let mut sum = 0;
    for unit in 1..=q {
        let tier = price.tiers().iter().find(|t| t.up_to.is_none_or(|end| unit <= end)).unwrap();
        if unit > price.free() {
            sum += i128::from(tier.amount.micros()) * (scale / i128::from(tier.per));
        }
    }
    let cap = price.monthly_cap().map_or(sum, |c| i128::from(c.micros()) * scale);
    (sum.min(cap), scale)
}

proptest! {
    #[test]
    fn the_cost_is_the_sum_of_its_units(price in any_price(), q in 0_i64..900) {
        prop_assert_eq!(cost(&price, q).unwrap().fraction(), Some(unit_by_unit(&price, q)));
    }

    #[test]
    fn every_split_of_a_month_adds_up_to_the_same(
        price in any_price(), parts in proptest::collection::vec(0_i64..400, 0..24), turn in 0_usize..24,
    ) {
        let plan = basic("amount = \"1\"\nper = \"1\"").with_price_for_test(Meter::CpuUsec, price.clone());
        let post = |parts: &[i64]| {
            let (mut month, mut paid) = (Values::new(), 0);
            for part in parts {
                let added = [(Meter::CpuUsec, *part)].into_iter().collect();
                let rated = rate_hour(&plan, &account(), hour(), &month, &added).unwrap();
                paid += rated.total.micros();
                month = rated.month;
            }
            paid
        };
        let mut other = parts.clone();
        other.rotate_left(turn % parts.len().max(1));
        let total: i64 = parts.iter().sum();
        let once = post(&[total]);
        prop_assert_eq!(once, micros(&price, total));
        prop_assert_eq!(post(&parts), once);
        prop_assert_eq!(post(&other), once);
    }

    #[test]
    fn nobody_pays_more_and_less_than_one_micro_is_lost(price in any_price(), q in 0_i64..2_000) {
        let (num, den) = cost(&price, q).unwrap().fraction().unwrap();
        let posted = i128::from(micros(&price, q)) * den;
        prop_assert!(posted <= num);
        prop_assert!(num - posted < den);
        prop_assert_eq!(cost(&price, q).unwrap().is_whole(), num == posted);
    }

    #[test]
    fn more_use_never_costs_less(price in any_price(), a in any_quantity(), b in any_quantity()) {
        let (low, high) = (cost(&price, a.min(b)).unwrap(), cost(&price, a.max(b)).unwrap());
        prop_assert_ne!(low.compare(high).unwrap(), Ordering::Greater);
        prop_assert!(low.floor().unwrap() <= high.floor().unwrap());
    }

    #[test]
    fn the_cap_and_the_free_allowance_hold(price in any_price(), q in 0_i64..i64::MAX / 8_192) {
        let exact = cost(&price, q).unwrap();
        if let Some(cap) = price.monthly_cap() {
            prop_assert!(exact.floor().unwrap() <= cap);
        }
        if q <= price.free() {
            prop_assert_eq!(exact.fraction().unwrap().0, 0);
        }
    }

    #[test]
    fn hours_and_corrections_add_up_to_the_month(
        price in any_price(), hours in proptest::collection::vec(-300_i64..600, 1..30),
    ) {
        let mut plan = basic("amount = \"1\"\nper = \"1\"");
        plan = plan.with_price_for_test(Meter::CpuUsec, price.clone());
        let (mut month, mut paid, mut used) = (Values::new(), Money::ZERO, 0_i64);
        for quantity in hours {
            let added = [(Meter::CpuUsec, quantity)].into_iter().collect();
            match rate_hour(&plan, &account(), hour(), &month, &added) {
                Ok(rated) => {
                    used += quantity;
                    paid = paid.checked_add(rated.total).unwrap();
                    prop_assert_eq!(Money::checked_sum(rated.lines.iter().map(|l| l.amount)), Some(rated.total));
                    month = rated.month;
                }
                Err(e) => prop_assert!(used + quantity < 0, "{}", e),
            }
        }
        prop_assert_eq!(paid.micros(), micros(&price, used));
    }

    #[test]
    fn any_price_and_quantity_is_a_cost_or_none(
        free in 0_i64..=i64::MAX, amounts in proptest::collection::vec((0_i64..=i64::MAX, 1_i64..=i64::MAX), 1..4),
        q: i64,
    ) {
        let n = amounts.len();
        let tiers = amounts.into_iter().enumerate().map(|(i, (amount, per))| Tier {
            up_to: (i + 1 < n).then_some(i64::try_from(i).unwrap() + 1), amount: Money::from_micros(amount), per,
        }).collect();
        if let Ok(price) = Price::new(free, tiers, None) {
            prop_assert!(cost(&price, q).is_none() || q >= 0);
        }
    }
}
