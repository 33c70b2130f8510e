//! Hosts that wait for approval: kept aside, then counted in order.

use crate::testing::{World, batch, cpu};
use hostmeter_core::wire::ack::HostState;
use serde_json::json;

#[tokio::test]
async fn a_pending_host_is_counted_when_it_is_approved() {
    let world = World::start().await;
    let mut web1 = world.host("web1", false).await;
    for n in 0..5 {
        let ack = world
            .send(&web1.next(&batch(n * 10, n * 10 + 10, vec![cpu(1001, "shop", n + 1)])))
            .await
            .unwrap();
        assert_eq!(ack.state, HostState::Pending);
    }
    assert_eq!(world.sql("SELECT count(*) FROM envelope WHERE status = 'aside'"), "5");
    assert_eq!(world.get("/v1/accounts").await["accounts"], json!([]));
    let (status, problem) = world.post("/v1/hosts/web1/thaw", json!(null)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("host_state")));
    for _ in 0..2 {
        let (status, host) = world.post("/v1/hosts/web1/approve", json!(null)).await;
        assert_eq!(
            (status, &host["state"], &host["watermark"]),
            (200, &json!("live"), &json!("2026-11-21T10:00:50Z"))
        );
    }
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 15);
    assert_eq!(world.sql("SELECT sum(cpu_usec) FROM usage_hour"), "15");
    assert_eq!(
        world.sql("SELECT group_concat(status) FROM (SELECT DISTINCT status FROM envelope)"),
        "billed"
    );
}

#[tokio::test]
async fn a_fork_before_approval_does_not_open_a_way_around_it() {
    let world = World::start().await;
    let mut web1 = world.host("web1", false).await;
    world.send(&web1.next(&batch(0, 10, vec![]))).await.unwrap();
    let copy = web1.at(1, 1, [0; 32], &batch(5, 10, vec![]).encode().unwrap());
    assert_eq!(world.send_code(&copy).await, Err("409 fork".into()));
    assert_eq!(world.get("/v1/hosts/web1").await["state"], "pending");
    let (status, _) = world.post("/v1/hosts/web1/thaw", json!(null)).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn a_release_that_was_cut_off_goes_on_at_the_next_start() {
    let world = World::start().await;
    let mut web1 = world.host("web1", false).await;
    world.send(&web1.next(&batch(0, 10, vec![cpu(1001, "shop", 5)]))).await.unwrap();
    // As if it had been killed between the new state and the counting.
    world.change("UPDATE host SET state = 'live'").await;
    let world = world.restart(|_| {}).await;
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 5);
    assert_eq!(world.sql("SELECT sum(cpu_usec) FROM usage_hour"), "5");
}
