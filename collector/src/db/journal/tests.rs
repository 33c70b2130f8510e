//! The journal: complete, replayed to the same rows, and damage of every kind named.

use super::super::record::{HEADER_BYTES, MAGIC};
use super::super::replay::{self, ReplayError, replay};
use super::super::tables::{Kind, TABLES, kind};
use super::super::testing::dump;
use super::super::{Db, Transaction, segments, write_beside};
use super::*;
use std::collections::BTreeSet;

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    /// A control.db, copied before anything but its schema is in it.
    fn new() -> (Self, Db) {
        let fixture = Self { dir: tempfile::tempdir().unwrap() };
        drop(fixture.open());
        std::fs::copy(fixture.at("control.db"), fixture.at("old.db")).unwrap();
        let db = fixture.open();
        (fixture, db)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn open(&self) -> Db {
        Db::open_with(&self.at("control.db"), Some(&self.at("journal"))).unwrap()
    }

    fn segment(&self) -> PathBuf {
        segments::list(&self.at("journal")).unwrap().pop().unwrap().1
    }

    /// Replays onto a copy of the old file.
    fn replay(&self, accepts_torn: bool) -> (Result<replay::Replayed, ReplayError>, Connection) {
        let path = self.at("replayed.db");
        std::fs::copy(self.at("old.db"), &path).unwrap();
        let mut conn = Connection::open(&path).unwrap();
        conn.execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY",
        )
        .unwrap();
        (replay(&mut conn, &self.at("journal"), accepts_torn), conn)
    }

    fn now(&self) -> Connection {
        Connection::open(self.at("control.db")).unwrap()
    }
}

fn run(db: &Db, sql: &str) {
    try_run(db, sql).unwrap();
}

