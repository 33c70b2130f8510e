//! Which uids are accounts, and what passwd knows about them.

mod homes;
mod rules;
mod subids;

pub use homes::HomeInodes;
pub use rules::{Bounds, Rules, Who};

use crate::limits::ACCOUNTS_FILE_MAX_BYTES;
use crate::proc::text::number;
use crate::watched::WatchedFile;
use hostmeter_core::limits::TEXT_MAX_BYTES;
use hostmeter_core::name;
use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use subids::{Lines, SubUids};

/// A file about accounts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// It cannot be read.
    #[error("{path} cannot be read ({source}); accounts are found by it")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A value in login.defs is not a uid.
    #[error("{path}: {key} is {value:?}, which is not a uid; write a number from 0 to 4294967294")]
    NotAUid {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What stands there.
        value: String,
    },
    /// The lowest uid lies above the highest.
    #[error("uid_min {min} is above uid_max {max}: no uid would be an account")]
    Empty {
        /// The lowest.
        min: u32,
        /// The highest.
        max: u32,
    },
}

/// What passwd says of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Name, escaped.
    pub user: String,
    /// Home; `None` where it is not text or too long for the wire.
    pub home: Option<String>,
}

/// The accounts of this host. Only passwd's file is read: asking name services could wait for a network.
#[derive(Debug)]
pub struct Accounts {
    passwd: WatchedFile,
    rules: Rules,
    by_uid: BTreeMap<u32, Entry>,
    by_name: HashMap<Vec<u8>, u32>,
    /// Uids of every line of passwd, of accounts or not.
    named: BTreeSet<u32>,
    subuid: Option<WatchedFile>,
    lines: Lines,
    subuids: SubUids,
}

impl Accounts {
    /// Reads passwd. `bounds` come from the configuration or from login.defs.
    pub fn new(
        passwd: &Path,
        bounds: Bounds,
        include: &[Who],
        exclude: &[Who],
    ) -> Result<Self, AccountsError> {
        let mut out = Self {
            passwd: WatchedFile::new(passwd, ACCOUNTS_FILE_MAX_BYTES),
            rules: Rules::new(bounds, include, exclude),
            by_uid: BTreeMap::new(),
            by_name: HashMap::new(),
            named: BTreeSet::new(),
            subuid: None,
            lines: Lines::default(),
            subuids: SubUids::default(),
        };
        out.refresh()?;
        Ok(out)
    }

    /// The same with uids of user namespaces, from a file as subuid(5) describes it. That there is none is usual.
    pub fn with_subuid(mut self, subuid: &Path) -> Result<Self, AccountsError> {
        self.subuid = Some(WatchedFile::new(subuid, ACCOUNTS_FILE_MAX_BYTES));
        self.refresh()?;
        Ok(self)
    }

    /// Reads passwd and subuid again if they were changed; `true` if so. On an error the last good state stays.
    pub fn refresh(&mut self) -> Result<bool, AccountsError> {
        if self.refresh_subuid()? {
            // Names of subuid are looked up in passwd, so both are read anew.
            self.passwd = WatchedFile::new(self.passwd.path(), ACCOUNTS_FILE_MAX_BYTES);
        }
        let changed = self.passwd.read_if_changed();
        let fail = |source| AccountsError::Read { path: self.passwd.path().to_owned(), source };
        let Some(bytes) = changed.map_err(fail)? else { return Ok(false) };
        let rows = parse_passwd(&bytes);
        let uid_of = |wanted: &[u8]| rows.iter().find(|r| r.name == wanted).map(|r| r.uid);
        self.rules.resolve(|wanted| uid_of(wanted.as_bytes()));
        let names: HashMap<&[u8], u32> = rows.iter().rev().map(|r| (r.name, r.uid)).collect();
        self.subuids = self.lines.resolve(|wanted| names.get(wanted).copied());
        self.named = rows.iter().map(|r| r.uid).collect();
        self.by_uid.clear();
        self.by_name.clear();
        for row in rows {
            if self.rules.is_account(row.uid) {
                self.by_name.entry(row.name.to_vec()).or_insert(row.uid);
                // The first line of a uid names it, as getpwuid(3) does.
                self.by_uid.entry(row.uid).or_insert_with(|| row.entry());
            }
        }
        Ok(true)
    }

