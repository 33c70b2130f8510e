//! Is the account in a command the account on this machine? Everything must match, or nothing is done.

use super::record::{Account, Record};
use hostmeter_core::name::escape;
use hostmeter_core::wire::command::Target;
use nix::unistd::{Uid, User};
use rustix::fs::{AtFlags, CWD, FileType};
use std::path::Path;

/// Why an account was not matched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} does not match: the command says {command}, this host says {host}")]
pub struct Mismatch {
    what: &'static str,
    command: String,
    host: String,
}

fn same(what: &'static str, command: &impl ToString, host: &impl ToString) -> Result<(), Mismatch> {
    let (command, host) = (command.to_string(), host.to_string());
    if command == host { Ok(()) } else { Err(Mismatch { what, command, host }) }
}

/// Matches against the machine: uid, name, home path, home inode, and the home's owner.
pub fn match_live(target: &Target) -> Result<Account, Mismatch> {
    let user = passwd(target)?;
    same("home", &target.home, &user.dir.to_string_lossy())?;
    let (inode, owner) = home_of(&user.dir).map_err(|why| Mismatch {
        what: "home directory",
        command: target.home.clone(),
        host: why,
    })?;
    same("inode of the home", &target.home_inode, &inode)?;
    same("owner of the home", &target.uid, &owner)?;
    Ok(Account { uid: target.uid, login: user.name, home: user.dir, home_inode: inode })
}

/// Matches an account whose home may be in the quarantine: against the record, and the passwd entry that stays until
/// the purge. `gone_is_fine`: a purge may find no entry, where a driver's deletion took it away.
pub fn match_record(target: &Target, record: &Record, gone_is_fine: bool) -> Result<Account, Mismatch> {
    same("user name", &target.user, &record.target.user)?;
    same("home", &target.home, &record.target.home)?;
    same("inode of the home", &target.home_inode, &record.target.home_inode)?;
    if gone_is_fine && matches!(User::from_uid(Uid::from_raw(target.uid)), Ok(None)) {
        return Ok(record.account.clone());
    }
    let user = passwd(target)?;
    same("user name", &user.name, &record.account.login)?;
    Ok(record.account.clone())
}

/// The passwd entry of the uid, if its name is the command's and leads back to the uid.
fn passwd(target: &Target) -> Result<User, Mismatch> {
    let none = |what, command: String| Mismatch { what, command, host: "there is none".to_owned() };
    let by_uid = User::from_uid(Uid::from_raw(target.uid)).ok().flatten();
    let user = by_uid.ok_or_else(|| none("uid", target.uid.to_string()))?;
    same("user name", &target.user, &escape(user.name.as_bytes()))?;
    let by_name = User::from_name(&user.name).ok().flatten();
    same("uid of the name", &target.uid, &by_name.map_or_else(|| "none".to_owned(), |u| u.uid.to_string()))?;
    Ok(user)
}

/// Inode and owner of a home; the last component must not be a symbolic link.
fn home_of(home: &Path) -> Result<(u64, u32), String> {
    let stat = rustix::fs::statat(CWD, home, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| e.to_string())?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err("it is no directory".to_owned());
    }
    Ok((stat.st_ino, stat.st_uid))
}
