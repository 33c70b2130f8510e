//! What a machine needs for the eBPF tier, and a BPF file system of a test's own.

use crate::stack::run_ok;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why the eBPF tier cannot be tested here; `None` if it can.
pub fn missing() -> Option<&'static str> {
    if !crate::users::is_root() {
        return Some("needs root");
    }
    let btf = Path::new("/sys/kernel/btf/vmlinux");
    (!btf.exists()).then_some("this kernel has no BTF, which eBPF needs")
}

/// A BPF file system, unmounted when dropped; its programs then end.
#[derive(Debug)]
pub struct BpfFs {
    dir: tempfile::TempDir,
}

impl BpfFs {
    /// Mounts one in a new folder. Needs root.
    pub fn mount() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        run_ok(Command::new("mount").args(["-t", "bpf", "bpf"]).arg(dir.path()))?;
        Ok(Self { dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Everything that an agent pinned in it; the kernel has files of its own beside.
    pub fn pins(&self) -> Result<Vec<PathBuf>> {
        let mut pins = Vec::new();
        let mut folders = vec![self.dir.path().join("hostmeter")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                let list = if entry.file_type()?.is_dir() { &mut folders } else { &mut pins };
                list.push(entry.path());
            }
        }
        Ok(pins)
    }
}

impl Drop for BpfFs {
    fn drop(&mut self) {
        // Lazily, as an agent may still hold a folder of it when a test fails.
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.dir.path()).status();
    }
}
