//! `io_read_bytes`, `io_write_bytes`, `io_ops`: what reached storage, and read and write system calls.
//!
//! Written and cancelled bytes are netted per account: a file that one process writes may be cut off by another.

use super::Source;
use crate::proc::io::IoCounters;
use crate::reading::AccountReading;
use hostmeter_core::counter::net_with_carry;
use hostmeter_core::meter::Meter;

/// One account's I/O.
#[derive(Clone, Copy, Debug, Default)]
pub struct Io {
    measured: bool,
    read_bytes: u64,
    write_bytes: u64,
    /// 0 or below: cancelled bytes that later writes make up for.
    write_carry: i64,
    ops: u64,
}

impl Io {
    /// The account's counters can be read; before this nothing is reported, as missing is not zero.
    pub fn measured(&mut self) {
        self.measured = true;
    }

    /// Adds what was used since the last look.
    pub fn add(&mut self, used: IoCounters) {
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let (now, carry) =
            net_with_carry(signed(used.written_bytes), signed(used.cancelled_bytes), self.write_carry);
        self.write_carry = carry;
        self.write_bytes = self.write_bytes.saturating_add(now.unsigned_abs());
        self.read_bytes = self.read_bytes.saturating_add(used.read_bytes);
        self.ops = self.ops.saturating_add(used.ops);
    }
}

impl Source for Io {
    const METERS: &'static [Meter] = &[Meter::IoReadBytes, Meter::IoWriteBytes, Meter::IoOps];

    fn report(&self, out: &mut AccountReading) {
        if self.measured {
            out.counters.insert(Meter::IoReadBytes, self.read_bytes);
            out.counters.insert(Meter::IoWriteBytes, self.write_bytes);
            out.counters.insert(Meter::IoOps, self.ops);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_bytes_never_fall() {
        let mut io = Io::default();
        let mut check = |written_bytes, cancelled_bytes, want| {
            io.measured();
            io.add(IoCounters { written_bytes, cancelled_bytes, ..IoCounters::default() });
            let mut out = AccountReading::default();
            io.report(&mut out);
            assert_eq!(out.counters.get(&Meter::IoWriteBytes), Some(&want));
        };
        check(100, 0, 100);
        check(0, 60, 100);
        check(50, 0, 100);
        check(50, 0, 140);
        check(u64::MAX, 0, 140 + u64::MAX / 2);
    }

    #[test]
    fn what_is_not_measured_is_absent() {
        let mut out = AccountReading::default();
        Io::default().report(&mut out);
        assert!(out.counters.is_empty());
    }
}
