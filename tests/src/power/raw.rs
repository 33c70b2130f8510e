//! The one system call of a power cut that has no safe form.
#![allow(unsafe_code, reason = "the ioctl that ends a file system at once has no safe wrapper")]

use std::fs::File;
use std::os::fd::AsRawFd;

/// `EXT4_GOING_FLAGS_NOLOGFLUSH` of the kernel's `fs/ext4/ext4.h`: not even the journal is written any more.
const NOTHING_MORE: u32 = 2;

nix::ioctl_read!(
    /// `EXT4_IOC_SHUTDOWN` (`FS_IOC_SHUTDOWN`), which file systems of Linux are tested with.
    shutdown, b'X', 125, u32
);

/// Ends the file system that holds this directory: nothing that is in memory reaches the disk any more.
pub(super) fn shut_down(dir: &File) -> std::io::Result<()> {
    let mut how = NOTHING_MORE;
    // SAFETY: the kernel reads one number, which lives until the call returns.
    unsafe { shutdown(dir.as_raw_fd(), &raw mut how) }?;
    Ok(())
}
