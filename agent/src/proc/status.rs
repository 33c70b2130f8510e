//! `/proc/PID/status`: the real uid and what the process holds in memory.

use super::text;
use super::{ProcRoot, Unread};

/// Memory of one process, KiB, as the kernel counts it before sharing is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Anonymous pages in memory.
    pub anonymous_kib: u64,
    /// Anonymous pages in swap.
    pub swap_kib: u64,
    /// Pages of files and shared memory, each counted by every process that maps it.
    pub shared_kib: u64,
}

/// What is used of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Real uid: who is billed.
    pub uid: u32,
    /// All zero for a zombie, which has given its memory back.
    pub memory: Memory,
}

/// Reads the file. The kernel escapes newlines in the name, so that every line is one field.
pub fn parse(bytes: &[u8]) -> Result<Status, &'static str> {
    let mut uid = None;
    let mut memory = Memory::default();
    let mut whole = false;
    for (name, rest) in text::fields(bytes) {
        let kib = || text::first_number(rest).ok_or("a size that is not a number");
        match name {
            b"Uid" if uid.is_none() => {
                let real = text::first_number(rest).and_then(|n| u32::try_from(n).ok());
                uid = Some(real.ok_or("'Uid' without a number")?);
            }
            b"RssAnon" => memory.anonymous_kib = kib()?,
            b"RssFile" | b"RssShmem" => memory.shared_kib = memory.shared_kib.saturating_add(kib()?),
            b"VmSwap" => memory.swap_kib = kib()?,
            // It follows the sizes, so its absence means that the text was cut off.
            b"Threads" => whole = true,
            _ => {}
        }
    }
    if !whole {
        return Err("cut off: no line 'Threads'");
    }
    Ok(Status { uid: uid.ok_or("no line 'Uid'")?, memory })
}

/// Reads a process.
pub fn read(root: &mut ProcRoot, pid: u32) -> Result<Status, Unread> {
    root.parse(format_args!("{pid}/status"), parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "Name:\ta\\nUid: 0\nUmask:\t0022\nUid:\t3101\t0\t0\t0\nVmRSS:\t   99 kB\n\
        RssAnon:\t   51200 kB\nRssFile:\t    2048 kB\nRssShmem:\t     512 kB\nVmSwap:\t      64 kB\nThreads:\t1\n";

    #[test]
    fn reads() {
        let memory = Memory { anonymous_kib: 51_200, swap_kib: 64, shared_kib: 2_560 };
        let check =
            |text: &str, want: Result<Status, &str>| assert_eq!(parse(text.as_bytes()), want, "{text}");
        check(TEXT, Ok(Status { uid: 3101, memory }));
        check("Uid:\t5\t5\nThreads:\t1\n", Ok(Status { uid: 5, memory: Memory::default() }));
        check("Uid:\t5\t5\n", Err("cut off: no line 'Threads'"));
        check("Threads:\t1\n", Err("no line 'Uid'"));
        check("Uid:\tx\nThreads:\t1\n", Err("'Uid' without a number"));
        check("Uid:\t4294967296\nThreads:\t1\n", Err("'Uid' without a number"));
        check("Uid:\t5\nRssAnon:\t-1 kB\nThreads:\t1\n", Err("a size that is not a number"));
    }

    #[test]
    fn own_status_agrees_with_another_reader() {
        let mut root = ProcRoot::open("/proc".as_ref()).unwrap();
        let ours = read(&mut root, std::process::id()).unwrap();
        let theirs = procfs::process::Process::myself().unwrap().status().unwrap();
        assert_eq!(ours.uid, theirs.ruid);
        let anonymous_kib = theirs.rssanon.unwrap();
        assert!(ours.memory.anonymous_kib.abs_diff(anonymous_kib) < 4_096, "{ours:?} {anonymous_kib}");
    }

    proptest! {
        #[test]
        fn any_cut_never_panics(at in 0..TEXT.len()) {
            let _ = parse(&TEXT.as_bytes()[..at]);
        }
    }
}
