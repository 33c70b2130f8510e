//! Shipping: envelopes from the spool to the collector, one request in flight, and its answers back.
//!
//! Runs beside sampling in a runtime of its own; it only reads the spool and only tells how far the collector has it.

mod answer;
mod backoff;
mod resume;
mod rotate;

pub use backoff::Backoff;

use crate::batch::Sealer;
use crate::clock::{Clock, Learned};
use crate::http::HttpError;
use crate::limits::{REQUEST_MAX_MS, ROTATION_LOOK};
use crate::machine::Machine;
use crate::os;
use crate::spool::{Entry, Reader, SpoolError};
use crate::state::Enrolment;
use crate::status::ShipStatus;
use answer::Verdict;
use hostmeter_core::wire::ack::{Ack, HostState};
use resume::Question;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The sampling thread's word that there is something to ship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// Number of the last envelope in the spool.
    pub seq: u64,
    /// Ship at once: an outcome is in it, or the agent stops.
    pub is_urgent: bool,
}

/// What shipping and commands share.
pub struct Link {
    /// Clocks, chance, and the way to the collector.
    pub machine: Arc<dyn Machine>,
    /// Whose acknowledgements count.
    pub enrolment: Enrolment,
    /// The host's key.
    pub sealer: Arc<Sealer>,
    /// The collector's time.
    pub clock: Arc<Mutex<Clock>>,
    /// What `status` shows.
    pub report: Arc<Mutex<ShipStatus>>,
    /// Bounds of the pause after a failure, in milliseconds.
    pub backoff_ms: (i64, i64),
    /// Where a granted epoch is written down.
    pub state_dir: PathBuf,
}

/// Locks what is never left half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    fn report(&self) -> MutexGuard<'_, ShipStatus> {
        lock(&self.report)
    }

    /// Learns the collector's time from an answer.
    fn learn(&self, sent: os::Now, received: os::Now, collector_ms: i64) {
        match lock(&self.clock).learn(sent.boottime_ms(), received.boottime_ms(), collector_ms) {
            Learned::Stepped(ms) => tracing::warn!("the collector's time is {ms} ms away: time was stepped"),
            Learned::Slewing(ms) if ms.abs() > 1_000 => {
                tracing::info!("the collector's time is {ms} ms away: time is slewed");
            }
            Learned::Slewing(_) | Learned::Nothing => {}
        }
    }
}

/// One end of the way.
pub struct Shipper {
    link: Arc<Link>,
    reader: Reader,
    wake: watch::Receiver<Wake>,
    acked: watch::Sender<u64>,
    phase: Duration,
    backoff: Backoff,
    /// Where to go on was asked and answered.
    is_resumed: bool,
    question: Option<Question>,
    /// When it is looked next whether somebody wants a new key.
    look_at_ms: i64,
    /// A new key is under way.
    is_rotating: bool,
}

/// What to do next.
enum Next {
    GoOn,
    Pause(Duration),
    Stop(String),
    NewEpoch,
    NewKey,
}

/// Why shipping ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The sampling thread is gone.
    Alone,
    /// A new epoch was granted and written down: everything begins again under it.
    NewEpoch,
    /// The collector accepts a new key, which is written down: everything begins again with it.
    NewKey,
}

impl Shipper {
    /// A shipper that begins with the oldest envelope held. New envelopes wait for `phase`, so that not all hosts
    /// speak at once.
    pub fn new(
        link: Arc<Link>,
        reader: Reader,
        wake: watch::Receiver<Wake>,
        acked: watch::Sender<u64>,
        phase: Duration,
    ) -> Self {
        let backoff = Backoff::new(link.backoff_ms.0, link.backoff_ms.1);
        let (is_resumed, question, look_at_ms, is_rotating) = (false, None, 0, false);
        Self { link, reader, wake, acked, phase, backoff, is_resumed, question, look_at_ms, is_rotating }
    }

