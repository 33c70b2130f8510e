//! Payloads: what is understood is written and read back as the same, and what is not names its place.

use hostmeter_core::ids::{HostId, HostName};
use hostmeter_core::limits::{COMMAND_UID_MIN, PARTS_MAX, TEXT_MAX_BYTES};
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::wire::ack::{Ack, HostState};
use hostmeter_core::wire::batch::{
    AccountUsage, AgentInfo, Batch, Coverage, Gap, GapMeter, HostTotals, Interval, TopCommand,
};
use hostmeter_core::wire::command::{Action, Command, Outcome, Status, Surface, Target};
use hostmeter_core::wire::enroll::{EnrollAnswer, EnrollRequest};
use hostmeter_core::wire::envelope::{Domain, peek, seal};
use hostmeter_core::wire::key::Hash;
use hostmeter_core::wire::keys::{KeyEnd, Rotate, Rotated};
use hostmeter_core::wire::{PayloadError, VERSION};
use std::fmt::Debug;

/// decode(encode(x)) == x, encoding again gives the same bytes, and an error says what and where.
fn round<T: PartialEq + Debug>(
    bytes: &[u8],
    decode: fn(&[u8]) -> Result<T, PayloadError>,
    encode: fn(&T) -> Result<Vec<u8>, PayloadError>,
) -> Option<T> {
    match decode(bytes) {
        Ok(value) => {
            let once = encode(&value).expect("what was read can be written");
            let again = decode(&once).expect("what was written can be read");
            assert_eq!(again, value);
            assert_eq!(encode(&again).unwrap(), once, "encoding is stable");
            Some(value)
        }
        Err(PayloadError::Json { what, source }) => {
            let text = source.to_string();
            assert!(!what.is_empty() && (text.contains("line ") || text.contains("missing field")), "{text}");
            None
        }
        Err(e) => {
            assert!(e.to_string().len() > 10);
            None
        }
    }
}

pub(super) fn batch(bytes: &[u8]) {
    let Some(batch) = round(bytes, Batch::decode, Batch::encode) else { return };
    assert!((1..=batch.parts).contains(&batch.part) && batch.parts <= PARTS_MAX);
    let mut last_ms = i64::MIN;
    for interval in &batch.intervals {
        assert!(last_ms <= interval.from_ms && interval.from_ms < interval.to_ms);
        last_ms = interval.to_ms;
        for account in &interval.accounts {
            assert!(account.values.iter().all(|(_, value)| value >= 0), "usage is never negative");
        }
    }
    assert_eq!(batch.watermark_ms().is_some(), batch.part == batch.parts && !batch.intervals.is_empty());
}

pub(super) fn ack(bytes: &[u8]) {
    round(bytes, Ack::decode, Ack::encode);
}

pub(super) fn command(bytes: &[u8]) {
    let Some(command) = round(bytes, Command::decode, Command::encode) else { return };
    assert!(command.reason.len() <= TEXT_MAX_BYTES);
    // What is admitted keeps every rule, at any time.
    let stamp = super::envelope::stamp(Domain::Command, command.number, [0; 32]);
    let sealed = seal(&stamp, b"", &super::envelope::key(1)).unwrap();
    let header = peek(&sealed).unwrap();
    for now_ms in
        [i64::MIN, command.issued_ms, command.expires_ms.saturating_sub(1), command.expires_ms, i64::MAX]
    {
        for host in [super::envelope::HOST, HostId([8; 16])] {
            if command.admit(&header, host, 1, now_ms).is_ok() {
                assert!(host == super::envelope::HOST && command.epoch == 1 && now_ms < command.expires_ms);
                assert!(command.account.uid >= COMMAND_UID_MIN);
                let life_ms = i128::from(command.expires_ms) - i128::from(command.issued_ms);
                assert!(life_ms <= i128::from(command.action.life_max_ms()), "lives {life_ms} ms");
            }
        }
    }
}

pub(super) fn enroll(bytes: &[u8]) {
    round(bytes, EnrollRequest::decode, EnrollRequest::encode);
    round(bytes, EnrollAnswer::decode, EnrollAnswer::encode);
}

/// A key that foreign bytes name never proves to be its owner's, unless its owner signed.
pub(super) fn keys(bytes: &[u8]) {
    round(bytes, Rotated::decode, Rotated::encode);
    let Some(rotate) = round(bytes, Rotate::decode, Rotate::encode) else { return };
    let (host, old, new) = (super::envelope::HOST, super::envelope::key(1).public(), super::envelope::key(2));
    if rotate.is_proven(host, &old) {
        assert_eq!(rotate, Rotate::new(host, &old, &new, rotate.end), "signed by a key that is not there");
    }
}

