//! Writing transactions of the ledger: entries, running balances and the hash chain, in the caller's transaction.

use super::error::BillingError;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::{GENESIS, LedgerAccount, LedgerError, Txn, chain_hash};
use hostmeter_core::money::Money;

/// A transaction with what is stored beside it.
#[derive(Clone, Copy, Debug)]
pub struct Posting<'a> {
    /// What is booked. It has a key.
    pub txn: &'a Txn,
    /// Who acted.
    pub actor: &'a str,
    /// Why, for people.
    pub reason: &'a str,
    /// Digest of the charges it pays for; empty for other kinds.
    pub charges: &'a [u8],
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Row of the transaction.
    pub txn: i64,
}

/// The bytes that the hash of a transaction covers.
pub(super) fn chained_bytes(
    txn: &Txn,
    actor: &str,
    reason: &str,
    reverses: Option<i64>,
    charges: &[u8],
) -> Vec<u8> {
    let reverses = reverses.map(i64::to_le_bytes);
    let reverses: &[u8] = reverses.as_ref().map_or(&[], |b| b);
    txn.canonical_bytes(&[actor.as_bytes(), reason.as_bytes(), reverses, charges])
}

/// Posts a transaction: its row, its entries with the balance after each, and the balances.
pub fn post(tx: &Transaction<'_>, posting: &Posting<'_>, now_ms: i64) -> Result<Posted, BillingError> {
    post_reversing(tx, posting, None, now_ms)
}

/// As [`post`], for a transaction that gives back what another one booked, or a part of it.
pub fn post_reversing(
    tx: &Transaction<'_>,
    posting: &Posting<'_>,
    reverses: Option<i64>,
    now_ms: i64,
) -> Result<Posted, BillingError> {
    let Posting { txn, actor, reason, charges } = *posting;
    let key = txn.idem_key().ok_or_else(|| BillingError::damaged("transaction", "it has no key"))?;
    let last: Option<(i64, [u8; 32])> = tx
        .prepare_cached("SELECT id, hash FROM txn ORDER BY id DESC LIMIT 1")?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let (id, prev) = last.map_or((1, GENESIS), |(id, hash)| (id.saturating_add(1), hash));
    let hash = chain_hash(&prev, &chained_bytes(txn, actor, reason, reverses, charges));
    let sql = "INSERT INTO txn (id, kind, idem_key, payload_hash, effective_ms, recorded_ms, actor, reason, reverses, prev_hash, hash)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    tx.prepare_cached(sql)?.execute(params![
        id,
        txn.kind().as_str(),
        key.as_str(),
        txn.payload_hash(),
        txn.effective_at_ms(),
        now_ms,
        actor,
        reason,
        reverses,
        prev,
        hash
    ])?;
    let mut entry = tx.prepare_cached(
        "INSERT INTO entry (txn, line, account, amount, balance_after) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut set = tx.prepare_cached(
        "INSERT INTO balance (account, amount) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET amount = excluded.amount",
    )?;
    for (line, e) in (0_i64..).zip(txn.entries()) {
        let account = account_row(tx, &e.account)?;
        let after = balance_of(tx, account)?
            .checked_add(e.amount)
            .ok_or_else(|| LedgerError::Overflow { kind: txn.kind(), account: e.account.clone() })?;
        entry.execute(params![id, line, account, e.amount.micros(), after.micros()])?;
        set.execute(params![account, after.micros()])?;
    }
    Ok(Posted { txn: id })
}

/// Row of a ledger account, made where it is missing.
fn account_row(tx: &Transaction<'_>, account: &LedgerAccount) -> Result<i64, BillingError> {
    let name = account.to_string();
    if let Some(row) = find_account(tx, &name)? {
        return Ok(row);
    }
    tx.prepare_cached("INSERT INTO ledger_account (name) VALUES (?1)")?.execute([&name])?;
    Ok(tx.last_insert_rowid())
}

/// Row of a ledger account by name.
pub(super) fn find_account(conn: &Connection, name: &str) -> Result<Option<i64>, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT id FROM ledger_account WHERE name = ?1")?;
    Ok(stmt.query_row([name], |r| r.get(0)).optional()?)
}

fn balance_of(conn: &Connection, account: i64) -> Result<Money, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT amount FROM balance WHERE account = ?1")?;
    let micros: Option<i64> = stmt.query_row([account], |r| r.get(0)).optional()?;
    Ok(Money::from_micros(micros.unwrap_or_default()))
}

/// A customer's balance: above zero is prepaid, below is owed.
pub fn balance(conn: &Connection, customer: &CustomerId) -> Result<Money, BillingError> {
    let sql = "SELECT b.amount FROM ledger_account a JOIN balance b ON b.account = a.id WHERE a.name = ?1";
    let name = LedgerAccount::Customer(customer.clone()).to_string();
    let micros: Option<i64> = conn.prepare_cached(sql)?.query_row([name], |r| r.get(0)).optional()?;
    Ok(Money::from_micros(micros.unwrap_or_default()))
}
