//! Every route × every role × somebody else's id.

use crate::billing::statement::Statement;
use crate::db::{DbError, Transaction};
use crate::testing::{World, batch, cpu};
use axum::http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Access {
    /// Anybody; agents prove themselves by what they send.
    Open,
    /// Every user; a customer sees own things in it.
    List,
    /// Every user; to a customer somebody else's id is unknown.
    Own,
    /// Admin, and a customer for itself; to a customer somebody else's id is unknown.
    Change,
    /// Admin, and a reseller for its own customers.
    Manage,
    /// Admin, auditor, and a reseller for itself.
    Resale,
    /// Admin and auditor.
    Reader,
    /// Admin.
    Admin,
}
use Access::{Admin, Change, List, Manage, Open, Own, Reader, Resale};

/// Every route of the API with somebody else's id in its path.
const ROUTES: &[(&str, &str, Access)] = &[
    ("POST", "/v1/enroll", Open),
    ("POST", "/v1/batches", Open),
    ("POST", "/v1/gaps", Open),
    ("POST", "/v1/resume", Open),
    ("POST", "/v1/keys", Open),
    ("GET", "/healthz", Open),
    ("GET", "/readyz", Open),
    ("GET", "/openapi.json", Open),
    // Over loopback without a proxy in front, as here.
    ("GET", "/metrics", Open),
    ("GET", "/v1/accounts", List),
    ("POST", "/v1/accounts", Admin),
    ("GET", "/v1/accounts/{id}", Own),
    ("GET", "/v1/accounts/{id}/usage", Own),
    ("GET", "/v1/accounts/{id}/top", Own),
    ("PUT", "/v1/accounts/{id}/customer", Manage),
    ("POST", "/v1/accounts/{id}/suspend", Admin),
    ("POST", "/v1/accounts/{id}/resume", Admin),
    ("POST", "/v1/accounts/{id}/delete", Admin),
    ("POST", "/v1/accounts/{id}/undelete", Admin),
    ("GET", "/v1/fleet", Reader),
    ("GET", "/v1/alerts", Reader),
    ("POST", "/v1/enrolment-tokens", Admin),
    ("GET", "/v1/hosts", Reader),
    ("GET", "/v1/hosts/{name}", Reader),
    ("GET", "/v1/hosts/{name}/degraded", Reader),
    ("POST", "/v1/hosts/{name}/approve", Admin),
    ("POST", "/v1/hosts/{name}/thaw", Admin),
    ("POST", "/v1/hosts/{name}/revoke", Admin),
    ("POST", "/v1/hosts/{name}/keys/{key}/revoke", Admin),
    ("GET", "/v1/users", Reader),
    ("POST", "/v1/users", Manage),
    ("PUT", "/v1/users/{login}/password", Admin),
    ("POST", "/v1/users/{login}/disable", Admin),
    ("POST", "/v1/tokens", List),
    ("GET", "/v1/customers", List),
    ("POST", "/v1/customers", Manage),
    ("GET", "/v1/customers/{id}", Own),
    ("GET", "/v1/customers/{id}/balance", Own),
    ("GET", "/v1/customers/{id}/ledger", Own),
    ("GET", "/v1/customers/{id}/events", Own),
    ("GET", "/v1/customers/{id}/notices", Own),
    ("POST", "/v1/customers/{id}/notices/{notice}/resend", Admin),
    ("GET", "/v1/customers/{id}/contact", Own),
    ("PATCH", "/v1/customers/{id}/contact", Change),
    ("PUT", "/v1/customers/{id}/plan", Manage),
    ("PUT", "/v1/customers/{id}/billing-zone", Manage),
    ("POST", "/v1/accounts/{id}/move", Admin),
    ("POST", "/v1/plan-replay", Reader),
    ("POST", "/v1/customers/{id}/topups", Manage),
    ("POST", "/v1/customers/{id}/adjustments", Manage),
    ("POST", "/v1/customers/{id}/refunds", Manage),
    ("GET", "/v1/customers/{id}/refundable", Own),
    ("GET", "/v1/customers/{id}/statements", Own),
    ("GET", "/v1/customers/{id}/statements/{number}", Own),
    ("GET", "/v1/customers/{id}/statements/{number}/corrections", Own),
    ("GET", "/v1/customers/{id}/charges", Own),
    ("GET", "/v1/customers/{id}/charges/{hour}", Own),
    ("GET", "/v1/ledger/export", Reader),
    ("POST", "/v1/payments/webhook/{gateway}", Open),
    ("GET", "/v1/payments", Reader),
    ("POST", "/v1/payments/{id}/assign", Admin),
    ("POST", "/v1/payments/{id}/dismiss", Admin),
    ("POST", "/v1/customers/{id}/hold", Admin),
    ("GET", "/v1/customers/{id}/standing", Own),
    ("POST", "/v1/customers/{id}/promise", Change),
    ("POST", "/v1/customers/{id}/abuse", Admin),
    ("POST", "/v1/customers/{id}/unpark", Admin),
    ("PUT", "/v1/customers/{id}/caps", Change),
    ("POST", "/v1/accounts/{id}/hold", Admin),
    ("PUT", "/v1/accounts/{id}/budget", Change),
    ("GET", "/v1/plans", List),
    ("GET", "/v1/plans/{id}", List),
    ("PUT", "/v1/plans/{id}", Manage),
    ("POST", "/v1/quote", Own),
    ("POST", "/v1/charge-runs", Admin),
    ("GET", "/v1/ledger/verify", Reader),
    ("POST", "/v1/usage-import", Admin),
    ("GET", "/v1/usage-held", Reader),
    ("POST", "/v1/usage-held/release", Admin),
    ("POST", "/v1/usage-held/discard", Admin),
    ("GET", "/v1/breaker", Reader),
    ("POST", "/v1/breaker/reset", Admin),
    ("GET", "/v1/commands", Reader),
    ("GET", "/v1/commands/{id}", Reader),
    ("POST", "/v1/commands/{id}/retry", Admin),
    ("GET", "/v1/resellers", Resale),
    ("POST", "/v1/resellers", Admin),
    ("GET", "/v1/resellers/{id}/margin", Resale),
    ("PUT", "/v1/customers/{id}/reseller", Admin),
    // Last, because the customer itself may: it makes commands.
    ("POST", "/v1/customers/{id}/close", Change),
    ("POST", "/v1/customers/{id}/reopen", Change),
];

