//! `hostmeter`: the command line for admins and for the billing cron.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match hostmeter_collector::client::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "hostmeter: {error:#}");
            ExitCode::FAILURE
        }
    }
}
