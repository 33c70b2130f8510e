//! The programs in the kernel: loading, attaching, and reading what they write.

use super::cgroup;
use super::layout::{
    COMMANDS_MAX, CommandRow, Control, Order, RANGES_MAX, Range, Record, SLOTS_MAX, SessionRow, ShareRow,
    Usage,
};
use super::pins::Pins;
use crate::limits::WALK_EVERY;
use hostmeter_core::ids::BootId;
use libbpf_rs::{
    ErrorKind, Iter, Link, MapCore as _, MapFlags, MapHandle, Object, ObjectBuilder, OpenObject, PrintLevel,
};
use std::collections::HashSet;
use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What clang made of `bpf/`.
const OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostmeter.bpf.o"));
/// The programs that a sweep runs, over all tasks or over those that ran; every agent loads them anew.
const WALK: &str = "hm_walk";
const VISIT: &str = "hm_visit";
/// The program that tells what every slot used; every agent loads it anew, too.
const TOLD: &str = "hm_told";
/// The programs that go on without an agent. The last one is pinned last, so that it tells that all are.
const STANDING: [&str; 2] = ["hm_exited", "hm_switched"];
/// The programs that count packets; they go on, too, where they can be attached.
const NETWORK: [&str; 2] = ["hm_received", "hm_sent"];
/// Names and sizes of value of the maps.
const MAPS: [(&str, usize); 14] = [
    (CONTROL, Control::BYTES),
    (ORDER, Order::BYTES),
    (RANGES, Range::BYTES),
    (ALIASES, 4),
    (SLOTS, 4),
    (USAGE, Usage::BYTES),
    (SHARES, ShareRow::BYTES),
    (SESSIONS, 8),
    (OPEN, SessionRow::VALUE_BYTES),
    ("hm_ran", 8),
    ("hm_ran_groups", 8),
    ("hm_names", 4),
    (COMMANDS, CommandRow::BYTES),
    ("hm_given_back", 4),
];
const CONTROL: &str = "hm_control";
const ORDER: &str = "hm_order";
const RANGES: &str = "hm_ranges";
const ALIASES: &str = "hm_aliases";
const SLOTS: &str = "hm_slots";
const USAGE: &str = "hm_usage";
const SHARES: &str = "hm_shares";
const SESSIONS: &str = "hm_sessions";
const OPEN: &str = "hm_open";
const COMMANDS: &str = "hm_commands";
/// Tasks' storage is reached by the programs alone.
const TASKS: &str = "hm_tasks";
/// The kernel's own types.
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// Entries asked for by one call.
const BATCH: u32 = 256;
/// Slots that are told by one call: they fit into the buffer of an iterator.
const SLOTS_AT_ONCE: usize = 256;
/// Bytes read at once from a sweep: more than it may tell.
const SWEEP_BYTES: usize = 32 * 1024;

/// Why the eBPF tier cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The kernel or the rights do not allow it.
    #[error("the kernel does not take the programs: {0}")]
    Load(String),
    /// They were taken, and something failed then.
    #[error("{what}: {why}")]
    Use {
        /// What was done.
        what: &'static str,
        /// What the kernel said.
        why: String,
    },
    /// Figures could not be kept in the BPF file system.
    #[error("{path}: {why}")]
    Pins {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A bug: program and agent do not fit together.
    #[error("{0} has not the layout that this agent knows")]
    Layout(&'static str),
}

/// Names of the maps that outlive an agent.
fn kept() -> impl Iterator<Item = &'static str> {
    MAPS.iter().map(|(name, _)| *name).chain([TASKS])
}

fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> KernelError {
    move |e| KernelError::Use { what, why: e.to_string() }
}

