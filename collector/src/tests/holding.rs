//! Batches that do not count: listed with the reason, released once or discarded for ever.

use crate::testing::{Host, T0, World, batch, cpu};
use axum::http::Method;
use serde_json::{Value, json};

const HOUR: &str = "SELECT coalesce(sum(cpu_usec), 0) FROM usage_hour";
const DAY: i64 = 86_400;

fn usage(host: &mut Host, from: i64, usec: i64) -> Vec<u8> {
    host.next(&batch(from, from + 10, vec![cpu(1001, "shop", usec)]))
}

/// Sends one batch that is understood and plausible, one of tomorrow, one of long ago and one that nobody understands.
async fn four(world: &World) -> (Host, Vec<Vec<u8>>) {
    let mut web1 = world.host("web1", true).await;
    let sent = vec![
        usage(&mut web1, 0, 1),
        usage(&mut web1, DAY, 20),
        usage(&mut web1, -40 * DAY, 300),
        web1.next_raw(b"{\"v\":2}"),
    ];
    for (n, bytes) in (1..).zip(&sent) {
        assert_eq!(world.send_code(bytes).await, Ok(n));
    }
    (web1, sent)
}

async fn held(world: &World, query: &str) -> Vec<Value> {
    world.get(&format!("/v1/usage-held{query}")).await["held"].as_array().unwrap().clone()
}

async fn act(world: &World, verb: &str, seq: i64, to_seq: i64) -> Result<(u64, u64), String> {
    let body = json!({"host": "web1", "epoch": 1, "seq": seq, "to_seq": to_seq, "reason": "looked at it"});
    let (status, answer) = world.post(&format!("/v1/usage-held/{verb}"), body).await;
    if status != 200 {
        return Err(format!("{status} {}", answer["code"].as_str().unwrap()));
    }
    Ok((answer["changed"].as_u64().unwrap(), answer["refused"].as_u64().unwrap()))
}

