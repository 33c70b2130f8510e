//! The system calls of tests that have no safe form. For the storm: `fork` without `exec`, a signal that is ignored, the
//! end of one thread only, and the uid of one thread only; a program of its own for each process would not do, as `exec`
//! costs more CPU than the shortest processes that are measured. For the power cut: the end of a file system at once, and
//! word of every sync.
#![allow(
    unsafe_code,
    reason = "fork, sigaction, exit and uid of one thread, that ioctl, and a C function of our own have no safe form"
)]

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, Pid, fork as fork_raw};
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::OnceLock;

/// Runs `child` in a new process that ends with the status it returns. The caller must have one thread only;
/// [`crate::storm::serve`] checks it.
pub(crate) fn fork(child: impl FnOnce() -> i32) -> Result<Pid, Errno> {
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
pub(crate) fn ignore_ended_children(ignore: bool) -> Result<(), Errno> {
    let handler = if ignore { SigHandler::SigIgn } else { SigHandler::SigDfl };
    // SAFETY: neither disposition runs code of ours.
    unsafe { signal(Signal::SIGCHLD, handler) }.map(|_| ())
}

/// Ends the calling thread and no other: its process lives on in its other threads.
pub(crate) fn end_this_thread() {
    // SAFETY: does not return. What the thread borrowed stays where it is, because its stack is not freed: it is the
    // first thread of its process.
    unsafe {
        libc::syscall(libc::SYS_exit, 0);
    }
}

/// Gives the calling thread, and no other, this real uid; what it may do stays.
pub(crate) fn take_real_uid(uid: u32) -> Result<(), Errno> {
    // SAFETY: changes ids only.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, uid, u32::MAX, u32::MAX) }).map(|_| ())
}

/// `EXT4_GOING_FLAGS_NOLOGFLUSH` of the kernel's `fs/ext4/ext4.h`: not even the journal is written any more.
const NOTHING_MORE: u32 = 2;

nix::ioctl_read!(
    /// `EXT4_IOC_SHUTDOWN` (`FS_IOC_SHUTDOWN`), which file systems of Linux are tested with.
    shutdown, b'X', 125, u32
);

/// Ends the file system that holds this directory: nothing that is in memory reaches the disk any more.
pub(crate) fn shut_down(dir: &File) -> std::io::Result<()> {
    let mut how = NOTHING_MORE;
    // SAFETY: the kernel reads one number, which lives until the call returns.
    unsafe { shutdown(dir.as_raw_fd(), &raw mut how) }?;
    Ok(())
}

/// Told of every sync of this process, once it is set: the file or directory, before the kernel is asked.
static ON_SYNC: OnceLock<fn(BorrowedFd<'_>)> = OnceLock::new();

/// From now on this function is told of every sync of this process, whoever makes it: the standard library, SQLite.
/// The first one stays.
pub(crate) fn on_sync(tell: fn(BorrowedFd<'_>)) {
    let _the_first_stays = ON_SYNC.set(tell);
}

fn told(fd: libc::c_int) {
    if let Some(tell) = ON_SYNC.get()
        && fd >= 0
    {
        // SAFETY: open as long as the caller's call lasts, as for the call itself.
        tell(unsafe { BorrowedFd::borrow_raw(fd) });
    }
}

/// In the place of the C library's, for this program alone.
// SAFETY: the same name, arguments and meaning as in POSIX.
#[unsafe(no_mangle)]
extern "C" fn fsync(fd: libc::c_int) -> libc::c_int {
    told(fd);
    // SAFETY: the system call that this function stands for.
    let done = unsafe { libc::syscall(libc::SYS_fsync, fd) };
    if done == 0 { 0 } else { -1 }
}

/// As [`fsync`].
// SAFETY: the same name, arguments and meaning as in POSIX.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: libc::c_int) -> libc::c_int {
    told(fd);
    // SAFETY: the system call that this function stands for.
    let done = unsafe { libc::syscall(libc::SYS_fdatasync, fd) };
    if done == 0 { 0 } else { -1 }
}
