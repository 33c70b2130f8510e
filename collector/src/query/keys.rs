//! Keys of a host: which are accepted, since when and until when.

use super::QueryError;
use crate::db::Connection;
use crate::limits::HOST_KEYS_SHOWN_MAX;
use hostmeter_core::ids::KeyId;
use hostmeter_core::wire::key::PublicKey;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id, as in envelopes.
    pub id: KeyId,
    /// What people compare.
    pub fingerprint: String,
    /// Accepted since, milliseconds since the epoch.
    pub since_ms: i64,
    /// Refused at all times.
    pub is_revoked: bool,
    /// Its successor, and until when it is accepted itself, milliseconds since the epoch.
    pub replaced: Option<(KeyId, i64)>,
    /// Epoch and number of the last batch that is accepted of it at all times.
    pub end: Option<(i64, i64)>,
}

impl Key {
    /// `current`, `overlap`, `replaced` or `revoked`.
    pub fn state(&self, now_ms: i64) -> &'static str {
        match self.replaced {
            _ if self.is_revoked => "revoked",
            None => "current",
            Some((_, until_ms)) if now_ms < until_ms => "overlap",
            Some(_) => "replaced",
        }
    }
}

/// The newest keys of a host, the one that it seals with first.
pub fn of_host(conn: &Connection, host: i64) -> Result<Vec<Key>, QueryError> {
    let mut stmt = conn.prepare_cached(
        "SELECT k.public_key, k.added_ms, k.state = 'revoked', r.new_key, r.until_ms, r.end_epoch, r.end_seq
         FROM host_key k LEFT JOIN key_rotation r ON r.old_key = k.key_id WHERE k.host = ?1
         ORDER BY k.state, r.old_key IS NOT NULL, k.added_ms DESC, k.key_id LIMIT ?2",
    )?;
    let rows = stmt.query_map([host, HOST_KEYS_SHOWN_MAX], |r| {
        let key = PublicKey(r.get(0)?);
        let replaced: (Option<[u8; 8]>, Option<i64>) = (r.get(3)?, r.get(4)?);
        let end: (Option<i64>, Option<i64>) = (r.get(5)?, r.get(6)?);
        Ok(Key {
            id: key.id(),
            fingerprint: key.fingerprint(),
            since_ms: r.get(1)?,
            is_revoked: r.get(2)?,
            replaced: replaced.0.map(KeyId).zip(replaced.1),
            end: end.0.zip(end.1),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
