//! After a start, and whenever both sides disagree: where to go on; and word of batches that are lost.

use super::answer::{self, Verdict};
use super::{Next, Shipper};
use crate::batch::Sealer;
use crate::epoch::{self, Grant};
use crate::http::Answer;
use crate::limits::REQUEST_MAX_MS;
use crate::machine::Machine;
use crate::os;
use crate::spool::{Entry, Holding, len_u64};
use hostmeter_core::ids::HostId;
use hostmeter_core::limits::{RESUME_FRESH_MS, RESUME_HELD_MAX};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{Domain, Stamp, header_hash, open, open_payload, peek, seal};
use hostmeter_core::wire::gap::Lost;
use hostmeter_core::wire::key::{Hash, PublicKey};
use hostmeter_core::wire::resume::{Nonce, Resume, Resumed};
use std::time::Duration;

/// What the collector says of where to go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Go on so.
    GoOn(Resumed),
    /// Name older envelopes.
    Older,
    /// Ask again, naming this time of the collector.
    Stale(i64),
    /// As to a batch.
    Other(Verdict),
}

/// A question that is asked until it is answered.
pub(super) struct Question {
    nonce: Nonce,
    /// Last envelope to name; `None`: as many as can be named from the last acknowledged one on.
    last: Option<u64>,
    /// The collector's time, where it asked for it.
    at_ms: Option<i64>,
}

impl Question {
    fn new(machine: &dyn Machine) -> Option<Self> {
        let mut nonce = [0; 16];
        machine.random(&mut nonce).then_some(Self { nonce: Nonce(nonce), last: None, at_ms: None })
    }
}

impl Shipper {
    /// Asks where to go on.
    pub(super) async fn ask(&mut self) -> Next {
        let Some(question) = self.question.take().or_else(|| Question::new(&*self.link.machine)) else {
            return self.failed("the system gives no random bytes".to_owned(), 0);
        };
        let (next, question) = match self.ask_once(question).await {
            Ok(done) => done,
            Err((why, question)) => (self.failed(why, 0), Some(question)),
        };
        self.is_resumed = question.is_none();
        self.question = question;
        next
    }

    async fn ask_once(
        &mut self,
        mut question: Question,
    ) -> Result<(Next, Option<Question>), (String, Question)> {
        let acked_seq =
            self.reader.acked().seq.max(self.reader.range().map_or(0, |(a, _)| a.saturating_sub(1)));
        let max = len_u64(RESUME_HELD_MAX);
        // After a start nobody remembers what was acknowledged: the newest are named first, as a page that ends below what
        // the collector has would look like the end of a host that is behind.
        let newest = if self.reader.acked().seq == 0 {
            u64::MAX
        } else {
            acked_seq.saturating_add(max).saturating_sub(1)
        };
        let last = question.last.unwrap_or(newest);
        let Holding { held, has_older, before, next } = match self.reader.held(last, max) {
            Ok(holding) => holding,
            Err(e) => return Err((e.to_string(), question)),
        };
        let first = held.first().map_or(0, |h| h.seq);
        let Question { nonce, at_ms, .. } = question;
        let asked = Resume { v: VERSION, nonce, acked_seq, held, has_older, before, next_seq: next, at_ms };
        let told = match self.tell_resume(&asked).await {
            Ok(told) => told,
            Err(why) => return Err((why, question)),
        };
        match told {
            Told::GoOn(resumed) => Ok((self.go_on(&resumed), None)),
            Told::Older => {
                question.last = Some(first.saturating_sub(1));
                Ok((Next::GoOn, Some(question)))
            }
            Told::Stale(ms) => {
                // What is told after a pause is soon told again; a collector that is never content gets pauses.
                let next = match question.at_ms.replace(ms) {
                    Some(before) if ms.saturating_sub(before) < RESUME_FRESH_MS => {
                        self.failed("the collector takes this question for an old one".to_owned(), 0)
                    }
                    _ => Next::GoOn,
                };
                Ok((next, Some(question)))
            }
            Told::Other(verdict) => Ok((self.refused(verdict), Some(question))),
        }
    }

