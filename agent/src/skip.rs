//! How a test says that it cannot run here: loudly, and in the list that the summary of all tests counts.

use std::io::Write;

/// Prints `skipped: test: why`, and appends it to the file that `HOSTMETER_SKIPS` names.
pub(crate) fn skip(test: &str, why: &str) {
    let line = format!("skipped: {test}: {why}");
    let mut err = std::io::stderr().lock();
    writeln!(err, "{line}").unwrap();
    if let Some(path) = std::env::var_os("HOSTMETER_SKIPS") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut f| writeln!(f, "{line}")).unwrap();
    }
}