/// The attached programs and their maps.
pub struct Programs {
    control: MapHandle,
    order: MapHandle,
    ranges: MapHandle,
    aliases: MapHandle,
    slots: MapHandle,
    ranges_count: u32,
    shares: MapHandle,
    sessions: MapHandle,
    open: MapHandle,
    commands: MapHandle,
    walk: Link,
    told: Link,
    /// `None` where the kernel finds no task by its pid (before Linux 6.2).
    visit: Option<Link>,
    /// When it was walked last; `None`: the next sweep walks.
    walked: Option<Instant>,
    /// What was ordered last.
    ordered: Option<Order>,
    /// Without pins, the standing programs end with these.
    _standing: Vec<Link>,
    /// Why packets are not counted.
    no_network: Option<String>,
    pins: Option<Pins>,
    resumed: bool,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Programs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Programs")
            .field("pins", &self.pins)
            .field("resumed", &self.resumed)
            .finish_non_exhaustive()
    }
}

impl Programs {
    /// Loads and attaches the programs. With `bpffs`, they and their figures outlive the agent, and those of an agent
    /// before this one in the same boot go on. `begun_ns` is the monotonic clock now, `map_id` a random number.
    ///
    /// Needs `CAP_BPF` and `CAP_PERFMON` (or root), and BTF (`CONFIG_DEBUG_INFO_BTF`), Linux 5.17 or later.
    pub fn open(bpffs: Option<&Path>, boot: BootId, begun_ns: u64, map_id: u64) -> Result<Self, KernelError> {
        libbpf_rs::set_print(Some((PrintLevel::Info, say)));
        let pins = bpffs.map(|path| Pins::open(path, boot)).transpose()?;
        let resumed = pins.as_ref().is_some_and(|p| p.has_all(kept().chain(STANDING)));
        if let Some(pins) = pins.as_ref().filter(|_| !resumed) {
            // What an agent left that was killed while it set up counts for nothing yet.
            pins.clear()?;
        }
        let object = load(pins.as_ref().filter(|_| resumed))?;
        if !resumed {
            let cpus = libbpf_rs::num_possible_cpus().map_err(failed("counting CPUs"))?;
            let cpus = u32::try_from(cpus).unwrap_or(u32::MAX);
            put(&map(&object, CONTROL)?, 0, &Control::begin(begun_ns, map_id, cpus))?;
        }
        let mut standing = if resumed { Vec::new() } else { attach(&object, pins.as_ref())? };
        let mut no_network = None;
        if !pins.as_ref().is_some_and(|p| p.has_all(NETWORK)) {
            match attach_network(&object, pins.as_ref()) {
                Ok(links) => standing.extend(links),
                Err(why) => no_network = Some(why.to_string()),
            }
        }
        Ok(Self {
            control: map(&object, CONTROL)?,
            order: map(&object, ORDER)?,
            ranges: map(&object, RANGES)?,
            aliases: map(&object, ALIASES)?,
            slots: map(&object, SLOTS)?,
            ranges_count: 0,
            shares: map(&object, SHARES)?,
            sessions: map(&object, SESSIONS)?,
            open: map(&object, OPEN)?,
            commands: map(&object, COMMANDS)?,
            walk: link(&object, WALK)?,
            told: over(&object, TOLD, USAGE)?,
            visit: Some(over(&object, VISIT, CONTROL)?),
            walked: None,
            ordered: None,
            _standing: standing,
            no_network,
            pins,
            resumed,
            buffer: Vec::with_capacity(SWEEP_BYTES),
        })
    }

    /// Whether figures of an agent before this one go on.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// Whether the figures outlive this agent.
    pub fn pinned(&self) -> bool {
        self.pins.is_some()
    }

    /// Why packets are not counted; `None` if they are.
    pub fn no_network(&self) -> Option<&str> {
        self.no_network.as_deref()
    }

    /// Sweeps: looks at the tasks that ran since the sweep before, which was number `before`, or walks over all of them
    /// where that is due. With `top`, commands are listed, too.
    pub(super) fn sweep(&mut self, top: bool, before: u64) -> Result<(Vec<Record>, Control), KernelError> {
        self.order(Order { top, ranges: self.ranges_count })?;
        let walk_is_due = self.walked.is_none_or(|walked| walked.elapsed() >= WALK_EVERY);
        if !walk_is_due && let Some(told) = self.look_at_those_that_ran(before)? {
            return Ok(told);
        }
        let records = run(&self.walk, &mut self.buffer)?;
        self.walked = Some(Instant::now());
        Ok((records, self.control()?))
    }

