//! The signed acknowledgement: what is durable, and the collector's time.

use crate::keys::Keys;
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::wire::PayloadError;
use hostmeter_core::wire::ack::{Ack, HostState};
use hostmeter_core::wire::envelope::{Domain, SealError, Stamp, seal};
use hostmeter_core::wire::key::Hash;

/// Where a host's chain stands after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The host.
    pub host: HostId,
    /// The epoch of the envelope that is answered.
    pub epoch: u64,
    /// Highest number stored without a hole in that epoch.
    pub durable_seq: u64,
    /// Its header hash.
    pub durable_hash: [u8; 32],
    /// How the host is treated.
    pub state: HostState,
}

/// Why no acknowledgement could be made.
#[derive(Debug, thiserror::Error)]
pub enum AckError {
    /// The payload could not be written.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The stamp of an envelope from the collector.
pub fn stamp(domain: Domain, host: HostId, epoch: u64, seq: u64, now_ms: i64) -> Stamp {
    let wall_ns = u64::try_from(now_ms).unwrap_or_default().saturating_mul(1_000_000);
    Stamp { domain, host, epoch, seq, prev: [0; 32], boot: BootId([0; 16]), wall_ns, boottime_ns: 0 }
}

/// Signs an acknowledgement of the envelope with this header hash. `archived_seq`: up to where a verified backup holds
/// this chain.
pub fn acknowledge(
    keys: &Keys,
    standing: &Standing,
    archived_seq: u64,
    request_hash: [u8; 32],
    now_ms: i64,
) -> Result<Vec<u8>, AckError> {
    let ack = Ack {
        v: hostmeter_core::wire::VERSION,
        durable_seq: standing.durable_seq,
        durable_hash: Hash(standing.durable_hash),
        archived_seq,
        collector_ms: now_ms,
        request_hash: Hash(request_hash),
        state: standing.state,
    };
    let stamp = stamp(Domain::Ack, standing.host, standing.epoch, standing.durable_seq, now_ms);
    Ok(seal(&stamp, &ack.encode()?, &keys.identity)?)
}
