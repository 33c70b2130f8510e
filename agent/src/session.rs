//! Open SSH and shell sessions: records of utmp, and children of the SSH server for systems that keep no utmp.

use crate::limits::UTMP_FILE_MAX_BYTES;
use crate::watched::WatchedFile;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Length of one record (utmp(5)): the times at its end are 64 bits wide only where there never were 32-bit programs.
const RECORD_BYTES: usize = if cfg!(target_arch = "aarch64") { 400 } else { 384 };
/// Type of a record of a logged-in user.
const USER_PROCESS: i16 = 7;

/// A logged-in user by utmp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Process that stands for the session.
    pub pid: u32,
    /// User name, raw.
    pub user: Vec<u8>,
}

/// Reads whole records of users; a piece at the end is passed over, as a record may just be written.
pub fn parse_utmp(bytes: &[u8]) -> Vec<Record> {
    bytes.chunks_exact(RECORD_BYTES).filter_map(record).collect()
}

fn record(bytes: &[u8]) -> Option<Record> {
    let kind = i16::from_ne_bytes(*bytes.first_chunk()?);
    let pid = i32::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let name = bytes.get(44..76)?;
    let user = name.split(|b| *b == 0).next().unwrap_or_default().to_vec();
    let pid = u32::try_from(pid).ok().filter(|p| *p > 0)?;
    (kind == USER_PROCESS && !user.is_empty()).then_some(Record { pid, user })
}

/// utmp, read again when it was changed. That there is none is usual.
#[derive(Debug)]
pub struct Utmp {
    file: Option<WatchedFile>,
    records: Vec<Record>,
}

impl Utmp {
    /// `None`: only children of the SSH server count.
    pub fn new(path: Option<&Path>) -> Self {
        Self { file: path.map(|p| WatchedFile::new(p, UTMP_FILE_MAX_BYTES)), records: Vec::new() }
    }

    /// Takes what was written since; an error names the file.
    pub fn refresh(&mut self) -> Result<(), String> {
        let Some(file) = &mut self.file else { return Ok(()) };
        match file.read_if_changed() {
            Ok(Some(bytes)) => self.records = parse_utmp(&bytes),
            Ok(None) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.records.clear(),
            Err(e) => return Err(format!("{} cannot be read ({e})", file.path().display())),
        }
        Ok(())
    }

    /// Logged-in users.
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}

/// What matters here about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Real uid.
    pub uid: u32,
    /// Parent.
    pub ppid: u32,
    /// Whether its name is that of the SSH server.
    pub sshd: bool,
}

