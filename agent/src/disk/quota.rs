//! Quotas, by way of the executor: where a file system has them, one request answers for every account on it.

use super::walk::Usage;
use crate::control;
use crate::executor::limits::QUOTA_UIDS_MAX;
use crate::executor::protocol::{FileSystemUse, ProtocolError};
use crate::limits::{QUOTA_EVERY, QUOTA_RETRY};
use crate::os;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// KiB and inodes by uid.
type Rows = HashMap<u32, (u64, u64)>;

/// What the executor read last.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    socket: Option<PathBuf>,
    due: Option<Instant>,
    by_device: BTreeMap<(u32, u32), Rows>,
    read_ns: u64,
    said: String,
}

impl Quotas {
    /// Without a socket there are none.
    pub(super) fn new(socket: Option<PathBuf>) -> Self {
        Self { socket, ..Self::default() }
    }

    /// Asks the executor again if it is time. After a failure nothing is known, and homes are walked.
    pub(super) fn refresh(&mut self, uids: impl Iterator<Item = u32>) {
        let Some(socket) = &self.socket else { return };
        if self.due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        let uids: Vec<u32> = uids.collect();
        let (found, wait) = match ask(socket, &uids) {
            Ok(found) if found.iter().any(|f| f.error.is_none()) => (Ok(found), QUOTA_EVERY),
            other => (other, QUOTA_RETRY),
        };
        self.due = Some(Instant::now() + wait);
        self.read_ns = os::boottime_ns();
        self.take(found);
    }

    fn take(&mut self, found: Result<Vec<FileSystemUse>, ProtocolError>) {
        self.by_device.clear();
        let mut faults = Vec::new();
        match found {
            Ok(found) => {
                for one in found {
                    match one.error {
                        Some(why) if !faults.contains(&why) => faults.push(why),
                        Some(_) => {}
                        None => {
                            let rows = one.rows.into_iter().map(|(uid, kib, files)| (uid, (kib, files)));
                            self.by_device.entry(one.device).or_default().extend(rows);
                        }
                    }
                }
            }
            Err(e) => faults.push(format!("the executor gives no quotas: {e}")),
        }
        let said = faults.join("; ");
        if !said.is_empty() && said != self.said {
            tracing::info!("{said}; homes are walked");
        }
        self.said = said;
    }

    /// What an account has on the file system with this device, and when that was read (boot-time clock, ns).
    pub(super) fn of(&self, device: (u32, u32), uid: u32) -> Option<(Usage, u64)> {
        let (kib, files) = *self.by_device.get(&device)?.get(&uid)?;
        Some((Usage { kib, files, ..Usage::default() }, self.read_ns))
    }

    /// What was read at a time, and holds for an hour.
    #[cfg(test)]
    pub(super) fn known(device: (u32, u32), uid: u32, used: (u64, u64), read_ns: u64) -> Self {
        let by_device = [(device, [(uid, used)].into())].into();
        Self { by_device, read_ns, due: Some(Instant::now() + Duration::from_secs(3_600)), ..Self::default() }
    }

    /// After how long a home that has a quota is looked at again.
    pub(super) fn every(every: Duration) -> Duration {
        every.min(QUOTA_EVERY)
    }
}

fn ask(socket: &Path, uids: &[u32]) -> Result<Vec<FileSystemUse>, ProtocolError> {
    let mut client = control::connect(socket)?;
    let mut out = Vec::new();
    for some in uids.chunks(QUOTA_UIDS_MAX) {
        out.extend(client.disk(some)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::protocol::{Reply, Request, read_line, write_line};
    use std::io::BufReader;
    use std::os::unix::net::UnixListener;

    /// An executor whose file system 8:1 has quotas, with `uid` KiB for each; 8:2 may not be read.
    fn executor(listener: &UnixListener) {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Ok(Some(line)) = read_line(&mut stream, 1 << 20) {
                let Request::Disk { uids } = serde_json::from_slice(&line).unwrap() else {
                    panic!("{line:?}")
                };
                assert!(uids.len() <= QUOTA_UIDS_MAX);
                let rows = uids.iter().map(|uid| (*uid, u64::from(*uid), 3)).collect();
                let disk = Some(vec![
                    FileSystemUse { device: (8, 1), rows, error: None },
                    FileSystemUse { device: (8, 2), rows: vec![], error: Some("may not".to_owned()) },
                ]);
                write_line(stream.get_mut(), &Reply { disk, ..Reply::done() }).unwrap();
            }
        }
    }

    #[test]
    fn every_account_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("x.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || executor(&listener));
        let mut quotas = Quotas::new(Some(socket));
        quotas.refresh(1_000..4_000);
        let check = |device, uid, want: Option<u64>| {
            let got = quotas.of(device, uid).map(|(usage, _)| usage.kib);
            assert_eq!(got, want, "{device:?} {uid}");
        };
        check((8, 1), 1_000, Some(1_000));
        check((8, 1), 3_999, Some(3_999));
        check((8, 1), 4_000, None);
        check((8, 2), 1_000, None);
        assert_eq!(quotas.said, "may not");
        // Not again at once: a user who came in between waits for his turn.
        quotas.refresh(1_000..9_000);
        assert!(quotas.of((8, 1), 5_000).is_none());
    }

    #[test]
    fn no_executor_no_quotas() {
        let mut quotas = Quotas::new(Some("/nonexistent/x.sock".into()));
        quotas.refresh(1_000..1_001);
        assert!(quotas.of((8, 1), 1_000).is_none());
        assert!(quotas.said.starts_with("the executor gives no quotas: "), "{}", quotas.said);
        assert!(quotas.due.unwrap() > Instant::now() + QUOTA_EVERY);
    }
}
