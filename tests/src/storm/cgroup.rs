//! A control group for the processes of one uid: the kernel's own sum of their CPU, whoever reaps them.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The group, removed when dropped.
#[derive(Debug)]
pub(super) struct Cgroup {
    dir: PathBuf,
    unified: bool,
}

impl Cgroup {
    /// Makes a group at the top of the hierarchy. Needs root.
    pub(super) fn new(name: &str) -> Result<Self> {
        let table = std::fs::read_to_string("/proc/self/mountinfo").context("/proc/self/mountinfo")?;
        let (root, unified) = hierarchy(&table).context(
            "no cgroup hierarchy that counts CPU is mounted: neither cgroup2 nor cgroup with cpuacct",
        )?;
        let dir = root.join(name);
        std::fs::create_dir(&dir).with_context(|| format!("make the cgroup {}", dir.display()))?;
        Ok(Self { dir, unified })
    }

    /// Moves a process here, with what it forks from now on.
    pub(super) fn add(&self, pid: u32) -> Result<()> {
        let file = self.dir.join("cgroup.procs");
        std::fs::write(&file, pid.to_string()).with_context(|| format!("{pid} into {}", file.display()))
    }

    /// CPU of everything that ever ran here, ns (of cgroup2: whole µs).
    pub(super) fn used_ns(&self) -> Result<u64> {
        let file = self.dir.join(if self.unified { "cpu.stat" } else { "cpuacct.usage" });
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        used_ns(&text).with_context(|| format!("{}: {text:?}", file.display()))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A process that has just been reaped may hold it for a moment longer.
        let _left = crate::run::wait_for("the cgroup to be empty", std::time::Duration::from_secs(3), || {
            Ok(std::fs::remove_dir(&self.dir).is_ok().then_some(()))
        });
    }
}

/// `usage_usec N` among the lines of cgroup2's cpu.stat, or the bare nanoseconds of cpuacct.usage.
fn used_ns(text: &str) -> Option<u64> {
    match text.lines().find_map(|l| l.strip_prefix("usage_usec ")) {
        Some(usec) => usec.trim().parse::<u64>().ok()?.checked_mul(1_000),
        None => text.trim().parse().ok(),
    }
}

/// Where CPU is counted, and whether it is cgroup2. `cpuacct` is preferred, as it counts nanoseconds.
fn hierarchy(mountinfo: &str) -> Option<(PathBuf, bool)> {
    let mut unified = None;
    for line in mountinfo.lines() {
        let (left, right) = line.split_once(" - ")?;
        let dir = left.split(' ').nth(4)?;
        let kind: Vec<&str> = right.split(' ').collect();
        match kind.as_slice() {
            ["cgroup", _, options, ..] if options.split(',').any(|o| o == "cpuacct") => {
                return Some((Path::new(dir).to_owned(), false));
            }
            ["cgroup2", ..] => unified = Some((Path::new(dir).to_owned(), true)),
            _ => {}
        }
    }
    unified
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hierarchies_are_found() {
        let root = "22 1 8:1 / / rw - ext4 /dev/vda rw\n";
        let two = "26 22 0:23 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n";
        let one = "27 22 0:24 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
        let other = "28 22 0:25 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
        for (text, expect) in [
            (format!("{root}{two}"), Some(("/sys/fs/cgroup", true))),
            (format!("{root}{two}{other}{one}"), Some(("/sys/fs/cgroup/cpu", false))),
            (format!("{root}{other}"), None),
        ] {
            assert_eq!(hierarchy(&text), expect.map(|(dir, unified)| (dir.into(), unified)), "{text}");
        }
    }

    #[test]
    fn both_figures_are_nanoseconds() {
        assert_eq!(used_ns("usage_usec 12\nuser_usec 5\nsystem_usec 7\n"), Some(12_000));
        assert_eq!(used_ns("1234567\n"), Some(1_234_567));
        assert_eq!(used_ns("user_usec 5\n"), None);
    }
}
