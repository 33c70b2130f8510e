//! Keys of hosts, in memory: looked up for every batch before anything is read from the database.

use crate::db::{Connection, DbError};
use hostmeter_core::ids::{HostId, KeyId};
use hostmeter_core::wire::envelope::{Domain, Header, Stamp};
use hostmeter_core::wire::key::{Hash, PublicKey};
use hostmeter_core::wire::keys::KeyEnd;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// A key that may sign batches, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Row of the host.
    pub host: i64,
    /// The host's identity.
    pub uuid: HostId,
    /// The key.
    pub key: PublicKey,
    /// If another key took its place.
    pub replaced: Option<Replaced>,
}

/// Of a key that was replaced: what is still accepted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Everything until then, milliseconds since the epoch.
    pub until_ms: i64,
    /// Batches up to this one at any time; `None`: the host did not say yet where the key ended.
    pub end: Option<KeyEnd>,
}

impl Replaced {
    /// Whether both keys said that the old one sealed this envelope's number.
    pub fn covers(&self, stamp: &Stamp) -> bool {
        let is_batch = stamp.domain == Domain::Batch;
        is_batch && self.end.is_some_and(|end| stamp.epoch == end.epoch && stamp.seq <= end.seq)
    }

    /// Whether the old key sealed another envelope as its last than both keys said.
    pub fn contradicts(&self, header: &Header) -> bool {
        let stamp = &header.stamp;
        self.end
            .is_some_and(|end| (stamp.epoch, stamp.seq) == (end.epoch, end.seq) && header.hash != end.hash.0)
    }
}

/// All good keys.
#[derive(Debug, Default)]
pub struct HostKeys(RwLock<HashMap<KeyId, KnownKey>>);

impl HostKeys {
    /// Reads them from control.db.
    pub fn load(conn: &Connection) -> Result<Self, DbError> {
        let keys = Self::default();
        keys.reload(conn)?;
        Ok(keys)
    }

    /// Reads them again, after an enrolment or a revocation was committed.
    pub fn reload(&self, conn: &Connection) -> Result<(), DbError> {
        let mut stmt = conn.prepare_cached(
            "SELECT k.host, h.uuid, k.public_key, r.until_ms, r.end_epoch, r.end_seq, r.end_hash
             FROM host_key k JOIN host h ON h.id = k.host LEFT JOIN key_rotation r ON r.old_key = k.key_id
             WHERE k.state = 'good' AND h.state <> 'revoked'",
        )?;
        let rows = stmt.query_map([], |r| {
            let until_ms: Option<i64> = r.get(3)?;
            let end = end(r.get(4)?, r.get(5)?, r.get(6)?);
            let replaced = until_ms.map(|until_ms| Replaced { until_ms, end });
            Ok(KnownKey { host: r.get(0)?, uuid: HostId(r.get(1)?), key: PublicKey(r.get(2)?), replaced })
        })?;
        let map = rows.map(|r| r.map(|k| (k.key.id(), k))).collect::<Result<HashMap<_, _>, _>>()?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = map;
        Ok(())
    }

    /// The key of that id.
    pub fn get(&self, id: KeyId) -> Option<KnownKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }
}

/// As it stands in `key_rotation`.
pub(super) fn end(epoch: Option<i64>, seq: Option<i64>, hash: Option<[u8; 32]>) -> Option<KeyEnd> {
    let (epoch, seq) = (u64::try_from(epoch?).ok()?, u64::try_from(seq?).ok()?);
    Some(KeyEnd { epoch, seq, hash: Hash(hash?) })
}

/// Row of the host of that name.
pub fn host_row(conn: &Connection, name: &str) -> Result<Option<i64>, DbError> {
    use crate::db::OptionalExtension;
    let mut stmt = conn.prepare_cached("SELECT id FROM host WHERE name = ?1")?;
    Ok(stmt.query_row([name], |r| r.get(0)).optional()?)
}
