//! The agent: see `hostmeter-agent --help`.

use anyhow::Context;
use clap::Parser;
use hostmeter_agent::cli::{AgentCli, AgentCommand, EnrollArgs};
use hostmeter_agent::config::{self, Config};
use hostmeter_agent::state::{StateDir, StateError};
use hostmeter_agent::{enroll, live, log, os, run, status};
use hostmeter_core::wire::ack::HostState;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

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
    let done = runtime.block_on(enroll::enroll(&state, config.ca_file.as_deref(), args))?;
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
