//! The host's own totals: `/proc/stat`, `/proc/meminfo`, boot id.

use crate::proc::text::{fields, first_number, number, words};
use crate::proc::{ProcRoot, Unread};
use hostmeter_core::ids::BootId;
use nix::unistd::{SysconfVar, sysconf};

/// A fall of the idle counters up to this is the kernel's own jitter (iowait moves between CPUs), µs.
const JITTER_USEC: u64 = 1_000_000;

/// CPUs and their idle time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTotals {
    /// CPUs online.
    pub cpus: u32,
    /// Clock ticks that all CPUs since boot were idle, waiting for I/O, or taken by the hypervisor.
    pub not_busy_ticks: u64,
}

/// Memory of the host, KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryTotals {
    /// Physical.
    pub total_kib: i64,
    /// Available to new processes without swapping; absent on kernels before 3.14.
    pub available_kib: Option<i64>,
}

/// Length of one clock tick as /proc writes them, in nanoseconds.
pub fn tick_ns() -> u64 {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|t| u64::try_from(t).ok());
    1_000_000_000_u64.checked_div(per_second.unwrap_or(100)).unwrap_or(10_000_000)
}

/// Reads `/proc/stat`. Idle time is exact there on kernels without a periodic tick; only its printing is coarse.
/// Guest time is part of user time.
pub fn parse_stat(bytes: &[u8]) -> Result<CpuTotals, &'static str> {
    let mut not_busy_ticks = None;
    let mut cpus = 0_u32;
    for line in bytes.split(|b| *b == b'\n') {
        let mut fields = words(line);
        match fields.next() {
            Some(b"cpu") => {
                // user nice system idle iowait irq softirq steal
                let ticks: Vec<u64> = fields.map_while(number).collect();
                let sum = [3, 4, 7].iter().try_fold(0_u64, |sum, i| sum.checked_add(*ticks.get(*i)?));
                not_busy_ticks = Some(sum.ok_or("line 'cpu' without idle, iowait and steal")?);
            }
            Some(name) if name.starts_with(b"cpu") => cpus = cpus.saturating_add(1),
            _ => {}
        }
    }
    match not_busy_ticks {
        Some(not_busy_ticks) if cpus > 0 => Ok(CpuTotals { cpus, not_busy_ticks }),
        _ => Err("no line 'cpu', or none of a single CPU"),
    }
}

/// Processes and threads forked since boot, by `/proc/stat`; `None` where the kernel does not tell or count them.
pub fn parse_forks(bytes: &[u8]) -> Option<u64> {
    let of_line = |line: &[u8]| {
        let mut fields = words(line);
        (fields.next() == Some(b"processes")).then(|| fields.next().and_then(number)).flatten()
    };
    // The line is near the end, behind one that may be long.
    bytes.rsplit(|b| *b == b'\n').find_map(of_line).filter(|count| *count > 0)
}

/// Reads the number of forks since boot.
pub fn forks(root: &mut ProcRoot) -> Option<u64> {
    parse_forks(root.host_file("stat").ok()?)
}

/// Reads `/proc/meminfo`.
pub fn parse_meminfo(bytes: &[u8]) -> Result<MemoryTotals, &'static str> {
    let (mut total_kib, mut available_kib) = (None, None);
    for (name, rest) in fields(bytes) {
        let slot = match name {
            b"MemTotal" => &mut total_kib,
            b"MemAvailable" => &mut available_kib,
            _ => continue,
        };
        let kib = first_number(rest).and_then(|n| i64::try_from(n).ok());
        *slot = Some(kib.ok_or("a size that is not a number, or does not fit")?);
    }
    Ok(MemoryTotals { total_kib: total_kib.ok_or("no line 'MemTotal'")?, available_kib })
}

/// Reads CPUs and idle time.
pub fn cpu_totals(root: &mut ProcRoot) -> Result<CpuTotals, Unread> {
    parse_stat(root.host_file("stat")?).map_err(|why| Unread::Fault(format!("/proc/stat: {why}")))
}

