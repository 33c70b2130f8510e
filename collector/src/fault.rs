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
pub(crate) use armed::{STATEMENT, at, count_statements};

#[cfg(test)]
mod armed {
    use super::POINTS;
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The process is killed at a point: `HOSTMETER_FAULT=POINT=N` names the time that counts, from 1.
    const VARIABLE: &str = "HOSTMETER_FAULT";

    /// The process is killed after the N-th SQL statement of the writer of control.db: `HOSTMETER_FAULT_STATEMENT=N`.
    pub(crate) const STATEMENT: &str = "HOSTMETER_FAULT_STATEMENT";

    static PASSED: AtomicU32 = AtomicU32::new(0);

    /// Counts the writer's statements as they finish, and dies after the one that was asked for.
    pub(crate) fn count_statements(conn: &mut rusqlite::Connection) {
        let Ok(text) = std::env::var(STATEMENT) else { return };
        let (last, mut done) = (text.parse::<u32>().unwrap(), 0_u32);
        let count = move |_: rusqlite::trace::TraceEvent<'_>| {
            done += 1;
            if done == last {
                let _sent = kill_process(getpid(), Signal::KILL);
            }
        };
        conn.trace_v2(rusqlite::trace::TraceEventCodes::SQLITE_TRACE_PROFILE, Some(count)).unwrap();
    }

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
