//! The collector: its own code and databases, called without a socket; killed, lost and restored.

use crate::disk::clear;
use crate::template::Api;
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use hostmeter_collector::api::client_cert::ClientCert;
use hostmeter_collector::api::{App, AppState};
use hostmeter_collector::backup::{self, Manifest, Options};
use hostmeter_collector::billing::clock_goes;
use hostmeter_collector::clock::Clock;
use hostmeter_collector::config::Config;
use hostmeter_collector::db::Transaction;
use hostmeter_collector::jump::{self, Reading};
use hostmeter_collector::{init, web};
use hostmeter_tests::platter::Platter;
use http_body_util::BodyExt;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// Its directory, in that of the world.
const HOME: &str = "collector";

/// A raw answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Seconds of a Retry-After header.
    pub(crate) retry_after_sec: Option<u64>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// The stable word of a problem; empty in a good answer.
    pub(crate) fn code(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A collector that runs, or is down.
pub(crate) struct Collector {
    dir: PathBuf,
    token: String,
    clock: Clock,
    runtime: Runtime,
    up: Option<(AppState, Router)>,
    /// What is synced, while a power cut is awaited.
    platter: Option<Platter>,
    boots: i64,
    booted_ms: i64,
    /// How far its wall clock is off, ms.
    pub(crate) wall_off_ms: i64,
    /// A jump of its clock stands.
    pub(crate) is_held: bool,
    /// Both clocks when it last compared them and went on.
    pub(crate) compared: Option<Reading>,
}

/// Copies a directory with all that is in it, and who may read it.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), &to).with_context(|| entry.path().display().to_string())?;
        }
    }
    Ok(())
}

fn config(dir: &Path) -> Result<Config> {
    let at = |name: &str| dir.join(HOME).join(name).display().to_string();
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata_dir = {:?}\njournal_dir = {:?}\n[backup]\ndir = {:?}\nkeep = 3\n[billing]\ncurrency = \"EUR\"\n",
        at("data"),
        at("journal"),
        at("backups")
    );
    Ok(Config::parse("collector.toml", &text)?)
}

impl Collector {
    /// A fresh one, and its first admin's token.
    pub(crate) fn init(dir: &Path, now_ms: i64) -> Result<(Self, String)> {
        let token = init::init(&config(dir)?, now_ms)?.admin_token;
        Ok((Self::start(dir, &token, now_ms)?, token))
    }