/// The route's path with an id of `whose` (1: of customer c-1, 2: of c-2, 3: of c-3 of reseller r-1, 4: of c-4 of r-2) in it.
fn path_of(route: &str, whose: u8) -> String {
    let id = match route {
        r if r.starts_with("/v1/accounts/") => format!("shop{whose}@web1"),
        r if r.starts_with("/v1/customers/") => format!("c-{whose}"),
        r if r.starts_with("/v1/plans/") => plan_of(whose).to_owned(),
        r if r.starts_with("/v1/resellers/") => if whose == 3 { "r-1" } else { "r-2" }.to_owned(),
        r if r.starts_with("/v1/commands/") || r.starts_with("/v1/payments/") => "1".to_owned(),
        r if r.starts_with("/v1/users/") => format!("user{whose}"),
        _ => "web1".to_owned(),
    };
    let query = match route {
        r if r.starts_with("/v1/customers/{id}/charges") => format!("?account=shop{whose}@web1"),
        "/v1/ledger/export" => "?format=jsonl".to_owned(),
        _ => String::new(),
    };
    format!("{route}{query}")
        .replace("{number}", &whose.to_string())
        .replace("{hour}", "2026-11-21T10:00:00Z")
        .replace("{id}", &id)
        .replace("{name}", &id)
        .replace("{login}", &id)
        .replace("{key}", "0011223344556677")
        .replace("{notice}", "1")
}

/// The plan that somebody is on.
const fn plan_of(whose: u8) -> &'static str {
    match whose {
        3 => "shop-1",
        4 => "shop-2",
        _ => "basic",
    }
}

fn plan_file(id: &str) -> Value {
    json!({"id": id, "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z",
        "price": [{"meter": "cpu_usec", "amount": "0.01", "per": "3600000000"}]})
}

