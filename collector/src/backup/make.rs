//! Making a backup, while the collector runs.

use super::files::{self, FileError};
use super::manifest::{Covered, FORMAT, FileSum, Manifest, Unfit};
use crate::billing::BillingError;
use crate::billing::verify::{Report, verify};
use crate::config::Config;
use crate::db::{Connection, DbError, SCHEMA_VERSION, Transaction, from_sql, params};
use crate::keys::{Keys, KeysError};
use hostmeter_core::units::rfc3339;
use rusqlite::OpenFlags;
use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What the names of backups begin with.
pub(super) const PREFIX: &str = "hostmeter-";
pub(super) const CONTROL: &str = "control.db";
pub(super) const USAGE: &str = "usage.db";
pub(super) const KEYS: &str = "keys";
const CONFIG: &str = "collector.toml";
const LOCK: &str = ".lock";

/// A backup that was made.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    /// Its directory.
    pub path: PathBuf,
    /// What it says of itself.
    #[serde(flatten)]
    pub manifest: Manifest,
}

/// Why there is no backup. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A database could not be copied or read.
    #[error("{path}: {source}", path = path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The copy is not good.
    #[error("the copy of {what} was made, but is not good: {why}")]
    Bad {
        /// Which.
        what: &'static str,
        /// What was found.
        why: String,
    },
    /// Another program runs a backup into the same directory.
    #[error("{dir}: another backup is being made there; wait for it", dir = .0.display())]
    Busy(PathBuf),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] Unfit),
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes and verifies a backup in a directory of its own below `to`. `config_file` is copied beside it.
pub fn make(
    config: &Config,
    config_file: Option<&Path>,
    to: &Path,
    now_ms: i64,
) -> Result<Made, BackupError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(to).map_err(files::at(to))?;
    let _lock = lock(to)?;
    let stamp: String = rfc3339(now_ms).chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let name = format!("{PREFIX}{stamp}");
    let (partial, path) = (to.join(format!(".{name}.partial")), to.join(&name));
    // Of an attempt that was killed.
    clear_partial(to)?;
    builder.recursive(false).create(&partial).map_err(files::at(&partial))?;
    let made = fill(config, config_file, &partial, now_ms);
    let manifest = match made {
        Ok(manifest) => manifest,
        Err(e) => {
            if let Err(left) = files::remove(&partial) {
                tracing::warn!(path = %partial.display(), error = %left, "what a failed backup left could not be removed");
            }
            return Err(e);
        }
    };
    std::fs::rename(&partial, &path).map_err(files::at(&path))?;
    files::sync(to)?;
    Ok(Made { path, manifest })
}

fn lock(to: &Path) -> Result<File, BackupError> {
    let path = to.join(LOCK);
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(&path).map_err(files::at(&path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(BackupError::Busy(to.to_owned())),
        Err(e) => Err(files::at(&path)(e.into()).into()),
    }
}

fn clear_partial(to: &Path) -> Result<(), FileError> {
    for entry in std::fs::read_dir(to).map_err(files::at(to))? {
        let path = entry.map_err(files::at(to))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with(&format!(".{PREFIX}")) && name.ends_with(".partial") {
            files::remove(&path)?;
        }
    }
    Ok(())
}

fn fill(
    config: &Config,
    config_file: Option<&Path>,
    dir: &Path,
    now_ms: i64,
) -> Result<Manifest, BackupError> {
    let mut names = vec![CONTROL.to_owned()];
    // Before control.db: what is forwarded later is forwarded again from its envelopes.
    if config.usage_db().exists() {
        copy_db(&config.usage_db(), &dir.join(USAGE))?;
        names.push(USAGE.to_owned());
    }
    copy_db(&config.control_db(), &dir.join(CONTROL))?;
    // Reads them as a collector would.
    Keys::load(&config.data_dir)?;
    std::fs::DirBuilder::new().mode(0o700).create(dir.join(KEYS)).map_err(files::at(dir))?;
    for name in Keys::FILES {
        let name = format!("{KEYS}/{name}");
        files::copy(&config.data_dir.join(&name), &dir.join(&name))?;
        names.push(name);
    }
    if let Some(file) = config_file {
        files::copy(file, &dir.join(CONFIG))?;
        names.push(CONFIG.to_owned());
    }
    let checked = check_control(&dir.join(CONTROL))?;
    if names.iter().any(|n| n == USAGE) {
        check_usage(&dir.join(USAGE))?;
    }
    let mut sums = Vec::new();
    for name in names {
        let path = dir.join(&name);
        files::sync(&path)?;
        let (bytes, sha256) = files::sum(&path)?;
        sums.push(FileSum { name, bytes, sha256 });
    }
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: SCHEMA_VERSION,
        made_ms: now_ms,
        serial: checked.serial,
        files: sums,
        hosts: checked.hosts,
        transactions: checked.ledger.transactions,
    };
    manifest.write(dir)?;
    files::sync(&dir.join(KEYS))?;
    files::sync(dir)?;
    Ok(manifest)
}

