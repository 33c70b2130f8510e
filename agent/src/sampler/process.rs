//! What is kept of one process between sweeps.

use super::Account;
use super::threads::IoState;
use crate::meter::memory::area;
use crate::proc::command::Command;
use crate::proc::smaps::Share;
use crate::proc::status::Memory;
use crate::session::Peer;

/// One process as it was seen last.
#[derive(Debug)]
pub(super) struct Process {
    /// Start, clock ticks since boot: with the pid, it names one process.
    pub start_ticks: u64,
    /// CPU time that is counted already, nanoseconds.
    pub clock_ns: u64,
    /// Real uid.
    pub uid: u32,
    /// Whether that uid is an account.
    pub account: bool,
    /// Whether it is a thread of the kernel, which has no memory of its own and no uid that matters.
    pub kernel: bool,
    /// Parent.
    pub ppid: u32,
    /// Name.
    pub command: Command,
    /// The sweep that saw it last.
    pub seen: u64,
    /// Boot time up to which its memory and presence are counted, nanoseconds.
    pub counted_ns: u64,
    /// Memory at its last close look.
    pub memory: Memory,
    /// Its share of the pages that it maps.
    pub share: ShareState,
    /// Whether it waits to be sampled soon.
    pub urgent: bool,
    /// No sampling before this sweep.
    pub share_due: u64,
    /// KiB that it answered for at `counted_ns`.
    pub kib: u64,
    /// Minor page faults at its last close look.
    pub faults: u64,
    /// Its threads' I/O.
    pub io: IoState,
}

/// What is known about sharing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShareState {
    /// Not sampled yet.
    Unknown,
    /// Sampled; with the minor page faults of then.
    Known(Share, u64),
    /// May not be read.
    Denied,
}

impl ShareState {
    /// The share to count with.
    pub(super) fn share(self) -> Share {
        match self {
            Self::Known(share, _) => share,
            Self::Unknown | Self::Denied => Share::UNKNOWN,
        }
    }
}

impl Process {
    /// Counts presence and memory since it was counted last, up to `now_ns`.
    pub(super) fn pass(&mut self, account: &mut Account, now_ns: u64) {
        let ns = now_ns.saturating_sub(self.counted_ns);
        let kib = self.share.share().of(self.memory);
        let area = area(self.kib, kib, ns);
        account.uses.memory.add(area);
        account.uses.processes.present(ns);
        let command = account.commands.of(self.command);
        command.memory = command.memory.saturating_add(area);
        command.processes = command.processes.saturating_add(1);
        self.kib = kib;
        self.counted_ns = now_ns;
    }

    /// What session rules ask about it.
    pub(super) fn peer(&self) -> Peer {
        Peer { uid: self.uid, ppid: self.ppid, sshd: self.command.is_sshd() && !self.kernel }
    }
}