/// What an admin or a reseller sends to change something.
fn change_of(route: &str, whose: u8) -> Value {
    let reseller = if whose == 3 { "r-1" } else { "r-2" };
    match route {
        "/v1/customers" => {
            json!({"id": format!("c-{whose}-new"), "name": "x", "plan": plan_of(whose), "reseller": reseller})
        }
        "/v1/users" => {
            json!({"login": format!("new{whose}"), "password": "long enough", "role": "customer", "customer": format!("c-{whose}")})
        }
        "/v1/customers/{id}/plan" => json!({"plan": plan_of(whose)}),
        "/v1/customers/{id}/billing-zone" => json!({"billing_zone": "Europe/Riga"}),
        "/v1/customers/{id}/topups" => {
            json!({"amount": "3", "gateway": "manual", "payment": format!("p-{whose}")})
        }
        "/v1/customers/{id}/adjustments" => json!({"amount": "1", "reason": "x", "kind": "promo"}),
        "/v1/customers/{id}/refunds" => {
            json!({"amount": "1", "gateway": "manual", "payment": format!("p-{whose}"), "refund": "b", "reason": "x"})
        }
        "/v1/accounts/{id}/customer" => json!({"customer": format!("c-{whose}")}),
        "/v1/plans/{id}" => plan_file(plan_of(whose)),
        other => panic!("no body for {other}"),
    }
}