fn copy_db(from: &Path, to: &Path) -> Result<(), BackupError> {
    files::copy_db(from, to).map_err(|source| BackupError::Sqlite { path: from.to_owned(), source })
}

/// A copy of control.db that holds together.
pub(super) struct Checked {
    pub(super) serial: u64,
    pub(super) hosts: Vec<Covered>,
    pub(super) ledger: Report,
}

/// Reads the whole copy: its pages, references between rows, the ledger from the entries up.
pub(super) fn check_control(path: &Path) -> Result<Checked, BackupError> {
    let conn = open(path)?;
    let wrap = |source| BackupError::Sqlite { path: path.to_owned(), source };
    let bad = |why: String| BackupError::Bad { what: CONTROL, why };
    check_pages(&conn, "integrity_check").map_err(wrap)?.map_or(Ok(()), |why| Err(bad(why)))?;
    let schema: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(wrap)?;
    if schema != SCHEMA_VERSION {
        return Err(bad(format!(
            "it has schema version {schema}, this program {SCHEMA_VERSION}; restart the collector with this version first"
        )));
    }
    let mut stmt = conn.prepare("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1").map_err(wrap)?;
    let dangling: Option<String> =
        stmt.query_map([], |r| r.get(0)).and_then(|mut r| r.next().transpose()).map_err(wrap)?;
    if let Some(table) = dangling {
        return Err(bad(format!("a row of table {table} refers to one that does not exist")));
    }
    let ledger = verify(&conn).map_err(|e: BillingError| bad(format!("the ledger cannot be read: {e}")))?;
    if !ledger.ok {
        return Err(bad(format!("the ledger differs: {}", ledger.differences.join("; "))));
    }
    let serial = crate::db::journal_state(&conn)?.map_or(0, |s| s.serial);
    Ok(Checked { serial, hosts: covered(&conn)?, ledger })
}

fn check_usage(path: &Path) -> Result<(), BackupError> {
    let conn = open(path)?;
    let wrap = |source| BackupError::Sqlite { path: path.to_owned(), source };
    check_pages(&conn, "quick_check")
        .map_err(wrap)?
        .map_or(Ok(()), |why| Err(BackupError::Bad { what: USAGE, why }))
}

fn open(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .map_err(|source| BackupError::Sqlite { path: path.to_owned(), source })
}

/// `None`: good.
fn check_pages(conn: &Connection, pragma: &str) -> rusqlite::Result<Option<String>> {
    let said: String = conn.query_row(&format!("PRAGMA {pragma}(1)"), [], |r| r.get(0))?;
    Ok((said != "ok").then_some(said))
}

/// The end of every chain that the copy holds.
fn covered(conn: &Connection) -> Result<Vec<Covered>, DbError> {
    let sql = "SELECT h.id, h.name, h.epoch, h.high_seq FROM host h
        UNION ALL SELECT h.id, h.name, e.epoch, max(e.seq) FROM envelope e JOIN host h ON h.id = e.host
          WHERE e.epoch <> h.epoch GROUP BY e.host, e.epoch ORDER BY 2, 3";
    let mut stmt = conn.prepare(sql)?;
    let rows = stmt.query_map([], |r| {
        Ok(Covered { host: r.get(0)?, name: r.get(1)?, epoch: r.get(2)?, seq: r.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes a verified backup: from here on agents may forget what it holds.
pub fn record(tx: &Transaction<'_>, made: &Made) -> Result<(), DbError> {
    let m = &made.manifest;
    let serial = crate::db::to_sql("serial", m.serial)?;
    let path = made.path.display().to_string();
    tx.execute(
        "INSERT INTO backup (made_ms, path, serial) VALUES (?1, ?2, ?3)",
        params![m.made_ms, path, serial],
    )?;
    let mut stmt = tx.prepare_cached(
        "INSERT INTO archived (host, epoch, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT (host, epoch) DO UPDATE SET seq = max(seq, excluded.seq)",
    )?;
    for c in &m.hosts {
        from_sql("a sequence number", c.seq)?;
        stmt.execute([c.host, c.epoch, c.seq])?;
    }
    Ok(())
}
