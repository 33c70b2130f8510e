//! A thread that is woken when there is work, says how far it came, and ends with its handle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How soon a rest ends when it is not needed any more.
const REST_STEP: Duration = Duration::from_millis(10);

/// When a worker does its rounds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// At least so often, also when nobody woke it.
    pub idle: Duration,
    /// Not sooner than this after its last round, unless somebody waits.
    pub pause: Duration,
}

#[derive(Debug, Default)]
struct Wanted {
    work: bool,
    hurry: bool,
    stop: bool,
}

#[derive(Debug, Default)]
struct Bell {
    wanted: Mutex<Wanted>,
    rung: Condvar,
    stopping: AtomicBool,
}

impl Bell {
    fn is_hurried(&self) -> bool {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).hurry
    }

    fn ring(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        self.rung.notify_one();
    }

    /// Waits for the next round; whether somebody waits for it. `None`: it was the last.
    fn next(&self, pace: Pace, last: Instant) -> Option<bool> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let since = last.elapsed();
            let due = wanted.hurry || (wanted.work && since >= pace.pause) || since >= pace.idle;
            if wanted.stop {
                return None;
            }
            if due {
                return Some(std::mem::take(&mut *wanted).hurry);
            }
            let until = if wanted.work { pace.pause } else { pace.idle };
            let wait = until.saturating_sub(since);
            wanted = self.rung.wait_timeout(wanted, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What a worker sees of its handle.
#[derive(Clone, Debug)]
pub struct Desk {
    bell: Arc<Bell>,
    position: watch::Sender<i64>,
}

impl Desk {
    /// Says how far everything is done.
    pub fn reached(&self, position: i64) {
        let _before = self.position.send_replace(position);
    }

    /// Rests for a while; not once somebody waits, it should end, or `needed` says no more.
    pub fn rest(&self, time: Duration, needed: &dyn Fn() -> bool) {
        let start = Instant::now();
        while start.elapsed() < time && needed() && !self.is_stopping() && !self.bell.is_hurried() {
            std::thread::park_timeout(REST_STEP.min(time));
        }
    }

    /// Whether the round should end early.
    pub fn is_stopping(&self) -> bool {
        self.bell.stopping.load(Ordering::Relaxed)
    }
}

/// Wakes a worker; clones wake the same.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Bell>);

impl Waker {
    /// There is work.
    pub fn wake(&self) {
        self.0.ring(|wanted| wanted.work = true);
    }
}

/// A running worker. Dropping it ends the thread after its round.
#[derive(Debug)]
pub struct Worker {
    bell: Arc<Bell>,
    position: watch::Receiver<i64>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread; the first round comes at once. A round is told whether somebody waits for it.
    pub fn start(
        name: &str,
        pace: Pace,
        mut round: impl FnMut(&Desk, bool) + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (bell, (tell, position)) = (Arc::new(Bell::default()), watch::channel(0));
        let desk = Desk { bell: Arc::clone(&bell), position: tell };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut hurry = true;
            loop {
                round(&desk, hurry);
                match desk.bell.next(pace, Instant::now()) {
                    Some(waited_for) => hurry = waited_for,
                    None => return,
                }
            }
        })?;
        Ok(Self { bell, position, thread: Some(thread) })
    }

    /// Something was committed.
    pub fn wake(&self) {
        self.bell.ring(|wanted| wanted.work = true);
    }

    /// Lets the thread end after its round; dropping the handle waits for that.
    pub fn end(&self) {
        self.bell.stopping.store(true, Ordering::Relaxed);
        self.bell.ring(|wanted| wanted.stop = true);
    }

    /// For other threads that have work for it.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.bell))
    }

    /// Waits until everything up to this serial is done, or until the time is up; says which.
    pub async fn wait(&self, serial: i64, limit: Duration) -> bool {
        if self.position() >= serial {
            return true;
        }
        self.bell.ring(|wanted| wanted.hurry = true);
        let mut position = self.position.clone();
        let reached = position.wait_for(|at| *at >= serial);
        matches!(tokio::time::timeout(limit, reached).await, Ok(Ok(_)))
    }

    /// As [`Worker::wait`], for threads that may block.
    pub fn wait_blocking(&self, serial: i64, limit: Duration) -> bool {
        let start = Instant::now();
        while self.position() < serial {
            if start.elapsed() >= limit {
                return false;
            }
            self.bell.ring(|wanted| wanted.hurry = true);
            std::thread::park_timeout(Duration::from_millis(1));
        }
        true
    }

    /// The serial that was reached.
    pub fn position(&self) -> i64 {
        *self.position.borrow()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicI64;

    fn counting(pace: Pace) -> Worker {
        let rounds = AtomicI64::new(0);
        Worker::start("test", pace, move |desk, _| desk.reached(rounds.fetch_add(1, Ordering::SeqCst) + 1))
            .unwrap()
    }

    #[test]
    fn who_waits_needs_not_sit_out_the_pause() {
        let long = Duration::from_secs(3_600);
        let worker = counting(Pace { idle: long, pause: long });
        assert!(worker.wait_blocking(1, long), "the first round comes by itself");
        assert!(worker.wait_blocking(2, long), "and the next because it is waited for");
        assert!(worker.wait_blocking(3, long));
    }

    #[test]
    fn a_wake_is_enough_after_the_pause() {
        let worker = counting(Pace { idle: Duration::from_secs(3_600), pause: Duration::ZERO });
        let mut position = worker.position.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(position.wait_for(|at| *at == 1)).unwrap();
        worker.waker().wake();
        runtime.block_on(position.wait_for(|at| *at == 2)).unwrap();
    }
}
