//! The collector's API and pages: a request line, then the body. Nothing from outside ends in a 5xx of the collector's
//! own making, and every refusal is a problem with a code.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Method, Request, StatusCode};
use hostmeter_collector::api::App;
use hostmeter_collector::clock::Clock;
use hostmeter_collector::config::Config;
use hostmeter_collector::init::init;
use hostmeter_collector::web;
use hostmeter_core::wire::envelope::{Domain, seal};
use http_body_util::BodyExt;
use serde_json::Value;
use std::cell::RefCell;
use std::net::SocketAddr;
use tower::ServiceExt;

/// 2026-11-21T10:00:00Z
const T0: i64 = 1_795_255_200_000;
const ANSWER_MAX_BYTES: usize = 8 * 1024 * 1024;

struct World {
    runtime: tokio::runtime::Runtime,
    routes: Router,
    token: HeaderValue,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut config = Config::parse("collector.toml", "listen = \"127.0.0.1:0\"").unwrap();
        config.data_dir = dir.path().join("data");
        let made = init(&config, T0).unwrap();
        let app = App::open(config, Clock::manual(T0)).unwrap();
        // A request that waits for news is answered at once.
        app.stop_waiting();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let token = HeaderValue::from_str(&format!("Bearer {}", made.admin_token)).unwrap();
        Self { runtime, routes: web::with_api(&app), token, _dir: dir }
    }
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

pub(super) fn any(bytes: &[u8]) {
    let at = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
    let Ok(line) = std::str::from_utf8(&bytes[..at]) else { return };
    let Some((method, uri)) = line.split_once(' ') else { return };
    let body = bytes.get(at + 1..).unwrap_or_default().to_vec();
    let Ok(method) = method.parse::<Method>() else { return };
    let json = HeaderValue::from_static("application/json");
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let kind = if uri.starts_with("/log") { form } else { json };
    let request = Request::builder()
        .method(&method)
        .uri(uri)
        .header("content-type", kind)
        .header("content-length", body.len())
        .header("host", "127.0.0.1")
        .header("idempotency-key", "fuzz-1");
    WORLD.with_borrow_mut(|world| {
        let world = world.get_or_insert_with(World::new);
        let request = request.header("authorization", world.token.clone()).body(Body::from(body));
        let Ok(mut request) = request else { return };
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4_000))));
        let routes = world.routes.clone();
        let (status, kind, answer) = world.runtime.block_on(async {
            let response = routes.oneshot(request).await.unwrap();
            let kind = response.headers().get("content-type").cloned();
            let status = response.status();
            (status, kind, response.into_body().collect().await.unwrap().to_bytes())
        });
        judge(&format!("{method} {uri}"), status, kind.as_ref(), &answer);
    });
}

fn judge(what: &str, status: StatusCode, kind: Option<&HeaderValue>, answer: &[u8]) {
    assert!(answer.len() <= ANSWER_MAX_BYTES, "{what}: an answer of {} bytes", answer.len());
    let text = String::from_utf8_lossy(answer);
    assert!(
        !status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE,
        "{what}: {status} {text}"
    );
    if status.is_client_error() && kind.is_some_and(|k| k == "application/problem+json") {
        let problem: Value = serde_json::from_slice(answer).unwrap();
        let word = |key: &str| problem[key].as_str().is_some_and(|t| !t.is_empty());
        assert!(word("code") && word("detail") && problem["status"] == status.as_u16(), "{what}: {text}");
    }
    if status.is_client_error() && what.contains(" /v1/") && !what.starts_with("HEAD ") {
        assert!(kind.is_some_and(|k| k == "application/problem+json"), "{what}: {status} {kind:?} {text}");
    }
    if kind.is_some_and(|k| k.as_bytes().starts_with(b"text/html")) {
        assert!(!text.contains("<script>alert"), "{what}: markup came through: {text}");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "GET /v1/accounts?limit=2&cursor=a@b&host=web1\n",
        "GET /v1/accounts/shop@web1/usage?from=2026-11-21T00:00:00Z&to=2026-11-21T10:00:00Z&step=60&meters=cpu_usec,io_ops\n",
        "GET /v1/accounts/shop@web1/top?from=1970-01-01T00:00:00Z&to=2026-11-21T10:00:00Z\n",
        "GET /v1/fleet?from=2026-11-21T00:00:00Z&to=2026-11-21T10:00:00Z&meter=cpu_usec&limit=5\n",
        "GET /v1/commands?state=open&limit=5&cursor=3&wait=1&after=0\n",
        "GET /v1/customers/c-1/ledger?order=desc&limit=9&cursor=-1\n",
        "GET /v1/alerts?limit=1\n",
        "GET /admin/accounts?after=%3Cscript%3Ealert\n",
        "GET /login?next=%2Fadmin%3Cscript%3Ealert\n",
        "POST /login\nlogin=admin&password=x&next=/",
        "POST /v1/enrolment-tokens\n{\"host\":\"web1\",\"approve\":true}",
        "POST /v1/plans\nid = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"2026-12-01T00:00:00Z\"\n",
        "POST /v1/customers\n{\"id\":\"c-1\",\"name\":\"Ann\",\"plan\":\"basic\",\"currency\":\"EUR\",\"zone\":\"Europe/Berlin\"}",
        "POST /v1/customers/c-1/topups\n{\"amount\":\"10.00\",\"gateway\":\"manual\",\"payment\":\"p-1\"}",
        "POST /v1/customers/c-1/adjustments\n{\"amount\":\"-1\",\"reference\":\"r-1\",\"reason\":\"x\"}",
        "POST /v1/customers/c-1/hold\n{\"hold\":true,\"reason\":\"x\"}",
        "PUT /v1/customers/c-1/plan\n{\"plan\":\"basic\"}",
        "PUT /v1/accounts/shop@web1/customer\n{\"customer\":\"c-1\"}",
        "POST /v1/accounts\n{\"id\":\"shop@web1\",\"uid\":1001}",
        "POST /v1/accounts/shop@web1/suspend\n{\"reason\":\"x\"}",
        "POST /v1/quote\n{\"plan\":\"basic\",\"usage\":{\"cpu_usec\":\"1\"}}",
        "POST /v1/charge-runs\n{\"upto\":\"2026-11-21T09:00:00Z\"}",
        "POST /v1/usage-import\n{\"rows\":[{\"account\":\"shop@web1\",\"hour\":\"2026-11-21T09:00:00Z\",\"meters\":{\"cpu_usec\":5}}]}",
        "POST /v1/tokens\n{\"login\":\"admin\"}",
        "POST /v1/breaker/reset\n",
        "GET /v1/hosts/web1/degraded?from=2026-11-21T00:00:00Z&to=2026-11-21T10:00:00Z\n",
    ];
    let mut out: Vec<Vec<u8>> = texts.iter().map(|t| t.as_bytes().to_vec()).collect();
    for (path, domain) in [("/v1/batches", Domain::Batch), ("/v1/enroll", Domain::Enroll)] {
        let stamp = super::envelope::stamp(domain, 1, [0; 32]);
        let sealed = seal(&stamp, b"{\"v\":1}", &super::envelope::key(1)).unwrap();
        out.push([format!("POST {path}\n").as_bytes(), &sealed].concat());
    }
    out
}
