//! Hosts: state, agent, lag, coverage, remainder.

use super::QueryError;
use super::degraded::{self, Stretch};
use super::keys::{self, Key};
use crate::db::{Connection, OptionalExtension};
use crate::store::{HostInterval, UsageStore};
use rusqlite::Row;

/// One host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Row of table `host`.
    pub row: i64,
    /// Its name.
    pub id: String,
    /// `pending`, `live`, `frozen` or `revoked`.
    pub state: String,
    /// Version of its agent.
    pub agent_version: Option<String>,
    /// `ebpf` or `proc`.
    pub tier: Option<String>,
    /// What the agent cannot see and why; empty: nothing.
    pub limited: String,
    /// The agent's interval, milliseconds.
    pub interval_ms: Option<i64>,
    /// Epoch of its chain.
    pub epoch: i64,
    /// Highest number stored without a hole.
    pub durable_seq: i64,
    /// Usage is known up to here, milliseconds since the epoch.
    pub watermark_ms: Option<i64>,
    /// Last verified envelope, milliseconds since the epoch.
    pub last_seen_ms: Option<i64>,
    /// Shares that the agent saw, in millionths: CPU, I/O, memory.
    pub seen_ppm: [Option<i64>; 3],
    /// Fingerprint of the key that it seals with.
    pub fingerprint: Option<String>,
    /// Accounts on it.
    pub accounts: i64,
    /// Its latest interval with totals.
    pub latest: Option<HostInterval>,
    /// Since when and why it is not metered in full; `None`: it is, or nothing is known.
    pub degraded: Option<Stretch>,
    /// Its keys, the newest first; empty in a list of hosts.
    pub keys: Vec<Key>,
}

const SQL: &str = "SELECT h.id, h.name, h.state, h.agent_version, h.tier, h.limited, h.interval_ms, h.epoch,
    h.high_seq, h.watermark_ms, h.last_seen_ms, h.cpu_ppm, h.io_ppm, h.memory_ppm,
    (SELECT k.public_key FROM host_key k WHERE k.host = h.id AND k.state = 'good'
        ORDER BY EXISTS (SELECT 1 FROM key_rotation r WHERE r.old_key = k.key_id), k.added_ms DESC LIMIT 1),
    (SELECT count(*) FROM account a WHERE a.host = h.id)
    FROM host h";

fn host(r: &Row<'_>) -> rusqlite::Result<Host> {
    let key: Option<[u8; 32]> = r.get(14)?;
    Ok(Host {
        row: r.get(0)?,
        id: r.get(1)?,
        state: r.get(2)?,
        agent_version: r.get(3)?,
        tier: r.get(4)?,
        limited: r.get(5)?,
        interval_ms: r.get(6)?,
        epoch: r.get(7)?,
        durable_seq: r.get(8)?,
        watermark_ms: r.get(9)?,
        last_seen_ms: r.get(10)?,
        seen_ppm: [r.get(11)?, r.get(12)?, r.get(13)?],
        fingerprint: key.map(|k| hostmeter_core::wire::key::PublicKey(k).fingerprint()),
        accounts: r.get(15)?,
        latest: None,
        degraded: None,
        keys: Vec::new(),
    })
}

/// Hosts concern everybody, so only those who see everything may ask.
pub(super) fn all(scope: crate::auth::Scope, id: &str) -> Result<(), QueryError> {
    if scope == crate::auth::Scope::All { Ok(()) } else { Err(missing(id)) }
}

fn missing(id: &str) -> QueryError {
    QueryError::Missing { kind: "host", id: id.to_owned() }
}

/// The host of that name.
pub fn get(
    conn: &Connection,
    store: &dyn UsageStore,
    scope: crate::auth::Scope,
    id: &str,
) -> Result<Host, QueryError> {
    all(scope, id)?;
    let sql = format!("{SQL} WHERE h.name = ?1");
    let found = conn.prepare_cached(&sql)?.query_row([id], host).optional()?;
    let mut found = found.ok_or_else(|| missing(id))?;
    complete(conn, store, &mut found)?;
    found.keys = keys::of_host(conn, found.row)?;
    Ok(found)
}

/// Every host, by name. There are thousands at most, so this is one page.
pub fn list(
    conn: &Connection,
    store: &dyn UsageStore,
    scope: crate::auth::Scope,
) -> Result<Vec<Host>, QueryError> {
    all(scope, "*")?;
    let sql = format!("{SQL} ORDER BY h.name");
    let mut hosts = conn.prepare_cached(&sql)?.query_map([], host)?.collect::<Result<Vec<_>, _>>()?;
    for host in &mut hosts {
        complete(conn, store, host)?;
    }
    Ok(hosts)
}

/// What stands in other places than its row.
fn complete(conn: &Connection, store: &dyn UsageStore, host: &mut Host) -> Result<(), QueryError> {
    host.latest = store.host_latest(host.row)?;
    host.degraded = degraded::now(conn, host.row, host.watermark_ms)?;
    Ok(())
}

/// The row of the host of that name.
pub(super) fn row(conn: &Connection, scope: crate::auth::Scope, id: &str) -> Result<i64, QueryError> {
    all(scope, id)?;
    let mut stmt = conn.prepare_cached("SELECT id FROM host WHERE name = ?1")?;
    stmt.query_row([id], |r| r.get(0)).optional()?.ok_or_else(|| missing(id))
}
