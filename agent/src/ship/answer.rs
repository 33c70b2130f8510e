//! What the collector's answer to a batch means. Pure.

use crate::http::Answer;
use crate::state::Enrolment;
use hostmeter_core::wire::ack::Ack;
use hostmeter_core::wire::envelope::{Domain, open};
use hostmeter_core::wire::key::Hash;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Signed by the collector that was enrolled with, for this very request.
    Acked(Ack),
    /// Send again from this number.
    Want(u64),
    /// The collector does not know this epoch: ask where to go on.
    Resume(String),
    /// Two copies of this host: stop.
    Fork(String),
    /// Try again after a pause.
    Later { why: String, at_least_ms: i64 },
    /// Somebody must do something; try again, but seldom.
    Hopeless(String),
}

pub(super) fn judge(answer: &Answer, enrolment: &Enrolment, request_hash: [u8; 32]) -> Verdict {
    let later = |why: String| Verdict::Later { why, at_least_ms: 0 };
    if answer.status.is_success() {
        return match acknowledgement(&answer.body, enrolment, request_hash) {
            Ok(ack) => Verdict::Acked(ack),
            Err(why) => later(format!("the answer is no acknowledgement of this batch: {why}")),
        };
    }
    let problem = answer.problem();
    match (answer.status.as_u16(), problem.code.as_str(), problem.want) {
        (409, "want", Some(seq)) => Verdict::Want(seq),
        (409, "fork", _) => Verdict::Fork(answer.complaint()),
        (409, "resume", _) => Verdict::Resume(answer.complaint()),
        (429 | 503, ..) => {
            let sec = answer.retry_after_sec.and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
            Verdict::Later { why: answer.complaint(), at_least_ms: sec.saturating_mul(1_000) }
        }
        (408 | 500..=599, ..) => later(answer.complaint()),
        _ => Verdict::Hopeless(answer.complaint()),
    }
}

fn acknowledgement(body: &[u8], enrolment: &Enrolment, request_hash: [u8; 32]) -> Result<Ack, String> {
    let (header, payload) = open(body, Domain::Ack, &enrolment.identity_key).map_err(|e| e.to_string())?;
    if header.stamp.host != enrolment.host_id || header.stamp.epoch != enrolment.epoch {
        return Err("it is for another host or epoch".to_owned());
    }
    let ack = Ack::decode(&payload).map_err(|e| e.to_string())?;
    if ack.request_hash != Hash(request_hash) {
        return Err("it answers another batch".to_owned());
    }
    Ok(ack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostmeter_core::ids::{BootId, HostId, HostName};
    use hostmeter_core::wire::VERSION;
    use hostmeter_core::wire::ack::HostState;
    use hostmeter_core::wire::envelope::{Stamp, seal};
    use hostmeter_core::wire::key::SigningKey;
    use hyper::StatusCode;

    fn enrolment(key: &SigningKey) -> Enrolment {
        Enrolment {
            v: VERSION,
            host_id: HostId([1; 16]),
            name: HostName::parse("web1").unwrap(),
            epoch: 3,
            identity_key: key.public(),
            command_key: key.public(),
            url: "http://127.0.0.1:1".to_owned(),
        }
    }

    fn answer(status: u16, body: Vec<u8>, retry_after_sec: Option<u64>) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), retry_after_sec, body: body.into() }
    }

    #[test]
    fn acknowledgements() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let stranger = SigningKey::from_seed(&[2; 32]).unwrap();
        let ack = Ack {
            v: VERSION,
            durable_seq: 7,
            durable_hash: Hash([7; 32]),
            archived_seq: 7,
            collector_ms: 5,
            request_hash: Hash([7; 32]),
            state: HostState::Live,
        };
        let sealed = |host: u8, epoch: u64, domain: Domain, signer: &SigningKey| {
            let (host, boot) = (HostId([host; 16]), BootId([0; 16]));
            let stamp =
                Stamp { domain, host, epoch, seq: 7, prev: [0; 32], boot, wall_ns: 0, boottime_ns: 0 };
            seal(&stamp, &ack.encode().unwrap(), signer).unwrap()
        };
        let check = |body: Vec<u8>, hash: [u8; 32], want: &str| {
            let got = match judge(&answer(200, body, None), &enrolment(&key), hash) {
                Verdict::Acked(a) => format!("acked {}", a.durable_seq),
                Verdict::Later { why, at_least_ms: 0 } => why,
                other => format!("{other:?}"),
            };
            assert!(got.ends_with(want), "{got} / {want}");
        };
        check(sealed(1, 3, Domain::Ack, &key), [7; 32], "acked 7");
        check(sealed(1, 3, Domain::Ack, &key), [8; 32], "it answers another batch");
        check(sealed(2, 3, Domain::Ack, &key), [7; 32], "it is for another host or epoch");
        check(sealed(1, 4, Domain::Ack, &key), [7; 32], "it is for another host or epoch");
        check(sealed(1, 3, Domain::Batch, &key), [7; 32], "envelope is of kind Batch where Ack is expected");
        let by =
            format!("envelope is signed by key {}, not by key {}", stranger.public().id(), key.public().id());
        check(sealed(1, 3, Domain::Ack, &stranger), [7; 32], &by);
        check(b"<html>".to_vec(), [7; 32], "envelope has 6 bytes where 220 are needed");
    }

    #[test]
    fn refusals() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let check = |status: u16, body: &str, retry: Option<u64>, want: &str| {
            let got = judge(&answer(status, body.into(), retry), &enrolment(&key), [0; 32]);
            assert_eq!(format!("{got:?}"), want);
        };
        check(409, r#"{"code":"want","want":4}"#, None, "Want(4)");
        check(
            409,
            r#"{"code":"fork","detail":"x"}"#,
            None,
            "Fork(\"the collector answered 409 Conflict: x\")",
        );
        check(
            409,
            r#"{"code":"resume","detail":"x"}"#,
            None,
            "Resume(\"the collector answered 409 Conflict: x\")",
        );
        check(409, r#"{"code":"want"}"#, None, "Hopeless(\"the collector answered 409 Conflict: \")");
        check(401, r#"{"detail":"x"}"#, None, "Hopeless(\"the collector answered 401 Unauthorized: x\")");
        check(
            503,
            r#"{"detail":"x"}"#,
            Some(9),
            "Later { why: \"the collector answered 503 Service Unavailable: x\", at_least_ms: 9000 }",
        );
        check(
            500,
            "",
            None,
            "Later { why: \"the collector answered 500 Internal Server Error: \", at_least_ms: 0 }",
        );
        check(301, "", None, "Hopeless(\"the collector answered 301 Moved Permanently: \")");
    }
}
