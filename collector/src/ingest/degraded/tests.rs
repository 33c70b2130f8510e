//! Stretches: what counts as not metered in full, and what joins, in whatever order it comes.

use super::*;
use crate::testing::{T0, batch};
use proptest::prelude::*;
use rusqlite::Connection;

/// One batch: `from` and `to` in seconds after `T0`, tier, what the agent cannot see, coverage in percent.
#[derive(Clone, Debug)]
struct Told {
    from: i64,
    to: i64,
    tier: &'static str,
    limited: &'static str,
    seen: [Option<u32>; 3],
}

const FULL: [Option<u32>; 3] = [Some(100), Some(100), Some(100)];

const fn told(from: i64, to: i64, tier: &'static str, limited: &'static str) -> Told {
    Told { from, to, tier, limited, seen: FULL }
}

fn of(told: &Told) -> Batch {
    let mut b = batch(told.from, told.to, vec![]);
    b.tier = told.tier.to_owned();
    b.agent.limited = told.limited.to_owned();
    // Of much that was busy.
    b.intervals[0].host.as_mut().unwrap().remainder_usec = Some(2 * CPU_MISSED_MIN_USEC + 1);
    let [cpu_ppm, io_ppm, memory_ppm] = told.seen.map(|p| p.map(|p| p * 10_000));
    b.coverage = Coverage { cpu_ppm, io_ppm, memory_ppm };
    b
}

/// control.db with two hosts, in memory.
fn open() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(include_str!("../../db/schema.sql")).unwrap();
    conn.execute_batch(include_str!("../../db/degraded.sql")).unwrap();
    for host in 1..=2 {
        let sql =
            "INSERT INTO host (id, uuid, name, state, made_ms) VALUES (?1, randomblob(16), ?1, 'live', 0)";
        conn.execute(sql, [host]).unwrap();
    }
    conn
}

/// The rows of a host after these batches: times in seconds, how long it lasted, tier, lowest coverage in percent, why.
fn rows(tx: &Transaction<'_>, host: i64) -> Vec<String> {
    let sql = "SELECT from_ms, to_ms, lasted_ms, tier, cpu_ppm, io_ppm, memory_ppm, why FROM degraded
        WHERE host = ?1 ORDER BY from_ms, to_ms, tier, why";
    let mut stmt = tx.prepare(sql).unwrap();
    let row = |r: &rusqlite::Row<'_>| {
        let sec = |i| r.get::<_, i64>(i).map(|ms| (ms - T0) / 1_000);
        let seen = (4..7).map(|i| {
            let ppm: Option<i64> = r.get(i).unwrap();
            ppm.map_or("-".to_owned(), |p| (p / 10_000).to_string())
        });
        let (tier, why): (String, String) = (r.get(3)?, r.get(7)?);
        let seen = seen.collect::<Vec<_>>().join("/");
        Ok(format!("{}..{} {} {tier} {seen} {why}", sec(0)?, sec(1)?, r.get::<_, i64>(2)? / 1_000))
    };
    stmt.query_map([host], row).unwrap().map(Result::unwrap).collect()
}

fn after(batches: &[Batch]) -> Vec<String> {
    let mut conn = open();
    let tx = conn.transaction().unwrap();
    for b in batches {
        note(&tx, 1, b).unwrap();
    }
    rows(&tx, 1)
}

#[track_caller]
fn check(batches: &[Told], want: &[&str]) {
    assert_eq!(after(&batches.iter().map(of).collect::<Vec<_>>()), want);
}

#[test]
fn what_is_not_in_full() {
    let seen = |cpu, io, memory| Told { seen: [cpu, io, memory], ..told(0, 10, "ebpf", "") };
    check(&[told(0, 10, "ebpf", "")], &[]);
    check(&[seen(None, None, None)], &[]);
    check(&[seen(Some(99), Some(99), Some(99))], &[]);
    check(&[seen(Some(98), None, Some(99))], &["0..10 10 ebpf 98/-/99 less than 99 % was seen of CPU time"]);
    check(
        &[seen(Some(0), Some(5), Some(98))],
        &["0..10 10 ebpf 0/5/98 less than 99 % was seen of CPU time, I/O, memory"],
    );
    check(
        &[told(0, 10, "proc", "")],
        &["0..10 10 proc 100/100/100 metered by /proc: the last moments of short processes are not seen"],
    );
    // What the agent says itself says most.
    check(
        &[Told { seen: [Some(50), None, None], ..told(0, 10, "proc", "no eBPF") }],
        &["0..10 10 proc 50/-/- no eBPF"],
    );
    check(&[told(0, 10, "ebpf", "no network")], &["0..10 10 ebpf 100/100/100 no network"]);
}

#[test]
fn what_a_sweep_may_be_off_is_in_full() {
    let low = Told { seen: [Some(50), Some(100), None], ..told(0, 1, "ebpf", "") };
    let check = |remainders: &[Option<i64>], want: bool| {
        let mut b = of(&low);
        b.intervals.clear();
        for (n, remainder_usec) in (0..).zip(remainders) {
            let mut interval = of(&Told { from: n, to: n + 1, ..low.clone() }).intervals.remove(0);
            interval.host.as_mut().unwrap().remainder_usec = *remainder_usec;
            b.intervals.push(interval);
        }
        assert_eq!(!after(&[b]).is_empty(), want, "{remainders:?}");
    };
    // Two CPUs.
    check(&[Some(200_000)], false);
    check(&[Some(200_001)], true);
    check(&[Some(-5)], false);
    check(&[Some(0), Some(400_000)], false);
    check(&[Some(0), Some(400_001)], true);
    check(&[None], true);
    check(&[Some(0), None], true);
    let mut unread = of(&low);
    unread.intervals[0].host = None;
    assert_eq!(after(&[unread]).len(), 1);
    // Of I/O it is another thing.
    assert_eq!(after(&[of(&Told { seen: [None, Some(50), None], ..low })]).len(), 1);
}

