//! Removing backups beyond those that are kept, and segments of the journal that no backup needs any more.

use super::files::{self, FileError};
use super::make::{BackupError, PREFIX};
use super::manifest::Manifest;
use crate::db::prune_journal;
use std::path::{Path, PathBuf};

/// Keeps the newest `keep` backups of a directory, and of the journal what the oldest of them needs. `made`, the newest of
/// all, stays even if the clock was set back since the others.
pub fn prune(dir: &Path, keep: usize, journal: Option<&Path>, made: &Path) -> Result<(), BackupError> {
    let mut all = list(dir)?;
    // A name is a time, and the journal's serial is the true order. What cannot be read goes first.
    all.sort_by_cached_key(|path| (path == made, Manifest::read(path).ok().map(|m| m.serial)));
    let (old, kept) = all.split_at(all.len().saturating_sub(keep));
    for path in old {
        files::remove(path)?;
        tracing::info!(path = %path.display(), "an old backup was removed");
    }
    // A backup that cannot be read may need any segment.
    let serials: Option<Vec<u64>> = kept.iter().map(|p| Manifest::read(p).ok().map(|m| m.serial)).collect();
    if let (Some(journal), Some(oldest)) = (journal, serials.and_then(|s| s.into_iter().min())) {
        prune_journal(journal, oldest)?;
    }
    Ok(())
}

/// Finished backups by their names, which are their times.
fn list(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(files::at(dir))? {
        let path = entry.map_err(files::at(dir))?.path();
        if path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(PREFIX)) {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}
