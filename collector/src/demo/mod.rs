//! `hostmeter demo`: the whole line on this machine, with real processes, by starting the sibling programs.
//!
//! It makes no system users and suspends nothing: no executor runs. It samples every second and leaves nothing behind
//! but the directory of `--data`.

mod children;
mod setup;
mod world;

use crate::client::Client;
use anyhow::{Context, Result, bail};
use children::Child;
use serde_json::json;
use setup::Setup;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use world::World;

/// How long the collector may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a child may take to end before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(8);
/// How often the demo looks at its children and at new users.
const TICK: Duration = Duration::from_millis(250);
/// How often closed hours are charged.
const CHARGE_EVERY: Duration = Duration::from_secs(60);

/// What `hostmeter demo` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Address of the page and the API; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Keep everything in this directory (default: a temporary one, removed in the end)
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Print one JSON object when ready
    #[arg(long)]
    pub json: bool,
}

/// Runs until SIGINT or SIGTERM, or until a child ends by itself, which is an error.
pub fn run(args: &DemoArgs) -> Result<()> {
    let stop = stop_flag()?;
    let setup = Setup::prepare(args)?;
    let outcome = serve(args, &setup, stop);
    // Both end here whatever happened; the agent first, so that its last batch still finds the collector.
    setup.clean_up();
    outcome
}

fn serve(args: &DemoArgs, setup: &Setup, stop: &AtomicBool) -> Result<()> {
    let init = setup.init_collector()?;
    let mut collector =
        Child::start(&setup.program("hostmeter-collector")?, &setup.collector_args(), &setup.dir)?;
    let client = Client::new(&setup.url, &init.token)?;
    wait_until_ready(&client, &mut collector, stop)?;
    let mut world = World::new(client, setup.host.clone());
    world.furnish(&init.login)?;
    world.adopt_users()?;
    setup.enroll(&world.host_token()?)?;
    let mut agent = Child::start(&setup.program("hostmeter-agent")?, &setup.agent_args(), &setup.dir)?;
    announce(args, setup, &init.token, &world)?;
    let mut charged = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        for child in [&mut agent, &mut collector] {
            if let Some(why) = child.ended()? {
                bail!("{why}");
            }
        }
        world.adopt_users()?;
        if charged.elapsed() >= CHARGE_EVERY {
            charged = Instant::now();
            world.charge()?;
        }
        std::thread::park_timeout(TICK);
    }
    agent.stop(STOP_LIMIT);
    collector.stop(STOP_LIMIT);
    Ok(())
}

/// Set by SIGINT and SIGTERM.
fn stop_flag() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    std::thread::Builder::new().name("signals".to_owned()).spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut int), Ok(mut term)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
            STOP.store(true, Ordering::Relaxed);
        });
    })?;
    Ok(&STOP)
}

fn wait_until_ready(client: &Client, collector: &mut Child, stop: &AtomicBool) -> Result<()> {
    let start = Instant::now();
    while client.get("/v1/hosts").is_err() {
        if let Some(why) = collector.ended()? {
            bail!("{why}");
        }
        if start.elapsed() > START_LIMIT || stop.load(Ordering::Relaxed) {
            bail!(
                "the collector did not answer within {} s; its log is {}",
                START_LIMIT.as_secs(),
                collector.log()
            );
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    Ok(())
}

fn announce(args: &DemoArgs, setup: &Setup, token: &str, world: &World) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let line = json!({
            "url": setup.url, "host": setup.host.as_str(), "admin_token": token,
            "admin_login": world.admin.login, "admin_password": world.admin.password,
        });
        writeln!(out, "{line}")?;
    } else {
        let (admin, customer) = (&world.admin, &world.customer);
        writeln!(out, "\n  Hostmeter meters this machine ({}).\n", setup.host)?;
        writeln!(out, "  Page      {}", setup.url)?;
        writeln!(out, "  Admin     {}  password {}", admin.login, admin.password)?;
        writeln!(out, "  Customer  {}  password {}", customer.login, customer.password)?;
        writeln!(out, "  API       export HOSTMETER_URL={} HOSTMETER_TOKEN={token}\n", setup.url)?;
        if !rustix::process::geteuid().is_root() {
            writeln!(out, "  You are not root: I/O and memory are seen for your own processes only.\n")?;
        }
        writeln!(out, "  It suspends nothing and makes no users. Stop it with Ctrl-C.")?;
    }
    out.flush().context("standard output")
}
