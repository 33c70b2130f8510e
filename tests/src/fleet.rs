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
use hostmeter_core::wire::resume::Resume;
use serde_json::json;

/// Meters in each account of a batch.
pub const METERS: [Meter; 8] = [
    Meter::CpuUsec,
    Meter::MemoryKibSec,
    Meter::IoReadBytes,
    Meter::IoWriteBytes,
    Meter::IoOps,
    Meter::SessionSec,
    Meter::Processes,
    Meter::ProcessStarts,
];

/// How long an interval is, unless somebody says otherwise.
const INTERVAL_MS: i64 = 1_000;

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
    pub fn enroll(stack: &Stack, number: u32, from_ms: i64) -> Result<Self> {
        let name = format!("bench{number}");
        let made =
            stack.api.post("/v1/enrolment-tokens", &json!({"host": name, "approve": true}), None)?.ok()?;
        let token = Token::parse(made["token"].as_str().context("token")?)?;
        let mut seed = [1; 32];
        seed.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        let key = SigningKey::from_seed(&seed)?;
        let request = EnrollRequest {
            v: VERSION,
            secret: hex(&token.secret),
            public_key: key.public(),
            agent_version: "bench".to_owned(),
            machine: name,
        };
        let stamp = stamp(Domain::Enroll, HostId::default(), 0, 0, [0; 32], now_ms());
        let answer = stack.api.exchange("/v1/enroll", &seal(&stamp, &request.encode()?, &key)?)?;
        let answer = EnrollAnswer::decode(&open_payload(&peek(&answer)?, &answer)?)?;
        Ok(Self { key, id: answer.host_id, seq: 0, prev: [0; 32], at_ms: from_ms })
    }

    /// The next sealed batch: one interval of a second with so many accounts and eight meters each.
    pub fn next_batch(&mut self, accounts: u32) -> Result<Vec<u8>> {
        let span_ms = (self.at_ms, self.at_ms + INTERVAL_MS);
        let payload = payload(self.seq + 1, span_ms, accounts)?;
        self.seal_batch(&payload, span_ms.1, now_ms())
    }

    /// Seals a payload that ends at `to_ms` as the next batch. Its seal is of the time `wall_ms`.
    pub fn seal_batch(&mut self, payload: &[u8], to_ms: i64, wall_ms: i64) -> Result<Vec<u8>> {
        let seq = self.seq + 1;
        let stamp = stamp(Domain::Batch, self.id, 1, seq, self.prev, wall_ms);
        let sealed = seal(&stamp, payload, &self.key)?;
        (self.seq, self.prev, self.at_ms) = (seq, header_hash(&sealed), to_ms);
        Ok(sealed)
    }

    /// A sealed question where to go on.
    pub fn ask(&self, asked: &Resume) -> Result<Vec<u8>> {
        let stamp = stamp(Domain::Resume, self.id, 1, asked.last_seq(), [0; 32], now_ms());
        Ok(seal(&stamp, &asked.encode()?, &self.key)?)
    }

    /// Number and header hash of the batch that was sealed last.
    pub const fn last(&self) -> (u64, [u8; 32]) {
        (self.seq, self.prev)
    }

    /// Up to where its batches reach.
    pub const fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

/// What the batch with this number says: one interval with so many accounts and eight meters each, the same of every
/// host.
pub fn payload(seq: u64, (from_ms, to_ms): (i64, i64), accounts: u32) -> Result<Vec<u8>> {
    let account = |n: u32| AccountUsage {
        uid: 2_000 + n,
        user: Some(format!("user{n}")),
        values: METERS.iter().map(|m| (*m, value(n, seq, *m))).collect::<Values>(),
        ..AccountUsage::default()
    };
    let interval_ms = u64::try_from(to_ms - from_ms)?;
    let batch = Batch {
        v: VERSION,
        tier: "proc".to_owned(),
        coverage: Coverage { cpu_ppm: Some(1_000_000), ..Coverage::default() },
        agent: AgentInfo { version: "bench".to_owned(), interval_ms, limited: String::new() },
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
    Ok(batch.encode()?)
}

/// What a meter of an account is in the batch with this number. Figures that differ from account to account and time to
/// time, so that compression has something to do.
pub fn value(account: u32, seq: u64, meter: Meter) -> i64 {
    let mixed = u64::from(account).wrapping_mul(2_654_435_761).wrapping_add(seq.wrapping_mul(40_503));
    let spread = mixed.rotate_left(u32::try_from(meter.index()).unwrap_or(0)) % 100_000;
    i64::try_from(spread).unwrap_or(0)
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec.saturating_mul(1_000).saturating_add(now.tv_nsec / 1_000_000)
}

fn stamp(domain: Domain, host: HostId, epoch: u64, seq: u64, prev: [u8; 32], wall_ms: i64) -> Stamp {
    let wall_ns = u64::try_from(wall_ms).unwrap_or(0).saturating_mul(1_000_000);
    Stamp { domain, host, epoch, seq, prev, boot: BootId([9; 16]), wall_ns, boottime_ns: wall_ns }
}

/// The samples of the batch with this number of this host, in InfluxDB's line protocol: a line for each account.
pub fn lines(host: u32, seq: u64, to_ms: i64, accounts: u32) -> String {
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
