//! An agent's way out: clocks, chance, pauses and the network, all of them in the hands of the simulation.

use hostmeter_agent::http::{Answer, HttpError};
use hostmeter_agent::machine::{Machine, Wait};
use hostmeter_agent::os::{Now, OsError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// What came back for a request.
pub(crate) type Reply = Result<Answer, HttpError>;

/// A request on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Names it at this port.
    pub(crate) id: u64,
    /// Path of the collector.
    pub(crate) path: &'static str,
    /// What is sent.
    pub(crate) body: Vec<u8>,
    /// How long its answer is waited for, ms.
    pub(crate) within_ms: i64,
}

/// What one life of an agent asked for and was not given yet.
#[derive(Debug, Default)]
struct State {
    now: (u64, u64),
    rng: fastrand::Rng,
    last: u64,
    sent: Vec<Request>,
    timers: Vec<(u64, i64)>,
    replies: BTreeMap<u64, Reply>,
    rung: Vec<u64>,
}

/// One life's port; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Port(Arc<Mutex<State>>);

impl Port {
    /// A port with its own chance.
    pub(crate) fn new(rng: &mut fastrand::Rng) -> Self {
        let port = Self::default();
        port.lock().rng = rng.fork();
        port
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets both clocks, ns: wall and boot-time.
    pub(crate) fn set(&self, wall_ns: u64, boottime_ns: u64) {
        self.lock().now = (wall_ns, boottime_ns);
    }

    /// Both clocks.
    pub(crate) fn clocks(&self) -> Now {
        let (wall_ns, boottime_ns) = self.lock().now;
        Now { wall_ns, boottime_ns }
    }

    /// Takes what was sent since, and the pauses that began: (name, ms).
    pub(crate) fn take(&self) -> (Vec<Request>, Vec<(u64, i64)>) {
        let mut state = self.lock();
        (std::mem::take(&mut state.sent), std::mem::take(&mut state.timers))
    }

    /// An answer, or word that there is none; the first one counts.
    pub(crate) fn reply(&self, id: u64, reply: Reply) {
        self.lock().replies.entry(id).or_insert(reply);
    }

    /// A pause is over.
    pub(crate) fn ring(&self, id: u64) {
        self.lock().rung.push(id);
    }
}

impl Machine for Port {
    fn now(&self) -> Result<Now, OsError> {
        Ok(self.clocks())
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        self.lock().rng.fill(bytes);
        true
    }

    fn sleep(&self, time: Duration) -> Wait<'static, ()> {
        let (port, mut asked) = (self.clone(), None);
        Box::pin(std::future::poll_fn(move |_| {
            let mut state = port.lock();
            let id = *asked.get_or_insert_with(|| {
                state.last = state.last.saturating_add(1);
                let (id, ms) = (state.last, i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
                state.timers.push((id, ms));
                id
            });
            match state.rung.iter().position(|rung| *rung == id) {
                Some(at) => {
                    state.rung.swap_remove(at);
                    Poll::Ready(())
                }
                None => Poll::Pending,
            }
        }))
    }

    fn post(&self, path: &'static str, body: Vec<u8>, within: Duration) -> Wait<'_, Reply> {
        let mut body = Some(body);
        let mut asked = 0;
        Box::pin(std::future::poll_fn(move |_| {
            let mut state = self.lock();
            if let Some(body) = body.take() {
                state.last = state.last.saturating_add(1);
                asked = state.last;
                let within_ms = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
                state.sent.push(Request { id: asked, path, body, within_ms });
            }
            state.replies.remove(&asked).map_or(Poll::Pending, Poll::Ready)
        }))
    }
}

/// Why there is no answer.
pub(crate) fn broken(why: &str) -> HttpError {
    HttpError::Connection { call: "POST".to_owned(), why: why.to_owned() }
}
