//! Room for batches on their way: what their verified headers announce is bounded for each host and for all together,
//! so that a host whose key was stolen holds up no other by sending slowly. A host that has too many on their way is
//! sent away; while all together have, others wait, for the reasons that they wait for turns.

use super::admission::{Busy, Lane};
use crate::limits::{HOST_ROOMS_MAX, ROOM_WAIT, ROOMS_BACKLOG_MAX_BYTES, ROOMS_MAX_BYTES};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// All rooms. Permits are bytes.
#[derive(Debug)]
pub struct Rooms {
    all: Semaphore,
    /// Of those: what is not fresh takes from here first, so that some of all is left for what is.
    backlog: Semaphore,
    by_host: Mutex<HashMap<i64, usize>>,
    patience: Duration,
}

/// One batch's room; free again when dropped.
#[derive(Debug)]
pub struct Room<'a> {
    _own: Own<'a>,
    _backlog: Option<SemaphorePermit<'a>>,
    _all: SemaphorePermit<'a>,
}

/// One of a host's few.
#[derive(Debug)]
struct Own<'a> {
    rooms: &'a Rooms,
    host: i64,
}

impl Default for Rooms {
    fn default() -> Self {
        Self::new(ROOM_WAIT)
    }
}

impl Rooms {
    fn new(patience: Duration) -> Self {
        Self {
            all: Semaphore::new(ROOMS_MAX_BYTES),
            backlog: Semaphore::new(ROOMS_BACKLOG_MAX_BYTES),
            by_host: Mutex::default(),
            patience,
        }
    }

    /// Waits for room for so many bytes of this host, not for too long. What is fresh finds room beside any backlog.
    pub async fn enter(&self, host: i64, bytes: usize, lane: Lane) -> Result<Room<'_>, Busy> {
        let own = self.own(host)?;
        let bytes = u32::try_from(bytes).map_err(|_| Busy)?;
        let both = async {
            let backlog = match lane {
                Lane::Fresh => None,
                Lane::Backlog | Lane::Resume => {
                    Some(self.backlog.acquire_many(bytes).await.map_err(|_| Busy)?)
                }
            };
            let all = self.all.acquire_many(bytes).await.map_err(|_| Busy)?;
            Ok(Room { _own: own, _backlog: backlog, _all: all })
        };
        tokio::time::timeout(self.patience, both).await.map_err(|_| Busy)?
    }

    fn own(&self, host: i64) -> Result<Own<'_>, Busy> {
        let mut by_host = self.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        let own = by_host.entry(host).or_default();
        if *own >= HOST_ROOMS_MAX {
            return Err(Busy);
        }
        *own = own.saturating_add(1);
        Ok(Own { rooms: self, host })
    }
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let mut by_host = self.rooms.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        match by_host.get_mut(&self.host) {
            Some(own) if *own > 1 => *own = own.saturating_sub(1),
            _ => drop(by_host.remove(&self.host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostmeter_core::limits::ENVELOPE_MAX_BYTES;

    fn rooms() -> Rooms {
        Rooms::new(Duration::from_millis(50))
    }

    #[tokio::test]
    async fn each_host_and_all_together_are_bounded() {
        let rooms = rooms();
        let enter = |host, bytes| rooms.enter(host, bytes, Lane::Fresh);
        let mut own = Vec::new();
        for _ in 0..HOST_ROOMS_MAX {
            own.push(enter(1, 10).await.unwrap());
        }
        assert!(enter(1, 10).await.is_err(), "of one host");
        let other = enter(2, ROOMS_MAX_BYTES - 10 * HOST_ROOMS_MAX).await.unwrap();
        assert!(enter(3, ENVELOPE_MAX_BYTES).await.is_err(), "of all together");
        // Whoever waits gets the room of who leaves.
        let waits = enter(3, ENVELOPE_MAX_BYTES);
        let leaves = async { drop(other) };
        assert!(tokio::join!(waits, leaves).0.is_ok());
        own.pop();
        assert!(enter(1, 10).await.is_ok());
        drop(own);
        assert_eq!(rooms.by_host.lock().unwrap().len(), 0, "nothing is kept of hosts that left");
        assert_eq!(rooms.all.available_permits(), ROOMS_MAX_BYTES);
    }

    #[tokio::test]
    async fn a_backlog_leaves_room_for_what_is_fresh() {
        let rooms = rooms();
        let _backlog = rooms.enter(1, ROOMS_BACKLOG_MAX_BYTES, Lane::Backlog).await.unwrap();
        assert!(rooms.enter(2, 1, Lane::Backlog).await.is_err());
        assert!(rooms.enter(2, 1, Lane::Resume).await.is_err());
        assert!(rooms.enter(2, ENVELOPE_MAX_BYTES, Lane::Fresh).await.is_ok());
    }
}
