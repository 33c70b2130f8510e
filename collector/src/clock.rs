//! The collector's clock, so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where "now" comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// Set by hand, milliseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now_ms` until it is set.
    pub fn manual(now_ms: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now_ms)))
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
                // Before 1970: as far before as it says.
                Err(e) => i64::try_from(e.duration().as_millis()).map_or(i64::MIN, |ms| ms.saturating_neg()),
            },
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }

    /// Sets a manual clock; the system's is not touched.
    pub fn set(&self, now_ms: i64) {
        if let Self::Manual(ms) = self {
            ms.store(now_ms, Ordering::SeqCst);
        }
    }
}
