//! Putting a backup, and the journal on top of it, into an empty data directory.

use super::files::{self, FileError};
use super::make::{self, BackupError, CONTROL, KEYS, USAGE};
use super::manifest::{Manifest, Unfit};
use crate::db::replay::{ReplayError, Replayed, replay, upgrade};
use crate::db::{Connection, DbError, SCHEMA_VERSION};
use crate::keys::{Keys, KeysError};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// control.db until everything is in it: what a restore that was cut off leaves is no data directory.
const UNFINISHED: &str = "control.db.restoring";

/// What to restore.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The backup's directory.
    pub from: PathBuf,
    /// The journal; `None`: what was written since the backup is lost.
    pub journal: Option<PathBuf>,
    /// A torn last record of the journal is left out instead of refused.
    pub accepts_torn: bool,
    /// Also a backup that is not the newest which agents were told of.
    pub accepts_older: bool,
}

/// What was restored.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Restored {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The backup, by what it says of itself.
    pub backup: Manifest,
    /// What the journal added; absent without one.
    pub replayed: Option<Replayed>,
    /// Transactions of the ledger afterwards, all verified.
    pub transactions: u64,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The target holds something.
    #[error("{path} is not empty (there is {found:?}); a restore goes into an empty data directory: move this one away first", path = path.display())]
    NotEmpty {
        /// The data directory.
        path: PathBuf,
        /// One of the files there.
        found: String,
    },
    /// Made by a newer version.
    #[error(
        "the backup has schema version {got}, newer than {SCHEMA_VERSION}, which this program understands; install the newer version"
    )]
    Newer {
        /// Its version.
        got: i64,
    },
    /// Agents may have forgotten what this backup does not hold.
    #[error(
        "the journal knows of a newer backup, {path}; agents may have forgotten what that one holds and this one does not. \
         Restore that one, or give --accept-older and lose the usage in between", path = .0
    )]
    Older(String),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The journal.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// What was restored does not hold together.
    #[error("what was restored is not good: {0}")]
    Bad(#[from] BackupError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<rusqlite::Error> for RestoreError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Db(e.into())
    }
}

/// Restores into `data_dir`. What is refused changes nothing; what is cut off can be run again.
pub fn restore(options: &Options, data_dir: &Path) -> Result<Restored, RestoreError> {
    let backup = Manifest::check(&options.from)?;
    if backup.schema > SCHEMA_VERSION {
        return Err(RestoreError::Newer { got: backup.schema });
    }
    prepare(data_dir)?;
    let result = fill(options, &backup, data_dir);
    if result.is_err() {
        clear(data_dir)?;
    }
    result
}

fn fill(options: &Options, backup: &Manifest, data_dir: &Path) -> Result<Restored, RestoreError> {
    let control = data_dir.join(UNFINISHED);
    files::copy(&options.from.join(CONTROL), &control)?;
    let replayed = bring_up(options, backup, &control)?;
    files::sync(&control)?;
    let checked = make::check_control(&control)?;
    std::fs::DirBuilder::new().mode(0o700).create(data_dir.join(KEYS)).map_err(files::at(data_dir))?;
    for name in Keys::FILES {
        let name = format!("{KEYS}/{name}");
        files::copy(&options.from.join(&name), &data_dir.join(&name))?;
    }
    Keys::load(data_dir)?;
    if backup.files.iter().any(|f| f.name == USAGE) {
        files::copy(&options.from.join(USAGE), &data_dir.join(USAGE))?;
    }
    files::sync(&data_dir.join(KEYS))?;
    files::sync(data_dir)?;
    let done = data_dir.join(CONTROL);
    std::fs::rename(&control, &done).map_err(files::at(&done))?;
    files::sync(data_dir)?;
    Ok(Restored {
        data_dir: data_dir.to_owned(),
        backup: backup.clone(),
        replayed,
        transactions: checked.ledger.transactions,
    })
}

/// Replays the journal onto the copy, and brings it to this program's schema.
fn bring_up(options: &Options, backup: &Manifest, control: &Path) -> Result<Option<Replayed>, RestoreError> {
    let mut conn = Connection::open(control)?;
    // What is cut off is begun anew, so that nothing needs to be on the disk before the end.
    conn.pragma_update(None, "synchronous", "OFF")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.query_row("PRAGMA journal_mode = MEMORY", [], |r| r.get::<_, String>(0))?;
    let replayed = match &options.journal {
        Some(dir) => Some(replay(&mut conn, dir, options.accepts_torn)?),
        None => upgrade(&conn).map(|()| None)?,
    };
    // Not by the time: the clock may have been set back between two backups.
    let sql = "SELECT path FROM backup WHERE serial > ?1 ORDER BY serial DESC LIMIT 1";
    let serial = crate::db::to_sql("serial", backup.serial)?;
    let newer: Option<String> = conn.prepare(sql)?.query_map([serial], |r| r.get(0))?.next().transpose()?;
    match newer.filter(|_| !options.accepts_older) {
        Some(path) => Err(RestoreError::Older(path)),
        None => Ok(replayed),
    }
}

/// The directory, empty or with what a restore that was cut off left.
fn prepare(dir: &Path) -> Result<(), RestoreError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(files::at(dir))?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(files::at(dir))?;
    let names = names(dir)?;
    let is_ours = names.iter().any(|n| n == UNFINISHED) && names.iter().all(|n| ours(n));
    match names.into_iter().next() {
        None => Ok(()),
        Some(_) if is_ours => Ok(clear(dir)?),
        Some(found) => Err(RestoreError::NotEmpty { path: dir.to_owned(), found }),
    }
}

fn names(dir: &Path) -> Result<Vec<String>, FileError> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(files::at(dir))? {
        out.push(entry.map_err(files::at(dir))?.file_name().to_string_lossy().into_owned());
    }
    out.sort();
    Ok(out)
}

fn ours(name: &str) -> bool {
    name.starts_with(UNFINISHED) || name == KEYS || name == USAGE
}

/// Removes what an unfinished restore made; control.db's first form last.
fn clear(dir: &Path) -> Result<(), FileError> {
    let (last, first): (Vec<_>, Vec<_>) =
        names(dir)?.into_iter().filter(|n| ours(n)).partition(|n| n == UNFINISHED);
    for name in first.iter().chain(&last) {
        let path = dir.join(name);
        if path.is_dir() {
            files::remove(&path)?;
        } else {
            std::fs::remove_file(&path).map_err(files::at(&path))?;
        }
    }
    Ok(())
}
