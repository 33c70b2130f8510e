//! control.db: one writer thread with group commit, readers on their own connections.
//!
//! Everything that money and commands rest on is in this one file, because one transaction must hold envelope, hour
//! totals and sequence number.

mod capture;
mod error;
mod journal;
mod migrate;
mod readers;
mod record;
pub mod replay;
mod segments;
mod tables;
mod writer;

pub use error::{DbError, from_sql, to_sql};
pub use journal::{State, state as journal_state};
pub use migrate::SCHEMA_VERSION;
pub use rusqlite::{Connection, OptionalExtension, Transaction, params};
pub(crate) use segments::remove_before as prune_journal;
pub use writer::WriteStats;

use journal::Journal;
use readers::Readers;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use writer::Writer;

/// A handle on control.db; clones share it.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    // Declared before the writer: readers close first, so that the writer's close can fold the log.
    readers: Readers,
    writer: Writer,
}

impl Db {
    /// Opens the file, makes it or brings it to this program's schema, and starts the writer.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        Self::open_with(path, None)
    }

    /// As [`Db::open`], with a journal in that directory.
    pub fn open_with(path: &Path, journal: Option<&Path>) -> Result<Self, DbError> {
        let conn = migrate::open(path)?;
        let journal = match journal {
            Some(dir) => Some(Journal::open(dir, &conn)?),
            None => journal::without(&conn).map(|()| None)?,
        };
        let writer = Writer::start(conn, journal)?;
        let readers = Readers::new(path)?;
        Ok(Self { inner: Arc::new(Inner { path: path.to_owned(), readers, writer }) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs `f` in the writer's transaction; the answer comes after the commit. If `f` fails, nothing of it is kept;
    /// other writes of the same group are.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (send, receive) = tokio::sync::oneshot::channel();
        // A caller that went away does not undo a commit.
        self.inner.writer.submit(f, move |result| drop(send.send(result)))?;
        receive.await.unwrap_or_else(|_| Err(DbError::Closed.into()))
    }

    /// As [`Db::write`], for threads that may block. Never call it from async code.
    pub fn write_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        self.inner.writer.submit(f, move |result| drop(send.send(result)))?;
        receive.recv().unwrap_or_else(|_| Err(DbError::Closed.into()))
    }

    /// Runs `f` on a read-only connection, in one snapshot, off the async threads.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let permit = self.inner.readers.admit().await?;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            inner.readers.run(f)
        });
        match task.await {
            Ok(result) => result,
            Err(e) => Err(DbError::Panicked(e.to_string()).into()),
        }
    }

    /// As [`Db::read`], for threads that may block.
    pub fn read_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        E: From<DbError>,
        F: FnOnce(&Connection) -> Result<T, E>,
    {
        self.inner.readers.run(f)
    }

    /// What the writer did and what waits for it.
    pub fn write_stats(&self) -> WriteStats {
        self.inner.writer.stats()
    }
}

/// One write from beside the collector, which may be running. With `is_journalled`, its record goes into control.db, and
/// the collector appends it to the journal with its next write or at its next start.
pub fn write_beside<T, E: From<DbError>>(
    path: &Path,
    is_journalled: bool,
    f: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut conn = migrate::open(path)?;
    let capture = is_journalled.then(|| capture::Capture::install(&conn)).transpose()?;
    let tx =
        conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(DbError::from)?;
    let out = f(&tx)?;
    if let Some(capture) = &capture {
        journal::seal(capture, &tx)?;
    }
    tx.commit().map_err(DbError::from)?;
    Ok(out)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
