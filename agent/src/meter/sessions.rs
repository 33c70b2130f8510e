//! `session_sec` and `sessions`: open SSH and shell sessions.

use super::{Source, level};
use crate::reading::AccountReading;
use hostmeter_core::meter::Meter;

/// One account's sessions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sessions {
    now: u64,
    open_ns: u128,
}

impl Sessions {
    /// Begins a sweep: counts anew who is there.
    pub fn begin(&mut self) {
        self.now = 0;
    }

    /// A session is open, and was for `ns` since the sweep before.
    pub fn open(&mut self, ns: u64) {
        self.now = self.now.saturating_add(1);
        self.open_ns = self.open_ns.saturating_add(ns.into());
    }

    /// How many are open now.
    pub fn now(&self) -> u64 {
        self.now
    }
}

impl Source for Sessions {
    const METERS: &'static [Meter] = &[Meter::SessionSec, Meter::Sessions];

    fn report(&self, out: &mut AccountReading) {
        out.counters.insert(Meter::SessionSec, super::count(self.open_ns / 1_000_000_000));
        out.gauges.insert(Meter::Sessions, level(self.now));
    }
}
