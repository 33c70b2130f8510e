//! What every handler shares.

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::keys::Keys;
use std::sync::Arc;

/// Shared by all handlers; a clone is one more reference.
pub type AppState = Arc<App>;

/// The collector while it runs.
pub struct App {
    /// Settings, checked.
    pub config: Config,
    /// control.db.
    pub db: Db,
    /// Own private keys.
    pub keys: Keys,
    /// Where "now" comes from.
    pub clock: Clock,
}

impl App {
    /// Milliseconds since the epoch, by the collector's clock.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}
