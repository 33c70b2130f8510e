//! One suite for every store: what it is given, however often and in whatever order, it gives back once.

use super::sqlite::SqliteStore;
use super::*;
use hostmeter_core::units::HOUR_MS;

/// Opens a store in a directory, also one that was used before.
type Open = fn(&std::path::Path) -> Box<dyn UsageStore>;

const STORES: &[(&str, Open)] =
    &[("sqlite", |dir| Box::new(SqliteStore::open(&dir.join("usage.db")).unwrap()))];

/// Runs a test over every store.
fn each(test: impl Fn(&mut dyn FnMut() -> Box<dyn UsageStore>)) {
    for (name, open) in STORES {
        let dir = tempfile::tempdir().unwrap();
        println!("store {name}");
        test(&mut || open(dir.path()));
    }
}

fn source(seq: i64) -> Source {
    Source { host: 7, epoch: 1, seq }
}

fn usage(account: i64, from_ms: i64, to_ms: i64, value: i64) -> UsageRow {
    UsageRow { account, from_ms, to_ms, values: [(Meter::CpuUsec, value)].into_iter().collect() }
}

/// One interval of 10 s of host 7 with account 1, which used `value`.
fn item(seq: i64, from_ms: i64, value: i64) -> Item {
    let to_ms = from_ms + 10_000;
    let totals = HostTotals { cpus: 2, busy_usec: Some(value), ..HostTotals::default() };
    let measured = [Meter::CpuUsec].into_iter().collect();
    Item {
        source: source(seq),
        usage: vec![usage(1, from_ms, to_ms, value)],
        host: vec![HostInterval { from_ms, to_ms, measured, totals: Some(totals) }],
        gaps: vec![],
        top: vec![],
    }
}

fn day() -> Vec<Item> {
    (0..50).map(|n| item(n + 1, n * 10_000, n)).collect()
}

fn sum(store: &dyn UsageStore) -> (usize, i64) {
    let rows = store.usage(1, 0, i64::MAX / 2).unwrap();
    (rows.len(), rows.iter().filter_map(|r| r.values.get(Meter::CpuUsec)).sum())
}

#[test]
fn duplicates_and_shuffles_change_nothing() {
    each(|open| {
        let store = open();
        let mut items = day();
        store.put(&items, 50).unwrap();
        let want = store.usage(1, 0, i64::MAX / 2).unwrap();
        assert_eq!(sum(store.as_ref()), (50, (0..50).sum()));
        items.reverse();
        for chunk in items.chunks(7) {
            store.put(chunk, 50).unwrap();
        }
        assert_eq!(store.usage(1, 0, i64::MAX / 2).unwrap(), want);
        assert_eq!(store.host(7, 0, i64::MAX / 2).unwrap().len(), 50);
    });
}

#[test]
fn two_envelopes_of_one_time_are_both_kept() {
    // What is billed twice must be seen twice: hour totals add both up.
    each(|open| {
        let store = open();
        store.put(&[item(1, 0, 5), item(2, 0, 6)], 2).unwrap();
        assert_eq!(sum(store.as_ref()), (2, 11));
    });
}

#[test]
fn a_late_batch_stands_in_its_place() {
    each(|open| {
        let store = open();
        store.put(&[item(1, 0, 1), item(2, 20_000, 3)], 2).unwrap();
        store.put(&[item(3, 10_000, 2)], 3).unwrap();
        let starts: Vec<i64> = store.usage(1, 0, 30_000).unwrap().iter().map(|r| r.from_ms).collect();
        assert_eq!(starts, [0, 10_000, 20_000]);
    });
}

#[test]
fn ranges_are_half_open_at_every_border() {
    each(|open| {
        let store = open();
        let border = HOUR_MS;
        store.put(&[item(1, border - 10_000, 1), item(2, border, 2)], 2).unwrap();
        let check = |from, to, want: &[i64]| {
            let got: Vec<i64> = store
                .usage(1, from, to)
                .unwrap()
                .iter()
                .filter_map(|r| r.values.get(Meter::CpuUsec))
                .collect();
            assert_eq!(got, want, "usage {from}..{to}");
            assert_eq!(store.host(7, from, to).unwrap().len(), want.len(), "host {from}..{to}");
        };
        check(0, border, &[1]);
        check(border, 2 * border, &[2]);
        check(border - 1, border + 1, &[1, 2]);
        check(border - 10_001, border - 10_000, &[]);
        check(border - 10_000, border - 9_999, &[1]);
        check(border + 9_999, border + 10_000, &[2]);
        check(border + 10_000, border + 10_001, &[]);
        // A whole hour is found from its last millisecond.
        store
            .put(&[Item { usage: vec![usage(1, 2 * border, 3 * border, 9)], ..item(3, 2 * border, 0) }], 3)
            .unwrap();
        assert_eq!(store.usage(1, 3 * border - 1, 3 * border).unwrap().len(), 1);
        assert_eq!(store.usage(2, 0, i64::MAX / 2).unwrap(), vec![], "another account");
        assert_eq!(store.host(8, 0, i64::MAX / 2).unwrap(), vec![], "another host");
    });
}

