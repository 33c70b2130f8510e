//! Notices and contact on the pages.

use super::{Browser, people};
use crate::testing::World;
use axum::http::StatusCode;

fn form<'a>(csrf: &'a str, email: &'a str, zone: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("csrf", csrf), ("language", "ru"), ("email", email), ("telegram", ""), ("zone", zone)]
}

#[tokio::test]
async fn a_customer_reads_own_notices_and_sets_the_contact() {
    let world = World::start().await;
    people(&world).await;
    let path = "/v1/accounts";
    let (status, made) = world.post(path, serde_json::json!({"id": "shop@web1", "customer": "c-1"})).await;
    assert_eq!(status, 201, "{made}");
    let mut anna = Browser::of(&world, "anna").await;
    let page = anna.get("/notices").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(
        page.body.contains("Your account is open") && page.body.contains("this page only"),
        "{}",
        page.body
    );
    assert!(page.body.contains("Anna &#60;script&#62;") && !page.body.contains("<script>"), "escaped");
    assert!(!page.body.contains("Send again"), "only staff sends again");

    let csrf = page.csrf();
    let set = anna.post("/notices/contact", &form(&csrf, " anna@example.com ", "Asia/Tokyo")).await;
    assert_eq!((set.status, set.header("location")), (StatusCode::SEE_OTHER, "/notices"), "{}", set.body);
    let page = anna.get("/notices").await;
    assert!(page.body.contains("Обслуживание начато") && page.body.contains("value=\"anna@example.com\""));
    assert!(page.body.contains("Times are in Asia/Tokyo"), "{}", page.body);
    let wrong = anna.post("/notices/contact", &form(&csrf, "anna", "Asia/Tokyo")).await;
    assert_eq!(wrong.status, StatusCode::OK);
    assert!(wrong.body.contains("is no address"), "{}", wrong.body);
    assert_eq!(world.sql("SELECT email FROM customer WHERE name = 'c-1'"), "anna@example.com");
    let forged = anna.post("/notices/contact", &form("0", "x@example.com", "")).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let other = anna.post("/admin/customers/c-2/notices/contact", &form(&csrf, "x@example.com", "")).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    assert_eq!(world.sql("SELECT count(*) FROM customer WHERE email = 'x@example.com'"), "0");
}

#[tokio::test]
async fn staff_sees_every_customers_and_only_admins_change() {
    let world = World::start().await;
    people(&world).await;
    let (status, made) =
        world.post("/v1/accounts", serde_json::json!({"id": "shop@web1", "customer": "c-1"})).await;
    assert_eq!(status, 201, "{made}");
    let mut boss = Browser::of(&world, "boss").await;
    let page = boss.get("/admin/customers/c-1").await;
    assert!(page.body.contains("href=\"/admin/customers/c-1/notices\""));
    let page = boss.get("/admin/customers/c-1/notices").await;
    assert!(page.body.contains("Send again"), "{}", page.body);
    let again = boss.post("/admin/customers/c-1/notices/1/resend", &[("csrf", &page.csrf())]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    let missing = boss.post("/admin/customers/c-2/notices/1/resend", &[("csrf", &page.csrf())]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "a notice of another customer");
    assert_eq!(boss.get("/admin/customers/c-9/notices").await.status, StatusCode::NOT_FOUND);
    assert_eq!(boss.get("/notices").await.header("location"), "/admin/customers");
    let set =
        boss.post("/admin/customers/c-2/notices/contact", &form(&page.csrf(), "bob@example.com", "")).await;
    assert_eq!(set.header("location"), "/admin/customers/c-2/notices", "{}", set.body);

    let mut audit = Browser::of(&world, "audit").await;
    let page = audit.get("/admin/customers/c-1/notices").await;
    assert!(
        page.status == StatusCode::OK && !page.body.contains("Send again") && !page.body.contains("<select")
    );
    let csrf = page.csrf();
    for (path, fields) in [
        ("/admin/customers/c-1/notices/1/resend", vec![("csrf", csrf.as_str())]),
        ("/admin/customers/c-1/notices/contact", form(&csrf, "x@example.com", "")),
    ] {
        assert_eq!(audit.post(path, &fields).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(world.sql("SELECT group_concat(action || ' ' || subject) FROM audit WHERE action IN ('notice.resend', 'customer.contact')"), "notice.resend c-1,customer.contact c-2");
}
