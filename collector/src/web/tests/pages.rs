//! What pages show: the API's figures, escaped names, headers.

use super::{Browser, people};
use crate::testing::{T0, World, batch, cpu};
use axum::body::Body;
use axum::http::{Method, Request};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Gap, GapMeter, TopCommand};
use serde_json::{Value, json};

const HOSTILE: &str = "<script>alert('x')</script>\"";

const PLAN: &str = r#"
id = "basic"
currency = "EUR"
valid_from = "2026-11-01T00:00:00Z"
[[price]]
meter = "cpu_usec"
amount = "0.01"
per = "1000000"
"#;

/// Two hosts, an account with a charged hour, an open one, a gap and hostile names.
async fn furnish(world: &World) {
    let (status, answer) = world.raw(Method::PUT, "/v1/plans/basic", Some(&world.token), PLAN.into()).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    people(world).await;
    let put = |path: &'static str, body: Value| world.call_as(Some(&world.token), Method::PUT, path, body);
    let (status, answer) = put("/v1/customers/c-1/plan", json!({"plan": "basic"})).await;
    assert_eq!(status, 200, "{answer}");
    let mut web1 = world.host("web1", true).await;
    let mut first = batch(0, 60, vec![cpu(1001, "shop", 5_000_000)]);
    first.agent.limited = format!("sees little {HOSTILE}");
    first.intervals[0].accounts[0].top = vec![TopCommand {
        command: hostmeter_core::name::escape(HOSTILE.as_bytes()),
        cpu_usec: 4_999_999,
        memory_kib_sec: 9,
        processes: 2,
    }];
    world.send(&web1.next(&first)).await.unwrap();
    let (status, answer) = put("/v1/accounts/shop@web1/customer", json!({"customer": "c-1"})).await;
    assert_eq!(status, 200, "{answer}");
    world.app.clock.set(T0 + 3_660_000);
    world.send(&web1.next(&batch(3_600, 3_660, vec![cpu(1001, "shop", 1_000_000)]))).await.unwrap();
    world.app.clock.set(T0 + 7_200_000 + 240_000);
    let mut last = batch(7_200, 7_260, vec![cpu(1001, "shop", 250_000)]);
    last.intervals[0].gaps =
        vec![Gap { meter: GapMeter::One(Meter::MemoryKibSec), uid: None, reason: "smaps denied".into() }];
    last.agent.limited = format!("sees little {HOSTILE}");
    world.send(&web1.next(&last)).await.unwrap();
    let (status, answer) = world.post("/v1/charge-runs", json!({})).await;
    assert_eq!((status, &answer["charged_hours"]), (200, &json!(1)), "{answer}");
    world
        .change(
            "INSERT INTO lifecycle_event (customer, at_ms, kind, detail, idem_key) VALUES
               (1, 1795255200000, 'account.suspend', 'shop@web1', 'k1'),
               (1, 1795255200001, 'account.deleted', 'shop@web1, archive a-1', 'k2');
             INSERT INTO command (host, number, account, generation, action, reason, state, made_ms, updated_ms, detail, surfaces)
               VALUES (1, 1, 1, 1, 'suspend', 'r', 'failed', 1795255200000, 1795255201000, 'still <b>answers</b>',
               '[{\"surface\":\"ssh\",\"ok\":true,\"detail\":\"locked\"}]');
             INSERT INTO alert (key, kind, subject, detail, raised_ms) VALUES ('a', 'fork', '<b>web1</b>', 'd', 1795255200000);",
        )
        .await;
}

fn must(page: &super::Page, texts: &[&str]) {
    assert_eq!(page.status, 200, "{}", page.body);
    for text in texts {
        assert!(page.body.contains(text), "{text:?} is missing in {}", page.body);
    }
    for bad in ["<script", "<b>"] {
        assert!(!page.body.contains(bad), "{bad} in {}", page.body);
    }
}

