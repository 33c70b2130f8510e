//! Processes of many accounts, most of which sleep.

use anyhow::{Context, Result};
use hostmeter_tests::run::program;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// None of the uids is in passwd.
const FIRST_UID: u32 = 41_000;

/// Ended when dropped.
pub(crate) struct Crowd(Vec<Child>);

impl Crowd {
    /// Starts so many processes, in turn for each of so many accounts. `busy` of them run for a moment every second.
    pub(crate) fn start(processes: u32, accounts: u32, busy: u32) -> Result<Self> {
        let root = rustix::process::geteuid().is_root();
        // Other users may not enter the build's folder.
        let pulse = program("pulse")?;
        let mut all = Self(Vec::new());
        for i in 0..processes {
            let mut command = if i < busy { Command::new(&pulse) } else { Command::new("/bin/sleep") };
            if i >= busy {
                command.arg("3600");
            }
            command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
            if root {
                let uid = FIRST_UID + i % accounts;
                command.uid(uid).gid(uid);
            }
            all.0.push(command.spawn().context("a process of the crowd")?);
        }
        Ok(all)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _gone = child.kill();
        }
        for child in &mut self.0 {
            let _reaped = child.wait();
        }
    }
}
