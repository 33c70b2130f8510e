//! Refunds and adjustments by forms: booked once, by administrators alone, with the session's token.

use super::{Browser, people};
use crate::testing::World;
use axum::http::Method;
use serde_json::json;

fn value<'a>(body: &'a str, name: &str, end: &str) -> &'a str {
    let marker = format!("name=\"{name}\" value=\"");
    let found = body.split(&marker).skip(1).map(|rest| rest.split_once('"').unwrap().0);
    found.into_iter().find(|v| v.ends_with(end)).unwrap()
}

#[tokio::test]
async fn money_moves_once_and_by_administrators_alone() {
    let world = World::start().await;
    people(&world).await;
    let topup = json!({"amount": "10", "gateway": "manual", "payment": "p-1"});
    let client = world.keyed("/v1/customers/c-1/topups", "k-1", topup).await;
    assert_eq!(client.0, 201, "{}", client.1);
    let mut boss = Browser::of(&world, "boss").await;
    let page = boss.get("/admin/customers/c-1/money").await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("p-1") && !page.body.contains("<script"), "{}", page.body);
    let (csrf, key) = (page.csrf(), value(&page.body, "key", "-a").to_owned());
    let form = |csrf: &str, kind: &str, amount: &str| {
        [("csrf", csrf), ("key", &key), ("kind", kind), ("amount", amount), ("reason", "an outage")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
    };
    let adjust = "/admin/customers/c-1/adjust";
    let post = async |browser: &mut Browser, path: &str, fields: &[(String, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        browser.post(path, &fields).await
    };
    assert_eq!(post(&mut boss, adjust, &form("wrong", "promo", "5")).await.status, 403);
    assert_eq!(post(&mut boss, adjust, &form(&csrf, "promo", "five")).await.status, 422);
    for _ in 0..2 {
        let done = post(&mut boss, adjust, &form(&csrf, "promo", "5")).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/admin/customers/c-1/money"));
    }
    assert_eq!(post(&mut boss, adjust, &form(&csrf, "promo", "6")).await.status, 409, "another content");
    let refund = |csrf: &str, key: &str, amount: &str| {
        [("csrf", csrf), ("key", key), ("gateway", "manual"), ("payment", "p-1"), ("refund", "r-1")]
            .into_iter()
            .chain([("amount", amount), ("reason", "asked for")])
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect::<Vec<_>>()
    };
    let path = "/admin/customers/c-1/refund";
    let too_much = post(&mut boss, path, &refund(&csrf, "k-r", "10.000001")).await;
    assert_eq!(too_much.status, 409);
    assert!(too_much.body.contains("10.000000 of it is left"), "{}", too_much.body);
    for _ in 0..2 {
        assert_eq!(post(&mut boss, path, &refund(&csrf, "k-r", "4")).await.status, 303);
    }
    assert_eq!(world.get("/v1/customers/c-1/balance").await["balance"], "11.000000");
    // Everybody sees why, and by whom.
    let mut anna = Browser::of(&world, "anna").await;
    let page = anna.get("/").await;
    for text in ["an outage", "asked for", "(by boss)", "Promotion", "Refund"] {
        assert!(page.body.contains(text), "{text} is missing in {}", page.body);
    }
    // An auditor looks and books nothing; a customer does neither.
    let mut audit = Browser::of(&world, "audit").await;
    let page = audit.get("/admin/customers/c-1/money").await;
    assert!(page.status == 200 && !page.body.contains("Book the refund"), "{}", page.body);
    let csrf = page.csrf();
    assert_eq!(post(&mut audit, adjust, &form(&csrf, "promo", "5")).await.status, 403);
    assert_eq!(anna.get("/admin/customers/c-1/money").await.status, 403);
    assert_eq!(post(&mut anna, adjust, &form("x", "promo", "5")).await.status, 403);
    let refused = world.call_as(Some("hmt_no"), Method::POST, "/v1/customers/c-1/refunds", json!({})).await;
    assert_eq!(refused.0, 401);
    assert_eq!(world.get("/v1/customers/c-1/balance").await["balance"], "11.000000");
}