    /// `None` where the kernel cannot do it.
    fn look_at_those_that_ran(&mut self, before: u64) -> Result<Option<(Vec<Record>, Control)>, KernelError> {
        let Some(visit) = &self.visit else { return Ok(None) };
        let mut records = run(visit, &mut self.buffer)?;
        let mut control = self.control()?;
        // A run looks at so many tasks at most.
        while control.more {
            records.extend(run(visit, &mut self.buffer)?);
            control = self.control()?;
        }
        if control.sweep == before {
            tracing::info!("this kernel finds no task by its pid: every sweep walks over all tasks");
            self.visit = None;
            return Ok(None);
        }
        Ok(Some((records, control)))
    }

    /// Has the next sweep walk over all tasks: there is something to be learnt of those that sleep.
    pub(super) fn walk_next(&mut self) {
        self.walked = None;
    }

    fn order(&mut self, order: Order) -> Result<(), KernelError> {
        if self.ordered != Some(order) {
            put(&self.order, 0, &order.bytes())?;
            self.ordered = Some(order);
        }
        Ok(())
    }

    /// Says whose uids of user namespaces are; ranges in order, of which at most [`RANGES_MAX`] are used. `slots` are
    /// the uids that slots were given to: what the programs remember of others is forgotten.
    pub(super) fn set_ranges(&mut self, ranges: &[Range], slots: &HashSet<u32>) -> Result<(), KernelError> {
        // While they are written none is in force; what comes then gets a slot of its own.
        self.ranges_count = 0;
        self.order(Order { top: false, ranges: 0 })?;
        let used = ranges.get(..RANGES_MAX).unwrap_or(ranges);
        for (key, range) in (0..).zip(used) {
            put(&self.ranges, key, &range.bytes())?;
        }
        let remembered: Vec<Vec<u8>> = self.slots.keys().collect();
        for key in remembered {
            let uid = key.as_slice().try_into().map(u32::from_ne_bytes);
            if !uid.is_ok_and(|uid| slots.contains(&uid)) {
                // It may be gone by now.
                let _gone = self.slots.delete(&key);
            }
        }
        put(&self.aliases, 0, &0_u32.to_ne_bytes())?;
        self.ranges_count = u32::try_from(used.len()).unwrap_or(0);
        self.order(Order { top: false, ranges: self.ranges_count })
    }

    /// What holds for all.
    pub(super) fn control(&self) -> Result<Control, KernelError> {
        let bytes = get(&self.control, 0)?;
        Control::read(&bytes).ok_or(KernelError::Layout(CONTROL))
    }

    /// Every slot given away, by its number.
    pub(super) fn usage(&mut self, used: u32) -> Result<Vec<Usage>, KernelError> {
        let most = usize::try_from(used.min(SLOTS_MAX)).unwrap_or(usize::MAX);
        let mut out = Vec::with_capacity(most);
        let mut iter = Iter::new(&self.told).map_err(failed("reading usage"))?;
        while out.len() < most {
            let wanted = most.saturating_sub(out.len()).min(SLOTS_AT_ONCE).saturating_mul(Usage::TOLD_BYTES);
            self.buffer.resize(SWEEP_BYTES.max(wanted), 0);
            let place = self.buffer.get_mut(..wanted).unwrap_or_default();
            let told = iter.read(place).map_err(failed("reading usage"))?;
            // Whole slots, as there is room for whole slots.
            let slots = self.buffer.get(..told).unwrap_or_default().chunks_exact(Usage::TOLD_BYTES);
            if slots.len() == 0 || !slots.remainder().is_empty() {
                return Err(KernelError::Layout(USAGE));
            }
            for slot in slots {
                out.push(Usage::read(slot).ok_or(KernelError::Layout(USAGE))?);
            }
        }
        Ok(out)
    }

