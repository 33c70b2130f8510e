//! Transactions with their entries, some at a time.

use crate::billing::error::BillingError;
use crate::db::{Connection, params};
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::money::Money;

/// A transaction as it is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub txn: i64,
    /// What it is.
    pub kind: String,
    /// The key by which it happened once.
    pub key: String,
    /// When it took effect, milliseconds since the epoch.
    pub effective_ms: i64,
    /// When it was recorded, milliseconds since the epoch.
    pub recorded_ms: i64,
    /// Who acted.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The transaction that it gives back, or a part of it.
    pub reverses: Option<i64>,
    /// Its entries: account, amount (credit above zero), the account's balance after it.
    pub entries: Vec<(LedgerAccount, Money, Money)>,
}

/// The latest transaction; 0: there is none.
pub fn last_txn(conn: &Connection) -> Result<i64, BillingError> {
    Ok(conn.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM txn")?.query_row([], |r| r.get(0))?)
}

/// Transactions after `after`, up to and with `last`, at most `limit`.
pub fn page(conn: &Connection, after: i64, last: i64, limit: usize) -> Result<Vec<Row>, BillingError> {
    let sql = "SELECT id, kind, idem_key, effective_ms, recorded_ms, actor, reason, reverses FROM txn
               WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![after, last, limit], |r| {
        Ok(Row {
            txn: r.get(0)?,
            kind: r.get(1)?,
            key: r.get(2)?,
            effective_ms: r.get(3)?,
            recorded_ms: r.get(4)?,
            actor: r.get(5)?,
            reason: r.get(6)?,
            reverses: r.get(7)?,
            entries: Vec::new(),
        })
    })?;
    let mut out = rows.collect::<Result<Vec<_>, _>>()?;
    let sql =
        "SELECT a.name, e.amount, e.balance_after FROM entry e JOIN ledger_account a ON a.id = e.account
               WHERE e.txn = ?1 ORDER BY e.line";
    let mut stmt = conn.prepare_cached(sql)?;
    for row in &mut out {
        let mut entries = stmt.query([row.txn])?;
        while let Some(entry) = entries.next()? {
            let name: String = entry.get(0)?;
            let account = LedgerAccount::parse(&name)
                .map_err(|e| BillingError::damaged(format!("transaction {}", row.txn), e))?;
            let (amount, after) = (Money::from_micros(entry.get(1)?), Money::from_micros(entry.get(2)?));
            row.entries.push((account, amount, after));
        }
    }
    Ok(out)
}
