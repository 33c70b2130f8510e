//! Whose turn it is: so many requests of hosts are worked on at a time, and the others wait in the order in which they
//! came. To send them away at once would have hosts that come back after an outage pause ever longer while the
//! collector has nothing to do. What was measured just now has turns of its own: hosts without a backlog do not wait
//! behind days of others.

use super::counting::Counter;
use crate::limits::{
    BACKLOG_IN_FLIGHT_MAX, COUNT_BEHIND_BACKLOG_MAX, COUNT_BEHIND_MAX, FRESH_IN_FLIGHT_MAX, FRESH_MS,
    RESUMES_IN_FLIGHT_MAX, TURN_WAIT, TURNS_WAITING_MAX,
};
use hostmeter_core::wire::envelope::Header;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Which turns a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Sealed just now: the host has no backlog, or is through with it.
    Fresh,
    /// Sealed longer ago.
    Backlog,
    /// A question where to go on.
    Resume,
}

impl Lane {
    /// Of a batch. The stamp is the host's word and its clock may be wrong; then it waits longer, and nothing else.
    pub fn of_batch(header: &Header, now_ms: i64) -> Self {
        let sealed_ms = i64::try_from(header.stamp.wall_ns / 1_000_000).unwrap_or(i64::MAX);
        if sealed_ms.abs_diff(now_ms) <= FRESH_MS { Self::Fresh } else { Self::Backlog }
    }
}

/// Turns of all lanes.
#[derive(Debug)]
pub struct Admission {
    fresh: Semaphore,
    backlog: Semaphore,
    resume: Semaphore,
    waiting: AtomicUsize,
    patience: Duration,
}

/// There is no turn in time.
#[derive(Debug, PartialEq, Eq)]
pub struct Busy;

impl Default for Admission {
    fn default() -> Self {
        Self::new([FRESH_IN_FLIGHT_MAX, BACKLOG_IN_FLIGHT_MAX, RESUMES_IN_FLIGHT_MAX], TURN_WAIT)
    }
}

impl Admission {
    fn new([fresh, backlog, resume]: [usize; 3], patience: Duration) -> Self {
        Self {
            fresh: Semaphore::new(fresh),
            backlog: Semaphore::new(backlog),
            resume: Semaphore::new(resume),
            waiting: AtomicUsize::new(0),
            patience,
        }
    }

    /// Waits for a turn, which lasts until the permit is dropped; not for too long, and not behind too many.
    pub async fn turn(&self, lane: Lane) -> Result<SemaphorePermit<'_>, Busy> {
        let turns = match lane {
            Lane::Fresh => &self.fresh,
            Lane::Backlog => &self.backlog,
            Lane::Resume => &self.resume,
        };
        if let Ok(turn) = turns.try_acquire() {
            return Ok(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        // Also when the host goes away while it waits.
        let _leave = Leave(&self.waiting);
        if before >= TURNS_WAITING_MAX {
            return Err(Busy);
        }
        match tokio::time::timeout(self.patience, turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }

    /// Requests that wait for a turn.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// Whether so much waits to be counted that no more should be taken in. A backlog may not use up all of it.
pub fn is_overloaded(counter: &Counter, lane: Lane) -> bool {
    let max = if lane == Lane::Fresh { COUNT_BEHIND_MAX } else { COUNT_BEHIND_BACKLOG_MAX };
    counter.behind() > max
}

struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostmeter_core::ids::{BootId, HostId};
    use hostmeter_core::wire::envelope::{Domain, Stamp, peek, seal};
    use hostmeter_core::wire::key::SigningKey;

    #[test]
    fn what_is_fresh() {
        let check = |sealed_ms: i64, now_ms: i64, want| {
            let wall_ns = u64::try_from(sealed_ms).unwrap() * 1_000_000;
            let (domain, host, boot) = (Domain::Batch, HostId([1; 16]), BootId([2; 16]));
            let stamp =
                Stamp { domain, host, epoch: 1, seq: 1, prev: [0; 32], boot, wall_ns, boottime_ns: 1 };
            let sealed = seal(&stamp, b"x", &SigningKey::from_seed(&[1; 32]).unwrap()).unwrap();
            assert_eq!(Lane::of_batch(&peek(&sealed).unwrap(), now_ms), want, "{sealed_ms} at {now_ms}");
        };
        let now_ms = 1_000 * FRESH_MS.cast_signed();
        let fresh_ms = FRESH_MS.cast_signed();
        check(now_ms, now_ms, Lane::Fresh);
        check(now_ms - fresh_ms, now_ms, Lane::Fresh);
        check(now_ms + fresh_ms, now_ms, Lane::Fresh);
        check(now_ms - fresh_ms - 1, now_ms, Lane::Backlog);
        check(now_ms + fresh_ms + 1, now_ms, Lane::Backlog);
        check(0, now_ms, Lane::Backlog);
    }

    #[tokio::test]
    async fn a_backlog_waits_in_order_and_holds_up_nothing_fresh() {
        let admission = Admission::new([1, 1, 1], Duration::from_secs(60));
        let first = admission.turn(Lane::Backlog).await.unwrap();
        let (a, b) = (admission.turn(Lane::Backlog), admission.turn(Lane::Backlog));
        tokio::pin!(a, b);
        let none =
            tokio::time::timeout(Duration::from_millis(50), async { tokio::join!(&mut a, &mut b) }).await;
        assert!(none.is_err());
        assert_eq!(admission.waiting(), 2);
        drop(admission.turn(Lane::Fresh).await.unwrap());
        drop(admission.turn(Lane::Resume).await.unwrap());
        drop(first);
        tokio::select! {
            biased;
            _ = &mut b => panic!("the second before the first"),
            turn = &mut a => drop(turn.unwrap()),
        }
        drop(b.await.unwrap());
        assert_eq!(admission.waiting(), 0);
    }

    #[tokio::test]
    async fn nobody_waits_for_too_long_or_behind_too_many() {
        let admission = Admission::new([1, 1, 1], Duration::from_millis(50));
        let _held = admission.turn(Lane::Backlog).await.unwrap();
        assert_eq!(admission.turn(Lane::Backlog).await.err(), Some(Busy));
        assert_eq!(admission.waiting(), 0);
        admission.waiting.store(TURNS_WAITING_MAX, Ordering::Relaxed);
        assert_eq!(admission.turn(Lane::Backlog).await.err(), Some(Busy));
        assert_eq!(admission.waiting(), TURNS_WAITING_MAX);
        assert!(admission.turn(Lane::Fresh).await.is_ok());
    }
}
