//! When a host was not metered in full, from batches to the API.

use crate::testing::{World, batch};
use axum::http::Method;
use hostmeter_core::wire::batch::{Batch, Coverage};
use serde_json::{Value, json};

fn told(from: i64, to: i64, tier: &str, limited: &str, cpu_ppm: u32) -> Batch {
    let mut b = batch(from, to, vec![]);
    (b.tier, b.agent.limited) = (tier.to_owned(), limited.to_owned());
    b.intervals[0].host.as_mut().unwrap().remainder_usec = Some(5_000_000);
    b.coverage = Coverage { cpu_ppm: Some(cpu_ppm), io_ppm: Some(1_000_000), memory_ppm: None };
    b
}

#[tokio::test]
async fn stretches_are_counted_once_and_shown() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let mut sent = Vec::new();
    for b in [
        told(0, 10, "proc", "no BTF", 700_000),
        told(10, 20, "proc", "no BTF", 600_000),
        told(20, 30, "ebpf", "", 1_000_000),
        told(30, 40, "ebpf", "", 500_000),
    ] {
        let bytes = web1.next(&b);
        for _ in 0..2 {
            world.send(&bytes).await.unwrap();
        }
        sent.push(bytes);
    }
    world.send(&sent[0]).await.unwrap();
    let low = json!({"from": "2026-11-21T10:00:30Z", "to": "2026-11-21T10:00:40Z", "lasted_s": 10, "tier": "ebpf",
        "coverage": {"cpu": 0.5, "io": 1.0}, "why": "less than 99 % was seen of CPU time"});
    let old = json!({"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T10:00:20Z", "lasted_s": 20, "tier": "proc",
        "coverage": {"cpu": 0.6, "io": 1.0}, "why": "no BTF"});
    let all = world.get("/v1/hosts/web1/degraded").await;
    assert_eq!(
        all,
        json!({"host": "web1", "from": "2026-10-12T10:00:00Z", "to": "2026-11-21T10:00:00Z", "degraded": []}),
        "until now, and the batches are of later"
    );
    let to = "to=2026-11-21T11:00:00Z";
    let of =
        async |query: &str| world.get(&format!("/v1/hosts/web1/degraded?{query}")).await["degraded"].clone();
    assert_eq!(of(to).await, json!([low, old]));
    assert_eq!(of(&format!("{to}&from=2026-11-21T10:00:20Z")).await, json!([low]));
    assert_eq!(of("to=2026-11-21T10:00:30Z").await, json!([old]));
    assert_eq!(world.get("/v1/hosts/web1").await["degraded"], low);
    // Whoever is metered in full again is so now.
    world.send(&web1.next(&told(40, 50, "ebpf", "", 1_000_000))).await.unwrap();
    assert_eq!(world.get("/v1/hosts/web1").await["degraded"], Value::Null);
    assert_eq!(world.get("/v1/fleet").await["hosts"][0]["degraded"], Value::Null);
    assert_eq!(of(to).await, json!([low, old]));
    // A part of a second is not nothing.
    world.change("UPDATE degraded SET lasted_ms = lasted_ms - 9999 WHERE cpu_ppm = 500000").await;
    assert_eq!(of(to).await[0]["lasted_s"], 1);
    world.change("UPDATE degraded SET lasted_ms = lasted_ms + 9999 WHERE cpu_ppm = 500000").await;
    let world = world.restart(|_| {}).await;
    assert_eq!(world.get(&format!("/v1/hosts/web1/degraded?{to}")).await["degraded"], json!([low, old]));
}

#[tokio::test]
async fn what_does_not_count_is_not_told() {
    let world = World::start().await;
    let mut web1 = world.host("web1", false).await;
    world.send(&web1.next(&told(0, 10, "proc", "no BTF", 700_000))).await.unwrap();
    world.send(&web1.next(&told(500, 510, "proc", "in the future", 700_000))).await.unwrap();
    world.send(&web1.next(&told(10, 20, "proc", "no BTF", 800_000))).await.unwrap();
    assert_eq!(world.sql("SELECT count(*) FROM degraded"), "0", "kept aside");
    for _ in 0..2 {
        assert_eq!(world.post("/v1/hosts/web1/approve", json!(null)).await.0, 200);
        let row = "SELECT why || ' ' || lasted_ms || ' ' || cpu_ppm FROM degraded";
        assert_eq!(world.sql(row), "no BTF 20000 700000");
        assert_eq!(world.sql("SELECT count(*) FROM degraded"), "1");
    }
}

#[tokio::test]
async fn times_that_cannot_be_answered() {
    let world = World::start().await;
    world.host("web1", true).await;
    let table = [
        ("web1", "from=yesterday", 422, "`from`: \"yesterday\" is not a time"),
        ("web1", "to=2026-13-01T00:00:00Z", 422, "`to`: "),
        ("web1", "from=2026-11-21T10:00:00Z&to=2026-11-21T10:00:00Z", 422, "`to` must be after `from`"),
        ("web1", "from=2020-01-01T00:00:00Z", 422, "ask for at most 400"),
        ("web1", "until=2026-11-21T10:00:00Z", 422, "unknown field `until`"),
        ("web9", "", 404, "\"web9\""),
    ];
    for (host, query, status, want) in table {
        let path = format!("/v1/hosts/{host}/degraded?{query}");
        let (got, problem) = world.call_as(Some(&world.token), Method::GET, &path, Value::Null).await;
        assert_eq!(got, status, "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(want), "{query}: {problem}");
    }
}