/// Reads the host's memory.
pub fn memory_totals(root: &mut ProcRoot) -> Result<MemoryTotals, Unread> {
    parse_meminfo(root.host_file("meminfo")?).map_err(|why| Unread::Fault(format!("/proc/meminfo: {why}")))
}

/// Reads the boot id.
pub fn boot_id(root: &mut ProcRoot) -> Result<BootId, Unread> {
    const PATH: &str = "sys/kernel/random/boot_id";
    let text = String::from_utf8_lossy(root.host_file(PATH)?).trim().to_owned();
    BootId::parse(&text).map_err(|e| Unread::Fault(format!("/proc/{PATH}: {e}")))
}

/// Idle time that never falls by jitter; a real fall (a CPU taken away) passes through.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotBusy {
    last_usec: Option<u64>,
}

impl NotBusy {
    /// Takes the next reading, µs, and gives the one to report.
    pub fn next(&mut self, usec: u64) -> u64 {
        let held = match self.last_usec {
            Some(last) if usec < last && last - usec <= JITTER_USEC => last,
            _ => usec,
        };
        self.last_usec = Some(held);
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines() {
        let check = |text: &str, want: Result<(u32, u64), &str>| {
            assert_eq!(parse_stat(text.as_bytes()).map(|t| (t.cpus, t.not_busy_ticks)), want, "{text}");
        };
        check("cpu  1 2 3 40 50 6 7 80 9 9\ncpu0 1\ncpu1 1\nintr 1 2\n", Ok((2, 170)));
        check("cpu  1 2 3 40 50 6 7\ncpu0 1\n", Err("line 'cpu' without idle, iowait and steal"));
        check("cpu  1 2 3 x 50 6 7 8\ncpu0 1\n", Err("line 'cpu' without idle, iowait and steal"));
        check("cpu  1 2 3 4 5 6 7 8\n", Err("no line 'cpu', or none of a single CPU"));
        check("", Err("no line 'cpu', or none of a single CPU"));
    }

    #[test]
    fn fork_lines() {
        let check = |text: &str, want: Option<u64>| assert_eq!(parse_forks(text.as_bytes()), want, "{text}");
        check("cpu 1\nintr 5 6\nctxt 3\nbtime 4\nprocesses 17\nprocs_running 1\n", Some(17));
        check("processes 0\n", None);
        check("processes x\n", None);
        check("processes\n", None);
        check("procs_running 1\n", None);
        check("", None);
    }

    #[test]
    fn meminfo_lines() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let got = parse_meminfo(text.as_bytes()).unwrap();
        let want: i64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert_eq!(got.total_kib, want);
        assert!(got.available_kib.unwrap() > 0 && got.available_kib.unwrap() < want);
        assert_eq!(parse_meminfo(b"garbage"), Err("no line 'MemTotal'"));
        let bad = Err("a size that is not a number, or does not fit");
        assert_eq!(parse_meminfo(b"MemTotal: 80000737095516150000 kB\n"), bad);
        assert_eq!(parse_meminfo(b"MemTotal: 1&0 kB\n"), bad);
        let largest = MemoryTotals { total_kib: i64::MAX, available_kib: None };
        assert_eq!(parse_meminfo(b"MemTotal: 9223372036854775807 kB\n"), Ok(largest));
    }

    #[test]
    fn jitter_is_held_and_a_fall_is_not() {
        let mut n = NotBusy::default();
        let got: Vec<u64> = [5_000_000, 4_990_000, 5_010_000, 1_000].into_iter().map(|u| n.next(u)).collect();
        assert_eq!(got, [5_000_000, 5_000_000, 5_010_000, 1_000]);
    }

    #[test]
    fn this_host() {
        let mut root = ProcRoot::open("/proc".as_ref()).unwrap();
        assert!(cpu_totals(&mut root).unwrap().cpus >= 1);
        assert!(boot_id(&mut root).is_ok());
        assert_eq!(tick_ns(), 10_000_000);
    }
}
