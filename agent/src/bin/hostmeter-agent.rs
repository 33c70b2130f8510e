//! The agent: see `hostmeter-agent --help`.

use anyhow::Context;
use clap::Parser;
use hostmeter_agent::cli::{AgentCli, AgentCommand, EnrollArgs};
use hostmeter_agent::config::{self, Config};
use hostmeter_agent::limits::ROTATION_WAIT;
use hostmeter_agent::rotation::{self, Step};
use hostmeter_agent::state::{StateDir, StateError, enrolment_of};
use hostmeter_agent::{enroll, live, log, os, run, status};
use hostmeter_core::wire::ack::HostState;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let cli = AgentCli::parse();
    log::start(cli.log_format, cli.command.log_shown());
    match dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nothing more can be done if even standard error is closed.
            let _closed = writeln!(std::io::stderr().lock(), "hostmeter-agent: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: &AgentCli) -> anyhow::Result<()> {
    let config = match &cli.command {
        AgentCommand::Top(_) => config::load_if_there(&cli.config)?,
        _ => config::load(&cli.config)?,
    };
    match &cli.command {
        AgentCommand::Run { exit_with_parent } => {
            if *exit_with_parent {
                os::end_with_parent().context("--exit-with-parent")?;
            }
            Ok(run::run(&config)?)
        }
        AgentCommand::Enroll(args) => enrol(&config, args),
        AgentCommand::RotateKey { no_wait } => rotate_key(&config.state_dir, *no_wait),
        AgentCommand::Status { json } => show_status(&config.state_dir, *json),
        AgentCommand::Top(args) => Ok(live::run(&config, args)?),
        AgentCommand::CheckConfig => say(&format!("{}: good", cli.config.display())),
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("standard output")
}

fn enrol(config: &Config, args: &EnrollArgs) -> anyhow::Result<()> {
    let state = StateDir::open(&config.state_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(enroll::enroll(&state, &config.tls, args))?;
    let (name, id) = (&done.enrolment.name, done.enrolment.host_id);
    say(&format!("enrolled as {name} ({id}), epoch {}", done.enrolment.epoch))?;
    say(&format!("fingerprint of this host's key: {}", done.fingerprint))?;
    if done.state == HostState::Pending {
        say(&format!("waits for approval: compare the fingerprint, then `hostmeter host approve {name}`"))?;
    }
    if let Some(path) = &done.old_spool {
        say(&format!("batches of the earlier identity were moved to {}; they are not sent", path.display()))?;
    }
    match &done.trust_skipped {
        None => Ok(()),
        Some(why) => {
            say(&format!("the executor was not told whom to trust ({why}); this host takes no commands"))
        }
    }
}

fn rotate_key(state_dir: &Path, no_wait: bool) -> anyhow::Result<()> {
    let enrolment = enrolment_of(state_dir)?.ok_or_else(|| StateError::NotEnrolled(state_dir.to_owned()))?;
    rotation::ask(state_dir, enrolment.host_id)?;
    if !matches!(StateDir::open(state_dir), Err(StateError::Locked(_))) {
        return say("noted; no agent runs here, so it is done once `hostmeter-agent run` is started");
    }
    if no_wait {
        return say("noted; the running agent does it");
    }
    let end = Instant::now() + ROTATION_WAIT;
    while Instant::now() < end {
        match rotation::read(state_dir)?.map(|r| r.step) {
            Some(Step::Done { fingerprint, old_until_ms }) => {
                say(&format!("fingerprint of this host's key now: {fingerprint}"))?;
                let until = hostmeter_core::units::rfc3339(old_until_ms);
                return say(&format!("the old key is accepted until {until}, unless it is revoked"));
            }
            Some(Step::Refused { why }) => anyhow::bail!("the key was not replaced: {why}"),
            _ => std::thread::park_timeout(Duration::from_millis(200)),
        }
    }
    anyhow::bail!(
        "not done after {} s; the agent goes on trying, `hostmeter-agent status` says what holds it up",
        ROTATION_WAIT.as_secs()
    )
}

fn show_status(state_dir: &Path, as_json: bool) -> anyhow::Result<()> {
    let status = status::read(state_dir)?.with_context(|| {
        format!("{}: no agent ever ran here; start it with `hostmeter-agent run`", state_dir.display())
    })?;
    if as_json {
        return say(&serde_json::to_string(&status)?);
    }
    let is_running = matches!(StateDir::open(state_dir), Err(StateError::Locked(_)));
    let now_ms = os::now()?.wall_ms();
    say(status::Shown { status: &status, is_running, now_ms }.to_string().trim_end())
}
