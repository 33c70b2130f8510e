//! What the agent keeps beside its spool: the host's key, the enrolment, the clock. The directory has mode 0700.

use crate::fault;
use crate::limits::STATE_FILE_MAX_BYTES;
use hostmeter_core::ids::{HostId, HostName};
use hostmeter_core::wire::key::{PublicKey, SigningKey};
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

pub(crate) const KEY: &str = "host.key";
const ENROLMENT: &str = "enrolment.json";
const NEXT_KEY: &str = "host.key.next";

/// Why state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {why}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// Another agent runs on the same directory.
    #[error("{0}: another hostmeter-agent uses this directory; stop it first")]
    Locked(PathBuf),
    /// Not enrolled.
    #[error(
        "{0}: this machine is not enrolled; run `hostmeter host add NAME` on the collector, then here \
         `hostmeter-agent enroll --collector URL --token TOKEN`"
    )]
    NotEnrolled(PathBuf),
    /// The system gave no random bytes.
    #[error("no random bytes for a key: {0}")]
    Random(getrandom::Error),
}

/// What the collector said at enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Version of this file.
    pub v: u32,
    /// The host's identity.
    pub host_id: HostId,
    /// Its name.
    pub name: HostName,
    /// Epoch to seal under.
    pub epoch: u64,
    /// Signs acknowledgements.
    pub identity_key: PublicKey,
    /// Signs commands.
    pub command_key: PublicKey,
    /// The collector's address.
    pub url: String,
}

/// What the executor trusts; written at enrolment, read by the executor alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutorTrust {
    /// The host's identity.
    pub host_id: HostId,
    /// Commands of another epoch are refused.
    pub epoch: u64,
    /// Signs commands.
    pub command_key: PublicKey,
}

/// The state directory, locked for this process as long as the value lives.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the directory (0700) where it is missing and locks it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        make_dir(path)?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io_at(&lock_path))?;
        give_to_owner_of(path, &lock).map_err(io_at(&lock_path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StateError::Locked(path.to_owned())),
            Err(e) => Err(io_at(&lock_path)(e.into())),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the spool is.
    pub fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The host's key, if there is one.
    pub fn key(&self) -> Result<Option<SigningKey>, StateError> {
        read_key(&self.file(KEY))
    }

    /// The key to ask for enrolment with: the host's own, or with `is_new` another one, which becomes the host's by
    /// [`Self::promote_key`]. Made where it is missing; the same again when asked again.
    pub fn key_to_enrol(&self, is_new: bool) -> Result<SigningKey, StateError> {
        make_key(&self.file(if is_new { NEXT_KEY } else { KEY }))
    }

    /// Makes the new key the host's; the old one is kept as `host.key.old`.
    pub fn promote_key(&self) -> Result<(), StateError> {
        let (key, next) = (self.file(KEY), self.file(NEXT_KEY));
        if let Some(old) = read_if_there(&key)? {
            write_durable(&self.file("host.key.old"), &old)?;
        }
        std::fs::rename(&next, &key).map_err(io_at(&next))?;
        sync_dir(&self.path)
    }

    /// The enrolment, if there is one.
    pub fn enrolment(&self) -> Result<Option<Enrolment>, StateError> {
        enrolment_of(&self.path)
    }

    /// Writes the enrolment.
    pub fn save_enrolment(&self, enrolment: &Enrolment) -> Result<(), StateError> {
        write_durable(&self.file(ENROLMENT), &to_json(enrolment))
    }

    /// Enrolment and key, or what to do about their absence.
    pub fn identity(&self) -> Result<(Enrolment, SigningKey), StateError> {
        match (self.enrolment()?, self.key()?) {
            (Some(enrolment), Some(key)) => Ok((enrolment, key)),
            _ => Err(StateError::NotEnrolled(self.path.clone())),
        }
    }

    /// What the clock knew. A damaged file is as good as none: it is named in the log and replaced later.
    pub fn clock(&self) -> Option<crate::clock::Kept> {
        read_json(&self.file("clock.json"), "it will be replaced").unwrap_or_else(|e| {
            tracing::warn!("what was known of the collector's time is lost: {e}");
            None
        })
    }

    /// Keeps what the clock knows.
    pub fn save_clock(&self, kept: &crate::clock::Kept) -> Result<(), StateError> {
        write_durable(&self.file("clock.json"), &to_json(kept))
    }

    /// Moves the spool of another identity aside. Returns where it is now, if there was one.
    pub fn set_spool_aside(&self, host: HostId, epoch: u64) -> Result<Option<PathBuf>, StateError> {
        let from = self.spool();
        if !from.exists() {
            return Ok(None);
        }
        let free = |n: &u32| !self.file(&format!("spool.{host}.{epoch}.{n}")).exists();
        let n = (1..).find(free).unwrap_or(u32::MAX);
        let to = self.file(&format!("spool.{host}.{epoch}.{n}"));
        std::fs::rename(&from, &to).map_err(io_at(&from))?;
        sync_dir(&self.path)?;
        Ok(Some(to))
    }
}

