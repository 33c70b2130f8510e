//! Room for batches on their way: what their verified headers announce is bounded for each host and for all together,
//! so that a host whose key was stolen holds up no other by sending slowly.

use super::admission::Lane;
use crate::limits::{HOST_ROOMS_MAX, ROOMS_BACKLOG_MAX_BYTES, ROOMS_MAX_BYTES};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// All rooms.
#[derive(Debug, Default)]
pub struct Rooms(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    by_host: HashMap<i64, usize>,
    bytes: usize,
}

/// One batch's room; free again when dropped.
#[derive(Debug)]
pub struct Room<'a> {
    rooms: &'a Rooms,
    host: i64,
    bytes: usize,
}

impl Rooms {
    /// Room for so many bytes of this host, if there is any. What is fresh finds room beside any backlog.
    pub fn enter(&self, host: i64, bytes: usize, lane: Lane) -> Option<Room<'_>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = taken.bytes.saturating_add(bytes);
        let own = taken.by_host.get(&host).copied().unwrap_or(0);
        let max = if lane == Lane::Fresh { ROOMS_MAX_BYTES } else { ROOMS_BACKLOG_MAX_BYTES };
        if sum > max || own >= HOST_ROOMS_MAX {
            return None;
        }
        taken.bytes = sum;
        taken.by_host.insert(host, own.saturating_add(1));
        Some(Room { rooms: self, host, bytes })
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let mut taken = self.rooms.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.bytes = taken.bytes.saturating_sub(self.bytes);
        match taken.by_host.get_mut(&self.host) {
            Some(own) if *own > 1 => *own = own.saturating_sub(1),
            _ => drop(taken.by_host.remove(&self.host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostmeter_core::limits::ENVELOPE_MAX_BYTES;

    #[test]
    fn each_host_and_all_together_are_bounded() {
        let rooms = Rooms::default();
        let enter = |host, bytes| rooms.enter(host, bytes, Lane::Fresh);
        let mut own: Vec<_> = (0..HOST_ROOMS_MAX).map(|_| enter(1, 10).unwrap()).collect();
        assert!(enter(1, 10).is_none(), "of one host");
        let other = enter(2, ROOMS_MAX_BYTES - 10 * HOST_ROOMS_MAX).unwrap();
        assert!(enter(3, ENVELOPE_MAX_BYTES).is_none(), "of all together");
        drop(other);
        assert!(enter(3, ENVELOPE_MAX_BYTES).is_some());
        own.pop();
        assert!(enter(1, 10).is_some());
        drop(own);
        assert_eq!(rooms.0.lock().unwrap().by_host.len(), 0, "nothing is kept of hosts that left");
    }

    #[test]
    fn a_backlog_leaves_room_for_what_is_fresh() {
        let rooms = Rooms::default();
        let _backlog = rooms.enter(1, ROOMS_BACKLOG_MAX_BYTES, Lane::Backlog).unwrap();
        assert!(rooms.enter(2, 1, Lane::Backlog).is_none() && rooms.enter(2, 1, Lane::Resume).is_none());
        assert!(rooms.enter(2, ENVELOPE_MAX_BYTES, Lane::Fresh).is_some());
    }
}
