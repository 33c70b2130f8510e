//! Whom the executor obeys: host id, epoch and the collector's command key, written at enrolment by root.

use super::files::{self, FileError};
use hostmeter_core::ids::HostId;
use hostmeter_core::wire::key::PublicKey;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Content of `trust.json` in the executor's state directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// This host.
    pub host_id: HostId,
    /// Epoch at enrolment. A command signed by `command_key` may raise it, nothing lowers it.
    pub epoch: u64,
    /// Signs commands.
    pub command_key: PublicKey,
}

/// Why there is nobody to obey.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Not enrolled.
    #[error(
        "{0} is missing: this host is not enrolled, so no command can be trusted; run `hostmeter-agent enroll` as root"
    )]
    Missing(PathBuf),
    /// Unreadable, damaged, or others could have written it.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Name of the file within the state directory.
pub const TRUST_FILE: &str = "trust.json";

/// Reads the trust file. It must belong to root (or to the executor's own user) and be writable by nobody else.
pub fn read(state_dir: &Path) -> Result<Trust, TrustError> {
    let path = state_dir.join(TRUST_FILE);
    let meta = match std::fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(TrustError::Missing(path)),
        Err(e) => return Err(FileError::io(&path, e).into()),
    };
    if !meta.is_file() {
        return Err(FileError::Unsafe { path, why: "it is no regular file".to_owned() }.into());
    }
    files::check_owner(&path, meta.uid(), meta.mode())?;
    files::read_json(&path)?.ok_or(TrustError::Missing(path))
}

/// Writes the trust file durably, mode 0600, and makes the state directory if it is missing.
pub fn write(state_dir: &Path, trust: &Trust) -> Result<(), FileError> {
    files::private_dir(state_dir)?;
    files::write_json(&state_dir.join(TRUST_FILE), trust)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn trust_is_read_only_from_safe_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TRUST_FILE);
        let check = |want: &str| {
            let got = read(dir.path()).err().map_or_else(String::new, |e| e.to_string());
            assert!(if want.is_empty() { got.is_empty() } else { got.contains(want) }, "{got:?} {want:?}");
        };
        check("this host is not enrolled");
        let trust = Trust { host_id: HostId([1; 16]), epoch: 3, command_key: PublicKey([2; 32]) };
        write(dir.path(), &trust).unwrap();
        assert_eq!(read(dir.path()).unwrap(), trust);
        let mode = |m| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(m)).unwrap();
        mode(0o644);
        check("");
        mode(0o664);
        check("its mode is 664; run: chmod go-w");
        mode(0o600);
        std::fs::write(&path, "{\"host_id\":1").unwrap();
        check("is damaged");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        check("it is no regular file");
    }
}
