//! Batches that are stored and do not count, with the reason.

use super::{QueryError, hosts};
use crate::auth::Scope;
use crate::db::{Connection, params};

/// One batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where the list goes on after it.
    pub place: Place,
    /// Name of the host.
    pub host: String,
    /// `aside`, `quarantined` or `discarded`.
    pub state: &'static str,
    /// Why it does not count.
    pub why: String,
    /// When it came, milliseconds since the epoch.
    pub received_ms: i64,
    /// Length of the envelope; `None`: its bytes are gone.
    pub bytes: Option<i64>,
}

/// A place in the list: row of the host, epoch, number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Row of the host.
    pub host: i64,
    /// Epoch.
    pub epoch: i64,
    /// Number.
    pub seq: i64,
}

impl Place {
    /// Reads what [`Place`] is written as.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        let mut next = || numbers.next()?.ok();
        let place = Self { host: next()?, epoch: next()?, seq: next()? };
        numbers.next().is_none().then_some(place)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.host, self.epoch, self.seq)
    }
}

/// Those after a place, of one host or all; with `is_discarded` those that staff discarded, else the others.
pub fn list(
    conn: &Connection,
    scope: Scope,
    host: Option<&str>,
    is_discarded: bool,
    after: Place,
    rows: usize,
) -> Result<Vec<Held>, QueryError> {
    let only = match host {
        Some(name) => Some(hosts::row(conn, scope, name)?),
        None => hosts::all(scope, "*").map(|()| None)?,
    };
    let sql = "SELECT e.host, e.epoch, e.seq, h.name, e.status, e.why, h.state, e.received_ms, length(e.bytes), d.verdict,
            d.actor, d.reason
        FROM envelope e JOIN host h ON h.id = e.host
        LEFT JOIN held_decision d ON d.host = e.host AND d.epoch = e.epoch AND d.seq = e.seq
        WHERE e.status <> 'billed' AND (e.host, e.epoch, e.seq) > (?1, ?2, ?3) AND (?4 IS NULL OR e.host = ?4)
            AND coalesce(d.verdict = 'discarded', 0) = ?5
        ORDER BY e.host, e.epoch, e.seq LIMIT ?6";
    let limit = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let key = params![after.host, after.epoch, after.seq, only, is_discarded, limit];
    let found = stmt.query_map(key, |r| {
        let (status, why, host_state): (String, Option<String>, String) = (r.get(4)?, r.get(5)?, r.get(6)?);
        let by: (Option<String>, Option<String>) = (r.get(10)?, r.get(11)?);
        let (state, why) = if is_discarded {
            ("discarded", format!("{}: {}", by.0.unwrap_or_default(), by.1.unwrap_or_default()))
        } else if status == "aside" {
            ("aside", aside(&host_state).to_owned())
        } else {
            ("quarantined", why.unwrap_or_else(|| "it was kept before reasons were".to_owned()))
        };
        Ok(Held {
            place: Place { host: r.get(0)?, epoch: r.get(1)?, seq: r.get(2)? },
            host: r.get(3)?,
            state,
            why,
            received_ms: r.get(7)?,
            bytes: r.get(8)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn aside(host_state: &str) -> &'static str {
    match host_state {
        "pending" => "the host waits for approval",
        "frozen" => "the host is frozen",
        "revoked" => "the host was revoked",
        _ => "it is about to be counted",
    }
}