    async fn tell_resume(&self, asked: &Resume) -> Result<Told, String> {
        let payload = asked.encode().map_err(|e| e.to_string())?;
        let sent = self.link.machine.now().map_err(|e| e.to_string())?;
        let stamp = stamp(&self.link.sealer, Domain::Resume, asked.last_seq(), sent);
        let envelope = seal(&stamp, &payload, &self.link.sealer.key).map_err(|e| e.to_string())?;
        let hash = header_hash(&envelope);
        let within = Duration::from_millis(REQUEST_MAX_MS);
        let answer =
            self.link.machine.post("/v1/resume", envelope, within).await.map_err(|e| e.to_string())?;
        let (host, key) = (self.link.enrolment.host_id, &self.link.enrolment.identity_key);
        let told = judge(&answer, host, key, hash, || answer::judge(&answer, &self.link.enrolment, hash));
        if let (Told::GoOn(resumed), Ok(received)) = (&told, self.link.machine.now()) {
            self.link.learn(sent, received, resumed.collector_ms);
        }
        Ok(told)
    }

    fn go_on(&mut self, resumed: &Resumed) -> Next {
        let enrolment = &self.link.enrolment;
        if resumed.epoch > enrolment.epoch {
            let grant = Grant {
                host_id: enrolment.host_id,
                old_epoch: enrolment.epoch,
                epoch: resumed.epoch,
                stored_seq: resumed.stored_seq,
                watermark_ms: resumed.watermark_ms,
            };
            return match epoch::keep(&self.link.state_dir, &grant) {
                Ok(()) => Next::NewEpoch,
                Err(e) => self.failed(format!("the granted epoch cannot be kept: {e}"), 0),
            };
        }
        self.backoff.reset();
        // What is stored last is sent again: its acknowledgement tells how far the rest may go.
        match self.reader.seek(resumed.stored_seq) {
            Ok(_) => Next::GoOn,
            Err(e) => self.failed(e.to_string(), 0),
        }
    }

    /// The collector does not give a place yet.
    fn refused(&mut self, verdict: Verdict) -> Next {
        match verdict {
            Verdict::Fork(why) => Next::Stop(why),
            Verdict::Later { why, at_least_ms } => self.failed(why, at_least_ms),
            Verdict::Hopeless(why) | Verdict::Resume(why) => self.failed(why, self.link.backoff_ms.1),
            Verdict::Acked(_) | Verdict::Want(_) => {
                self.failed("the answer is to another question".to_owned(), 0)
            }
        }
    }

    /// Says that the numbers from `seq` up to this envelope are lost.
    pub(super) async fn lose(&mut self, seq: u64, next: &Entry) -> Next {
        self.back_to(next);
        let sent = match self.tell_lost(seq, next).await {
            Ok(verdict) => verdict,
            Err(why) => return self.failed(why, 0),
        };
        match sent {
            Verdict::Acked(ack) => {
                tracing::warn!("batches {seq} to {} are lost; the collector knows", ack.durable_seq);
                Next::GoOn
            }
            Verdict::Want(_) => Next::GoOn,
            other => self.refused(other),
        }
    }

    async fn tell_lost(&self, seq: u64, next: &Entry) -> Result<Verdict, String> {
        let lost = lost(seq, next)?;
        let now = self.link.machine.now().map_err(|e| e.to_string())?;
        let stamp = stamp(&self.link.sealer, Domain::Gap, lost.to_seq, now);
        let payload = lost.encode().map_err(|e| e.to_string())?;
        let envelope = seal(&stamp, &payload, &self.link.sealer.key).map_err(|e| e.to_string())?;
        let hash = header_hash(&envelope);
        let within = Duration::from_millis(REQUEST_MAX_MS);
        let answer = self.link.machine.post("/v1/gaps", envelope, within).await.map_err(|e| e.to_string())?;
        Ok(answer::judge(&answer, &self.link.enrolment, hash))
    }
}

/// The word of what is lost before an envelope that is held.
fn lost(from_seq: u64, next: &Entry) -> Result<Lost, String> {
    let header = peek(&next.envelope).map_err(|e| e.to_string())?;
    let payload = open_payload(&header, &next.envelope).map_err(|e| e.to_string())?;
    let next_ms = Batch::decode(&payload).ok().and_then(|b| b.intervals.first().map(|i| i.from_ms));
    Ok(Lost {
        v: VERSION,
        from_seq,
        to_seq: next.seq.saturating_sub(1),
        next_prev: Hash(header.stamp.prev),
        next_ms,
        reason: "the host's spool does not hold them any more (damage, or a spool that was moved away)"
            .to_owned(),
    })
}

