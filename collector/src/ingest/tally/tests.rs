//! Summing up many batches writes what counting them one by one writes, whatever they hold.

use super::*;
use crate::db::{Connection, Db};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::batch::{AgentInfo, Coverage, HostTotals, Interval};
use proptest::prelude::*;

/// 2026-11-21T10:00:00Z
const T0: i64 = 1_795_255_200_000;

fn db(dir: &tempfile::TempDir, name: &str) -> Db {
    let db = Db::open(&dir.path().join(name)).unwrap();
    let sql = "INSERT INTO host (id, uuid, name, state, made_ms) VALUES (1, zeroblob(16), 'web1', 'live', 0);
        INSERT INTO host (id, uuid, name, state, made_ms) VALUES (2, randomblob(16), 'web2', 'live', 0);
        INSERT INTO account (name, made_ms) VALUES ('api@web1', 0);";
    db.write_blocking(move |tx| Ok::<_, DbError>(tx.execute_batch(sql)?)).unwrap();
    db
}

/// Everything that counting writes, as text.
fn dump(db: &Db) -> String {
    let sql = "SELECT group_concat(line, char(10)) FROM (
        SELECT json_array('a', a.name, a.host, a.uid, a.user, a.home, a.home_inode, a.last_seen_ms) AS line FROM account a
        UNION ALL SELECT json_array('h', a.name, u.hour, u.charged, u.cpu_usec, u.io_ops, u.session_sec)
            FROM usage_hour u JOIN account a ON a.id = u.account
        UNION ALL SELECT json_array('w', name, watermark_ms) FROM host
        UNION ALL SELECT json_array('d', host, from_ms, to_ms, lasted_ms, tier, why, cpu_ppm, io_ppm) FROM degraded
        ORDER BY line)";
    db.read_blocking(|c: &Connection| Ok::<String, DbError>(c.query_row(sql, [], |r| r.get(0))?)).unwrap()
}

/// One account of one interval, as plain numbers.
type Row = (u32, u8, u8, Option<u64>, Option<i64>, Option<i64>);

fn usage((uid, user, home, inode, cpu, ops): Row) -> AccountUsage {
    let mut values = Values::new();
    if let Some(cpu) = cpu {
        values.set(Meter::CpuUsec, cpu);
    }
    if let Some(ops) = ops {
        values.set(Meter::IoOps, ops);
    }
    values.set(Meter::Processes, 3);
    AccountUsage {
        uid: 1_000 + uid,
        user: ["shop", "blog", "api"].get(usize::from(user)).map(|u| (*u).to_owned()),
        home: ["/home/a", "/home/b"].get(usize::from(home)).map(|h| (*h).to_owned()),
        home_inode: inode.filter(|_| home < 2),
        values,
        ..AccountUsage::default()
    }
}

fn batch(n: i64, part: u32, proc: bool, rows: Vec<Row>) -> Batch {
    let mut accounts: Vec<AccountUsage> = rows.into_iter().map(usage).collect();
    accounts.sort_by_key(|a| a.uid);
    accounts.dedup_by_key(|a| a.uid);
    let from_ms = T0 + n * 900_000;
    Batch {
        v: VERSION,
        tier: if proc { "proc" } else { "ebpf" }.to_owned(),
        coverage: Coverage {
            io_ppm: Some(u32::try_from(n).unwrap_or(0) * 100_000 + 1),
            ..Coverage::default()
        },
        agent: AgentInfo { version: "1".to_owned(), interval_ms: 1_000, limited: String::new() },
        part,
        parts: 2,
        outcomes: vec![],
        intervals: vec![Interval {
            from_ms,
            to_ms: from_ms + 900_000,
            host: Some(HostTotals { cpus: 1, ..HostTotals::default() }),
            accounts,
            gaps: vec![],
        }],
    }
}

fn row() -> impl Strategy<Value = Row> {
    let some = |max| proptest::option::of(0..max);
    (0..3_u32, 0..4_u8, 0..8_u8, proptest::option::of(1..9_u64), some(1_000_i64), some(3_i64))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_sum_is_what_its_parts_are(
        batches in proptest::collection::vec(
            (1..3_i64, 0..9_i64, 1..3_u32, any::<bool>(), proptest::collection::vec(row(), 0..5)), 1..12),
        cut in 0..12_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (one, many) = (db(&dir, "one.db"), db(&dir, "many.db"));
        let batches: Vec<(i64, Batch)> =
            batches.into_iter().map(|(host, n, part, proc, rows)| (host, batch(n, part, proc, rows))).collect();
        for (id, batch) in batches.clone() {
            let name = HostName::parse(&format!("web{id}")).unwrap();
            let host = HostRow { id, name };
            one.write_blocking(move |tx| count::count(tx, &host, &batch, T0)).unwrap();
        }
        // In two rounds, so that the second knows accounts of the first.
        let mut ids = AccountIds::default();
        let (first, second) = batches.split_at(cut.min(batches.len()));
        for part in [first, second] {
            let mut tally = Tally::default();
            for (host, batch) in part {
                tally.add(*host, batch, &ids).unwrap();
            }
            let found = many.write_blocking(move |tx| tally.write(tx, T0)).unwrap();
            ids.learn(found, 1_000);
        }
        prop_assert_eq!(dump(&many), dump(&one));
    }
}

#[test]
fn a_sum_that_does_not_fit_is_said() {
    let mut tally = Tally::default();
    let ids = AccountIds::default();
    assert_eq!(tally.add(1, &batch(0, 1, false, vec![(1, 0, 9, None, Some(i64::MAX), None)]), &ids), Ok(()));
    assert_eq!(tally.add(1, &batch(1, 1, false, vec![(1, 0, 9, None, Some(1), None)]), &ids), Err(Overflow));
}

#[test]
fn what_is_known_is_bounded() {
    let mut ids = AccountIds::default();
    let found = |uid| FoundAccount { host: 1, uid, user: None, id: 7 };
    ids.learn(vec![found(1), found(2)], 3);
    ids.learn(vec![found(3)], 3);
    assert_eq!(
        (ids.get(1, 1, None), ids.get(1, 3, None), ids.get(1, 3, Some("x"))),
        (Some(7), Some(7), None)
    );
    ids.learn(vec![found(4)], 3);
    assert_eq!((ids.get(1, 1, None), ids.get(1, 4, None)), (None, Some(7)));
}