#[tokio::test]
async fn pages_show_what_the_api_answers() {
    let world = World::start().await;
    furnish(&world).await;
    let mut anna = Browser::of(&world, "anna").await;
    let hour = anna.get("/accounts/shop@web1").await;
    assert_eq!(hour.header("refresh"), "30");
    // Of the last hour: the open one's minute alone. Today: all three, of which two were charged or are pending.
    must(
        &hour,
        &["250,000 µs", "6,250,000 µs", "smaps denied", "Host web1 is not metered in full: sees little"],
    );
    must(&hour, &["−0.010000", "0.012500", "ssh", "failed", "still &#60;b&#62;"]);
    let day = anna.get("/accounts/shop@web1?range=24h").await;
    assert_eq!(day.header("refresh"), "");
    must(&day, &["6,250,000 µs", "&#60;script&#62;", "nothing came from the host"]);
    let api = world
        .get("/v1/accounts/shop@web1/usage?from=2026-11-21T11:04:00Z&to=2026-11-21T12:04:00Z&step=10&meters=cpu_usec")
        .await;
    assert_eq!(api["meters"]["cpu_usec"]["total"], 250_000);

    let first = anna.get("/").await;
    let balance = world.get("/v1/customers/c-1/balance").await;
    assert_eq!((&balance["balance"], &balance["pending"]), (&json!("-0.010000"), &json!("0.002500")));
    must(
        &first,
        &[
            "−0.01<small>0000</small>",
            "0.00<small>2500</small>",
            "shop@web1",
            "0.012500",
            "&#60;script&#62;",
            "Suspended",
        ],
    );
    let stranger = Browser::of(&world, "bob").await.get("/").await;
    must(&stranger, &["Bob", "No account yet."]);
    assert!(!stranger.body.contains("shop@web1"));

    let mut boss = Browser::of(&world, "boss").await;
    must(
        &boss.get("/admin/hosts").await,
        &["web1", "99.96 %", "sees little &#60;script&#62;", ">Not in full<"],
    );
    let host = boss.get("/admin/hosts/web1?range=24h").await;
    must(&host, &["CPU by whom", "shop@web1", "remainder", "Not metered in full", " – <strong>now</strong>"]);
    // Three stretches: what is told first, an hour by /proc, and what is told now.
    assert_eq!(host.body.matches("data-label=\"Lasted\">60 s<").count(), 3, "{}", host.body);
    must(&boss.get("/admin/accounts").await, &["shop@web1", "250,000 µs", "c-1"]);
    must(&boss.get("/admin/customers").await, &["c-1", "c-2", "basic", "−0.010000"]);
    let customer = boss.get("/admin/customers/c-1").await;
    must(
        &customer,
        &[
            "account.suspend",
            "account.deleted",
            "archive a-1",
            "Europe/Riga",
            "shop@web1",
            "0.012500",
            "suspend",
        ],
    );
    must(&boss.get("/admin/alerts").await, &["&#60;b&#62;web1", "Critical", "open"]);
}

#[tokio::test]
async fn an_empty_database_has_pages_too() {
    let world = World::start().await;
    people(&world).await;
    let mut boss = Browser::of(&world, "boss").await;
    for path in
        ["/admin/hosts", "/admin/accounts", "/admin/customers", "/admin/customers/c-1", "/admin/alerts"]
    {
        must(&boss.get(path).await, &["Log out"]);
    }
    must(&Browser::of(&world, "anna").await.get("/").await, &["No account yet."]);
    assert_eq!(world.post("/v1/accounts", json!({"id": "new@web9", "customer": "c-1"})).await.0, 201);
    let page = boss.get("/accounts/new@web9").await;
    must(&page, &["Never measured", "0.000000", "not measured"]);
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let world = World::start().await;
    people(&world).await;
    let mut boss = Browser::of(&world, "boss").await;
    let style = {
        let body = boss.get("/login").await.body;
        let (_, rest) = body.split_once("rel=\"stylesheet\" href=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let table = [
        ("/login", 200),
        ("/", 303),
        ("/admin/hosts", 200),
        ("/admin/alerts", 200),
        ("/accounts/none@web1", 404),
        ("/accounts/x@web1?range=9", 400),
        ("/static/none.css", 404),
        ("/logout", 405),
        ("/nowhere", 404),
        (&style, 200),
    ];
    for (path, status) in table {
        let page = boss.get(path).await;
        assert_eq!(page.status.as_u16(), status, "{path}");
        let policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
        assert_eq!(page.header("content-security-policy"), policy, "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
        let cache = if path == style { "public, max-age=31536000, immutable" } else { "no-store" };
        assert_eq!(page.header("cache-control"), cache, "{path}");
        if status >= 400 {
            assert!(page.body.contains("<!doctype html>"), "{path}: {}", page.body);
        }
    }
    // A program that asks for what does not exist gets the API's answer.
    let request = Request::get("/v1/nowhere").header("accept", "text/html, */*").body(Body::empty()).unwrap();
    assert_eq!(boss.send(request).await.header("content-type"), "application/problem+json");
}
