//! Many hosts come back after an outage, each with a backlog, over real sockets and TLS, to one collector; beside them
//! hosts without a backlog go on as ever.

mod host;
mod line;
mod truth;

pub use truth::check;

use crate::fleet::{Host, now_ms, payload};
use crate::stack::Stack;
use anyhow::{Context, Result, anyhow};
use host::{Questions, Ready};
use line::Door;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Threads that enrol hosts.
const ENROLLERS: usize = 8;
/// Honest hosts are measured until this share of the sample is drained, percent: after that the collector is not busy.
const LOADED_PCT: u64 = 90;

/// Who comes, and with what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hosts with a backlog.
    pub hosts: usize,
    /// Batches that each of them holds.
    pub backlog: usize,
    /// How many of those it ships here, the oldest.
    pub sample: usize,
    /// Accounts in each batch.
    pub accounts: u32,
    /// The interval of a batch, milliseconds.
    pub interval_ms: i64,
    /// Hosts without a backlog.
    pub honest: usize,
    /// How often each of those sends a batch.
    pub phase: Duration,
    /// The hosts with a backlog come within this time.
    pub spread: Duration,
    /// Bounds of the pause after a failure, milliseconds.
    pub backoff_ms: (i64, i64),
}

/// Enrolled hosts with sealed batches.
pub struct Crowd {
    plan: Arc<Plan>,
    address: SocketAddr,
    questions: Questions,
    drainers: Vec<Ready>,
    honest: Vec<Host>,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// Batches of the backlog that were acknowledged.
    pub drained: u64,
    /// From the first connection to the last acknowledgement.
    pub took: Duration,
    /// Batches of the backlog per second while the collector was busy: from a tenth of them to nine tenths.
    pub drained_per_sec: u64,
    /// Until all hosts knew where to go on.
    pub all_resumed: Duration,
    /// Answers with 503 by path and reason; each had a Retry-After.
    pub refused: BTreeMap<String, u64>,
    /// Connections that could not be made, or broke.
    pub broken: u64,
    /// Batches of hosts without a backlog.
    pub honest: u64,
    /// How long each of those waited for its acknowledgement, retries included; sorted.
    pub waits: Vec<Duration>,
}

/// What all hosts count.
pub(crate) struct Shared {
    start: Instant,
    questions: Questions,
    total: u64,
    drained: AtomicU64,
    resumed: AtomicU64,
    /// How often each path was refused, and why.
    refused: Mutex<BTreeMap<String, u64>>,
    broken: AtomicU64,
    honest: AtomicU64,
    /// Microseconds after the start at which a tenth and nine tenths were drained.
    tenth_usec: AtomicU64,
    nine_tenths_usec: AtomicU64,
    ended: watch::Sender<bool>,
}

impl Shared {
    fn new(total: u64, questions: Questions) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            start: Instant::now(),
            questions,
            total,
            drained: zero(),
            resumed: zero(),
            refused: Mutex::default(),
            broken: zero(),
            honest: zero(),
            tenth_usec: zero(),
            nine_tenths_usec: zero(),
            ended: watch::channel(total == 0).0,
        }
    }

    fn usec(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn note_drained(&self) {
        let drained = self.drained.fetch_add(1, Ordering::Relaxed) + 1;
        if drained == self.total / 10 {
            self.tenth_usec.store(self.usec(), Ordering::Relaxed);
        }
        if drained == self.total / 10 * 9 {
            self.nine_tenths_usec.store(self.usec(), Ordering::Relaxed);
        }
        if drained == self.total {
            self.ended.send_replace(true);
        }
    }

    fn note_refused(&self, path: &str, body: &[u8]) {
        let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let why = format!("{path}: {}", problem["detail"].as_str().unwrap_or_default());
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(why).or_default() += 1;
    }

    /// Whether enough of the backlog is there to keep the collector busy.
    fn is_loaded(&self) -> bool {
        self.drained.load(Ordering::Relaxed) * 100 < self.total * LOADED_PCT
    }

    async fn wait_for_end(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as this.
        let _ended = ended.wait_for(|ended| *ended).await;
    }
}

