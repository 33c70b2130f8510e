//! The examples of docs/billing.md: every figure is read from the page and compared with what the program does.

use super::resold::{BULK, SHOP};
use crate::billing::adjust::{Adjustment, adjust};
use crate::billing::margin::margin;
use crate::billing::refund::{Refund, pots, refund};
use crate::billing::testing::{START, World};
use crate::billing::topup::{Payment, receive};
use crate::billing::{BillingError, referral};
use hostmeter_core::ids::{AccountId, CustomerId};
use hostmeter_core::ledger::{LedgerAccount, Ppm, TxnKind, tax_in};
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::money::Money;
use hostmeter_core::plan::{PriceVersion, parse_toml};
use hostmeter_core::rating::{Calendar, Cost, cost, rate_hour};
use hostmeter_core::units::UtcHour;
use jiff::tz::TimeZone;

const PAGE: &str = include_str!("../../../../docs/billing.md");

struct Example {
    name: String,
    plan: Option<PriceVersion>,
    /// The table below the heading, without its head.
    rows: Vec<Vec<String>>,
}

fn examples() -> Vec<Example> {
    let parts = PAGE.split("### Example: ").skip(1);
    parts.map(|part| example(part.split("\n## ").next().unwrap())).collect()
}

fn example(text: &str) -> Example {
    let name = text.lines().next().unwrap().to_owned();
    let plan = text.split_once("```toml\n").map(|(_, rest)| {
        let prices = rest.split_once("```").unwrap().0;
        let head = "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-01T00:00:00Z\"\n";
        parse_toml(&format!("{head}{prices}")).unwrap()
    });
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = text.lines().filter(|l| l.starts_with('|')).map(cells).skip(2).collect();
    assert!(!rows.is_empty(), "{name} has no table");
    Example { name, plan, rows }
}

/// Runs every example whose table has this many columns and a plan, or has this name.
#[test]
fn every_example_is_checked() {
    let mut names = Vec::new();
    for e in examples() {
        match e.name.as_str() {
            "per unit" | "free allowance" | "graduated tiers" | "monthly cap" => costs(&e),
            "floors" => floors(&e),
            "days and months where clocks change" => clocks(&e),
            "late usage" | "refund" | "referral" | "resellers" => drop(steps(&e)),
            "margin" => margins(&e),
            "tax" => taxes(&e),
            other => panic!("nothing checks the example {other:?}"),
        }
        names.push(e.name);
    }
    assert_eq!(names.len(), 12, "{names:?}");
}

fn costs(e: &Example) {
    let plan = e.plan.as_ref().unwrap();
    let (_, price) = plan.prices().next().unwrap();
    for row in &e.rows {
        let got = cost(price, row[0].parse().unwrap()).and_then(Cost::floor).unwrap();
        assert_eq!(got.to_string(), row[1], "{} {}", e.name, row[0]);
    }
}

fn floors(e: &Example) {
    let account = AccountId::parse("shop@web1").unwrap();
    let mut month = Values::new();
    for row in &e.rows {
        let added: Values = [(Meter::CpuUsec, row[0].parse().unwrap())].into_iter().collect();
        let rated = rate_hour(e.plan.as_ref().unwrap(), &account, START, &month, &added).unwrap();
        month = rated.month;
        assert_eq!(
            (month.get(Meter::CpuUsec).unwrap().to_string(), rated.total.to_string()),
            (row[1].clone(), row[2].clone())
        );
    }
}

fn clocks(e: &Example) {
    for row in &e.rows {
        let calendar = Calendar::new(TimeZone::get(&row[0]).unwrap());
        let first = UtcHour::parse("2026-01-01T00:00:00Z").unwrap();
        let name = |hour| match row[1].len() {
            7 => calendar.month(hour).unwrap().to_string(),
            _ => calendar.date(hour).unwrap().to_string(),
        };
        let hours = (first.0..first.0 + 366 * 24).filter(|h| name(UtcHour(*h)) == row[1]).count();
        assert_eq!(hours.to_string(), row[2], "{} {}", row[0], row[1]);
    }
}

fn taxes(e: &Example) {
    let money = |text: &str| Money::parse(text).unwrap();
    let (sum, lines) = e.rows.split_last().unwrap();
    let gross: Vec<Money> = lines.iter().map(|r| money(&r[0])).collect();
    let taxes = tax_in(&gross, Ppm::parse_percent("21", 100).unwrap()).unwrap();
    assert_eq!(taxes, lines.iter().map(|r| money(&r[1])).collect::<Vec<_>>());
    let whole = tax_in(&[money(&sum[0])], Ppm::parse_percent("21", 100).unwrap()).unwrap();
    assert_eq!((Money::checked_sum(gross), whole[0]), (Some(money(&sum[0])), money(&sum[1])));
    assert_eq!(Money::checked_sum(taxes), Some(money(&sum[1])));
}

