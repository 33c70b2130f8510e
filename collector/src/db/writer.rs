//! The one thread that writes. Writes that wait together share a commit, each inside a savepoint of its own.

use super::DbError;
use super::journal::Journal;
use crate::fault;
use crate::limits::{WRITE_GROUP_MAX, WRITE_GROUP_TIME, WRITE_QUEUE_MAX};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// What the writer did since the start, and what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Writes that wait now.
    pub waiting: usize,
    /// Writes done.
    pub writes: u64,
    /// Commits done; fewer than writes when they share.
    pub commits: u64,
}

#[derive(Default)]
struct Counters {
    waiting: AtomicUsize,
    writes: AtomicU64,
    commits: AtomicU64,
}

/// A write that ran: whether its changes stay, and how to tell the caller once the commit's fate is known.
struct Ran {
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), DbError>) + Send>,
}

/// Called without a transaction when none could be begun: then only its answer matters.
type Job = Box<dyn FnOnce(Option<&Transaction<'_>>) -> Ran + Send>;

pub(super) struct Writer {
    // None only while it is dropped.
    queue: Option<SyncSender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counters: Arc<Counters>,
}

impl Writer {
    pub(super) fn start(conn: Connection, journal: Option<Journal>) -> Result<Self, DbError> {
        let (queue, jobs) = sync_channel(WRITE_QUEUE_MAX);
        let counters = Arc::new(Counters::default());
        let theirs = Arc::clone(&counters);
        let thread = std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || run(conn, journal, &jobs, &theirs))
            .map_err(DbError::Thread)?;
        Ok(Self { queue: Some(queue), thread: Mutex::new(Some(thread)), counters })
    }

    pub(super) fn submit<T, E, F, A>(&self, f: F, answer: A) -> Result<(), DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        A: FnOnce(Result<T, E>) + Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or(DbError::Closed)?;
        self.counters.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(job(f, answer)).map_err(|e| {
            let waiting = self.counters.waiting.fetch_sub(1, Ordering::Relaxed);
            match e {
                TrySendError::Full(_) => DbError::Overloaded { what: "writes", waiting },
                TrySendError::Disconnected(_) => DbError::Closed,
            }
        })
    }

    pub(super) fn stats(&self) -> WriteStats {
        WriteStats {
            waiting: self.counters.waiting.load(Ordering::Relaxed),
            writes: self.counters.writes.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Writer {
    /// Lets the writer finish what waits and close the file.
    fn drop(&mut self) {
        drop(self.queue.take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread.filter(|t| t.thread().id() != std::thread::current().id()) {
            // It caught its panics; there is nobody left to tell about another.
            drop(thread.join());
        }
    }
}

fn job<T, E, F, A>(f: F, answer: A) -> Job
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
    F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    A: FnOnce(Result<T, E>) + Send + 'static,
{
    Box::new(move |tx| {
        let Some(tx) = tx else {
            let answer = Box::new(move |commit: Result<(), DbError>| {
                answer(Err(commit.err().unwrap_or(DbError::Closed).into()));
            });
            return Ran { keep: false, answer };
        };
        let result = catch_unwind(AssertUnwindSafe(|| f(tx)))
            .unwrap_or_else(|panic| Err(DbError::Panicked(panic_text(panic.as_ref())).into()));
        let keep = result.is_ok();
        let answer = Box::new(move |commit: Result<(), DbError>| {
            answer(result.and_then(|value| commit.map(|()| value).map_err(E::from)));
        });
        Ran { keep, answer }
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

fn run(mut conn: Connection, mut journal: Option<Journal>, jobs: &Receiver<Job>, counters: &Counters) {
    while let Ok(first) = jobs.recv() {
        let mut ran = Vec::new();
        let commit = group(&mut conn, journal.as_mut(), first, jobs, &mut ran);
        if commit.is_ok() {
            counters.commits.fetch_add(1, Ordering::Relaxed);
        }
        counters.waiting.fetch_sub(ran.len(), Ordering::Relaxed);
        counters.writes.fetch_add(u64::try_from(ran.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Err(e) = &commit {
            tracing::error!(writes = ran.len(), why = %e, "a commit to control.db failed");
        }
        fault::at("write.answer");
        for Ran { answer, .. } in ran {
            answer(match &commit {
                Ok(()) => Ok(()),
                Err(DbError::Journal(why)) => Err(DbError::Journal(why.clone())),
                Err(e) => Err(DbError::Commit(e.to_string())),
            });
        }
    }
    // A short log at rest; if it fails, SQLite folds it at the next start.
    drop(conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
}

/// Runs the first write and those that wait behind it, then commits. Whatever ran stands in `ran`, also on failure.
/// With a journal, nothing is written while it cannot be, and the commit's record is synced before this returns.
fn group(
    conn: &mut Connection,
    mut journal: Option<&mut Journal>,
    first: Job,
    jobs: &Receiver<Job>,
    ran: &mut Vec<Ran>,
) -> Result<(), DbError> {
    if let Some(Err(e)) = journal.as_mut().map(|j| j.mend(conn)) {
        ran.push(first(None));
        return Err(e);
    }
    let tx = match conn.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(tx) => tx,
        Err(e) => {
            ran.push(first(None));
            return Err(e.into());
        }
    };
    let start = Instant::now();
    let mut next = Some(first);
    while let Some(job) = next.take() {
        one(&tx, job, ran)?;
        if ran.len() < WRITE_GROUP_MAX && start.elapsed() < WRITE_GROUP_TIME {
            next = jobs.try_recv().ok();
        }
    }
    fault::at("write.seal");
    if let Some(journal) = &journal {
        journal.seal(&tx)?;
    }
    fault::at("write.commit");
    tx.commit()?;
    fault::at("write.committed");
    journal.map_or(Ok(()), |journal| journal.flush(conn))
}

fn one(tx: &Transaction<'_>, job: Job, ran: &mut Vec<Ran>) -> Result<(), DbError> {
    if let Err(e) = run_cached(tx, "SAVEPOINT job") {
        ran.push(job(None));
        return Err(e.into());
    }
    let done = job(Some(tx));
    let keep = done.keep;
    ran.push(done);
    // A full disk or an I/O error rolls back the whole transaction: nothing of the group may count as stored.
    if tx.is_autocommit() {
        return Err(DbError::Commit("SQLite rolled it back (disk full, or an I/O error)".to_owned()));
    }
    if !keep {
        run_cached(tx, "ROLLBACK TO job")?;
    }
    Ok(run_cached(tx, "RELEASE job")?)
}

/// These run for every write: they are not compiled anew each time.
fn run_cached(tx: &Transaction<'_>, sql: &str) -> rusqlite::Result<()> {
    tx.prepare_cached(sql)?.execute([]).map(|_| ())
}
