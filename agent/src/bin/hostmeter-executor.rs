//! `hostmeter-executor`: verifies signed commands and runs a driver. See the module `executor`.

use clap::Parser;
use hostmeter_agent::cli::{ExecutorCli, ExecutorCommand};
use hostmeter_agent::executor::{dry_run, run};
use hostmeter_agent::log;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = ExecutorCli::parse();
    log::start(cli.log_format, "info");
    let done = match &cli.command {
        ExecutorCommand::Run => run::run(&cli.config).map(|()| true),
        ExecutorCommand::DryRun { action, user } => {
            let action = action.as_deref().zip(user.as_deref());
            dry_run::dry_run(&cli.config, action, &mut std::io::stdout().lock())
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            // If standard error is closed, the exit code has to do.
            drop(writeln!(std::io::stderr().lock(), "hostmeter-executor: {e}"));
            ExitCode::FAILURE
        }
    }
}
