//! The other half of `bpf/maps.h`: what the programs write, read from bytes.

/// Number of this layout. Pinned figures of another one are not read.
pub(super) const LAYOUT: u32 = 4;
/// Entries of the arrays by slot.
pub(super) const SLOTS_MAX: u32 = 65_537;
/// Slot of what found no room.
pub(super) const NO_SLOT: u32 = 0;
/// Number of no command.
const NO_COMMAND: u32 = 0;
/// Entries of the array of commands.
pub(super) const COMMANDS_MAX: u32 = 16_385;
/// Most ranges of uids.
pub(super) const RANGES_MAX: usize = 4_095;

/// Takes fields off the front, as the C compiler laid them out: natural order of bytes, no holes.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_ne_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_ne_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*bytes))
    }

    /// `None` unless all was taken.
    fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// `struct control`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    /// Monotonic clock at which counting began, nanoseconds.
    pub begun_ns: u64,
    /// Names these counters.
    pub map_id: u64,
    /// Possible CPUs.
    pub cpus: u32,
    /// Slots given away.
    pub used: u32,
    /// Open sessions of the SSH server.
    pub sessions: u32,
    /// Number of the last sweep.
    pub sweep: u64,
    /// Monotonic clock of the last sweep, nanoseconds; 0 before the first.
    pub swept_ns: u64,
    /// Processes at the last sweep.
    pub processes: u64,
    /// Credits that found no slot.
    pub misplaced: u64,
    /// Tasks that found no storage.
    pub unstored: u64,
    /// A sweep over tasks that ran is not over.
    pub more: bool,
    /// Numbers of commands given away.
    pub commands: u32,
}

impl Control {
    pub(super) const BYTES: usize = 136;
    /// Where the numbers of commands stand.
    const COMMANDS_AT: usize = 128;

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut f = Fields(bytes);
        let mut out =
            Self { begun_ns: f.u64()?, map_id: f.u64()?, cpus: f.u32()?, used: f.u32()?, ..Self::default() };
        let _samples = f.u32()?;
        (out.sessions, out.sweep) = (f.u32()?, f.u64()?);
        let _walk = f.u64()?;
        out.swept_ns = f.u64()?;
        let _topped_ns = f.u64()?;
        (out.processes, out.misplaced, out.unstored) = (f.u64()?, f.u64()?, f.u64()?);
        let (_areas, _words, _pids, _place) = (f.u64()?, f.u64()?, f.u64()?, f.u64()?);
        out.more = f.u32()? != 0;
        let _left = f.u32()?;
        out.commands = f.u32()?;
        let _asked = f.u32()?;
        f.end(out)
    }

    /// The bytes with which counting begins.
    pub(super) fn begin(begun_ns: u64, map_id: u64, cpus: u32) -> Vec<u8> {
        let mut out = [begun_ns.to_ne_bytes(), map_id.to_ne_bytes()].concat();
        out.extend(cpus.to_ne_bytes());
        // The slot of what finds no room is taken from the start.
        out.extend((NO_SLOT + 1).to_ne_bytes());
        out.resize(Self::COMMANDS_AT, 0);
        out.extend((NO_COMMAND + 1).to_ne_bytes());
        out.resize(Self::BYTES, 0);
        out
    }
}

/// `struct usage`: one uid since counting began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub uid: u32,
    /// Whether the slot has a uid.
    pub filled: bool,
    pub cpu_ns: u64,
    pub read_bytes: u64,
    pub net_written_bytes: u64,
    pub ops: u64,
    pub starts: u64,
    pub memory_kib_ms: u64,
    /// Part of `memory_kib_ms` that is an upper bound.
    pub peak_kib_ms: u64,
    pub present_usec: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    /// Processes at the last sweep.
    pub processes: u64,
}

impl Usage {
    pub(super) const BYTES: usize = 192;
    /// Of these, what the agent is told; the rest is the programs' own.
    pub(super) const TOLD_BYTES: usize = 112;

    pub(super) fn read(told: &[u8]) -> Option<Self> {
        let mut f = Fields(told);
        let mut out = Self { uid: f.u32()?, filled: f.u32()? != 0, ..Self::default() };
        (out.cpu_ns, out.read_bytes) = (f.u64()?, f.u64()?);
        let (_written, _cancelled) = (f.u64()?, f.u64()?);
        (out.net_written_bytes, out.ops, out.starts) = (f.u64()?, f.u64()?, f.u64()?);
        (out.memory_kib_ms, out.peak_kib_ms, out.present_usec) = (f.u64()?, f.u64()?, f.u64()?);
        (out.rx_bytes, out.tx_bytes) = (f.u64()?, f.u64()?);
        out.processes = f.u64()?;
        f.end(out)
    }
}

