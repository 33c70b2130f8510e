//! Charges: each line rated again, quantities against hour totals, and months against their sums.

use super::Report;
use crate::billing::charge::put_digest;
use crate::billing::charge::rate::Side;
use crate::billing::charge::wholesale::WHOLESALE;
use crate::billing::error::BillingError;
use crate::billing::pack::{PackedLines, decode_values};
use crate::billing::plans::{self, StoredVersion};
use crate::billing::rates::Rates;
use crate::billing::usage;
use crate::db::Connection;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::rating::{Cost, Item, cost};
use hostmeter_core::units::UtcHour;
use std::collections::{BTreeMap, HashMap};

/// What the charges of one transaction add up to.
#[derive(Default)]
pub(super) struct Sums {
    /// What its hash covers of them.
    pub digest: Vec<u8>,
    /// By account of the ledger, micro-units.
    pub entries: HashMap<String, i128>,
}

/// All charges, by transaction.
#[derive(Default)]
pub(super) struct Charged {
    pub by_txn: HashMap<i64, Sums>,
}

struct Row {
    account: i64,
    hour: UtcHour,
    rev: i64,
    txn: Option<i64>,
    customer: i64,
    amount: i64,
    lines: Vec<u8>,
    side: Side,
}

/// What was seen so far.
pub(super) struct Walked {
    months: Months,
    pub(super) charged: Charged,
}

/// (account, customer, month, version, meter) → (quantity, amount)
type Months = BTreeMap<(i64, i64, i64, i64, Meter), (i64, i128)>;

struct Walk<'a> {
    conn: &'a Connection,
    side: Side,
    versions: HashMap<i64, StoredVersion>,
    /// Accounts that moved to another host, with the account whose months go on.
    moved: HashMap<i64, i64>,
    rates: Rates,
    months: Months,
    out: Charged,
}

/// What customers paid; what resellers pay is looked at later, as its transactions' hashes cover it last.
pub(super) fn check(conn: &Connection, report: &mut Report) -> Result<Walked, BillingError> {
    let mut versions = HashMap::new();
    for plan in plans::list(conn)? {
        versions.extend(plans::versions(conn, plan.row)?.into_iter().map(|v| (v.row, v)));
    }
    let moved = crate::billing::accounts::moved(conn)?;
    let (months, out) = (Months::new(), Charged::default());
    let mut walk = Walk { conn, side: Side::Retail, versions, moved, rates: Rates::default(), months, out };
    let sql =
        "SELECT account, hour, rev, txn, customer, amount, lines FROM charge ORDER BY hour, account, rev";
    walk.all(sql, report)?;
    let Walk { months, out, .. } = walk;
    Ok(Walked { months, charged: out })
}

/// What resellers paid, and the months of all.
pub(super) fn check_wholesale(
    conn: &Connection,
    walked: Walked,
    report: &mut Report,
) -> Result<Charged, BillingError> {
    let mut versions = HashMap::new();
    for plan in plans::list(conn)? {
        versions.extend(plans::versions(conn, plan.row)?.into_iter().map(|v| (v.row, v)));
    }
    let moved = crate::billing::accounts::moved(conn)?;
    let Walked { months, charged: out } = walked;
    let mut walk =
        Walk { conn, side: Side::Wholesale, versions, moved, rates: Rates::default(), months, out };
    let sql =
        "SELECT account, hour, rev, txn, reseller, amount, lines FROM wholesale ORDER BY hour, account, rev";
    walk.all(sql, report)?;
    walk.months(report)?;
    Ok(walk.out)
}