fn body_of(method: &str, route: &str, whose: u8) -> Value {
    match (method, route) {
        (_, "/v1/quote") => json!({"plan": plan_of(whose), "account": format!("shop{whose}@web1"),
            "from": "2026-11-21T00:00:00Z", "to": "2026-11-21T12:00:00Z"}),
        ("PATCH", _) => json!({"zone": "UTC"}),
        (_, "/v1/plan-replay") => {
            json!({"id": "draft", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z"})
        }
        (_, "/v1/tokens") => json!({"label": "x"}),
        (_, "/v1/accounts/{id}/budget") => json!({"budget": null}),
        (_, "/v1/customers/{id}/caps") => json!({}),
        _ => Value::Null,
    }
}

async fn furnish(world: &World) -> [String; 3] {
    let plan = plan_file("basic");
    let (status, answer) = world.call_as(Some(&world.token), Method::PUT, "/v1/plans/basic", plan).await;
    assert!(status < 300, "{answer}");
    let mut web1 = world.host("web1", true).await;
    for n in 1..=2 {
        let (status, answer) =
            world.post("/v1/customers", json!({"id": format!("c-{n}"), "name": "x", "plan": "basic"})).await;
        assert_eq!(status, 201, "{answer}");
        let (status, answer) = world
            .post("/v1/accounts", json!({"id": format!("shop{n}@web1"), "customer": format!("c-{n}")}))
            .await;
        assert_eq!(status, 201, "{answer}");
        let user = json!({"login": format!("user{n}"), "password": "long enough", "role": "customer", "customer": format!("c-{n}")});
        assert_eq!(world.post("/v1/users", user).await.0, 201);
    }
    let [reseller, _] = [resell(world, 1).await, resell(world, 2).await];
    for n in 1..=4 {
        let body = Statement { number: n, customer: format!("c-{n}"), ..Statement::default() };
        let body = serde_json::to_string(&body).unwrap();
        let write = move |tx: &Transaction<'_>| -> Result<(), DbError> {
            let sql = "INSERT INTO statement SELECT ?1, id, 202610, 0, 1, 0, 0, 0, 0, 0, ?2 FROM customer WHERE name = 'c-' || ?1";
            tx.execute(sql, (n, body))?;
            // A charge without lines.
            let sql = "INSERT INTO charge SELECT a.id, 498682, 0, NULL, a.customer, 0, x'0100'
                       FROM account a JOIN customer c ON c.id = a.customer WHERE c.name = 'c-' || ?1";
            tx.execute(sql, [n])?;
            Ok(())
        };
        world.app.db.write(write).await.unwrap();
    }
    let usage = vec![cpu(1001, "shop1", 5), cpu(1002, "shop2", 6), cpu(1003, "nobodys", 7)];
    world.send(&web1.next(&batch(0, 10, usage))).await.unwrap();
    let auditor = json!({"login": "auditor", "password": "long enough", "role": "auditor"});
    assert_eq!(world.post("/v1/users", auditor).await.0, 201);
    let mut tokens = Vec::new();
    for user in ["user1", "auditor"] {
        let (status, answer) = world.post("/v1/tokens", json!({"login": user, "label": "test"})).await;
        assert_eq!(status, 201, "{answer}");
        tokens.push(answer["token"].as_str().unwrap().to_owned());
    }
    tokens.push(reseller);
    tokens.try_into().unwrap()
}

/// Reseller r-`n` with a user, a plan, a customer and its account; returns the user's token.
async fn resell(world: &World, n: u8) -> String {
    let (id, customer, plan) = (format!("r-{n}"), n + 2, plan_of(n + 2));
    let made = world.post("/v1/customers", json!({"id": id, "name": "x", "plan": "basic"})).await;
    assert_eq!(made.0, 201, "{}", made.1);
    let user = |role| json!({"login": id, "password": "long enough", "role": role, "customer": id});
    assert_eq!(world.post("/v1/users", user("reseller")).await.0, 422, "it is no reseller yet");
    assert_eq!(world.post("/v1/resellers", json!({"customer": id})).await.0, 201);
    assert_eq!(world.post("/v1/users", user("reseller")).await.0, 201);
    let (status, answer) = world.post("/v1/tokens", json!({"login": id, "label": "test"})).await;
    assert_eq!(status, 201, "{answer}");
    let token = answer["token"].as_str().unwrap().to_owned();
    let path = format!("/v1/plans/{plan}");
    let (status, answer) = world.call_as(Some(&token), Method::PUT, &path, plan_file(plan)).await;
    assert!(status < 300, "{answer}");
    let new = json!({"id": format!("c-{customer}"), "name": "x", "plan": plan});
    let (status, answer) = world.call_as(Some(&token), Method::POST, "/v1/customers", new).await;
    assert_eq!((status, &answer["reseller"]), (201, &json!(id)), "{answer}");
    let account = json!({"id": format!("shop{customer}@web1"), "customer": format!("c-{customer}")});
    assert_eq!(world.post("/v1/accounts", account).await.0, 201);
    token
}

/// A reseller: its own customers and what is theirs, and never a stranger's, be it the company's or another reseller's.
#[tokio::test]
async fn every_route_as_a_reseller() {
    let world = World::start().await;
    let [_, _, reseller] = furnish(&world).await;
    let bearer = format!("Bearer {reseller}");
    for (n, (method, route, access)) in ROUTES.iter().enumerate().filter(|(_, (_, _, a))| *a != Open) {
        let call = async |whose: u8| {
            let body = match access {
                Manage => change_of(route, whose),
                _ => body_of(method, route, whose),
            };
            let key = format!("{n}-{whose}");
            let headers = [("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
            let verb = Method::from_bytes(method.as_bytes()).unwrap();
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            let (status, answer) = world.with_headers(verb, &path_of(route, whose), &headers, body).await;
            (status.as_u16(), serde_json::from_slice(&answer).unwrap_or(Value::Null))
        };
        for whose in [2, 4] {
            let (status, answer) = call(whose).await;
            let (text, what) =
                (answer.to_string(), format!("{method} {} as a reseller", path_of(route, whose)));
            let hidden =
                route.contains('{') && !(whose == 2 && *route == "/v1/plans/{id}" && *method == "GET");
            match access {
                Reader | Admin => assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{what}"),
                List | Resale if !hidden => assert!(status < 300, "{what}: {text}"),
                _ => assert_eq!((status, &answer["code"]), (404, &json!("not_found")), "{what}: {text}"),
            }
            let words = ["shop2@web1", "shop4@web1", "c-2", "c-4", "nobodys", "r-2", "shop-2"];
            let detail = words.iter().find(|w| text.contains(**w));
            assert!(status == 404 || detail.is_none(), "{what} tells of others: {text}");
        }
        let (status, answer) = call(3).await;
        let what = format!("{method} {} of its own: {status} {answer}", path_of(route, 3));
        match access {
            Reader | Admin => assert_eq!(status, 403, "{what}"),
            Change => assert!(matches!(status, 200 | 409), "{what}"),
            _ => assert!(status < 300, "{what}"),
        }
    }
    // Its own balance is the company's to book.
    for (route, body) in [
        ("/v1/customers/r-1/topups", json!({"amount": "1", "gateway": "manual", "payment": "p"})),
        ("/v1/customers/r-1/adjustments", json!({"amount": "1", "reason": "x"})),
    ] {
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "self")];
        let body = body.to_string().into_bytes();
        assert_eq!(world.with_headers(Method::POST, route, &headers, body).await.0, 403, "{route}");
    }
    let own = ["/v1/customers/r-1/balance", "/v1/customers/r-1/ledger", "/v1/customers/r-1"];
    for path in own {
        assert_eq!(world.call_as(Some(&reseller), Method::GET, path, Value::Null).await.0, 200, "{path}");
    }
    let seen = world.call_as(Some(&reseller), Method::GET, "/v1/customers", Value::Null).await.1;
    let ids: Vec<_> =
        seen["customers"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["c-3", "c-3-new", "r-1"]);
    // The company's books and the strangers' balances are as they were.
    assert_eq!(world.sql("SELECT count(*) FROM ledger_account WHERE name LIKE 'cash:manual%'"), "0");
    let moved = "SELECT group_concat(name || ' ' || amount) FROM (SELECT a.name, b.amount FROM balance b
                 JOIN ledger_account a ON a.id = b.account WHERE b.amount <> 0 ORDER BY a.name)";
    // Closing c-3 booked back what was left of its payment.
    assert_eq!(world.sql(moved), "customer:c-3 1000000,reseller:r-1 -1000000");
}