impl Usage {
    /// What was added since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        self.with(before, u64::saturating_sub)
    }

    /// The sum of two.
    pub(super) fn plus(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn with(&self, other: &Self, f: fn(u64, u64) -> u64) -> Self {
        Self {
            uid: self.uid,
            filled: self.filled,
            cpu_ns: f(self.cpu_ns, other.cpu_ns),
            read_bytes: f(self.read_bytes, other.read_bytes),
            net_written_bytes: f(self.net_written_bytes, other.net_written_bytes),
            ops: f(self.ops, other.ops),
            starts: f(self.starts, other.starts),
            memory_kib_ms: f(self.memory_kib_ms, other.memory_kib_ms),
            peak_kib_ms: f(self.peak_kib_ms, other.peak_kib_ms),
            present_usec: f(self.present_usec, other.present_usec),
            rx_bytes: f(self.rx_bytes, other.rx_bytes),
            tx_bytes: f(self.tx_bytes, other.tx_bytes),
            processes: f(self.processes, other.processes),
        }
    }
}

/// `struct order`, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Whether commands are listed, too.
    pub top: bool,
    /// Ranges of uids.
    pub ranges: u32,
}

impl Order {
    pub(super) const BYTES: usize = 8;

    pub(super) fn bytes(self) -> Vec<u8> {
        [u32::from(self.top), self.ranges].iter().flat_map(|w| w.to_ne_bytes()).collect()
    }
}

/// `struct range`, as it is written: first and last uid, and whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub first: u32,
    pub last: u32,
    pub owner: u32,
}

impl Range {
    pub(super) const BYTES: usize = 12;

    pub(super) fn bytes(self) -> Vec<u8> {
        [self.first, self.last, self.owner].iter().flat_map(|w| w.to_ne_bytes()).collect()
    }
}

/// `struct share`, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShareRow {
    /// Whether processes of this uid may be sampled.
    pub wanted: bool,
    /// Shares of anonymous and of shared pages, millionths; `None` before the first sample.
    pub ppm: Option<(u32, u32)>,
}

impl ShareRow {
    pub(super) const BYTES: usize = 16;

    pub(super) fn bytes(self) -> Vec<u8> {
        let (anonymous, shared) = self.ppm.unwrap_or_default();
        let words = [u32::from(self.wanted), u32::from(self.ppm.is_some()), anonymous, shared];
        words.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }
}

/// `struct command`: a command of a slot, as the last list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandRow {
    pub slot: u32,
    /// Without the zero that ends it.
    pub name: Vec<u8>,
    /// Whether the number is given to a command.
    pub filled: bool,
    /// CPU time and memory since the list before, and processes now.
    pub cpu_ns: u64,
    pub memory_kib_ms: u64,
    pub processes: u64,
}

impl CommandRow {
    pub(super) const BYTES: usize = 136;
    const NAME_BYTES: usize = 16;
    /// What the programs keep for themselves at the end.
    const OWN_BYTES: usize = 72;

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut f = Fields(bytes);
        let slot = f.u32()?;
        let (name, rest) = f.0.split_at_checked(Self::NAME_BYTES)?;
        f.0 = rest;
        let name = name.split(|b| *b == 0).next().unwrap_or_default().to_vec();
        let filled = f.u16()? != 0;
        let _idle = f.u16()?;
        let (_cpu_ns, _told_ns) = (f.u64()?, f.u64()?);
        let (cpu_ns, memory_kib_ms, processes) = (f.u64()?, f.u64()?, f.u64()?);
        let row = Self { slot, name, filled, cpu_ns, memory_kib_ms, processes };
        (f.0.len() == Self::OWN_BYTES).then_some(row)
    }
}

/// `struct record`: a process whose share of its pages should be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub pid: u32,
    pub slot: u32,
}

impl Record {
    pub(super) const BYTES: usize = 8;

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut f = Fields(bytes);
        let out = Self { pid: f.u32()?, slot: f.u32()? };
        f.end(out)
    }
}

/// An entry of `hm_open`: a child of the SSH server that became its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionRow {
    pub pid: u32,
    pub ppid: u32,
    pub uid: u32,
}

impl SessionRow {
    pub(super) const VALUE_BYTES: usize = 8;

