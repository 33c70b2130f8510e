//! Sums over any cuts, and every reason for a gap.

use super::*;
use hostmeter_core::ids::BootId;
use hostmeter_core::units::HOUR_MS;
use hostmeter_core::wire::batch::{Coverage, TopCommand};
use proptest::prelude::*;

fn account(cpu: u64) -> AccountReading {
    AccountReading {
        user: Some("shop".to_owned()),
        home: Some("/home/shop".to_owned()),
        home_inode: Some(9),
        counters: [(Meter::CpuUsec, cpu)].into(),
        gauges: [(Meter::Processes, 1)].into(),
        alive: true,
        is_unseen: false,
    }
}

fn reading(boottime_ms: u64, accounts: &[(u32, AccountReading)]) -> Reading {
    let total: u64 = accounts.iter().filter_map(|(_, a)| a.counters.get(&Meter::CpuUsec)).sum();
    Reading {
        boottime_ns: boottime_ms * 1_000_000,
        source: Source { boot: BootId([1; 16]), tier: "proc".to_owned(), map_id: 1 },
        accounts: accounts.iter().cloned().collect(),
        host: HostReading {
            cpus: 2,
            not_busy_usec: Some(boottime_ms * 1_500),
            system_usec: Some(boottime_ms * 10),
            accounts_usec: Some(total),
            ..HostReading::default()
        },
        coverage: Coverage::default(),
        limited: String::new(),
        gaps: Vec::new(),
        top: BTreeMap::new(),
    }
}

