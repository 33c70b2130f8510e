//! Keys of hosts, in memory: looked up for every batch before anything is read from the database.

use crate::db::{Connection, DbError};
use hostmeter_core::ids::{HostId, KeyId};
use hostmeter_core::wire::envelope::{Domain, Header, Stamp};
use hostmeter_core::wire::key::{Hash, PublicKey};
use hostmeter_core::wire::keys::KeyEnd;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
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
pub struct HostKeys {
    known: RwLock<Known>,
    looks: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    map: HashMap<KeyId, KnownKey>,
    /// Which look at the database found these.
    look: u64,
}

impl HostKeys {
    /// Reads them from control.db.
    pub fn load(conn: &Connection) -> Result<Self, DbError> {
        let keys = Self::default();
        keys.reload(conn)?;
        Ok(keys)
    }

    /// Reads them again, after an enrolment or a revocation was committed. Nothing may have been read in the caller's
    /// transaction before: several look at the same time, and what an older look found must not replace what a newer
    /// one did, or a host that just enrolled would be refused, and a revoked key be good again.
    pub fn reload(&self, conn: &Connection) -> Result<(), DbError> {
        let look = self.begin();
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
        self.finish(look, map);
        Ok(())
    }

    /// Numbers a look before it begins.
    fn begin(&self) -> u64 {
        self.looks.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    fn finish(&self, look: u64, map: HashMap<KeyId, KnownKey>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.look < look {
            *known = Known { map, look };
        }
    }

    /// The key of that id.
    pub fn get(&self, id: KeyId) -> Option<KnownKey> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).map.get(&id).copied()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_look_found_replaces_nothing() {
        let key = |n: u8| KnownKey {
            host: i64::from(n),
            uuid: HostId([n; 16]),
            key: PublicKey([n; 32]),
            replaced: None,
        };
        let map = |all: &[u8]| all.iter().map(|n| (key(*n).key.id(), key(*n))).collect::<HashMap<_, _>>();
        let keys = HostKeys::default();
        let (older, newer) = (keys.begin(), keys.begin());
        keys.finish(newer, map(&[2, 3]));
        // It began before key 1 was revoked and key 3 was enrolled, and is told so only now.
        keys.finish(older, map(&[1, 2]));
        let check = |n: u8| keys.get(key(n).key.id()).is_some();
        assert_eq!([check(1), check(2), check(3)], [false, true, true]);
        keys.finish(keys.begin(), map(&[4]));
        assert_eq!([check(2), check(4)], [false, true]);
    }
}
