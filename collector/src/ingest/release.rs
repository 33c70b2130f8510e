//! Approval, thaw, revocation: a host's envelopes that were kept aside are queued to be counted, in order.

use super::HostKeys;
use super::chain::{self, Status};
use crate::alerts;
use crate::db::{Connection, Db, DbError, Transaction, params};
use crate::limits::RELEASE_BATCH;

/// Why a host cannot be set to another state.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Not in a state from which this is possible.
    #[error("host {name} is {state}; only a host that is {wanted} can be {verb}")]
    State {
        /// The host.
        name: String,
        /// Its state.
        state: String,
        /// The states that would do.
        wanted: &'static str,
        /// What was asked for.
        verb: &'static str,
    },
    /// No such host.
    #[error("no host {0:?} is known")]
    Missing(String),
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How a host changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// pending → live.
    Approve,
    /// frozen → live.
    Thaw,
    /// anything → revoked; its keys are not accepted any more.
    Revoke,
}

impl Change {
    const fn words(self) -> (&'static [&'static str], &'static str, &'static str, &'static str) {
        match self {
            Self::Approve => (&["pending", "live"], "pending", "approved", "live"),
            Self::Thaw => (&["frozen", "live"], "frozen", "thawed", "live"),
            Self::Revoke => (&["pending", "live", "frozen", "revoked"], "known", "revoked", "revoked"),
        }
    }
}

/// Changes a host's state, queues what was kept aside, and renews the keys in memory. Again changes nothing.
pub async fn change(
    db: &Db,
    keys: &std::sync::Arc<super::HostKeys>,
    name: String,
    what: Change,
    actor: String,
    now_ms: i64,
) -> Result<(), ReleaseError> {
    let host: i64 = db.write(move |tx| set_state(tx, &name, what, &actor, now_ms)).await?;
    let keys = std::sync::Arc::clone(keys);
    db.read(move |conn| -> Result<(), ReleaseError> { Ok(HostKeys::reload(&keys, conn)?) }).await?;
    if what != Change::Revoke {
        // In several transactions, so that other hosts are not held up by one with days of backlog.
        while db.write(move |tx| queue_aside(tx, host)).await? > 0 {}
    }
    Ok(())
}

/// Goes on with releases that were cut off when the collector ended.
pub async fn finish(db: &Db) -> Result<(), DbError> {
    let hosts: Vec<i64> = db.read(unfinished).await?;
    for host in hosts {
        while db.write(move |tx| queue_aside(tx, host)).await? > 0 {}
    }
    Ok(())
}

fn unfinished(conn: &Connection) -> Result<Vec<i64>, DbError> {
    let sql = "SELECT h.id FROM host h WHERE h.state = 'live'
        AND EXISTS (SELECT 1 FROM envelope e WHERE e.host = h.id AND e.status = 'aside' AND NOT EXISTS
            (SELECT 1 FROM held_decision d WHERE d.host = e.host AND d.epoch = e.epoch AND d.seq = e.seq
                AND d.verdict = 'discarded'))";
    Ok(conn.prepare(sql)?.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?)
}

fn set_state(
    tx: &Transaction<'_>,
    name: &str,
    what: Change,
    actor: &str,
    now_ms: i64,
) -> Result<i64, ReleaseError> {
    let host = super::hosts::host_row(tx, name)?.ok_or_else(|| ReleaseError::Missing(name.to_owned()))?;
    let state: String =
        tx.query_row("SELECT state FROM host WHERE id = ?1", [host], |r| r.get(0)).map_err(DbError::from)?;
    let (from, wanted, verb, to) = what.words();
    if !from.contains(&state.as_str()) {
        return Err(ReleaseError::State { name: name.to_owned(), state, wanted, verb });
    }
    if state == to {
        return Ok(host);
    }
    let sql = |e: rusqlite::Error| ReleaseError::Db(e.into());
    tx.execute("UPDATE host SET state = ?2 WHERE id = ?1", params![host, to]).map_err(sql)?;
    match what {
        Change::Revoke => {
            tx.execute("UPDATE host_key SET state = 'revoked' WHERE host = ?1", [host]).map_err(sql)?;
        }
        Change::Thaw => alerts::clear(tx, &format!("fork:{name}"), now_ms)?,
        Change::Approve => {}
    }
    crate::audit::write(tx, actor, &format!("host.{verb}"), name, "", now_ms)?;
    Ok(host)
}

/// Queues the next envelopes that were kept aside; returns how many there were. The host may have been frozen again in
/// between: then none is.
fn queue_aside(tx: &Transaction<'_>, host: i64) -> Result<usize, DbError> {
    let sql = "SELECT epoch, seq FROM envelope
        WHERE host = ?1 AND status = 'aside' AND (SELECT state FROM host WHERE id = ?1) = 'live'
            AND NOT EXISTS (SELECT 1 FROM held_decision d WHERE d.host = envelope.host AND d.epoch = envelope.epoch
                AND d.seq = envelope.seq AND d.verdict = 'discarded')
        ORDER BY epoch, seq LIMIT ?2";
    let rows: Vec<(i64, i64)> = tx
        .prepare_cached(sql)?
        .query_map([host, RELEASE_BATCH], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (epoch, seq) in &rows {
        tx.prepare_cached("UPDATE envelope SET status = ?4 WHERE host = ?1 AND epoch = ?2 AND seq = ?3")?
            .execute(params![host, epoch, seq, Status::Billed.as_str()])?;
        chain::forward(tx, host, *epoch, *seq)?;
    }
    Ok(rows.len())
}
