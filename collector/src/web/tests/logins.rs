//! Logging in and out, and who may go where.

use super::{Browser, PASSWORD, people};
use crate::limits::{LOGIN_TRIES_PER_LOGIN, LOGIN_WINDOW_MS, SESSION_LIFE_MS};
use crate::testing::{T0, World};

#[tokio::test]
async fn a_login_leads_on_and_a_logout_ends_it() {
    let world = World::start().await;
    people(&world).await;
    let mut anna = Browser::new(&world);
    let asked = anna.get("/accounts/shop@web1?range=24h").await;
    assert_eq!(asked.status, 303);
    assert_eq!(asked.header("location"), "/login?next=/accounts/shop%40web1%3Frange%3D24h");
    let form = anna.get(asked.header("location")).await;
    assert!(form.body.contains("value=\"/accounts/shop@web1?range=24h\""), "{}", form.body);

    let wrong = anna.log_in("anna", "not the password", "").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("User name or password is wrong."));
    let unknown = anna.log_in("nobody\"><b>", PASSWORD, "").await;
    assert_eq!(unknown.status, 401);
    assert!(unknown.body.contains("User name or password is wrong.") && !unknown.body.contains("\"><b>"));

    let good = anna.log_in("anna", PASSWORD, "/accounts/shop@web1?range=24h").await;
    assert_eq!((good.status.as_u16(), good.header("location")), (303, "/accounts/shop@web1?range=24h"));
    let cookie = anna.cookie();
    assert!(cookie.starts_with("hm_session="), "{cookie}");
    assert_eq!(world.sql("SELECT count(*) FROM session"), "1");
    let secret = cookie.trim_start_matches("hm_session=");
    assert_eq!(
        world.sql(&format!("SELECT count(*) FROM session WHERE hash = '{secret}' OR csrf = '{secret}'")),
        "0"
    );
    assert_eq!(world.sql("SELECT actor FROM audit WHERE action = 'session.open'"), "anna");

    let first = anna.get("/").await;
    assert_eq!(first.status, 200);
    let csrf = first.csrf();
    for fields in [vec![], vec![("csrf", "")], vec![("csrf", "0123")]] {
        assert_eq!(anna.post("/logout", &fields).await.status, 403);
    }
    assert_eq!(anna.get("/").await.status, 200, "still logged in");
    let out = anna.post("/logout", &[("csrf", &csrf)]).await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/login"));
    assert_eq!(anna.cookie(), "");
    // The cookie is dead on the server, too.
    anna.cookies.push(("hm_session".to_owned(), secret.to_owned()));
    let after = anna.get("/").await;
    assert_eq!((after.status.as_u16(), after.header("location")), (303, "/login"));
}

#[tokio::test]
async fn tries_are_counted() {
    let world = World::start().await;
    people(&world).await;
    let mut thief = Browser::new(&world);
    for n in 0..LOGIN_TRIES_PER_LOGIN {
        assert_eq!(thief.log_in("anna", "wrong password", "").await.status, 401, "try {n}");
    }
    let late = thief.log_in("anna", PASSWORD, "").await;
    assert_eq!((late.status.as_u16(), late.header("retry-after")), (429, "60"));
    assert!(late.body.contains("Too many tries."));
    // Others are not hit, and the window ends.
    assert_eq!(thief.log_in("bob", PASSWORD, "").await.status, 303);
    world.app.clock.set(T0 + LOGIN_WINDOW_MS);
    assert_eq!(thief.log_in("anna", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn a_login_form_of_another_site_is_refused() {
    let world = World::start().await;
    people(&world).await;
    let mut victim = Browser::new(&world);
    let fields = [("user", "anna"), ("password", PASSWORD)];
    assert_eq!(victim.post("/login", &fields).await.status, 403, "no cookie, no token");
    let csrf = victim.get("/login").await.csrf();
    assert_eq!(victim.post("/login", &fields).await.status, 403, "a cookie, no token");
    victim.cookies.clear();
    let signed = [("user", "anna"), ("password", PASSWORD), ("csrf", csrf.as_str())];
    assert_eq!(victim.post("/login", &signed).await.status, 403, "a token of somebody else");
    assert_eq!(world.sql("SELECT count(*) FROM session"), "0");
    for next in ["//evil.example/", "https://evil.example/", "/\\evil.example"] {
        let done = Browser::new(&world).log_in("anna", PASSWORD, next).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/"), "{next}");
    }
    let big = "x".repeat(100_000);
    assert_eq!(victim.post("/login", &[("user", &big)]).await.status, 413);
}

#[tokio::test]
async fn sessions_end() {
    let world = World::start().await;
    people(&world).await;
    let mut anna = Browser::of(&world, "anna").await;
    let mut bob = Browser::of(&world, "bob").await;
    assert_eq!(anna.get("/").await.status, 200);
    // A disabled user is out at once.
    assert_eq!(world.post("/v1/users/bob/disable", serde_json::Value::Null).await.0 / 100, 2);
    assert_eq!(bob.get("/").await.status, 303);
    world.app.clock.set(T0 + SESSION_LIFE_MS - 1);
    assert_eq!(anna.get("/").await.status, 200);
    world.app.clock.set(T0 + SESSION_LIFE_MS);
    assert_eq!(anna.get("/").await.status, 303);
}

#[tokio::test]
async fn roles_and_strangers() {
    let world = World::start().await;
    people(&world).await;
    let mine = serde_json::json!({"id": "shop@web1", "customer": "c-1"});
    assert_eq!(world.post("/v1/accounts", mine).await.0, 201);
    let table = [
        ("/", [200, 200, 303, 303, 303]),
        ("/accounts/shop@web1", [200, 404, 200, 200, 303]),
        ("/accounts/shop@web1?range=24h", [200, 404, 200, 200, 303]),
        ("/accounts/shop@web1?range=7d", [400, 400, 400, 400, 303]),
        ("/accounts/none@web1", [404, 404, 404, 404, 303]),
        ("/accounts/%ff", [400, 400, 400, 400, 303]),
        ("/admin", [403, 403, 303, 303, 303]),
        ("/admin/hosts", [403, 403, 200, 200, 303]),
        ("/admin/hosts/none", [403, 403, 404, 404, 303]),
        ("/admin/accounts", [403, 403, 200, 200, 303]),
        ("/admin/customers", [403, 403, 200, 200, 303]),
        ("/admin/customers/c-1", [403, 403, 200, 200, 303]),
        ("/admin/customers/none", [403, 403, 404, 404, 303]),
        ("/admin/customers/%22%3Cb%3E", [403, 403, 404, 404, 303]),
        ("/admin/alerts", [403, 403, 200, 200, 303]),
    ];
    let mut browsers = Vec::new();
    for user in ["anna", "bob", "boss", "audit"] {
        browsers.push(Browser::of(&world, user).await);
    }
    browsers.push(Browser::new(&world));
    for (path, want) in table {
        for (n, (browser, want)) in browsers.iter_mut().zip(want).enumerate() {
            let page = browser.get(path).await;
            assert_eq!(page.status.as_u16(), want, "{path} as {n}: {}", page.body);
            assert!(!page.body.contains("<b>"), "{path}");
        }
    }
    // A stranger's account is as unknown as one that does not exist.
    let strangers = browsers[1].get("/accounts/shop@web1").await.body;
    let unknown = browsers[1].get("/accounts/none@web1").await.body;
    assert_eq!(strangers.replace("shop@", "none@"), unknown);
}
