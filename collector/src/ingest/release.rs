//! Approval, thaw, revocation: a host's envelopes that were kept aside are counted, in order.

use super::chain::{self, Status};
use super::receive::{Payload, Received};
use super::{HostKeys, KnownKey};
use crate::alerts;
use crate::db::{Connection, Db, DbError, Transaction, params};
use crate::limits::RELEASE_BATCH;
use hostmeter_core::ids::HostId;
use hostmeter_core::wire::envelope::peek;
use hostmeter_core::wire::key::PublicKey;

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

/// Changes a host's state, counts what was kept aside, and renews the keys in memory. Again changes nothing.
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
        while db.write(move |tx| count_aside(tx, host, now_ms)).await? > 0 {}
    }
    Ok(())
}

/// Goes on with releases that were cut off when the collector ended.
pub async fn finish(db: &Db, now_ms: i64) -> Result<(), DbError> {
    let hosts: Vec<i64> = db.read(unfinished).await?;
    for host in hosts {
        while db.write(move |tx| count_aside(tx, host, now_ms)).await? > 0 {}
    }
    Ok(())
}

fn unfinished(conn: &Connection) -> Result<Vec<i64>, DbError> {
    let sql = "SELECT h.id FROM host h WHERE h.state = 'live'
        AND EXISTS (SELECT 1 FROM envelope e WHERE e.host = h.id AND e.status = 'aside')";
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

/// Counts the next envelopes that were kept aside; returns how many there were. The host may have been frozen again
/// in between: then nothing is counted.
fn count_aside(tx: &Transaction<'_>, host: i64, now_ms: i64) -> Result<usize, DbError> {
    let (rows, uuid) = aside(tx, host)?;
    let row = chain::row(tx, host)?;
    for (epoch, seq, bytes) in &rows {
        let status = recount(tx, &row.host, host, uuid, bytes, now_ms)?;
        tx.prepare_cached("UPDATE envelope SET status = ?4 WHERE host = ?1 AND epoch = ?2 AND seq = ?3")?
            .execute(params![host, epoch, seq, status.as_str()])?;
        if status == Status::Billed {
            chain::forward(tx, host, *epoch, *seq)?;
        }
    }
    Ok(rows.len())
}

type Aside = Vec<(i64, i64, Vec<u8>)>;

fn aside(conn: &Connection, host: i64) -> Result<(Aside, HostId), DbError> {
    let sql = "SELECT epoch, seq, bytes FROM envelope
        WHERE host = ?1 AND status = 'aside' AND (SELECT state FROM host WHERE id = ?1) = 'live'
        ORDER BY epoch, seq LIMIT ?2";
    let rows = conn
        .prepare_cached(sql)?
        .query_map([host, RELEASE_BATCH], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let uuid = conn.query_row("SELECT uuid FROM host WHERE id = ?1", [host], |r| r.get(0))?;
    Ok((rows, HostId(uuid)))
}

/// The bytes were verified when they came; now they are only read.
fn recount(
    tx: &Transaction<'_>,
    host: &super::count::HostRow,
    id: i64,
    uuid: HostId,
    bytes: &[u8],
    now_ms: i64,
) -> Result<Status, DbError> {
    let damaged = |e: &dyn std::fmt::Display| DbError::Damaged(format!("an envelope of {}: {e}", host.name));
    let header = peek(bytes).map_err(|e| damaged(&e))?;
    let key = KnownKey { host: id, uuid, key: PublicKey([0; 32]) };
    let received = Received::open(key, header, bytes.to_vec()).map_err(|e| damaged(&e))?;
    match &received.payload {
        Payload::Batch(batch) => Ok(chain::try_count(tx, host, batch, now_ms)?.0),
        Payload::Unknown(_) => Ok(Status::Quarantined),
    }
}