/// A step in words, done by the program; `Err`: it was refused.
fn step(w: &mut World, words: &[&str], n: usize) -> Result<(), BillingError> {
    let (rules, now_ms) = (w.rules.clone(), w.now_ms);
    match *words {
        ["charge"] => {
            w.charge();
        }
        ["pass", time] => {
            w.now_ms += hostmeter_core::duration::parse(time).unwrap();
            let now_ms = w.now_ms;
            w.write(move |tx| referral::pay_due(tx, &rules, now_ms))?;
        }
        ["use", "c-1", hour, meter, quantity] => {
            let meter = Meter::from_name(meter).unwrap();
            w.uses(1, UtcHour::parse(hour).unwrap(), meter, quantity.parse().unwrap());
        }
        ["topup", customer, amount, payment] => {
            let (customer, payment) = (w.customer(customer), payment.to_owned());
            let amount = Money::parse(amount).unwrap();
            w.write(move |tx| {
                let paid = Payment { amount, gateway: "manual", payment: &payment };
                let key = format!("{}/{payment}", customer.id);
                receive(tx, &customer, &paid, &key, "admin", &rules, now_ms)
            })?;
        }
        ["promo", customer, amount] => {
            let (customer, amount) = (w.customer(customer), Money::parse(amount).unwrap());
            w.write(move |tx| {
                let asked = Adjustment {
                    kind: TxnKind::Promo,
                    amount,
                    against: LedgerAccount::Promo,
                    reason: "gift",
                };
                adjust(tx, &customer, &asked, None, "admin", now_ms)
            })?;
        }
        ["refund", customer, amount, payment] => {
            let (customer, payment) = (w.customer(customer), payment.to_owned());
            let (amount, reference) = (Money::parse(amount).unwrap(), format!("r-{n}"));
            w.write(move |tx| {
                let asked = Refund {
                    amount,
                    gateway: "manual",
                    payment: &payment,
                    refund: &reference,
                    reason: "asked for",
                };
                refund(tx, &customer, &asked, &reference, "admin", now_ms)
            })?;
        }
        ref other => panic!("nobody knows the step {other:?}"),
    }
    Ok(())
}

/// The month of the steps of the example before it.
fn margins(e: &Example) {
    let before = examples().into_iter().find(|e| e.name == "resellers").unwrap();
    let w = steps(&before);
    let months = w.read(|c| margin(c, &w.customer("r-1"), None, w.now_ms));
    let got = months.iter().map(|m| {
        vec![
            m.month.clone(),
            m.sums.retail.to_string(),
            m.sums.wholesale.to_string(),
            m.sums.margin.to_string(),
        ]
    });
    assert_eq!(got.collect::<Vec<_>>(), e.rows);
    assert_eq!(months[0].customers[0].customer, "c-1");
    assert_eq!(months[0].customers[0].sums, months[0].sums);
}

fn steps(e: &Example) -> World {
    let mut w = World::new();
    w.rules.referral = Ppm::parse_percent("10", 100).unwrap();
    w.rules.referral_delay_ms = 14 * 86_400_000;
    if e.name == "resellers" {
        w.add_reseller("r-1", BULK, SHOP);
        w.add_resold("c-1", "r-1", "shop");
    } else {
        w.add_customer("c-1");
        w.add_customer("c-2");
        let brought = w.customer("c-2");
        w.write(move |tx| referral::refer(tx, &brought, &CustomerId::parse("c-1").unwrap())).unwrap();
    }
    w.account(1, "shop@cloud", Some("c-1"));
    for (n, row) in e.rows.iter().enumerate() {
        let (_, rest) = row[0].split_once('`').unwrap();
        let (words, after) = rest.split_once('`').unwrap();
        let done = step(&mut w, &words.split(' ').collect::<Vec<_>>(), n);
        assert_eq!(done.is_err(), after.trim() == "refused", "{}: {words}: {done:?}", e.name);
        let mut got = vec![w.balance("c-1")];
        match e.name.as_str() {
            "refund" => got.push(w.read(|c| pots(c, &w.customer("c-1"))).cash().to_string()),
            "referral" => got.push(w.balance("c-2")),
            "resellers" => {
                got.push(w.balance("r-1"));
                let earned = w.one("SELECT coalesce(sum(b.amount), 0) FROM balance b JOIN ledger_account a ON a.id = b.account
                                    WHERE a.name = 'reseller:r-1'");
                got.push(Money::from_micros(earned.parse().unwrap()).to_string());
            }
            _ => {}
        }
        assert_eq!(got, row[1..], "{}: {words}", e.name);
    }
    w.sound();
    w
}
