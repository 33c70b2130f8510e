//! What stands in a statement, read from ledger and charges. Closing a month and verifying a statement use the same code,
//! so that a closed one can be made again from the ledger at any time.

use super::body::{ChargeSum, CorrectionSum, Day, Movement};
use crate::billing::customers::{self, Customer};
use crate::billing::error::BillingError;
use crate::billing::ledger::find_account;
use crate::billing::pack::PackedLines;
use crate::billing::refund::payment_of;
use crate::billing::resellers;
use crate::db::{Connection, params};
use crate::limits::{STATEMENT_LINES_MAX, STATEMENT_MOVEMENTS_MAX};
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::money::Money;
use hostmeter_core::rating::{Calendar, Item};
use hostmeter_core::units::{UtcHour, rfc3339};
use std::collections::BTreeMap;

/// Which late charges: those that no statement has yet, or those of one that was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::billing) enum Late {
    Open,
    Of(i64),
}

/// What belongs to a statement.
#[derive(Clone, Copy, Debug)]
pub(in crate::billing) struct Bounds {
    /// Start of the month; `None`: from the very beginning.
    pub(in crate::billing) from: Option<UtcHour>,
    /// End of the month.
    pub(in crate::billing) to: UtcHour,
    /// Nothing of the customer before is to be looked at.
    pub(in crate::billing) scan_txn: i64,
    /// The latest transaction of the statement before.
    pub(in crate::billing) prev_txn: i64,
    /// The latest transaction.
    pub(in crate::billing) last_txn: i64,
    pub(in crate::billing) late: Late,
}

/// All that a statement adds up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::billing) struct Gathered {
    pub(in crate::billing) charges: Vec<ChargeSum>,
    pub(in crate::billing) corrections: Vec<CorrectionSum>,
    pub(in crate::billing) movements: Vec<Movement>,
    pub(in crate::billing) days: Vec<Day>,
    /// Of charges and corrections, what is a reseller's revenue, micro-units by meter.
    pub(in crate::billing) untaxed: BTreeMap<Item, i64>,
    /// What charges and corrections cost.
    pub(in crate::billing) charged: Money,
    /// By how much the balance changed.
    pub(in crate::billing) change: Money,
    /// All that was recorded up to here stands in statements once this one is closed.
    pub(in crate::billing) scanned: i64,
}

impl Gathered {
    /// Whether nothing happened.
    pub(in crate::billing) const fn is_empty(&self) -> bool {
        self.charges.is_empty() && self.corrections.is_empty() && self.movements.is_empty()
    }
}

/// (month of a correction or empty, a reseller's customer or empty, account, meter or base fee) → (quantity, amount)
type Sums = BTreeMap<(String, String, String, Item), (i64, i64)>;

struct Walk<'a> {
    customer: &'a Customer,
    calendar: Calendar,
    resellers: Vec<(UtcHour, Option<i64>)>,
    untaxed: BTreeMap<Item, i64>,
    charges: Sums,
    corrections: Sums,
    days: BTreeMap<String, i64>,
    charged: i64,
}

