//! The collector's server.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match hostmeter_collector::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nowhere else to say it.
            let _closed = writeln!(std::io::stderr().lock(), "hostmeter-collector: {e:#}");
            ExitCode::FAILURE
        }
    }
}
