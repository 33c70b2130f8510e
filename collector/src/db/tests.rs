//! control.db: group commit, rollback of one among many, what survives a reopening.

use super::*;
use std::sync::mpsc::channel;

fn open(dir: &tempfile::TempDir) -> Db {
    Db::open(&dir.path().join("control.db")).unwrap()
}

fn alerts(db: &Db) -> Vec<String> {
    let read = |conn: &Connection| -> Result<Vec<String>, DbError> {
        let mut stmt = conn.prepare("SELECT key FROM alert ORDER BY key")?;
        Ok(stmt.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?)
    };
    db.read_blocking(read).unwrap()
}

fn add(tx: &Transaction<'_>, key: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO alert (key, kind, subject, detail, raised_ms) VALUES (?1, 'k', 's', '', 0)";
    tx.execute(sql, [key])?;
    Ok(())
}

#[test]
fn pragmas_and_columns() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    let check = |pragma: &'static str, want: &str| {
        let read = move |tx: &Transaction<'_>| -> Result<rusqlite::types::Value, DbError> {
            Ok(tx.query_row(&format!("PRAGMA {pragma}"), [], |r| r.get(0))?)
        };
        let got = match db.write_blocking(read).unwrap() {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(n) => n.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(got, want, "{pragma}");
    };
    check("journal_mode", "wal");
    check("synchronous", "2");
    check("page_size", "8192");
    check("foreign_keys", "1");
    check("user_version", "13");
    check("wal_autocheckpoint", "4000");
    let columns: i64 = db
        .read_blocking(|c| -> Result<i64, DbError> {
            Ok(c.query_row("SELECT count(*) FROM pragma_table_info('usage_hour')", [], |r| r.get(0))?)
        })
        .unwrap();
    let flows = hostmeter_core::meter::Meter::ALL.iter().filter(|m| m.is_flow()).count();
    assert_eq!(usize::try_from(columns).unwrap(), 3 + flows);
}

#[test]
fn a_failed_write_leaves_the_others_of_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    // The first write holds the writer until all others wait behind it, so that they share a commit.
    let ((go, wait), (began, begins)) = (channel::<()>(), channel::<()>());
    let (answers, got) = channel();
    std::thread::scope(|scope| {
        let first = db.clone();
        scope.spawn(move || {
            first.write_blocking(move |tx| {
                began.send(()).unwrap();
                wait.recv().unwrap();
                add(tx, "a-first")
            })
        });
        begins.recv().unwrap();
        for i in 0..9 {
            let (db, answers) = (db.clone(), answers.clone());
            scope.spawn(move || {
                let result: Result<(), DbError> = db.write_blocking(move |tx| {
                    add(tx, &format!("b{i}"))?;
                    match i {
                        3 => Err(DbError::Damaged("on purpose".into())),
                        4 => panic!("on purpose"),
                        5 => add(tx, "b5"),
                        _ => Ok(()),
                    }
                });
                answers.send((i, result.map_err(|e| e.to_string()))).unwrap();
            });
        }
        while db.write_stats().waiting != 10 {
            std::thread::yield_now();
        }
        go.send(()).unwrap();
    });
    drop(answers);
    let mut got: Vec<_> = got.iter().collect();
    got.sort();
    for (i, result) in got {
        match i {
            3 => assert_eq!(result, Err("stored data is damaged: on purpose".into())),
            4 => assert_eq!(result, Err("a bug stopped the write (on purpose); nothing was stored".into())),
            5 => assert!(result.unwrap_err().contains("UNIQUE constraint failed: alert.key")),
            _ => assert_eq!(result, Ok(())),
        }
    }
    assert_eq!(alerts(&db), ["a-first", "b0", "b1", "b2", "b6", "b7", "b8"]);
    let stats = db.write_stats();
    assert_eq!(stats.writes, 10);
    // A slow machine may end a group before all of them ran.
    assert!(stats.commits <= 3, "{} commits for ten writes that waited together", stats.commits);
    drop(db);
    assert_eq!(alerts(&open(&dir)).len(), 7, "still there after a reopening");
}

#[test]
fn a_full_queue_is_said_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    let ((go, wait), (began, begins)) = (channel::<()>(), channel::<()>());
    let blocked = std::thread::spawn({
        let db = db.clone();
        move || {
            db.write_blocking(move |_| {
                began.send(()).map_err(|_| DbError::Closed)?;
                wait.recv().map_err(|_| DbError::Closed)
            })
        }
    });
    begins.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut waiting = Vec::new();
        let overloaded = loop {
            let db = db.clone();
            let mut write = Box::pin(async move { db.write(|tx| add(tx, "x")).await });
            match std::future::poll_fn(|cx| {
                std::task::Poll::Ready(std::future::Future::poll(write.as_mut(), cx))
            })
            .await
            {
                std::task::Poll::Ready(Err(e)) => break e,
                std::task::Poll::Ready(Ok(())) => panic!("the writer is blocked"),
                std::task::Poll::Pending => waiting.push(write),
            }
            assert!(waiting.len() <= crate::limits::WRITE_QUEUE_MAX + 1);
        };
        assert!(overloaded.is_overload(), "{overloaded}");
    });
    go.send(()).unwrap();
    blocked.join().unwrap().unwrap();
}

