//! `processes` (average over the time between two sweeps, rounded up) and `process_starts`.
//!
//! A process that began and ended between two sweeps is not seen in this tier.

use super::{Source, level};
use crate::reading::AccountReading;
use hostmeter_core::meter::Meter;

/// One account's processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes {
    now: u64,
    lived_ns: u128,
    average: u64,
    starts: u64,
}

impl Processes {
    /// Begins a sweep: counts anew who is there.
    pub fn begin(&mut self) {
        self.now = 0;
        self.lived_ns = 0;
    }

    /// A process is there, and was for `ns` since the sweep before.
    pub fn present(&mut self, ns: u64) {
        self.now = self.now.saturating_add(1);
        self.lived_ns = self.lived_ns.saturating_add(ns.into());
    }

    /// A process was born since the sweep before.
    pub fn started(&mut self) {
        self.starts = self.starts.saturating_add(1);
    }

    /// Ends a sweep that came `window_ns` after the one before; 0 at the first.
    pub fn end(&mut self, window_ns: u64) {
        let average = match u128::from(window_ns) {
            0 => u128::from(self.now),
            window => self.lived_ns.div_ceil(window),
        };
        self.average = super::count(average);
    }

    /// How many are there now.
    pub fn now(&self) -> u64 {
        self.now
    }
}

impl Source for Processes {
    const METERS: &'static [Meter] = &[Meter::Processes, Meter::ProcessStarts];

    fn report(&self, out: &mut AccountReading) {
        out.gauges.insert(Meter::Processes, level(self.average));
        out.counters.insert(Meter::ProcessStarts, self.starts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_rounded_up() {
        let check = |lived: &[u64], window, want| {
            let mut p = Processes::default();
            p.present(99);
            p.begin();
            lived.iter().for_each(|ns| p.present(*ns));
            p.end(window);
            let mut out = AccountReading::default();
            p.report(&mut out);
            assert_eq!(out.gauges.get(&Meter::Processes), Some(&want), "{lived:?}");
        };
        check(&[], 10, 0);
        check(&[10, 10], 10, 2);
        check(&[10, 1], 10, 2);
        check(&[1, 1], 10, 1);
        check(&[0, 0], 0, 2);
    }
}