/// A reseller's customer sees its plans, and none of the company's, which are what the reseller pays by.
#[tokio::test]
async fn a_resellers_customer_sees_its_resellers_plans() {
    let world = World::start().await;
    let [_, _, reseller] = furnish(&world).await;
    let user = json!({"login": "buyer", "password": "long enough", "role": "customer", "customer": "c-3"});
    let (status, answer) = world.call_as(Some(&reseller), Method::POST, "/v1/users", user).await;
    assert_eq!(status, 201, "{answer}");
    let (_, answer) = world.post("/v1/tokens", json!({"login": "buyer", "label": "x"})).await;
    let token = answer["token"].as_str().unwrap();
    let get = async |path: &str| world.call_as(Some(token), Method::GET, path, Value::Null).await;
    let (_, plans) = get("/v1/plans").await;
    let ids: Vec<_> = plans["plans"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["shop-1"]);
    assert_eq!((get("/v1/plans/shop-1").await.0, get("/v1/plans/basic").await.0), (200, 404));
    let quote = json!({"plan": "basic", "quantities": {"cpu_usec": 1}});
    assert_eq!(world.call_as(Some(token), Method::POST, "/v1/quote", quote).await.0, 404);
    for path in ["/v1/customers/r-1", "/v1/customers/r-1/balance", "/v1/customers/c-4"] {
        assert_eq!(get(path).await.0, 404, "{path}");
    }
    assert_eq!(get("/v1/resellers/r-1/margin").await.0, 403);
}

