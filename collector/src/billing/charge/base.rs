//! Base fees: what an account costs a day, whatever it uses.
//!
//! Each day of an account is decided once, in the first of its hours in which somebody owns the account and it is not
//! suspended or deleted, by the price of that hour. All of that is known when the hour is over, however late its usage
//! comes: ownership and plans change from the next hour on only. So hour after hour is decided for every account, in
//! order, and a row of `base_fee` says that a day needs no further look; it is what makes a repetition harmless.

use super::block::{Block, ledger_payer};
use super::rate::Side;
use crate::billing::error::BillingError;
use crate::billing::plans;
use crate::billing::rates::{Payer, Rates};
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::CHARGE_BLOCK_ACCOUNTS;
use hostmeter_core::ledger::ChargeBatch;
use hostmeter_core::money::Money;
use hostmeter_core::rating::BillingDate;
use hostmeter_core::units::{HOUR_MS, UtcHour};
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

/// A row of `meta`: the first hour for which base fees were decided.
const FROM: &str = "base_from";
/// A row of `meta`: the first hour for which they were not yet.
const NEXT: &str = "base_hour";
/// Hours before the first base fee from which on days are decided: a day that began without a fee has none.
const LEAD_HOURS: i64 = 50;

/// A day of an account, decided for its customer or for the customer's reseller.
#[derive(Debug)]
pub(super) struct BaseDraft {
    pub(super) side: Side,
    pub(super) account: i64,
    /// The reseller who earns the customer's fee; `None`: the company.
    pub(super) earner: Option<Rc<Payer>>,
    pub(super) payer: Rc<Payer>,
    pub(super) date: BillingDate,
    /// Row of the price version; `None`: no price held.
    pub(super) version: Option<i64>,
    /// Micro-units.
    pub(super) amount: i64,
}

/// An account that somebody owns and that runs at the start of an hour, with the owner.
struct Running {
    /// The account that is billed.
    account: i64,
    customer: i64,
}

fn meta(conn: &Connection, key: &str) -> Result<Option<UtcHour>, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(stmt.query_row([key], |r| r.get(0)).optional()?.map(UtcHour))
}

fn set_meta(tx: &Transaction<'_>, key: &str, hour: UtcHour) -> Result<(), BillingError> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.prepare_cached(sql)?.execute(params![key, hour.0])?;
    Ok(())
}

/// The hours for which base fees are decided: the first one, and the first for which they are not yet. `None`: no
/// price version has a base fee, and no day is looked at.
pub(in crate::billing) fn decided(conn: &Connection) -> Result<Option<(UtcHour, UtcHour)>, BillingError> {
    if let (Some(from), Some(next)) = (meta(conn, FROM)?, meta(conn, NEXT)?) {
        return Ok(Some((from, next)));
    }
    let Some(first) = plans::first_base(conn)? else { return Ok(None) };
    let mut stmt = conn.prepare_cached("SELECT min(made_ms) FROM account")?;
    let made_ms: Option<i64> = stmt.query_row([], |r| r.get(0))?;
    let Some(made_ms) = made_ms else { return Ok(None) };
    let from = UtcHour(first.0.saturating_sub(LEAD_HOURS)).max(UtcHour::from_ms(made_ms));
    Ok(Some((from, from)))
}

/// The first block after `after` whose base fees are not decided, in an hour that is over before `until`.
pub(super) fn next_block(
    conn: &Connection,
    after: Option<Block>,
    until: UtcHour,
) -> Result<Option<Block>, BillingError> {
    let Some((_, hour)) = decided(conn)?.filter(|(_, next)| *next < until) else { return Ok(None) };
    let number = match after {
        Some(b) if b.hour == hour => b.number.saturating_add(1),
        Some(b) if b.hour > hour => return Ok(None),
        _ => 0,
    };
    Ok((number <= last_block(conn)?).then_some(Block { hour, number }))
}

fn last_block(conn: &Connection) -> Result<i64, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT coalesce(max(id), 0) FROM account")?;
    let last: i64 = stmt.query_row([], |r| r.get(0))?;
    Ok(last.div_euclid(CHARGE_BLOCK_ACCOUNTS))
}