    pub(super) fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let (mut k, mut f) = (Fields(key), Fields(value));
        let out = Self { pid: k.u32()?, ppid: f.u32()?, uid: f.u32()? };
        k.end(())?;
        f.end(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word another number, so that two fields that changed places are seen.
    fn words64(n: u64) -> Vec<u8> {
        (1..=n).flat_map(u64::to_ne_bytes).collect()
    }

    #[test]
    fn controls() {
        let begun = Control::begin(7, 8, 9);
        let want = Control { begun_ns: 7, map_id: 8, cpus: 9, used: 1, commands: 1, ..Control::default() };
        assert_eq!(Control::read(&begun), Some(want));
        let bytes =
            [words64(2), [3_u32, 4, 5, 6].iter().flat_map(|w| w.to_ne_bytes()).collect(), words64(13)]
                .concat();
        let got = Control::read(&bytes).unwrap();
        assert_eq!((got.begun_ns, got.map_id, got.cpus, got.used, got.sessions), (1, 2, 3, 4, 6));
        assert_eq!((got.sweep, got.swept_ns), (1, 3));
        assert_eq!((got.processes, got.misplaced, got.unstored, got.more), (5, 6, 7, true));
        assert_eq!(got.commands, u32::from_ne_bytes([13, 0, 0, 0]));
        assert_eq!(bytes.len(), Control::BYTES);
        assert_eq!(Control::read(&bytes[1..]), None);
        assert_eq!(Control::read(&[bytes, vec![0]].concat()), None);
    }

    #[test]
    fn usages() {
        let bytes = [vec![5, 0, 0, 0, 1, 0, 0, 0], words64(13)].concat();
        assert_eq!(bytes.len(), Usage::TOLD_BYTES);
        let want = Usage {
            uid: u32::from_ne_bytes([5, 0, 0, 0]),
            filled: true,
            cpu_ns: 1,
            read_bytes: 2,
            net_written_bytes: 5,
            ops: 6,
            starts: 7,
            memory_kib_ms: 8,
            peak_kib_ms: 9,
            present_usec: 10,
            rx_bytes: 11,
            tx_bytes: 12,
            processes: 13,
        };
        assert_eq!(Usage::read(&bytes), Some(want));
        assert_eq!(Usage::read(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn commands_and_records() {
        let key = [9_u32.to_ne_bytes().to_vec(), b"php-fpm\0\0\0\0\0\0\0\0\0".to_vec()].concat();
        let bytes = [key, vec![1, 0, 0, 0], words64(14)].concat();
        assert_eq!(bytes.len(), CommandRow::BYTES);
        let row = CommandRow::read(&bytes).unwrap();
        assert_eq!((row.slot, row.name.as_slice(), row.filled), (9, b"php-fpm".as_slice(), true));
        assert_eq!((row.cpu_ns, row.memory_kib_ms, row.processes), (3, 4, 5));
        assert_eq!(CommandRow::read(&bytes[1..]), None);
        let two = [1_u32, 2].map(u32::to_ne_bytes).concat();
        assert_eq!(Record::read(&two), Some(Record { pid: 1, slot: 2 }));
        assert_eq!((Record::read(&two[1..]), two.len()), (None, Record::BYTES));
        let want = SessionRow { pid: 3, ppid: 1, uid: 2 };
        assert_eq!(SessionRow::read(&3_u32.to_ne_bytes(), &two), Some(want));
        assert_eq!((SessionRow::read(&two, &two), two.len()), (None, SessionRow::VALUE_BYTES));
    }

    #[test]
    fn shares() {
        let check = |row: ShareRow, want: [u32; 4]| {
            let want: Vec<u8> = want.iter().flat_map(|w| w.to_ne_bytes()).collect();
            assert_eq!(row.bytes(), want);
            assert_eq!(want.len(), ShareRow::BYTES);
        };
        check(ShareRow { wanted: true, ppm: None }, [1, 0, 0, 0]);
        check(ShareRow { wanted: false, ppm: Some((7, 8)) }, [0, 1, 7, 8]);
        assert_eq!(Order { top: true, ranges: 7 }.bytes(), [1_u32, 7].map(u32::to_ne_bytes).concat());
        let range = Range { first: 1, last: 2, owner: 3 };
        assert_eq!(range.bytes(), [1_u32, 2, 3].map(u32::to_ne_bytes).concat());
        assert_eq!((Order::BYTES, Range::BYTES), (8, 12));
    }
}