pub(super) fn outcome() -> Outcome {
    Outcome {
        number: 4,
        generation: 2,
        action: Action::Suspend,
        uid: 1001,
        status: Status::Failed,
        at_ms: 1_795_255_200_000,
        detail: "cron: permission denied".to_owned(),
        surfaces: vec![Surface { surface: "ssh".to_owned(), ok: true, detail: "locked".to_owned() }],
        archive: Some("a1".to_owned()),
    }
}

pub(super) fn batch_seeds() -> Vec<Vec<u8>> {
    let mut values = Values::default();
    values.set(Meter::CpuUsec, 5);
    values.set(Meter::IoOps, i64::MAX);
    let top = TopCommand { command: "php%20-r".to_owned(), cpu_usec: 3, memory_kib_sec: 2, processes: 1 };
    let account = AccountUsage {
        uid: 1001,
        user: Some("shop".to_owned()),
        home: Some("/home/shop".to_owned()),
        home_inode: Some(u64::MAX),
        values,
        top: vec![top],
    };
    let t = 1_795_255_200_000;
    let gap = Gap { meter: GapMeter::All, uid: Some(1002), reason: "agent restarted".to_owned() };
    let host = HostTotals { cpus: 2, busy_usec: Some(9), remainder_usec: Some(-4), ..HostTotals::default() };
    let full = Interval {
        from_ms: t,
        to_ms: t + 10_000,
        host: Some(host),
        accounts: vec![account],
        gaps: vec![gap],
    };
    let next =
        Interval { from_ms: t + 10_000, to_ms: t + 20_000, host: None, accounts: vec![], gaps: vec![] };
    let small = Batch {
        v: VERSION,
        tier: "proc".to_owned(),
        coverage: Coverage::default(),
        agent: AgentInfo { version: "0.1.0".to_owned(), interval_ms: 10_000, limited: "hidepid".to_owned() },
        part: 1,
        parts: 2,
        outcomes: vec![],
        intervals: vec![],
    };
    let coverage = Coverage { cpu_ppm: Some(999_000), io_ppm: None, memory_ppm: Some(1) };
    let intervals = vec![full, next];
    let large = Batch { coverage, part: 2, outcomes: vec![outcome()], intervals, ..small.clone() };
    vec![small.encode().unwrap(), large.encode().unwrap()]
}

pub(super) fn ack_seeds() -> Vec<Vec<u8>> {
    let ack = Ack {
        v: VERSION,
        durable_seq: 7,
        durable_hash: Hash([7; 32]),
        archived_seq: 5,
        collector_ms: 1_795_255_200_000,
        request_hash: Hash([8; 32]),
        state: HostState::Live,
    };
    vec![ack.encode().unwrap(), br#"{"v":2}"#.to_vec()]
}

pub(super) fn order(action: Action) -> Command {
    Command {
        v: VERSION,
        number: 3,
        epoch: 1,
        issued_ms: 1_795_255_200_000,
        expires_ms: 1_795_255_200_000 + 600_000,
        action,
        generation: 2,
        account: Target { uid: 1001, user: "shop".into(), home: "/home/shop".into(), home_inode: 77 },
        reason: "balance below zero".to_owned(),
    }
}

pub(super) fn command_seeds() -> Vec<Vec<u8>> {
    [Action::Suspend, Action::Delete].into_iter().map(|a| order(a).encode().unwrap()).collect()
}

pub(super) fn keys_seeds() -> Vec<Vec<u8>> {
    let (old, new) = (super::envelope::key(1).public(), super::envelope::key(2));
    let rotate = |end| Rotate::new(super::envelope::HOST, &old, &new, end).encode().unwrap();
    let answer = Rotated {
        v: VERSION,
        new_key: new.public(),
        since_ms: 1_795_255_200_000,
        old_until_ms: 1_795_860_000_000,
        request_hash: Hash([8; 32]),
    };
    let end = KeyEnd { epoch: 1, seq: 7, hash: Hash([7; 32]) };
    vec![rotate(None), rotate(Some(end)), answer.encode().unwrap()]
}

pub(super) fn enroll_seeds() -> Vec<Vec<u8>> {
    let public_key = super::envelope::key(1).public();
    let request = EnrollRequest {
        v: VERSION,
        secret: "00112233445566778899aabbccddeeff".to_owned(),
        public_key,
        agent_version: "0.1.0".to_owned(),
        machine: "web1".to_owned(),
    };
    let answer = EnrollAnswer {
        v: VERSION,
        host_id: HostId([1; 16]),
        name: HostName::parse("web1").unwrap(),
        epoch: 1,
        state: HostState::Pending,
        identity_key: public_key,
        command_key: public_key,
        collector_ms: 1_795_255_200_000,
        request_hash: Hash([8; 32]),
    };
    vec![request.encode().unwrap(), answer.encode().unwrap()]
}
