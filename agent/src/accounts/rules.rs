//! From which to which uid accounts go, and the lists that add to and take from it.

use super::AccountsError;
use crate::limits::ACCOUNTS_FILE_MAX_BYTES;
use crate::proc::text::words;
use crate::watched::read_bounded;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// login.defs(5) where it says nothing.
const UID_MIN: u32 = 1_000;
/// login.defs(5) where it says nothing.
const UID_MAX: u32 = 60_000;
/// "No user" in system calls, so never a user.
const NO_UID: u32 = u32::MAX;

/// A user in a list: by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Who {
    /// By uid.
    Uid(u32),
    /// By name as in passwd.
    Name(String),
}

/// The lowest and the highest uid of accounts, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lowest.
    pub min: u32,
    /// Highest.
    pub max: u32,
}

impl Bounds {
    /// What is not given is taken from login.defs, and from its documented defaults if there is no such file.
    pub fn from_login_defs(path: &Path, min: Option<u32>, max: Option<u32>) -> Result<Self, AccountsError> {
        let mut found = (None, None);
        if min.is_none() || max.is_none() {
            match read_bounded(path, ACCOUNTS_FILE_MAX_BYTES) {
                Ok(bytes) => found = parse_login_defs(path, &bytes)?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(AccountsError::Read { path: path.to_owned(), source }),
            }
        }
        let min = min.or(found.0).unwrap_or(UID_MIN);
        let max = max.or(found.1).unwrap_or(UID_MAX);
        if min > max { Err(AccountsError::Empty { min, max }) } else { Ok(Self { min, max }) }
    }
}

type Found = (Option<u32>, Option<u32>);

fn parse_login_defs(path: &Path, bytes: &[u8]) -> Result<Found, AccountsError> {
    let mut found = (None, None);
    for line in bytes.split(|b| *b == b'\n') {
        let mut words = words(line);
        let (slot, key) = match words.next() {
            Some(b"UID_MIN") => (&mut found.0, "UID_MIN"),
            Some(b"UID_MAX") => (&mut found.1, "UID_MAX"),
            _ => continue,
        };
        let value = words.next().unwrap_or_default();
        *slot = Some(parse_uid(value).ok_or_else(|| AccountsError::NotAUid {
            path: path.to_owned(),
            key,
            value: String::from_utf8_lossy(value).into_owned(),
        })?);
    }
    Ok(found)
}

/// Numbers as strtol(3) reads them: decimal, `0x` hexadecimal, leading `0` octal, with optional quotes.
fn parse_uid(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?.trim_matches('"');
    let parsed = if let Some(hex) = text.strip_prefix("0x") {
        u32::from_str_radix(hex, 16)
    } else if text.len() > 1 && text.starts_with('0') {
        u32::from_str_radix(text, 8)
    } else {
        text.parse()
    };
    parsed.ok().filter(|uid| *uid != NO_UID)
}

/// Who is an account.
#[derive(Clone, Debug)]
pub struct Rules {
    bounds: Bounds,
    include: Vec<Who>,
    exclude: Vec<Who>,
    included: BTreeSet<u32>,
    excluded: BTreeSet<u32>,
    unresolved: Vec<String>,
}

impl Rules {
    /// Names in the lists mean nothing until [`Rules::resolve`].
    pub fn new(bounds: Bounds, include: &[Who], exclude: &[Who]) -> Self {
        Self {
            bounds,
            include: include.to_vec(),
            exclude: exclude.to_vec(),
            included: BTreeSet::new(),
            excluded: BTreeSet::new(),
            unresolved: Vec::new(),
        }
    }

    /// Looks the names of the lists up.
    pub fn resolve(&mut self, uid_of: impl Fn(&str) -> Option<u32>) {
        let mut unresolved = Vec::new();
        let mut uids = |list: &[Who]| {
            let mut out = BTreeSet::new();
            for who in list {
                match who {
                    Who::Uid(uid) => drop(out.insert(*uid)),
                    Who::Name(name) => match uid_of(name) {
                        Some(uid) => drop(out.insert(uid)),
                        None => unresolved.push(name.clone()),
                    },
                }
            }
            out
        };
        self.included = uids(&self.include);
        self.excluded = uids(&self.exclude);
        self.unresolved = unresolved;
    }

    /// Whether a uid is an account. Excluding wins over including.
    pub fn is_account(&self, uid: u32) -> bool {
        let inside = (self.bounds.min..=self.bounds.max).contains(&uid) || self.included.contains(&uid);
        inside && uid != NO_UID && !self.excluded.contains(&uid)
    }

    /// Names that could not be looked up.
    pub fn unresolved(&self) -> &[String] {
        &self.unresolved
    }
}
