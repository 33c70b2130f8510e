//! From one epoch to the next, cut off at every place.

use super::*;
use crate::batch::Place;
use crate::limits::SPOOL_MIN_BYTES;
use hostmeter_core::ids::HostName;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::batch::{AccountUsage, AgentInfo, Batch, Coverage, Interval};
use hostmeter_core::wire::envelope::{Domain, open_payload, peek, verify_header};
use hostmeter_core::wire::key::PublicKey;

const HOST: HostId = HostId([7; 16]);
const BOOT: BootId = BootId([8; 16]);

fn enrolment(epoch: u64) -> Enrolment {
    Enrolment {
        v: VERSION,
        host_id: HOST,
        name: HostName::parse("web1").unwrap(),
        epoch,
        identity_key: PublicKey([1; 32]),
        command_key: PublicKey([1; 32]),
        url: "http://127.0.0.1:1".to_owned(),
    }
}

/// The `n`th second, in which an account used `n` times 1,000 µs.
fn batch(n: i64) -> Batch {
    let values = [(Meter::CpuUsec, n * 1_000)].into_iter().collect();
    let account = AccountUsage { uid: 1_000, values, ..AccountUsage::default() };
    let (from_ms, to_ms) = ((n - 1) * 1_000, n * 1_000);
    let interval = Interval { from_ms, to_ms, host: None, accounts: vec![account], gaps: vec![] };
    Batch {
        v: VERSION,
        tier: "ebpf".to_owned(),
        coverage: Coverage::default(),
        agent: AgentInfo::default(),
        part: 1,
        parts: 1,
        outcomes: vec![],
        intervals: vec![interval],
    }
}

/// A host of epoch 1 with five batches in its spool.
fn host(dir: &Path) -> StateDir {
    let state = StateDir::open(dir).unwrap();
    let key = state.key_to_enrol(false).unwrap();
    state.save_enrolment(&enrolment(1)).unwrap();
    let (mut spool, _) = Spool::open(&state.spool(), HOST, 1, SPOOL_MIN_BYTES).unwrap();
    let sealer = Sealer { host: HOST, epoch: 1, key, boot: BOOT };
    for n in 1..=5 {
        let place = Place { seq: spool.tail().seq, hash: spool.tail().hash, wall_ns: 1, boottime_ns: 1 };
        let sealed = sealer.seal_payloads(place, &[batch(n).encode().unwrap()]).unwrap();
        spool.append(&sealed, n * 1_000, None, false).unwrap();
    }
    state
}

fn grant(stored_seq: u64, watermark_ms: Option<i64>) -> Grant {
    Grant { host_id: HOST, old_epoch: 1, epoch: 2, stored_seq, watermark_ms }
}

fn begin(state: &StateDir) -> (u64, Option<i64>) {
    let enrolment = state.enrolment().unwrap().unwrap();
    let (enrolment, floor_ms) =
        settle(state, enrolment, BOOT, SPOOL_MIN_BYTES, crate::os::now().unwrap()).unwrap();
    assert_eq!(state.enrolment().unwrap().unwrap().epoch, enrolment.epoch, "as it is kept");
    (enrolment.epoch, floor_ms)
}

/// Numbers, times and CPU time of what is in the spool of epoch 2, whose chain is whole.
fn held(state: &StateDir) -> Vec<(u64, i64, i64, i64)> {
    let (spool, findings) = Spool::open(&state.spool(), HOST, 2, SPOOL_MIN_BYTES).unwrap();
    assert_eq!(findings, Default::default());
    let (mut reader, mut prev, mut out) = (spool.reader(), [0; 32], Vec::new());
    let key = state.key().unwrap().unwrap().public();
    while let Some(entry) = reader.read_next().unwrap() {
        let header = verify_header(&entry.envelope, Domain::Batch, &key).unwrap();
        assert_eq!((header.stamp.epoch, header.stamp.prev), (2, prev));
        prev = header.hash;
        let payload = open_payload(&peek(&entry.envelope).unwrap(), &entry.envelope).unwrap();
        let batch = Batch::decode(&payload).unwrap();
        let interval = &batch.intervals[0];
        let usec = interval.accounts[0].values.get(Meter::CpuUsec).unwrap();
        out.push((entry.seq, interval.from_ms, interval.to_ms, usec));
    }
    out
}

