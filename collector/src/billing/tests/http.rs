//! The API of money and commands over real HTTP: the shapes that scripts rely on, and the long poll.

use crate::testing::{Host, T0, World, batch, cpu, stamp};
use axum::body::Bytes;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostmeter_core::wire::command::Command;
use hostmeter_core::wire::envelope::{Domain, Stamp, open, seal};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PLAN: &str = include_str!("plan.toml");

/// A request with one more header; status and body.
async fn send(w: &World, method: Method, path: &str, header: (&str, &str), body: &str) -> (u16, Value) {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(format!("{}{path}", w.url));
    if header.0 != "authorization" {
        request = request.header("authorization", format!("Bearer {}", w.token));
    }
    let request = request.header(header.0, header.1).body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn keyed(w: &World, path: &str, key: &str, body: Value) -> (u16, Value) {
    send(w, Method::POST, path, ("idempotency-key", key), &body.to_string()).await
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A plan, a customer, an account made by the API.
async fn shop() -> World {
    let w = World::start().await;
    let (status, set) =
        send(&w, Method::PUT, "/v1/plans/basic", ("content-type", "application/toml"), PLAN).await;
    assert_eq!((status, &set["change"]), (200, &json!("added")), "{set}");
    let customer = json!({"id": "c-1", "name": "Shop", "plan": "basic", "billing_zone": "Europe/Riga"});
    let (status, made) = w.post("/v1/customers", customer).await;
    assert_eq!((status, &made["id"], &made["plan"]), (201, &json!("c-1"), &json!("basic")));
    let (status, made) = w.post("/v1/accounts", json!({"id": "shop@web1", "customer": "c-1"})).await;
    assert_eq!((status, &made["customer"]), (201, &json!("c-1")), "{made}");
    w
}

async fn import(w: &World, key: &str, hour: &str, quantity: i64) -> (u16, Value) {
    let row = json!({"account": "shop@web1", "meter": "cpu_usec", "hour": hour, "quantity": quantity});
    keyed(w, "/v1/usage-import", key, json!({"source": "cloud-a", "rows": [row]})).await
}

#[tokio::test]
async fn shapes() {
    let w = shop().await;
    let last = "2026-11-21T09:00:00Z";
    assert_eq!(import(&w, "i-1", last, 3_600_000_000).await, (200, json!({"accepted": 1})));
    assert_eq!(import(&w, "i-1", last, 3_600_000_000).await, (200, json!({"accepted": 1})));
    assert_eq!(import(&w, "i-1", last, 1).await.0, 409);
    assert_eq!(import(&w, "i-2", "2026-11-21T10:00:00Z", 1).await.0, 422);
    assert_eq!(w.post("/v1/usage-import", json!({"source": "x", "rows": []})).await.0, 400, "no key");

    let balance = w.get("/v1/customers/c-1/balance").await;
    assert_eq!(
        keys(&balance),
        ["balance", "currency", "customer", "days_left", "deadline", "pending", "state"]
    );
    assert_eq!((&balance["balance"], &balance["pending"]), (&json!("0.000000"), &json!("0.010000")));
    let run = w.post("/v1/charge-runs", json!({"until": "2026-11-21T09:00:00Z"})).await;
    let nothing =
        json!({"charged_accounts": 0, "charged_hours": 0, "amount": "0.000000", "already_running": false});
    assert_eq!(run, (200, nothing.clone()), "the hour ends after that");
    let run = w.post("/v1/charge-runs", json!({"until": "2026-11-21T12:00:00Z"})).await.1;
    assert_eq!(
        run,
        json!({"charged_accounts": 1, "charged_hours": 1, "amount": "0.010000", "already_running": false})
    );
    assert_eq!(w.post("/v1/charge-runs", Value::Null).await, (200, nothing), "an empty body will do");
    assert_eq!(w.post("/v1/charge-runs", json!({"until": "noon"})).await.0, 422);
    money_in(&w).await;
    reads(&w, last).await;
}

async fn money_in(w: &World) {
    let paid = json!({"amount": "10.00", "gateway": "manual", "payment": "p-1"});
    let (status, first) = keyed(w, "/v1/customers/c-1/topups", "t-1", paid.clone()).await;
    assert_eq!((status, &first["balance"]), (201, &json!("9.990000")));
    assert_eq!(keyed(w, "/v1/customers/c-1/topups", "t-1", paid.clone()).await, (200, first));
    let other = json!({"amount": "11.00", "gateway": "manual", "payment": "p-1"});
    let (status, problem) = keyed(w, "/v1/customers/c-1/topups", "t-1", other).await;
    assert_eq!((status, &problem["code"]), (409, &json!("idempotency_key_reused")));
    assert_eq!(w.post("/v1/customers/c-1/topups", paid).await.0, 400);
    let wrong = json!({"amount": 10.5, "gateway": "manual", "payment": "p-2"});
    let (status, problem) = keyed(w, "/v1/customers/c-1/topups", "t-2", wrong).await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("decimal string in quotes"), "{problem}");
}

async fn reads(w: &World, last: &str) {
    let ledger = w.get("/v1/customers/c-1/ledger").await;
    let entry = &ledger["entries"][0];
    assert_eq!(
        (
            &entry["kind"],
            &entry["account"],
            &entry["hour"],
            &entry["amount"],
            &entry["balance_after"],
            &ledger["next"]
        ),
        (
            &json!("charge"),
            &json!("shop@web1"),
            &json!(last),
            &json!("-0.010000"),
            &json!("-0.010000"),
            &Value::Null
        )
    );
    let line = json!({"meter": "cpu_usec", "quantity": 3_600_000_000_i64, "price_version": "basic@2026-11-01T00:00:00Z", "amount": "0.010000"});
    assert_eq!(entry["lines"], json!([line]));
    let page = w.get("/v1/customers/c-1/ledger?limit=1").await;
    let next = page["next"].as_str().unwrap();
    let rest = w.get(&format!("/v1/customers/c-1/ledger?limit=1&cursor={next}")).await;
    assert_eq!((&rest["entries"][0]["kind"], &rest["next"]), (&json!("topup"), &Value::Null));

    let quote =
        w.post("/v1/quote", json!({"plan": "basic", "quantities": {"cpu_usec": 7_200_000_000_i64}})).await.1;
    assert_eq!(
        quote,
        json!({"total": "0.020000", "lines": [{"meter": "cpu_usec", "quantity": 7_200_000_000_i64, "amount": "0.020000"}]})
    );
    let own = json!({"plan": "basic", "account": "shop@web1", "from": last, "to": "2026-11-21T10:00:00Z"});
    assert_eq!(w.post("/v1/quote", own).await.1["total"], json!("0.010000"));
    assert_eq!(w.post("/v1/quote", json!({"plan": "basic"})).await.0, 422);
    assert_eq!(w.get("/v1/ledger/verify").await["ok"], json!(true));
    assert_eq!(w.get("/v1/customers/c-1").await["balance"], json!("9.990000"));
    assert_eq!(w.get("/v1/customers").await["customers"][0]["id"], json!("c-1"));
}

#[tokio::test]
async fn plans_by_toml_and_json() {
    let w = shop().await;
    let stored = w.get("/v1/plans/basic").await;
    assert_eq!((&stored["currency"], &stored["valid_from"]), (&json!("EUR"), &json!("2026-11-01T00:00:00Z")));
    // The stored version is a plan file itself.
    let again = stored["versions"][0].to_string();
    let (status, set) =
        send(&w, Method::PUT, "/v1/plans/basic", ("content-type", "application/json"), &again).await;
    assert_eq!((status, &set["change"]), (200, &json!("unchanged")));
    let bad = PLAN.replace("cpu_usec", "cpu_sec");
    let (status, problem) =
        send(&w, Method::PUT, "/v1/plans/basic", ("content-type", "application/toml"), &bad).await;
    assert_eq!((status, &problem["code"]), (422, &json!("plan_invalid")));
    assert!(problem["detail"].as_str().unwrap().contains("price[0].meter"), "{problem}");
    let other = PLAN.replace("0.01", "0.02");
    let (status, problem) =
        send(&w, Method::PUT, "/v1/plans/basic", ("content-type", "application/toml"), &other).await;
    assert_eq!((status, &problem["code"]), (409, &json!("plan_conflict")));
}

/// What a host asks with: an envelope signed now.
fn proof(w: &World, host: &Host, off_ms: i64) -> String {
    let wall_ns = u64::try_from(w.app.now_ms() + off_ms).unwrap() * 1_000_000;
    let stamp = Stamp { wall_ns, ..stamp(Domain::Resume, host.id, host.epoch, host.seq, host.prev) };
    format!("Hostmeter {}", STANDARD.encode(seal(&stamp, b"{}", &host.key).unwrap()))
}

async fn poll(w: &World, host: &Host, wait: u32) -> (u16, Vec<Command>) {
    let proof = proof(w, host, 0);
    let path = format!("/v1/commands?wait={wait}");
    let (status, answer) = send(w, Method::GET, &path, ("authorization", &proof), "").await;
    let open = |text: &Value| {
        let bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
        let (_, payload) = open(&bytes, Domain::Command, &w.app.keys.command.public()).unwrap();
        Command::decode(&payload).unwrap()
    };
    (status, answer["commands"].as_array().map(|list| list.iter().map(open).collect()).unwrap_or_default())
}

#[tokio::test]
async fn a_credit_reaches_the_host_within_a_second() {
    let w = shop().await;
    let mut host = w.host("web1", true).await;
    let mut usage = cpu(1_001, "shop", 5);
    (usage.home, usage.home_inode) = (Some("/home/shop".to_owned()), Some(42));
    w.send(&host.next(&batch(0, 10, vec![usage]))).await.unwrap();
    w.app.clock.set(T0 + 10_000);
    import(&w, "i-1", "2026-11-21T09:00:00Z", 3_600_000_000).await;
    w.post("/v1/charge-runs", Value::Null).await;
    assert_eq!(
        w.get("/v1/customers/c-1/balance").await["state"],
        json!("suspended"),
        "no overdraft before the first top-up"
    );
    let (status, commands) = poll(&w, &host, 0).await;
    assert_eq!((status, commands.len()), (200, 1));
    assert_eq!(
        (commands[0].action.as_str(), commands[0].account.uid, commands[0].number),
        ("suspend", 1_001, 1)
    );
    assert_eq!(poll(&w, &host, 0).await, (204, vec![]));

    let begin = Instant::now();
    let credit = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let paid = json!({"amount": "5", "gateway": "manual", "payment": "p-1"});
        assert_eq!(keyed(&w, "/v1/customers/c-1/topups", "t-1", paid).await.0, 201);
        Instant::now()
    };
    let ((status, commands), paid) = tokio::join!(poll(&w, &host, 20), credit);
    assert_eq!((status, commands[0].action.as_str(), commands[0].generation), (200, "resume", 2));
    assert!(paid.elapsed() < Duration::from_secs(1), "it waited {:?}", begin.elapsed());
    let list = w.get("/v1/commands?account=shop@web1").await;
    let states: Vec<&str> =
        list["commands"].as_array().unwrap().iter().map(|c| c["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["sent", "superseded"]);
    assert_eq!(w.get("/v1/customers/c-1/events").await["events"][0]["kind"], json!("account.resume"));
    assert_eq!(w.get("/v1/breaker").await["suspensions"], json!(1));
}

#[tokio::test]
async fn only_the_host_itself_gets_its_commands() {
    let w = shop().await;
    let (host, other) = (w.host("web1", true).await, w.host("web2", true).await);
    let ask =
        async |proof: String| send(&w, Method::GET, "/v1/commands", ("authorization", &proof), "").await;
    assert_eq!(ask(proof(&w, &host, 0)).await.0, 204);
    assert_eq!(ask(proof(&w, &host, 119_000)).await.0, 204);
    let check = async |proof: String, want: &str| {
        let (status, problem) = ask(proof).await;
        assert_eq!(status, 401);
        assert!(problem["detail"].as_str().unwrap().contains(want), "{problem}");
    };
    check(proof(&w, &host, 121_000), "off this clock").await;
    check(proof(&w, &host, -121_000), "off this clock").await;
    let stamp = Stamp { wall_ns: 1, ..stamp(Domain::Batch, host.id, 1, 1, [0; 32]) };
    check(format!("Hostmeter {}", STANDARD.encode(seal(&stamp, b"{}", &host.key).unwrap())), "kind Batch")
        .await;
    let borrowed = Host { id: other.id, ..host };
    check(proof(&w, &borrowed, 0), "belongs to another host").await;
    check("Hostmeter !!".to_owned(), "not base64").await;
    check(format!("Hostmeter {}", "A".repeat(5_000)), "more than").await;
    assert_eq!(w.post("/v1/hosts/web1/revoke", Value::Null).await.0, 200);
    check(proof(&w, &borrowed, 0), "not known here or was revoked").await;
}

/// Conservation is shown, never billed: neither what nobody was credited with, nor what was credited twice over.
#[tokio::test]
async fn the_remainder_is_never_billed() {
    const HOURS: [(i64, i64, i64); 4] = [
        // Hour after 10:00, CPU time of the account, signed remainder of the host.
        (1, 3_600_000_000, 0),
        (2, 3_600_000_000, 7_200_000_000),
        (3, 3_600_000_000, -1_800_000_000),
        (4, 0, 7_200_000_000),
    ];
    let w = shop().await;
    let mut web1 = w.host("web1", true).await;
    let mut charges = Vec::new();
    for (hour, used, remainder) in HOURS {
        let (from, to) = (hour * 3_600, hour * 3_600 + 3_600);
        w.app.clock.set(T0 + to * 1_000);
        let mut b = batch(from, to, vec![cpu(1001, "shop", used)]);
        let totals = b.intervals[0].host.as_mut().unwrap();
        totals.remainder_usec = Some(remainder);
        totals.busy_usec = Some(used + 30 + remainder);
        w.send(&web1.next(&b)).await.unwrap();
        let run = w.post("/v1/charge-runs", Value::Null).await.1;
        charges.push(run["amount"].as_str().unwrap().to_owned());
    }
    assert_eq!(charges, ["0.010000", "0.010000", "0.010000", "0.000000"], "by what the account used alone");
    assert_eq!(w.get("/v1/customers/c-1/balance").await["balance"], "-0.030000");
    assert_eq!(w.sql("SELECT sum(cpu_usec) FROM usage_hour"), "10800000000");
    let revenue = "SELECT sum(b.amount) FROM balance b JOIN ledger_account a ON a.id = b.account
        WHERE a.name LIKE 'revenue:%'";
    assert_eq!(w.sql(revenue), "30000", "nobody else is charged for it either");
    // It is kept and shown, signed.
    let fleet = w.get("/v1/fleet?from=2026-11-21T11:00:00Z&to=2026-11-21T15:00:00Z").await;
    assert_eq!(fleet["hosts"][0]["used"]["remainder_usec"], 12_600_000_000_i64);
    assert_eq!(w.get("/v1/ledger/verify").await["differences"], json!([]));
}