#[test]
fn neighbours_of_one_reason_are_one() {
    // Hours by /proc are one row, whatever the coverage was.
    let hours: Vec<Told> = (0..720)
        .map(|n| Told {
            seen: [Some(if n == 77 { 12 } else { 100 }), None, None],
            ..told(n * 10, n * 10 + 10, "proc", "x")
        })
        .collect();
    check(&hours, &["0..7200 7200 proc 12/-/- x"]);
    // Five minutes apart is one, more is two; what was in full in between is not in its length.
    check(&[told(0, 10, "proc", "x"), told(310, 320, "proc", "x")], &["0..320 20 proc 100/100/100 x"]);
    check(
        &[told(0, 10, "proc", "x"), told(311, 320, "proc", "x")],
        &["0..10 10 proc 100/100/100 x", "311..320 9 proc 100/100/100 x"],
    );
    // Another reason or tier is another stretch; one that comes and goes does not cut the others.
    check(
        &[
            told(0, 10, "proc", "x"),
            told(10, 20, "proc", "y"),
            told(20, 30, "ebpf", "x"),
            told(30, 40, "proc", "x"),
        ],
        &["0..40 20 proc 100/100/100 x", "10..20 10 proc 100/100/100 y", "20..30 10 ebpf 100/100/100 x"],
    );
    // What comes late joins what it stands between.
    check(
        &[told(0, 10, "proc", "x"), told(400, 410, "proc", "x"), told(200, 210, "proc", "x")],
        &["0..410 30 proc 100/100/100 x"],
    );
    // A time that is told of twice is no longer than it is.
    check(&[told(0, 10, "proc", "x"), told(0, 10, "proc", "x")], &["0..10 10 proc 100/100/100 x"]);
}

#[test]
fn an_interval_in_parts_is_one_and_a_batch_may_hold_many() {
    let mut parts = [of(&told(0, 10, "proc", "x")), of(&told(0, 10, "proc", "x"))];
    for (part, n) in parts.iter_mut().zip(1..) {
        (part.part, part.parts) = (n, 2);
    }
    assert_eq!(after(&parts[..1]), Vec::<String>::new());
    assert_eq!(after(&parts), ["0..10 10 proc 100/100/100 x"]);
    let mut many = of(&told(0, 10, "proc", "x"));
    for (from, to) in [(10, 20), (20, 25), (400, 500)] {
        many.intervals.extend(of(&told(from, to, "proc", "x")).intervals);
    }
    assert_eq!(after(&[many]), ["0..25 25 proc 100/100/100 x", "400..500 100 proc 100/100/100 x"]);
}

#[test]
fn stretches_are_bounded() {
    let mut conn = open();
    let tx = conn.transaction().unwrap();
    let long = "é".repeat(NOTE_MAX_CHARS + 1).leak();
    note(&tx, 2, &of(&told(0, 10, "proc", long))).unwrap();
    let chars = "SELECT length(why) FROM degraded";
    let chars: i64 = tx.query_row(chars, [], |r| r.get(0)).unwrap();
    assert_eq!(usize::try_from(chars).unwrap(), NOTE_MAX_CHARS);
    for n in 0..DEGRADED_ROWS_MAX + 3 {
        note(&tx, 1, &of(&told(n * 1_000, n * 1_000 + 10, "proc", "x"))).unwrap();
    }
    let left = rows(&tx, 1);
    assert_eq!(i64::try_from(left.len()).unwrap(), DEGRADED_ROWS_MAX);
    assert!(left[0].starts_with("3000..3010 "), "the oldest went: {}", left[0]);
    assert_eq!(rows(&tx, 2).len(), 1, "of the other host nothing went");
    // One that comes later than all that is kept is not kept either.
    note(&tx, 1, &of(&told(0, 10, "proc", "x"))).unwrap();
    assert_eq!(rows(&tx, 1), left);
    let now_ms = T0 + DEGRADED_KEEP_MS + 3_010_000;
    assert_eq!(forget(&tx, now_ms, 100).unwrap(), 1, "the other host's");
    assert_eq!(forget(&tx, now_ms + 1, 100).unwrap(), 1, "ended longer ago than is kept");
    assert_eq!(forget(&tx, i64::MAX, 100).unwrap(), 100, "some at a time");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same rows in whatever order batches come; they hold every second told of, and no other is in their length.
    #[test]
    fn order_does_not_matter(
        slots in prop::collection::btree_map(0_i64..60, (0_usize..3, 0_u32..=100), 0..30),
        seed in prop::collection::vec(any::<u32>(), 30),
    ) {
        let causes = [("proc", "x"), ("proc", "y"), ("ebpf", "x")];
        let batches: Vec<Told> = slots
            .iter()
            .map(|(slot, (cause, cpu))| {
                let (tier, limited) = causes[*cause];
                Told { seen: [Some(*cpu), None, None], ..told(slot * 100, slot * 100 + 100, tier, limited) }
            })
            .collect();
        let in_order = after(&batches.iter().map(of).collect::<Vec<_>>());
        let mut shuffled: Vec<(u32, &Told)> = seed.iter().copied().zip(&batches).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        prop_assert_eq!(&after(&shuffled.iter().map(|(_, t)| of(t)).collect::<Vec<_>>()), &in_order);
        let lasted = in_order.iter().map(|r| r.split(' ').nth(1).unwrap().parse::<usize>().unwrap());
        prop_assert_eq!(lasted.sum::<usize>(), batches.len() * 100);
    }
}
