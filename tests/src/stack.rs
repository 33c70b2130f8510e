//! A collector, an agent and an executor as an admin sets them up, from configuration files, on loopback.

use crate::api::Api;
use crate::run::{Running, program, wait_for};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// The name of the host in every stack.
pub const HOST: &str = "web1";

/// Of the login that looks at pages.
const PASSWORD: &str = "a long enough password";

/// What a test changes in the configuration files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[sample] interval`.
    pub interval: &'static str,
    /// Lines at the top of the collector's file. Here and in `billing`, `DIR` is the directory of the stack.
    pub collector: String,
    /// `[billing]` lines.
    pub billing: String,
    /// The executor's whole own part of the configuration; `None`: no executor runs.
    pub executor: Option<String>,
    /// More lines for the agent.
    pub agent: String,
    /// The collector speaks TLS, with a certificate for 127.0.0.1 that the clients of the stack trust.
    pub tls: bool,
    /// With `tls`: the collector wants a client's certificate from agents, and the agent has one.
    pub client_cert: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let none = String::new;
        let (collector, billing, agent) = (none(), none(), none());
        Self { interval: "1s", collector, billing, executor: None, agent, tls: false, client_cert: false }
    }
}

/// Made with openssl: a self-signed certificate for 127.0.0.1, valid until 2126. For tests only.
pub const CERT: &str = include_str!("../../collector/src/tests/tls/cert.pem");
/// Its key. For tests only.
pub const KEY: &str = include_str!("../../collector/src/tests/tls/key.pem");
/// A certificate of `CLIENT_CA` and its key. For tests only.
const CLIENT: (&str, &str) = (
    include_str!("../../collector/src/tests/tls/client.pem"),
    include_str!("../../collector/src/tests/tls/client.key"),
);
const CLIENT_CA: &str = include_str!("../../collector/src/tests/tls/client-ca.pem");

/// Configuration, directories and the running programs.
#[derive(Debug)]
pub struct Stack {
    /// Everything of the test lies here.
    pub dir: tempfile::TempDir,
    /// Address of the collector.
    pub url: String,
    /// The admin's token.
    pub token: String,
    /// The API with that token.
    pub api: Api,
    /// The collector, if it runs.
    pub collector: Option<Running>,
    /// The agent, if it runs.
    pub agent: Option<Running>,
    /// The executor, if it runs.
    pub executor: Option<Running>,
}

/// A port of loopback that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("run {}", command.get_program().display()))
}

