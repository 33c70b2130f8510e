//! `/proc/PID/task/TID/io`: storage and system calls of one thread.
//!
//! The file of the whole process cannot be used: it takes over the counters of every child that is reaped, whoever
//! that child ran as.

use super::text;
use super::{ProcRoot, Unread};

/// Counters of one thread since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoCounters {
    /// Bytes fetched from storage.
    pub read_bytes: u64,
    /// Bytes that were to reach storage.
    pub written_bytes: u64,
    /// Bytes that did not, because their pages were dropped; counted at whoever drops them.
    pub cancelled_bytes: u64,
    /// Read and write system calls.
    pub ops: u64,
}

impl IoCounters {
    /// What was added since `before`; `None` if any counter fell.
    pub fn since(self, before: Self) -> Option<Self> {
        Some(Self {
            read_bytes: self.read_bytes.checked_sub(before.read_bytes)?,
            written_bytes: self.written_bytes.checked_sub(before.written_bytes)?,
            cancelled_bytes: self.cancelled_bytes.checked_sub(before.cancelled_bytes)?,
            ops: self.ops.checked_sub(before.ops)?,
        })
    }

    /// Sum of two, each held at its largest value.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            read_bytes: self.read_bytes.saturating_add(other.read_bytes),
            written_bytes: self.written_bytes.saturating_add(other.written_bytes),
            cancelled_bytes: self.cancelled_bytes.saturating_add(other.cancelled_bytes),
            ops: self.ops.saturating_add(other.ops),
        }
    }
}

/// Reads the file.
pub fn parse(bytes: &[u8]) -> Result<IoCounters, &'static str> {
    let mut out = IoCounters::default();
    let mut found = 0_u32;
    for (name, rest) in text::fields(bytes) {
        let slot = match name {
            b"syscr" | b"syscw" => &mut out.ops,
            b"read_bytes" => &mut out.read_bytes,
            b"write_bytes" => &mut out.written_bytes,
            b"cancelled_write_bytes" => &mut out.cancelled_bytes,
            _ => continue,
        };
        let value = text::first_number(rest).ok_or("a counter that is not a number")?;
        *slot = slot.saturating_add(value);
        found = found.saturating_add(1);
    }
    if found == 5 { Ok(out) } else { Err("not the five counters once each") }
}

/// Reads a thread.
pub fn read(root: &mut ProcRoot, pid: u32, tid: u32) -> Result<IoCounters, Unread> {
    root.parse(format_args!("{pid}/task/{tid}/io"), parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads() {
        let text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n";
        let check = |text: &str, want: Result<(u64, u64, u64, u64), &str>| {
            let got = parse(text.as_bytes());
            assert_eq!(
                got.map(|c| (c.read_bytes, c.written_bytes, c.cancelled_bytes, c.ops)),
                want,
                "{text}"
            );
        };
        check(text, Ok((5, 6, 7, 7)));
        check("", Err("not the five counters once each"));
        check(text.get(..60).unwrap(), Err("not the five counters once each"));
        check(&text.replace("bytes: 5", "bytes: -5"), Err("a counter that is not a number"));
    }

    #[test]
    fn differences() {
        let two = IoCounters { read_bytes: 2, written_bytes: 2, cancelled_bytes: 2, ops: 2 };
        let three = IoCounters { read_bytes: 3, ..two };
        assert_eq!(three.since(two), Some(IoCounters { read_bytes: 1, ..IoCounters::default() }));
        assert_eq!(two.since(three), None);
        assert_eq!(two.plus(three).read_bytes, 5);
    }
}