    /// One that is there.
    pub(crate) fn start(dir: &Path, token: &str, now_ms: i64) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let reading = Reading { wall_ms: now_ms, boottime_ms: 0, boot: 0 };
        let mut collector = Self {
            dir: dir.join(HOME),
            token: token.to_owned(),
            clock: Clock::simulated(reading),
            runtime,
            up: None,
            platter: None,
            boots: 0,
            booted_ms: now_ms,
            wall_off_ms: 0,
            is_held: false,
            compared: None,
        };
        collector.open()?;
        Ok(collector)
    }

    /// Starts it again.
    pub(crate) fn open(&mut self) -> Result<()> {
        let config = config(self.dir.parent().context("a directory")?)?;
        let app = App::open(config, self.clock.clone())?;
        self.runtime.block_on(hostmeter_collector::ingest::release::finish(&app.db))?;
        let router = web::with_api(&app);
        self.up = Some((app, router));
        Ok(())
    }

    /// Whether it answers.
    pub(crate) const fn is_up(&self) -> bool {
        self.up.is_some()
    }

    /// What its handlers share.
    pub(crate) fn app(&self) -> Result<&AppState> {
        Ok(&self.up.as_ref().context("the collector is down")?.0)
    }

    /// Both clocks when it is this late in truth, ms since the epoch.
    pub(crate) const fn reading(&self, now_ms: i64) -> Reading {
        let wall_ms = now_ms.saturating_add(self.wall_off_ms);
        Reading { wall_ms, boottime_ms: now_ms.saturating_sub(self.booted_ms), boot: self.boots }
    }

    /// Sets its clocks.
    pub(crate) fn set_ms(&self, now_ms: i64) {
        self.clock.set_reading(self.reading(now_ms));
    }

    /// Kills it: the files stay as they are at this moment, and nothing is tidied up.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let left = self.dir.with_extension("left");
        copy_dir(&self.dir, &left)?;
        self.end_with(&left)
    }

    /// It ends, and this is what is left of it.
    fn end_with(&mut self, left: &Path) -> Result<()> {
        self.up = None;
        self.platter = None;
        clear(&self.dir)?;
        std::fs::remove_dir(&self.dir)?;
        Ok(std::fs::rename(left, &self.dir)?)
    }

    /// From now on only what is synced outlives a power cut; what is there now does.
    pub(crate) fn watch(&mut self) -> Result<()> {
        if self.platter.is_none() {
            self.platter = Some(Platter::over(&self.dir)?);
        }
        Ok(())
    }

    /// Cuts its power: what was not synced since it is watched is gone, and the machine boots. `false`: it ended
    /// in another way before.
    pub(crate) fn cut(&mut self, now_ms: i64) -> Result<bool> {
        let Some(platter) = &self.platter else { return Ok(false) };
        let left = self.dir.with_extension("left");
        platter.cut(&left)?;
        self.end_with(&left)?;
        self.boots = self.boots.saturating_add(1);
        self.booted_ms = now_ms;
        Ok(true)
    }

    /// Loses the disk of the databases, and restores them from the newest backup and the journal.
    pub(crate) fn lose_and_restore(&mut self) -> Result<()> {
        self.kill()?;
        let data = self.dir.join("data");
        clear(&data)?;
        let mut backups: Vec<PathBuf> =
            std::fs::read_dir(self.dir.join("backups"))?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
        backups.retain(|p| p.is_dir());
        // By their names, one from before the clock was set back would be newer than one from after it.
        backups.sort_by_cached_key(|p| Manifest::read(p).ok().map(|m| m.serial));
        let from = backups.pop().context("there is no backup")?;
        let journal = Some(self.dir.join("journal"));
        backup::restore(&Options { from, journal, ..Options::default() }, &data)?;
        Ok(())
    }

    /// Compares its clocks, as it does again and again; `false`: nothing may go by the wall clock.
    pub(crate) fn clock_goes(&mut self) -> Result<bool> {
        let (app, _) = self.up.as_ref().context("the collector is down")?;
        Ok(self.runtime.block_on(clock_goes(&app.db, &self.clock))?)
    }

    /// An admin says that the clock is right.
    pub(crate) fn accept_clock(&mut self) -> Result<()> {
        let now = Reading::now(&self.clock).context("a clock")?;
        let accept = move |tx: &Transaction<'_>| jump::accept(tx, &now, "sim").map(drop);
        Ok(self.app()?.db.write_blocking(accept)?)
    }

    /// Makes a backup, as the schedule does.
    pub(crate) fn back_up(&mut self) -> Result<()> {
        let (app, _) = self.up.as_ref().context("the collector is down")?;
        let settings = app.config.backup.clone().context("[backup]")?;
        let now_ms = self.clock.now_ms();
        ensure!(self.runtime.block_on(backup::run(app, &settings, now_ms)), "no backup was made");
        Ok(())
    }

    /// What the schedule looks at between backups.
    pub(crate) fn look(&mut self) -> Result<()> {
        let Some((app, _)) = self.up.as_ref() else { return Ok(()) };
        Ok(self.runtime.block_on(backup::look(app))?)
    }

    fn call(&mut self, request: Request<Body>) -> Result<Answer> {
        let (app, router) = self.up.as_ref().context("the collector is down")?;
        let mut request = request;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        request.extensions_mut().insert(ClientCert(false));
        self.runtime.block_on(async {
            // What was acknowledged is counted first: when that happens is not to depend on threads.
            ensure!(app.settle().await?, "counting hangs");
            let response = router.clone().oneshot(request).await?;
            let status = response.status().as_u16();
            let retry = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
            let retry_after_sec = retry.and_then(|v| v.parse().ok());
            let body = response.into_body().collect().await?.to_bytes();
            Ok(Answer { status, retry_after_sec, body })
        })
    }

    /// What an agent sends.
    pub(crate) fn deliver(&mut self, path: &str, body: Vec<u8>) -> Result<Answer> {
        self.call(Request::post(path).body(Body::from(body))?)
    }

    fn as_admin(
        &mut self,
        method: Method,
        path: &str,
        kind: &str,
        body: String,
        key: Option<&str>,
    ) -> Result<(u16, Value)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, kind);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = self.call(request.body(Body::from(body))?)?;
        Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
    }

    /// GET, as the admin.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value> {
        let (status, answer) = self.as_admin(Method::GET, path, "application/json", String::new(), None)?;
        Api(status, answer).ok().with_context(|| path.to_owned())
    }

    /// POST, as the admin.
    pub(crate) fn post(&mut self, path: &str, body: &Value, key: Option<&str>) -> Result<Api> {
        let (status, answer) =
            self.as_admin(Method::POST, path, "application/json", body.to_string(), key)?;
        Ok(Api(status, answer))
    }

    /// PUT of JSON, as the admin.
    pub(crate) fn put(&mut self, path: &str, body: &Value) -> Result<Value> {
        let (status, answer) =
            self.as_admin(Method::PUT, path, "application/json", body.to_string(), None)?;
        Api(status, answer).ok().with_context(|| path.to_owned())
    }

    /// PUT of a plan, as the admin.
    pub(crate) fn put_toml(&mut self, path: &str, body: &str) -> Result<(u16, Value)> {
        self.as_admin(Method::PUT, path, "application/toml", body.to_owned(), None)
    }
}
