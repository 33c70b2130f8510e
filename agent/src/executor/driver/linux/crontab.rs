//! Surface `cron`: the user's crontab is parked where cron does not look, and comes back as it was.

use crate::executor::driver::DriverError;
use crate::executor::files;
use rustix::fs::{AtFlags, CWD, RenameFlags, renameat_with, statat};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// cron skips names with a leading dot.
const PARKED_DIR: &str = ".hostmeter-parked";

/// Where the crontab of one user is, and where it is parked.
#[derive(Debug)]
pub(super) struct Crontab {
    dir: PathBuf,
    live: PathBuf,
    parked: PathBuf,
}

impl Crontab {
    /// Of this user. The parked one is named by uid.
    pub(super) fn of(dir: &Path, user: &str, uid: u32) -> Self {
        let parked = dir.join(PARKED_DIR).join(uid.to_string());
        Self { dir: dir.to_owned(), live: dir.join(user), parked }
    }

    /// Moves the crontab away, if there is one.
    pub(super) fn park(&self) -> Result<(), DriverError> {
        if !exists(&self.live)? {
            return Ok(());
        }
        let parked_dir = self.dir.join(PARKED_DIR);
        files::private_dir(&parked_dir).map_err(|e| DriverError::failed(e.to_string()))?;
        self.rename(&self.live, &self.parked)
    }

    /// Moves it back, if one is parked.
    pub(super) fn unpark(&self) -> Result<(), DriverError> {
        if exists(&self.parked)? { self.rename(&self.parked, &self.live) } else { Ok(()) }
    }

    /// What is seen while suspended.
    pub(super) fn verify_parked(&self) -> Result<String, DriverError> {
        if exists(&self.live)? {
            return Err(DriverError::failed(format!("{} is still there", self.live.display())));
        }
        Ok(if exists(&self.parked)? { "crontab parked".to_owned() } else { "no crontab".to_owned() })
    }

    /// What is seen after a resume.
    pub(super) fn verify_live(&self) -> Result<String, DriverError> {
        if exists(&self.parked)? {
            return Err(DriverError::failed(format!("{} is still parked", self.parked.display())));
        }
        Ok(if exists(&self.live)? { "crontab in place".to_owned() } else { "no crontab".to_owned() })
    }

    /// Removes both, when the account goes for good.
    pub(super) fn remove(&self) -> Result<(), DriverError> {
        for path in [&self.parked, &self.live] {
            files::remove(path).map_err(|e| DriverError::failed(e.to_string()))?;
        }
        Ok(())
    }

    /// Renames without ever replacing, and makes it durable. Owner, mode and content stay.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DriverError> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                return Err(DriverError::failed(format!(
                    "a crontab is both at {} and at {}; neither was touched, keep one of them",
                    self.live.display(),
                    self.parked.display()
                )));
            }
            Err(e) => {
                let what = format!("renaming {} to {}", from.display(), to.display());
                return Err(DriverError::io(what, e));
            }
        }
        for dir in [from.parent(), to.parent()].into_iter().flatten() {
            files::sync_dir(dir).map_err(|e| DriverError::failed(e.to_string()))?;
        }
        Ok(())
    }
}

/// Whether a name is taken, by whatever it is.
fn exists(path: &Path) -> Result<bool, DriverError> {
    match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(e) => Err(DriverError::io(path.display().to_string(), e)),
    }
}
