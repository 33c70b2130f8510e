//! Fail points: named places where a test kills the process or lets a step of writing fail, and word of what became
//! durable. A point stands before the step that it is named after.
//!
//! Killing by the environment is compiled into this crate's own tests alone. In a program only code that is linked in
//! can be a [`Watcher`], and no shipped program sets one, so that nothing outside can make an agent or executor fail.

use std::cell::RefCell;
use std::io;
use std::path::Path;

/// Who looks on while this thread writes: the disk of a simulation.
pub trait Watcher {
    /// Before the step of this name.
    ///
    /// # Errors
    /// What the step is to give instead of being done.
    fn before(&mut self, point: &'static str) -> io::Result<()>;

    /// What stands in this file, or which names are in this directory, outlives a power cut from now on.
    fn synced(&mut self, path: &Path);
}

thread_local! {
    static WATCHER: RefCell<Option<Box<dyn Watcher>>> = const { RefCell::new(None) };
}

/// Sets who looks on, or nobody.
pub fn watch(watcher: Option<Box<dyn Watcher>>) {
    WATCHER.set(watcher);
}

/// Says what became durable.
pub(crate) fn synced(path: &Path) {
    WATCHER.with_borrow_mut(|w| {
        if let Some(watcher) = w {
            watcher.synced(path);
        }
    });
}

fn watched(point: &'static str) -> io::Result<()> {
    WATCHER.with_borrow_mut(|w| w.as_mut().map_or(Ok(()), |watcher| watcher.before(point)))
}

/// Every point, so that a test can go through all of them and none is forgotten.
#[cfg(test)]
pub(crate) const POINTS: &[&str] = &[
    "spool.segment",
    "spool.segment.dir",
    "spool.write",
    "spool.write.torn",
    "spool.sync",
    "spool.durable",
    "spool.trim",
    "scan.cut",
    "scan.cut.sync",
    "scan.copy",
    "scan.copy.sync",
    "scan.aside",
    "scan.aside.dir",
    "scan.rename",
    "scan.remove",
    "scan.dir",
    "state.write",
    "state.sync",
    "state.rename",
    "state.dir",
    "rotation.rename",
    "rotation.dir",
    "record.write",
    "record.sync",
    "record.rename",
    "record.dir",
];

/// Passes a point. An error is what the step would have given.
#[cfg(not(test))]
pub(crate) fn at(point: &'static str) -> io::Result<()> {
    watched(point)
}

#[cfg(test)]
pub(crate) use armed::{arm, at, disarm};

#[cfg(test)]
mod armed {
    use super::{POINTS, io};
    use rustix::process::{Signal, getpid, kill_process};
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A whole process is killed at a point: `HOSTMETER_FAULT=POINT=N` names the time that counts, from 1.
    pub(crate) const VARIABLE: &str = "HOSTMETER_FAULT";

    static PASSED: AtomicU32 = AtomicU32::new(0);

    thread_local! {
        /// For tests in one process: the point, and the error number of its step.
        static HERE: RefCell<Option<(&'static str, i32)>> = const { RefCell::new(None) };
    }

    /// Lets the next time at this point fail with this error number, on this thread; later times pass.
    pub(crate) fn arm(point: &'static str, errno: i32) {
        HERE.set(Some((point, errno)));
    }

    /// Lets everything pass; `true` if the armed point was never reached.
    pub(crate) fn disarm() -> bool {
        HERE.take().is_some()
    }

    pub(crate) fn at(point: &'static str) -> io::Result<()> {
        assert!(POINTS.contains(&point), "{point} is not in the list of points");
        if let Ok(text) = std::env::var(VARIABLE)
            && let Some((name, nth)) = text.split_once('=')
            && name == point
            && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == nth.parse::<u32>().unwrap()
        {
            die();
        }
        match HERE.with_borrow_mut(|here| here.take_if(|(armed, _)| *armed == point)) {
            Some((_, errno)) => Err(io::Error::from_raw_os_error(errno)),
            None => super::watched(point),
        }
    }

    fn die() -> ! {
        let _sent = kill_process(getpid(), Signal::KILL);
        unreachable!("SIGKILL cannot be ignored")
    }
}
