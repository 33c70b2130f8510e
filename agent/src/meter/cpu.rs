//! `cpu_usec`: CPU time of the account's processes, by their real uid.

use super::Source;
use crate::reading::AccountReading;
use hostmeter_core::meter::Meter;

/// One account's CPU time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    ns: u64,
}

impl Cpu {
    /// Adds nanoseconds.
    pub fn add_ns(&mut self, ns: u64) {
        self.ns = self.ns.saturating_add(ns);
    }

    /// All so far, nanoseconds.
    pub fn total_ns(&self) -> u64 {
        self.ns
    }
}

impl Source for Cpu {
    const METERS: &'static [Meter] = &[Meter::CpuUsec];

    fn report(&self, out: &mut AccountReading) {
        out.counters.insert(Meter::CpuUsec, self.ns / 1_000);
    }
}
