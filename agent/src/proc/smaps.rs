//! `/proc/PID/smaps_rollup`: which part of its pages a process has to itself.
//!
//! Every page counts `1 / (processes that map it)` here, so that shares of all processes add up to the pages there are.
//! Reading walks the process's page tables (12 µs and more), so it is sampled.

use super::status::Memory;
use super::text;
use super::{ProcRoot, Unread};

/// One whole, in millionths.
const WHOLE_PPM: u64 = 1_000_000;

/// This process's share of the pages that it maps, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Of its anonymous pages; less than all after a fork, until the pages are written.
    pub anonymous_ppm: u64,
    /// Of pages of files and shared memory.
    pub shared_ppm: u64,
}

impl Share {
    /// Until it is sampled: anonymous pages are its own, and shared ones are left out, never billed twice.
    pub const UNKNOWN: Self = Self { anonymous_ppm: WHOLE_PPM, shared_ppm: 0 };

    /// The memory that the process answers for, KiB.
    pub fn of(self, memory: Memory) -> u64 {
        let part = |kib: u64, ppm: u64| kib.saturating_mul(ppm) / WHOLE_PPM;
        part(memory.anonymous_kib, self.anonymous_ppm)
            .saturating_add(memory.swap_kib)
            .saturating_add(part(memory.shared_kib, self.shared_ppm))
    }
}

/// What a process maps, KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Anonymous pages.
    pub anonymous_kib: u64,
    /// Its part of them.
    pub own_anonymous_kib: u64,
    /// Pages of files and shared memory.
    pub shared_kib: u64,
    /// Its part of them.
    pub own_shared_kib: u64,
}

impl Sizes {
    /// The parts as shares. Without pages of a kind: anonymous ones would be its own, shared ones not.
    pub fn share(self) -> Share {
        let ppm = |part: u64, whole: u64, none: u64| {
            part.saturating_mul(WHOLE_PPM).checked_div(whole).unwrap_or(none).min(WHOLE_PPM)
        };
        Share {
            anonymous_ppm: ppm(self.own_anonymous_kib, self.anonymous_kib, WHOLE_PPM),
            shared_ppm: ppm(self.own_shared_kib, self.shared_kib, 0),
        }
    }

    /// The sum of two processes.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            anonymous_kib: self.anonymous_kib.saturating_add(other.anonymous_kib),
            own_anonymous_kib: self.own_anonymous_kib.saturating_add(other.own_anonymous_kib),
            shared_kib: self.shared_kib.saturating_add(other.shared_kib),
            own_shared_kib: self.own_shared_kib.saturating_add(other.own_shared_kib),
        }
    }

    /// Half the weight, the same shares.
    #[must_use]
    pub fn halved(self) -> Self {
        Self {
            anonymous_kib: self.anonymous_kib / 2,
            own_anonymous_kib: self.own_anonymous_kib / 2,
            shared_kib: self.shared_kib / 2,
            own_shared_kib: self.own_shared_kib / 2,
        }
    }
}

/// Reads the file. Needs `Pss_Anon` and its fellows, which kernels have since 5.4.
pub fn parse(bytes: &[u8]) -> Result<Sizes, &'static str> {
    let (mut rss, mut anonymous, mut pss_anonymous) = (None, None, None);
    let (mut pss_file, mut pss_shmem) = (None, None);
    for (name, rest) in text::fields(bytes) {
        let slot = match name {
            b"Rss" => &mut rss,
            b"Anonymous" => &mut anonymous,
            b"Pss_Anon" => &mut pss_anonymous,
            b"Pss_File" => &mut pss_file,
            b"Pss_Shmem" => &mut pss_shmem,
            _ => continue,
        };
        *slot = Some(text::first_number(rest).ok_or("a size that is not a number")?);
    }
    let all = (rss, anonymous, pss_anonymous, pss_file, pss_shmem);
    let (Some(rss), Some(anonymous), Some(pss_anonymous), Some(pss_file), Some(pss_shmem)) = all else {
        return Err("a line of Rss, Anonymous, Pss_Anon, Pss_File, Pss_Shmem is missing");
    };
    Ok(Sizes {
        anonymous_kib: anonymous,
        own_anonymous_kib: pss_anonymous,
        shared_kib: rss.saturating_sub(anonymous),
        own_shared_kib: pss_file.saturating_add(pss_shmem),
    })
}

/// Reads a process. A zombie gives [`Unread::Gone`].
pub fn read(root: &mut ProcRoot, pid: u32) -> Result<Share, Unread> {
    sizes(root, pid).map(Sizes::share)
}

/// Reads what a process maps. A zombie gives [`Unread::Gone`].
pub fn sizes(root: &mut ProcRoot, pid: u32) -> Result<Sizes, Unread> {
    root.parse(format_args!("{pid}/smaps_rollup"), parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads() {
        let text = |pss_file: u64| {
            format!(
                "55c0-7ffe ---p 00000000 00:00 0  [rollup]\nRss: 4000 kB\nPss: 1500 kB\nPss_Dirty: 9 kB\n\
                 Pss_Anon: 500 kB\nPss_File: {pss_file} kB\nPss_Shmem: 250 kB\nAnonymous: 1000 kB\n"
            )
        };
        let check = |text: &str, want: Result<(u64, u64), &str>| {
            assert_eq!(
                parse(text.as_bytes()).map(Sizes::share).map(|s| (s.anonymous_ppm, s.shared_ppm)),
                want,
                "{text}"
            );
        };
        check(&text(500), Ok((500_000, 250_000)));
        check(&text(9_999), Ok((500_000, 1_000_000)));
        check(&text(500).replace("Rss: 4000", "Rss: 1000"), Ok((500_000, 0)));
        check(&text(500).replace("Rss: 4000", "Rss: x"), Err("a size that is not a number"));
        let missing = "a line of Rss, Anonymous, Pss_Anon, Pss_File, Pss_Shmem is missing";
        check("", Err(missing));
        check(&text(500).replace("Pss_Anon", "Pss_anon"), Err(missing));
        let none = "Rss: 0 kB\nPss_Anon: 0 kB\nPss_File: 0 kB\nPss_Shmem: 0 kB\nAnonymous: 0 kB\n";
        check(none, Ok((1_000_000, 0)));
    }

    #[test]
    fn shares() {
        let memory = Memory { anonymous_kib: 1_000, swap_kib: 7, shared_kib: 4_000 };
        assert_eq!(Share::UNKNOWN.of(memory), 1_007);
        assert_eq!(Share { anonymous_ppm: 500_000, shared_ppm: 250_000 }.of(memory), 1_507);
    }
}
