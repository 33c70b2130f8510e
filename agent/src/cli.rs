//! The command lines of both programs. Man pages and completions come from the same definitions.

use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;

/// Meters what every account of this host uses, keeps it in a spool and ships it to the collector.
#[derive(Debug, Parser)]
#[command(name = "hostmeter-agent", version, propagate_version = true)]
pub struct AgentCli {
    /// What to do.
    #[command(subcommand)]
    pub command: AgentCommand,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/hostmeter/agent.toml")]
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
    /// Show what the running agent sees, keeps and ships.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read the configuration and name every fault.
    CheckConfig,
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
        check("hostmeter-agent", false);
        check("hostmeter-agent run extra", false);
    }
}