#[test]
fn what_is_not_stored_is_sealed_again_and_no_time_twice() {
    let check = |stored_seq: u64, watermark_ms: Option<i64>, floor_ms: i64, want: &[(u64, i64, i64, i64)]| {
        let dir = tempfile::tempdir().unwrap();
        let state = host(dir.path());
        keep(dir.path(), &grant(stored_seq, watermark_ms)).unwrap();
        assert_eq!(begin(&state), (2, Some(floor_ms)));
        assert_eq!(held(&state), want, "{stored_seq} {watermark_ms:?}");
        assert_eq!(begin(&state), (2, Some(floor_ms)), "again");
        assert_eq!(held(&state), want, "again");
    };
    let last = (4_000, 5_000, 5_000);
    check(3, Some(3_000), 5_000, &[(1, 3_000, 4_000, 4_000), (2, last.0, last.1, last.2)]);
    check(5, Some(9_000), 9_000, &[]);
    check(3, Some(9_000), 9_000, &[]);
    check(
        0,
        None,
        5_000,
        &(1..=5)
            .map(|n: i64| (u64::try_from(n).unwrap(), (n - 1) * 1_000, n * 1_000, n * 1_000))
            .collect::<Vec<_>>(),
    );
    check(3, Some(4_500), 5_000, &[(1, 4_500, 5_000, 2_500)]);
}

#[test]
fn a_beginning_that_is_cut_off_is_finished() {
    let want = [(1, 3_000, 4_000, 4_000), (2, 4_000, 5_000, 5_000)];
    // What is on disk when the power goes, from the grant to the end.
    type Cut = fn(&StateDir, &Path);
    let cuts: [(&str, Cut); 5] = [
        ("the grant alone", |_, _| {}),
        ("a new spool that is not whole", |state, next| {
            std::fs::create_dir(next).unwrap();
            std::fs::write(next.join("000000000001.seg"), b"torn").unwrap();
            assert_eq!(state.enrolment().unwrap().unwrap().epoch, 1);
        }),
        ("the new epoch counts", |state, next| {
            prepare(
                state,
                &mut grant(3, Some(3_000)),
                next,
                BOOT,
                SPOOL_MIN_BYTES,
                crate::os::now().unwrap(),
            )
            .unwrap();
            state.save_enrolment(&enrolment(2)).unwrap();
        }),
        ("the old spool is aside", |state, next| {
            prepare(
                state,
                &mut grant(3, Some(3_000)),
                next,
                BOOT,
                SPOOL_MIN_BYTES,
                crate::os::now().unwrap(),
            )
            .unwrap();
            state.save_enrolment(&enrolment(2)).unwrap();
            state.set_spool_aside(HOST, 1).unwrap();
        }),
        ("all is done", |state, _| {
            begin(state);
        }),
    ];
    for (name, cut) in cuts {
        let dir = tempfile::tempdir().unwrap();
        let state = host(dir.path());
        keep(dir.path(), &grant(3, Some(3_000))).unwrap();
        cut(&state, &dir.path().join(NEXT));
        assert_eq!(begin(&state), (2, Some(5_000)), "{name}");
        assert_eq!(held(&state), want, "{name}");
        let aside = std::fs::read_dir(dir.path()).unwrap().flatten();
        let aside = aside.filter(|e| e.file_name().to_string_lossy().starts_with("spool.")).count();
        assert_eq!(aside, 1, "{name}: the old spool is kept, the new one is in its place");
    }
}

#[test]
fn grants_of_others_change_nothing() {
    for wrong in [
        Grant { host_id: HostId([9; 16]), ..grant(3, None) },
        Grant { old_epoch: 5, epoch: 6, ..grant(3, None) },
        Grant { old_epoch: 0, epoch: 0, ..grant(3, None) },
    ] {
        let dir = tempfile::tempdir().unwrap();
        let state = host(dir.path());
        keep(dir.path(), &wrong).unwrap();
        std::fs::create_dir(dir.path().join(NEXT)).unwrap();
        assert_eq!(begin(&state), (1, None));
        assert!(!dir.path().join(NEXT).exists());
        let (spool, _) = Spool::open(&state.spool(), HOST, 1, SPOOL_MIN_BYTES).unwrap();
        assert_eq!(spool.tail().seq, 5);
    }
}
