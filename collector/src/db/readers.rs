//! A small pool of read-only connections.

use super::DbError;
use super::migrate::open_reader;
use crate::limits::{READ_QUEUE_MAX, READERS};
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Result<Self, DbError> {
        // One is opened at once, so that a file that cannot be read is named at the start.
        let first = open_reader(path)?;
        Ok(Self {
            path: path.to_owned(),
            idle: Mutex::new(vec![first]),
            slots: Arc::new(Semaphore::new(READERS)),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Waits for a turn; refuses if too many wait already.
    pub(super) async fn admit(&self) -> Result<OwnedSemaphorePermit, DbError> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        // Also runs when the caller goes away while it waits.
        let _leave = Leave(&self.waiting);
        if waiting >= READ_QUEUE_MAX {
            return Err(DbError::Overloaded { what: "reads", waiting });
        }
        Arc::clone(&self.slots).acquire_owned().await.map_err(|_| DbError::Closed)
    }

    pub(super) fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        E: From<DbError>,
        F: FnOnce(&Connection) -> Result<T, E>,
    {
        let mut conn = match self.take() {
            Some(conn) => conn,
            None => open_reader(&self.path)?,
        };
        let result = in_snapshot(&mut conn, f);
        self.give(conn);
        result
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give(&self, conn: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS {
            idle.push(conn);
        }
    }
}

struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All statements of `f` see the same state.
fn in_snapshot<T, E, F>(conn: &mut Connection, f: F) -> Result<T, E>
where
    E: From<DbError>,
    F: FnOnce(&Connection) -> Result<T, E>,
{
    let tx = conn.transaction_with_behavior(TransactionBehavior::Deferred).map_err(DbError::from)?;
    f(&tx)
}
