//! From a line of the ledger to the intervals: the integers are those that were billed, and they add up.

use crate::testing::{T0, World, batch, cpu};
use axum::http::Method;
use serde_json::{Value, json};

const PLAN: &str = r#"
id = "basic"
currency = "EUR"
valid_from = "2026-11-01T00:00:00Z"
[[price]]
meter = "cpu_usec"
free = "1000000"
tiers = [{ up_to = "4000000", amount = "0.02", per = "1000000" }, { amount = "0.01", per = "1000000" }]
"#;

/// An hour of three intervals and an import, charged; then late usage, charged again.
async fn furnish() -> World {
    let w = World::start().await;
    let (status, _) = w.raw(Method::PUT, "/v1/plans/basic", Some(&w.token), PLAN.into()).await;
    assert_eq!(status, 200);
    for id in ["c-1", "c-2"] {
        assert_eq!(w.post("/v1/customers", json!({"id": id, "name": id, "plan": "basic"})).await.0, 201);
    }
    let mut web1 = w.host("web1", true).await;
    assert_eq!(w.post("/v1/accounts", json!({"id": "shop@web1", "customer": "c-1"})).await.0, 201);
    w.app.clock.set(T0 + 3_660_000);
    for (from, usec) in [(0, 2_000_000), (600, 1_500_000), (3_540, 500_000), (3_600, 9)] {
        w.send(&web1.next(&batch(from, from + 10, vec![cpu(1001, "shop", usec)]))).await.unwrap();
    }
    w.app.clock.set(T0 + 7_200_000);
    w.send(&web1.next(&batch(7_190, 7_200, vec![cpu(1001, "shop", 1)]))).await.unwrap();
    assert_eq!(w.post("/v1/charge-runs", json!({})).await.0, 200);
    let row = json!({"account": "shop@web1", "meter": "cpu_usec", "hour": "2026-11-21T10:00:00Z", "quantity": 250_000});
    assert_eq!(w.keyed("/v1/usage-import", "i-1", json!({"source": "cloud", "rows": [row]})).await.0, 200);
    assert_eq!(w.post("/v1/charge-runs", json!({})).await.0, 200);
    w
}

fn micros(v: &Value) -> i64 {
    hostmeter_core::money::Money::parse(v.as_str().unwrap()).unwrap().micros()
}

#[tokio::test]
async fn a_charge_is_explained_down_to_its_intervals() {
    let w = furnish().await;
    let ledger = w.get("/v1/customers/c-1/ledger").await;
    let lines: Vec<&Value> = ledger["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["hour"] == "2026-11-21T10:00:00Z")
        .collect();
    assert_eq!(lines.len(), 2, "the charge and its revision");
    let path = "/v1/customers/c-1/charges/2026-11-21T10:00:00Z?account=shop@web1";
    let e = w.get(path).await;
    // 4,000,000 µs: a million is free, three cost 0.02 each; the import costs 0.0025.
    assert_eq!((&e["amount"], &e["incomplete"]), (&json!("0.062500"), &Value::Null), "{e}");
    let charges = e["charges"].as_array().unwrap();
    for (charge, entry) in charges.iter().zip(&lines) {
        assert_eq!(micros(&charge["amount"]), -micros(&entry["amount"]));
        assert_eq!(charge["txn"], entry["txn"]);
        assert_eq!(charge["price_version"], "basic@2026-11-01T00:00:00Z");
        assert_eq!(charge["price"]["id"], "basic");
        let line = &charge["lines"][0];
        assert_eq!(micros(&line["cost_after"]) - micros(&line["cost_before"]), micros(&line["amount"]));
        assert_eq!(
            line["after"].as_i64().unwrap() - line["before"].as_i64().unwrap(),
            line["quantity"].as_i64().unwrap()
        );
        assert_eq!(line["quantity"], entry["lines"][0]["quantity"]);
    }
    let cpu = &e["usage"]["cpu_usec"];
    assert_eq!(
        cpu,
        &json!({"charged": 4_250_000, "used": 4_250_000, "imported": 250_000, "measured": 4_000_000})
    );
    let measured: Vec<i64> = e["intervals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["values"]["cpu_usec"].as_i64().unwrap())
        .collect();
    assert_eq!(measured, [2_000_000, 1_500_000, 500_000]);
    // What the graph shows of the hour, by the same integers, with the import.
    let graph = w.get("/v1/accounts/shop@web1/usage?from=2026-11-21T10:00:00Z&to=2026-11-21T11:00:00Z&step=3600&meters=cpu_usec").await;
    assert_eq!(graph["meters"]["cpu_usec"]["total"].as_i64().unwrap(), 4_250_000);
    let hours = w.get("/v1/customers/c-1/charges?account=shop@web1&meter=cpu_usec&limit=2").await;
    let list = hours["charges"].as_array().unwrap();
    assert_eq!(
        (list[0]["quantity"].as_i64(), list[1]["quantity"].as_i64()),
        (Some(4_000_000), Some(250_000))
    );
    let cursor = hours["next"].as_str().unwrap();
    let rest =
        w.get(&format!("/v1/customers/c-1/charges?account=shop@web1&meter=cpu_usec&cursor={cursor}")).await;
    assert_eq!((&rest["charges"][0]["hour"], &rest["next"]), (&json!("2026-11-21T11:00:00Z"), &Value::Null));
    // Somebody else was charged nothing for it.
    for path in [
        "/v1/customers/c-2/charges/2026-11-21T10:00:00Z?account=shop@web1",
        "/v1/customers/c-1/charges/x?account=shop@web1",
    ] {
        assert_eq!(w.call_as(Some(&w.token), Method::GET, path, Value::Null).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn intervals_that_are_gone_are_said_to_be() {
    let w = furnish().await;
    w.app.store.remove_before(T0 + 600_000).unwrap();
    let e = w.get("/v1/customers/c-1/charges/2026-11-21T10:00:00Z?account=shop@web1").await;
    assert_eq!(e["amount"], "0.062500");
    assert!(e["incomplete"].as_str().unwrap().contains("40 days"), "{e}");
    assert_eq!(e["usage"]["cpu_usec"]["measured"], 2_000_000);
}
