//! The collector's clock, so that tests can set it.

use crate::jump::Reading;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where "now" comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// Set by hand, milliseconds since the epoch.
    Manual(Arc<AtomicI64>),
    /// Both clocks of a machine that is simulated.
    Simulated(Arc<Mutex<Reading>>),
}

impl Clock {
    /// A clock that stands at `now_ms` until it is set.
    pub fn manual(now_ms: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now_ms)))
    }

    /// Both clocks of a machine that is simulated, as they stand until they are set.
    pub fn simulated(reading: Reading) -> Self {
        Self::Simulated(Arc::new(Mutex::new(reading)))
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
            Self::Simulated(reading) => reading.lock().unwrap_or_else(PoisonError::into_inner).wall_ms,
        }
    }

    /// Sets both clocks of a simulated machine; others are not touched.
    pub fn set_reading(&self, now: Reading) {
        if let Self::Simulated(reading) = self {
            *reading.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }

    /// Sets a manual clock; the system's is not touched.
    pub fn set(&self, now_ms: i64) {
        if let Self::Manual(ms) = self {
            ms.store(now_ms, Ordering::SeqCst);
        }
    }
}
