//! Readings of what the kernel added up.

use super::layout::{Control, NO_SLOT, Range, Usage};
use super::programs::{KernelError, Programs};
use super::sessions::Sessions;
use super::shares::Shares;
use crate::accounts::{Accounts, Bounds, HomeInodes};
use crate::by_meter::ByMeter;
use crate::host;
use crate::host_window::HostWindow;
use crate::meter::memory::DoubleKibNs;
use crate::proc::ProcRoot;
use crate::proc::command::Command;
use crate::proc::cpu_clock::{Clocks, KernelClocks};
use crate::reading::{AccountReading, HostReading, Reading, Source};
use crate::sampler::{SampleError, SamplerConfig};
use crate::session::Utmp;
use crate::top::Commands;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Coverage, Gap, GapMeter, TopCommand};
use std::collections::BTreeMap;
use std::path::Path;

/// All, in millionths.
const ALL_PPM: u32 = 1_000_000;
/// Twice a KiB·ms in KiB·ns, the unit in which commands are added up.
const DOUBLE_KIB_NS: DoubleKibNs = 2_000_000;

/// Samples this host by the programs in its kernel.
#[derive(Debug)]
pub struct KernelSampler {
    programs: Programs,
    root: ProcRoot,
    clocks: KernelClocks,
    accounts: Accounts,
    utmp: Utmp,
    source: Source,
    tick_ms: u64,
    shares: Shares,
    sessions: Sessions,
    homes: HomeInodes,
    host: HostWindow,
    /// By slot: whose it was, and what of it came before that.
    slots: Vec<Slot>,
    /// Uids of user namespaces as the programs know them; `None` before they were told.
    ranges: Option<Vec<Range>>,
    /// What held for all after the sweep before.
    control: Control,
    /// Presence by the sweep before, µs, by uid in order.
    present_usec: Vec<(u32, u64)>,
}

/// What is known of a slot.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    owner: Option<u32>,
    /// Used while it had another owner, or none.
    earlier: Usage,
    session_ms: u64,
    /// Open sessions at the last sweep.
    sessions: u64,
}

/// One account's sum over its slots.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    uid: u32,
    usage: Usage,
    session_ms: u64,
    sessions: u64,
}

impl KernelSampler {
    /// Loads the programs, or goes on with those pinned below `bpffs`.
    pub fn new(config: &SamplerConfig, bpffs: Option<&Path>) -> Result<Self, SampleError> {
        let mut root = ProcRoot::open(&config.proc_root)?;
        let boot = host::boot_id(&mut root).map_err(SampleError::Boot)?;
        let (accounts, bounds) = config.accounts()?;
        let mut id = [0_u8; 8];
        getrandom::fill(&mut id).map_err(|e| SampleError::Random(e.to_string()))?;
        let clocks = KernelClocks { same_pids: true };
        let programs = Programs::open(bpffs, boot, clocks.monotonic_ns(), u64::from_le_bytes(id))?;
        let control = programs.control()?;
        let map_id = control.map_id ^ rules_id(config, bounds);
        tracing::info!(
            pinned = programs.pinned(),
            resumed = programs.resumed(),
            "metering in the kernel by eBPF"
        );
        let mut sampler = Self {
            programs,
            root,
            clocks,
            accounts,
            utmp: Utmp::new(config.utmp.as_deref()),
            source: Source { boot, tier: "ebpf".to_owned(), map_id },
            tick_ms: host::tick_ns() / 1_000_000,
            shares: Shares::default(),
            sessions: Sessions::default(),
            homes: HomeInodes::default(),
            host: HostWindow::default(),
            slots: Vec::new(),
            ranges: None,
            control,
            present_usec: Vec::new(),
        };
        sampler.set_ranges()?;
        Ok(sampler)
    }

