//! I/O of a process as the sum of its threads.
//!
//! A thread that ends between two sweeps loses what it did since the last one. If a thread other than the first runs
//! exec(2), it takes over the first one's id with its own counters; falling counters only move the baseline then.

use crate::proc::io::{self, IoCounters};
use crate::proc::stat::{self, Stat};
use crate::proc::{ProcRoot, Unread};

/// Why the I/O of a process is not read at all.
const TOO_MANY: &str = "a process has more threads than are looked at";

/// One thread as it was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thread {
    tid: u32,
    start_ticks: u64,
    counters: IoCounters,
}

/// What is known about a process's I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IoState {
    /// Not looked at: it was no account's process so far.
    Untracked,
    /// Could not be read: the next look is the baseline.
    Unread,
    /// Threads by rising id.
    Threads(Vec<Thread>),
}

/// Whether what a process did so far counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// It was born under our eyes: all of it counts.
    Counts,
    /// It was there before: this look is the baseline.
    Primed,
}

/// What a look gave.
#[derive(Debug)]
pub(super) struct IoLook {
    /// State to keep.
    pub state: IoState,
    /// Used since the last look.
    pub used: IoCounters,
    /// Whether some of it could not be read, and why.
    pub missed: Option<Unread>,
}

impl IoLook {
    fn nothing(state: IoState, why: Unread) -> Self {
        Self { state, used: IoCounters::default(), missed: Some(why) }
    }
}

/// Reads the I/O of the threads of a process and compares it with `before`.
pub(super) fn look(
    root: &mut ProcRoot,
    tids: &mut Vec<u32>,
    pid: u32,
    stat: &Stat,
    before: &IoState,
    past: Past,
) -> IoLook {
    // With one thread it is the first one: that stays listed until all others have ended.
    tids.clear();
    tids.push(pid);
    if stat.threads > 1 {
        match root.tids(pid, tids) {
            Ok(true) => {}
            // Which threads would be left out may change, so none is taken.
            Ok(false) => return IoLook::nothing(IoState::Unread, Unread::Fault(TOO_MANY.to_owned())),
            Err(e) => return IoLook::nothing(before.clone(), e),
        }
    }
    tids.sort_unstable();
    let known: &[Thread] = if let IoState::Threads(threads) = before { threads } else { &[] };
    // Threads that a tracked process did not have are new; those of one that was not tracked are a baseline.
    let tracked = matches!(before, IoState::Threads(_));
    let past = if tracked { Past::Counts } else { past };
    let mut threads = Vec::with_capacity(tids.len());
    let (mut used, mut missed) = (IoCounters::default(), None);
    for tid in tids.iter().copied() {
        let old = known.binary_search_by_key(&tid, |t| t.tid).ok().and_then(|i| known.get(i));
        match thread(root, pid, tid, stat, old, past) {
            Ok((thread, more)) => {
                threads.push(thread);
                used = used.plus(more);
            }
            Err(Unread::Gone) if tid != pid => {}
            // The first thread is away for a moment while another one takes its place by exec(2).
            Err(e) => {
                // What is known of it stays, so that its past is not counted again.
                threads.extend(old);
                missed = Some(e);
            }
        }
    }
    let state = if tracked || missed.is_none() { IoState::Threads(threads) } else { IoState::Unread };
    IoLook { state, used, missed }
}

fn thread(
    root: &mut ProcRoot,
    pid: u32,
    tid: u32,
    stat: &Stat,
    old: Option<&Thread>,
    past: Past,
) -> Result<(Thread, IoCounters), Unread> {
    let counters = io::read(root, pid, tid)?;
    if let Some(old) = old.filter(|t| t.counters == counters) {
        return Ok((*old, IoCounters::default()));
    }
    let start_ticks = if tid == pid { stat.start_ticks } else { stat::thread_start(root, pid, tid)? };
    let used = match old.filter(|t| t.start_ticks == start_ticks) {
        Some(old) => counters.since(old.counters).unwrap_or_default(),
        None if past == Past::Counts => counters,
        None => IoCounters::default(),
    };
    Ok((Thread { tid, start_ticks, counters }, used))
}
