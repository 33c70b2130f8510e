//! The command lines of both programs. Man pages and completions come from the same definitions.

use crate::config;
use crate::limits::{REFRESH_MAX_MS, REFRESH_MIN_MS};
use clap::{CommandFactory, Parser, Subcommand};
use hostmeter_core::duration;
use std::path::PathBuf;
use std::time::Duration;

/// Meters what every account of this host uses, keeps it in a spool and ships it to the collector.
#[derive(Debug, Parser)]
#[command(name = "hostmeter-agent", version, propagate_version = true)]
pub struct AgentCli {
    /// What to do.
    #[command(subcommand)]
    pub command: AgentCommand,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = config::DEFAULT_FILE)]
    pub config: PathBuf,
    /// How to write the log to standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "HOSTMETER_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// What `hostmeter-agent` does.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Sample, spool and ship until told to stop.
    Run {
        /// End when the program that started this one ends
        #[arg(long, hide = true)]
        exit_with_parent: bool,
    },
    /// Make this machine known to a collector, with a token that `hostmeter host add` printed.
    Enroll(EnrollArgs),
    /// Replace this host's key by a new one, which the old one vouches for.
    ///
    /// The running agent does it: the collector is told of the new key, then batches are sealed with it. Nothing that is
    /// spooled is sealed again or lost, whatever is cut off in between. The collector accepts the old key for seven more
    /// days; what it sealed before is accepted at any time. `hostmeter host revoke-key` ends that.
    RotateKey {
        /// Do not wait until it is done.
        #[arg(long)]
        no_wait: bool,
    },
    /// Show what the running agent sees, keeps and ships.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show live what every account and command of this machine uses.
    ///
    /// It measures by itself, as the agent does and with counters of its own, so that it needs no running agent and
    /// changes nothing for one. Figures are those since the last refresh; `–` is what was not measured. Keys: `c` or
    /// Tab for accounts or commands, `s` to sort by the next column, `p` to pause, arrows and pages to scroll, `q` to
    /// quit.
    Top(TopArgs),
    /// Read the configuration and name every fault.
    CheckConfig,
}

impl AgentCommand {
    /// What the log shows unless the environment says otherwise. Where the screen is a table, lines of a log would
    /// tear it; what could not be measured stands in its head.
    pub fn log_shown(&self) -> &'static str {
        if matches!(self, Self::Top(_)) { "off" } else { "info" }
    }
}

/// Arguments of `hostmeter-agent top`.
#[derive(Clone, Debug, clap::Args)]
pub struct TopArgs {
    /// Time between two refreshes, from 200ms to 60s.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = refresh)]
    pub every: Duration,
    /// Print so many times plain text and end; once where standard output is no terminal.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: Option<u32>,
}

fn refresh(text: &str) -> Result<Duration, String> {
    let ms = duration::parse(text).map_err(|e| e.to_string())?;
    if !(REFRESH_MIN_MS..=REFRESH_MAX_MS).contains(&ms) {
        return Err(format!("write a time from {REFRESH_MIN_MS}ms to {}s", REFRESH_MAX_MS / 1_000));
    }
    Ok(Duration::from_millis(u64::try_from(ms).map_err(|e| e.to_string())?))
}

/// Arguments of `hostmeter-agent enroll`.
#[derive(Clone, Debug, clap::Args)]
pub struct EnrollArgs {
    /// Address of the collector, for example `https://collector.example.org:8443`; plain http only to this machine.
    #[arg(long, value_name = "URL")]
    pub collector: String,
    /// The token: hm1.FINGERPRINT.SECRET.
    #[arg(long, value_name = "TOKEN", env = "HOSTMETER_ENROLL_TOKEN", hide_env_values = true)]
    pub token: String,
    /// Where the executor reads whose commands to trust; skipped with a notice if it cannot be written.
    #[arg(long, value_name = "FILE", default_value = "/var/lib/hostmeter-executor/trust.json")]
    pub executor_trust: PathBuf,
    /// Make a new key, for a token of `hostmeter host add NAME --replace`; the old key is kept beside it.
    #[arg(long)]
    pub new_key: bool,
}

/// Suspends, resumes and deletes accounts on signed command.
#[derive(Debug, Parser)]
#[command(name = "hostmeter-executor", version, propagate_version = true)]
pub struct ExecutorCli {
    /// What to do.
    #[command(subcommand)]
    pub command: ExecutorCommand,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/hostmeter/executor.toml")]
    pub config: PathBuf,
    /// How to write the log to standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "HOSTMETER_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// What `hostmeter-executor` does.
#[derive(Debug, Subcommand)]
pub enum ExecutorCommand {
    /// Listen on the socket, verify commands and carry them out.
    Run,
    /// Check the configuration and say what a command would do to an account; change nothing.
    DryRun {
        /// The action: suspend, resume, delete, undelete, purge or inspect. Without it only the configuration is
        /// checked.
        #[arg(requires = "user", value_name = "ACTION")]
        action: Option<String>,
        /// The user name of the account.
        #[arg(value_name = "USER")]
        user: Option<String>,
    },
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// The definition of `hostmeter-agent`, for man page and completions.
pub fn agent_command() -> clap::Command {
    AgentCli::command()
}

/// The definition of `hostmeter-executor`, for man page and completions.
pub fn executor_command() -> clap::Command {
    ExecutorCli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_sound() {
        agent_command().debug_assert();
        executor_command().debug_assert();
    }

    #[test]
    fn lines() {
        let check = |line: &str, ok: bool| {
            let got = AgentCli::try_parse_from(line.split(' '));
            assert_eq!(got.is_ok(), ok, "{line}: {got:?}");
        };
        check("hostmeter-agent run --config x.toml", true);
        check("hostmeter-agent --config x.toml run", true);
        check("hostmeter-agent status --json", true);
        check("hostmeter-agent enroll --collector http://127.0.0.1:1 --token t", true);
        check("hostmeter-agent enroll --collector http://127.0.0.1:1", false);
        check("hostmeter-agent top", true);
        check("hostmeter-agent top --every 200ms --batch 3", true);
        check("hostmeter-agent top --every 60s", true);
        check("hostmeter-agent top --batch 0", false);
        check("hostmeter-agent", false);
        check("hostmeter-agent run extra", false);
    }

    #[test]
    fn bad_refreshes_say_what_to_write() {
        let check = |every: &str, want: &str| {
            let got = AgentCli::try_parse_from(["hostmeter-agent", "top", "--every", every]).unwrap_err();
            let got = got.to_string();
            assert!(got.contains("--every") && got.contains(want), "{every}: {got}");
        };
        check("2", "write a whole number and a unit");
        check("", "write a whole number and a unit");
        check("199ms", "write a time from 200ms to 60s");
        check("61s", "write a time from 200ms to 60s");
        check("106751991167d", "write a time from 200ms to 60s");
    }
}
