//! Usage over the API: shapes, zeros and nulls, gaps, top, imports, limits.

use crate::testing::{T0, World, batch, cpu};
use axum::http::Method;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Gap, GapMeter, TopCommand};
use serde_json::{Value, json};

#[tokio::test]
async fn points_totals_and_gaps() {
    let world = World::start().await;
    world.app.clock.set(T0 + 240_000);
    let mut web1 = world.host("web1", true).await;
    let mut first = cpu(1001, "shop", 30);
    first.values.set(Meter::Sessions, 2);
    world.send(&web1.next(&batch(0, 60, vec![first, cpu(1002, "blog", 1)]))).await.unwrap();
    // shop is idle and in no row: measured zero. Of io_ops nothing is ever said.
    let mut second = batch(60, 120, vec![cpu(1002, "blog", 1)]);
    second.intervals[0].gaps =
        vec![Gap { meter: GapMeter::One(Meter::MemoryKibSec), uid: None, reason: "smaps denied".into() }];
    world.send(&web1.next(&second)).await.unwrap();
    // Nothing comes for a minute.
    let mut third = batch(180, 240, vec![cpu(1001, "shop", 7)]);
    third.intervals[0].gaps =
        vec![Gap { meter: GapMeter::All, uid: Some(1002), reason: "not for shop".into() }];
    world.send(&web1.next(&third)).await.unwrap();

    let path = "/v1/accounts/shop@web1/usage?from=2026-11-21T10:00:00Z&to=2026-11-21T10:05:00Z&step=60\
                &meters=cpu_usec,memory_kib_sec,sessions,net_tx_bytes";
    let want = json!({
        "account": "shop@web1", "from": "2026-11-21T10:00:00Z", "to": "2026-11-21T10:05:00Z", "step": 60,
        "meters": {
            "cpu_usec": {"unit": "us", "total": 37, "points": [
                ["2026-11-21T10:00:00Z", 30], ["2026-11-21T10:01:00Z", 0], ["2026-11-21T10:02:00Z", null],
                ["2026-11-21T10:03:00Z", 7], ["2026-11-21T10:04:00Z", null]]},
            "memory_kib_sec": {"unit": "KiB*s", "total": 20, "points": [
                ["2026-11-21T10:00:00Z", 10], ["2026-11-21T10:01:00Z", null], ["2026-11-21T10:02:00Z", null],
                ["2026-11-21T10:03:00Z", 10], ["2026-11-21T10:04:00Z", null]]},
            "sessions": {"unit": "1", "last": 2, "points": [
                ["2026-11-21T10:00:00Z", 2], ["2026-11-21T10:01:00Z", null], ["2026-11-21T10:02:00Z", null],
                ["2026-11-21T10:03:00Z", null], ["2026-11-21T10:04:00Z", null]]},
            "net_tx_bytes": {"unit": "bytes", "total": 0, "points": [
                ["2026-11-21T10:00:00Z", null], ["2026-11-21T10:01:00Z", null], ["2026-11-21T10:02:00Z", null],
                ["2026-11-21T10:03:00Z", null], ["2026-11-21T10:04:00Z", null]]},
        },
        "gaps": [
            {"from": "2026-11-21T10:01:00Z", "to": "2026-11-21T10:02:00Z", "meter": "memory_kib_sec", "reason": "smaps denied"},
            {"from": "2026-11-21T10:02:00Z", "to": "2026-11-21T10:03:00Z", "meter": "*", "reason": "nothing came from the host"},
        ],
    });
    assert_eq!(world.get(path).await, want);
    // The sums of any step are the same, and the same as the bill's.
    for step in [1, 7, 10, 45, 3_600, 86_400] {
        let path = format!(
            "/v1/accounts/shop@web1/usage?from=2026-11-21T10:00:00Z&to=2026-11-21T10:05:00Z&step={step}&meters=cpu_usec"
        );
        assert_eq!(world.get(&path).await["meters"]["cpu_usec"]["total"], 37, "step {step}");
    }
    assert_eq!(world.sql("SELECT cpu_usec FROM usage_hour WHERE account = (SELECT id FROM account WHERE name = 'shop@web1')"), "37");
    // Without anything but the account: the last hour, all meters.
    let all = world.get("/v1/accounts/shop@web1/usage?to=2026-11-21T10:30:00Z").await;
    assert_eq!(all["meters"].as_object().unwrap().len(), Meter::COUNT);
    assert_eq!((&all["from"], &all["step"]), (&json!("2026-11-21T09:30:00Z"), &json!(10)));
}

