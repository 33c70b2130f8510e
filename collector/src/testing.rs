//! A collector for tests: real HTTP on loopback, a clock set by hand, hosts that seal what they send.

use crate::api::AppState;
use crate::clock::Clock;
use crate::config::Config;
use crate::init::init;
use crate::serve::Server;
use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::ack::Ack;
use hostmeter_core::wire::batch::{AccountUsage, AgentInfo, Batch, Coverage, HostTotals, Interval};
use hostmeter_core::wire::enroll::{EnrollAnswer, EnrollRequest, Token};
use hostmeter_core::wire::envelope::{Domain, Stamp, header_hash, open, seal};
use hostmeter_core::wire::key::{SigningKey, hex};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// 2026-11-21T10:00:00Z
pub(crate) const T0: i64 = 1_795_255_200_000;

/// A running collector.
pub(crate) struct World {
    dir: tempfile::TempDir,
    config: Config,
    pub(crate) app: AppState,
    pub(crate) url: String,
    pub(crate) token: String,
    client: Client<HttpConnector, Full<Bytes>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    /// With other settings; the path is the directory in which everything lies.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config, &std::path::Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::parse("collector.toml", "listen = \"127.0.0.1:0\"").unwrap();
        config.data_dir = dir.path().join("data");
        change(&mut config, dir.path());
        let made = init(&config, T0).unwrap();
        Self::serve(dir, config, made.admin_token, T0).await
    }

    async fn serve(dir: tempfile::TempDir, config: Config, token: String, now_ms: i64) -> Self {
        let server = Server::bind(config.clone(), Clock::manual(now_ms)).await.unwrap();
        let (app, url) = (server.app().clone(), format!("http://{}", server.address()));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { dir, config, app, url, token, client, stop, task }
    }

    pub(crate) fn data_dir(&self) -> &std::path::Path {
        &self.config.data_dir
    }

    /// Stops it and starts it again on the same files.
    pub(crate) async fn restart(self, change_files: impl FnOnce(&std::path::Path)) -> Self {
        let Self { dir, config, app, token, client, stop, task, .. } = self;
        let now_ms = app.now_ms();
        drop(client);
        stop.send(()).unwrap();
        task.await.unwrap();
        drop(app);
        change_files(&config.data_dir);
        Self::serve(dir, config, token, now_ms).await
    }

    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> (StatusCode, Vec<u8>) {
        let bearer = token.map(|t| format!("Bearer {t}"));
        let headers: Vec<(&str, &str)> = bearer.iter().map(|b| ("authorization", b.as_str())).collect();
        self.with_headers(method, path, &headers, body).await
    }

    /// A request with these headers.
    pub(crate) async fn with_headers(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// A JSON request; `token` None: nobody.
    pub(crate) async fn call_as(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (status, answer) = self.raw(method, path, token, body).await;
        (status.as_u16(), serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call_as(Some(&self.token), Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call_as(Some(&self.token), Method::POST, path, body).await
    }

    /// A POST by the admin with an Idempotency-Key.
    pub(crate) async fn keyed(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        let body = body.to_string().into_bytes();
        let (status, answer) = self.with_headers(Method::POST, path, &headers, body).await;
        (status.as_u16(), serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    pub(crate) async fn invite(&self, body: Value) -> Token {
        let (status, answer) = self.post("/v1/enrolment-tokens", body).await;
        assert_eq!(status, 201, "{answer}");
        Token::parse(answer["token"].as_str().unwrap()).unwrap()
    }

    pub(crate) async fn host(&self, name: &str, approve: bool) -> Host {
        let token = self.invite(json!({"host": name, "approve": approve})).await;
        let seed = crate::keys::random().unwrap();
        Host::enroll(self, &token, seed).await.unwrap()
    }

    /// Sends a sealed batch; the acknowledgement, or status and code.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Result<Ack, (u16, Value)> {
        let (status, answer) = self.raw(Method::POST, "/v1/batches", None, bytes.to_vec()).await;
        if status != StatusCode::OK {
            return Err((status.as_u16(), serde_json::from_slice(&answer).unwrap()));
        }
        let (header, payload) = open(&answer, Domain::Ack, &self.app.keys.identity.public()).unwrap();
        let ack = Ack::decode(&payload).unwrap();
        assert_eq!(ack.request_hash.0, header_hash(bytes));
        assert_eq!(header.stamp.seq, ack.durable_seq);
        Ok(ack)
    }

    /// As [`World::send`], the error as `status code`.
    pub(crate) async fn send_code(&self, bytes: &[u8]) -> Result<u64, String> {
        let sent = self.send(bytes).await;
        sent.map(|a| a.durable_seq).map_err(|(status, p)| format!("{status} {}", p["code"].as_str().unwrap()))
    }

    /// One value of control.db as text, once everything is counted.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.counted();
        let read = |c: &crate::db::Connection| -> Result<rusqlite::types::Value, crate::db::DbError> {
            Ok(c.query_row(sql, [], |r| r.get(0))?)
        };
        match self.app.db.read_blocking(read).unwrap() {
            rusqlite::types::Value::Text(t) => t,
            rusqlite::types::Value::Integer(n) => n.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// Waits until everything acknowledged is in the hour totals.
    fn counted(&self) {
        let last = self.app.db.read_blocking(crate::store::forward::last_serial).unwrap();
        assert!(self.app.counter.wait_blocking(last, std::time::Duration::from_secs(20)));
    }

    pub(crate) async fn change(&self, sql: &'static str) {
        self.counted();
        let run = move |tx: &crate::db::Transaction<'_>| -> Result<(), crate::db::DbError> {
            Ok(tx.execute_batch(sql)?)
        };
        self.app.db.write(run).await.unwrap();
    }

    /// The total of a meter over the day of `T0`, as the API has it.
    pub(crate) async fn total(&self, account: &str, meter: &str) -> i64 {
        let path = format!(
            "/v1/accounts/{account}/usage?from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z&step=3600&meters={meter}"
        );
        self.get(&path).await["meters"][meter]["total"].as_i64().unwrap()
    }
}

/// A host that seals what it sends.
pub(crate) struct Host {
    pub(crate) seed: [u8; 32],
    pub(crate) key: SigningKey,
    pub(crate) id: HostId,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) prev: [u8; 32],
}

impl Host {
    pub(crate) async fn enroll(world: &World, token: &Token, seed: [u8; 32]) -> Result<Self, String> {
        let key = SigningKey::from_seed(&seed).unwrap();
        let request = EnrollRequest {
            v: VERSION,
            secret: hex(&token.secret),
            public_key: key.public(),
            agent_version: "0.1.0".into(),
            machine: "test".into(),
        };
        let stamp = stamp(Domain::Enroll, HostId([0; 16]), 0, 0, [0; 32]);
        let bytes = seal(&stamp, &request.encode().unwrap(), &key).unwrap();
        let (status, answer) = world.raw(Method::POST, "/v1/enroll", None, bytes).await;
        if status != StatusCode::OK {
            let problem: Value = serde_json::from_slice(&answer).unwrap();
            return Err(format!("{} {}", status.as_u16(), problem["code"].as_str().unwrap()));
        }
        let collector = world.app.keys.identity.public();
        assert_eq!(token.fingerprint, collector.fingerprint());
        let (_, payload) = open(&answer, Domain::Enroll, &collector).unwrap();
        let answer = EnrollAnswer::decode(&payload).unwrap();
        Ok(Self { seed, key, id: answer.host_id, epoch: answer.epoch, seq: 0, prev: [0; 32] })
    }

    /// Seals the next number of the chain.
    pub(crate) fn next(&mut self, batch: &Batch) -> Vec<u8> {
        self.next_raw(&batch.encode().unwrap())
    }

    pub(crate) fn next_raw(&mut self, payload: &[u8]) -> Vec<u8> {
        self.seq += 1;
        let bytes = self.at(self.epoch, self.seq, self.prev, payload);
        self.prev = header_hash(&bytes);
        bytes
    }

    /// Seals any number; the chain stays as it is.
    pub(crate) fn at(&self, epoch: u64, seq: u64, prev: [u8; 32], payload: &[u8]) -> Vec<u8> {
        seal(&stamp(Domain::Batch, self.id, epoch, seq, prev), payload, &self.key).unwrap()
    }
}

pub(crate) fn stamp(domain: Domain, host: HostId, epoch: u64, seq: u64, prev: [u8; 32]) -> Stamp {
    Stamp { domain, host, epoch, seq, prev, boot: BootId([2; 16]), wall_ns: 1, boottime_ns: 1 }
}

/// An account with CPU time.
pub(crate) fn cpu(uid: u32, user: &str, usec: i64) -> AccountUsage {
    let values: Values = [(Meter::CpuUsec, usec), (Meter::MemoryKibSec, 10)].into_iter().collect();
    AccountUsage { uid, user: Some(user.to_owned()), values, ..AccountUsage::default() }
}

/// One interval of a batch, `from` and `to` in seconds after `T0`.
pub(crate) fn batch(from: i64, to: i64, accounts: Vec<AccountUsage>) -> Batch {
    let used = accounts.iter().filter_map(|a| a.values.get(Meter::CpuUsec)).fold(0_i64, i64::saturating_add);
    let totals = HostTotals {
        cpus: 2,
        busy_usec: Some(used.saturating_add(50)),
        accounts_usec: Some(used),
        system_usec: Some(30),
        remainder_usec: Some(20),
        ..HostTotals::default()
    };
    Batch {
        v: VERSION,
        tier: "proc".into(),
        coverage: Coverage { cpu_ppm: Some(999_600), ..Coverage::default() },
        agent: AgentInfo { version: "0.1.0".into(), interval_ms: 10_000, limited: String::new() },
        part: 1,
        parts: 1,
        outcomes: vec![],
        intervals: vec![Interval {
            from_ms: T0 + from * 1_000,
            to_ms: T0 + to * 1_000,
            host: Some(totals),
            accounts,
            gaps: vec![],
        }],
    }
}
