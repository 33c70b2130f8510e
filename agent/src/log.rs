//! The log: one event, one line, to standard error (journald keeps it).
//!
//! Values that come from users are logged with `?`, so that control characters are escaped.

use crate::cli::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts the log. `HOSTMETER_LOG` sets what is shown, for example `debug` or `hostmeter_agent::ship=debug`; without
/// it `shown` does, usually `info`. A second call changes nothing.
pub fn start(format: LogFormat, shown: &str) {
    let filter = EnvFilter::try_from_env("HOSTMETER_LOG").unwrap_or_else(|_| EnvFilter::new(shown));
    let colour = std::env::var_os("NO_COLOR").is_none() && std::io::stderr().is_terminal();
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    // Fails only if a log stands already.
    let _already = match format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