/// The enrolment in a directory that another process may have locked.
pub fn enrolment_of(dir: &Path) -> Result<Option<Enrolment>, StateError> {
    read_json(&dir.join(ENROLMENT), "move it away and enrol again")
}

/// The key in this file, made where it is missing.
pub(crate) fn make_key(path: &Path) -> Result<SigningKey, StateError> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(StateError::Random)?;
    write_durable(path, &seed)?;
    read_key(path)?.ok_or_else(|| StateError::NotEnrolled(path.to_owned()))
}

pub(crate) fn read_key(path: &Path) -> Result<Option<SigningKey>, StateError> {
    let Some(bytes) = read_if_there(path)? else { return Ok(None) };
    let bad = || StateError::Content {
        path: path.to_owned(),
        why: "is not a key of 32 bytes; restore it, or move it away and enrol again".to_owned(),
    };
    let seed: [u8; 32] = bytes.as_slice().try_into().map_err(|_| bad())?;
    SigningKey::from_seed(&seed).map(Some).map_err(|_| bad())
}

/// Makes a directory with mode 0700, and its parents, where missing.
pub fn make_dir(path: &Path) -> Result<(), StateError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_at(path))
}

/// Attaches the path to an error of the file system.
pub(crate) fn io_at(path: &Path) -> impl Fn(io::Error) -> StateError + '_ {
    move |source| StateError::Io { path: path.to_owned(), source }
}

/// A whole file of at most `max` bytes.
pub fn read_bounded(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("has more than {max} bytes")));
    }
    Ok(bytes)
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match read_bounded(path, STATE_FILE_MAX_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_at(path)(e)),
    }
}

/// Reads a JSON file; `remedy` says what to do if it is none.
pub fn read_json<T: DeserializeOwned>(path: &Path, remedy: &str) -> Result<Option<T>, StateError> {
    let Some(bytes) = read_if_there(path)? else { return Ok(None) };
    parse_json(path, &bytes, remedy).map(Some)
}

/// What the bytes of a JSON file hold; `remedy` says what to do if it is none.
pub(crate) fn parse_json<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    remedy: &str,
) -> Result<T, StateError> {
    let bad = |e: serde_json::Error| StateError::Content {
        path: path.to_owned(),
        why: format!("does not hold what it should ({e}); {remedy}"),
    };
    serde_json::from_slice(bytes).map_err(bad)
}

/// Serialises state; only maps with keys that are no strings could fail, and there are none.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_default()
}

