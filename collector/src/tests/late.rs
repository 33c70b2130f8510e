//! Usage that comes late: up to 35 days it joins its hour by itself, beyond it waits for staff; either way at the price of
//! its hour.

use crate::testing::{World, batch, cpu};
use axum::http::Method;
use serde_json::json;

const DAY: i64 = 86_400;
/// CPU time that costs 0.01 under the old price, 0.02 under the new one.
const CENT: i64 = 3_600_000_000;

async fn furnish(world: &World) {
    for (from, amount) in [("2026-01-01T00:00:00Z", "0.01"), ("2026-11-01T00:00:00Z", "0.02")] {
        let plan = json!({"id": "basic", "currency": "EUR", "valid_from": from,
            "price": [{"meter": "cpu_usec", "amount": amount, "per": "3600000000"}]});
        let (status, answer) = world.call_as(Some(&world.token), Method::PUT, "/v1/plans/basic", plan).await;
        assert!(status < 300, "{answer}");
    }
    let customer = json!({"id": "c-1", "name": "x", "plan": "basic"});
    assert_eq!(world.post("/v1/customers", customer).await.0, 201);
    let account = json!({"id": "shop@web1", "customer": "c-1"});
    assert_eq!(world.post("/v1/accounts", account).await.0, 201);
}

async fn charge(world: &World) -> String {
    let (status, answer) = world.post("/v1/charge-runs", json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let report = world.get("/v1/ledger/verify").await;
    assert_eq!(report["differences"], json!([]));
    world.get("/v1/customers/c-1/balance").await["balance"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn late_usage_by_its_age() {
    // seconds after now, whether it counts by itself, the balance once it does
    let table = [
        (-2 * 3_600, true, "-0.020000"),
        (-34 * DAY, true, "-0.010000"),
        (-35 * DAY, true, "-0.010000"),
        (-35 * DAY - 1, false, "-0.010000"),
        (-300 * DAY, false, "-0.010000"),
    ];
    for (at, counts, balance) in table {
        let world = World::start().await;
        furnish(&world).await;
        let mut web1 = world.host("web1", true).await;
        let fresh = batch(-20, -10, vec![cpu(1001, "shop", 0)]);
        world.send(&web1.next(&fresh)).await.unwrap();
        assert_eq!(charge(&world).await, "0.000000");
        world.send(&web1.next(&batch(at, at + 1, vec![cpu(1001, "shop", CENT)]))).await.unwrap();
        if !counts {
            assert_eq!(charge(&world).await, "0.000000", "{at}: it waits");
            assert_eq!(
                world.sql("SELECT count(*) FROM alert WHERE cleared_ms IS NULL AND subject = 'web1'"),
                "1"
            );
            let body = json!({"host": "web1", "epoch": 1, "seq": 2, "to_seq": 2, "reason": "a long outage"});
            let (status, answer) = world.post("/v1/usage-held/release", body.clone()).await;
            assert_eq!((status, &answer["changed"]), (200, &json!(1)), "{at}: {answer}");
            let (_, again) = world.post("/v1/usage-held/release", body).await;
            assert_eq!(again["changed"], json!(0), "{at}: once");
        }
        assert_eq!(charge(&world).await, balance, "{at}");
        assert_eq!(charge(&world).await, balance, "{at}: once");
    }
}