/// Whether base fees of this block are still to be decided in its hour.
fn is_due(conn: &Connection, block: Block, now_ms: i64) -> Result<bool, BillingError> {
    let next = decided(conn)?.map(|(_, next)| next);
    Ok(next == Some(block.hour) && now_ms >= block.hour.end_ms())
}

/// The days that begin, for accounts of the block, with its hour.
pub(super) fn drafts(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    block: Block,
    now_ms: i64,
) -> Result<Vec<BaseDraft>, BillingError> {
    if !is_due(tx, block, now_ms)? {
        return Ok(Vec::new());
    }
    let (first, past) = block.accounts();
    let (mut out, mut plans_used, mut seen) = (Vec::new(), BTreeSet::new(), HashSet::new());
    for running in running(tx, block.hour, first, past)? {
        let payer = rates.payer(tx, running.customer)?;
        let earner = payer.reseller_at(block.hour).map(|r| rates.payer(tx, r)).transpose()?;
        let whose = earner.iter().map(|e| (Side::Wholesale, Rc::clone(e), None));
        let sides: Vec<_> = whose.chain([(Side::Retail, payer, earner.clone())]).collect();
        for (side, payer, earner) in sides {
            let date = payer.calendar.date(block.hour)?;
            let price = rates.price(tx, &payer, block.hour)?;
            plans_used.extend(price.plan);
            // What an account was before its move may run as well: one of both pays.
            let is_new = seen.insert((side, running.account, date));
            if !is_new || is_decided(tx, side, running.account, date)? {
                continue;
            }
            let amount = price.version.as_ref().map_or(0, |v| v.version.base_per_day().micros());
            let version = price.version.as_ref().map(|v| v.row);
            out.push(BaseDraft { side, account: running.account, earner, payer, date, version, amount });
        }
    }
    // The order in which a verification reads them: what moved to another host stands where it was before.
    out.sort_by_key(|d| d.account);
    // Also an hour in which no day began is charged: no price may be made for it any more.
    for plan in plans_used {
        plans::note_charged(tx, plan, block.hour)?;
    }
    Ok(out)
}

/// Notes that the block is done, with its hour if it was the last.
pub(super) fn done(tx: &Transaction<'_>, block: Block, now_ms: i64) -> Result<(), BillingError> {
    if is_due(tx, block, now_ms)? && block.number >= last_block(tx)? {
        if meta(tx, FROM)?.is_none() {
            set_meta(tx, FROM, block.hour)?;
        }
        set_meta(tx, NEXT, block.hour.next())?;
    }
    Ok(())
}

/// Writes the decided days.
pub(super) fn store(
    tx: &Transaction<'_>,
    hour: UtcHour,
    drafts: &[BaseDraft],
    txn: Option<i64>,
) -> Result<(), BillingError> {
    let retail = "INSERT INTO base_fee (date, account, hour, customer, version, amount, txn) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let wholesale = "INSERT INTO wholesale_fee (date, account, hour, reseller, version, amount, txn) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    for d in drafts {
        let txn = txn.filter(|_| d.amount != 0);
        tx.prepare_cached(if d.side == Side::Retail { retail } else { wholesale })?.execute(params![
            d.date.number(),
            d.account,
            hour.0,
            d.payer.customer.row,
            d.version,
            d.amount,
            txn
        ])?;
    }
    Ok(())
}

