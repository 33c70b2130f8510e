//! Forms that change something.

use super::{Browser, people};
use crate::testing::World;
use serde_json::json;

/// Posts a form of a customer's page, and gives status and where it leads.
async fn acts(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let csrf = browser.get("/").await;
    let csrf = if csrf.status == 303 { browser.get("/admin/alerts").await.csrf() } else { csrf.csrf() };
    let page = browser.post(path, &[&[("csrf", csrf.as_str())], fields].concat()).await;
    (page.status.as_u16(), page.header("location").to_owned())
}

#[tokio::test]
async fn staff_sets_and_clears() {
    let world = World::start().await;
    people(&world).await;
    world.post("/v1/accounts", json!({"id": "shop@web1", "customer": "c-1"})).await;
    let mut boss = Browser::of(&world, "boss").await;
    let path = "/customers/c-1/do";
    let back = (303, "/admin/customers/c-1".to_owned());
    assert_eq!(acts(&mut boss, path, &[("act", "hold")]).await, back);
    assert_eq!(world.sql("SELECT hold FROM customer WHERE name = 'c-1'"), "1");
    assert!(boss.get("/admin/customers/c-1").await.body.contains("Clear the hold"));
    assert_eq!(acts(&mut boss, path, &[("act", "unhold")]).await, back);
    assert_eq!(acts(&mut boss, path, &[("act", "abuse"), ("reason", "")]).await.0, 422);
    assert_eq!(acts(&mut boss, path, &[("act", "abuse"), ("reason", "<spam>")]).await, back);
    assert_eq!(world.sql("SELECT desired FROM account"), "suspended");
    let page = boss.get("/admin/customers/c-1").await.body;
    assert!(page.contains("&#60;spam&#62;") && page.contains("Lift the suspension for abuse"));
    assert_eq!(acts(&mut boss, path, &[("act", "unabuse")]).await, back);
    assert_eq!(world.sql("SELECT desired FROM account"), "active");
    assert_eq!(acts(&mut boss, path, &[("act", "unpark")]).await.0, 409);
    assert_eq!(acts(&mut boss, path, &[("act", "explode")]).await.0, 422);
    assert_eq!(acts(&mut boss, "/accounts/shop@web1/do", &[("act", "hold")]).await.0, 303);
    assert_eq!(world.sql("SELECT hold FROM account"), "1");
    assert!(boss.get("/accounts/shop@web1").await.body.contains("Clear the hold"));
    assert_eq!(acts(&mut boss, "/admin/breaker", &[]).await, (303, "/admin/alerts".to_owned()));
    assert_eq!(acts(&mut boss, "/admin/hosts/web9/thaw", &[]).await.0, 404);
    assert_eq!(acts(&mut boss, "/admin/commands/7/retry", &[]).await.0, 404);
    let audited = "SELECT group_concat(action, ' ') FROM (SELECT action FROM audit WHERE actor = 'boss'
        AND action NOT LIKE 'session%' ORDER BY id)";
    assert_eq!(
        world.sql(audited),
        "hold.set hold.cleared abuse.set abuse.cleared account.hold breaker.reset"
    );
}

#[tokio::test]
async fn a_customer_does_what_is_its_own() {
    let world = World::start().await;
    people(&world).await;
    world.post("/v1/accounts", json!({"id": "shop@web1", "customer": "c-1"})).await;
    let mut anna = Browser::of(&world, "anna").await;
    let path = "/customers/c-1/do";
    let back = (303, "/".to_owned());
    assert_eq!(
        anna.post(path, &[("csrf", "0"), ("act", "close")]).await.status,
        403,
        "a form of another site"
    );
    let caps = [("act", "caps"), ("day", "1.50"), ("month", " "), ("low_below", "2"), ("suspend", "yes")];
    assert_eq!(acts(&mut anna, path, &caps).await, back);
    let set =
        "SELECT cap_day || ' ' || cap_day_suspends || ' ' || coalesce(cap_month, '-') || ' ' || low_below
        FROM customer WHERE name = 'c-1'";
    assert_eq!(world.sql(set), "1500000 1 - 2000000");
    assert!(anna.get("/").await.body.contains("value=\"1.500000\""));
    assert_eq!(acts(&mut anna, path, &[("act", "caps"), ("day", "much")]).await.0, 422);
    assert_eq!(acts(&mut anna, path, &[("act", "promise")]).await.0, 409, "nothing is owed");
    for act in ["hold", "abuse", "unpark"] {
        assert_eq!(acts(&mut anna, path, &[("act", act), ("reason", "x")]).await.0, 403, "{act}");
    }
    assert_eq!(acts(&mut anna, "/customers/c-2/do", &[("act", "close")]).await.0, 404, "somebody else's");
    assert_eq!(acts(&mut anna, "/accounts/shop@web1/do", &[("act", "hold")]).await.0, 403);
    assert_eq!(acts(&mut anna, path, &[("act", "close")]).await, back);
    assert_eq!(world.sql("SELECT state FROM customer WHERE name = 'c-1'"), "closed");
    assert_eq!(acts(&mut anna, path, &[("act", "reopen")]).await, back);
    let mut auditor = Browser::of(&world, "audit").await;
    assert_eq!(acts(&mut auditor, path, &[("act", "close")]).await.0, 403);
    assert_eq!(acts(&mut auditor, path, &[("act", "hold")]).await.0, 403);
}