#[tokio::test]
async fn what_waits_is_listed_in_pages_with_its_reason() {
    let world = World::start().await;
    four(&world).await;
    let all = held(&world, "").await;
    let shown: Vec<(i64, &str, &str)> = all
        .iter()
        .map(|h| (h["seq"].as_i64().unwrap(), h["state"].as_str().unwrap(), h["why"].as_str().unwrap()))
        .collect();
    assert_eq!(shown.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [2, 3, 4].map(|n| (n, "quarantined")));
    for (row, why) in
        shown.iter().zip(["it ends 86410 s in the future", "it is 40 days old", "has version 2"])
    {
        assert!(row.2.contains(why), "{row:?}");
    }
    let (mut pages, mut query) = (Vec::new(), "?host=web1&limit=2".to_owned());
    loop {
        let page = world.get(&format!("/v1/usage-held{query}")).await;
        pages.extend(page["held"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?host=web1&limit=2&cursor={next}");
    }
    assert_eq!(pages, all);
    let status = async |query: &str| {
        world.call_as(Some(&world.token), Method::GET, &format!("/v1/usage-held{query}"), Value::Null).await.0
    };
    assert_eq!(status("?host=web9").await, 404);
    assert_eq!(status("?cursor=1.2").await, 400);
    assert_eq!(status("?cursor=1.2.3.4").await, 400);
}

#[tokio::test]
async fn released_usage_counts_once() {
    let world = World::start().await;
    four(&world).await;
    assert_eq!(world.sql(HOUR), "1");
    assert_eq!(act(&world, "release", 2, 2).await, Err("409 future".to_owned()));
    assert_eq!(act(&world, "release", 4, 4).await, Err("409 not_understood".to_owned()));
    assert_eq!(act(&world, "release", 1, 9).await, Ok((1, 2)), "what can be is released");
    assert_eq!(world.sql(HOUR), "301");
    world.app.clock.set(T0 + DAY * 1_000 + 10_000);
    for want in [Ok((1, 1)), Err("409 not_understood".to_owned())] {
        assert_eq!(act(&world, "release", 2, 4).await, want);
        assert_eq!(world.sql(HOUR), "321", "once");
    }
    assert_eq!(act(&world, "release", 2, 3).await, Ok((0, 0)), "again");
    let audit =
        "SELECT group_concat(subject || ': ' || detail, '; ') FROM audit WHERE action = 'usage.released'";
    assert_eq!(
        world.sql(audit),
        "web1: 1 of batches 3 to 3 of epoch 1: looked at it; web1: 1 of batches 2 to 2 of epoch 1: looked at it"
    );
    assert_eq!(world.sql("SELECT count(*) FROM alert WHERE kind = 'quarantine' AND cleared_ms IS NULL"), "1");
    assert_eq!(act(&world, "discard", 4, 4).await, Ok((1, 0)));
    assert_eq!(world.sql("SELECT count(*) FROM alert WHERE kind = 'quarantine' AND cleared_ms IS NULL"), "0");
    assert_eq!(held(&world, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn discarded_usage_never_counts_and_is_shown_as_lost() {
    let world = World::start().await;
    four(&world).await;
    for want in [(3, 0), (0, 0)] {
        assert_eq!(act(&world, "discard", 1, 4).await, Ok(want));
    }
    assert_eq!(act(&world, "release", 1, 4).await, Err("409 discarded".to_owned()));
    assert_eq!(world.sql(HOUR), "1");
    assert_eq!(held(&world, "").await, Vec::<Value>::new());
    let gone = held(&world, "?discarded=true").await;
    assert_eq!(gone.len(), 3);
    assert_eq!(gone[0]["why"], "admin: looked at it");
    let lost = "SELECT group_concat(why) FROM degraded WHERE tier = 'none'";
    assert_eq!(world.sql(lost), "discarded by admin: looked at it", "of the time that has passed");
    let bad = async |body: Value| world.post("/v1/usage-held/discard", body).await.0;
    assert_eq!(bad(json!({"host": "web1", "epoch": 1, "seq": 2, "reason": " "})).await, 422);
    assert_eq!(bad(json!({"host": "web1", "epoch": 1, "seq": 2})).await, 422);
    assert_eq!(bad(json!({"host": "web1", "epoch": 1, "seq": 2, "to_seq": 1, "reason": "x"})).await, 422);
    assert_eq!(bad(json!({"host": "web9", "epoch": 1, "seq": 2, "reason": "x"})).await, 404);
}

#[tokio::test]
async fn a_host_that_waits_for_approval_decides_first() {
    let world = World::start().await;
    let mut web1 = world.host("web1", false).await;
    for n in 0..3 {
        let bytes = usage(&mut web1, n * 10, 10_i64.pow(u32::try_from(n).unwrap()));
        world.send(&bytes).await.unwrap();
    }
    assert_eq!(held(&world, "").await[0]["why"], "the host waits for approval");
    assert_eq!(act(&world, "release", 1, 3).await, Err("409 host_state".to_owned()));
    assert_eq!(act(&world, "discard", 2, 2).await, Ok((1, 0)));
    assert_eq!(world.post("/v1/hosts/web1/approve", Value::Null).await.0, 200);
    assert_eq!(world.sql(HOUR), "101", "all but the one that was discarded");
}

#[tokio::test]
async fn what_was_decided_holds_when_batches_come_again() {
    let world = World::start().await;
    let (_, sent) = four(&world).await;
    assert_eq!(act(&world, "release", 3, 3).await, Ok((1, 0)));
    assert_eq!(act(&world, "discard", 2, 2).await, Ok((1, 0)));
    assert_eq!(world.sql(HOUR), "301");
    // As if it had been restored from before the host's first batch, with the journal.
    world
        .change(
            "DELETE FROM forward; DELETE FROM envelope; DELETE FROM usage_hour;
             UPDATE host SET high_seq = 0, high_hash = zeroblob(32), watermark_ms = NULL",
        )
        .await;
    for (n, bytes) in (1..).zip(&sent) {
        assert_eq!(world.send_code(bytes).await, Ok(n));
    }
    assert_eq!(world.sql(HOUR), "301");
    assert_eq!(held(&world, "").await.len(), 1, "the one that nobody decided about");
}
