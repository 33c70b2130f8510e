//! Counting after the acknowledgement: what was stored counts, once, wherever it was cut off.

use super::{advance, counted_serial};
use crate::db::{Db, DbError};
use crate::testing::{World, batch, cpu};
use hostmeter_core::limits::ENVELOPE_HEADER_BYTES;

const SUM: &str = "SELECT sum(cpu_usec) FROM usage_hour";

/// Undoes the last counting: as if the collector had been killed between storing and counting.
const UNCOUNT: &str = "UPDATE counted SET serial = 0; DELETE FROM usage_hour; DELETE FROM account;
    UPDATE host SET watermark_ms = NULL; DELETE FROM degraded;";

#[tokio::test]
async fn what_was_stored_and_not_counted_is_counted_at_the_next_start() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    for n in 0..5 {
        world.send(&web1.next(&batch(n * 10, n * 10 + 10, vec![cpu(1001, "shop", 1 << n)]))).await.unwrap();
    }
    assert_eq!(world.sql(SUM), "31");
    let watermark = world.sql("SELECT watermark_ms FROM host");
    let world = world
        .restart(|dir| {
            let db = crate::db::Connection::open(dir.join("control.db")).unwrap();
            db.execute_batch(UNCOUNT).unwrap();
            // The usage store is behind as well.
            std::fs::remove_file(dir.join("usage.db")).unwrap();
        })
        .await;
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 31, "a query waits for it");
    assert_eq!(world.sql(SUM), "31");
    assert_eq!(world.sql("SELECT watermark_ms FROM host"), watermark);
    assert_eq!(world.sql("SELECT lasted_ms FROM degraded"), "50000");
    // And goes on from there.
    world.send(&web1.next(&batch(50, 60, vec![cpu(1001, "shop", 32)]))).await.unwrap();
    assert_eq!(world.sql(SUM), "63");
}

#[tokio::test]
async fn an_envelope_that_was_damaged_before_it_was_counted_is_named_and_blocks_nobody() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    for n in 0..3 {
        world.send(&web1.next(&batch(n * 10, n * 10 + 10, vec![cpu(1001, "shop", 1 << n)]))).await.unwrap();
    }
    assert_eq!(world.sql(SUM), "7");
    let world = world
        .restart(|dir| {
            let db = crate::db::Connection::open(dir.join("control.db")).unwrap();
            db.execute_batch(UNCOUNT).unwrap();
            let cut = format!(
                "UPDATE envelope SET bytes = substr(bytes, 1, {ENVELOPE_HEADER_BYTES}) WHERE seq = 2"
            );
            db.execute_batch(&cut).unwrap();
            std::fs::remove_file(dir.join("usage.db")).unwrap();
        })
        .await;
    assert_eq!(world.sql(SUM), "5");
    assert_eq!(
        world.sql("SELECT group_concat(status) FROM (SELECT status FROM envelope ORDER BY seq)"),
        "billed,quarantined,billed"
    );
    let alerts = world.get("/v1/alerts").await;
    let detail = alerts["alerts"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("envelope 2 of epoch 1") && detail.contains("cannot be read any more"),
        "{detail}"
    );
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 5, "graphs go on as well");
}

#[test]
fn the_position_moves_from_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&dir.path().join("control.db")).unwrap();
    let go = |from: i64, to: i64| db.write_blocking(move |tx| advance(tx, from, to));
    go(0, 3).unwrap();
    for (from, to) in [(0, 3), (2, 5), (4, 5)] {
        let error = go(from, to).unwrap_err();
        assert!(matches!(&error, DbError::Damaged(why) if why.contains("somebody else counted")), "{error}");
    }
    go(3, 5).unwrap();
    assert_eq!(db.read_blocking(counted_serial).unwrap(), 5);
}