    /// Where the figures come from; the same over a restart if they are pinned.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Sweeps once. With `top`, the reading carries the commands since the last such list.
    pub fn sweep(&mut self, top: bool) -> Result<Reading, SampleError> {
        let mut faults = Vec::new();
        match self.accounts.refresh() {
            Ok(changed) if changed => self.set_ranges()?,
            Ok(_) => {}
            Err(e) => faults.push(e.to_string()),
        }
        let before = self.control;
        let (records, control) = self.programs.sweep(top, before.sweep)?;
        self.control = control;
        let rows = self.programs.usage(control.used)?;
        let window_ms =
            if before.swept_ns == 0 { 0 } else { (control.swept_ns - before.swept_ns) / 1_000_000 };
        let utmp = self.utmp.refresh().err();
        self.meet(&rows)?;
        self.count_sessions(window_ms)?;
        let (sums, system_ns) = self.sums(&rows);
        self.homes.refresh_one(&self.accounts);
        let mut reading = Reading {
            boottime_ns: 0,
            source: self.source.clone(),
            accounts: self.account_readings(&sums, window_ms),
            host: HostReading { processes: i64::try_from(control.processes).ok(), ..HostReading::default() },
            coverage: Coverage { cpu_ppm: None, io_ppm: Some(ALL_PPM), memory_ppm: Some(ALL_PPM) },
            limited: self.limits(&before),
            gaps: utmp.iter().map(|why| no_sessions(why)).collect(),
            top: BTreeMap::new(),
        };
        if top {
            reading.top = self.top()?;
        }
        let accounts_ns = sums.iter().fold(0_u64, |sum, s| sum.saturating_add(s.usage.cpu_ns));
        let clocks = self.clocks;
        let unread =
            self.host.fill(&mut reading, &mut self.root, || clocks.boottime_ns(), (accounts_ns, system_ns));
        faults.extend(unread.iter().map(ToString::to_string));
        if let Some(first) = faults.first() {
            tracing::warn!(first, "some files could not be read");
        }
        // Last, as it takes long: between the sweep and the time of the reading, work would stand in no interval if the
        // agent were killed.
        self.shares.sample(&self.programs, &mut self.root, &records)?;
        Ok(reading)
    }

    /// The uids that places were given to so far.
    #[cfg(test)]
    pub(super) fn uids_with_slots(&mut self) -> Result<Vec<u32>, KernelError> {
        let used = self.programs.control()?.used;
        Ok(self.programs.usage(used)?.iter().map(|row| row.uid).collect())
    }

    /// Tells the programs whose uids of user namespaces are.
    fn set_ranges(&mut self) -> Result<(), KernelError> {
        let ranges = self.accounts.ranges().into_iter();
        let ranges: Vec<Range> = ranges.map(|(first, last, owner)| Range { first, last, owner }).collect();
        // passwd changes often, and ranges hardly ever.
        if self.ranges.as_ref() == Some(&ranges) {
            return Ok(());
        }
        let used = self.programs.control()?.used;
        let slots = self.programs.usage(used)?.iter().map(|row| row.uid).collect();
        self.programs.set_ranges(&ranges, &slots)?;
        self.ranges = Some(ranges);
        Ok(())
    }

    /// Finds whose each slot is.
    fn meet(&mut self, rows: &[Usage]) -> Result<(), KernelError> {
        let known = self.slots.len();
        self.slots.resize(rows.len().max(known), Slot::default());
        for (number, (row, slot)) in (0_u32..).zip(rows.iter().zip(&mut self.slots)) {
            let uid = self.accounts.owner(row.uid);
            let is_account = row.filled && number != NO_SLOT && self.accounts.is_account(uid);
            let owner = Some(uid).filter(|_| is_account);
            if slot.owner == owner {
                continue;
            }
            // A slot that this agent sees for the first time is its owner's from the start: so had it the readings
            // before a restart.
            let is_new = usize::try_from(number).is_ok_and(|n| n >= known);
            slot.earlier = if is_new { Usage::default() } else { *row };
            slot.owner = owner;
            if owner.is_some() {
                slot.session_ms = self.programs.session_ms(number)?;
                self.programs.want_share(number)?;
                // Its share is asked for also where all of its processes sleep.
                self.programs.walk_next();
            }
        }
        Ok(())
    }

    /// Counts the time of open sessions since the sweep before.
    fn count_sessions(&mut self, window_ms: u64) -> Result<(), KernelError> {
        let times = (window_ms, self.clocks.boottime_ns() / 1_000_000, self.tick_ms);
        let rows = if self.control.sessions == 0 { Vec::new() } else { self.programs.open_sessions()? };
        let open = self.sessions.follow(&mut self.root, &self.utmp, &self.accounts, &rows, times);
        self.slots.iter_mut().for_each(|slot| slot.sessions = 0);
        for session in open {
            let slot = (0_u32..).zip(&mut self.slots).find(|(_, slot)| slot.owner == Some(session.uid));
            // Whoever has a session has a process, and so a slot, at the latest by the next sweep.
            let Some((number, slot)) = slot else { continue };
            slot.sessions = slot.sessions.saturating_add(1);
            slot.session_ms = slot.session_ms.saturating_add(session.ms);
            self.programs.set_session_ms(number, slot.session_ms)?;
        }
        Ok(())
    }

    /// Adds up the slots of each account, by uid in order; and CPU time of everything else, nanoseconds.
    fn sums(&self, rows: &[Usage]) -> (Vec<Sum>, u64) {
        let (mut sums, mut system_ns) = (Vec::with_capacity(rows.len()), 0_u64);
        for (row, slot) in rows.iter().zip(&self.slots) {
            let Some(uid) = slot.owner else {
                system_ns = system_ns.saturating_add(row.cpu_ns);
                continue;
            };
            let usage = row.since(&slot.earlier);
            sums.push(Sum { uid, usage, session_ms: slot.session_ms, sessions: slot.sessions });
        }
        sums.sort_unstable_by_key(|sum| sum.uid);
        sums.dedup_by(|next, sum| {
            let is_same = next.uid == sum.uid;
            if is_same {
                sum.usage = sum.usage.plus(&next.usage);
                sum.session_ms = sum.session_ms.saturating_add(next.session_ms);
                sum.sessions = sum.sessions.saturating_add(next.sessions);
            }
            is_same
        });
        (sums, system_ns)
    }

