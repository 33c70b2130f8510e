//! Packed forms in control.db: the lines of a charge and the quantities of a month, as variable-length integers.
//!
//! A charge's lines: format, row of the price version (0: none), then for each meter the quantity charged; with a price
//! version also the month's quantity before and the amount. A meter's code is its place in the table of meters, so a new
//! meter goes to the table's end (a test below holds the order). In format 1 each meter's code stands before its numbers.
//! Format 2 is for lines without a number below zero, which nearly all are: a bit for each meter comes first, and
//! numbers have no sign. That takes 8 bytes less of some 150 for a charge of eight meters.

use super::error::BillingError;
use hostmeter_core::meter::{Meter, Values};

const FORMAT: u8 = 1;
const FORMAT_UNSIGNED: u8 = 2;

/// One meter of a charge as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedLine {
    /// The meter.
    pub(super) meter: Meter,
    /// The month's quantity before, base units.
    pub(super) before: i64,
    /// The quantity charged, base units; below zero for a correction.
    pub(super) quantity: i64,
    /// What it costs, micro-units.
    pub(super) amount: i64,
}

/// The lines of one charge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PackedLines {
    /// Row of the price version; 0 where no price held: then `before` and `amount` are 0.
    pub(super) version: i64,
    /// In the order of the table of meters.
    pub(super) lines: Vec<PackedLine>,
}

impl PackedLines {
    /// The stored form.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        if let Some(meters) = self.unsigned_meters() {
            out.push(FORMAT_UNSIGNED);
            put_unsigned(&mut out, self.version.cast_unsigned());
            put_unsigned(&mut out, meters);
            for line in &self.lines {
                put_unsigned(&mut out, line.quantity.cast_unsigned());
                if self.version != 0 {
                    put_unsigned(&mut out, line.before.cast_unsigned());
                    put_unsigned(&mut out, line.amount.cast_unsigned());
                }
            }
            return out;
        }
        out.push(FORMAT);
        put(&mut out, self.version);
        for line in &self.lines {
            out.push(code(line.meter));
            put(&mut out, line.quantity);
            if self.version != 0 {
                put(&mut out, line.before);
                put(&mut out, line.amount);
            }
        }
        out
    }

    /// A bit for each meter, where format 2 can hold the lines: in the order of the table, each meter once, nothing below
    /// zero.
    fn unsigned_meters(&self) -> Option<u64> {
        let mut meters = 0_u64;
        for line in &self.lines {
            let bit = 1_u64.checked_shl(u32::from(code(line.meter)))?;
            // A lower or the same bit is out of order.
            if bit <= meters || line.quantity < 0 || line.before < 0 || line.amount < 0 {
                return None;
            }
            meters |= bit;
        }
        (self.version >= 0).then_some(meters)
    }

    /// Reads the stored form; `what` names the row in errors.
    pub(super) fn decode(bytes: &[u8], what: &dyn Fn() -> String) -> Result<Self, BillingError> {
        let mut r = Reader { bytes, what };
        match r.byte()? {
            FORMAT => {}
            FORMAT_UNSIGNED => return Self::decode_unsigned(r),
            _ => return Err(r.bad("its format is not known")),
        }
        let mut out = Self { version: r.number()?, lines: Vec::new() };
        while !r.bytes.is_empty() {
            let (meter, quantity) = (r.meter()?, r.number()?);
            let (before, amount) = if out.version == 0 { (0, 0) } else { (r.number()?, r.number()?) };
            out.lines.push(PackedLine { meter, before, quantity, amount });
        }
        Ok(out)
    }

    fn decode_unsigned(mut r: Reader<'_>) -> Result<Self, BillingError> {
        let mut out = Self { version: r.natural()?, lines: Vec::new() };
        let mut meters = r.unsigned()?;
        while meters != 0 {
            let meter = r.meter_of(meters.trailing_zeros())?;
            meters &= meters - 1;
            let quantity = r.natural()?;
            let (before, amount) = if out.version == 0 { (0, 0) } else { (r.natural()?, r.natural()?) };
            out.lines.push(PackedLine { meter, before, quantity, amount });
        }
        if r.bytes.is_empty() { Ok(out) } else { Err(r.bad("it goes on after its last meter")) }
    }
}

/// The stored form of a month's quantities.
pub(super) fn encode_values(values: &Values) -> Vec<u8> {
    let mut out = vec![FORMAT];
    for (meter, value) in values.iter() {
        out.push(code(meter));
        put(&mut out, value);
    }
    out
}

/// Reads a month's quantities; `what` names the row in errors.
pub(super) fn decode_values(bytes: &[u8], what: &dyn Fn() -> String) -> Result<Values, BillingError> {
    let mut r = Reader { bytes, what };
    if r.byte()? != FORMAT {
        return Err(r.bad("its format is not known"));
    }
    let mut out = Values::new();
    while !r.bytes.is_empty() {
        let meter = r.meter()?;
        out.set(meter, r.number()?);
    }
    Ok(out)
}

/// The table has far fewer than 255 meters; a code beyond it would be refused when read.
fn code(meter: Meter) -> u8 {
    u8::try_from(meter.index()).unwrap_or(u8::MAX)
}

/// LEB128 of the zigzag form: small numbers of either sign are short.
fn put(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
}

/// LEB128.
fn put_unsigned(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(low7(n) | 0x80);
        n >>= 7;
    }
    out.push(low7(n));
}

fn low7(n: u64) -> u8 {
    n.to_le_bytes()[0] & 0x7f
}

struct Reader<'a> {
    bytes: &'a [u8],
    what: &'a dyn Fn() -> String,
}

