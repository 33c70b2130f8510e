//! The archive of a home, written by tar and verified by reading it again.

use super::home::Home;
use super::walk;
use crate::executor::driver::{DriverError, tool};
use crate::executor::files;
use crate::executor::limits::ARCHIVE_TIMEOUT;
use rustix::fs::{Mode, OFlags, fsync, open};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Makes the archive `ID.tar.zst` (or `.tar.gz` without zstd) and returns its file name. If a verified one is there
/// already, it stays.
pub(super) fn make(home: &Home, dir: &Path, id: &str) -> Result<String, DriverError> {
    files::private_dir(dir).map_err(|e| DriverError::failed(e.to_string()))?;
    let (packer, suffix) = match tool::find("zstd") {
        Ok(_) => ("--zstd", "tar.zst"),
        Err(_) => ("--gzip", "tar.gz"),
    };
    let name = format!("{id}.{suffix}");
    let done = dir.join(&name);
    let want = walk::count(&home.fd)?;
    if done.exists() && verify(&done, packer, want).is_ok() {
        return Ok(name);
    }
    let partial = dir.join(format!("{name}.partial"));
    let made = write(home, &partial, packer).and_then(|()| verify(&partial, packer, want));
    if let Err(e) = made {
        // The half-made file is of no use to anybody and may fill the disk.
        drop(files::remove(&partial));
        return Err(e);
    }
    let io = |what: &str, e: std::io::Error| DriverError::io(format!("{what} {}", done.display()), e);
    std::fs::rename(&partial, &done).map_err(|e| io("renaming the archive to", e))?;
    files::sync_dir(dir).map_err(|e| DriverError::failed(e.to_string()))?;
    Ok(name)
}

fn write(home: &Home, to: &Path, packer: &str) -> Result<(), DriverError> {
    let io = |e: rustix::io::Errno| DriverError::io(to.display().to_string(), e);
    // A tar that outlived a killed executor writes into the removed file, not into this one.
    files::remove(to).map_err(|e| DriverError::failed(e.to_string()))?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = open(to, flags, Mode::from_raw_mode(0o600)).map_err(io)?;
    let out = file.try_clone().map_err(|e| DriverError::io(to.display().to_string(), e))?;
    let mut command = tar(packer)?;
    command
        .args([
            "--create",
            "--one-file-system",
            "--numeric-owner",
            "--acls",
            "--xattrs",
            "--sparse",
            "--file=-",
            ".",
        ])
        // The very directory that was checked, whatever has its name by now.
        .current_dir(PathBuf::from(format!("/proc/self/fd/{}", home.fd.as_raw_fd())))
        .stdout(Stdio::from(out));
    let output = tool::run(command, b"", ARCHIVE_TIMEOUT)?;
    if !output.success() {
        return Err(DriverError::failed(format!("tar: {}", output.describe(ARCHIVE_TIMEOUT))));
    }
    fsync(&file).map_err(io)
}

/// Reads the whole archive and counts its members.
fn verify(archive: &Path, packer: &str, want: u64) -> Result<(), DriverError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let path = || archive.display().to_string();
    let file = open(archive, flags, Mode::empty()).map_err(|e| DriverError::io(path(), e))?;
    let mut command = tar(packer)?;
    // One line a member: tar escapes newlines in names when it lists.
    command.args(["--list", "--quoting-style=escape", "--file=-"]).stdin(Stdio::from(file));
    let (output, lines) = tool::run_counting_lines(command, b"", ARCHIVE_TIMEOUT)?;
    if !output.success() {
        let how = output.describe(ARCHIVE_TIMEOUT);
        return Err(DriverError::failed(format!("reading {} again: {how}", path())));
    }
    if lines != want {
        let why = format!("{} has {lines} members where the home has {want} files", path());
        return Err(DriverError::failed(format!("{why}; something still writes there, or is mounted there")));
    }
    Ok(())
}

fn tar(packer: &str) -> Result<Command, DriverError> {
    let mut command = tool::command(&tool::find("tar")?);
    command.arg(packer);
    Ok(command)
}

/// The archive of this id, if there is one.
pub(super) fn existing(dir: &Path, id: &str) -> Option<String> {
    ["tar.zst", "tar.gz"].iter().map(|suffix| format!("{id}.{suffix}")).find(|name| dir.join(name).is_file())
}