fn try_run(db: &Db, sql: &str) -> Result<(), DbError> {
    let sql = sql.to_owned();
    db.write_blocking(move |tx: &Transaction<'_>| -> Result<(), DbError> { Ok(tx.execute_batch(&sql)?) })
}

#[test]
fn every_table_is_on_exactly_one_list() {
    let (fixture, _db) = Fixture::new();
    let conn = fixture.now();
    let mut stmt = conn
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .unwrap();
    let there: BTreeSet<String> =
        stmt.query_map([], |r| r.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let listed: BTreeSet<String> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, listed, "tables.rs names every table of the schema");
    assert_eq!(TABLES.len(), listed.len(), "and each once");
    for (table, kind) in TABLES {
        let Kind::Journalled { refilled } = kind else { continue };
        for column in *refilled {
            let sql = "SELECT pk FROM pragma_table_info(?1) WHERE name = ?2";
            let pk: Option<i64> = conn.query_row(sql, [table, column], |r| r.get(0)).optional().unwrap();
            assert_eq!(pk, Some(0), "{table}.{column} exists and is no key");
        }
    }
    // A table that nobody listed stops a journal from being begun.
    assert_eq!(kind("news"), None);
    conn.execute_batch("CREATE TABLE news (id INTEGER PRIMARY KEY)").unwrap();
    let err = Db::open_with(&fixture.at("control.db"), Some(&fixture.at("other"))).err().unwrap();
    assert!(err.to_string().contains("\"news\""), "{err}");
}

const WRITES: &[&str] = &[
    "INSERT INTO customer (id, name, title, made_ms) VALUES (1, 'c-1', 'Ö\"''\u{7f}', 5), (2, 'c-2', '', 5)",
    "UPDATE customer SET title = 'Shop', hold = 1 WHERE id = 1",
    "INSERT INTO host (id, uuid, name, state, made_ms) VALUES (1, zeroblob(16), 'web1', 'live', 1)",
    "INSERT INTO account (id, name, host, uid, user, customer, made_ms) VALUES (7, 'a@web1', 1, 1001, 'a', 1, 2)",
    // Only what agents send again: no record.
    "UPDATE host SET high_seq = 3, high_hash = randomblob(32), watermark_ms = 9; UPDATE account SET last_seen_ms = 9",
    "INSERT INTO envelope VALUES (1, 1, 1, zeroblob(32), 1, 'billed', x'00'); INSERT INTO usage_hour (account, hour) VALUES (7, 1)",
    "UPDATE host SET next_command = 2, high_seq = 4",
    "INSERT INTO token VALUES (x'0102', 1, 'l', 1, NULL)",
    "INSERT INTO user (id, login, password, role, made_ms) VALUES (1, 'admin', 'p', 'admin', 1); INSERT INTO token VALUES (x'0102', 1, 'l', 1, NULL)",
    // A key that changes, a row that is replaced, one that is removed.
    "UPDATE customer SET id = 20 WHERE id = 2",
    "REPLACE INTO customer (id, name, title, made_ms) VALUES (30, 'c-2', 'replaced', 6)",
    "DELETE FROM token",
    "INSERT INTO meta VALUES ('alive_ms', 1) ON CONFLICT (key) DO UPDATE SET value = 2",
    "INSERT INTO meta VALUES ('alive_ms', 1) ON CONFLICT (key) DO UPDATE SET value = 2",
    // Taken back in part.
    "SAVEPOINT s; DELETE FROM customer WHERE id = 30; ROLLBACK TO s; RELEASE s; UPDATE customer SET hold = 0",
];

#[test]
fn replayed_rows_are_the_same() {
    let (fixture, db) = Fixture::new();
    for sql in WRITES {
        // One fails by its foreign key: nothing of it may be in the journal.
        drop(try_run(&db, sql));
    }
    let before = dump(&fixture.now());
    assert_eq!(before["customer"].len(), 2);
    assert!(before["customer"][1].contains("replaced"), "{:?}", before["customer"]);
    let (done, conn) = fixture.replay(false);
    let done = done.unwrap();
    assert_eq!(dump(&conn), before);
    // Two of the writes are agents' alone, one failed.
    assert_eq!(done.records, u64::try_from(WRITES.len()).unwrap() - 3);
    assert_eq!(state(&conn).unwrap(), state(&fixture.now()).unwrap());
    let refilled: (i64, i64) = conn
        .query_row("SELECT high_seq, (SELECT count(*) FROM envelope) FROM host", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .unwrap();
    assert_eq!(refilled, (0, 0), "what agents send again is not in the journal");
    let dangling: i64 =
        conn.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |r| r.get(0)).unwrap();
    assert_eq!(dangling, 0);
}

#[test]
fn what_follows_from_a_row_is_made_again() {
    let (fixture, db) = Fixture::new();
    run(&db, "INSERT INTO host (id, uuid, name, state, made_ms, epoch) VALUES (1, zeroblob(16), 'web1', 'live', 1, 1);
              INSERT INTO account (id, name, host, uid, made_ms) VALUES (7, 'a@web1', 1, 1001, 2);
              INSERT INTO customer (id, name, title, made_ms) VALUES (1, 'c-1', '', 5)");
    drop(db);
    std::fs::copy(fixture.at("control.db"), fixture.at("old.db")).unwrap();
    let old = Connection::open(fixture.at("old.db")).unwrap();
    old.execute_batch(
        "UPDATE host SET high_seq = 9, high_hash = randomblob(32), watermark_ms = 5;
        INSERT INTO usage_hour (account, hour, charged, cpu_usec) VALUES (7, 3, 1, 5)",
    )
    .unwrap();
    drop(old);
    let db = fixture.open();
    run(&db, "INSERT INTO import_total VALUES ('s', 7, 'cpu_usec', 3, 10)");
    run(&db, "UPDATE import_total SET quantity = 4");
    run(&db, "INSERT INTO charge VALUES (7, 4, 0, NULL, 1, 0, x'00')");
    let (done, conn) = fixture.replay(false);
    done.unwrap();
    let hours: String = conn
        .query_row("SELECT group_concat(hour || ' ' || charged || ' ' || coalesce(cpu_usec, '-'), ', ') FROM usage_hour", [], |r| r.get(0))
        .unwrap();
    assert_eq!(
        hours, "3 0 9, 4 0 -",
        "imports are added again; a charged hour is open until its usage is there"
    );
    let host = |conn: &Connection| -> (i64, i64, Option<i64>) {
        let sql = "SELECT epoch, high_seq, refill_ms FROM host";
        conn.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap()
    };
    assert_eq!(host(&conn), (1, 9, Some(5 * 3_600_000)));
    run(&db, "UPDATE host SET epoch = 2");
    let (done, conn) = fixture.replay(false);
    done.unwrap();
    assert_eq!(host(&conn), (2, 0, Some(5 * 3_600_000)), "an epoch begins with number 1");
}

/// Three records, the last of them long.
fn three() -> (Fixture, Vec<u8>) {
    let (fixture, db) = Fixture::new();
    for sql in WRITES.iter().take(3) {
        run(&db, sql);
    }
    drop(db);
    let bytes = std::fs::read(fixture.segment()).unwrap();
    (fixture, bytes)
}

#[test]
fn every_flipped_bit_is_found() {
    let (fixture, good) = three();
    let path = fixture.segment();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let (_, fault) = segments::walk(&bad, |_, _| -> Result<(), DbError> { Ok(()) }).unwrap();
            assert!(fault.is_some(), "bit {bit} of byte {at}");
        }
        if at % 16 == 0 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            let text = fixture.replay(false).0.unwrap_err().to_string();
            assert!(text.contains(path.to_str().unwrap()) && text.contains("byte"), "{at}: {text}");
        }
    }
}

