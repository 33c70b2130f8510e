//! Whatever the sizes: every part is accepted by the reader, and nothing is lost or doubled.

use super::*;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{AccountUsage, Gap, GapMeter, HostTotals, TopCommand};
use hostmeter_core::wire::command::{Action, Status};
use hostmeter_core::wire::envelope::open;
use std::collections::BTreeMap;

fn sealer() -> Sealer {
    let key = SigningKey::from_seed(&[3; 32]).unwrap();
    Sealer { host: HostId([1; 16]), epoch: 2, key, boot: BootId([4; 16]) }
}

fn about(outcomes: usize, detail: usize) -> About {
    let outcome = |n: usize| Outcome {
        number: u64::try_from(n).unwrap(),
        generation: 1,
        action: Action::Suspend,
        uid: 1001,
        status: Status::Done,
        at_ms: 1,
        detail: noise(n, detail),
        surfaces: Vec::new(),
        archive: None,
    };
    About {
        tier: "proc".to_owned(),
        coverage: Coverage::default(),
        agent: AgentInfo { version: "0".to_owned(), interval_ms: 1_000, limited: String::new() },
        outcomes: (1..=outcomes).map(outcome).collect(),
    }
}

/// Text that zstd cannot make smaller by much.
fn noise(seed: usize, len: usize) -> String {
    let mut state = u64::try_from(seed).unwrap().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + u8::try_from(state % 4).unwrap() * 16 + u8::try_from(state / 64 % 16).unwrap())
    };
    (0..len).map(|_| next()).filter(|c| !"%@/~".contains(*c)).collect()
}

fn interval(n: usize, accounts: usize, commands: usize, gaps: usize) -> Interval {
    let n = i64::try_from(n).unwrap() * 1_000;
    let account = |uid: usize| AccountUsage {
        uid: u32::try_from(uid).unwrap(),
        values: [(Meter::CpuUsec, i64::try_from(uid).unwrap())].into_iter().collect(),
        top: (0..commands)
            .map(|c| TopCommand { command: noise(uid * 100 + c + 1, 90), ..Default::default() })
            .collect(),
        ..Default::default()
    };
    let gap = |i: usize| Gap { meter: GapMeter::All, uid: None, reason: noise(i + 1, 200) };
    Interval {
        from_ms: n,
        to_ms: n + 1_000,
        host: Some(HostTotals::default()),
        accounts: (0..accounts).map(account).collect(),
        gaps: (0..gaps).map(gap).collect(),
    }
}

/// Seals, opens, and compares the sums; returns (number of batches, most accounts in one).
fn check(about: &About, intervals: &[Interval]) -> (usize, usize) {
    let sealer = sealer();
    let place = Place { seq: 41, hash: [9; 32], wall_ns: 1, boottime_ns: 2 };
    let sealed = sealer.seal(place, about, intervals).unwrap();
    let (mut seq, mut prev) = (place.seq, place.hash);
    let (mut usage, mut outcomes, mut most) = (BTreeMap::new(), Vec::new(), 0);
    let (mut totals, mut gaps, mut part_before) = (0, 0, 0);
    for envelope in &sealed {
        let (header, payload) = open(envelope, Domain::Batch, &sealer.key.public()).unwrap();
        seq += 1;
        assert_eq!((header.stamp.seq, header.stamp.prev), (seq, prev));
        prev = header.hash;
        let batch = Batch::decode(&payload).unwrap();
        assert_eq!(batch.part, part_before + 1);
        part_before = if batch.part == batch.parts { 0 } else { batch.part };
        outcomes.extend(batch.outcomes.clone());
        most = most.max(batch.intervals.iter().map(|i| i.accounts.len()).sum());
        for i in batch.intervals {
            totals += usize::from(i.host.is_some());
            gaps += i.gaps.len();
            for a in i.accounts {
                let value = a.values.get(Meter::CpuUsec).unwrap();
                assert_eq!(usage.insert((i.from_ms, a.uid), value), None, "uid {} stands twice", a.uid);
            }
        }
    }
    let want = intervals
        .iter()
        .flat_map(|i| i.accounts.iter().map(|a| ((i.from_ms, a.uid), a.values.get(Meter::CpuUsec).unwrap())));
    assert_eq!(usage, want.collect());
    assert_eq!(outcomes, about.outcomes);
    assert_eq!((totals, gaps), (intervals.len(), intervals.iter().map(|i| i.gaps.len()).sum()));
    (sealed.len(), most)
}

#[test]
fn sizes() {
    let plain = about(0, 0);
    assert_eq!(check(&plain, &[interval(0, 3, 1, 1)]), (1, 3));
    assert_eq!(check(&plain, &[]), (0, 0));
    assert_eq!(check(&about(2, 10), &[]), (1, 0));
    assert_eq!(check(&plain, &(0..200).map(|n| interval(n, 0, 0, 1)).collect::<Vec<_>>()), (4, 0));
    assert_eq!(check(&plain, &[interval(0, 1_000, 0, 0)]), (1, 1_000));
    assert_eq!(check(&plain, &[interval(0, 2_500, 0, 2), interval(1, 2, 0, 0)]), (4, 1_000));
    assert_eq!(check(&plain, &(0..5).map(|n| interval(n, 400, 0, 0)).collect::<Vec<_>>()), (3, 800));
    // Not too many accounts, but too many bytes.
    let (batches, most) = check(&plain, &[interval(0, 600, 11, 0)]);
    assert!(batches > 2 && most < 600, "{batches} {most}");
    let (batches, _) = check(&about(16, 4_000), &(0..64).map(|n| interval(n, 1, 11, 64)).collect::<Vec<_>>());
    assert!(batches > 2, "{batches}");
}

#[test]
fn commands_are_left_out_before_usage_is() {
    let big = interval(0, 70_000, 11, 0);
    assert_eq!(check(&about(0, 0), &[big]).0, 70);
}

#[test]
fn too_many_accounts_are_refused() {
    let big = interval(0, PART_ACCOUNTS_MAX * usize::try_from(PARTS_MAX).unwrap() + 1, 0, 0);
    let place = Place { seq: 0, hash: [0; 32], wall_ns: 1, boottime_ns: 2 };
    let error = sealer().seal(place, &about(0, 0), &[big]).unwrap_err();
    assert!(matches!(error, BatchError::TooLarge(_)), "{error}");
}
