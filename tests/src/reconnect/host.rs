//! What one simulated host does, by the rules of an agent: one request on its way, pauses with jitter that grow with
//! each failure, never a shorter one than it is asked for.

use super::line::{Answer, Door, Line};
use super::{Plan, Shared};
use crate::fleet::{Host, now_ms, payload};
use anyhow::{Context, Result, bail, ensure};
use hostmeter_agent::os::random_below;
use hostmeter_agent::ship::Backoff;
use hostmeter_core::limits::RESUME_HELD_MAX;
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::ack::Ack;
use hostmeter_core::wire::envelope::{header_hash, open_payload, peek};
use hostmeter_core::wire::key::{Hash, sha256};
use hostmeter_core::wire::resume::{Held, Nonce, Resume, Resumed};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A host with what it sealed before the clock runs.
pub(super) struct Ready {
    pub(super) host: Host,
    /// The batch that was acknowledged before the outage, then the sample of the backlog.
    pub(super) sealed: Vec<Vec<u8>>,
    /// What it asks first: where it lies, and its length.
    pub(super) question: (u64, usize),
}

/// Sealed questions, in a file: together they are too large for memory.
pub(super) struct Questions(Mutex<File>);

impl Questions {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Mutex::new(tempfile::tempfile().context("a file for questions")?)))
    }

    pub(super) fn put(&self, sealed: &[u8]) -> Result<(u64, usize)> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = file.seek(SeekFrom::End(0))?;
        file.write_all(sealed)?;
        Ok((at, sealed.len()))
    }

    fn get(&self, (at, len): (u64, usize)) -> Result<Vec<u8>> {
        let mut sealed = vec![0; len];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read_exact_at(&mut sealed, at)?;
        Ok(sealed)
    }
}

/// The way to the collector.
pub(super) struct Way<'a> {
    shared: &'a Shared,
    door: &'a Door,
    line: Option<Line>,
    backoff: Backoff,
}

impl<'a> Way<'a> {
    pub(super) fn new(plan: &Plan, shared: &'a Shared, door: &'a Door) -> Self {
        let backoff = Backoff::new(plan.backoff_ms.0, plan.backoff_ms.1);
        Self { shared, door, line: None, backoff }
    }

    /// Connects, if it is not connected.
    pub(super) async fn connect(&mut self) -> Result<&mut Line> {
        let line = match self.line.take().filter(Line::is_good) {
            Some(line) => line,
            None => self.door.open().await?,
        };
        Ok(self.line.insert(line))
    }

    async fn once(&mut self, path: &str, body: &[u8]) -> Result<Answer> {
        self.connect().await?.post(path, body).await
    }

    /// Sends an envelope until it is answered with a success; what the answer holds.
    async fn send(&mut self, path: &str, body: &[u8]) -> Result<Vec<u8>> {
        loop {
            let at_least_ms = match self.once(path, body).await {
                Ok(Answer { status: 200, body, .. }) => {
                    self.backoff.reset();
                    let header = peek(&body)?;
                    return Ok(open_payload(&header, &body)?);
                }
                Ok(Answer { status: 503, retry_after_sec, body }) => {
                    self.shared.note_refused(path, &body);
                    let sec = retry_after_sec.context("a 503 without Retry-After")?;
                    ensure!(sec > 0, "Retry-After: 0");
                    i64::try_from(sec)?.saturating_mul(1_000)
                }
                Ok(Answer { status, body, .. }) => {
                    bail!("{path}: {status} {}", String::from_utf8_lossy(&body));
                }
                Err(_) => {
                    self.shared.broken.fetch_add(1, Ordering::Relaxed);
                    0
                }
            };
            sleep(self.backoff.next(at_least_ms, random_below)).await;
        }
    }

