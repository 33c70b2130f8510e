//! A machine that is metered: what its users used, by what a sweep reads.

use hostmeter_agent::reading::{AccountReading, HostReading, Reading, Source};
use hostmeter_core::ids::BootId;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::Coverage;
use std::collections::BTreeMap;

/// CPU time by uid since the boot, µs.
pub(crate) type Used = BTreeMap<u32, u64>;

/// Most CPU time of an account between two looks, µs.
const USED_MAX_USEC: u64 = 1_000_000;
const FIRST_UID: u32 = 1_001;

/// One boot of a machine.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    boot: BootId,
    used: Used,
    seen: Vec<Used>,
    rng: fastrand::Rng,
}

impl Kernel {
    /// A machine that has just booted.
    pub(crate) fn boot(rng: &mut fastrand::Rng, accounts: u32) -> Self {
        let boot = BootId(rng.u128(..).to_be_bytes());
        let used = (0..accounts).map(|n| (FIRST_UID.saturating_add(n), 0)).collect();
        Self { boot, used, seen: Vec::new(), rng: rng.fork() }
    }

    /// Its boot id.
    pub(crate) const fn id(&self) -> BootId {
        self.boot
    }

    /// What was used so far.
    pub(crate) const fn used(&self) -> &Used {
        &self.used
    }

    /// Its users go on working.
    pub(crate) fn work(&mut self) {
        for used in self.used.values_mut() {
            // Many accounts do nothing for a while.
            let more = if self.rng.bool() { self.rng.u64(..USED_MAX_USEC) } else { 0 };
            *used = used.saturating_add(more);
        }
    }

    /// Whether a sweep saw just this.
    pub(crate) fn saw(&self, used: &Used) -> bool {
        self.seen.iter().rev().any(|seen| seen == used)
    }

    /// What a sweep reads.
    pub(crate) fn reading(&mut self, boottime_ns: u64) -> Reading {
        self.seen.push(self.used.clone());
        let account = |(uid, used): (&u32, &u64)| {
            let reading = AccountReading {
                user: Some(format!("u{uid}")),
                home: Some(format!("/home/u{uid}")),
                home_inode: Some(u64::from(*uid)),
                counters: [(Meter::CpuUsec, *used)].into(),
                alive: true,
                ..AccountReading::default()
            };
            (*uid, reading)
        };
        let all: u64 = self.used.values().sum();
        Reading {
            boottime_ns,
            source: Source { boot: self.boot, tier: "ebpf".to_owned(), map_id: 1 },
            accounts: self.used.iter().map(account).collect(),
            host: HostReading {
                cpus: 2,
                accounts_usec: Some(all),
                system_usec: Some(0),
                ..HostReading::default()
            },
            coverage: Coverage { cpu_ppm: Some(1_000_000), ..Coverage::default() },
            limited: String::new(),
            gaps: Vec::new(),
            top: BTreeMap::new(),
        }
    }
}