    /// Ships until the sampling thread is gone, a new epoch is granted or a new key is accepted.
    pub async fn run(mut self) -> Left {
        loop {
            let next = match self.rotate().await {
                Some(next) => Some(next),
                None if self.is_resumed => self.next_entry().await,
                None => Some(self.ask().await),
            };
            match next {
                None => return Left::Alone,
                Some(Next::GoOn) => {}
                Some(Next::Pause(pause)) => self.link.machine.sleep(pause).await,
                Some(Next::NewEpoch) => return Left::NewEpoch,
                Some(Next::NewKey) => return Left::NewKey,
                Some(Next::Stop(why)) => {
                    self.stop(&why).await;
                    return Left::Alone;
                }
            }
        }
    }

    /// Ships the next envelope, or waits for one. `None`: the sampling thread is gone.
    async fn next_entry(&mut self) -> Option<Next> {
        Some(match self.reader.read_next() {
            Ok(Some(entry)) => self.ship(&entry).await,
            Ok(None) if self.wait().await => Next::GoOn,
            Ok(None) => return None,
            Err(e @ SpoolError::Damaged { .. }) => Next::Stop(e.to_string()),
            Err(e) => self.failed(e.to_string(), 0),
        })
    }

    /// Waits for something new, then for this host's phase. `false`: the sampling thread is gone.
    async fn wait(&mut self) -> bool {
        let look = self.is_rotating.then(|| self.link.machine.sleep(ROTATION_LOOK));
        tokio::select! {
            biased;
            changed = self.wake.changed() => {
                if changed.is_err() {
                    return false;
                }
            }
            // A new key waits for its next try, also where nothing is sealed.
            Some(()) = maybe(look) => return true,
        }
        let mut phase = self.link.machine.sleep(self.phase);
        while !self.wake.borrow().is_urgent {
            tokio::select! {
                biased;
                () = &mut phase => break,
                changed = self.wake.changed() => {
                    if changed.is_err() {
                        return false;
                    }
                }
            }
        }
        true
    }

    async fn ship(&mut self, entry: &Entry) -> Next {
        match self.send(entry).await {
            Ok(Verdict::Acked(ack)) => self.acknowledged(entry, &ack),
            Ok(Verdict::Want(seq)) => self.rewind(entry, seq).await,
            Ok(Verdict::Fork(why)) => Next::Stop(why),
            Ok(Verdict::Resume(why)) => self.ask_again(entry, why),
            Ok(Verdict::Later { why, at_least_ms }) => {
                self.back_to(entry);
                self.failed(why, at_least_ms)
            }
            Ok(Verdict::Hopeless(why)) => {
                self.back_to(entry);
                self.failed(why, self.link.backoff_ms.1)
            }
            Err(e) => {
                self.back_to(entry);
                self.failed(e.to_string(), 0)
            }
        }
    }

    async fn send(&self, entry: &Entry) -> Result<Verdict, HttpError> {
        let link = &self.link;
        let within = Duration::from_millis(REQUEST_MAX_MS);
        let sent = link.machine.now();
        let answer = link.machine.post("/v1/batches", entry.envelope.clone(), within).await?;
        let verdict = answer::judge(&answer, &link.enrolment, entry.hash);
        if let (Verdict::Acked(ack), Ok(sent), Ok(received)) = (&verdict, sent, link.machine.now()) {
            link.learn(sent, received, ack.collector_ms);
        }
        Ok(verdict)
    }

    /// The reader stands behind the entry: it must be read again.
    fn back_to(&mut self, entry: &Entry) {
        self.reader.back_to(entry);
    }

    fn acknowledged(&mut self, entry: &Entry, ack: &Ack) -> Next {
        if ack.durable_seq < entry.seq {
            self.back_to(entry);
            let why = format!(
                "the collector acknowledged batch {} when {} was sent; it is sent again",
                ack.durable_seq, entry.seq
            );
            return self.failed(why, 0);
        }
        let last = match self.skip_to(entry, ack) {
            Ok(last) => last,
            Err(why) => return self.ask_again(entry, why),
        };
        self.reader.ack(last.as_ref().unwrap_or(entry), ack.archived_seq);
        self.backoff.reset();
        let mut report = self.link.report();
        if !report.error.is_empty() {
            tracing::info!("the collector answers again; batch {} is durable", ack.durable_seq);
        }
        if report.state != Some(ack.state) {
            note_state(ack.state);
        }
        report.error.clear();
        report.durable_seq = Some(ack.durable_seq);
        report.archived_seq = Some(ack.archived_seq);
        report.state = Some(ack.state);
        report.last_ack_ms = self.link.machine.now().ok().map(os::Now::wall_ms);
        drop(report);
        self.acked.send_replace(ack.durable_seq);
        Next::GoOn
    }

