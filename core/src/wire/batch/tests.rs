//! Batches: the golden form, and every rule refused with its reason.

use super::*;
use crate::wire::VERSION;
use crate::wire::command::{Action, Status};
use proptest::prelude::*;

fn sample() -> Batch {
    Batch {
        v: VERSION,
        tier: "proc".to_owned(),
        coverage: Coverage { cpu_ppm: Some(999_600), ..Coverage::default() },
        agent: AgentInfo { version: "0.1.0".to_owned(), interval_ms: 10_000, limited: String::new() },
        part: 1,
        parts: 1,
        outcomes: vec![Outcome {
            number: 4,
            generation: 2,
            action: Action::Suspend,
            uid: 1001,
            status: Status::Done,
            at_ms: 1_000,
            detail: String::new(),
            surfaces: vec![],
            archive: None,
        }],
        intervals: vec![Interval {
            from_ms: 0,
            to_ms: 10_000,
            host: Some(HostTotals { cpus: 2, busy_usec: Some(5_000), ..HostTotals::default() }),
            accounts: vec![AccountUsage {
                uid: 1001,
                user: Some("shop".to_owned()),
                home: Some("/home/shop".to_owned()),
                home_inode: Some(42),
                values: [(Meter::CpuUsec, 12), (Meter::MemoryKibSec, 3)].into_iter().collect(),
                top: vec![TopCommand {
                    command: "php".to_owned(),
                    cpu_usec: 12,
                    memory_kib_sec: 3,
                    processes: 1,
                }],
            }],
            gaps: vec![Gap { meter: GapMeter::All, uid: None, reason: "agent started".to_owned() }],
        }],
    }
}

#[test]
fn golden() {
    let text = String::from_utf8(sample().encode().unwrap()).unwrap();
    insta::assert_snapshot!(text);
    assert_eq!(Batch::decode(text.as_bytes()).unwrap(), sample());
}

#[test]
fn refusals() {
    let check = |change: &dyn Fn(&mut Batch), want: &str| {
        let mut batch = sample();
        change(&mut batch);
        let got = Batch::decode(&batch.encode().unwrap()).unwrap_err().to_string();
        assert!(got.contains(want), "{got:?} does not say {want:?}");
    };
    check(&|b| b.v = 2, "batch has version 2; this program understands version 1");
    check(&|b| b.part = 2, "part 2 of 1 is not possible");
    check(&|b| b.intervals[0].to_ms = 0, "does not run forward within one UTC hour");
    check(&|b| b.intervals[0].to_ms = 3_600_001, "does not run forward within one UTC hour");
    check(&|b| b.intervals.push(b.intervals[0].clone()), "overlaps the one before");
    check(
        &|b| b.intervals[0].accounts.push(AccountUsage { uid: 1001, ..Default::default() }),
        "uid 1001 stands twice",
    );
    check(
        &|b| b.intervals[0].accounts[0].values.set(Meter::CpuUsec, -1),
        "cpu_usec is -1; usage is never negative",
    );
    check(&|b| b.intervals[0].accounts[0].user = Some("a b".to_owned()), "must be written %NN");
    check(&|b| b.intervals[0].accounts[0].top[0].command = "a\nb".to_owned(), "must be written %NN");
    let unknown = String::from_utf8(sample().encode().unwrap())
        .unwrap()
        .replace("memory_kib_sec\":3,\"top", "nonsense\":3,\"top");
    let got = Batch::decode(unknown.as_bytes()).unwrap_err().to_string();
    assert!(got.contains("no meter or field is called \"nonsense\""), "{got}");
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Batch::decode(&bytes).is_err());
    }

    #[test]
    fn cut_payloads_are_refused(at in 0_usize..400) {
        let full = sample().encode().unwrap();
        prop_assume!(at < full.len());
        prop_assert!(Batch::decode(&full[..at]).is_err());
    }
}
