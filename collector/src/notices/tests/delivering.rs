//! A collector with channels, and receivers that answer well, badly, or not at all.

use super::receiver::{Receiver, Request};
use crate::alerts;
use crate::config::{Config, Webhook};
use crate::db::{Db, DbError};
use crate::limits::{
    CHANNEL_DOWN_MS, DELIVERY_BACKOFF_MAX_MS, DELIVERY_BACKOFF_MIN_MS, OUTBOX_ALERTS_KEEP_MS,
};
use crate::notices::settle::{self, backoff_ms};
use crate::testing::World;
use axum::http::Method;
use hostmeter_core::wire::webhook::{Secret, verify};
use serde_json::{Value, json};
use std::time::Duration;

const SECRETS: [&str; 2] =
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="];

/// The settings of a file that ends with these tables.
fn settings(tables: &str) -> crate::config::Notices {
    Config::parse("c.toml", tables).unwrap().notices
}

fn hook(name: &str, url: &str, more: &str) -> String {
    format!(
        "[[webhook]]\nname = \"{name}\"\nurl = \"{url}/hook\"\nsecrets = {SECRETS:?}\ntimeout = \"2s\"\n{more}\n"
    )
}

async fn world(tables: String) -> World {
    World::start_with(move |config, _| config.notices = settings(&tables)).await
}

async fn customer(w: &World, contact: Value) {
    let (status, made) = w.post("/v1/customers", json!({"id": "c-1", "name": "Example Ltd"})).await;
    assert_eq!(status, 201, "{made}");
    let (status, set) = w.call_as(Some(&w.token), Method::PATCH, "/v1/customers/c-1/contact", contact).await;
    assert_eq!(status, 200, "{set}");
    let (status, made) = w.post("/v1/accounts", json!({"id": "shop@web1", "customer": "c-1"})).await;
    assert_eq!(status, 201, "{made}");
}

/// Waits until the channels have nothing to do that is due.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not come about");
}

async fn notices(w: &World) -> Vec<Value> {
    w.get("/v1/customers/c-1/notices").await["notices"].as_array().unwrap().clone()
}

/// `kind channel=state/attempts …` of the newest notice.
async fn newest(w: &World) -> String {
    let list = notices(w).await;
    let Some(first) = list.first() else { return "none".to_owned() };
    let states = first["deliveries"].as_array().unwrap().iter().map(|d| {
        format!(" {}={}/{}", d["channel"].as_str().unwrap(), d["state"].as_str().unwrap(), d["attempts"])
    });
    format!("{}{}", first["kind"].as_str().unwrap(), states.collect::<String>())
}

