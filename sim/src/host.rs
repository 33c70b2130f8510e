//! A machine with an agent: its disk, its boots, its clocks.

use crate::disk::{Disk, Tree};
use crate::kernel::Kernel;
use crate::life::Life;
use crate::net::Port;
use crate::template::START_MS;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A machine.
pub(crate) struct Host {
    /// Whose identity it has: its own number, or that of the host that it is a copy of.
    pub(crate) identity: usize,
    /// The agent's state directory.
    pub(crate) dir: PathBuf,
    /// Where that lies.
    pub(crate) disk: Disk,
    /// What is metered.
    pub(crate) kernel: Arc<Mutex<Kernel>>,
    /// When it booted, ms.
    pub(crate) booted_ms: i64,
    /// How far its wall clock is off, ms.
    pub(crate) wall_off_ms: i64,
    /// No packet comes through until then, ms.
    pub(crate) cut_until_ms: i64,
    /// The agent, if it runs.
    pub(crate) life: Option<Life>,
    /// How many lives there were: what belongs to an earlier one is void.
    pub(crate) lives: u64,
    /// Backups of its state.
    pub(crate) kept: Vec<Tree>,
    /// Older state came back, or was copied: some of what it measured may be known already.
    pub(crate) is_tainted: bool,
    is_copy: bool,
    /// It was switched off for good.
    pub(crate) is_gone: bool,
    accounts: u32,
    phase: Duration,
    rng: fastrand::Rng,
}

/// Most accounts of a host.
const ACCOUNTS_MAX: u32 = 3;
/// A host speaks at most so long after its interval, ms.
const PHASE_MAX_MS: u64 = 10_000;

impl Host {
    /// A machine whose state directory is there.
    pub(crate) fn new(identity: usize, dir: &Path, rng: &mut fastrand::Rng, now_ms: i64) -> Result<Self> {
        let mut rng = rng.fork();
        let disk = Disk::new(dir, &mut rng)?;
        let accounts = rng.u32(1..=ACCOUNTS_MAX);
        let kernel = Arc::new(Mutex::new(Kernel::boot(&mut rng, accounts)));
        let phase = Duration::from_millis(rng.u64(..PHASE_MAX_MS));
        Ok(Self {
            identity,
            dir: dir.to_owned(),
            disk,
            kernel,
            booted_ms: now_ms,
            wall_off_ms: 0,
            cut_until_ms: 0,
            life: None,
            lives: 0,
            kept: Vec::new(),
            is_tainted: false,
            is_copy: false,
            is_gone: false,
            accounts,
            phase,
            rng,
        })
    }

    /// The machine boots again: its counters begin at 0.
    pub(crate) fn reboot(&mut self, now_ms: i64) {
        self.kernel = Arc::new(Mutex::new(Kernel::boot(&mut self.rng, self.accounts)));
        self.booted_ms = now_ms;
    }

    /// It is a copy of another.
    pub(crate) const fn become_copy(&mut self) {
        self.is_copy = true;
    }

    /// Whether it is a copy of another.
    pub(crate) const fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// A fresh port for the next life.
    pub(crate) fn port(&mut self) -> Port {
        Port::new(&mut self.rng)
    }

    /// When in an interval it speaks.
    pub(crate) const fn phase(&self) -> Duration {
        self.phase
    }

    /// Sets a port's clocks.
    pub(crate) fn set(&self, port: &Port, now_ms: i64) {
        let ns = |ms: i64| u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000);
        let wall_ms = START_MS.saturating_add(now_ms).saturating_add(self.wall_off_ms);
        port.set(ns(wall_ms), ns(now_ms.saturating_sub(self.booted_ms)));
    }

    /// Sets the clocks of the agent that runs.
    pub(crate) fn tick(&self, now_ms: i64) {
        if let Some(life) = &self.life {
            self.set(&life.port, now_ms);
        }
    }
}