    /// After a restart the collector has more than this process knows: what it has need not be sent again. The last
    /// of it must be the very envelope that is held here.
    fn skip_to(&mut self, entry: &Entry, ack: &Ack) -> Result<Option<Entry>, String> {
        if ack.durable_seq == entry.seq {
            return Ok(None);
        }
        let ahead = || {
            format!(
                "the collector holds batch {}, which was never made here: this host's state is older than the \
                 collector's (restored from a backup, or copied)",
                ack.durable_seq
            )
        };
        if !self.reader.seek(ack.durable_seq).map_err(|e| e.to_string())? {
            return Err(ahead());
        }
        let held = self.reader.read_next().map_err(|e| e.to_string())?.ok_or_else(ahead)?;
        if held.hash == ack.durable_hash.0 { Ok(Some(held)) } else { Err(ahead()) }
    }

    /// Goes back to the number that the collector wants. What is not held any more is said to be lost.
    async fn rewind(&mut self, entry: &Entry, seq: u64) -> Next {
        if seq == entry.seq {
            self.back_to(entry);
            return self.failed(format!("the collector wants batch {seq}, which was just sent"), 0);
        }
        let next = match self.reader.seek(seq) {
            Ok(true) => {
                tracing::info!("the collector wants batch {seq}: sending again from there");
                return Next::GoOn;
            }
            Ok(false) => self.reader.read_next(),
            Err(e) => Err(e),
        };
        match next {
            Ok(Some(next)) if next.seq > seq => self.lose(seq, &next).await,
            Ok(_) => {
                let why = format!("the collector wants batch {seq}, which was never made here");
                self.ask_again(entry, why)
            }
            Err(e) => {
                self.back_to(entry);
                self.failed(e.to_string(), 0)
            }
        }
    }

    /// Both sides disagree: after a pause it is asked where to go on.
    fn ask_again(&mut self, entry: &Entry, why: String) -> Next {
        self.back_to(entry);
        self.is_resumed = false;
        self.failed(why, 0)
    }

    /// Notes a failure (in the log only when it is a new one) and draws the pause.
    fn failed(&mut self, why: String, at_least_ms: i64) -> Next {
        let pause = self.backoff.next(at_least_ms, |n| self.link.machine.random_below(n));
        let mut report = self.link.report();
        if report.error == why {
            tracing::debug!("shipping: {why}; next try in {} ms", pause.as_millis());
        } else {
            tracing::warn!("shipping: {why}; next try in {} ms", pause.as_millis());
        }
        report.error = why;
        Next::Pause(pause)
    }

    /// Nothing is sent any more; sampling goes on and fills the spool. A restart tries again.
    async fn stop(&mut self, why: &str) {
        tracing::error!("shipping has STOPPED: {why}");
        why.clone_into(&mut self.link.report().stopped);
        while self.wake.changed().await.is_ok() {}
    }
}

/// Waits for what is there; else says at once that there is nothing.
async fn maybe<T>(wait: Option<impl Future<Output = T>>) -> Option<T> {
    match wait {
        Some(wait) => Some(wait.await),
        None => None,
    }
}

fn note_state(state: HostState) {
    match state {
        HostState::Live => tracing::info!("this host is live: its usage counts"),
        HostState::Pending => tracing::warn!("this host waits for approval: `hostmeter host approve NAME`"),
        HostState::Frozen => {
            tracing::error!("this host is frozen: two copies of it were seen; `hostmeter host thaw NAME`");
        }
        HostState::Revoked => tracing::error!("this host's key was revoked"),
    }
}

#[cfg(test)]
mod tests;