    /// Sends a batch until it is acknowledged.
    pub(super) async fn ship(&mut self, sealed: &[u8]) -> Result<()> {
        let ack = Ack::decode(&self.send("/v1/batches", sealed).await?)?;
        let (seq, hash) = (peek(sealed)?.stamp.seq, Hash(header_hash(sealed)));
        ensure!(ack.request_hash == hash, "batch {seq}: an acknowledgement of another request");
        ensure!(ack.durable_seq >= seq, "batch {seq}: only {} is durable", ack.durable_seq);
        Ok(())
    }

    /// Asks where to go on; the highest number that is stored.
    async fn resume(&mut self, sealed: &[u8]) -> Result<u64> {
        let told = Resumed::decode(&self.send("/v1/resume", sealed).await?)?;
        ensure!(told.request_hash == Hash(header_hash(sealed)), "an answer to another question");
        Ok(told.stored_seq)
    }
}

/// Comes back after the outage and ships the sample.
pub(super) async fn drain(plan: &Plan, shared: &Shared, door: &Door, ready: Ready) -> Result<()> {
    let spread_ms = u64::try_from(plan.spread.as_millis())?;
    sleep(Duration::from_millis(random_below(spread_ms.max(1)))).await;
    let mut way = Way::new(plan, shared, door);
    let question = shared.questions.get(ready.question)?;
    let stored_seq = way.resume(&question).await?;
    drop(question);
    shared.resumed.fetch_add(1, Ordering::Relaxed);
    ensure!(stored_seq == 1, "{stored_seq} batches are said to be stored, not 1");
    // What is stored last is sent again, as agents do.
    for (n, sealed) in ready.sealed.into_iter().enumerate() {
        way.ship(&sealed).await?;
        if n > 0 {
            shared.note_drained();
        }
    }
    // The rest of the backlog would follow: the connection stays.
    shared.wait_for_end().await;
    Ok(())
}

/// What a host asks that holds the whole backlog: it names as many as it can from the last acknowledged one on.
pub(super) fn question(plan: &Plan, sealed: &[Vec<u8>]) -> Result<Resume> {
    let last = (plan.backlog + 1).min(RESUME_HELD_MAX);
    let next_seq = (last < plan.backlog + 1).then(|| u64::try_from(last + 1)).transpose()?;
    let held = |seq: usize| -> Result<Held> {
        let number = u64::try_from(seq)?;
        // Not in the sample: the collector does not have it in any case.
        let hash = sealed.get(seq - 1).map_or_else(|| sha256(&number.to_be_bytes()), |e| header_hash(e));
        Ok(Held { seq: number, hash: Hash(hash) })
    };
    let held = (1..=last).map(held).collect::<Result<Vec<_>>>()?;
    Ok(Resume {
        v: VERSION,
        nonce: Nonce([7; 16]),
        acked_seq: 1,
        held,
        has_older: false,
        before: None,
        next_seq,
        at_ms: None,
    })
}

/// Sends what it just measured, again and again, while others drain; how long each batch waited for its
/// acknowledgement, retries included.
pub(super) async fn honest(
    plan: &Plan,
    shared: &Shared,
    door: &Door,
    mut host: Host,
) -> Result<Vec<Duration>> {
    let mut way = Way::new(plan, shared, door);
    way.connect().await?;
    let phase_ms = u64::try_from(plan.phase.as_millis())?.max(1);
    let mut next = Instant::now() + Duration::from_millis(random_below(phase_ms));
    let mut waits = Vec::new();
    loop {
        sleep(next.saturating_duration_since(Instant::now())).await;
        if !shared.is_loaded() {
            return Ok(waits);
        }
        // What was sealed before the clock ran ends a minute after the enrolment, which may be less long ago.
        let (to_ms, seq) = (now_ms().max(host.at_ms() + 1), host.last().0 + 1);
        let payload = payload(seq, (host.at_ms(), to_ms), plan.accounts)?;
        let sealed = host.seal_batch(&payload, to_ms, to_ms)?;
        let start = Instant::now();
        way.ship(&sealed).await?;
        waits.push(start.elapsed());
        shared.honest.fetch_add(1, Ordering::Relaxed);
        next = (next + plan.phase).max(Instant::now());
    }
}