impl Walk<'_> {
    fn all(&mut self, sql: &str, report: &mut Report) -> Result<(), BillingError> {
        let mut stmt = self.conn.prepare(sql)?;
        let walk = self;
        let mut rows = stmt.query([])?;
        // The hour that is being walked through, with what its revisions charged so far.
        let mut open: Option<(i64, UtcHour, i64, Values)> = None;
        while let Some(r) = rows.next()? {
            let row = Row {
                account: r.get(0)?,
                hour: UtcHour(r.get(1)?),
                rev: r.get(2)?,
                txn: r.get(3)?,
                customer: r.get(4)?,
                amount: r.get(5)?,
                lines: r.get(6)?,
                side: walk.side,
            };
            report.charges = report.charges.saturating_add(1);
            let packed = walk.lines(&row, report)?;
            let same = open.as_ref().is_some_and(|(a, h, _, _)| *a == row.account && *h == row.hour);
            if !same && let Some((account, hour, version, sum)) = open.take() {
                walk.totals(account, hour, version, &sum, report)?;
            }
            let (_, _, version, sum) = open.get_or_insert_with(|| (row.account, row.hour, 0, Values::new()));
            *version = packed.version.max(*version);
            for line in &packed.lines {
                if sum.add(line.meter, line.quantity).is_none() {
                    report.differs(format!("{}: its quantities overflow", row.name()));
                }
            }
        }
        if let Some((account, hour, version, sum)) = open {
            walk.totals(account, hour, version, &sum, report)?;
        }
        Ok(())
    }
}

impl Row {
    fn name(&self) -> String {
        let what = if self.side == Side::Retail { "charge" } else { "wholesale charge" };
        format!("{what} of account {}, hour {}, revision {}", self.account, self.hour, self.rev)
    }
}