/// Whether a later block of the same hour decides a day for this customer, too.
pub(super) fn has_more(
    conn: &Connection,
    rates: &mut Rates,
    customer: i64,
    block: Block,
    now_ms: i64,
) -> Result<bool, BillingError> {
    if !is_due(conn, block, now_ms)? {
        return Ok(false);
    }
    let payer = rates.payer(conn, customer)?;
    let date = payer.calendar.date(block.hour)?;
    let past = block.number.saturating_add(1).saturating_mul(CHARGE_BLOCK_ACCOUNTS);
    let own = "SELECT DISTINCT account FROM account_owner WHERE customer = ?1 AND account >= ?2 AND from_hour <= ?3";
    let resold = "SELECT DISTINCT account FROM account_owner WHERE account >= ?2 AND from_hour <= ?3
                  AND customer IN (SELECT ?1 UNION SELECT customer FROM customer_reseller WHERE reseller = ?1)";
    let mut stmt = conn.prepare_cached(if payer.customer.resells { resold } else { own })?;
    let accounts = stmt.query_map(params![customer, past, block.hour.0], |r| r.get::<_, i64>(0))?;
    for account in accounts {
        let account = account?;
        for r in running(conn, block.hour, account, account.saturating_add(1))? {
            let reseller = rates.payer(conn, r.customer)?.reseller_at(block.hour);
            let side = match r.customer == customer {
                true => Side::Retail,
                false if reseller == Some(customer) => Side::Wholesale,
                false => continue,
            };
            if !is_decided(conn, side, r.account, date)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether this day of an account is decided, or one after it.
fn is_decided(conn: &Connection, side: Side, account: i64, date: BillingDate) -> Result<bool, BillingError> {
    // Where the zone changed, days may come again, and a later one may be decided: no zone is farther off than two days.
    let sql = match side {
        Side::Retail => "SELECT EXISTS (SELECT 1 FROM base_fee WHERE date IN (?1, ?2, ?3) AND account = ?4)",
        Side::Wholesale => {
            "SELECT EXISTS (SELECT 1 FROM wholesale_fee WHERE date IN (?1, ?2, ?3) AND account = ?4)"
        }
    };
    let mut dates = date.and_later().map(BillingDate::number);
    let mut next = || dates.next().unwrap_or_default();
    Ok(conn.prepare_cached(sql)?.query_row([next(), next(), next(), account], |r| r.get(0))?)
}

/// Accounts `[first, past)` that somebody owns in an hour and that run at its start; one that was made in it runs.
fn running(conn: &Connection, hour: UtcHour, first: i64, past: i64) -> Result<Vec<Running>, BillingError> {
    let sql = "SELECT coalesce(a.billing, a.id), (SELECT o.customer FROM account_owner o WHERE o.account = a.id AND o.from_hour <= ?1
                             ORDER BY o.from_hour DESC LIMIT 1) AS owner
               FROM account a
               WHERE a.id >= ?3 AND a.id < ?4 AND (a.host IS NULL OR a.user IS NOT NULL) AND a.made_ms < ?2 + ?5
                 AND coalesce((SELECT s.desired FROM account_state s WHERE s.account = a.id AND s.from_ms <= ?2
                               ORDER BY s.from_ms DESC LIMIT 1), 'active') = 'active'
                 AND owner IS NOT NULL
               ORDER BY a.id";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![hour.0, hour.start_ms(), first, past, HOUR_MS], |r| {
        Ok(Running { account: r.get(0)?, customer: r.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds the fees of one side to the entries and to what the hash covers.
pub(super) fn put(batch: &mut ChargeBatch, digest: &mut Vec<u8>, fees: &[BaseDraft], side: Side) {
    for fee in fees.iter().filter(|f| f.side == side && f.amount != 0) {
        let customer = &fee.payer.customer;
        let payer = ledger_payer(customer, fee.earner.as_ref().map(|e| &e.customer));
        batch.add_base(&payer, Money::from_micros(fee.amount));
        put_digest(digest, side, fee.date.number(), fee.account, customer.row, fee.version, fee.amount);
    }
}

/// Appends a decided day to what its transaction's hash covers.
pub(in crate::billing) fn put_digest(
    out: &mut Vec<u8>,
    side: Side,
    date: i64,
    account: i64,
    customer: i64,
    version: Option<i64>,
    amount: i64,
) {
    out.extend_from_slice(if side == Side::Retail { b"base".as_slice() } else { b"wholesale-base" });
    for number in [date, account, customer, version.unwrap_or_default(), amount] {
        out.extend_from_slice(&number.to_le_bytes());
    }
}
