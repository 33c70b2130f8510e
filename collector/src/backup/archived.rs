//! Up to where verified backups hold the envelopes of hosts, kept in memory for acknowledgements.

use crate::db::{Connection, DbError, from_sql};
use crate::ingest::ack::Standing;
use hostmeter_core::ids::HostId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Sequence numbers by host and epoch.
#[derive(Debug)]
pub struct Archived {
    /// `None`: no backup is configured, so that what is durable is all there is.
    by_chain: Option<RwLock<HashMap<(HostId, u64), u64>>>,
}

impl Archived {
    /// Empty until the first [`Archived::reload`].
    pub fn new(has_backups: bool) -> Self {
        Self { by_chain: has_backups.then(RwLock::default) }
    }

    /// Reads what verified backups hold.
    pub fn reload(&self, conn: &Connection) -> Result<(), DbError> {
        let Some(by_chain) = &self.by_chain else { return Ok(()) };
        let mut stmt = conn
            .prepare_cached("SELECT h.uuid, a.epoch, a.seq FROM archived a JOIN host h ON h.id = a.host")?;
        let rows = stmt.query_map([], |r| Ok((HostId(r.get(0)?), r.get(1)?, r.get(2)?)))?;
        let mut new = HashMap::new();
        for row in rows {
            let (host, epoch, seq) = row?;
            new.insert((host, from_sql("an epoch", epoch)?), from_sql("a sequence number", seq)?);
        }
        *by_chain.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Highest sequence number of this chain that the agent may forget; never above what is durable here.
    pub fn seq(&self, standing: &Standing) -> u64 {
        let Some(by_chain) = &self.by_chain else { return standing.durable_seq };
        let by_chain = by_chain.read().unwrap_or_else(PoisonError::into_inner);
        by_chain.get(&(standing.host, standing.epoch)).map_or(0, |seq| (*seq).min(standing.durable_seq))
    }
}
