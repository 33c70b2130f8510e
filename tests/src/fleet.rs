//! Hosts that exist only as keys: they enrol and send sealed batches like real agents.

use crate::stack::Stack;
use anyhow::{Context, Result};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::batch::{AccountUsage, AgentInfo, Batch, Coverage, HostTotals, Interval};
use hostmeter_core::wire::enroll::{EnrollAnswer, EnrollRequest, Token};
use hostmeter_core::wire::envelope::{Domain, Stamp, header_hash, open_payload, peek, seal};
use hostmeter_core::wire::key::{SigningKey, hex};
use serde_json::json;

/// Meters in each account of a batch.
const METERS: [Meter; 8] = [
    Meter::CpuUsec,
    Meter::MemoryKibSec,
    Meter::IoReadBytes,
    Meter::IoWriteBytes,
    Meter::IoOps,
    Meter::SessionSec,
    Meter::Processes,
    Meter::ProcessStarts,
];

/// One host.
#[derive(Debug)]
pub struct Host {
    key: SigningKey,
    id: HostId,
    seq: u64,
    prev: [u8; 32],
    at_ms: i64,
}

impl Host {
    /// Enrols it, approved at once.
    pub fn enroll(stack: &Stack, number: u8, from_ms: i64) -> Result<Self> {
        let name = format!("bench{number}");
        let made =
            stack.api.post("/v1/enrolment-tokens", &json!({"host": name, "approve": true}), None)?.ok()?;
        let token = Token::parse(made["token"].as_str().context("token")?)?;
        let key = SigningKey::from_seed(&[number.wrapping_add(1); 32])?;
        let request = EnrollRequest {
            v: VERSION,
            secret: hex(&token.secret),
            public_key: key.public(),
            agent_version: "bench".to_owned(),
            machine: name,
        };
        let stamp = stamp(Domain::Enroll, HostId::default(), 0, 0, [0; 32]);
        let answer = stack.api.exchange("/v1/enroll", &seal(&stamp, &request.encode()?, &key)?)?;
        let answer = EnrollAnswer::decode(&open_payload(&peek(&answer)?, &answer)?)?;
        Ok(Self { key, id: answer.host_id, seq: 0, prev: [0; 32], at_ms: from_ms })
    }

    /// The next sealed batch: one interval of a second with so many accounts and eight meters each.
    pub fn next_batch(&mut self, accounts: u32) -> Result<Vec<u8>> {
        let (from_ms, to_ms) = (self.at_ms, self.at_ms + 1_000);
        let seq = self.seq + 1;
        let account = |n: u32| AccountUsage {
            uid: 2_000 + n,
            user: Some(format!("user{n}")),
            values: METERS.iter().map(|m| (*m, value(n, seq, *m))).collect::<Values>(),
            ..AccountUsage::default()
        };
        let batch = Batch {
            v: VERSION,
            tier: "proc".to_owned(),
            coverage: Coverage { cpu_ppm: Some(1_000_000), ..Coverage::default() },
            agent: AgentInfo { version: "bench".to_owned(), interval_ms: 1_000, limited: String::new() },
            part: 1,
            parts: 1,
            outcomes: vec![],
            intervals: vec![Interval {
                from_ms,
                to_ms,
                host: Some(HostTotals { cpus: 2, ..HostTotals::default() }),
                accounts: (0..accounts).map(account).collect(),
                gaps: vec![],
            }],
        };
        let stamp = stamp(Domain::Batch, self.id, 1, seq, self.prev);
        let sealed = seal(&stamp, &batch.encode()?, &self.key)?;
        (self.seq, self.prev, self.at_ms) = (seq, header_hash(&sealed), to_ms);
        Ok(sealed)
    }
}

/// What a meter of an account is in the batch with this number. Figures that differ from account to account and time to time, so that compression has something to do.
pub fn value(account: u32, seq: u64, meter: Meter) -> i64 {
    let mixed = u64::from(account).wrapping_mul(2_654_435_761).wrapping_add(seq.wrapping_mul(40_503));
    let spread = mixed.rotate_left(u32::try_from(meter.index()).unwrap_or(0)) % 100_000;
    i64::try_from(spread).unwrap_or(0)
}

fn stamp(domain: Domain, host: HostId, epoch: u64, seq: u64, prev: [u8; 32]) -> Stamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let wall_ns =
        u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0);
    Stamp { domain, host, epoch, seq, prev, boot: BootId([9; 16]), wall_ns, boottime_ns: wall_ns }
}

/// The samples of the batch with this number of this host, in InfluxDB's line protocol: a line for each account.
pub fn lines(host: u8, seq: u64, to_ms: i64, accounts: u32) -> String {
    let mut out = String::new();
    for n in 0..accounts {
        out.push_str(&format!("usage,host=bench{host},uid={},user=user{n} ", 2_000 + n));
        for (i, meter) in METERS.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            out.push_str(&format!("{comma}{}={}", meter.name(), value(n, seq, *meter)));
        }
        out.push_str(&format!(" {to_ms}\n"));
    }
    out
}
