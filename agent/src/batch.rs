//! From intervals to sealed envelopes: packed where they are small, split into parts where they are too large, chained
//! by number and hash.

use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::limits::{BATCH_INTERVALS_MAX, PART_ACCOUNTS_MAX, PARTS_MAX};
use hostmeter_core::wire::batch::{AgentInfo, Batch, Coverage, Interval};
use hostmeter_core::wire::command::Outcome;
use hostmeter_core::wire::envelope::{Domain, SealError, Stamp, header_hash, seal};
use hostmeter_core::wire::key::SigningKey;
use hostmeter_core::wire::{PayloadError, VERSION};

/// Below this many accounts a part, outcomes travel in batches of their own.
const CROWDED: usize = 64;
/// Outcomes of one such batch.
const OUTCOMES_ALONE: usize = 4;

/// Why intervals could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Not even single accounts fit into a part, or there are too many parts.
    #[error("an interval does not fit into {PARTS_MAX} parts: {0}")]
    TooLarge(String),
    /// The compressor failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The payload could not be written.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// Who seals.
#[derive(Debug)]
pub struct Sealer {
    /// This host.
    pub host: HostId,
    /// Epoch of its chain.
    pub epoch: u64,
    /// Its key.
    pub key: SigningKey,
    /// This boot.
    pub boot: BootId,
}

/// What a batch says beside its intervals.
#[derive(Clone, Debug)]
pub struct About {
    /// `proc` or `ebpf`.
    pub tier: String,
    /// What the agent sees.
    pub coverage: Coverage,
    /// The agent itself.
    pub agent: AgentInfo,
    /// What became of commands.
    pub outcomes: Vec<Outcome>,
}

/// Where the chain goes on, and when this is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Number of the last envelope.
    pub seq: u64,
    /// Its header hash.
    pub hash: [u8; 32],
    /// Wall clock, nanoseconds since the epoch.
    pub wall_ns: u64,
    /// Boot-time clock, nanoseconds.
    pub boottime_ns: u64,
}

impl Sealer {
    /// Seals intervals as one group of envelopes that go on from `place`. If they do not fit, the parts get smaller;
    /// the lists of commands, which are never billed, are left out before anything else is given up.
    pub fn seal(
        &self,
        place: Place,
        about: &About,
        intervals: &[Interval],
    ) -> Result<Vec<Vec<u8>>, BatchError> {
        match self.seal_smaller(place, about, intervals) {
            Err(BatchError::TooLarge(_)) => {
                let mut plain = intervals.to_vec();
                plain.iter_mut().flat_map(|i| &mut i.accounts).for_each(|a| a.top.clear());
                self.seal_smaller(place, about, &plain)
            }
            other => other,
        }
    }

    fn seal_smaller(
        &self,
        place: Place,
        about: &About,
        intervals: &[Interval],
    ) -> Result<Vec<Vec<u8>>, BatchError> {
        let mut most = PART_ACCOUNTS_MAX;
        loop {
            let drafts = drafts(about, intervals, most)?;
            match self.seal_all(place, &drafts) {
                Err(BatchError::Seal(e @ SealError::TooLarge { .. })) if most <= 1 => {
                    return Err(BatchError::TooLarge(e.to_string()));
                }
                Err(BatchError::Seal(SealError::TooLarge { .. })) => most /= 2,
                other => return other,
            }
        }
    }

    fn seal_all(&self, place: Place, drafts: &[Batch]) -> Result<Vec<Vec<u8>>, BatchError> {
        let payloads = drafts.iter().map(Batch::encode).collect::<Result<Vec<_>, _>>()?;
        self.seal_payloads(place, &payloads)
    }

    /// Seals payloads of batches as envelopes that go on from `place`.
    pub fn seal_payloads(&self, place: Place, payloads: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BatchError> {
        let (mut seq, mut prev) = (place.seq, place.hash);
        let mut out = Vec::with_capacity(payloads.len());
        for payload in payloads {
            seq = seq.saturating_add(1);
            let stamp = Stamp {
                domain: Domain::Batch,
                host: self.host,
                epoch: self.epoch,
                seq,
                prev,
                boot: self.boot,
                wall_ns: place.wall_ns,
                boottime_ns: place.boottime_ns,
            };
            let envelope = seal(&stamp, payload, &self.key)?;
            prev = header_hash(&envelope);
            out.push(envelope);
        }
        Ok(out)
    }
}

/// Batches with at most `most` accounts and gaps each; larger intervals become parts.
fn drafts(about: &About, intervals: &[Interval], most: usize) -> Result<Vec<Batch>, BatchError> {
    let mut out: Vec<Batch> = Vec::new();
    let mut outcomes = about.outcomes.as_slice();
    if most < CROWDED {
        for few in outcomes.chunks(OUTCOMES_ALONE.min(most)) {
            out.push(batch(about, few, Vec::new(), (1, 1)));
        }
        outcomes = &[];
    }
    let mut open: Vec<Interval> = Vec::new();
    let mut room = most;
    for interval in intervals {
        let weight = interval.accounts.len().saturating_add(interval.gaps.len()).max(1);
        if !open.is_empty() && (weight > room || open.len() >= BATCH_INTERVALS_MAX) {
            out.push(batch(about, std::mem::take(&mut outcomes), std::mem::take(&mut open), (1, 1)));
            room = most;
        }
        if interval.accounts.len() > most {
            let parts = parts(interval, most)?;
            let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            for (part, n) in parts.into_iter().zip(1..) {
                out.push(batch(about, std::mem::take(&mut outcomes), vec![part], (n, count)));
            }
        } else {
            room = room.saturating_sub(weight);
            open.push(interval.clone());
        }
    }
    if !open.is_empty() || !outcomes.is_empty() {
        out.push(batch(about, outcomes, open, (1, 1)));
    }
    Ok(out)
}

/// One interval in parts; totals and gaps come with the last.
fn parts(interval: &Interval, most: usize) -> Result<Vec<Interval>, BatchError> {
    let mut parts: Vec<Interval> = interval
        .accounts
        .chunks(most)
        .map(|accounts| Interval { host: None, accounts: accounts.to_vec(), gaps: Vec::new(), ..*interval })
        .collect();
    if u32::try_from(parts.len()).unwrap_or(u32::MAX) > PARTS_MAX {
        return Err(BatchError::TooLarge(format!("{} accounts in parts of {most}", interval.accounts.len())));
    }
    if let Some(last) = parts.last_mut() {
        (last.host, last.gaps) = (interval.host.clone(), interval.gaps.clone());
    }
    Ok(parts)
}

fn batch(about: &About, outcomes: &[Outcome], intervals: Vec<Interval>, (part, parts): (u32, u32)) -> Batch {
    Batch {
        v: VERSION,
        tier: about.tier.clone(),
        coverage: about.coverage,
        agent: about.agent.clone(),
        part,
        parts,
        outcomes: outcomes.to_vec(),
        intervals,
    }
}

#[cfg(test)]
mod tests;