/// Reads what belongs to a statement.
pub(in crate::billing) fn gather(
    conn: &Connection,
    customer: &Customer,
    bounds: &Bounds,
) -> Result<Gathered, BillingError> {
    let mut walk = Walk {
        customer,
        calendar: customers::calendar(conn, customer)?,
        resellers: if customer.resold { resellers::history(conn, customer.row)? } else { Vec::new() },
        untaxed: BTreeMap::new(),
        charges: Sums::new(),
        corrections: Sums::new(),
        days: BTreeMap::new(),
        charged: 0,
    };
    walk.base_fees(conn, bounds)?;
    walk.month(conn, bounds)?;
    walk.late(conn, bounds.late)?;
    if customer.resells {
        walk.wholesale(conn, bounds)?;
    }
    let (movements, moved, scanned) = movements(conn, customer, bounds)?;
    let change = moved.checked_sub(walk.charged).ok_or_else(|| walk.overflow())?;
    Ok(Gathered {
        charges: fold(walk.charges, STATEMENT_LINES_MAX)
            .into_iter()
            .map(|((_, customer, account, meter), (quantity, amount))| ChargeSum {
                account: (!account.is_empty()).then_some(account),
                customer: (!customer.is_empty()).then_some(customer),
                meter,
                quantity,
                amount: Money::from_micros(amount),
            })
            .collect(),
        corrections: fold(walk.corrections, STATEMENT_LINES_MAX)
            .into_iter()
            .map(|((month, customer, account, meter), (quantity, amount))| CorrectionSum {
                account: (!account.is_empty()).then_some(account),
                customer: (!customer.is_empty()).then_some(customer),
                month,
                meter,
                quantity,
                amount: Money::from_micros(amount),
            })
            .collect(),
        movements,
        days: walk
            .days
            .into_iter()
            .map(|(date, amount)| Day { date, amount: Money::from_micros(amount) })
            .collect(),
        untaxed: walk.untaxed,
        charged: Money::from_micros(walk.charged),
        change: Money::from_micros(change),
        scanned,
    })
}

/// Adds up over accounts where there are too many lines.
fn fold(sums: Sums, most: usize) -> Sums {
    if sums.len() <= most {
        return sums;
    }
    let mut out = Sums::new();
    for ((month, _, _, meter), (quantity, amount)) in sums {
        let sum = out.entry((month, String::new(), String::new(), meter)).or_default();
        sum.0 = sum.0.saturating_add(quantity);
        sum.1 = sum.1.saturating_add(amount);
    }
    out
}

/// The account, the hour, what was paid, the lines, and for whom a reseller paid.
const CHARGE: &str = "a.name, c.hour, c.amount, c.lines, ''";
/// The same of what a reseller pays.
const WHOLESALE: &str = "a.name, c.hour, c.amount, c.lines,
    coalesce((SELECT p.name FROM account_owner o JOIN customer p ON p.id = o.customer
              WHERE o.account = c.account AND o.from_hour <= c.hour ORDER BY o.from_hour DESC LIMIT 1), '')";