impl Reader<'_> {
    fn bad(&self, why: &str) -> BillingError {
        BillingError::damaged((self.what)(), why)
    }

    fn byte(&mut self) -> Result<u8, BillingError> {
        let (first, rest) = self.bytes.split_first().ok_or_else(|| self.bad("it ends too early"))?;
        self.bytes = rest;
        Ok(*first)
    }

    fn meter(&mut self) -> Result<Meter, BillingError> {
        let code = self.byte()?;
        self.meter_of(u32::from(code))
    }

    fn meter_of(&self, code: u32) -> Result<Meter, BillingError> {
        let meter = usize::try_from(code).ok().and_then(|n| Meter::ALL.get(n)).copied();
        meter.ok_or_else(|| self.bad("it holds a meter that this version does not know"))
    }

    /// What [`put`] wrote.
    fn number(&mut self) -> Result<i64, BillingError> {
        let n = self.unsigned()?;
        Ok((n >> 1).cast_signed() ^ (n & 1).cast_signed().wrapping_neg())
    }

    /// A number that is not below zero, as [`put_unsigned`] wrote it.
    fn natural(&mut self) -> Result<i64, BillingError> {
        let n = self.unsigned()?;
        i64::try_from(n).map_err(|_| self.bad("it holds a number beyond 63 bits"))
    }

    fn unsigned(&mut self) -> Result<u64, BillingError> {
        let mut n = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            n |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(self.bad("it holds a number beyond 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name() -> String {
        "a row".to_owned()
    }

    #[test]
    fn codes_of_meters_never_change() {
        let names: Vec<&str> = Meter::ALL.iter().map(|m| m.name()).collect();
        insta::assert_snapshot!(names.join(" "), @"cpu_usec memory_kib_sec io_read_bytes io_write_bytes io_ops disk_kib_sec disk_files net_rx_bytes net_tx_bytes web_requests web_rx_bytes web_tx_bytes db_cpu_usec db_busy_usec db_queries db_rows db_bytes session_sec sessions processes process_starts memory_upper_kib_sec");
    }

    #[test]
    fn damage_is_named() {
        let check = |bytes: &[u8], want: &str| {
            let got = PackedLines::decode(bytes, &name).unwrap_err().to_string();
            assert!(got.contains(want), "{bytes:?}: {got}");
        };
        check(&[], "ends too early");
        check(&[9, 0], "format is not known");
        check(&[1, 0x80], "ends too early");
        check(&[1, 2, 250, 0], "does not know");
        check(&[2, 0, 1], "ends too early");
        check(&[2, 0, 1, 5, 0], "goes on after its last meter");
        check(&[2, 0, 0x80, 0x80, 0x80, 0x80, 0x01, 0], "does not know");
        check(&[2, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "beyond 63 bits");
        check(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "beyond 64 bits");
    }

    #[test]
    fn lines_in_bytes() {
        let line = |meter, before, quantity, amount| PackedLine { meter, before, quantity, amount };
        let check = |lines: &[PackedLine], want: &[u8]| {
            let lines = PackedLines { version: 3, lines: lines.to_vec() };
            assert_eq!(lines.encode(), want);
            assert_eq!(PackedLines::decode(want, &name).unwrap(), lines);
        };
        let (cpu, files) = (line(Meter::CpuUsec, 64, 200, 1), line(Meter::DiskFiles, 0, 127, 0));
        check(&[], &[2, 3, 0]);
        check(&[cpu, files], &[2, 3, 0b100_0001, 0xc8, 0x01, 64, 1, 127, 0, 0]);
        // Out of order, or below zero: as before.
        check(&[files, cpu], &[1, 6, 6, 0xfe, 0x01, 0, 0, 0, 0x90, 0x03, 0x80, 0x01, 2]);
        check(&[line(Meter::CpuUsec, 64, -1, -1)], &[1, 6, 0, 1, 0x80, 0x01, 1]);
    }

    fn lines() -> impl Strategy<Value = PackedLines> {
        let line = (0..Meter::COUNT, any::<i64>(), any::<i64>(), any::<i64>()).prop_map(
            |(m, before, quantity, amount)| PackedLine { meter: Meter::ALL[m], before, quantity, amount },
        );
        (1..i64::MAX, proptest::collection::vec(line, 0..10))
            .prop_map(|(version, lines)| PackedLines { version, lines })
    }

    /// Lines as nearly all are: in order, nothing below zero.
    fn natural_lines() -> impl Strategy<Value = PackedLines> {
        let numbers = proptest::array::uniform3(0..=i64::MAX);
        let all = proptest::collection::btree_map(0..Meter::COUNT, numbers, 0..Meter::COUNT);
        (1..i64::MAX, all).prop_map(|(version, all)| {
            let line = |(m, [before, quantity, amount]): (usize, [i64; 3])| PackedLine {
                meter: Meter::ALL[m],
                before,
                quantity,
                amount,
            };
            PackedLines { version, lines: all.into_iter().map(line).collect() }
        })
    }

    proptest! {
        #[test]
        fn lines_come_back(l in lines()) {
            prop_assert_eq!(PackedLines::decode(&l.encode(), &name).unwrap(), l);
        }

        #[test]
        fn natural_lines_come_back(l in natural_lines()) {
            let bytes = l.encode();
            prop_assert_eq!(bytes[0], FORMAT_UNSIGNED);
            prop_assert_eq!(PackedLines::decode(&bytes, &name).unwrap(), l);
        }

        #[test]
        fn values_come_back(list in proptest::collection::vec((0..Meter::COUNT, any::<i64>()), 0..20)) {
            let values: Values = list.into_iter().map(|(m, v)| (Meter::ALL[m], v)).collect();
            prop_assert_eq!(decode_values(&encode_values(&values), &name).unwrap(), values);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = PackedLines::decode(&bytes, &name);
            let _ = decode_values(&bytes, &name);
        }
    }
}
