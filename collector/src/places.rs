//! Places for connections: so many at a time. When all are taken, a new connection gets the place of the stranger that
//! has been quiet for longest, so that thousands of slow connections keep no host out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// All places.
#[derive(Debug)]
pub struct Places {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// Strangers first, each group by when it last said something sensible.
    taken: BTreeMap<Rank, oneshot::Sender<()>>,
}

/// Whether something it asked for was answered, when, and its number.
type Rank = (bool, Instant, u64);

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    rank: Mutex<Rank>,
}

impl Places {
    /// So many places.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, table: Mutex::default() })
    }

    /// Takes a place, and the end of another connection if there is no free one. The receiver is told when the place
    /// is given to somebody else.
    pub fn take(self: &Arc<Self>) -> (Place, oneshot::Receiver<()>) {
        let (evict, evicted) = oneshot::channel();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.taken.len() >= self.max
            && let Some((_, other)) = table.taken.pop_first()
        {
            // It may have ended just now.
            let _ended = other.send(());
        }
        table.next = table.next.wrapping_add(1);
        let rank = (false, Instant::now(), table.next);
        table.taken.insert(rank, evict);
        drop(table);
        (Place { places: Arc::clone(self), rank: Mutex::new(rank) }, evicted)
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).taken.len()
    }
}

impl Place {
    /// The connection is no stranger's: a request of it was accepted.
    pub fn prove(&self) {
        let mut rank = self.rank.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.places.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Gone: it is being ended.
        if let Some(evict) = table.taken.remove(&rank) {
            *rank = (true, Instant::now(), rank.2);
            table.taken.insert(*rank, evict);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let rank = *self.rank.lock().unwrap_or_else(PoisonError::into_inner);
        self.places.table.lock().unwrap_or_else(PoisonError::into_inner).taken.remove(&rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_stranger_goes_first_and_then_the_quietest_host() {
        let places = Places::new(3);
        let (host, mut host_out) = places.take();
        host.prove();
        let (_stranger, mut stranger_out) = places.take();
        let (other_host, mut other_out) = places.take();
        other_host.prove();
        host.prove();
        let (fourth, mut fourth_out) = places.take();
        assert_eq!(stranger_out.try_recv(), Ok(()));
        fourth.prove();
        let (_fifth, _fifth_out) = places.take();
        assert_eq!(other_out.try_recv(), Ok(()), "it has been quiet for longer than the first");
        assert!(host_out.try_recv().is_err() && fourth_out.try_recv().is_err());
        // Too late: it does not come back.
        other_host.prove();
        assert_eq!(places.taken(), 3);
        drop(host);
        assert_eq!(places.taken(), 2);
        let (_sixth, _sixth_out) = places.take();
        assert!(fourth_out.try_recv().is_err(), "a free place costs nobody anything");
    }
}
