//! What a backup says of itself, and the sums by which damage is found.

use super::files::{self, FileError};
use crate::limits::MANIFEST_MAX_BYTES;
use hostmeter_core::wire::key::hex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The form of the directory.
pub(super) const FORMAT: u32 = 1;
/// The manifest's file.
pub(super) const MANIFEST: &str = "manifest.json";
/// Sums of all files, as `sha256sum -c` reads them.
pub(super) const SUMS: &str = "SHA256SUMS";

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Form of the directory.
    pub format: u32,
    /// Version of the program that made it.
    pub version: String,
    /// Schema of control.db.
    pub schema: i64,
    /// When the copy was begun, milliseconds since the epoch.
    pub made_ms: i64,
    /// The journal's last transaction that it holds.
    pub serial: u64,
    /// Every other file.
    pub files: Vec<FileSum>,
    /// Up to where it holds the envelopes of each host and epoch.
    pub hosts: Vec<Covered>,
    /// Transactions of the ledger, all verified.
    pub transactions: u64,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSum {
    /// Path within the backup.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What a backup holds of a host's chain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covered {
    /// Row of the host.
    pub host: i64,
    /// Its name.
    pub name: String,
    /// The epoch.
    pub epoch: i64,
    /// Highest sequence number held.
    pub seq: i64,
}

/// Why a directory is no backup to restore from.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// A file is missing or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what was written.
    #[error(
        "{path}: damaged or cut short: its SHA-256 is not the one in {SUMS}; take another backup, or another copy of \
         this one", path = .0.display()
    )]
    Sum(PathBuf),
    /// The list of sums cannot be read.
    #[error("{path}: damaged: line {line} is not a sum and a name", path = path.display())]
    Line {
        /// The list.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// A file is not in the list.
    #[error("{path}: {name:?} is missing in it", path = path.display())]
    Unlisted {
        /// The list.
        path: PathBuf,
        /// The file.
        name: String,
    },
    /// The manifest is of another form.
    #[error("{path}: {why}", path = path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Manifest {
    /// Writes manifest and sums into the directory, whose other files are complete.
    pub(super) fn write(&self, dir: &Path) -> Result<(), Unfit> {
        let path = dir.join(MANIFEST);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Unfit::Manifest { path: path.clone(), why: e.to_string() })?;
        files::write(&path, &text)?;
        let own = files::sum(&path)?.1;
        let mut sums = format!("{own}  {MANIFEST}\n");
        for file in &self.files {
            sums.push_str(&format!("{}  {}\n", file.sha256, file.name));
        }
        Ok(files::write(&dir.join(SUMS), sums.as_bytes())?)
    }

    /// Reads the manifest of a backup; holds it, and nothing else, against its sum.
    pub fn read(dir: &Path) -> Result<Self, Unfit> {
        let sums = read_sums(dir)?;
        Self::read_with(dir, &sums)
    }

    fn read_with(dir: &Path, sums: &BTreeMap<String, String>) -> Result<Self, Unfit> {
        let path = dir.join(MANIFEST);
        let text = read_small(&path)?;
        let sum = sums.get(MANIFEST).ok_or_else(|| unlisted(dir, MANIFEST))?;
        if hex(&hostmeter_core::wire::key::sha256(&text)) != *sum {
            return Err(Unfit::Sum(path));
        }
        let wrong = |why: String| Unfit::Manifest { path: path.clone(), why };
        let manifest: Self = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        if manifest.format != FORMAT {
            let why = format!("form {} of a backup; this program knows {FORMAT}", manifest.format);
            return Err(wrong(why));
        }
        let bad =
            manifest.files.iter().find(|f| f.name.starts_with('/') || f.name.split('/').any(|p| p == ".."));
        match bad {
            Some(file) => Err(wrong(format!("{:?} is no path within a backup", file.name))),
            None => Ok(manifest),
        }
    }

    /// Reads a whole backup and holds every file against its sum.
    pub fn check(dir: &Path) -> Result<Self, Unfit> {
        let sums = read_sums(dir)?;
        let manifest = Self::read_with(dir, &sums)?;
        for file in &manifest.files {
            let path = dir.join(&file.name);
            let want = sums.get(&file.name).ok_or_else(|| unlisted(dir, &file.name))?;
            let (bytes, sum) = files::sum(&path)?;
            if sum != *want || sum != file.sha256 || bytes != file.bytes {
                return Err(Unfit::Sum(path));
            }
        }
        Ok(manifest)
    }
}

fn unlisted(dir: &Path, name: &str) -> Unfit {
    Unfit::Unlisted { path: dir.join(SUMS), name: name.to_owned() }
}

fn read_small(path: &Path) -> Result<Vec<u8>, Unfit> {
    let len = std::fs::metadata(path).map_err(files::at(path))?.len();
    if len > MANIFEST_MAX_BYTES {
        let why = format!("{len} bytes are more than the {MANIFEST_MAX_BYTES} allowed here");
        return Err(Unfit::Manifest { path: path.to_owned(), why });
    }
    Ok(std::fs::read(path).map_err(files::at(path))?)
}

/// Sum by name.
fn read_sums(dir: &Path) -> Result<BTreeMap<String, String>, Unfit> {
    let path = dir.join(SUMS);
    let text = read_small(&path)?;
    let mut out = BTreeMap::new();
    for (n, line) in text.split(|b| *b == b'\n').enumerate().filter(|(_, l)| !l.is_empty()) {
        let parts = std::str::from_utf8(line).ok().and_then(|l| l.split_once("  "));
        let Some((sum, name)) = parts.filter(|(sum, _)| sum.len() == 64) else {
            return Err(Unfit::Line { path, line: n.saturating_add(1) });
        };
        out.insert(name.to_owned(), sum.to_owned());
    }
    Ok(out)
}