    fn account_readings(&mut self, sums: &[Sum], window_ms: u64) -> BTreeMap<u32, AccountReading> {
        let presence = sums.iter().map(|sum| (sum.uid, sum.usage.present_usec)).collect();
        let before = std::mem::replace(&mut self.present_usec, presence);
        let mut out = Vec::with_capacity(sums.len());
        for Sum { uid, usage, session_ms, sessions } in sums {
            let mut account = AccountReading::named(&self.accounts, &mut self.homes, *uid);
            account.alive = usage.processes > 0 || *sessions > 0;
            let has_network = self.programs.no_network().is_none();
            let network = [(Meter::NetRxBytes, usage.rx_bytes), (Meter::NetTxBytes, usage.tx_bytes)];
            // In the order of the table, as a map by meter is filled best.
            account.counters = [
                (Meter::CpuUsec, usage.cpu_ns / 1_000),
                (Meter::MemoryKibSec, usage.memory_kib_ms / 1_000),
                (Meter::IoReadBytes, usage.read_bytes),
                (Meter::IoWriteBytes, usage.net_written_bytes),
                (Meter::IoOps, usage.ops),
            ]
            .into_iter()
            .chain(network.into_iter().filter(|_| has_network))
            .chain([
                (Meter::SessionSec, session_ms / 1_000),
                (Meter::ProcessStarts, usage.starts),
                (Meter::MemoryUpperKibSec, usage.peak_kib_ms / 1_000),
            ])
            .collect();
            let before = before.binary_search_by_key(uid, |(uid, _)| *uid).ok().and_then(|i| before.get(i));
            let before = before.map(|(_, usec)| *usec);
            let present_usec = usage.present_usec.saturating_sub(before.unwrap_or(usage.present_usec));
            let average = match window_ms.saturating_mul(1_000) {
                0 => usage.processes,
                _ if before.is_none() => usage.processes,
                window_usec => present_usec.div_ceil(window_usec),
            };
            account.gauges =
                ByMeter::from([(Meter::Sessions, level(*sessions)), (Meter::Processes, level(average))]);
            out.push((*uid, account));
        }
        out.into_iter().collect()
    }

    /// The commands of each account since the last list.
    fn top(&self) -> Result<BTreeMap<u32, Vec<TopCommand>>, KernelError> {
        let mut commands = BTreeMap::<u32, Commands>::new();
        for row in self.programs.commands(self.control.commands)?.iter().filter(|row| row.filled) {
            let slot = usize::try_from(row.slot).ok().and_then(|n| self.slots.get(n));
            let Some(uid) = slot.and_then(|s| s.owner) else { continue };
            let used = commands.entry(uid).or_default().of(Command::new(&row.name));
            used.cpu_ns = used.cpu_ns.saturating_add(row.cpu_ns);
            used.memory = used.memory.saturating_add(DOUBLE_KIB_NS.saturating_mul(row.memory_kib_ms.into()));
            used.processes = used.processes.saturating_add(row.processes);
        }
        let lists = commands.into_iter().map(|(uid, mut commands)| (uid, commands.take()));
        Ok(lists.filter(|(_, list)| !list.is_empty()).collect())
    }

    /// What is not seen as it should be, for people.
    fn limits(&self, before: &Control) -> String {
        let now = &self.control;
        let mut parts = Vec::new();
        let no_network = self.programs.no_network().map(|why| format!("network is not metered: {why}"));
        parts.extend(no_network.as_deref());
        // Most of what finds no room ends between two sweeps.
        if now.misplaced > before.misplaced {
            parts.push("too many uids, or no memory for them in the kernel: some use is counted as system");
        }
        if now.unstored > before.unstored {
            parts.push("no memory in the kernel for the state of some tasks: they are counted later");
        }
        if self.shares.denied() {
            parts.push("may not read which pages processes share (needs CAP_SYS_PTRACE)");
        }
        parts.join("; ")
    }
}

/// Who is an account decides which figures belong to whom, so that figures under other rules are another source.
/// FNV-1a, which is the same in every version of this program.
fn rules_id(config: &SamplerConfig, bounds: Bounds) -> u64 {
    let text = format!("{bounds:?} {:?} {:?}", config.include, config.exclude);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn no_sessions(why: &str) -> Gap {
    Gap { meter: GapMeter::One(Meter::SessionSec), uid: None, reason: why.to_owned() }
}

fn level(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