#[test]
fn values_come_back_as_they_were() {
    each(|open| {
        let store = open();
        let all: Values = Meter::ALL
            .iter()
            .zip([0, 1, 127, 128, i64::MAX].into_iter().cycle())
            .map(|(m, v)| (*m, v))
            .collect();
        let row = UsageRow { values: all, ..usage(1, 0, 10_000, 0) };
        let empty = UsageRow { account: 2, values: Values::new(), ..usage(2, 0, 10_000, 0) };
        store.put(&[Item { usage: vec![row.clone(), empty.clone()], ..item(1, 0, 0) }], 1).unwrap();
        assert_eq!(store.usage(1, 0, 1).unwrap(), [row]);
        assert_eq!(store.usage(2, 0, 1).unwrap(), [empty]);
    });
}

#[test]
fn parts_of_an_interval_are_one() {
    each(|open| {
        let store = open();
        let mut first = item(1, 0, 1);
        first.host[0].totals = None;
        let mut last = item(2, 0, 0);
        last.usage.clear();
        last.host[0].measured = [Meter::IoOps].into_iter().collect();
        for items in [[first.clone(), last.clone()], [last, first]] {
            store.put(&items, 2).unwrap();
        }
        let host = store.host(7, 0, 1).unwrap();
        assert_eq!(host.len(), 1);
        assert_eq!(host[0].measured, [Meter::CpuUsec, Meter::IoOps].into_iter().collect());
        assert_eq!(host[0].totals.as_ref().unwrap().cpus, 2);
    });
}

#[test]
fn gaps_and_latest_and_top() {
    each(|open| {
        let store = open();
        let gap = |meter, uid, reason: &str| GapRow {
            from_ms: 0,
            to_ms: 10_000,
            meter,
            uid,
            reason: reason.into(),
        };
        let gaps = vec![
            gap(GapMeter::All, None, "for all"),
            gap(GapMeter::One(Meter::IoOps), Some(1001), "for one"),
            gap(GapMeter::One(Meter::IoOps), Some(1002), "for another"),
        ];
        let command =
            |name: &str| TopCommand { command: name.into(), cpu_usec: 5, memory_kib_sec: 6, processes: 1 };
        let top =
            vec![TopRow { account: 1, at_ms: 10_000, commands: vec![command("php"), command("other")] }];
        store
            .put(&[Item { gaps: gaps.clone(), top: top.clone(), ..item(1, 0, 1) }, item(2, 10_000, 2)], 2)
            .unwrap();
        let reasons = |uid| -> Vec<String> {
            store.gaps(7, uid, 0, 10_000).unwrap().into_iter().map(|g| g.reason).collect()
        };
        assert_eq!(reasons(Some(1001)), ["for all", "for one"]);
        assert_eq!(reasons(None), ["for all"]);
        assert_eq!(store.gaps(7, Some(1001), 0, 1).unwrap()[1], gaps[1]);
        assert_eq!(store.gaps(7, None, 10_000, 20_000).unwrap(), []);
        assert_eq!(store.top(1, 0, 10_000).unwrap(), top);
        assert_eq!(store.top(1, 10_000, 20_000).unwrap(), [], "a list belongs to the time before it");
        assert_eq!(store.host_latest(7).unwrap().unwrap().from_ms, 10_000);
        assert_eq!(store.host_latest(8).unwrap(), None);
    });
}

#[test]
fn what_was_stored_survives_a_reopening() {
    each(|open| {
        let store = open();
        assert_eq!(store.position().unwrap(), 0);
        store.put(&day(), 50).unwrap();
        drop(store);
        let store = open();
        assert_eq!(store.position().unwrap(), 50);
        assert_eq!(sum(store.as_ref()), (50, (0..50).sum()));
        // A second handle on the same files, as after a kill: what was committed is there.
        let other = open();
        assert_eq!(sum(other.as_ref()), (50, (0..50).sum()));
    });
}

#[test]
fn old_rows_go_and_others_stay() {
    each(|open| {
        let store = open();
        let mut items = day();
        items[0].gaps.push(GapRow {
            from_ms: 0,
            to_ms: 10_000,
            meter: GapMeter::All,
            uid: None,
            reason: String::new(),
        });
        items[0].top.push(TopRow { account: 1, at_ms: 10_000, commands: vec![] });
        items[40].usage.push(usage(2, 400_000, 410_000, 1));
        store.put(&items, 50).unwrap();
        assert!(store.remove_before(250_000).unwrap() > 0);
        assert_eq!(store.remove_before(250_000).unwrap(), 0);
        assert_eq!(sum(store.as_ref()), (25, (25..50).sum()));
        assert_eq!(store.host(7, 0, i64::MAX / 2).unwrap().len(), 25);
        assert_eq!(store.gaps(7, None, 0, i64::MAX / 2).unwrap(), []);
        assert_eq!(store.top(1, 0, i64::MAX / 2).unwrap(), []);
        assert_eq!(store.usage(2, 0, i64::MAX / 2).unwrap().len(), 1);
    });
}
