//! Throw-away system users, removed again whatever happens.

use anyhow::{Context, Result, bail};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that every user may enter: homes of throw-away users, and copies of programs that they run.
#[derive(Debug)]
pub struct Homes {
    dir: tempfile::TempDir,
}

impl Homes {
    /// Makes the folder.
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// One of our programs to be run as this user, from here: the build's own folder may be closed to others.
    pub fn command_as(&self, user: &TempUser, name: &str) -> Result<Command> {
        self.command_as_uid(user.uid, name)
    }

    /// The same for a uid that need not be in passwd.
    pub fn command_as_uid(&self, uid: u32, name: &str) -> Result<Command> {
        let copy = self.path().join(name);
        if !copy.exists() {
            std::fs::copy(crate::run::program(name)?, &copy)?;
        }
        let mut command = Command::new(copy);
        command.uid(uid).gid(NOGROUP).current_dir("/").stdout(Stdio::piped());
        Ok(command)
    }
}

/// Debian's group without rights.
const NOGROUP: u32 = 65_534;

/// A system user that lives as long as this value.
#[derive(Debug)]
pub struct TempUser {
    /// Name, `hmt…`.
    pub name: String,
    /// Numeric id.
    pub uid: u32,
    /// Home directory, made with the user.
    pub home: PathBuf,
}

/// Whether this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl TempUser {
    /// Makes a user with a home below `home_root`. Needs root.
    pub fn new(home_root: &Path) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hmt{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let home = home_root.join(&name);
        let status = Command::new("useradd")
            .args([
                "--create-home",
                "--no-user-group",
                "--gid",
                "nogroup",
                "--shell",
                "/bin/sh",
                "--home-dir",
            ])
            .arg(&home)
            .arg(&name)
            .status()
            .context("useradd")?;
        if !status.success() {
            bail!("useradd {name} failed: {status}");
        }
        let uid = uid_of(&name)?.with_context(|| format!("{name} is not in passwd after useradd"))?;
        Ok(Self { name, uid, home })
    }
}

/// The uid that passwd gives a name.
pub fn uid_of(name: &str) -> Result<Option<u32>> {
    let passwd = std::fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let line = passwd.lines().find(|l| l.split(':').next() == Some(name));
    Ok(line.and_then(|l| l.split(':').nth(2)).and_then(|u| u.parse().ok()))
}

impl Drop for TempUser {
    fn drop(&mut self) {
        // Deleted already by the test, or to be removed now; both are fine.
        let _gone = Command::new("userdel").args(["--force", "--remove", &self.name]).output();
    }
}