    /// The commands that the last list tells of; `used` numbers were given away.
    pub(super) fn commands(&self, used: u32) -> Result<Vec<CommandRow>, KernelError> {
        let used = used.min(COMMANDS_MAX);
        let rows = self.commands.lookup_batch(used.clamp(1, BATCH), MapFlags::ANY, MapFlags::ANY);
        let rows = rows.map_err(failed("reading commands"))?;
        let most = usize::try_from(used).unwrap_or(usize::MAX);
        let rows: Option<Vec<CommandRow>> =
            rows.take(most).map(|(_, value)| CommandRow::read(&value)).collect();
        let rows = rows.ok_or(KernelError::Layout(COMMANDS))?;
        // The iterator ends early where a call fails, and does not say so.
        if rows.len() < most {
            return Err(KernelError::Use {
                what: "reading commands",
                why: "not every command was read".to_owned(),
            });
        }
        Ok(rows)
    }

    /// Tells the share of a uid's pages, and whether it may be sampled.
    pub(super) fn set_share(&self, slot: u32, share: ShareRow) -> Result<(), KernelError> {
        put(&self.shares, slot, &share.bytes())
    }

    /// Says that processes of a slot may be sampled. A share known from before stays in force.
    pub(super) fn want_share(&self, slot: u32) -> Result<(), KernelError> {
        let mut bytes = get(&self.shares, slot)?;
        let wanted = bytes.first_chunk_mut().ok_or(KernelError::Layout(SHARES))?;
        *wanted = 1_u32.to_ne_bytes();
        put(&self.shares, slot, &bytes)
    }

    /// Milliseconds of sessions of a slot.
    pub(super) fn session_ms(&self, slot: u32) -> Result<u64, KernelError> {
        let bytes = get(&self.sessions, slot)?;
        bytes.as_slice().try_into().map(u64::from_ne_bytes).map_err(|_| KernelError::Layout(SESSIONS))
    }

    /// Sets them.
    pub(super) fn set_session_ms(&self, slot: u32, ms: u64) -> Result<(), KernelError> {
        put(&self.sessions, slot, &ms.to_ne_bytes())
    }

    /// Children of the SSH server that became their user.
    pub(super) fn open_sessions(&self) -> Result<Vec<SessionRow>, KernelError> {
        let rows = self.open.lookup_batch(BATCH, MapFlags::ANY, MapFlags::ANY);
        let rows = rows.map_err(failed("reading sessions"))?;
        Ok(rows.filter_map(|(key, value)| SessionRow::read(&key, &value)).collect())
    }
}

/// Runs a program of a sweep to its end, and takes what it tells.
fn run(link: &Link, buffer: &mut Vec<u8>) -> Result<Vec<Record>, KernelError> {
    let mut iter = Iter::new(link).map_err(failed("beginning a sweep"))?;
    buffer.resize(SWEEP_BYTES, 0);
    let mut records = Vec::new();
    loop {
        match iter.read(buffer) {
            Ok(0) => return Ok(records),
            Ok(n) => {
                let told = buffer.get(..n).unwrap_or_default();
                records.extend(told.chunks_exact(Record::BYTES).filter_map(Record::read));
            }
            // The kernel pauses after a million tasks without a word.
            Err(e)
                if matches!(e.kind(), std::io::ErrorKind::Interrupted | std::io::ErrorKind::WouldBlock) => {}
            Err(e) => return Err(failed("a sweep")(e)),
        }
    }
}

/// What libbpf tells of its work; the verifier's reasons are among it.
#[allow(clippy::needless_pass_by_value, reason = "libbpf-rs wants this signature")]
fn say(_level: PrintLevel, text: String) {
    tracing::debug!("{}", text.trim_end());
}

fn open_object() -> Result<OpenObject, KernelError> {
    let mut builder = ObjectBuilder::default();
    builder.name("hostmeter").map_err(failed("naming the programs"))?;
    builder.open_memory(OBJECT).map_err(failed("opening the programs"))
}

fn load(pinned: Option<&Pins>) -> Result<Object, KernelError> {
    let mut open = open_object()?;
    if let Some(pins) = pinned {
        for mut map in open.maps_mut() {
            let name = kept().find(|name| map.name() == *name);
            if let Some(path) = name.map(|name| pins.path(name)) {
                map.reuse_pinned_map(path).map_err(failed("going on with pinned figures"))?;
            }
        }
        for mut program in open.progs_mut() {
            // The standing ones run already.
            let runs = STANDING.iter().any(|name| program.name() == *name);
            program.set_autoload(!runs);
        }
    }
    let object = open.load().map_err(|e| KernelError::Load(explain(&e)))?;
    for (name, bytes) in MAPS {
        if usize::try_from(map(&object, name)?.value_size()).ok() != Some(bytes) {
            return Err(KernelError::Layout(name));
        }
    }
    Ok(object)
}

