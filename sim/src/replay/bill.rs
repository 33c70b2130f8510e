//! The bill that the API shows, held against the oracle's line by line.

use crate::collector::Collector;
use anyhow::{Context, Result, ensure};
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Entries on a page of the ledger.
const PAGE: usize = 500;

/// What was compared, and is equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compared {
    /// Customers, by their balance and the sum of what they were charged.
    pub customers: u64,
    /// Charges of an account and hour that cost something.
    pub charges: u64,
    /// Lines of these, one a meter.
    pub lines: u64,
    /// Base fees of an account and day.
    pub base_fees: u64,
}

/// Whose: account and hour.
type Key = (String, String);
/// One charge: by meter quantity, amount in micro-units, and price version.
type Charge = BTreeMap<String, (i64, i64, String)>;

/// A line of the oracle's answer.
#[derive(Deserialize)]
#[serde(tag = "k", rename_all = "kebab-case")]
enum Answer {
    Customer {
        customer: String,
        charge: i64,
        balance: i64,
    },
    Charge {
        account: String,
        hour_ms: i64,
        owner: String,
        plan: String,
        version: String,
        lines: Vec<(String, i64, i64, i64)>,
    },
    BaseFee {
        account: String,
        owner: String,
        hour_ms: i64,
        plan: String,
        version: String,
        amount: i64,
    },
    #[serde(other)]
    Other,
}

fn each(path: &Path, mut take: impl FnMut(Answer) -> Result<()>) -> Result<()> {
    for line in BufReader::new(File::open(path)?).lines() {
        let line = line?;
        take(serde_json::from_str(&line).with_context(|| line.clone())?)?;
    }
    Ok(())
}

/// Charges of one customer, in the order in which they were made, and base fees by the hour that decided their day, with
/// the price version.
#[derive(Default, PartialEq, Eq, Debug)]
struct Bill {
    charges: BTreeMap<Key, Vec<Charge>>,
    base_fees: BTreeMap<Key, (i64, String)>,
}

/// What the oracle says was charged.
fn wanted(lines: &Path) -> Result<BTreeMap<String, Bill>> {
    let mut out: BTreeMap<String, Bill> = BTreeMap::new();
    each(lines, |line| {
        match line {
            // What costs nothing makes no entry in a ledger.
            Answer::Charge { account, hour_ms, owner, plan, version, lines }
                if lines.iter().any(|l| l.3 != 0) =>
            {
                let key = (account, UtcHour::from_ms(hour_ms).to_string());
                let version = format!("{plan}@{version}");
                let line = |(meter, before, after, amount): (String, i64, i64, i64)| {
                    (meter, (after.saturating_sub(before), amount, version.clone()))
                };
                let charge = lines.into_iter().map(line).collect();
                out.entry(owner).or_default().charges.entry(key).or_default().push(charge);
            }
            Answer::BaseFee { account, owner, hour_ms, plan, version, amount } if amount != 0 => {
                let key = (account, UtcHour::from_ms(hour_ms).to_string());
                let fees = &mut out.entry(owner).or_default().base_fees;
                let fee = (amount, format!("{plan}@{version}"));
                ensure!(fees.insert(key, fee).is_none(), "the oracle takes a base fee twice");
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

fn micros(value: &Value) -> Result<i64> {
    Ok(Money::parse(value.as_str().context("an amount")?)?.micros())
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("a text")?.to_owned())
}

/// What the ledger of a customer shows.
fn shown(api: &mut Collector, customer: &str) -> Result<(Bill, i64)> {
    let (mut bill, mut charged) = (Bill::default(), 0_i64);
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("/v1/customers/{customer}/ledger?limit={PAGE}{cursor}"))?;
        for entry in page["entries"].as_array().context("entries")? {
            if entry["kind"] != "charge" {
                continue;
            }
            charged = charged.saturating_sub(micros(&entry["amount"])?);
            add(&mut bill, entry).with_context(|| entry.to_string())?;
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok((bill, charged)),
        }
    }
}

fn add(bill: &mut Bill, entry: &Value) -> Result<()> {
    let key = (text(&entry["account"])?, text(&entry["hour"])?);
    let mut charge = Charge::new();
    let mut fee = None;
    for line in entry["lines"].as_array().context("lines")? {
        let (meter, amount) = (text(&line["meter"])?, micros(&line["amount"])?);
        let quantity = line["quantity"].as_i64().context("quantity")?;
        let version = text(&line["price_version"])?;
        if meter == "base" {
            ensure!(quantity == 1, "a base fee of {quantity} days");
            fee = Some((amount, version));
        } else {
            charge.insert(meter, (quantity, amount, version));
        }
    }
    if let Some(fee) = fee {
        ensure!(bill.base_fees.insert(key.clone(), fee).is_none(), "a day is charged twice");
    }
    if !charge.is_empty() {
        bill.charges.entry(key).or_default().push(charge);
    }
    Ok(())
}

/// Compares customer by customer; the first difference is the error.
pub(super) fn compare(
    api: &mut Collector,
    customers: &[String],
    answer: &Path,
    lines: &Path,
) -> Result<Compared> {
    let mut out = Compared::default();
    let mut want = wanted(lines)?;
    let mut sums = BTreeMap::new();
    each(answer, |line| {
        if let Answer::Customer { customer, charge, balance } = line {
            sums.insert(customer, (charge, balance));
        }
        Ok(())
    })?;
    ensure!(
        sums.len() == customers.len(),
        "{} customers, and the oracle has {}",
        customers.len(),
        sums.len()
    );
    for customer in customers {
        let want = want.remove(customer).unwrap_or_default();
        let (got, charged) = shown(api, customer)?;
        for (key, charges) in &want.charges {
            let got = got.charges.get(key);
            ensure!(
                got == Some(charges),
                "{customer}, {key:?}: charged {got:?}, the oracle says {charges:?}"
            );
            out.charges += u64::try_from(charges.len())?;
            out.lines += charges.iter().map(|c| u64::try_from(c.len()).unwrap_or(0)).sum::<u64>();
        }
        if let Some(more) = got.charges.keys().find(|k| !want.charges.contains_key(*k)) {
            anyhow::bail!("{customer}, {more:?}: charged {:?}, the oracle nothing", got.charges.get(more));
        }
        for (key, fee) in &want.base_fees {
            let got = got.base_fees.get(key);
            ensure!(got == Some(fee), "{customer}, {key:?}: base fee {got:?}, the oracle says {fee:?}");
            out.base_fees += 1;
        }
        let more = got.base_fees.keys().find(|k| !want.base_fees.contains_key(*k));
        ensure!(more.is_none(), "{customer}, {more:?}: a base fee where the oracle has none");
        let balance = micros(&api.get(&format!("/v1/customers/{customer}/balance"))?["balance"])?;
        let wanted = sums.get(customer).with_context(|| format!("the oracle knows no {customer}"))?;
        ensure!(
            (charged, balance) == *wanted,
            "{customer}: charged and balance {charged}, {balance}; the oracle says {wanted:?}"
        );
        out.customers += 1;
    }
    Ok(out)
}