/// Replaces a file (0600) so that it holds the old or the new bytes after a power cut, never a part.
pub fn write_durable(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let file = write_beside(path, bytes)?;
    fault::at("state.sync").and_then(|()| file.sync_all()).map_err(io_at(path))?;
    fault::synced(&temporary(path));
    fault::at("state.rename").map_err(io_at(path))?;
    put_in_place(path)?;
    fault::at("state.dir").map_err(io_at(path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Opens a file (0600) to write into it in place, and makes it where it is missing.
pub fn open_in_place(path: &Path) -> Result<File, StateError> {
    let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = options.map_err(io_at(path))?;
    if let Some(dir) = path.parent() {
        give_to_owner_of(dir, &file).map_err(io_at(path))?;
    }
    Ok(file)
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn write_beside(path: &Path, bytes: &[u8]) -> Result<File, StateError> {
    let beside = temporary(path);
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut file = open.map_err(io_at(&beside))?;
    if let Some(dir) = path.parent() {
        give_to_owner_of(dir, &file).map_err(io_at(&beside))?;
    }
    fault::at("state.write").and_then(|()| file.write_all(bytes)).map_err(io_at(&beside))?;
    Ok(file)
}

/// What root writes into the agent's directory (at enrolment) must be the agent's.
fn give_to_owner_of(dir: &Path, file: &File) -> io::Result<()> {
    let (want, is) = (std::fs::metadata(dir)?, file.metadata()?);
    if rustix::process::geteuid().is_root() && (want.uid(), want.gid()) != (is.uid(), is.gid()) {
        match fchown(file, Some(want.uid()), Some(want.gid())) {
            // The root of a user namespace cannot give to ids that it does not have; then the agent runs as it, too.
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {}
            other => other?,
        }
    }
    Ok(())
}

fn put_in_place(path: &Path) -> Result<(), StateError> {
    std::fs::rename(temporary(path), path).map_err(io_at(path))
}

/// Makes names in a directory durable.
pub fn sync_dir(path: &Path) -> Result<(), StateError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io_at(path))?;
    fault::synced(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_stay_and_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("a/b")).unwrap();
        assert!(state.key().unwrap().is_none());
        let first = state.key_to_enrol(false).unwrap().public();
        assert_eq!(state.key_to_enrol(false).unwrap().public(), first, "asked again");
        let next = state.key_to_enrol(true).unwrap().public();
        assert_eq!(state.key_to_enrol(true).unwrap().public(), next, "asked again");
        assert_eq!(state.key().unwrap().unwrap().public(), first, "a refusal changes nothing");
        state.promote_key().unwrap();
        assert_eq!(state.key().unwrap().unwrap().public(), next);
        assert_ne!(state.key_to_enrol(true).unwrap().public(), next);
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(state.file("host.key")), mode(state.path.clone())), (0o600, 0o700));
        std::fs::write(state.file("host.key"), [1; 31]).unwrap();
        let error = state.key().unwrap_err().to_string();
        assert!(
            error.ends_with("is not a key of 32 bytes; restore it, or move it away and enrol again"),
            "{error}"
        );
    }

    #[test]
    fn what_root_writes_belongs_to_the_agent() {
        let dir = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(dir.path(), Some(64_000), Some(64_001)).is_err() {
            // Not root: then every file belongs to the one user there is.
            return;
        }
        let state = StateDir::open(dir.path()).unwrap();
        state.key_to_enrol(false).unwrap();
        for name in ["host.key", "lock"] {
            let meta = std::fs::metadata(state.file(name)).unwrap();
            assert_eq!((meta.uid(), meta.gid()), (64_000, 64_001), "{name}");
        }
    }

    #[test]
    fn one_agent_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = StateDir::open(dir.path()).unwrap();
        assert!(matches!(StateDir::open(dir.path()), Err(StateError::Locked(_))));
        drop(first);
        assert!(StateDir::open(dir.path()).is_ok());
    }

    #[test]
    fn missing_and_damaged_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        assert_eq!(state.enrolment().unwrap(), None);
        assert!(matches!(state.identity(), Err(StateError::NotEnrolled(_))));
        std::fs::write(state.file("enrolment.json"), "{\"v\":1}").unwrap();
        let error = state.enrolment().unwrap_err().to_string();
        assert!(
            error.contains("missing field") && error.ends_with("move it away and enrol again"),
            "{error}"
        );
        std::fs::write(state.file("clock.json"), "x").unwrap();
        assert_eq!(state.clock(), None);
    }

    #[test]
    fn a_spool_is_set_aside_under_a_free_name() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        assert_eq!(state.set_spool_aside(HostId([0; 16]), 1).unwrap(), None);
        for n in 1..3 {
            make_dir(&state.spool()).unwrap();
            let to = state.set_spool_aside(HostId([0; 16]), 1).unwrap().unwrap();
            assert!(to.ends_with(format!("spool.00000000-0000-0000-0000-000000000000.1.{n}")), "{to:?}");
        }
    }
}