fn check_signature(request: &Request) {
    let [id, at, signed] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|h| request.header(h).to_owned());
    let now = at.parse().unwrap();
    for secret in SECRETS {
        let known = [Secret::parse(secret).unwrap()];
        assert_eq!(verify(&known, &id, &at, &signed, &request.body, now), Ok(()), "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_each_notice_once_and_signed() {
    let r = Receiver::start();
    let w = world(hook("crm", &r.url, "")).await;
    customer(&w, json!({"language": "ru", "zone": "Asia/Tokyo"})).await;
    until("the delivery", async || newest(&w).await == "customer.opened webhook:crm=accepted/1").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let came = r.take();
    assert_eq!(came.len(), 1, "{came:?}");
    assert_eq!(came[0].line, "POST /hook HTTP/1.1");
    check_signature(&came[0]);
    let body = came[0].json();
    assert_eq!((&body["type"], &body["data"]["customer"]), (&json!("customer.opened"), &json!("c-1")));
    assert_eq!(body["data"]["subject"], json!("Обслуживание начато"));
    assert!(body["data"]["text"].as_str().unwrap().contains("19:00 (Asia/Tokyo)"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_and_redirects_lead_nowhere() {
    let (r, elsewhere) = (Receiver::start(), Receiver::start());
    let away = format!("307 Temporary Redirect\r\nLocation: {}/hook", elsewhere.url);
    r.answers(&["503 Busy\r\nRetry-After: 60", &away, "drop", "404 Not Found"]);
    let w = world(hook("crm", &r.url, "")).await;
    customer(&w, json!({})).await;
    for attempt in 1..=4 {
        let want = format!("customer.opened webhook:crm=pending/{attempt}");
        until(&want, async || newest(&w).await == want).await;
        // Nothing more before its time.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(newest(&w).await, want);
        w.app.clock.set(w.app.now_ms() + 120_000);
    }
    until("success", async || newest(&w).await == "customer.opened webhook:crm=accepted/5").await;
    let came = r.take();
    let ids: Vec<_> = came.iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| *id == ids[0]), "one id for all attempts: {ids:?}");
    assert!(came.iter().all(|r| r.body == came[0].body));
    came.iter().for_each(check_signature);
    assert!(elsewhere.came().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_is_for_good_an_alert_says_so_and_staff_sends_again() {
    let (r, ops) = (Receiver::start(), Receiver::start());
    r.answers(&["410 Gone"]);
    let tables = hook("crm", &r.url, "alerts = false") + &hook("ops", &ops.url, "customers = false");
    let w = world(tables).await;
    customer(&w, json!({})).await;
    until("failure", async || newest(&w).await == "customer.opened webhook:crm=failed/1").await;
    let standing = w.get("/v1/alerts").await["alerts"].to_string();
    assert!(standing.contains("customer.opened of ") && standing.contains("resend c-1"), "{standing}");
    until("the alert", async || !ops.came().is_empty()).await;
    assert_eq!(ops.came()[0].json()["type"], "alert.raised");
    assert_eq!(ops.came()[0].json()["data"]["rule"], "notice");

    let id = notices(&w).await[0]["id"].clone();
    let (status, again) = w.post(&format!("/v1/customers/c-1/notices/{id}/resend"), json!({})).await;
    assert_eq!((status, &again["channels"]), (200, &json!(1)), "{again}");
    until("success", async || newest(&w).await == "customer.opened webhook:crm=accepted/1").await;
    let ids: Vec<_> = r.came().iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "sent anew under an id of its own: {ids:?}");
    until("the end of the alert", async || ops.came().len() == 2).await;
    assert_eq!(ops.came()[1].json()["type"], "alert.cleared");
    // What was accepted everywhere is not sent again.
    let (_, again) = w.post(&format!("/v1/customers/c-1/notices/{id}/resend"), json!({})).await;
    assert_eq!(again["channels"], 0);
    let (status, _) = w.post("/v1/customers/c-1/notices/999/resend", json!({})).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_down_for_days_delivers_everything_once_when_it_is_back() {
    let r = Receiver::start();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tables = hook("crm", &format!("http://127.0.0.1:{port}"), "alerts = false")
        + &hook("ops", &r.url, "customers = false");
    let w = world(tables.clone()).await;
    customer(&w, json!({})).await;
    for hold in [true, false, true] {
        assert_eq!(w.post("/v1/customers/c-1/hold", json!({"hold": hold})).await.0, 200);
    }
    until("an attempt", async || notices(&w).await.last().unwrap()["deliveries"][0]["attempts"] == 1).await;
    w.app.clock.set(w.app.now_ms() + CHANNEL_DOWN_MS + 1);
    until("the alert", async || !r.came().is_empty()).await;
    assert_eq!(r.came()[0].json()["data"]["subject"], "webhook:crm");
    // Three days, and nobody is asked at more than one request an hour.
    for _ in 0..12 {
        w.app.clock.set(w.app.now_ms() + 6 * 3_600_000);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let w = w.restart(|_| {}).await;
    let back = Receiver::start();
    let tables = hook("crm", &back.url, "alerts = false") + &hook("ops", &r.url, "customers = false");
    // The receiver comes back at another address, under its name.
    let w = w.restart_with(move |config| config.notices = settings(&tables)).await;
    w.app.clock.set(w.app.now_ms() + DELIVERY_BACKOFF_MAX_MS);
    until("all four", async || back.came().len() >= 4).await;
    until("the end of the alert", async || r.came().len() >= 2).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let kinds: Vec<_> = back.came().iter().map(|r| r.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["customer.opened", "hold.set", "hold.cleared", "hold.set"], "in order, each once");
    let told: Vec<_> = r.came().iter().map(|r| r.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, ["alert.raised", "alert.cleared"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_gets_method_path_and_json() {
    let r = Receiver::start();
    r.answers(&["403 Forbidden\r\n\r\n{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was blocked by the user\"}"]);
    let tables =
        format!("[telegram]\ntoken = \"12:abc\"\nbase_url = \"{}\"\nalerts_chat = \"-100\"\n", r.url);
    let w = world(tables).await;
    customer(&w, json!({"telegram": "4711"})).await;
    until("the refusal", async || newest(&w).await == "customer.opened telegram=failed/1").await;
    until("the alert", async || r.came().len() == 2).await;
    let came = r.take();
    assert_eq!(came[0].line, "POST /bot12:abc/sendMessage HTTP/1.1");
    assert_eq!(came[0].header("content-type"), "application/json");
    let (to_customer, to_staff) = (came[0].json(), came[1].json());
    assert_eq!((&to_customer["chat_id"], &to_staff["chat_id"]), (&json!("4711"), &json!("-100")));
    assert!(to_customer["text"].as_str().unwrap().starts_with("Your account is open\n\nHello Example Ltd,"));
    assert!(to_staff["text"].as_str().unwrap().contains("blocked by the user"), "{to_staff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_told_once_and_once_when_they_are_over() {
    let r = Receiver::start();
    let w = world(hook("ops", &r.url, "")).await;
    let now_ms = w.app.now_ms();
    for detail in ["first", "second"] {
        let raise = move |tx: &crate::db::Transaction<'_>| {
            alerts::raise(tx, "fork:web1", "fork", "web1", detail, now_ms)
        };
        w.app.db.write::<_, DbError, _>(raise).await.unwrap();
    }
    for _ in 0..2 {
        w.app.db.write::<_, DbError, _>(move |tx| alerts::clear(tx, "fork:web1", now_ms + 5)).await.unwrap();
    }
    let again = move |tx: &crate::db::Transaction<'_>| {
        alerts::raise(tx, "fork:web1", "fork", "web1", "third", now_ms + 9)
    };
    w.app.db.write::<_, DbError, _>(again).await.unwrap();
    w.app.clock.set(now_ms + 10);
    until("three", async || r.came().len() >= 3).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let told: Vec<_> = r
        .came()
        .iter()
        .map(|r| {
            format!("{} {}", r.json()["type"].as_str().unwrap(), r.json()["data"]["detail"].as_str().unwrap())
        })
        .collect();
    assert_eq!(told, ["alert.raised first", "alert.cleared second", "alert.raised third"]);
}

#[test]
fn alerts_that_were_told_long_ago_go_and_notices_to_customers_stay() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(&dir.path().join("control.db")).unwrap();
    let left = db.write_blocking(|tx| -> Result<String, DbError> {
        tx.execute_batch(
            "INSERT INTO customer (id, name, title, made_ms) VALUES (1, 'c-1', '', 0);
             INSERT INTO outbox (id, dedupe_key, customer, kind, at_ms, data) VALUES
               (1, 'a', NULL, 'alert.raised', 0, '{}'), (2, 'b', 1, 'balance.ok', 0, '{}'), (3, 'c', NULL, 'alert.raised', 1, '{}');
             INSERT INTO delivery (notice, channel, hands_over, next_ms) SELECT id, 'smtp', 0, 0 FROM outbox;",
        )?;
        settle::prune(tx, OUTBOX_ALERTS_KEEP_MS + 1)?;
        Ok(tx.query_row("SELECT group_concat(id) || ' ' || (SELECT group_concat(notice) FROM delivery) FROM (SELECT id FROM outbox ORDER BY id)", [], |r| r.get(0))?)
    });
    assert_eq!(left.unwrap(), "2,3 2,3");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_set_what() {
    let w = world(String::new()).await;
    customer(&w, json!({"email": "jane@example.com", "language": "ru"})).await;
    let path = "/v1/customers/c-1/contact";
    let check = async |body: Value, status: u16, want: &str| {
        let (got, answer) = w.call_as(Some(&w.token), Method::PATCH, path, body).await;
        assert_eq!(got, status, "{answer}");
        assert!(answer.to_string().contains(want), "{want} in {answer}");
    };
    check(json!({"email": "nobody"}), 422, "is no address").await;
    check(json!({"language": "de"}), 422, "is no language").await;
    check(json!({"telegram": "me"}), 422, "a chat's number").await;
    check(json!({"zone": "Mars/Olympus"}), 422, "is no time zone").await;
    check(json!({"colour": 1}), 422, "colour").await;
    check(json!({"email": "a@b.example\r\nBcc: x@y.example"}), 422, "is no address").await;
    check(json!({"zone": "Europe/Riga"}), 200, "\"email\":\"jane@example.com\"").await;
    check(json!({"email": null, "language": ""}), 200, "\"email\":null").await;
    assert_eq!(
        w.get(path).await,
        json!({"language": null, "email": null, "telegram": null, "zone": "Europe/Riga"})
    );
}

#[test]
fn pauses_double_up_to_an_hour() {
    let pauses: Vec<i64> = [0, 1, 2, 7, 8, 1_000, i64::MAX, i64::MIN].map(|n| backoff_ms(n) / 1_000).to_vec();
    assert_eq!(pauses, [15, 30, 60, 1_920, 3_600, 3_600, 3_600, 15]);
    assert_eq!(backoff_ms(0), DELIVERY_BACKOFF_MIN_MS);
}

#[test]
fn no_secret_is_shown() {
    let notices = settings(&hook("crm", "http://127.0.0.1:1", ""));
    let shown: &Webhook = &notices.webhooks[0];
    assert!(!format!("{shown:?}").contains("MfKQ9"));
}