/// Open sessions as (process that stands for it → uid), each once.
///
/// The SSH server forks a child that becomes the user; that child is the session. Its name could be taken by anybody,
/// so its parent must be the server itself, run by root. `sshd` gives the processes with the server's name.
pub fn open_sessions(
    sshd: impl Iterator<Item = u32>,
    records: &[Record],
    peer: impl Fn(u32) -> Option<Peer>,
    is_account: impl Fn(u32) -> bool,
    uid_of: impl Fn(&[u8]) -> Option<u32>,
) -> BTreeMap<u32, u32> {
    let mut open = BTreeMap::new();
    // The server's process that watches a session, by which utmp may know it.
    let mut watchers = BTreeMap::new();
    for pid in sshd {
        let Some(child) = peer(pid).filter(|p| is_account(p.uid)) else { continue };
        if peer(child.ppid).is_some_and(|p| p.sshd && p.uid == 0) {
            open.insert(pid, child.uid);
            watchers.insert(child.ppid, pid);
        }
    }
    for record in records {
        let Some(uid) = uid_of(&record.user) else { continue };
        // A record outlives its process after a crash, and the pid may belong to somebody else by now.
        let Some(leader) = peer(record.pid).filter(|p| p.uid == uid || p.uid == 0) else { continue };
        let known = open.contains_key(&leader.ppid) || watchers.contains_key(&record.pid);
        if !known {
            open.insert(record.pid, uid);
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as glibc writes it on x86-64.
    fn bytes(kind: i16, pid: i32, line: &str, user: &[u8]) -> Vec<u8> {
        let mut out = vec![0; RECORD_BYTES];
        out[..2].copy_from_slice(&kind.to_ne_bytes());
        out[4..8].copy_from_slice(&pid.to_ne_bytes());
        out[8..8 + line.len()].copy_from_slice(line.as_bytes());
        out[44..44 + user.len()].copy_from_slice(user);
        out[76..84].copy_from_slice(b"10.0.0.9");
        out
    }

    #[test]
    fn records() {
        let long = [b'u'; 32];
        let mut file = bytes(2, 0, "~", b"reboot");
        file.extend(bytes(USER_PROCESS, 812, "pts/0", b"shop"));
        file.extend(bytes(8, 813, "pts/1", b"gone"));
        file.extend(bytes(USER_PROCESS, -5, "pts/2", b"odd"));
        file.extend(bytes(USER_PROCESS, 814, "tty1", &long));
        file.extend(bytes(USER_PROCESS, 815, "tty2", b""));
        file.extend(&bytes(USER_PROCESS, 816, "tty3", b"half")[..200]);
        let record = |pid, user: &[u8]| Record { pid, user: user.to_vec() };
        assert_eq!(parse_utmp(&file), [record(812, b"shop"), record(814, &long)]);
        assert_eq!(parse_utmp(&[7; 383]), []);
    }

    /// Written by glibc's pututxline(3) on x86-64; stretches of zeros are written as lengths.
    #[cfg(not(target_arch = "aarch64"))]
    #[test]
    fn recorded_bytes() {
        let mut file = b"\x07\x00\x00\x00\x8d\x06\x00\x00pts/0".to_vec();
        file.resize(40, 0);
        file.extend(b"ts/0shop");
        file.resize(76, 0);
        file.extend(b"192.0.2.7");
        file.resize(336, 0);
        file.extend(b"\x8d\x06\0\0\x1e\x9e\x3c\x67\x4a\x5c\x02\x00\xc0\x00\x02\x07");
        file.resize(384, 0);
        assert_eq!(parse_utmp(&file), [Record { pid: 0x068d, user: b"shop".to_vec() }]);
    }

    #[test]
    fn a_session_counts_once() {
        let table: BTreeMap<u32, Peer> = [
            (1, 0, 0, false),
            (10, 0, 1, true),      // the server
            (20, 0, 10, true),     // watches the session of 1001
            (21, 1001, 20, true),  // the session
            (22, 1001, 21, false), // its shell
            (30, 1002, 1, true),   // calls itself sshd, but nobody of root started it
            (31, 1002, 22, true),  // and so does this one
            (40, 0, 1, false),     // login on a console for 1003
            (41, 1003, 40, false), // its shell
            (50, 1004, 1, false),  // took over a pid that utmp still names
            (60, 74, 10, true),    // a connection that has not logged in yet
        ]
        .map(|(pid, uid, ppid, sshd)| (pid, Peer { uid, ppid, sshd }))
        .into();
        let check = |records: &[(u32, &str)], want: &[(u32, u32)]| {
            let records: Vec<Record> =
                records.iter().map(|(pid, u)| Record { pid: *pid, user: u.as_bytes().to_vec() }).collect();
            let sshd = table.iter().filter(|(_, p)| p.sshd).map(|(pid, _)| *pid);
            let uid_of = |user: &[u8]| match user {
                b"shop" => Some(1001),
                b"desk" => Some(1003),
                _ => None,
            };
            let got = open_sessions(sshd, &records, |p| table.get(&p).copied(), |u| u >= 1000, uid_of);
            assert_eq!(got.into_iter().collect::<Vec<_>>(), want, "{records:?}");
        };
        check(&[], &[(21, 1001)]);
        check(&[(21, "shop")], &[(21, 1001)]);
        check(&[(20, "shop")], &[(21, 1001)]);
        check(&[(22, "shop")], &[(21, 1001)]);
        check(&[(40, "desk"), (40, "desk")], &[(21, 1001), (40, 1003)]);
        check(&[(41, "desk")], &[(21, 1001), (41, 1003)]);
        check(&[(50, "shop"), (99, "shop"), (41, "nobody")], &[(21, 1001)]);
    }
}