#[tokio::test]
async fn every_route_every_role_a_strangers_id() {
    let world = World::start().await;
    let [customer, auditor, _] = furnish(&world).await;
    for (method, route, access) in ROUTES {
        let (verb, path) = (Method::from_bytes(method.as_bytes()).unwrap(), path_of(route, 2));
        let call = async |token: Option<&str>, whose: u8| {
            let body = body_of(method, route, whose);
            world.call_as(token, verb.clone(), &path_of(route, whose), body).await
        };
        if *access == Open {
            // No route that is open tells anything of accounts or customers.
            let (_, answer) = call(None, 2).await;
            let text = answer.to_string();
            assert!(!text.contains("shop2@web1") && !text.contains("c-2"), "{method} {path}: {text}");
            continue;
        }
        for token in [None, Some("hmt_nonsense")] {
            assert_eq!(call(token, 2).await.0, 401, "{method} {path} as nobody");
        }
        let (status, answer) = call(Some(&customer), 2).await;
        let text = answer.to_string();
        match access {
            Own | Change => {
                assert_eq!((status, &answer["code"]), (404, &json!("not_found")), "{method} {path}: {text}");
            }
            Reader | Admin | Manage | Resale => {
                assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{method} {path}");
            }
            List => assert!(status < 300, "{method} {path}: {text}"),
            Open => {}
        }
        let detail = ["shop2@web1", "c-2", "nobodys"].iter().find(|w| text.contains(**w));
        assert!(status == 404 || detail.is_none(), "{method} {path} tells a customer of others: {text}");
        if matches!(access, Own) {
            assert_eq!(call(Some(&customer), 1).await.0, 200, "{method} {route} with the customer's own id");
        }
        if matches!(access, Change) {
            // A promise has its own conditions.
            let status = call(Some(&customer), 1).await.0;
            assert!(matches!(status, 200 | 409), "{method} {route} with the customer's own id: {status}");
        }
        let (status, answer) = call(Some(&auditor), 2).await;
        match access {
            Admin | Change | Manage => assert_eq!(status, 403, "{method} {path} as auditor"),
            // There is no command yet.
            _ if route.starts_with("/v1/commands/") => assert_eq!(status, 404),
            _ => assert!(status < 300, "{method} {path} as auditor: {answer}"),
        }
    }
    // Nobody changed anything: the host, the users, the accounts are as they were.
    assert_eq!(world.get("/v1/hosts/web1").await["state"], "live");
    assert_eq!(world.sql("SELECT count(*) FROM user WHERE disabled"), "0");
    assert_eq!(world.get("/v1/accounts").await["accounts"].as_array().unwrap().len(), 5);
}

/// A route that the table above does not know was added without a thought on who may call it.
#[test]
fn the_table_knows_every_route() {
    let sources = [
        include_str!("../api/accounts.rs"),
        include_str!("../api/batches.rs"),
        include_str!("../api/commands.rs"),
        include_str!("../api/degraded.rs"),
        include_str!("../api/fleet.rs"),
        include_str!("../api/held.rs"),
        include_str!("../api/hosts.rs"),
        include_str!("../api/imports.rs"),
        include_str!("../api/keys.rs"),
        include_str!("../api/lifecycle.rs"),
        include_str!("../api/money.rs"),
        include_str!("../api/notices.rs"),
        include_str!("../api/ops.rs"),
        include_str!("../api/explain.rs"),
        include_str!("../api/export.rs"),
        include_str!("../api/payments.rs"),
        include_str!("../api/rating.rs"),
        include_str!("../api/refunds.rs"),
        include_str!("../api/statements.rs"),
        include_str!("../api/resellers.rs"),
        include_str!("../api/resume.rs"),
        include_str!("../api/standing.rs"),
        include_str!("../api/usage.rs"),
        include_str!("../api/users.rs"),
    ];
    let merged = include_str!("../api/mod.rs").matches("::routes())").count();
    assert_eq!(merged, sources.len(), "a file with routes is missing above");
    let mut found = BTreeSet::new();
    for part in sources.iter().flat_map(|s| s.split(".route(").skip(1)) {
        let mut quoted = part.split('"');
        let path = quoted.nth(1).unwrap();
        let rest = quoted.next().unwrap();
        let handlers = rest.split_once(')').map_or(rest, |(_, _)| rest.lines().next().unwrap());
        for (word, verb) in [
            ("get(", "GET"),
            ("read(", "GET"),
            ("post(", "POST"),
            ("put(", "PUT"),
            ("patch(", "PATCH"),
            ("delete(", "DELETE"),
        ] {
            if handlers.split(".route").next().unwrap().contains(word) {
                found.insert((verb, path));
            }
        }
    }
    let known: BTreeSet<(&str, &str)> = ROUTES.iter().map(|(m, p, _)| (*m, *p)).collect();
    assert_eq!(found, known);
    let documented: Value = serde_json::from_str(&crate::api::openapi::text()).unwrap();
    for (method, path) in known {
        let verb = method.to_lowercase();
        assert!(
            !documented["paths"][path][verb].is_null(),
            "{method} {path} is not in the OpenAPI description"
        );
    }
}