fn explain(e: &libbpf_rs::Error) -> String {
    let hint = match e.kind() {
        ErrorKind::PermissionDenied => " (root, or the capabilities CAP_BPF and CAP_PERFMON, are needed)",
        // libbpf says ESRCH, which has no kind.
        _ if !Path::new(BTF).exists() => " (it has no BTF: CONFIG_DEBUG_INFO_BTF)",
        _ => "",
    };
    format!("{e}{hint}")
}

fn map(object: &Object, name: &'static str) -> Result<MapHandle, KernelError> {
    let map = object.maps().find(|m| m.name() == name).ok_or(KernelError::Layout(name))?;
    MapHandle::try_from(&map).map_err(failed("opening a map"))
}

fn link(object: &Object, name: &'static str) -> Result<Link, KernelError> {
    let program = object.progs_mut().find(|p| p.name() == name).ok_or(KernelError::Layout(name))?;
    program.attach().map_err(failed("attaching a program"))
}

/// A program that goes over the entries of a map. The one that looks at tasks that ran goes over the only entry of one, so
/// that it is run once.
fn over(object: &Object, name: &'static str, entries: &'static str) -> Result<Link, KernelError> {
    let program = object.progs_mut().find(|p| p.name() == name).ok_or(KernelError::Layout(name))?;
    program.attach_iter(map(object, entries)?.as_fd()).map_err(failed("attaching a program"))
}

/// Attaches the standing programs, and pins them after the maps.
fn attach(object: &Object, pins: Option<&Pins>) -> Result<Vec<Link>, KernelError> {
    if let Some(pins) = pins {
        for name in kept() {
            map(object, name)?.pin(pins.path(name)).map_err(failed("pinning a map"))?;
        }
    }
    let mut links = Vec::new();
    for name in STANDING {
        links.push(link(object, name)?);
    }
    if let Some(pins) = pins {
        for (name, link) in STANDING.iter().zip(&mut links) {
            link.pin(pins.path(name)).map_err(failed("pinning a program"))?;
        }
    }
    Ok(links)
}

/// Attaches the programs that count packets to the root of the cgroup hierarchy, above every socket, and pins them.
fn attach_network(object: &Object, pins: Option<&Pins>) -> Result<Vec<Link>, KernelError> {
    let root = cgroup::root()?;
    if let Some(pins) = pins {
        // One that an agent left alone that was killed here would count beside the new one.
        NETWORK.iter().try_for_each(|name| pins.remove(name))?;
    }
    let mut links = Vec::new();
    for name in NETWORK {
        let program = object.progs_mut().find(|p| p.name() == name).ok_or(KernelError::Layout(name))?;
        links.push(program.attach_cgroup(root.as_raw_fd()).map_err(|e| not_attached(&e))?);
    }
    if let Some(pins) = pins {
        for (name, link) in NETWORK.iter().zip(&mut links) {
            link.pin(pins.path(name)).map_err(failed("pinning a program"))?;
        }
    }
    Ok(links)
}

fn not_attached(e: &libbpf_rs::Error) -> KernelError {
    let hint = match e.kind() {
        ErrorKind::PermissionDenied => " (root, or the capability CAP_NET_ADMIN, is needed)",
        _ => "",
    };
    KernelError::Use { what: "attaching to the cgroup hierarchy", why: format!("{e}{hint}") }
}

fn get(map: &MapHandle, key: u32) -> Result<Vec<u8>, KernelError> {
    let value = map.lookup(&key.to_ne_bytes(), MapFlags::ANY).map_err(failed("reading a map"))?;
    value.ok_or(KernelError::Layout("an entry of an array"))
}

fn put(map: &MapHandle, key: u32, value: &[u8]) -> Result<(), KernelError> {
    map.update(&key.to_ne_bytes(), value, MapFlags::ANY).map_err(failed("writing a map"))
}
