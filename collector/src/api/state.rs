//! What every handler shares.

use super::Problem;
use crate::backup::Archived;
use crate::billing::Runtime;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Connection, Db, DbError};
use crate::ingest::HostKeys;
use crate::ingest::admission::Admission;
use crate::ingest::counting::Counter;
use crate::ingest::rooms::Rooms;
use crate::keys::{Keys, KeysError};
use crate::limits::{COUNT_WAIT, DECODES_MAX, FORWARD_WAIT, HASHES_MAX};
use crate::metrics::Metrics;
use crate::notices::Channels;
use crate::store::forward::{Forwarder, last_serial};
use crate::store::sqlite::SqliteStore;
use crate::store::{StoreError, UsageStore};
use axum::http::StatusCode;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::Semaphore;

/// Shared by all handlers; a clone is one more reference.
pub type AppState = Arc<App>;

/// The collector while it runs.
pub struct App {
    /// Settings, checked.
    pub config: Config,
    // These stop before the databases that they read and write are closed.
    /// Adds stored envelopes to the hour totals.
    pub counter: Counter,
    /// Fills the usage store.
    pub forwarder: Forwarder,
    /// Sends notices and alerts.
    pub channels: Channels,
    /// control.db.
    pub db: Db,
    /// Time series.
    pub store: Arc<dyn UsageStore>,
    /// Own private keys.
    pub keys: Keys,
    /// Keys of hosts.
    pub host_keys: Arc<HostKeys>,
    /// What billing keeps between requests.
    pub billing: Runtime,
    /// Where "now" comes from.
    pub clock: Clock,
    /// What backups hold.
    pub archived: Archived,
    /// What was done since the start.
    pub metrics: Metrics,
    stopping: AtomicBool,
    /// Room for batches whose bodies are on their way.
    pub(crate) rooms: Rooms,
    /// Whose turn it is.
    pub(crate) admission: Admission,
    /// Payloads that are inflated and decoded.
    pub(crate) decodes: Semaphore,
    /// Passwords that are hashed.
    pub(crate) hashes: Semaphore,
}

/// Why the collector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory was never initialised.
    #[error("{path} is missing; make it with: hostmeter-collector init --config FILE", path = .0.display())]
    NotInitialised(PathBuf),
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The usage store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The private keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl App {
    /// Opens databases and keys of `config.data_dir`, which `init` made, and starts the threads.
    pub fn open(config: Config, clock: Clock) -> Result<AppState, StartError> {
        if !config.control_db().exists() {
            return Err(StartError::NotInitialised(config.control_db()));
        }
        let keys = Keys::load(&config.data_dir)?;
        let db = Db::open_with(&config.control_db(), config.journal_dir.as_deref())?;
        let archived = Archived::new(config.backup.is_some());
        db.read_blocking(|conn| archived.reload(conn))?;
        let store: Arc<dyn UsageStore> = Arc::new(SqliteStore::open(&config.usage_db())?);
        let host_keys = Arc::new(db.read_blocking(HostKeys::load)?);
        let uncounted = Arc::new(AtomicI64::new(0));
        let forwarder =
            Forwarder::start(db.clone(), Arc::clone(&store), clock.clone(), Arc::clone(&uncounted))?;
        let counter = Counter::start(db.clone(), clock.clone(), uncounted, forwarder.waker())?;
        let channels = Channels::start(&db, &config, &clock)?;
        Ok(Arc::new(Self {
            billing: Runtime::new(&config),
            archived,
            config,
            counter,
            forwarder,
            channels,
            db,
            store,
            keys,
            host_keys,
            clock,
            metrics: Metrics::default(),
            stopping: AtomicBool::new(false),
            rooms: Rooms::default(),
            admission: Admission::default(),
            decodes: Semaphore::new(DECODES_MAX),
            hashes: Semaphore::new(HASHES_MAX),
        }))
    }

    /// Milliseconds since the epoch, by the collector's clock.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Lets requests that wait for news end now.
    pub fn stop_waiting(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.billing.outcomes_stored();
    }

    /// Whether the collector is about to stop: nothing should wait any longer.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Waits until everything is counted that was acknowledged before; whether that came about in time.
    pub async fn settle(&self) -> Result<bool, DbError> {
        let serial = self.db.read(last_serial).await?;
        Ok(self.counter.wait(serial, COUNT_WAIT).await)
    }

    /// Runs a query that needs both databases. It sees everything acknowledged before it began; if the usage store
    /// is too far behind for that, the answer is 503 and not half of the truth.
    pub async fn query<T, E, F>(self: &Arc<Self>, f: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        Problem: From<E>,
        F: FnOnce(&Connection, &dyn UsageStore) -> Result<T, E> + Send + 'static,
    {
        let serial = self.db.read(last_serial).await?;
        let counted = self.counter.wait(serial, FORWARD_WAIT).await;
        if !counted || !self.forwarder.wait(serial, FORWARD_WAIT).await {
            let detail = "the usage store is behind what was received; try again in a few seconds";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_behind", detail));
        }
        let store = Arc::clone(&self.store);
        Ok(self.db.read(move |conn| f(conn, store.as_ref())).await?)
    }
}