/// Standard output of a program that must succeed.
pub fn run_ok(command: &mut Command) -> Result<String> {
    let out = run(command)?;
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    ensure!(out.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", out.status);
    Ok(stdout.into_owned())
}

impl Stack {
    /// Writes the configuration, initialises the collector and starts it. Agent and executor start later.
    pub fn new(settings: &Settings) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name);
        let port = free_port()?;
        let (data, state, exec) = (at("data"), at("agent"), at("executor"));
        let (cert, key) = (at("cert.pem"), at("key.pem"));
        let (scheme, mut tls, mut trust) = if settings.tls {
            std::fs::write(&cert, CERT)?;
            std::fs::write(&key, KEY)?;
            ("https", format!("[tls]\ncert = {cert:?}\nkey = {key:?}\n"), format!("ca_file = {cert:?}\n"))
        } else {
            ("http", String::new(), String::new())
        };
        if settings.client_cert {
            let (ca, cert, key) = (at("client-ca.pem"), at("client.pem"), at("client.key"));
            std::fs::write(&ca, CLIENT_CA)?;
            std::fs::write(&cert, CLIENT.0)?;
            std::fs::write(&key, CLIENT.1)?;
            tls.push_str(&format!("client_ca = {ca:?}\n"));
            trust.push_str(&format!("client_cert = {cert:?}\nclient_key = {key:?}\n"));
        }
        std::fs::write(
            at("collector.toml"),
            format!(
                "listen = \"127.0.0.1:{port}\"\ndata_dir = {data:?}\n{}\n{tls}[billing]\ncurrency = \"EUR\"\n{}\n",
                settings.collector.replace("DIR", &dir.path().display().to_string()),
                settings.billing.replace("DIR", &dir.path().display().to_string())
            ),
        )?;
        // Tests leave nothing in the BPF file system of the machine.
        let meters = if settings.agent.contains("[meters]") { "" } else { "[meters]\nbpffs = \"none\"\n" };
        std::fs::write(
            at("agent.toml"),
            format!(
                "state_dir = {state:?}\n[collector]\nurl = \"{scheme}://127.0.0.1:{port}\"\n{trust}[sample]\ninterval = \"{}\"\n[executor]\nsocket = {:?}\n[ship]\nbackoff_min = \"50ms\"\nbackoff_max = \"500ms\"\n{meters}{}\n",
                settings.interval,
                at("executor.sock"),
                settings.agent
            ),
        )?;
        if let Some(own) = &settings.executor {
            std::fs::write(
                at("executor.toml"),
                format!("state_dir = {exec:?}\nsocket = {:?}\n{own}\n", at("executor.sock")),
            )?;
        }
        let init = run_ok(
            Command::new(program("hostmeter-collector")?)
                .args(["init", "--json", "--config"])
                .arg(at("collector.toml")),
        )?;
        let init: Value = serde_json::from_str(&init).context("answer of init --json")?;
        let token =
            init["admin_token"].as_str().with_context(|| format!("admin_token in {init}"))?.to_owned();
        let url = format!("{scheme}://127.0.0.1:{port}");
        let api = Api::trusting(&url, &token, CERT)?;
        let mut stack = Self { dir, url, token, api, collector: None, agent: None, executor: None };
        stack.start_collector()?;
        Ok(stack)
    }

    /// A file of the stack.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn spawn(&self, name: &str, args: &[&str], config: &Path) -> Result<Running> {
        self.spawn_with(name, args, config, |_| ())
    }

    fn spawn_with(
        &self,
        name: &str,
        args: &[&str],
        config: &Path,
        change: impl FnOnce(&mut Command),
    ) -> Result<Running> {
        let mut command = Command::new(program(name)?);
        change(&mut command);
        Running::start(
            name,
            command.args(args).arg("--config").arg(config).stdout(std::process::Stdio::null()),
            self.dir.path(),
        )
    }

    /// Starts the collector and waits until it answers.
    pub fn start_collector(&mut self) -> Result<()> {
        self.collector = Some(self.spawn("hostmeter-collector", &["serve"], &self.path("collector.toml"))?);
        let api = self.api.clone();
        wait_for("the collector to answer", Duration::from_secs(20), || {
            Ok(api.get("/healthz").ok().filter(|a| a.status == 200).map(|_| ()))
        })
    }

    /// Enrols the host (approved at once) and starts the executor, if configured, and the agent.
    pub fn enroll_and_start(&mut self) -> Result<()> {
        self.enroll()?;
        if self.path("executor.toml").exists() {
            self.executor = Some(self.spawn("hostmeter-executor", &["run"], &self.path("executor.toml"))?);
            // An agent that finds none asks for quotas again only after minutes.
            wait_for("the executor to listen", Duration::from_secs(20), || {
                Ok(UnixStream::connect(self.path("executor.sock")).ok())
            })?;
        }
        self.start_agent()
    }

    /// Enrols the host; it is approved at once.
    pub fn enroll(&self) -> Result<()> {
        let made =
            self.api.post("/v1/enrolment-tokens", &json!({"host": HOST, "approve": true}), None)?.ok()?;
        let token = made["token"].as_str().context("token")?;
        std::fs::create_dir_all(self.path("executor"))?;
        let mut enroll = Command::new(program("hostmeter-agent")?);
        enroll
            .args(["enroll", "--collector", &self.url, "--token", token, "--config"])
            .arg(self.path("agent.toml"));
        run_ok(enroll.arg("--executor-trust").arg(self.path("executor/trust.json")))?;
        Ok(())
    }

    /// Waits until the agent's first batch is durable: what ran before its first look does not count, and is no gap.
    pub fn wait_for_first_batch(&self) -> Result<()> {
        wait_for("the agent's first batch", Duration::from_secs(20), || {
            let host = self.api.get(&format!("/v1/hosts/{HOST}"))?.ok()?;
            Ok(host["durable_seq"].as_u64().filter(|seq| *seq > 0).map(|_| ()))
        })
    }

    /// Starts the agent.
    pub fn start_agent(&mut self) -> Result<()> {
        self.agent = Some(self.spawn("hostmeter-agent", &["run"], &self.path("agent.toml"))?);
        Ok(())
    }

    /// Starts the agent with a command that was changed, for example its environment.
    pub fn start_agent_with(&mut self, change: impl FnOnce(&mut Command)) -> Result<()> {
        self.agent = Some(self.spawn_with("hostmeter-agent", &["run"], &self.path("agent.toml"), change)?);
        Ok(())
    }

    /// The `hostmeter` command against this collector.
    pub fn hostmeter(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("hostmeter")?);
        command.args(args).env("HOSTMETER_URL", &self.url).env("HOSTMETER_TOKEN", &self.token);
        Ok(command)
    }

    /// A page of the panel as an admin sees it: HTML. The first call makes the login.
    pub fn panel(&self, path: &str) -> Result<String> {
        let login = json!({"login": "looker", "password": PASSWORD, "role": "admin"});
        self.api.post("/v1/users", &login, None)?;
        crate::browse::page(&self.url, "looker", PASSWORD, path)
    }

    /// Its standard output; it must succeed.
    pub fn hostmeter_ok(&self, args: &[&str]) -> Result<String> {
        run_ok(&mut self.hostmeter(args)?)
    }
}
