//! The periodic sweep: time alone moves customers (deadlines, reminders, lags of hosts).

use super::{next_step, state_of};
use crate::billing::error::BillingError;
use crate::billing::rates::Rates;
use crate::billing::rules::Rules;
use crate::billing::{customers, parked};
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::{BOOKS_SHARE, SWEEP_CHUNK};

const ALIVE: &str = "alive_ms";

/// Of the customers after `after` (rows), at most [`SWEEP_CHUNK`]: those with a step due, and where to go on; `None`
/// at the end. Only reads, so that a sweep in which nothing is due costs the writer nothing.
pub fn due(
    conn: &Connection,
    after: i64,
    rules: &Rules,
    now_ms: i64,
) -> Result<(Vec<i64>, Option<i64>), BillingError> {
    let mut stmt = conn.prepare_cached("SELECT id FROM customer WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let rows: Vec<i64> =
        stmt.query_map(params![after, SWEEP_CHUNK], |r| r.get(0))?.collect::<Result<_, _>>()?;
    let mut rates = Rates::default();
    let mut due = Vec::new();
    for row in &rows {
        match next_step(conn, &mut rates, *row, None, rules, now_ms) {
            Ok(None) if is_turn(*row, now_ms) && is_broken(conn, &mut rates, *row)? => due.push(*row),
            Ok(None) => {}
            Ok(Some(_)) => due.push(*row),
            // Its own step parks it.
            Err(BillingError::Damaged { .. }) if !parked::is_parked(conn, *row)? => due.push(*row),
            Err(BillingError::Damaged { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    Ok((due, rows.last().copied()))
}

/// Whether this sweep looks at the customer's books.
fn is_turn(row: i64, now_ms: i64) -> bool {
    let minute = now_ms.checked_div(60_000).unwrap_or(0);
    row.wrapping_add(minute).checked_rem(BOOKS_SHARE) == Some(0)
}

fn is_broken(conn: &Connection, rates: &mut Rates, row: i64) -> Result<bool, BillingError> {
    let payer = rates.payer(conn, row)?;
    parked::needs_parking(conn, &payer.customer)
}

/// Notes that the lifecycle is at work.
pub fn heartbeat(tx: &Transaction<'_>, now_ms: i64) -> Result<(), BillingError> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.prepare_cached(sql)?.execute(params![ALIVE, now_ms])?;
    Ok(())
}

/// At the start: deadlines that run move by the time that the collector was out. Returns that time in milliseconds.
pub fn resume_after_outage(tx: &Transaction<'_>, now_ms: i64) -> Result<i64, BillingError> {
    let mut stmt = tx.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    let alive: Option<i64> = stmt.query_row([ALIVE], |r| r.get(0)).optional()?;
    heartbeat(tx, now_ms)?;
    let outage_ms = alive.map_or(0, |at| now_ms.saturating_sub(at).max(0));
    if outage_ms == 0 {
        return Ok(0);
    }
    let mut after = String::new();
    loop {
        let page = customers::list(tx, &after, crate::limits::PAGE_ROWS_MAX)?;
        let Some(last) = page.last() else { return Ok(outage_ms) };
        after = last.id.to_string();
        for customer in page.iter().filter(|c| c.lifecycle != "{}") {
            // One that cannot be read is parked, and has no deadline.
            let Ok(state) = state_of(customer) else { continue };
            let state = state.postponed(outage_ms);
            let json = serde_json::to_string(&state)
                .map_err(|e| BillingError::damaged(format!("customer {}, lifecycle", customer.id), e))?;
            tx.prepare_cached("UPDATE customer SET lifecycle = ?2 WHERE id = ?1")?
                .execute(params![customer.row, json])?;
        }
    }
}
