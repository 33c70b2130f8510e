//! The collector is told of a new key, and later where the old one ended.

use super::answer::{self, Verdict};
use super::{Next, Shipper};
use crate::limits::{REQUEST_MAX_MS, ROTATION_LOOK};
use crate::rotation::{self, Step};
use crate::spool::len_u64;
use hostmeter_core::wire::envelope::header_hash;
use hostmeter_core::wire::key::SigningKey;
use hostmeter_core::wire::keys::{KeyEnd, Rotated};
use std::time::Duration;

/// What became of a request.
enum Told {
    Done(Rotated),
    Later(String),
    /// The stable word, and the words for people.
    Refused(String, String),
}

impl Shipper {
    /// Takes the next step of a rotation, if one is under way and it is time.
    pub(super) async fn rotate(&mut self) -> Option<Next> {
        let now_ms = self.link.machine.now().map_or(0, |now| now.boottime_ms());
        if now_ms < self.look_at_ms {
            return None;
        }
        self.look_at_ms = now_ms.saturating_add(i64::try_from(ROTATION_LOOK.as_millis()).unwrap_or(i64::MAX));
        self.is_rotating = false;
        let found = match rotation::read(&self.link.state_dir) {
            Ok(found) => found?,
            Err(e) => return Some(self.failed(e.to_string(), 0)),
        };
        if found.host_id != self.link.enrolment.host_id {
            return None;
        }
        self.is_rotating = matches!(found.step, Step::Asked | Step::Switched { .. });
        match found.step {
            Step::Asked => self.register().await,
            // Written by this very process, which begins again; a start takes the step before anything is shipped.
            Step::Registered { .. } => Some(Next::NewKey),
            Step::Switched { end, .. } => self.tell_end(end).await,
            Step::Done { .. } | Step::Refused { .. } => None,
        }
    }

    async fn register(&mut self) -> Option<Next> {
        let new = match rotation::new_key(&self.link.state_dir) {
            Ok(new) => new,
            Err(e) => return Some(self.failed(e.to_string(), 0)),
        };
        let (old_key, new_key) = (self.link.sealer.key.public(), new.public());
        let step = match self.tell(&self.link.sealer.key, &new, None).await {
            Told::Done(_) => Step::Registered { old_key, new_key },
            Told::Later(why) => return Some(self.failed(why, 0)),
            Told::Refused(code, why) => {
                tracing::error!("the key is not replaced: {why}");
                if code == "key_known"
                    && let Err(e) = rotation::drop_new_key(&self.link.state_dir)
                {
                    return Some(self.failed(e.to_string(), 0));
                }
                Step::Refused { why }
            }
        };
        let is_new = matches!(step, Step::Registered { .. });
        match rotation::keep(&self.link.state_dir, self.link.enrolment.host_id, step) {
            Ok(()) => is_new.then_some(Next::NewKey),
            Err(e) => Some(self.failed(e.to_string(), 0)),
        }
    }

    async fn tell_end(&mut self, end: KeyEnd) -> Option<Next> {
        let dir = &self.link.state_dir;
        let old = match rotation::old_key(dir) {
            Ok(Some(old)) => old,
            Ok(None) => return Some(self.failed("host.key.replaced is gone; restore it".to_owned(), 0)),
            Err(e) => return Some(self.failed(e.to_string(), 0)),
        };
        let fingerprint = self.link.sealer.key.public().fingerprint();
        let step = match self.tell(&old, &self.link.sealer.key, Some(end)).await {
            Told::Later(why) => return Some(self.failed(why, 0)),
            Told::Done(Rotated { old_until_ms, .. }) => {
                tracing::info!(fingerprint, "the collector goes on with the new key");
                Step::Done { fingerprint, old_until_ms }
            }
            Told::Refused(_, why) => {
                tracing::error!("batches of the old key that are not stored yet may be refused: {why}");
                Step::Done { fingerprint, old_until_ms: 0 }
            }
        };
        let kept = rotation::keep(&self.link.state_dir, self.link.enrolment.host_id, step);
        kept.err().map(|e| self.failed(e.to_string(), 0))
    }

    async fn tell(&self, old: &SigningKey, new: &SigningKey, end: Option<KeyEnd>) -> Told {
        let link = &self.link;
        let request = match rotation::request(link.enrolment.host_id, old, new, end) {
            Ok(request) => request,
            Err(why) => return Told::Later(why),
        };
        let hash = header_hash(&request);
        let within = Duration::from_millis(REQUEST_MAX_MS);
        let answer = match link.machine.post("/v1/keys", request, within).await {
            Ok(answer) => answer,
            Err(e) => return Told::Later(e.to_string()),
        };
        if answer.status.is_success() {
            return match rotation::read_answer(&answer.body, &link.enrolment, &new.public(), hash) {
                Ok(rotated) => Told::Done(rotated),
                Err(why) => Told::Later(format!(
                    "the answer of {} bytes to a new key is none: {why}",
                    len_u64(answer.body.len())
                )),
            };
        }
        match answer::judge(&answer, &link.enrolment, hash) {
            Verdict::Hopeless(why) => Told::Refused(answer.problem().code, why),
            Verdict::Later { why, .. } | Verdict::Fork(why) | Verdict::Resume(why) => Told::Later(why),
            Verdict::Acked(_) | Verdict::Want(_) => {
                Told::Later("the answer is to another question".to_owned())
            }
        }
    }
}
