//! Keys of hosts, in memory: looked up for every batch before anything is read from the database.

use crate::db::{Connection, DbError};
use hostmeter_core::ids::{HostId, KeyId};
use hostmeter_core::wire::key::PublicKey;
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
            "SELECT k.host, h.uuid, k.public_key FROM host_key k JOIN host h ON h.id = k.host
             WHERE k.state = 'good' AND h.state <> 'revoked'",
        )?;
        let rows = stmt.query_map([], |r| {
            Ok(KnownKey { host: r.get(0)?, uuid: HostId(r.get(1)?), key: PublicKey(r.get(2)?) })
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

/// Every public key that a host ever had, for opening stored envelopes again.
pub fn host_row(conn: &Connection, name: &str) -> Result<Option<i64>, DbError> {
    use crate::db::OptionalExtension;
    let mut stmt = conn.prepare_cached("SELECT id FROM host WHERE name = ?1")?;
    Ok(stmt.query_row([name], |r| r.get(0)).optional()?)
}