impl Walk<'_> {
    /// Rates the lines of a charge again and adds them to the sums.
    fn lines(&mut self, row: &Row, report: &mut Report) -> Result<PackedLines, BillingError> {
        let packed = PackedLines::decode(&row.lines, &|| row.name())?;
        let total: i128 = packed.lines.iter().map(|l| i128::from(l.amount)).sum();
        // Usage that came after the deletion is nobody's debt: the customer paid nothing for it.
        let bad_debt = row.amount == 0 && total != 0;
        if i128::from(row.amount) != total && !bad_debt {
            report.differs(format!(
                "{}: {} micro-units, its lines add up to {total}",
                row.name(),
                row.amount
            ));
        }
        if packed.version != 0 {
            self.rate_again(row, &packed, report)?;
        }
        let payer = self.rates.payer(self.conn, row.customer)?;
        let reseller = match (self.side, payer.reseller_at(row.hour)) {
            (Side::Retail, Some(reseller)) => {
                Some(self.rates.payer(self.conn, reseller)?.customer.id.clone())
            }
            _ => None,
        };
        if bad_debt && reseller.is_some() && row.txn.is_some() {
            report.differs(format!("{}: a reseller earns nothing after a deletion", row.name()));
        }
        let Some(txn) = row.txn else { return Ok(packed) };
        let sums = self.out.by_txn.entry(txn).or_default();
        if self.side == Side::Wholesale {
            sums.digest.extend_from_slice(WHOLESALE);
        }
        put_digest(&mut sums.digest, row.account, row.hour, row.rev, row.customer, row.amount, &row.lines);
        let payer = match bad_debt {
            true => LedgerAccount::BadDebt,
            false => LedgerAccount::Customer(payer.customer.id.clone()),
        };
        *sums.entries.entry(payer.to_string()).or_default() -= total;
        for line in &packed.lines {
            let earner = match &reseller {
                Some(reseller) => LedgerAccount::Reseller(reseller.clone()),
                None => LedgerAccount::Revenue(Item::Meter(line.meter)),
            };
            *sums.entries.entry(earner.to_string()).or_default() += i128::from(line.amount);
        }
        Ok(packed)
    }

    fn rate_again(
        &mut self,
        row: &Row,
        packed: &PackedLines,
        report: &mut Report,
    ) -> Result<(), BillingError> {
        let payer = self.rates.payer(self.conn, row.customer)?;
        let price = self.rates.price(self.conn, &payer, row.hour)?;
        if price.version.as_ref().map(|v| v.row) != Some(packed.version) {
            report.differs(format!(
                "{}: rated by price version {}, which is not the one of its hour",
                row.name(),
                packed.version
            ));
        }
        let Some(stored) = self.versions.get(&packed.version) else {
            report.differs(format!("{}: price version {} does not exist", row.name(), packed.version));
            return Ok(());
        };
        let billing = self.moved.get(&row.account).copied().unwrap_or(row.account);
        for line in &packed.lines {
            let key = (billing, row.customer, price.month, packed.version, line.meter);
            let (quantity, amount) = self.months.entry(key).or_default();
            *quantity = quantity.saturating_add(line.quantity);
            *amount = amount.saturating_add(i128::from(line.amount));
            let after = line.before.checked_add(line.quantity);
            let again = stored.version.price(line.meter).and_then(|p| {
                let floor = |q| cost(p, q).and_then(Cost::floor);
                floor(after?)?.checked_sub(floor(line.before)?)
            });
            if again.map(|m| m.micros()) != Some(line.amount) {
                report.differs(format!(
                    "{}, {}: {} micro-units, rated again {again:?}",
                    row.name(),
                    line.meter,
                    line.amount
                ));
            }
        }
        Ok(())
    }

    /// What was charged for an hour is what stands in its totals, for every meter with a price, unless it changed
    /// since and waits for the next charge.
    fn totals(
        &self,
        account: i64,
        hour: UtcHour,
        version: i64,
        charged: &Values,
        report: &mut Report,
    ) -> Result<(), BillingError> {
        let sql = "SELECT charged FROM usage_hour WHERE account = ?1 AND hour = ?2";
        let settled: Option<bool> = crate::db::OptionalExtension::optional(
            self.conn.prepare_cached(sql)?.query_row((account, hour.0), |r| r.get(0)),
        )?;
        let what = format!("account {account}, hour {hour}");
        match settled {
            None => report.differs(format!("{what}: charged, but its usage is gone")),
            Some(false) => {}
            Some(true) => {
                let total = usage::hour(self.conn, account, hour)?.unwrap_or_default();
                let stored = self.versions.get(&version);
                for meter in usage::flows().filter(|m| stored.is_none_or(|v| v.version.price(*m).is_some())) {
                    let (used, billed) = (total.get(meter).unwrap_or(0), charged.get(meter).unwrap_or(0));
                    if used != billed {
                        report.differs(format!("{what}, {meter}: {billed} charged, {used} used"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The postings of a month add up to the exact cost of its quantity, rounded down, and the stored quantity is
    /// their sum.
    fn months(&self, report: &mut Report) -> Result<(), BillingError> {
        let mut stored: HashMap<(i64, i64, i64, i64), Values> = HashMap::new();
        let mut stmt =
            self.conn.prepare("SELECT account, customer, month, version, quantities FROM rated")?;
        let mut rows = stmt.query([])?;
        while let Some(r) = rows.next()? {
            let key = (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?);
            let blob: Vec<u8> = r.get(4)?;
            stored.insert(
                key,
                decode_values(&blob, &|| format!("rated of account {}, month {}", key.0, key.2))?,
            );
        }
        for ((account, customer, month, version, meter), (quantity, amount)) in &self.months {
            let what = format!("account {account}, month {month}, {meter}");
            let kept = stored.get(&(*account, *customer, *month, *version)).and_then(|v| v.get(*meter));
            if kept.unwrap_or(0) != *quantity {
                report.differs(format!(
                    "{what}: the month's quantity is {kept:?}, its charges add up to {quantity}"
                ));
            }
            let price = self.versions.get(version).and_then(|v| v.version.price(*meter));
            let exact = price.and_then(|p| cost(p, *quantity)).and_then(Cost::floor);
            if exact.map(|m| i128::from(m.micros())) != Some(*amount) {
                report.differs(format!("{what}: charged {amount} micro-units, the month costs {exact:?}"));
            }
        }
        Ok(())
    }
}
