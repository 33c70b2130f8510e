//! Transactions and entries: sums, keys, hash chain, running balances, and the charges that each pays for.

use super::Report;
use super::charges::{Charged, Sums};
use super::kinds::Kinds;
use crate::billing::error::BillingError;
use crate::billing::ledger::chained_bytes;
use crate::db::{Connection, params};
use hostmeter_core::ledger::{Entry, GENESIS, IdemKey, LedgerAccount, Txn, TxnKind, chain_hash};
use hostmeter_core::money::Money;
use hostmeter_core::wire::key::sha256;
use std::collections::HashMap;

struct Row {
    id: i64,
    kind: String,
    key: String,
    payload: Vec<u8>,
    effective_ms: i64,
    actor: String,
    reason: String,
    reverses: Option<i64>,
    prev: Vec<u8>,
    hash: Vec<u8>,
}

struct Chain {
    last: i64,
    hash: [u8; 32],
    balances: HashMap<i64, i64>,
    kinds: Kinds,
}

pub(super) fn check(
    conn: &Connection,
    mut charged: Charged,
    report: &mut Report,
) -> Result<(), BillingError> {
    let mut chain = Chain { last: 0, hash: GENESIS, balances: HashMap::new(), kinds: Kinds::default() };
    let sql =
        "SELECT id, kind, idem_key, payload_hash, effective_ms, actor, reason, reverses, prev_hash, hash
               FROM txn ORDER BY id";
    let mut stmt = conn.prepare(sql)?;
    let rows = stmt.query_map([], |r| {
        Ok(Row {
            id: r.get(0)?,
            kind: r.get(1)?,
            key: r.get(2)?,
            payload: r.get(3)?,
            effective_ms: r.get(4)?,
            actor: r.get(5)?,
            reason: r.get(6)?,
            reverses: r.get(7)?,
            prev: r.get(8)?,
            hash: r.get(9)?,
        })
    })?;
    for row in rows {
        let row = row?;
        report.transactions = report.transactions.saturating_add(1);
        if row.id != chain.last.saturating_add(1) {
            report.differs(format!(
                "transaction {}: the one before it is {}; transactions are missing",
                row.id, chain.last
            ));
        }
        let entries = entries(conn, &row, &mut chain, report)?;
        let sums = charged.by_txn.remove(&row.id);
        check_chain(&row, entries, sums, &mut chain, report);
        chain.last = row.id;
    }
    for id in charged.by_txn.keys() {
        report.differs(format!("charges name transaction {id}, which does not exist"));
    }
    chain.kinds.referrals(conn, report)?;
    check_balances(conn, &chain.balances, report)
}

/// The entries of a transaction; checks the balance after each.
fn entries(
    conn: &Connection,
    row: &Row,
    chain: &mut Chain,
    report: &mut Report,
) -> Result<Vec<Entry>, BillingError> {
    let sql = "SELECT e.account, a.name, e.amount, e.balance_after
               FROM entry e JOIN ledger_account a ON a.id = e.account WHERE e.txn = ?1 ORDER BY e.line";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![row.id], |r| {
        Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, i64>(2)?, r.get::<_, i64>(3)?))
    })?;
    let mut out = Vec::new();
    for found in rows {
        let (account, name, amount, after) = found?;
        report.entries = report.entries.saturating_add(1);
        let balance = chain.balances.entry(account).or_default();
        *balance = balance.saturating_add(amount);
        if *balance != after {
            let (want, got) = (Money::from_micros(*balance), Money::from_micros(after));
            report.differs(format!(
                "transaction {}, {name}: balance after is {got}, its entries add up to {want}",
                row.id
            ));
        }
        match LedgerAccount::parse(&name) {
            Ok(account) => out.push(Entry { account, amount: Money::from_micros(amount) }),
            Err(e) => report.differs(format!("transaction {}: {e}", row.id)),
        }
    }
    Ok(out)
}

fn check_chain(row: &Row, entries: Vec<Entry>, sums: Option<Sums>, chain: &mut Chain, report: &mut Report) {
    let id = row.id;
    if row.prev != chain.hash {
        report.differs(format!("transaction {id}: its previous hash is not the hash of the one before"));
    }
    let Some(kind) = TxnKind::from_name(&row.kind) else {
        return report.differs(format!("transaction {id}: unknown kind {:?}", row.kind));
    };
    let txn = match Txn::new(kind, Some(IdemKey::stored(&row.key)), row.effective_ms, entries) {
        Ok(txn) => txn,
        Err(e) => return report.differs(format!("transaction {id}: {e}")),
    };
    if row.payload != txn.payload_hash() {
        report.differs(format!("transaction {id}: its payload hash does not fit its entries"));
    }
    chain.kinds.check(id, &txn, row.reverses, report);
    let digest = sums.as_ref().map(|s| sha256(&s.digest));
    let charges: &[u8] = digest.as_ref().map_or(&[], |d| d);
    let bytes = chained_bytes(&txn, &row.actor, &row.reason, row.reverses, charges);
    let hash = chain_hash(&chain.hash, &bytes);
    if row.hash != hash {
        report
            .differs(format!("transaction {id}: its hash does not fit what it holds; something was changed"));
    }
    // Go on from what is stored, so that one change is named once.
    for (to, from) in chain.hash.iter_mut().zip(&row.hash) {
        *to = *from;
    }
    match (kind, sums) {
        (TxnKind::Charge, Some(sums)) => check_sums(id, &txn, &sums, report),
        (TxnKind::Charge, None) => {
            report.differs(format!("transaction {id}: a charge without charged hours"));
        }
        (_, Some(_)) => {
            report.differs(format!("transaction {id}: charged hours name it, but it is no charge"));
        }
        (_, None) => {}
    }
}

/// The entries of a charge are the sums of its lines.
fn check_sums(id: i64, txn: &Txn, sums: &Sums, report: &mut Report) {
    let mut want: HashMap<String, i128> = sums.entries.clone();
    want.retain(|_, sum| *sum != 0);
    for entry in txn.entries() {
        let name = entry.account.to_string();
        let sum = want.remove(&name).unwrap_or_default();
        if sum != i128::from(entry.amount.micros()) {
            report.differs(format!(
                "transaction {id}, {name}: books {} micro-units, its lines add up to {sum}",
                entry.amount.micros()
            ));
        }
    }
    for (name, sum) in want {
        report.differs(format!(
            "transaction {id}, {name}: books nothing, its lines add up to {sum} micro-units"
        ));
    }
}

fn check_balances(
    conn: &Connection,
    want: &HashMap<i64, i64>,
    report: &mut Report,
) -> Result<(), BillingError> {
    let mut stmt = conn.prepare(
        "SELECT b.account, a.name, b.amount FROM balance b JOIN ledger_account a ON a.id = b.account",
    )?;
    let rows =
        stmt.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, i64>(2)?)))?;
    let mut seen = 0_usize;
    for row in rows {
        let (account, name, amount) = row?;
        seen = seen.saturating_add(1);
        let sum = want.get(&account).copied().unwrap_or_default();
        if sum != amount {
            let (want, got) = (Money::from_micros(sum), Money::from_micros(amount));
            report.differs(format!("{name}: the balance is {got}, its entries add up to {want}"));
        }
    }
    if seen < want.len() {
        report.differs(format!(
            "{} of {} accounts of the ledger have no balance",
            want.len().saturating_sub(seen),
            want.len()
        ));
    }
    Ok(())
}