    fn refresh_subuid(&mut self) -> Result<bool, AccountsError> {
        let Some(file) = &mut self.subuid else { return Ok(false) };
        let lines = match file.read_if_changed() {
            Ok(None) => return Ok(false),
            Ok(Some(bytes)) => subids::parse(&bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                // If it comes again it is read, though nothing tells it from the one before.
                *file = WatchedFile::new(file.path(), ACCOUNTS_FILE_MAX_BYTES);
                Lines::default()
            }
            Err(source) => return Err(AccountsError::Read { path: file.path().to_owned(), source }),
        };
        let is_other = lines != self.lines;
        self.lines = lines;
        Ok(is_other)
    }

    /// Whose uid it is: a uid without a line in passwd that lies in somebody's range of `/etc/subuid` belongs to that
    /// one, every other uid to itself. Ask [`Accounts::is_account`] about the answer.
    pub fn owner(&self, uid: u32) -> u32 {
        match self.subuids.owner(uid) {
            Some(owner) if !self.named.contains(&uid) => owner,
            _ => uid,
        }
    }

    /// Ranges of uids that belong to somebody else than themselves, in order: first and last uid, and whose.
    pub fn ranges(&self) -> Vec<(u32, u32, u32)> {
        let mut out = Vec::new();
        for (start, end, owner) in self.subuids.all() {
            let mut at = start;
            // A uid in passwd is its own.
            for named in self.named.range(start..end) {
                out.extend(named.checked_sub(1).filter(|last| at <= *last).map(|last| (at, last, owner)));
                at = named.saturating_add(1);
            }
            out.extend(end.checked_sub(1).filter(|last| at <= *last).map(|last| (at, last, owner)));
        }
        out
    }

    /// Ranges of uids that belong to an account beside its own: first uid, and one past the last.
    pub fn subuids_of(&self, uid: u32) -> Vec<(u32, u32)> {
        self.subuids.of(uid)
    }

    /// What is wrong with `/etc/subuid`, for people; bounded.
    pub fn subuid_faults(&self) -> &[String] {
        self.subuids.faults()
    }

    /// Accounts that passwd has, by uid.
    pub fn entries(&self) -> impl Iterator<Item = (u32, &Entry)> {
        self.by_uid.iter().map(|(uid, entry)| (*uid, entry))
    }

    /// Whether a uid is an account; everything else is system.
    pub fn is_account(&self, uid: u32) -> bool {
        self.rules.is_account(uid)
    }

    /// What passwd says of a uid; `None` without an entry.
    pub fn entry(&self, uid: u32) -> Option<&Entry> {
        self.by_uid.get(&uid)
    }

    /// The account of a raw user name.
    pub fn uid_of(&self, user: &[u8]) -> Option<u32> {
        self.by_name.get(user).copied()
    }

    /// Names of the lists that passwd does not have.
    pub fn unresolved(&self) -> &[String] {
        self.rules.unresolved()
    }
}

/// The inode of a home, if it is a folder that belongs to the uid. Automounts are not started.
pub fn home_inode(home: &str, uid: u32) -> Option<u64> {
    let flags = AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let want = StatxFlags::TYPE | StatxFlags::UID | StatxFlags::INO;
    let got = statx(CWD, home, flags, want).ok()?;
    let folder = FileType::from_raw_mode(got.stx_mode.into()) == FileType::Directory;
    (folder && got.stx_uid == uid).then_some(got.stx_ino)
}

struct Row<'a> {
    name: &'a [u8],
    uid: u32,
    home: &'a [u8],
}

impl Row<'_> {
    fn entry(&self) -> Entry {
        let home = std::str::from_utf8(self.home).ok().filter(|h| !h.is_empty() && h.len() <= TEXT_MAX_BYTES);
        Entry { user: name::escape(self.name), home: home.map(str::to_owned) }
    }
}

/// Lines of passwd(5); lines without a name and a uid are passed over, as the C library does.
fn parse_passwd(bytes: &[u8]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for line in bytes.split(|b| *b == b'\n') {
        let mut fields = line.split(|b| *b == b':');
        let (name, uid) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
        let home = fields.nth(2).unwrap_or_default();
        let Some(uid) = number(uid).and_then(|n| u32::try_from(n).ok()) else { continue };
        if !name.is_empty() && !matches!(name.first(), Some(b'#' | b'+' | b'-')) {
            rows.push(Row { name, uid, home });
        }
    }
    rows
}

#[cfg(test)]
mod tests;