#[test]
fn a_newer_schema_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let path = dir.path().join("control.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let err = Db::open(&path).err().unwrap().to_string();
    assert!(err.contains("schema version 99 is newer than 13"), "{err}");
}

#[test]
fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("schema.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO alert (key, kind, subject, detail, raised_ms) VALUES ('kept', 'k', 's', '', 0)",
    )
    .unwrap();
    drop(old);
    let tables = |db: &Db| {
        let sql = "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_master ORDER BY name)";
        db.read_blocking(|c| -> Result<String, DbError> { Ok(c.query_row(sql, [], |r| r.get(0))?) }).unwrap()
    };
    let new = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let db = open(&dir);
        assert_eq!(alerts(&db), ["kept"]);
        assert_eq!(tables(&db), tables(&open(&new)), "as in a new file");
    }
}

#[test]
fn readers_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    let result = db.read_blocking(|c| -> Result<usize, DbError> { Ok(c.execute("DELETE FROM alert", [])?) });
    assert!(result.unwrap_err().to_string().contains("readonly"));
}

/// The last defence against counting, charging, booking or commanding twice is the schema itself.
#[test]
fn what_may_be_there_once_cannot_be_there_twice() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    let run = |sql: &'static str| {
        db.write_blocking(move |tx| -> Result<(), DbError> { Ok(tx.execute(sql, []).map(drop)?) })
    };
    let ready = [
        "INSERT INTO host (id, uuid, name, state, made_ms) VALUES (1, zeroblob(16), 'web1', 'live', 0)",
        "INSERT INTO customer (id, name, title, made_ms) VALUES (1, 'c-1', '', 0)",
        "INSERT INTO account (id, name, host, uid, user, made_ms) VALUES (1, 'a@web1', 1, 1001, 'a', 0)",
        "INSERT INTO ledger_account (id, name) VALUES (1, 'customer:c-1')",
        "INSERT INTO txn VALUES (1, 'topup', 'first', x'00', 0, 0, 'a', '', NULL, zeroblob(32), zeroblob(32))",
    ];
    ready.into_iter().for_each(|sql| run(sql).unwrap());
    let table = [
        "INSERT INTO envelope (host, epoch, seq, hash, received_ms, status, bytes) VALUES (1, 1, 7, zeroblob(32), 0, 'billed', x'00')",
        "INSERT INTO usage_hour (account, hour) VALUES (1, 7)",
        "INSERT INTO charge VALUES (1, 7, 0, NULL, 1, 0, x'00')",
        "INSERT INTO txn SELECT max(id) + 1, 'topup', 'topup:m:1', x'00', 0, 0, 'a', '', NULL, zeroblob(32), zeroblob(32) FROM txn",
        "INSERT INTO entry VALUES (1, 0, 1, 5, 5)",
        "INSERT INTO idem_request VALUES ('key', x'00', 1)",
        "INSERT INTO import VALUES ('key', x'00', 1, 0)",
        "INSERT INTO command (host, number, account, generation, action, reason, made_ms) VALUES (1, 4, 1, 1, 'suspend', '', 0)",
        "INSERT INTO lifecycle_event (customer, at_ms, kind, idem_key) VALUES (1, 0, 'k', 'life:1')",
        "INSERT INTO epoch VALUES (1, 2, zeroblob(16), 1, 0, NULL, 0)",
        "INSERT INTO gap VALUES (1, 1, 2, 3, 0, '', x'00')",
        "INSERT INTO archived VALUES (1, 1, 3)",
        "INSERT INTO host_key (key_id, host, public_key, state, added_ms) VALUES (zeroblob(8), 1, zeroblob(32), 'good', 0)",
        "INSERT INTO host (uuid, name, state, made_ms) VALUES (randomblob(16), 'web2', 'live', 0)",
        "INSERT INTO account (name, host, uid, user, made_ms) SELECT 'b' || count(*) || '@web1', 1, 1002, 'b', 0 FROM account",
    ];
    for sql in table {
        run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let error = run(sql).unwrap_err().to_string();
        assert!(error.contains("UNIQUE constraint failed"), "{sql}: {error}");
    }
}

/// Every uniqueness constraint of both databases, so that none goes without a word.
#[test]
fn every_uniqueness_constraint_is_on_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let control = open(&dir).read_blocking(super::testing::constraints).unwrap();
    insta::assert_snapshot!("control.db", control.join("\n"));
    let usage = dir.path().join("usage.db");
    drop(crate::store::sqlite::SqliteStore::open(&usage).unwrap());
    let usage = super::testing::constraints(&Connection::open(&usage).unwrap()).unwrap();
    insta::assert_snapshot!("usage.db", usage.join("\n"));
}
