//! A test that cannot run here says so loudly, and the summary counts it.

use std::io::Write;

/// Says on standard error that a test was skipped and why, and leaves a line in the file `$HOSTMETER_SKIPS` for the
/// summary of `make test`.
pub fn skip(test: &str, why: &str) {
    let line = format!("skipped: {test}: {why}\n");
    let _closed = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("HOSTMETER_SKIPS") {
        let _unwritable = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut f| f.write_all(line.as_bytes()));
    }
}