fn stamp(sealer: &Sealer, domain: Domain, seq: u64, now: os::Now) -> Stamp {
    let Sealer { host, epoch, boot, .. } = *sealer;
    Stamp {
        domain,
        host,
        epoch,
        seq,
        prev: [0; 32],
        boot,
        wall_ns: now.wall_ns,
        boottime_ns: now.boottime_ns,
    }
}

/// What an answer to a question means; `other` judges it as an answer to a batch.
fn judge(
    answer: &Answer,
    host: HostId,
    key: &PublicKey,
    request_hash: [u8; 32],
    other: impl FnOnce() -> Verdict,
) -> Told {
    let later = |why: String| Told::Other(Verdict::Later { why, at_least_ms: 0 });
    if answer.status.is_success() {
        let opened = open(&answer.body, Domain::Resume, key).map_err(|e| e.to_string());
        let read = opened.and_then(|(header, payload)| {
            let resumed = Resumed::decode(&payload).map_err(|e| e.to_string())?;
            let is_ours = header.stamp.host == host && resumed.request_hash == Hash(request_hash);
            if is_ours { Ok(resumed) } else { Err("it answers another question".to_owned()) }
        });
        return read
            .map_or_else(|why| later(format!("the answer does not say where to go on: {why}")), Told::GoOn);
    }
    let problem = answer.problem();
    match (answer.status.as_u16(), problem.code.as_str()) {
        (409, "older") => Told::Older,
        (409, "stale") => problem.collector_ms.map_or_else(|| Told::Other(other()), Told::Stale),
        (409, "wait") => {
            let at_least_ms = problem.wait_ms.unwrap_or(0).clamp(0, crate::limits::RESUME_WAIT_MAX_MS);
            Told::Other(Verdict::Later { why: answer.complaint(), at_least_ms })
        }
        _ => Told::Other(other()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostmeter_core::ids::BootId;
    use hostmeter_core::wire::ack::HostState;
    use hostmeter_core::wire::key::SigningKey;
    use hyper::StatusCode;

    #[test]
    fn only_the_collector_says_where_to_go_on() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let stranger = SigningKey::from_seed(&[2; 32]).unwrap();
        let resumed = Resumed {
            v: VERSION,
            epoch: 2,
            stored_seq: 7,
            watermark_ms: None,
            state: HostState::Live,
            collector_ms: 5,
            request_hash: Hash([7; 32]),
        };
        let sealed = |host: u8, domain: Domain, signer: &SigningKey| {
            let (host, boot) = (HostId([host; 16]), BootId([0; 16]));
            let stamp =
                Stamp { domain, host, epoch: 2, seq: 7, prev: [0; 32], boot, wall_ns: 0, boottime_ns: 0 };
            seal(&stamp, &resumed.encode().unwrap(), signer).unwrap()
        };
        let check = |body: Vec<u8>, hash: [u8; 32], want: &str| {
            let answer = Answer { status: StatusCode::OK, retry_after_sec: None, body: body.into() };
            let got = match judge(&answer, HostId([1; 16]), &key.public(), hash, || unreachable!()) {
                Told::GoOn(told) => format!("epoch {}", told.epoch),
                Told::Other(Verdict::Later { why, at_least_ms: 0 }) => why,
                other => format!("{other:?}"),
            };
            assert!(got.ends_with(want), "{got} / {want}");
        };
        let good = sealed(1, Domain::Resume, &key);
        check(good.clone(), [7; 32], "epoch 2");
        check(good.clone(), [8; 32], "it answers another question");
        check(sealed(2, Domain::Resume, &key), [7; 32], "it answers another question");
        check(sealed(1, Domain::Ack, &key), [7; 32], "envelope is of kind Ack where Resume is expected");
        let by =
            format!("envelope is signed by key {}, not by key {}", stranger.public().id(), key.public().id());
        check(sealed(1, Domain::Resume, &stranger), [7; 32], &by);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let answer = Answer { status: StatusCode::OK, retry_after_sec: None, body: bad.into() };
            let told = judge(&answer, HostId([1; 16]), &key.public(), [7; 32], || unreachable!());
            assert!(matches!(told, Told::Other(Verdict::Later { .. })), "bit {bit}: {told:?}");
        }
    }
}