impl Crowd {
    /// Enrols all hosts, approved at once; those with a backlog send a first batch and seal their sample. All of their
    /// batches say the same.
    pub fn prepare(stack: &Stack, plan: &Plan) -> Result<Self> {
        let from_ms = now_ms() / plan.interval_ms * plan.interval_ms
            - i64::try_from(plan.backlog + 1)? * plan.interval_ms;
        let ends = (0..=i64::try_from(plan.sample)?).map(|n| from_ms + n * plan.interval_ms);
        let payloads = ends.zip(1..).map(|(at_ms, seq)| {
            let span_ms = (at_ms, at_ms + plan.interval_ms);
            Ok((span_ms.1, payload(seq, span_ms, plan.accounts)?))
        });
        let payloads = payloads.collect::<Result<Vec<_>>>()?;
        let questions = Questions::new()?;
        let make = |number: usize| -> Result<Ready> {
            let is_honest = number >= plan.hosts;
            let from_ms = if is_honest { now_ms() } else { from_ms };
            let mut host = Host::enroll(stack, u32::try_from(number)?, from_ms)?;
            let (mut sealed, mut question) = (Vec::new(), (0, 0));
            if !is_honest {
                let batches = payloads.iter().map(|(to_ms, p)| host.seal_batch(p, *to_ms, *to_ms));
                sealed = batches.collect::<Result<_>>()?;
                question = questions.put(&host.ask(&host::question(plan, &sealed)?)?)?;
                stack.api.exchange("/v1/batches", sealed.first().context("the first batch")?)?;
            }
            Ok(Ready { host, sealed, question })
        };
        let all = plan.hosts + plan.honest;
        let parts = std::thread::scope(|scope| {
            let make = &make;
            let enrol = |first| move || (first..all).step_by(ENROLLERS).map(|n| Ok((n, make(n)?))).collect();
            let threads: Vec<_> = (0..ENROLLERS).map(|n| scope.spawn(enrol(n))).collect();
            let join = |t: std::thread::ScopedJoinHandle<'_, Result<Vec<_>>>| {
                t.join().map_err(|_| anyhow!("enrolling panicked"))?
            };
            threads.into_iter().map(join).collect::<Result<Vec<_>>>()
        })?;
        let (drainers, honest): (Vec<_>, Vec<_>) =
            parts.into_iter().flatten().partition(|(n, _)| *n < plan.hosts);
        let plan = Arc::new(plan.clone());
        let honest = honest.into_iter().map(|(_, ready)| ready.host).collect();
        let address = stack.url.trim_start_matches("https://").parse()?;
        Ok(Self {
            plan,
            address,
            questions,
            drainers: drainers.into_iter().map(|(_, ready)| ready).collect(),
            honest,
        })
    }

    /// Bytes of all sealed batches.
    pub fn sealed_bytes(&self) -> usize {
        self.drainers.iter().flat_map(|d| &d.sealed).map(Vec::len).sum()
    }

    /// Lets them come. Ends when the whole sample is drained, or with the first error.
    pub fn run(self) -> Result<Report> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.run_to_end())
    }

    async fn run_to_end(self) -> Result<Report> {
        let (plan, door) = (self.plan, Arc::new(Door::new(self.address)?));
        let total = u64::try_from(plan.hosts * plan.sample)?;
        let shared = Arc::new(Shared::new(total, self.questions));
        let honest: Vec<_> = self
            .honest
            .into_iter()
            .map(|host| {
                let (plan, shared, door) = (Arc::clone(&plan), Arc::clone(&shared), Arc::clone(&door));
                tokio::spawn(async move { host::honest(&plan, &shared, &door, host).await })
            })
            .collect();
        let drainers: Vec<_> = self
            .drainers
            .into_iter()
            .map(|ready| {
                let (plan, shared, door) = (Arc::clone(&plan), Arc::clone(&shared), Arc::clone(&door));
                tokio::spawn(async move { host::drain(&plan, &shared, &door, ready).await })
            })
            .collect();
        let mut all_resumed = Duration::ZERO;
        let hosts = u64::try_from(plan.hosts)?;
        let mut ended = shared.ended.subscribe();
        loop {
            let tick = tokio::time::sleep(Duration::from_millis(100));
            tokio::select! {
                _ = ended.wait_for(|e| *e) => break,
                () = tick => {}
            }
            if all_resumed.is_zero() && shared.resumed.load(Ordering::Relaxed) == hosts {
                all_resumed = shared.start.elapsed();
            }
            if let Some(failed) = drainers.iter().position(tokio::task::JoinHandle::is_finished) {
                // Nobody ends before the end, except for a failure.
                let mut drainers = drainers;
                drainers.swap_remove(failed).await??;
                return Err(anyhow!("a host ended early"));
            }
        }
        let took = shared.start.elapsed();
        for task in drainers {
            task.await??;
        }
        let mut waits = Vec::new();
        for task in honest {
            waits.extend(task.await??);
        }
        waits.sort_unstable();
        Ok(report(&shared, took, all_resumed, waits))
    }
}

fn report(shared: &Shared, took: Duration, all_resumed: Duration, waits: Vec<Duration>) -> Report {
    let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
    let busy_usec = get(&shared.nine_tenths_usec).saturating_sub(get(&shared.tenth_usec)).max(1);
    Report {
        drained: get(&shared.drained),
        took,
        drained_per_sec: (shared.total / 10 * 8).saturating_mul(1_000_000) / busy_usec,
        all_resumed,
        refused: shared.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        broken: get(&shared.broken),
        honest: get(&shared.honest),
        waits,
    }
}
