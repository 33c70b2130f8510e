//! What the executor reads: lines of its socket, and its own files.

use super::payload::{order, outcome};
use hostmeter_agent::clock::Kept;
use hostmeter_agent::executor::limits::REQUEST_MAX_BYTES;
use hostmeter_agent::executor::protocol::{Numbered, Reply, Request, parse_request, read_line, write_line};
use hostmeter_agent::executor::record::{Account, Intent, Phase, RECORD_VERSION, Record, Stage};
use hostmeter_agent::executor::store::State;
use hostmeter_agent::executor::trust::Trust;
use hostmeter_agent::state::Enrolment;
use hostmeter_agent::status::Status;
use hostmeter_core::wire::command::Action;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn round<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    match serde_json::from_slice::<T>(bytes) {
        Ok(value) => {
            let once = serde_json::to_vec(&value).unwrap();
            let again: T = serde_json::from_slice(&once).unwrap();
            assert_eq!(again, value);
            assert_eq!(serde_json::to_vec(&again).unwrap(), once);
        }
        Err(e) => assert!(e.to_string().contains("line") || e.to_string().contains("missing field"), "{e}"),
    }
}

pub(super) fn any(bytes: &[u8]) {
    let mut from = bytes;
    let mut seen = 0;
    while let Ok(Some(line)) = read_line(&mut from, 4_096) {
        seen += line.len() + 1;
        assert!(line.len() < 4_096 && !line.contains(&b'\n') && seen <= bytes.len());
        if let Ok(request) = parse_request(&line) {
            let mut out = Vec::new();
            write_line(&mut out, &request).unwrap();
            let again = read_line(&mut out.as_slice(), REQUEST_MAX_BYTES).unwrap().unwrap();
            assert_eq!(parse_request(&again).unwrap(), request);
        }
    }
    round::<Reply>(bytes);
    round::<Record>(bytes);
    round::<State>(bytes);
    round::<Trust>(bytes);
    round::<Enrolment>(bytes);
    round::<Kept>(bytes);
    round::<Status>(bytes);
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for request in [
        Request::Deliver { envelope: "SE1DTUQ=".to_owned() },
        Request::Outcomes { after: 3, wait_ms: 5 },
        Request::Forget { upto: u64::MAX },
        Request::BegunAcked { numbers: vec![1, 2] },
        Request::Disk { uids: vec![1001] },
        Request::Status,
    ] {
        write_line(&mut lines, &request).unwrap();
    }
    let numbered = Numbered { serial: 9, outcome: outcome() };
    let reply = Reply { outcomes: Some(vec![numbered]), ..Reply::done() };
    let account = Account { uid: 1001, login: "shop".into(), home: "/home/shop".into(), home_inode: 77 };
    let command = order(Action::Delete);
    let record = Record {
        phase: Phase::Suspended,
        generation: 1,
        done: Some(outcome()),
        suspended_since_ms: Some(-5),
        saved: Some(serde_json::json!({"shell": "/bin/sh"})),
        quarantine: Some("q1".to_owned()),
        open: Some(Intent { command: command.clone(), stage: Stage::Begun }),
        next: Some(command.clone()),
        ..Record::new(account, command.account)
    };
    assert_eq!(record.v, RECORD_VERSION);
    let key = super::envelope::key(1).public();
    let trust = Trust { host_id: super::envelope::HOST, epoch: 3, command_key: key };
    let state = State { trust: Some(trust), serial: 4, ..State::default() };
    let json = |bytes: serde_json::Result<Vec<u8>>| bytes.unwrap();
    vec![
        lines,
        json(serde_json::to_vec(&reply)),
        json(serde_json::to_vec(&record)),
        json(serde_json::to_vec(&state)),
        json(serde_json::to_vec(&trust)),
        json(serde_json::to_vec(&Status::default())),
    ]
}
