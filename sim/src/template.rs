//! What every seed begins with: a collector that was initialised, with hosts that are enrolled and live, made once.

use crate::collector::Collector;
use anyhow::{Context, Result, ensure};
use hostmeter_agent::state::{Enrolment, StateDir};
use hostmeter_core::ids::{BootId, HostId, HostName};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::enroll::{EnrollAnswer, EnrollRequest, Token};
use hostmeter_core::wire::envelope::{Domain, Stamp, open_payload, peek, seal};
use hostmeter_core::wire::key::{SigningKey, hex};
use serde_json::{Value, json};
use std::path::Path;

/// Hosts that are enrolled; a seed uses some of them.
pub const HOSTS_MAX: usize = 4;
/// 2026-11-21T10:00:00Z, when every seed begins.
pub const START_MS: i64 = 1_795_255_200_000;
/// The customer who pays for everything.
pub const CUSTOMER: &str = "all";
/// What is there to be used, in whole units of the currency.
pub const PAID: i64 = 1_000_000;
/// One µs of CPU time costs a millionth, so that the ledger is the usage.
const PLAN: &str = "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-01T00:00:00Z\"\n\
    [[price]]\nmeter = \"cpu_usec\"\namount = \"0.000001\"\nper = \"1\"\n";

/// A directory that is copied for each run.
pub struct Template {
    dir: tempfile::TempDir,
    /// The first admin's token.
    pub token: String,
}

/// Name of a host.
pub fn name(host: usize) -> String {
    format!("web{}", host.saturating_add(1))
}

impl Template {
    /// Makes it.
    pub fn make() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hostmeter-sim").tempdir_in(memory())?;
        let (mut collector, token) = Collector::init(dir.path(), START_MS)?;
        for host in 0..HOSTS_MAX {
            enroll(&mut collector, &dir.path().join(format!("agent{host}")), host)?;
        }
        let (status, answer) = collector.put_toml("/v1/plans/basic", PLAN)?;
        ensure!(status < 300, "{answer}");
        let customer = json!({"id": CUSTOMER, "name": "All", "plan": "basic"});
        collector.post("/v1/customers", &customer, None)?.ok()?;
        let paid = json!({"amount": PAID.to_string(), "gateway": "manual", "payment": "1"});
        collector.post("/v1/customers/all/topups", &paid, Some("first"))?.ok()?;
        drop(collector);
        Ok(Self { dir, token })
    }

    /// A copy for one run.
    pub fn copy(&self) -> Result<tempfile::TempDir> {
        let dir = tempfile::Builder::new().prefix("hostmeter-sim").tempdir_in(memory())?;
        crate::collector::copy_dir(self.dir.path(), dir.path())?;
        Ok(dir)
    }
}

/// Where files are that need not outlive the simulation.
pub(crate) fn memory() -> std::path::PathBuf {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() }
}

fn enroll(collector: &mut Collector, dir: &Path, host: usize) -> Result<()> {
    let seed = [u8::try_from(host)?.saturating_add(1); 32];
    let answer = enroll_key(collector, &name(host), &seed)?;
    let state = StateDir::open(dir)?;
    std::fs::write(dir.join("host.key"), seed)?;
    let enrolment = Enrolment {
        v: VERSION,
        host_id: answer.host_id,
        name: HostName::parse(&name(host))?,
        epoch: answer.epoch,
        identity_key: answer.identity_key,
        command_key: answer.command_key,
        url: "https://collector.test".to_owned(),
    };
    Ok(state.save_enrolment(&enrolment)?)
}

/// Enrols a host of that name with the key of a seed, approved at once.
pub(crate) fn enroll_key(collector: &mut Collector, name: &str, seed: &[u8; 32]) -> Result<EnrollAnswer> {
    let made = collector.post("/v1/enrolment-tokens", &json!({"host": name, "approve": true}), None)?.ok()?;
    let token = Token::parse(made["token"].as_str().context("token")?)?;
    let key = SigningKey::from_seed(seed)?;
    let request = EnrollRequest {
        v: VERSION,
        secret: hex(&token.secret),
        public_key: key.public(),
        agent_version: "sim".to_owned(),
        machine: "sim".to_owned(),
    };
    let stamp = Stamp {
        domain: Domain::Enroll,
        host: HostId::default(),
        epoch: 0,
        seq: 0,
        prev: [0; 32],
        boot: BootId::default(),
        wall_ns: 0,
        boottime_ns: 0,
    };
    let answer = collector.deliver("/v1/enroll", seal(&stamp, &request.encode()?, &key)?)?;
    ensure!(answer.status == 200, "{}", String::from_utf8_lossy(&answer.body));
    Ok(EnrollAnswer::decode(&open_payload(&peek(&answer.body)?, &answer.body)?)?)
}

/// An answer of the API that must be good.
pub struct Api(pub u16, pub Value);

impl Api {
    /// The body of a good answer.
    pub fn ok(self) -> Result<Value> {
        ensure!((200..300).contains(&self.0), "the collector answered {}: {}", self.0, self.1);
        Ok(self.1)
    }
}
