//! When a host's figures raise an alert, and that it is over again.

use super::*;
use crate::testing::{Host, T0, World, batch, cpu};
use hostmeter_core::wire::batch::{Batch, HostTotals};
use serde_json::{Value, json};

/// `n` intervals of 10 s on 2 CPUs.
fn intervals(n: i64, busy_usec: Option<i64>, remainder_usec: Option<i64>) -> Vec<HostInterval> {
    let totals = HostTotals { cpus: 2, busy_usec, remainder_usec, ..HostTotals::default() };
    let interval = |i: i64| HostInterval {
        from_ms: i * 10_000,
        to_ms: i * 10_000 + 10_000,
        measured: std::collections::BTreeSet::new(),
        totals: Some(totals.clone()),
    };
    (0..n).map(interval).collect()
}

#[track_caller]
fn check(verdict: &Verdict, want: &str) {
    match (verdict, want) {
        (Verdict::Keep, "keep") | (Verdict::Clear, "clear") => {}
        (Verdict::Raise(text), _) if text.contains(want) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn conservation() {
    let of = |n, busy, rest| remainder(&Sums::of(&intervals(n, Some(busy), Some(rest))));
    // Of 20 s of CPU time an interval: more than 5 % of what was busy, and more than 0.2 s.
    check(&of(60, 10_000_000, 500_000), "clear");
    check(
        &of(60, 10_000_000, 510_000),
        "in the last 10 min 30.6 s of 600.0 s of busy CPU time (5.1 %) were seen",
    );
    check(&of(59, 10_000_000, 5_000_000), "keep");
    check(&of(60, 300_000, 200_000), "clear");
    check(&of(60, 300_000, 210_000), "12.6 s of 18.0 s of busy CPU time (70.0 %)");
    check(&of(360, 20_000_000, 20_000_000), "in the last 60 min 7200.0 s of 7200.0 s");
    // Below 1 % of what was busy and 10 ms a CPU and interval.
    check(&of(60, 10_000_000, -120_000), "clear");
    check(
        &of(60, 10_000_000, -121_000),
        "credited 7.2 s more than the 600.0 s for which the CPUs were busy (1.2 %)",
    );
    check(&of(60, 0, -20_000), "clear");
    check(&of(60, 0, -21_000), "credited 1.2 s more than the 0.0 s for which the CPUs were busy (100.0 %)");
    // What could not be read says nothing.
    let unknown = [intervals(100, None, None), intervals(59, Some(10), Some(10))].concat();
    check(&remainder(&Sums::of(&unknown)), "keep");
    check(&remainder(&Sums::of(&[])), "keep");
}

#[test]
fn coverage_of_the_newest() {
    let long = Some(WATCH_KNOWN_MIN_MS);
    check(&coverage([Some(1_000_000); 2], long), "clear");
    check(&coverage([None; 2], long), "clear");
    check(&coverage([Some(990_000); 2], long), "clear");
    check(
        &coverage([Some(989_999), None], long),
        "only 98.9 % of the processes gave their I/O in the newest",
    );
    let text =
        "only 50.0 % of the processes gave their I/O, 0.0 % of the processes gave their memory in the newest";
    check(&coverage([Some(500_000), Some(999)], long), text);
    check(&coverage([Some(0), None], Some(WATCH_KNOWN_MIN_MS - 1)), "keep");
    check(&coverage([Some(0), None], None), "keep");
}

/// Ten minutes from `from` in one interval, with what is credited to nobody.
fn short(from: i64, remainder_usec: i64) -> Batch {
    let mut b = batch(from, from + 600, vec![cpu(1001, "shop", 50_000_000)]);
    b.intervals[0].host.as_mut().unwrap().busy_usec = Some(50_000_030 + remainder_usec);
    b.intervals[0].host.as_mut().unwrap().remainder_usec = Some(remainder_usec);
    b
}

async fn alerts(world: &World, query: &str) -> Vec<String> {
    look(&world.app.db, world.app.store.as_ref(), world.app.now_ms()).unwrap();
    let found = world.get(&format!("/v1/alerts{query}")).await;
    let row = |a: &Value| {
        let of = |key: &str| a[key].as_str().unwrap_or("open").to_owned();
        format!("{} {} {} {}", of("kind"), of("subject"), of("raised"), of("cleared"))
    };
    found["alerts"].as_array().unwrap().iter().map(row).collect()
}

async fn send(world: &World, host: &mut Host, from: i64, b: Batch) {
    world.app.clock.set(T0 + (from + 600) * 1_000);
    world.send(&host.next(&b)).await.unwrap();
    // The store is as far as what was acknowledged.
    world.get("/v1/fleet").await;
}

#[tokio::test]
async fn alerts_come_and_go() {
    let world = World::start().await;
    let (mut web1, mut web2) = (world.host("web1", true).await, world.host("web2", true).await);
    send(&world, &mut web2, 0, short(0, 100)).await;
    send(&world, &mut web1, 0, short(0, 60_000_000)).await;
    let stands = "conservation web1 2026-11-21T10:10:00Z open";
    assert_eq!(alerts(&world, "").await, [stands]);
    let detail = world.get("/v1/alerts").await["alerts"][0]["detail"].clone();
    let figures = "in the last 10 min 60.0 s of 110.0 s of busy CPU time (54.5 %) were seen at no process";
    assert!(detail.as_str().unwrap().starts_with(figures), "{detail}");
    assert_eq!(alerts(&world, "").await, [stands], "once");
    // An hour of silence says nothing new; then all is in order.
    world.app.clock.set(T0 + 7_200_000);
    assert_eq!(alerts(&world, "").await, [stands]);
    send(&world, &mut web1, 7_200, short(7_200, 0)).await;
    assert_eq!(alerts(&world, "").await, Vec::<String>::new());
    assert_eq!(
        alerts(&world, "?all=true").await,
        ["conservation web1 2026-11-21T10:10:00Z 2026-11-21T12:10:00Z"]
    );
    // Little of the I/O is seen for as long.
    let mut blind = short(7_800, 0);
    blind.coverage.io_ppm = Some(10_000);
    send(&world, &mut web1, 7_800, blind).await;
    assert_eq!(alerts(&world, "").await, ["coverage web1 2026-11-21T12:20:00Z open"]);
    // A host that is not trusted any more is no news.
    assert_eq!(world.post("/v1/hosts/web1/revoke", json!(null)).await.0, 200);
    assert_eq!(alerts(&world, "").await, Vec::<String>::new());
}