impl Walk<'_> {
    fn overflow(&self) -> BillingError {
        BillingError::damaged(format!("statement of {}", self.customer.id), "a sum does not fit")
    }

    /// Charges of the month's hours that did not come late.
    fn month(&mut self, conn: &Connection, bounds: &Bounds) -> Result<(), BillingError> {
        let sql = format!(
            "SELECT {CHARGE} FROM charge c INDEXED BY charge_by_customer JOIN account a ON a.id = c.account
             WHERE c.customer = ?1 AND c.hour >= ?2 AND c.hour < ?3
               AND NOT EXISTS (SELECT 1 FROM late_charge l WHERE l.account = c.account AND l.hour = c.hour AND l.rev = c.rev)"
        );
        let from = bounds.from.map_or(i64::MIN, |h| h.0);
        let mut stmt = conn.prepare_cached(&sql)?;
        let mut rows = stmt.query(params![self.customer.row, from, bounds.to.0])?;
        while let Some(row) = rows.next()? {
            self.add(row, false)?;
        }
        Ok(())
    }

    /// Charges of months that were closed before they came.
    fn late(&mut self, conn: &Connection, late: Late) -> Result<(), BillingError> {
        let (which, number) = match late {
            Late::Open => ("l.customer = ?1 AND l.statement IS NULL AND ?2 IS NULL", None),
            Late::Of(number) => ("l.statement = ?2 AND l.customer = ?1", Some(number)),
        };
        let sql = format!(
            "SELECT {CHARGE} FROM late_charge l JOIN charge c ON c.account = l.account AND c.hour = l.hour AND c.rev = l.rev
             JOIN account a ON a.id = l.account WHERE {which}"
        );
        let mut stmt = conn.prepare_cached(&sql)?;
        let mut rows = stmt.query(params![self.customer.row, number])?;
        while let Some(row) = rows.next()? {
            self.add(row, true)?;
        }
        Ok(())
    }

    fn add(&mut self, row: &rusqlite::Row<'_>, is_late: bool) -> Result<(), BillingError> {
        let (name, hour, amount): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let hour = UtcHour(hour);
        let lines = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let packed = PackedLines::decode(lines, &|| format!("charge of {name} at {hour}"))?;
        let total = packed.lines.iter().fold(0_i64, |sum, l| sum.saturating_add(l.amount));
        if amount == 0 && total != 0 {
            // Usage that came after the deletion: nobody pays for it.
            return Ok(());
        }
        let month = if is_late { self.calendar.month(hour)?.to_string() } else { String::new() };
        let whose: String = row.get(4)?;
        if resellers::holding(&self.resellers, hour).is_some() {
            for line in &packed.lines {
                let sum = self.untaxed.entry(Item::Meter(line.meter)).or_default();
                *sum = sum.saturating_add(line.amount);
            }
        }
        let sums = if is_late { &mut self.corrections } else { &mut self.charges };
        for line in &packed.lines {
            let key = (month.clone(), whose.clone(), name.clone(), Item::Meter(line.meter));
            let sum = sums.entry(key).or_default();
            let added = sum.0.checked_add(line.quantity).zip(sum.1.checked_add(line.amount));
            *sum = added.ok_or_else(|| {
                BillingError::damaged(format!("statement of {}", self.customer.id), "a sum does not fit")
            })?;
        }
        self.paid(hour, amount, is_late)
    }

    fn paid(&mut self, hour: UtcHour, amount: i64, is_late: bool) -> Result<(), BillingError> {
        self.charged = self.charged.checked_add(amount).ok_or_else(|| self.overflow())?;
        if !is_late && amount != 0 {
            let day = self.days.entry(self.calendar.date(hour)?.to_string()).or_default();
            *day = day.saturating_add(amount);
        }
        Ok(())
    }

    /// Base fees of the month's days. None comes late: days are decided hour after hour, and a month is closed after
    /// its last one.
    fn base_fees(&mut self, conn: &Connection, bounds: &Bounds) -> Result<(), BillingError> {
        let sql = "SELECT a.name, b.hour, b.amount, '' FROM base_fee b JOIN account a ON a.id = b.account
                   WHERE b.customer = ?1 AND b.hour >= ?2 AND b.hour < ?3 AND b.amount <> 0";
        self.fees(conn, bounds, sql)
    }

    fn fees(&mut self, conn: &Connection, bounds: &Bounds, sql: &str) -> Result<(), BillingError> {
        let from = bounds.from.map_or(i64::MIN, |h| h.0);
        let mut stmt = conn.prepare_cached(sql)?;
        let mut rows = stmt.query(params![self.customer.row, from, bounds.to.0])?;
        while let Some(row) = rows.next()? {
            let (name, hour, amount): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let sum = self.charges.entry((String::new(), row.get(3)?, name, Item::Base)).or_default();
            *sum = (sum.0.saturating_add(1), sum.1.saturating_add(amount));
            if resellers::holding(&self.resellers, UtcHour(hour)).is_some() {
                let sum = self.untaxed.entry(Item::Base).or_default();
                *sum = sum.saturating_add(amount);
            }
            self.paid(UtcHour(hour), amount, false)?;
        }
        Ok(())
    }

    /// What a reseller pays for the accounts of its customers: as charges, base fees and late charges are.
    fn wholesale(&mut self, conn: &Connection, bounds: &Bounds) -> Result<(), BillingError> {
        let from = bounds.from.map_or(i64::MIN, |h| h.0);
        let month = format!(
            "SELECT {WHOLESALE} FROM wholesale c JOIN account a ON a.id = c.account
             WHERE c.reseller = ?1 AND c.hour >= ?2 AND c.hour < ?3
               AND NOT EXISTS (SELECT 1 FROM late_wholesale l WHERE l.account = c.account AND l.hour = c.hour AND l.rev = c.rev)"
        );
        let mut stmt = conn.prepare_cached(&month)?;
        let mut rows = stmt.query(params![self.customer.row, from, bounds.to.0])?;
        while let Some(row) = rows.next()? {
            self.add(row, false)?;
        }
        let (which, number) = match bounds.late {
            Late::Open => ("l.reseller = ?1 AND l.statement IS NULL AND ?2 IS NULL", None),
            Late::Of(number) => ("l.statement = ?2 AND l.reseller = ?1", Some(number)),
        };
        let late = format!(
            "SELECT {WHOLESALE} FROM late_wholesale l
             JOIN wholesale c ON c.account = l.account AND c.hour = l.hour AND c.rev = l.rev
             JOIN account a ON a.id = l.account WHERE {which}"
        );
        let mut stmt = conn.prepare_cached(&late)?;
        let mut rows = stmt.query(params![self.customer.row, number])?;
        while let Some(row) = rows.next()? {
            self.add(row, true)?;
        }
        let fees = "SELECT a.name, c.hour, c.amount,
                      coalesce((SELECT p.name FROM account_owner o JOIN customer p ON p.id = o.customer
                        WHERE o.account = c.account AND o.from_hour <= c.hour ORDER BY o.from_hour DESC LIMIT 1), '')
                    FROM wholesale_fee c JOIN account a ON a.id = c.account
                    WHERE c.reseller = ?1 AND c.hour >= ?2 AND c.hour < ?3 AND c.amount <> 0";
        self.fees(conn, bounds, fees)
    }
}

