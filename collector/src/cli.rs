//! The command line of `hostmeter-collector`.

use crate::backup::cli::{BackupArgs, RestoreArgs, run_backup, run_restore};
use crate::billing::BillingError;
use crate::clock::Clock;
use crate::config::{Config, DEFAULT_PATH};
use crate::db::write_beside;
use crate::init::init;
use crate::jump::{self, Reading};
use crate::serve::Server;
use anyhow::{Context, Result};
use clap::{Args, CommandFactory, Parser, Subcommand};
use sd_notify::NotifyState;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Receives usage, bills it, serves API and panel
#[derive(Debug, Parser)]
#[command(name = "hostmeter-collector", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make data directory, keys, database and the first admin, and print its token once
    Init {
        #[command(flatten)]
        config: ConfigArg,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Serve until SIGTERM or SIGINT
    Serve {
        #[command(flatten)]
        config: ConfigArg,
        /// End when the program that started this one ends
        #[arg(long, hide = true)]
        exit_with_parent: bool,
    },
    /// Back up everything, verified, while the collector runs
    Backup {
        #[command(flatten)]
        config: ConfigArg,
        #[command(flatten)]
        args: BackupArgs,
    },
    /// Restore a backup and the journal into an empty data directory
    Restore {
        #[command(flatten)]
        config: ConfigArg,
        #[command(flatten)]
        args: RestoreArgs,
    },
    /// What became of a jump of this machine's clock
    Clock {
        #[command(subcommand)]
        what: ClockCommand,
    },
    /// Check the configuration and name every fault
    CheckConfig {
        #[command(flatten)]
        config: ConfigArg,
    },
}

#[derive(Debug, Subcommand)]
enum ClockCommand {
    /// Say whether a jump stands
    Show {
        #[command(flatten)]
        config: ConfigArg,
    },
    /// The clock is right now: charging and lifecycle go on
    Accept {
        #[command(flatten)]
        config: ConfigArg,
    },
}

#[derive(Debug, Args)]
struct ConfigArg {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
}

/// The definition, for man pages and completions.
pub fn collector_command() -> clap::Command {
    Cli::command()
}

/// Reads the arguments and does what they say. What it makes is for its own user alone.
pub fn run() -> Result<()> {
    use rustix::fs::Mode;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match Cli::parse().command {
        Command::Init { config, json } => run_init(&Config::load(&config.config)?, json),
        Command::Backup { config, args } => run_backup(&Config::load(&config.config)?, &args),
        Command::Restore { config, args } => run_restore(&Config::load(&config.config)?, &args),
        Command::Clock { what } => run_clock(&what),
        Command::CheckConfig { config } => {
            Config::load(&config.config)?;
            writeln!(std::io::stdout().lock(), "{}: good", config.config.display())?;
            Ok(())
        }
        Command::Serve { config, exit_with_parent } => {
            log_to_stderr();
            if exit_with_parent {
                exit_with_parent_now()?;
            }
            let config = Config::load(&config.config)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(config))
        }
    }
}

fn run_init(config: &Config, json: bool) -> Result<()> {
    let made = init(config, Clock::System.now_ms())?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&made)?)?;
    } else {
        writeln!(out, "Made {}.", made.data_dir.display())?;
        writeln!(out, "Admin        {}", made.admin_login)?;
        writeln!(out, "Password     {}", made.admin_password)?;
        writeln!(out, "Token        {}", made.admin_token)?;
        writeln!(out, "Fingerprint  {}", made.fingerprint)?;
        writeln!(out, "Neither password nor token is shown again.")?;
    }
    Ok(())
}

fn run_clock(what: &ClockCommand) -> Result<()> {
    let (config, accepts) = match what {
        ClockCommand::Show { config } => (config, false),
        ClockCommand::Accept { config } => (config, true),
    };
    let config = Config::load(&config.config)?;
    anyhow::ensure!(config.control_db().exists(), "{} is missing", config.control_db().display());
    let now = Reading::now(&Clock::System).context("the boot-time clock could not be read")?;
    let jump_ms = write_beside(&config.control_db(), config.journal_dir.is_some(), |tx| match accepts {
        true => jump::accept(tx, &now, "command line"),
        false => Ok::<_, BillingError>(jump::standing(tx)?),
    })?;
    let text = match (jump_ms, accepts) {
        (None, _) => "No jump of the clock stands.".to_owned(),
        (Some(ms), true) => format!("Accepted a jump of {ms} ms: charging and lifecycle go on."),
        (Some(ms), false) => format!(
            "The clock jumped {ms} ms: charging and lifecycle wait for `hostmeter-collector clock accept`."
        ),
    };
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

async fn serve(config: Config) -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = Server::bind(config, Clock::System).await?;
    tracing::info!(address = %server.address(), tls = server.app().config.tls.is_some(), "serving");
    // Not started by systemd: nobody to tell.
    let _nobody = sd_notify::notify(&[NotifyState::Ready]);
    let watchdog = tokio::spawn(watchdog());
    server
        .run(async {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            tracing::info!("stopping");
            let _nobody = sd_notify::notify(&[NotifyState::Stopping]);
        })
        .await;
    watchdog.abort();
    Ok(())
}

/// Tells systemd at half its time that this runtime still runs tasks.
async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut tick = tokio::time::interval(limit / 2);
    loop {
        tick.tick().await;
        let _nobody = sd_notify::notify(&[NotifyState::Watchdog]);
    }
}

/// The kernel sends SIGTERM when the parent ends. A parent that ended before this call is noticed as well.
fn exit_with_parent_now() -> Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let parent = getppid();
    set_parent_process_death_signal(Some(Signal::TERM)).context("--exit-with-parent")?;
    anyhow::ensure!(getppid() == parent, "the parent ended already");
    Ok(())
}

/// `HOSTMETER_LOG` says how much, as `info` or `hostmeter_collector=debug`; `HOSTMETER_LOG_FORMAT=json` makes JSON.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOSTMETER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var("HOSTMETER_LOG_FORMAT").is_ok_and(|f| f == "json") {
        log.json().init();
    } else {
        log.init();
    }
}
