//! A close look at one process: it is new, or its CPU clock has moved.

use super::process::{Process, ShareState};
use super::threads::{self, IoState, Past};
use super::{Sampler, Unread};
use crate::limits::PROCESSES_MAX;
use crate::proc::cpu_clock::CpuTime;
use crate::proc::stat::{self, Stat};
use crate::proc::status::{self, Memory, Status};
use crate::proc::{ProcRoot, text};
use crate::session;

/// Bits of `CapEff` that reading `/proc/PID/io` of other users needs (capabilities(7)).
const CAP_SYS_PTRACE: u64 = 1 << 19;
/// Either of these passes over the file's mode: `CAP_DAC_OVERRIDE`, `CAP_DAC_READ_SEARCH`.
const CAP_DAC: u64 = (1 << 1) | (1 << 2);

/// Whether this process may read all of every process.
pub(super) fn may_trace(root: &mut ProcRoot) -> bool {
    let effective = root.parse(format_args!("self/status"), |bytes| {
        let field = text::fields(bytes).find(|(name, _)| *name == b"CapEff").ok_or("no line 'CapEff'")?;
        let word = text::words(field.1).next().unwrap_or_default();
        let word = std::str::from_utf8(word).map_err(|_| "not text")?;
        u64::from_str_radix(word, 16).map_err(|_| "not a number")
    });
    effective.is_ok_and(|bits| bits & CAP_SYS_PTRACE != 0 && bits & CAP_DAC != 0)
}

impl Sampler {
    /// Reads a process and counts what it used since it was read last.
    ///
    /// The clock was read before `stat`. If the start is the known one, both are of the same process; a new process's
    /// pid would have to be used up and given again between two neighbouring system calls to mislead.
    pub(super) fn look_closely(&mut self, pid: u32, cpu: CpuTime) -> Result<(), Unread> {
        let stat = stat::read(&mut self.root, pid)?;
        let status = if stat.kernel {
            Status { uid: 0, memory: Memory::default() }
        } else {
            status::read(&mut self.root, pid)?
        };
        let clock_ns = match cpu {
            CpuTime::Ns(ns) => ns,
            CpuTime::Gone | CpuTime::Unusable => stat.cpu_ticks.saturating_mul(self.tick_ns),
        };
        let known = self.table.remove(&pid).filter(|p| p.start_ticks == stat.start_ticks);
        if known.is_none() && self.table.len() >= PROCESSES_MAX {
            self.tally.untracked = self.tally.untracked.saturating_add(1);
            return Ok(());
        }
        // Uids of user namespaces belong to their owner.
        let uid = self.accounts.owner(status.uid);
        let account = !stat.kernel && self.accounts.is_account(uid) && self.admit(uid);
        // What was there before the first sweep did its work unseen, at an unknown time.
        let born = known.is_none() && self.sweep > 1 && stat.start_ticks >= self.first_ticks;
        let used_ns = match &known {
            // A clock that fell is no use: never more than the truth.
            Some(known) => clock_ns.saturating_sub(known.clock_ns),
            None if born => clock_ns,
            None => 0,
        };
        let owner_stays = known.as_ref().is_some_and(|p| p.uid == uid && p.account == account);
        let mut process = match known {
            Some(known) => known,
            None => self.newcomer(&stat, born),
        };
        if !owner_stays {
            process.io = IoState::Untracked;
        }
        if !owner_stays && !born {
            // What a sweep saw under another uid is not billed to this one.
            process.counted_ns = self.now_ns;
        }
        process.clock_ns = process.clock_ns.max(clock_ns);
        process.uid = uid;
        process.account = account;
        process.ppid = stat.ppid;
        process.command = stat.command;
        process.memory = status.memory;
        process.faults = stat.minor_faults;
        process.seen = self.sweep;
        if account {
            self.count(pid, &stat, &mut process, used_ns, born, owner_stays);
        } else {
            self.system_ns = self.system_ns.saturating_add(used_ns);
        }
        self.table.insert(pid, process);
        Ok(())
    }

    fn newcomer(&self, stat: &Stat, born: bool) -> Process {
        let start_ns = stat.start_ticks.saturating_mul(self.tick_ns);
        Process {
            start_ticks: stat.start_ticks,
            clock_ns: 0,
            uid: 0,
            account: false,
            kernel: stat.kernel,
            ppid: 0,
            command: stat.command,
            seen: 0,
            counted_ns: if born { start_ns.clamp(self.before_ns, self.now_ns) } else { self.now_ns },
            memory: Memory::default(),
            share: ShareState::Unknown,
            urgent: false,
            share_due: 0,
            kib: 0,
            faults: 0,
            io: IoState::Untracked,
        }
    }

    fn count(&mut self, pid: u32, stat: &Stat, p: &mut Process, used_ns: u64, born: bool, owner_stays: bool) {
        if owner_stays {
            self.shares.moved(self.sweep, pid, p);
        } else {
            // Its memory is taken to have been what it is now since it was born.
            p.kib = p.share.share().of(p.memory);
            self.shares.meet(&mut self.root, self.sweep, pid, p);
        }
        let past = if born { Past::Counts } else { Past::Primed };
        let io = threads::look(&mut self.root, &mut self.tids, pid, stat, &p.io, past);
        if let Some(why) = &io.missed {
            self.tally.io_missed(p.uid, why);
        }
        p.io = io.state;
        let Some(account) = self.by_uid.get_mut(&p.uid) else { return };
        if matches!(p.io, IoState::Threads(_)) {
            account.uses.io.measured();
        }
        account.uses.io.add(io.used);
        account.uses.cpu.add_ns(used_ns);
        let command = account.commands.of(p.command);
        command.cpu_ns = command.cpu_ns.saturating_add(used_ns);
        if born {
            account.uses.processes.started();
        }
        p.pass(account, self.now_ns);
        self.tally.process(p);
    }

    /// Counts the time of open sessions since the sweep before.
    pub(super) fn follow_sessions(&mut self) {
        self.tally.utmp = self.utmp.refresh().err();
        let table = &self.table;
        let sshd = table.iter().filter(|(_, p)| p.account && p.peer().sshd).map(|(pid, _)| *pid);
        let open = session::open_sessions(
            sshd,
            self.utmp.records(),
            |pid| table.get(&pid).map(Process::peer),
            |uid| self.accounts.is_account(uid),
            |user| self.accounts.uid_of(user),
        );
        let window_ns = self.window_ns();
        for (pid, uid) in &open {
            let ns = if self.sessions.get(pid) == Some(uid) {
                window_ns
            } else {
                let start = self.table.get(pid).map_or(0, |p| p.start_ticks.saturating_mul(self.tick_ns));
                self.now_ns.saturating_sub(start).min(window_ns)
            };
            if self.admit(*uid)
                && let Some(account) = self.by_uid.get_mut(uid)
            {
                account.uses.sessions.open(ns);
            }
        }
        self.sessions = open;
    }
}