fn shown(intervals: &[Interval]) -> String {
    let line = |i: &Interval| serde_json::to_string(i).unwrap();
    intervals.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_interval() {
    let base = Baseline::of(&reading(1_000, &[(1001, account(5)), (1002, account(7))]));
    let mut quiet = account(7);
    quiet.alive = false;
    let mut new = reading(11_000, &[(1001, account(105)), (1002, quiet), (1003, account(3))]);
    new.top.insert(1001, vec![TopCommand { command: "php".to_owned(), cpu_usec: 100, ..Default::default() }]);
    let mut homes = Homes::default();
    let first = build(&base, &new, 0, 10_000, &homes);
    insta::assert_snapshot!("one_interval", shown(&first));
    homes.mark(&first);
    let later = build(&base, &new, 10_000, 20_000, &homes);
    assert!(later[0].accounts.iter().all(|a| a.home.is_none()), "known homes are not sent again");
    let next_hour = build(&base, &new, HOUR_MS, HOUR_MS + 10_000, &homes);
    assert!(next_hour[0].accounts.iter().all(|a| a.home.is_some()), "once an hour they are");
}

#[test]
fn a_cut_at_the_hour() {
    let base = Baseline::of(&reading(0, &[(1001, account(0))]));
    let mut new = reading(10_000, &[(1001, account(101))]);
    new.top.insert(1001, vec![TopCommand { command: "php".to_owned(), cpu_usec: 101, ..Default::default() }]);
    let got = build(&base, &new, HOUR_MS - 5_000, HOUR_MS + 5_000, &Homes::default());
    insta::assert_snapshot!("cut_at_the_hour", shown(&got));
}

#[test]
fn gaps() {
    let check = |change: &dyn Fn(&mut Reading, &mut Reading), want: &str| {
        let (mut old, mut new) = (reading(0, &[(1001, account(9))]), reading(10_000, &[(1001, account(9))]));
        change(&mut old, &mut new);
        let got = build(&Baseline::of(&old), &new, 0, 10_000, &Homes::default());
        let text: Vec<String> = got[0]
            .gaps
            .iter()
            .map(|g| format!("{} {:?} {}", g.meter.as_str(), g.uid, g.reason))
            .chain(got[0].accounts.iter().flat_map(|a| a.values.iter().map(|(m, v)| format!("{m}={v}"))))
            .collect();
        assert_eq!(text.join(" | "), want);
    };
    let set = |r: &mut Reading, m: Meter, v: Option<u64>| {
        let counters = &mut r.accounts.get_mut(&1001).unwrap().counters;
        match v {
            Some(v) => drop(counters.insert(m, v)),
            None => drop(counters.remove(&m)),
        }
    };
    check(&|_, _| (), "cpu_usec=0 | processes=1");
    check(
        &|_, new| set(new, Meter::CpuUsec, Some(8)),
        "cpu_usec Some(1001) the counter started again | processes=1",
    );
    check(
        &|_, new| set(new, Meter::CpuUsec, None),
        "cpu_usec Some(1001) the counter could not be read | processes=1",
    );
    check(
        &|_, new| set(new, Meter::IoOps, Some(8)),
        "io_ops Some(1001) the counter was not read at the start of the interval | cpu_usec=0 | processes=1",
    );
    check(
        &|_, new| {
            set(new, Meter::CpuUsec, None);
            new.gaps.push(Gap { meter: GapMeter::All, uid: Some(1001), reason: "gone".to_owned() });
        },
        "* Some(1001) gone | processes=1",
    );
    check(&|old, _| old.accounts.clear(), "cpu_usec=9 | processes=1");
    // It was here for its home alone: it has used nothing else, but of its disk nothing was known.
    let unseen = |old: &mut Reading, disk: Option<u64>| {
        old.accounts.get_mut(&1001).unwrap().is_unseen = true;
        set(old, Meter::CpuUsec, None);
        set(old, Meter::DiskKibSec, disk);
    };
    check(
        &|old, new| {
            unseen(old, Some(5));
            set(new, Meter::DiskKibSec, Some(7));
        },
        "cpu_usec=9 | disk_kib_sec=2 | processes=1",
    );
    check(
        &|old, new| {
            unseen(old, None);
            set(new, Meter::DiskKibSec, Some(7));
        },
        "disk_kib_sec Some(1001) the counter was not read at the start of the interval | cpu_usec=9 | processes=1",
    );
}

#[test]
fn many_gaps_become_few() {
    let accounts: Vec<_> = (1001..1201).map(|uid| (uid, account(9))).collect();
    let fallen: Vec<_> = (1001..1201).map(|uid| (uid, account(1))).collect();
    let mut new = reading(10_000, &fallen);
    new.gaps.push(Gap { meter: GapMeter::One(Meter::IoOps), uid: Some(1001), reason: "ä".repeat(1_000) });
    let got = build(&Baseline::of(&reading(0, &accounts)), &new, 0, 10_000, &Homes::default());
    assert_eq!(got[0].gaps.len(), 2);
    assert!(got[0].gaps.iter().all(|g| g.reason.len() <= GAP_REASON_MAX_BYTES));
    assert_eq!((got[0].gaps[1].meter, got[0].gaps[1].uid), (GapMeter::One(Meter::CpuUsec), None));
}

#[test]
fn cpus_that_come_or_go_leave_the_busy_time_unknown() {
    let mut new = reading(10_000, &[]);
    new.host.cpus = 3;
    let got = build(&Baseline::of(&reading(0, &[])), &new, 0, 10_000, &Homes::default());
    let host = got[0].host.as_ref().unwrap();
    assert_eq!((host.busy_usec, host.remainder_usec, host.system_usec), (None, None, Some(100_000)));
}

#[test]
fn holes_are_named_and_bounded() {
    let got = hole(HOUR_MS - 1_000, 2 * HOUR_MS + 1_000, "agent restarted");
    let times: Vec<_> = got.iter().map(|i| (i.from_ms, i.to_ms)).collect();
    assert_eq!(
        times,
        [(HOUR_MS - 1_000, HOUR_MS), (HOUR_MS, 2 * HOUR_MS), (2 * HOUR_MS, 2 * HOUR_MS + 1_000)]
    );
    let want = "agent restarted: usage between 1970-01-01T00:59:59Z and 1970-01-01T02:00:01Z was not seen";
    assert!(got.iter().all(|i| i.gaps[0].reason == want && i.gaps[0].meter == GapMeter::All));
    assert!(hole(5, 5, "x").is_empty());
    let long = hole(0, 1_000 * 24 * HOUR_MS, "x");
    assert_eq!(long[0].from_ms, 1_000 * 24 * HOUR_MS - HOLE_MAX_MS);
}

#[test]
fn a_stepped_clock_moves_no_usage() {
    let base = Baseline::of(&reading(0, &[(1001, account(0))]));
    let new = reading(10_000, &[(1001, account(100))]);
    let got = build(&base, &new, 0, 100_000, &Homes::default());
    assert_eq!((got[0].from_ms, got[0].to_ms, got[0].gaps.len()), (0, 90_000, 1));
    assert_eq!((got[1].from_ms, got[1].to_ms), (90_000, 100_000));
    assert_eq!(got[1].accounts[0].values.get(Meter::CpuUsec), Some(100));
    assert_eq!(got[1].host.as_ref().unwrap().busy_usec, Some(2 * 10_000_000 - 15_000_000));
}

proptest! {
    /// Whatever the cuts, the parts add up to the difference of the counters, contiguous and within hours.
    #[test]
    fn parts_add_up(steps in proptest::collection::vec((1..3_000_000_u64, 0..1_u64 << 40, 0..1_u64 << 40), 1..8),
                    start_ms in 0..10 * HOUR_MS) {
        let (mut boottime, mut first, mut second, mut at) = (1_000, 0_u64, 0_u64, start_ms);
        let mut base = Baseline::of(&reading(boottime, &[(1, account(0)), (2, account(0))]));
        let (mut sums, mut host, mut last) = ([0_i64; 2], [0_i64; 4], start_ms);
        let from_not_busy = base.host.not_busy_usec.unwrap();
        for (passed, a, b) in steps {
            (boottime, first, second) = (boottime + passed, first + a, second + b);
            let new = reading(boottime, &[(1, account(first)), (2, account(second))]);
            let to = at + i64::try_from(passed).unwrap();
            for interval in build(&base, &new, at, to, &Homes::default()) {
                prop_assert_eq!(interval.from_ms, last);
                prop_assert!(hostmeter_core::interval::is_within_one_hour(interval.from_ms, interval.to_ms));
                last = interval.to_ms;
                for (sum, usage) in sums.iter_mut().zip(&interval.accounts) {
                    *sum += usage.values.get(Meter::CpuUsec).unwrap();
                }
                let h = interval.host.unwrap();
                let parts = [h.busy_usec, h.accounts_usec, h.system_usec, h.remainder_usec];
                for (sum, part) in host.iter_mut().zip(parts) {
                    *sum += part.unwrap();
                }
            }
            (base, at) = (Baseline::of(&new), to);
        }
        prop_assert_eq!(last, at);
        prop_assert_eq!(sums, [i64::try_from(first).unwrap(), i64::try_from(second).unwrap()]);
        let passed = i64::try_from(boottime - 1_000).unwrap();
        let idle = i64::try_from(base.host.not_busy_usec.unwrap() - from_not_busy).unwrap();
        prop_assert_eq!(host[0], passed * 2_000 - idle);
        prop_assert_eq!(host[1], i64::try_from(first + second).unwrap());
        prop_assert_eq!(host[3], host[0] - host[1] - host[2]);
    }
}