/// Movements that are no charges: of the month, or recorded after the statement of their month was closed. Also their
/// sum, and up to which transaction all stands in statements then.
fn movements(
    conn: &Connection,
    customer: &Customer,
    bounds: &Bounds,
) -> Result<(Vec<Movement>, i64, i64), BillingError> {
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let Some(account) = find_account(conn, &name)? else { return Ok((Vec::new(), 0, bounds.last_txn)) };
    let sql = "SELECT t.id, t.kind, t.effective_ms, t.idem_key, t.reason, e.amount
               FROM entry e JOIN txn t ON t.id = e.txn
               WHERE e.account = ?1 AND e.txn > ?2 AND e.txn <= ?3 AND t.kind <> 'charge' ORDER BY e.txn";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query(params![account, bounds.scan_txn, bounds.last_txn])?;
    let (mut out, mut sum, mut scanned) = (Vec::new(), 0_i64, bounds.last_txn);
    let mut by_kind: BTreeMap<String, i64> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (txn, kind, at_ms): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (key, reason, amount): (String, String, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let hour = UtcHour::from_ms(at_ms);
        if hour >= bounds.to {
            scanned = scanned.min(txn.saturating_sub(1));
            continue;
        }
        if bounds.from.is_some_and(|from| hour < from) && txn <= bounds.prev_txn {
            continue;
        }
        sum = sum
            .checked_add(amount)
            .ok_or_else(|| BillingError::damaged(format!("statement of {name}"), "a sum does not fit"))?;
        let of_kind = by_kind.entry(kind.clone()).or_default();
        *of_kind = of_kind.saturating_add(amount);
        if out.len() <= STATEMENT_MOVEMENTS_MAX {
            let payment = payment_of(&key).map(|(gateway, payment)| format!("{gateway} {payment}"));
            let text = [payment.unwrap_or_default(), reason].join(" ").trim().to_owned();
            let (txn, at) = (Some(txn.to_string()), Some(rfc3339(at_ms)));
            out.push(Movement { txn, at, kind, amount: Money::from_micros(amount), text });
        }
    }
    if out.len() > STATEMENT_MOVEMENTS_MAX {
        let one = |(kind, amount)| Movement {
            txn: None,
            at: None,
            kind,
            amount: Money::from_micros(amount),
            text: String::new(),
        };
        out = by_kind.into_iter().map(one).collect();
    }
    Ok((out, sum, scanned))
}
