//! The quarantine: a root-owned directory on the homes' file system, into which a deleted home is renamed.

use super::home::{Home, Place, open_dir, open_known, refuse_mounts};
use super::walk;
use crate::executor::driver::DriverError;
use crate::executor::files;
use crate::executor::record::Account;
use rustix::fs::{AtFlags, RenameFlags, fstat, fsync, renameat_with, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The quarantine, opened.
#[derive(Debug)]
pub(super) struct Quarantine {
    dir: OwnedFd,
    path: PathBuf,
}

impl Quarantine {
    /// Opens it, and makes it if it is missing. It must belong to root and be writable by nobody else.
    pub(super) fn open(path: &Path) -> Result<Self, DriverError> {
        files::private_dir(path).map_err(|e| DriverError::failed(e.to_string()))?;
        Ok(Self { dir: open_dir(path)?, path: path.to_owned() })
    }

    /// The home under this id, if it is here.
    pub(super) fn find(&self, id: &str, account: &Account) -> Result<Option<Home>, DriverError> {
        open_known(&self.dir, OsStr::new(id), account, &self.path.join(id))
    }

    /// Fails before anything is changed if a home could not be moved here by a rename.
    pub(super) fn check_reach(&self, place: &Place, home: &Home) -> Result<(), DriverError> {
        let here = fstat(&self.dir).map_err(|e| DriverError::io(self.path.display().to_string(), e))?;
        if here.st_dev != home.stat.st_dev {
            return Err(DriverError::failed(format!(
                "{} is on another file system than {}: set linux.quarantine_dir to one beside it",
                self.path.display(),
                place.path.display()
            )));
        }
        refuse_mounts(&place.path)
    }

    /// Moves a home in.
    pub(super) fn take(&self, place: &Place, id: &str, account: &Account) -> Result<(), DriverError> {
        let to = self.path.join(id);
        rename(&place.parent, &place.name, &self.dir, OsStr::new(id), &to)?;
        let moved = self.find(id, account);
        if let Ok(Some(_)) = moved {
            return Ok(());
        }
        // The name was given to something else between the check and the rename: put it back.
        rename(&self.dir, OsStr::new(id), &place.parent, &place.name, &place.path)?;
        moved?;
        Err(DriverError::failed(format!("{} vanished while it was moved", place.path.display())))
    }

    /// Moves a home back to its place.
    pub(super) fn give_back(&self, place: &Place, id: &str, account: &Account) -> Result<(), DriverError> {
        if self.find(id, account)?.is_none() {
            let what = format!("{} is not in the quarantine ({})", id, self.path.display());
            return Err(DriverError::failed(what));
        }
        rename(&self.dir, OsStr::new(id), &place.parent, &place.name, &place.path)
    }

    /// Removes a home for good.
    pub(super) fn purge(&self, id: &str, account: &Account) -> Result<(), DriverError> {
        let Some(home) = self.find(id, account)? else { return Ok(()) };
        walk::remove_below(&home.fd)?.into_result()?;
        let path = self.path.join(id);
        unlinkat(&self.dir, id, AtFlags::REMOVEDIR)
            .map_err(|e| DriverError::io(path.display().to_string(), e))?;
        fsync(&self.dir).map_err(|e| DriverError::io(self.path.display().to_string(), e))
    }
}

/// Renames without ever replacing, and makes it durable on both sides.
fn rename(
    from_dir: &OwnedFd,
    from: &OsStr,
    to_dir: &OwnedFd,
    to: &OsStr,
    to_path: &Path,
) -> Result<(), DriverError> {
    let what = || format!("moving to {}", to_path.display());
    match renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let why = format!("{} is there already; it was not touched", to_path.display());
            return Err(DriverError::failed(why));
        }
        Err(e) => return Err(DriverError::io(what(), e)),
    }
    fsync(to_dir).and_then(|()| fsync(from_dir)).map_err(|e| DriverError::io(what(), e))
}