#[test]
fn a_journal_cut_at_every_byte_gives_whole_records_or_none() {
    let (fixture, good) = three();
    let path = fixture.segment();
    let mut ends = vec![MAGIC.len()];
    let mut at = MAGIC.len();
    while let Ok(Some((_, len))) = record::decode(&good[at..]) {
        at += len;
        ends.push(at);
    }
    assert_eq!((ends.len(), at), (4, good.len()));
    for cut in (0..good.len()).step_by(3).chain(ends.iter().copied()) {
        std::fs::write(&path, &good[..cut]).unwrap();
        let whole = ends.iter().filter(|e| **e <= cut).count().saturating_sub(1);
        let (done, _) = fixture.replay(false);
        match done {
            Ok(done) => {
                assert!(ends.contains(&cut) && done.records == u64::try_from(whole).unwrap(), "{cut}");
            }
            Err(e) => assert!(!ends.contains(&cut) && matches!(e, ReplayError::Torn { .. }), "{cut}: {e}"),
        }
        let (done, _) = fixture.replay(true);
        let done = done.unwrap();
        assert_eq!(
            (done.records, done.torn.is_some()),
            (u64::try_from(whole).unwrap(), !ends.contains(&cut)),
            "{cut}"
        );
    }
}

#[test]
fn holes_and_other_histories_are_refused() {
    let (fixture, good) = three();
    let path = fixture.segment();
    let (_, first) = record::decode(&good[MAGIC.len()..]).unwrap().unwrap();
    let (_, second) = record::decode(&good[MAGIC.len() + first..]).unwrap().unwrap();
    let put = |from: usize, to: usize| {
        std::fs::write(&path, [MAGIC.as_slice(), &good[from..to]].concat()).unwrap();
        fixture.replay(false).0.unwrap_err()
    };
    let start = MAGIC.len();
    assert!(matches!(put(start + first, good.len()), ReplayError::Hole { have: 0, next: 2, .. }));
    // The middle one is missing.
    std::fs::write(&path, [&good[..start + first], &good[start + first + second..]].concat()).unwrap();
    assert!(matches!(fixture.replay(false).0.unwrap_err(), ReplayError::Hole { have: 1, next: 3, .. }));
    // The first of another collector.
    let (other, theirs) = three();
    std::fs::write(&path, &theirs).unwrap();
    assert!(matches!(fixture.replay(false).0.unwrap_err(), ReplayError::Foreign { serial: 1, .. }));
    drop(other);
    // An old copy, against a backup that is newer.
    std::fs::copy(fixture.at("control.db"), fixture.at("old.db")).unwrap();
    std::fs::write(&path, &good[..start + first]).unwrap();
    assert!(matches!(fixture.replay(false).0.unwrap_err(), ReplayError::Short { last: 1, have: 3, .. }));
    assert!(HEADER_BYTES < first);
}

#[test]
fn a_start_appends_what_a_kill_left_out() {
    let (fixture, good) = three();
    let path = fixture.segment();
    let (_, first) = record::decode(&good[MAGIC.len()..]).unwrap().unwrap();
    let (_, second) = record::decode(&good[MAGIC.len() + first..]).unwrap().unwrap();
    let two = MAGIC.len() + first + second;
    // Killed before, in the middle of, and at the end of the last append.
    for cut in [two, two + 1, two + HEADER_BYTES, good.len() - 1, good.len()] {
        std::fs::write(&path, &good[..cut]).unwrap();
        drop(fixture.open());
        assert_eq!(std::fs::read(&path).unwrap(), good, "cut at {cut}");
    }
    // What is further behind is not there any more.
    std::fs::write(&path, &good[..MAGIC.len() + first]).unwrap();
    let err =
        Db::open_with(&fixture.at("control.db"), Some(&fixture.at("journal"))).err().unwrap().to_string();
    assert!(err.contains("ends with serial 1") && err.contains("at serial 3"), "{err}");
}

