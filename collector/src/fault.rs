//! Fail points: named places where a test kills the process.
//!
//! They are compiled into this crate's own tests alone; in a program [`at`] is empty and costs nothing, so that no
//! environment can end a collector that was shipped. A point stands before the step that it is named after.

/// Every point, so that a test can go through all of them and none is forgotten.
#[cfg(test)]
pub(crate) const POINTS: &[&str] = &[
    "write.seal",
    "write.commit",
    "write.committed",
    "write.answer",
    "journal.cut",
    "journal.segment",
    "journal.segment.sync",
    "journal.segment.dir",
    "journal.append",
    "journal.append.torn",
    "journal.sync",
    "journal.synced",
    "count.write",
    "count.advance",
    "count.done",
    "forward.put",
    "forward.done",
    "notice.fill",
    "notice.send",
    "notice.sent",
    "notice.settled",
];

/// Passes a point.
#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn at(_point: &'static str) {}

#[cfg(test)]
pub(crate) use armed::at;

#[cfg(test)]
mod armed {
    use super::POINTS;
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The process is killed at a point: `HOSTMETER_FAULT=POINT=N` names the time that counts, from 1.
    const VARIABLE: &str = "HOSTMETER_FAULT";

    static PASSED: AtomicU32 = AtomicU32::new(0);

    pub(crate) fn at(point: &'static str) {
        assert!(POINTS.contains(&point), "{point} is not in the list of points");
        if let Ok(text) = std::env::var(VARIABLE)
            && let Some((name, nth)) = text.split_once('=')
            && name == point
            && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == nth.parse::<u32>().unwrap()
        {
            let _sent = kill_process(getpid(), Signal::KILL);
            unreachable!("SIGKILL cannot be ignored");
        }
    }
}