#[tokio::test]
async fn users_tokens_and_sessions() {
    let world = World::start().await;
    let [customer, _, _] = furnish(&world).await;
    let own =
        async |token: &str| world.call_as(Some(token), Method::GET, "/v1/accounts", Value::Null).await.0;
    let make =
        async |token: &str, body: Value| world.call_as(Some(token), Method::POST, "/v1/tokens", body).await;
    let (status, answer) = make(&customer, json!({"label": "mine", "expires_in": "10s"})).await;
    assert_eq!(status, 201);
    let brief = answer["token"].as_str().unwrap().to_owned();
    assert_eq!(own(&brief).await, 200);
    assert_eq!(make(&customer, json!({"label": "x", "login": "user2"})).await.0, 403, "another's token");
    assert_eq!(make(&world.token, json!({"label": "", "login": "user2"})).await.0, 422);
    assert_eq!(make(&world.token, json!({"label": "x", "login": "none"})).await.0, 404);
    world.app.clock.set(world.app.now_ms() + 10_000);
    assert_eq!(own(&brief).await, 401, "expired");
    assert_eq!(
        world.sql("SELECT count(*) FROM token WHERE length(hash) = 32"),
        world.sql("SELECT count(*) FROM token")
    );

    let log_in = async |login: &str, password: &str| {
        crate::users::log_in(&world.app, login.to_owned(), password.to_owned())
            .await
            .unwrap()
            .map(|c| c.login)
    };
    assert_eq!(log_in("user1", "long enough").await.as_deref(), Some("user1"));
    assert_eq!(log_in("user1", "long enougH").await, None);
    assert_eq!(log_in("nobody", "long enough").await, None);
    let session = world.app.db.write(|tx| crate::users::create_session(tx, 2, 1_000)).await.unwrap();
    let look = async |cookie: &str, now_ms: i64| {
        let cookie = cookie.to_owned();
        world
            .app
            .db
            .read(move |c| crate::users::session(c, &cookie, now_ms))
            .await
            .unwrap()
            .map(|(c, csrf)| (c.login, csrf))
    };
    assert_eq!(look(&session.cookie, 1_000).await, Some(("user1".to_owned(), session.csrf.clone())));
    assert_eq!(look(&session.csrf, 1_000).await, None);
    assert_eq!(look(&session.cookie, session.expires_ms).await, None);

    let short = json!({"password": "short"});
    let put =
        async |path: &str, body: Value| world.call_as(Some(&world.token), Method::PUT, path, body).await.0;
    assert_eq!(put("/v1/users/user1/password", short).await, 422);
    assert_eq!(put("/v1/users/user1/password", json!({"password": "another long one"})).await, 204);
    assert_eq!(look(&session.cookie, 1_000).await, None, "a new password ends sessions");
    assert_eq!(log_in("user1", "long enough").await, None);
    assert_eq!(world.post("/v1/users/user1/disable", json!(null)).await.0, 204);
    assert_eq!(own(&customer).await, 401);
    assert_eq!(log_in("user1", "another long one").await, None);
    assert_eq!(world.post("/v1/users/admin/disable", json!(null)).await.0, 409);
    let table = [
        (json!({"login": "user2", "password": "long enough", "role": "admin"}), 409),
        (json!({"login": "x", "password": "long enough", "role": "customer"}), 422),
        (json!({"login": "x", "password": "long enough", "role": "admin", "customer": "c-1"}), 422),
        (json!({"login": "x", "password": "long enough", "role": "customer", "customer": "c-9"}), 422),
        (json!({"login": "x\n", "password": "long enough", "role": "admin"}), 422),
        (json!({"login": "x", "password": "long enough", "role": "root"}), 422),
        (json!({"login": "x", "password": "long enough", "role": "admin", "colour": 1}), 422),
        (json!([1]), 422),
    ];
    for (body, want) in table {
        let (status, answer) = world.post("/v1/users", body.clone()).await;
        assert_eq!(status, want, "{body}: {answer}");
    }
    assert_eq!(world.raw(Method::POST, "/v1/users", Some(&world.token), b"{".to_vec()).await.0.as_u16(), 400);
    assert!(world.sql("SELECT group_concat(action) FROM audit").contains("user.disable"));
}
