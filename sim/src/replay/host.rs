//! A host of a scenario: a key, and the chain of what it sealed.

use crate::collector::Collector;
use crate::template;
use anyhow::{Context, Result, ensure};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::batch::{AgentInfo, Batch, Coverage, Interval};
use hostmeter_core::wire::envelope::{Domain, Stamp, header_hash, seal};
use hostmeter_core::wire::key::SigningKey;
use std::collections::VecDeque;

/// Envelopes that may be sent once more.
const KEPT: usize = 20;
const NS_PER_MS: i64 = 1_000_000;

pub(super) struct Host {
    key: SigningKey,
    id: HostId,
    seq: u64,
    prev: [u8; 32],
    kept: VecDeque<(u64, Vec<u8>)>,
}

impl Host {
    /// Enrols it, approved at once. `number` makes its key.
    pub(super) fn enroll(collector: &mut Collector, name: &str, number: usize) -> Result<Self> {
        let mut seed = [7; 32];
        seed.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        let answer = template::enroll_key(collector, name, &seed)?;
        let key = SigningKey::from_seed(&seed)?;
        Ok(Self { key, id: answer.host_id, seq: 0, prev: [0; 32], kept: VecDeque::new() })
    }

    /// Seals the next batch, and delivers it.
    pub(super) fn deliver(
        &mut self,
        collector: &mut Collector,
        (seq, now_ms): (u64, i64),
        intervals: Vec<Interval>,
    ) -> Result<()> {
        ensure!(seq == self.seq + 1, "batch {seq} comes after {}", self.seq);
        let batch = Batch {
            v: VERSION,
            tier: "ebpf".to_owned(),
            coverage: Coverage { cpu_ppm: Some(1_000_000), ..Coverage::default() },
            agent: AgentInfo { version: "replay".to_owned(), interval_ms: 10_000, limited: String::new() },
            part: 1,
            parts: 1,
            outcomes: vec![],
            intervals,
        };
        let wall_ns = u64::try_from(now_ms.saturating_mul(NS_PER_MS))?;
        let stamp = Stamp {
            domain: Domain::Batch,
            host: self.id,
            epoch: 1,
            seq,
            prev: self.prev,
            boot: BootId([3; 16]),
            wall_ns,
            boottime_ns: wall_ns,
        };
        let sealed = seal(&stamp, &batch.encode()?, &self.key)?;
        (self.seq, self.prev) = (seq, header_hash(&sealed));
        send(collector, sealed.clone())?;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((seq, sealed));
        Ok(())
    }

    /// The same bytes once more.
    pub(super) fn again(&self, collector: &mut Collector, seq: u64) -> Result<()> {
        let kept = self.kept.iter().find(|(s, _)| *s == seq);
        send(collector, kept.with_context(|| format!("batch {seq} is not kept"))?.1.clone())
    }
}

fn send(collector: &mut Collector, sealed: Vec<u8>) -> Result<()> {
    let answer = collector.deliver("/v1/batches", sealed)?;
    ensure!(answer.status == 200, "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(())
}
