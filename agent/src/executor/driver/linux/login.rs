//! Surface `ssh`: the password is locked and the account expired. A lock alone would leave logins by key alive.

use crate::executor::driver::{DriverError, tool};
use crate::executor::limits::{SYSTEM_FILE_MAX_BYTES, TOOL_TIMEOUT};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;

/// What a suspension changes in `/etc/shadow`, as it was before (shadow(5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    /// The password was locked already.
    pub(super) locked: bool,
    /// There was no password at all.
    pub(super) empty: bool,
    /// Day of the last change, as written.
    pub(super) last_change: String,
    /// Day of expiry, as written; empty for never.
    pub(super) expire: String,
}

/// The day of expiry while suspended: 1970-01-02. (0 is read as "never" by some programs.)
const EXPIRED: &str = "1";

impl Saved {
    /// Whether the account is as [`suspend`] leaves it.
    pub(super) fn is_suspended(&self) -> bool {
        self.locked && self.expire == EXPIRED
    }

    fn describe(&self) -> String {
        let locked = if self.locked { "locked" } else { "not locked" };
        match self.expire.as_str() {
            "" => format!("{locked}, never expires"),
            EXPIRED => format!("{locked}, expired"),
            day => format!("{locked}, expires on day {day}"),
        }
    }
}

/// The present state.
pub(super) fn read(user: &str) -> Result<Saved, DriverError> {
    const PATH: &str = "/etc/shadow";
    let io = |e| DriverError::io(PATH, e);
    let mut bytes = Vec::new();
    File::open(PATH).map_err(io)?.take(SYSTEM_FILE_MAX_BYTES).read_to_end(&mut bytes).map_err(io)?;
    let line = bytes.split(|b| *b == b'\n').find(|l| name_of(l) == user.as_bytes()).ok_or_else(|| {
        DriverError::failed(format!("{PATH} has no line for {user}; only local accounts can be locked"))
    })?;
    let text = String::from_utf8_lossy(line);
    let fields: Vec<&str> = text.split(':').collect();
    let field = |i: usize| fields.get(i).copied().unwrap_or_default();
    Ok(Saved {
        locked: field(1).starts_with('!'),
        empty: field(1).is_empty(),
        last_change: field(2).to_owned(),
        expire: field(7).to_owned(),
    })
}

fn name_of(line: &[u8]) -> &[u8] {
    line.split(|b| *b == b':').next().unwrap_or_default()
}

/// Locks and expires.
pub(super) fn suspend(user: &str) -> Result<(), DriverError> {
    if read(user)?.is_suspended() {
        return Ok(());
    }
    tool::must("usermod", &["--lock", "--expiredate", EXPIRED, "--", user], TOOL_TIMEOUT).map(drop)
}

/// What is seen while suspended.
pub(super) fn verify_suspended(user: &str) -> Result<String, DriverError> {
    let seen = read(user)?;
    if seen.is_suspended() {
        Ok(seen.describe())
    } else {
        Err(DriverError::failed(format!("the account is {}", seen.describe())))
    }
}

/// Gives back lock and expiry as they were before.
pub(super) fn resume(user: &str, saved: &Saved) -> Result<(), DriverError> {
    let now = read(user)?;
    let mut args: Vec<OsString> = Vec::new();
    let unlock = now.locked && !saved.locked;
    if unlock && saved.empty {
        // usermod does not unlock to an empty password; an empty one is no secret on a command line.
        args.extend(["--password".into(), OsString::new()]);
    } else if unlock {
        args.push("--unlock".into());
    }
    if now.expire != saved.expire {
        args.extend(["--expiredate".into(), OsString::from(&saved.expire)]);
    }
    if args.is_empty() {
        return Ok(());
    }
    args.extend(["--".into(), user.into()]);
    tool::must("usermod", &args, TOOL_TIMEOUT)?;
    let day = read(user)?.last_change;
    if saved.empty && day != saved.last_change {
        let old = if saved.last_change.is_empty() { "-1" } else { saved.last_change.as_str() };
        tool::must("chage", &["--lastday", old, "--", user], TOOL_TIMEOUT)?;
    }
    Ok(())
}

/// What is seen after a resume.
pub(super) fn verify_resumed(user: &str, saved: &Saved) -> Result<String, DriverError> {
    let seen = read(user)?;
    if seen.locked == saved.locked && seen.expire == saved.expire {
        return Ok(format!("as before: {}", seen.describe()));
    }
    Err(DriverError::failed(format!(
        "the account is {}; before the suspension it was {}",
        seen.describe(),
        saved.describe()
    )))
}

/// The present state in words.
pub(super) fn describe(user: &str) -> Result<String, DriverError> {
    read(user).map(|seen| seen.describe())
}
