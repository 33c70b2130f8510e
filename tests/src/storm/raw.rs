//! The four system calls of the storm that have no safe form: `fork` without `exec`, a signal that is ignored,
//! the end of one thread only, and the uid of one thread only. A program of its own for each process would not do: `exec` costs more CPU than the
//! shortest processes that are measured here.
#![allow(unsafe_code, reason = "fork, sigaction, and exit and uid of one thread have no safe wrapper")]

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, Pid, fork as fork_raw};

/// Runs `child` in a new process that ends with the status it returns. The caller must have one thread only;
/// [`super::serve`] checks it.
pub(super) fn fork(child: impl FnOnce() -> i32) -> Result<Pid, Errno> {
    // SAFETY: with one thread, no lock can be held by another when the memory is copied.
    match unsafe { fork_raw() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let status = child();
            // SAFETY: ends the process at once; nothing of the parent's buffers is written twice.
            unsafe { libc::_exit(status) }
        }
    }
}

/// Ignores SIGCHLD, so that the kernel reaps children, or sets its default again.
pub(super) fn ignore_ended_children(ignore: bool) -> Result<(), Errno> {
    let handler = if ignore { SigHandler::SigIgn } else { SigHandler::SigDfl };
    // SAFETY: neither disposition runs code of ours.
    unsafe { signal(Signal::SIGCHLD, handler) }.map(|_| ())
}

/// Ends the calling thread and no other: its process lives on in its other threads.
pub(super) fn end_this_thread() {
    // SAFETY: does not return. What the thread borrowed stays where it is, because its stack is not freed: it is the
    // first thread of its process.
    unsafe {
        libc::syscall(libc::SYS_exit, 0);
    }
}

/// Gives the calling thread, and no other, this real uid; what it may do stays.
pub(super) fn take_real_uid(uid: u32) -> Result<(), Errno> {
    // SAFETY: changes ids only.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, uid, u32::MAX, u32::MAX) }).map(|_| ())
}
