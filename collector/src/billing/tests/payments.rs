//! Signed messages of payment gateways: booked once, kept where nobody can be found, refused where they are forged.

use crate::config::PaymentGateway;
use crate::testing::{T0, World};
use axum::http::Method;
use hostmeter_core::ledger::Gateway;
use hostmeter_core::wire::webhook::{Secret, signatures};
use serde_json::{Value, json};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_bmV3IHNlY3JldCBvZiAzMiBieXRlcywgb3IgbW9yZQ==";

async fn world() -> World {
    let w = World::start_with(|config, dir| {
        std::fs::write(dir.join("old"), OLD).unwrap();
        std::fs::write(dir.join("new"), format!("{NEW}\n")).unwrap();
        config.payment_gateways = vec![PaymentGateway {
            name: Gateway::parse("bank").unwrap(),
            secret_files: vec![dir.join("old"), dir.join("new")],
        }];
    })
    .await;
    for id in ["c-1", "c-2"] {
        assert_eq!(w.post("/v1/customers", json!({"id": id, "name": id})).await.0, 201);
    }
    w
}

/// Sends a message that was signed with this secret at this second; status and answer.
async fn send(w: &World, secret: &str, id: &str, at_sec: i64, body: &str) -> (u16, Value) {
    let secret = Secret::parse(secret).unwrap();
    let header = signatures(&[secret], id, at_sec, body.as_bytes());
    deliver(w, id, at_sec, &header, body).await
}

async fn deliver(w: &World, id: &str, at_sec: i64, signature: &str, body: &str) -> (u16, Value) {
    let at = at_sec.to_string();
    let headers = [("webhook-id", id), ("webhook-timestamp", &at), ("webhook-signature", signature)];
    let path = "/v1/payments/webhook/bank";
    let (status, answer) = w.with_headers(Method::POST, path, &headers, body.as_bytes().to_vec()).await;
    (status.as_u16(), serde_json::from_slice(&answer).unwrap())
}

fn paid(customer: &str, payment: &str, amount: &str, currency: &str) -> String {
    json!({"type": "payment.succeeded", "timestamp": "2026-11-21T10:00:00Z", "data":
        {"customer": customer, "payment": payment, "amount": amount, "currency": currency, "note": "the gateway's own"}})
    .to_string()
}

const NOW: i64 = T0 / 1_000;

#[tokio::test]
async fn a_payment_is_booked_once_whatever_comes_again() {
    let w = world().await;
    let body = paid("c-1", "p-1", "10.00", "EUR");
    let (status, first) = send(&w, OLD, "m-1", NOW, &body).await;
    assert_eq!(
        (status, &first["status"], &first["booked"]["balance"]),
        (200, &json!("booked"), &json!("10.000000"))
    );
    // Sent again, later, with the new secret: the same answer.
    assert_eq!(send(&w, NEW, "m-1", NOW + 200, &body).await, (200, first.clone()));
    // The same payment in another message, and by hand: the same top-up.
    let (status, again) = send(&w, OLD, "m-2", NOW, &body).await;
    assert_eq!((status, &again["booked"]["txn"]), (200, &first["booked"]["txn"]));
    let by_hand = json!({"amount": "10.00", "gateway": "bank", "payment": "p-1"});
    let (status, by_hand) = w.keyed("/v1/customers/c-1/topups", "k-1", by_hand).await;
    assert_eq!((status, &by_hand["txn"]), (200, &first["booked"]["txn"]));
    // The same message with another content.
    let other = paid("c-1", "p-1", "11.00", "EUR");
    let (status, answer) = send(&w, OLD, "m-1", NOW, &other).await;
    assert_eq!((status, &answer["code"]), (409, &json!("message_reused")));
    // A part goes back at the gateway.
    let back = json!({"type": "payment.refunded", "data": {"customer": "c-1", "payment": "p-1", "refund": "r-1",
        "amount": "4.00", "currency": "EUR"}});
    let (status, answer) = send(&w, OLD, "m-3", NOW, &back.to_string()).await;
    assert_eq!((status, &answer["booked"]["balance"]), (200, &json!("6.000000")), "{answer}");
    assert_eq!(w.get("/v1/customers/c-1/balance").await["balance"], "6.000000");
    assert_eq!(w.get("/v1/ledger/verify").await["ok"], true);
}

