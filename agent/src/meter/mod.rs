//! The list of meters that this agent fills from processes and sessions: one file each, one line below.
//!
//! Each keeps one account's cumulative use in fine units (nanoseconds, KiB·ns), so that rounding to the meter's unit
//! happens once, at the report, and never adds up.

pub mod cpu;
pub mod io;
pub mod memory;
pub mod processes;
pub mod sessions;

use crate::reading::AccountReading;
use hostmeter_core::meter::Meter;

/// What one file of this folder gives.
pub trait Source {
    /// The meters it fills.
    const METERS: &'static [Meter];

    /// Writes its figures. What it could not measure it leaves out.
    fn report(&self, out: &mut AccountReading);
}

macro_rules! sources {
    ($($(#[$doc:meta])* $field:ident: $kind:ty,)*) => {
        /// One account's use, by source.
        #[derive(Clone, Debug, Default)]
        pub struct Uses { $($(#[$doc])* pub $field: $kind,)* }

        impl Uses {
            /// Writes the figures of every source.
            pub fn report(&self, out: &mut AccountReading) {
                $(self.$field.report(out);)*
            }

            /// The meters of every source.
            pub fn meters() -> Vec<Meter> {
                [$(<$kind as Source>::METERS,)*].concat()
            }
        }
    };
}

sources! {
    /// CPU time.
    cpu: cpu::Cpu,
    /// Memory over time.
    memory: memory::MemoryTime,
    /// Storage.
    io: io::Io,
    /// Processes and starts.
    processes: processes::Processes,
    /// Sessions.
    sessions: sessions::Sessions,
}

pub(crate) fn count(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn level(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_meter_has_two_sources_and_each_writes_what_it_lists() {
        let mut meters = Uses::meters();
        meters.sort_unstable();
        let mut once = meters.clone();
        once.dedup();
        assert_eq!(meters, once);
        let mut uses = Uses::default();
        uses.io.measured();
        let mut out = AccountReading::default();
        uses.report(&mut out);
        let mut written: Vec<Meter> = out.counters.keys().chain(out.gauges.keys()).copied().collect();
        written.sort_unstable();
        assert_eq!(written, meters);
        assert!(out.counters.keys().all(|m| m.is_flow()) && !out.gauges.keys().any(|m| m.is_flow()));
    }
}