#[tokio::test]
async fn requests_that_cannot_be_answered() {
    let world = World::start().await;
    let (status, _) = world.post("/v1/accounts", json!({"id": "shop@web1"})).await;
    assert_eq!(status, 201);
    let table = [
        ("meters=nonsense", "no meter is called \"nonsense\""),
        ("from=yesterday", "\"yesterday\" is not a time"),
        ("from=2026-11-21T10:00:00Z&to=2026-11-21T10:00:00Z", "`to` must be after `from`"),
        ("step=0", "`step` is 0"),
        ("step=-60", "`step` is -60"),
        ("step=x", "invalid digit"),
        ("from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z&step=1", "86400 points"),
        ("from=2020-01-01T00:00:00Z", "ask for at most 400"),
        ("fron=2026-11-21T00:00:00Z", "unknown field `fron`"),
    ];
    for (query, want) in table {
        let path = format!("/v1/accounts/shop@web1/usage?{query}");
        let (status, problem) = world.call_as(Some(&world.token), Method::GET, &path, Value::Null).await;
        assert_eq!((status, &problem["code"]), (422, &json!("invalid")), "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(want), "{query}: {problem}");
    }
}

#[tokio::test]
async fn imports_and_old_hours_are_seen_as_they_are_billed() {
    let world = World::start().await;
    world.post("/v1/accounts", json!({"id": "shop@web1"})).await;
    world
        .change(
            "INSERT INTO import_total (source, account, meter, hour, quantity)
                 SELECT 's', id, 'net_tx_bytes', 1795255200000 / 3600000 - 2, 100 FROM account;
             INSERT INTO usage_hour (account, hour, cpu_usec) SELECT id, 1795255200000 / 3600000 - 24 * 50, 5 FROM account;",
        )
        .await;
    assert_eq!(world.total("shop@web1", "net_tx_bytes").await, 100);
    let old = "/v1/accounts/shop@web1/usage?from=2026-10-02T00:00:00Z&to=2026-10-03T00:00:00Z&step=3600&meters=cpu_usec,io_ops";
    let answer = world.get(old).await;
    assert_eq!(answer["meters"]["cpu_usec"]["total"], 5);
    assert_eq!(answer["meters"]["cpu_usec"]["points"][10], json!(["2026-10-02T10:00:00Z", 5]));
    assert_eq!(answer["meters"]["io_ops"]["points"][10], json!(["2026-10-02T10:00:00Z", null]));
}

#[tokio::test]
async fn top_and_fleet() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let command = |name: &str, cpu_usec, processes| TopCommand {
        command: name.into(),
        cpu_usec,
        memory_kib_sec: 1,
        processes,
    };
    for (n, top) in (0..).zip([
        vec![command("php", 10, 2), command("sh", 30, 1), command("other", 99, 5)],
        vec![command("php", 25, 3), command("other", 1, 4)],
    ]) {
        let mut shop = cpu(1001, "shop", 100);
        shop.top = top;
        world.send(&web1.next(&batch(n * 60, n * 60 + 60, vec![shop, cpu(1002, "blog", 7)]))).await.unwrap();
    }
    let top = world.get("/v1/accounts/shop@web1/top?from=2026-11-21T10:00:00Z&to=2026-11-21T10:02:00Z").await;
    assert_eq!(
        top["top"],
        json!([
            {"command": "php", "cpu_usec": 35, "memory_kib_sec": 2, "processes": 3},
            {"command": "sh", "cpu_usec": 30, "memory_kib_sec": 1, "processes": 0},
            {"command": "other", "cpu_usec": 100, "memory_kib_sec": 2, "processes": 4},
        ])
    );
    let later =
        world.get("/v1/accounts/shop@web1/top?from=2026-11-21T10:01:00Z&to=2026-11-21T10:02:00Z").await;
    assert_eq!(later["top"][0]["cpu_usec"], 25);
    world.app.clock.set(T0 + 200_000);
    let fleet = world.get("/v1/fleet?from=2026-11-21T10:00:00Z&to=2026-11-21T11:00:00Z").await;
    assert_eq!(
        fleet["noisiest"],
        json!([{"account": "shop@web1", "quantity": 200}, {"account": "blog@web1", "quantity": 14}])
    );
    assert_eq!((&fleet["states"], &fleet["accounts"]), (&json!({"live": 1}), &json!(2)));
    assert_eq!(fleet["hosts"][0]["id"], "web1");
    assert_eq!(fleet["hosts"][0]["lag_s"], 80);
    assert_eq!(
        fleet["hosts"][0]["used"],
        json!({"busy_usec": 314, "accounts_usec": 214, "system_usec": 60, "remainder_usec": 40})
    );
    let (status, _) =
        world.call_as(Some(&world.token), Method::GET, "/v1/fleet?meter=sessions", Value::Null).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn lists_by_cursor() {
    let world = World::start().await;
    for n in 0..5 {
        world.post("/v1/accounts", json!({"id": format!("u{n}@web{}", n % 2)})).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/accounts?limit=2".to_owned();
    loop {
        let page = world.get(&path).await;
        seen.extend(
            page["accounts"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/accounts?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["u0@web0", "u1@web1", "u2@web0", "u3@web1", "u4@web0"]);
    let (status, problem) = world.post("/v1/accounts", json!({"id": "u0@web0"})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("account_exists")));
}