#[tokio::test]
async fn forged_and_stale_messages_are_refused_and_leave_nothing() {
    let w = world().await;
    let body = paid("c-1", "p-1", "10.00", "EUR");
    let good = |at| signatures(&[Secret::parse(OLD).unwrap()], "m-1", at, body.as_bytes());
    let stranger = "whsec_c3RyYW5nZXIgc2VjcmV0IG9mIDMyIGJ5dGVzIG9yIHNv";
    let table = [
        (
            "m-1",
            NOW,
            signatures(&[Secret::parse(stranger).unwrap()], "m-1", NOW, body.as_bytes()),
            "bad_signature",
        ),
        ("m-2", NOW, good(NOW), "bad_signature"),
        ("m-1", NOW + 1, good(NOW), "bad_signature"),
        ("m-1", NOW - 301, good(NOW - 301), "stale"),
        ("m-1", NOW + 301, good(NOW + 301), "stale"),
        ("m-1", NOW, "v1,AAAA".to_owned(), "bad_signature"),
    ];
    for (id, at, signature, want) in table {
        let (status, answer) = deliver(&w, id, at, &signature, &body).await;
        assert_eq!((status, answer["code"].as_str().unwrap()), (401, want), "{id} {at}");
    }
    let changed = body.replace("10.00", "99.00");
    assert_eq!(deliver(&w, "m-1", NOW, &good(NOW), &changed).await.0, 401);
    let (status, answer) = w.call_as(None, Method::POST, "/v1/payments/webhook/bank", json!({})).await;
    assert_eq!((status, answer["code"].as_str().unwrap()), (400, "bad_request"), "no headers");
    let (status, _) = w.call_as(None, Method::POST, "/v1/payments/webhook/nobody", json!({})).await;
    assert_eq!(status, 404);
    assert_eq!(
        (w.sql("SELECT count(*) FROM payment_event"), w.sql("SELECT count(*) FROM txn")),
        ("0".into(), "0".into())
    );
    // A file that was replaced counts at once: the old secret is none any more.
    let dir = w.app.config.data_dir.parent().unwrap().to_owned();
    let file = &w.app.config.payment_gateways[0].secret_files[0];
    assert!(file.starts_with(&dir) || file.exists());
    std::fs::write(file, NEW).unwrap();
    assert_eq!(deliver(&w, "m-1", NOW, &good(NOW), &body).await.0, 401);
    assert_eq!(send(&w, NEW, "m-1", NOW, &body).await.0, 200);
    // A secret that cannot be read is the collector's fault: the gateway sends again.
    std::fs::remove_file(file).unwrap();
    assert_eq!(send(&w, NEW, "m-4", NOW, &body).await.0, 503);
}

#[tokio::test]
async fn what_cannot_be_booked_is_kept_and_assigned() {
    let w = world().await;
    // body, what the reason says
    let table = [
        (paid("c-9", "p-1", "10.00", "EUR"), "c-9"),
        (paid("c-1", "p-2", "10.00", "USD"), "the books are in EUR"),
        (paid("c-1", "p-3", "-1", "EUR"), "must be above zero"),
        (paid("c-1", "p-4", "5", "EUR"), ""),
        (paid("c-1", "p-5", "9223372036854.775807", "EUR"), "overflows"),
        (json!({"type": "payment.succeeded", "data": {}}).to_string(), "`data` is not understood"),
        ("not JSON".to_owned(), "not understood"),
        (
            json!({"type": "payment.refunded", "data": {"customer": "c-1", "payment": "p-8", "refund": "r-1",
                "amount": "1", "currency": "EUR"}})
            .to_string(),
            "bank:p-8",
        ),
    ];
    for (n, (body, want)) in table.iter().enumerate() {
        let id = format!("m-{n}");
        let (status, answer) = send(&w, OLD, &id, NOW, body).await;
        if want.is_empty() {
            assert_eq!(status, 200, "{answer}");
            continue;
        }
        assert_eq!((status, &answer["status"]), (202, &json!("kept")), "{answer}");
        assert!(answer["why"].as_str().unwrap().contains(want), "{answer}");
        assert_eq!(send(&w, NEW, &id, NOW, body).await, (202, answer), "again");
    }
    let ping = json!({"type": "ping", "data": {}}).to_string();
    assert_eq!(send(&w, OLD, "m-p", NOW, &ping).await.1["status"], "ignored");
    let kept = w.get("/v1/payments?state=kept").await;
    assert_eq!(kept["payments"].as_array().unwrap().len(), 7);
    assert_eq!(w.sql("SELECT count(*) FROM alert WHERE kind = 'payment' AND cleared_ms IS NULL"), "7");
    let first = kept["payments"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&first["message"], &first["gateway"]), (&json!("m-0"), &json!("bank")));
    let assign = async |id: i64, body: Value| w.post(&format!("/v1/payments/{id}/assign"), body).await;
    let id = |n: i64| n + 1;
    assert_eq!(assign(id(0), json!({"customer": "c-8"})).await.0, 404);
    let (status, booked) = assign(id(0), json!({"customer": "c-2"})).await;
    assert_eq!((status, &booked["balance"]), (200, &json!("10.000000")), "{booked}");
    assert_eq!(assign(id(0), json!({"customer": "c-2"})).await, (200, booked), "again");
    assert_eq!(assign(id(0), json!({"customer": "c-1"})).await.0, 409, "to somebody else");
    // Another currency: staff says what it is worth.
    assert_eq!(assign(id(1), json!({"customer": "c-2"})).await.1["code"], "amount");
    let (status, booked) = assign(id(1), json!({"customer": "c-2", "amount": "9.10"})).await;
    assert_eq!((status, &booked["balance"]), (200, &json!("19.100000")), "{booked}");
    assert_eq!(assign(id(6), json!({"customer": "c-2", "amount": "1"})).await.1["code"], "payment");
    assert_eq!(assign(id(7), json!({"customer": "c-2", "amount": "1"})).await.1["code"], "is_refund");
    assert_eq!(assign(id(3), json!({"customer": "c-1"})).await.1["code"], "not_kept", "it was booked");
    for n in [2, 4, 5, 6, 7] {
        assert_eq!(w.post(&format!("/v1/payments/{}/dismiss", id(n)), Value::Null).await.0, 200);
    }
    assert_eq!(
        assign(id(6), json!({"customer": "c-2", "amount": "1", "payment": "x"})).await.1["code"],
        "not_kept"
    );
    assert_eq!(w.get("/v1/payments?state=kept").await["payments"], json!([]));
    assert_eq!(w.sql("SELECT count(*) FROM alert WHERE kind = 'payment' AND cleared_ms IS NULL"), "0");
    assert_eq!(w.get("/v1/ledger/verify").await["ok"], true);
}