#[test]
fn a_tail_of_another_history_is_not_gone_on_with() {
    let (fixture, _) = three();
    let (other, theirs) = three();
    drop(other);
    let (_, first) = record::decode(&theirs[MAGIC.len()..]).unwrap().unwrap();
    let (_, second) = record::decode(&theirs[MAGIC.len() + first..]).unwrap().unwrap();
    // The numbers fit: the third one is at hand, and would be appended.
    std::fs::write(fixture.segment(), &theirs[..MAGIC.len() + first + second]).unwrap();
    let err =
        Db::open_with(&fixture.at("control.db"), Some(&fixture.at("journal"))).err().unwrap().to_string();
    assert!(err.contains("does not fit control.db"), "{err}");
}

#[test]
fn writes_without_a_journal_break_it_off() {
    let (fixture, _) = three();
    run(&Db::open(&fixture.at("control.db")).unwrap(), "UPDATE customer SET hold = 1");
    let err =
        Db::open_with(&fixture.at("control.db"), Some(&fixture.at("journal"))).err().unwrap().to_string();
    assert!(err.contains("does not fit control.db"), "{err}");
    // A new directory is a new beginning, which does not fit the old backup.
    std::fs::rename(fixture.at("journal"), fixture.at("away")).unwrap();
    run(&fixture.open(), "UPDATE customer SET hold = 0");
    let err = fixture.replay(false).0.unwrap_err();
    assert!(matches!(err, ReplayError::Hole { .. }), "{err}");
}

#[test]
fn nobody_is_answered_while_the_journal_cannot_be_written() {
    let (fixture, db) = Fixture::new();
    // Every write to it fails for want of room.
    std::os::unix::fs::symlink("/dev/full", fixture.at("journal").join(format!("{:020}.hmj", 1))).unwrap();
    for _ in 0..2 {
        let err = try_run(&db, WRITES[0]).unwrap_err();
        assert!(matches!(err, DbError::Journal(_)) && err.is_overload(), "{err}");
    }
    std::fs::remove_file(fixture.at("journal").join(format!("{:020}.hmj", 1))).unwrap();
    // Stored by the first try, and in the journal now.
    let err = try_run(&db, WRITES[0]).unwrap_err().to_string();
    assert!(err.contains("UNIQUE"), "{err}");
    run(&db, WRITES[1]);
    let (done, conn) = fixture.replay(false);
    assert_eq!(done.unwrap().records, 2);
    assert_eq!(dump(&conn), dump(&fixture.now()));
}

#[test]
fn a_write_from_beside_is_appended_by_the_next() {
    let (fixture, db) = Fixture::new();
    run(&db, WRITES[0]);
    let beside = |tx: &Transaction<'_>| -> Result<(), DbError> { Ok(tx.execute_batch(WRITES[1])?) };
    write_beside(&fixture.at("control.db"), true, beside).unwrap();
    assert_eq!(fixture.replay(false).0.unwrap().records, 1, "in control.db so far");
    run(&db, "UPDATE usage_hour SET charged = 0");
    let (done, conn) = fixture.replay(false);
    assert_eq!(done.unwrap().records, 2);
    assert_eq!(dump(&conn), dump(&fixture.now()));
}

#[test]
fn old_segments_go_and_the_newest_stays() {
    let dir = tempfile::tempdir().unwrap();
    for serial in [1_u64, 10, 20] {
        std::fs::write(dir.path().join(format!("{serial:020}.hmj")), MAGIC).unwrap();
    }
    let left = |serial| {
        segments::remove_before(dir.path(), serial).unwrap();
        segments::list(dir.path()).unwrap().into_iter().map(|(s, _)| s).collect::<Vec<_>>()
    };
    assert_eq!(left(8), [1, 10, 20]);
    assert_eq!(left(9), [10, 20]);
    assert_eq!(left(u64::MAX), [20]);
}
