//! Prints what the phases of a sample cost the sampling thread, in CPU time: `sample_cost [ACCOUNTS] [SAMPLES]`. Figures of
//! so many accounts are made up; everything from them to the durable batch is the agent's own. Between two samples all
//! caches are filled with something else, as ten seconds of other people's work do.

use anyhow::Context as _;
use hostmeter_agent::batch::{About, Place, Sealer};
use hostmeter_agent::by_meter::ByMeter;
use hostmeter_agent::interval::{Baseline, Homes, build};
use hostmeter_agent::reading::{AccountReading, HostReading, Reading, Source};
use hostmeter_agent::spool::{Columns, Spool};
use hostmeter_agent::status::{Status, StatusFile};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{AgentInfo, Coverage};
use hostmeter_core::wire::key::SigningKey;
use nix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

/// More than any cache holds.
const CACHES_BYTES: usize = 96 << 20;
const SPOOL_BYTES: u64 = 64 << 20;
const HOST: HostId = HostId([7; 16]);

fn reading(accounts: u32, sample: u64) -> Reading {
    let counters = |uid: u32| {
        let used = u64::from(uid) * 1_000 + sample * u64::from(uid);
        ByMeter::from([
            (Meter::CpuUsec, used),
            (Meter::MemoryKibSec, used * 1_000),
            (Meter::IoReadBytes, 0),
            (Meter::IoWriteBytes, used * 512),
            (Meter::IoOps, used / 7),
            (Meter::NetRxBytes, 0),
            (Meter::NetTxBytes, 0),
            (Meter::SessionSec, 0),
            (Meter::ProcessStarts, used / 100),
            (Meter::MemoryUpperKibSec, used),
        ])
    };
    let account = |uid: u32| AccountReading {
        counters: counters(uid),
        gauges: ByMeter::from([(Meter::Sessions, 0), (Meter::Processes, 5)]),
        alive: true,
        ..AccountReading::default()
    };
    Reading {
        boottime_ns: sample * 10_000_000_000,
        source: Source { boot: BootId([3; 16]), tier: "ebpf".to_owned(), map_id: 1 },
        accounts: (41_000..41_000 + accounts).map(|uid| (uid, account(uid))).collect(),
        host: HostReading::default(),
        coverage: Coverage::default(),
        limited: String::new(),
        gaps: Vec::new(),
        top: BTreeMap::new(),
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

/// Sums by phase, in the order in which they were first seen.
struct Phases {
    sums: Vec<(&'static str, Duration)>,
    caches: Vec<u8>,
}

impl Phases {
    fn of<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let begun = cpu();
        let out = work();
        let took = cpu().saturating_sub(begun);
        match self.sums.iter_mut().find(|(n, _)| *n == name) {
            Some((_, sum)) => *sum += took,
            None => self.sums.push((name, took)),
        }
        out
    }

    fn cool(&mut self) {
        self.caches.iter_mut().step_by(64).for_each(|b| *b = b.wrapping_add(1));
    }
}

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u32>());
    let (accounts, samples) = (args.next().unwrap_or(Ok(200))?, args.next().unwrap_or(Ok(50))?);
    // On the disk that holds the project: memory has nothing to sync.
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let (mut spool, _) = Spool::open(&dir.path().join("spool"), HOST, 1, SPOOL_BYTES)?;
    let mut status = StatusFile::open(dir.path())?;
    let key = SigningKey::from_seed(&[1; 32])?;
    let sealer = Sealer { host: HOST, epoch: 1, key, boot: BootId([3; 16]) };
    let agent = AgentInfo { version: "0.1.0".to_owned(), interval_ms: 10_000, limited: String::new() };
    let about = About { tier: "ebpf".to_owned(), coverage: Coverage::default(), agent, outcomes: Vec::new() };
    let mut phases = Phases { sums: Vec::new(), caches: vec![0; CACHES_BYTES] };
    let mut base = Baseline::of(&reading(accounts, 0));
    for sample in 1..=u64::from(samples) {
        phases.cool();
        let now = phases.of("make a reading", || reading(accounts, sample));
        let to_ms = i64::try_from(sample)? * 10_000;
        let intervals =
            phases.of("difference", || build(&base, &now, to_ms - 10_000, to_ms, &Homes::default()));
        let tail = spool.tail();
        let place = Place { seq: tail.seq, hash: tail.hash, wall_ns: 1, boottime_ns: now.boottime_ns };
        let sealed = phases.of("pack and sign", || sealer.seal(place, &about, &intervals))?;
        let columns = Some(Columns::from(&now));
        phases.of("spool", || spool.append(&sealed, to_ms, columns, false))?;
        phases.of("forget", || {
            base = Baseline::from(now);
            drop((intervals, sealed));
        });
        phases.of("status", || status.write(&Status::default()))?;
    }
    let mut out = std::io::stdout().lock();
    let mut total = Duration::ZERO;
    for (name, sum) in &phases.sums {
        total += *sum;
        let mean = sum.checked_div(samples).context("no samples")?;
        writeln!(out, "{name:<16} {:>6} µs", mean.as_micros())?;
    }
    writeln!(out, "{:<16} {:>6} µs", "all", total.checked_div(samples).context("no samples")?.as_micros())?;
    Ok(())
}
