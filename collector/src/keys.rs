//! The collector's own keys: one signs acknowledgements and answers, one signs commands. 32-byte seeds in
//! `data_dir/keys`, readable by the collector alone.

use hostmeter_core::wire::key::{KeyError, SigningKey, hex, unhex};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const IDENTITY: &str = "identity.seed";
const COMMAND: &str = "command.seed";

/// Why keys could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("{path} can be read by others (mode {mode:o}); run: chmod 600 {path}", path = path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 64 hexadecimal digits.
    #[error("{path}: not a seed of 64 hexadecimal digits; restore it from the backup", path = .0.display())]
    NotASeed(PathBuf),
    /// The key was refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system gave no randomness.
    #[error("the system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// Both private keys.
#[derive(Debug)]
pub struct Keys {
    /// Signs acknowledgements and enrolment answers; its fingerprint stands in enrolment tokens.
    pub identity: SigningKey,
    /// Signs commands; pinned by executors at enrolment.
    pub command: SigningKey,
}

impl Keys {
    /// Names of the files in `data_dir/keys`.
    pub const FILES: [&'static str; 2] = [IDENTITY, COMMAND];

    /// Reads both keys from `data_dir/keys`.
    pub fn load(data_dir: &Path) -> Result<Self, KeysError> {
        let dir = data_dir.join("keys");
        Ok(Self { identity: read(&dir.join(IDENTITY))?, command: read(&dir.join(COMMAND))? })
    }

    /// Makes the keys that are missing; those that stand are never replaced, because hosts pinned them.
    pub fn make(data_dir: &Path) -> Result<Self, KeysError> {
        let dir = data_dir.join("keys");
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(|source| KeysError::Io { path: dir.clone(), source })?;
        for name in [IDENTITY, COMMAND] {
            let path = dir.join(name);
            if !path.exists() {
                write(&path)?;
            }
        }
        // So that the names are there after a power cut, too.
        std::fs::File::open(&dir)
            .and_then(|d| d.sync_all())
            .map_err(|source| KeysError::Io { path: dir, source })?;
        Self::load(data_dir)
    }

    /// Fresh keys that stand nowhere, for tests.
    pub fn from_seeds(identity: &[u8; 32], command: &[u8; 32]) -> Result<Self, KeysError> {
        Ok(Self { identity: SigningKey::from_seed(identity)?, command: SigningKey::from_seed(command)? })
    }
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> Result<[u8; N], KeysError> {
    let mut out = [0_u8; N];
    getrandom::fill(&mut out)?;
    Ok(out)
}

fn read(path: &Path) -> Result<SigningKey, KeysError> {
    let io = |source| KeysError::Io { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(io)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeysError::Mode { path: path.to_owned(), mode });
    }
    let text = std::fs::read_to_string(path).map_err(io)?;
    let seed = unhex::<32>(text.trim()).ok_or_else(|| KeysError::NotASeed(path.to_owned()))?;
    Ok(SigningKey::from_seed(&seed)?)
}

fn write(path: &Path) -> Result<(), KeysError> {
    let io = |source| KeysError::Io { path: path.to_owned(), source };
    let seed = random::<32>()?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    writeln!(file, "{}", hex(&seed)).map_err(io)?;
    file.sync_all().map_err(io)
}
