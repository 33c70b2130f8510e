//! Whether every place that keeps a promise has a mutation: each sync, each check of a signature, each comparison of a hash.
//!
//! Constraints of the databases are not looked for here: the tests of `collector/src/db` hold a list of all of them.

use super::Table;
use crate::tidy::tree::TextFile;

/// What names a place, and of which kind it is. A line that defines or imports is none.
const PLACES: &[(&str, &[&str])] = &[
    ("sync", &["sync_all(", "sync_data", "sync_dir(", "files::sync(", "fsync(", "\"synchronous\""]),
    (
        "signature",
        &[
            "verify_header(",
            "verifies(",
            "Domain::Enroll, &",
            "Domain::Ack, &",
            "Domain::Keys, &",
            "Domain::Resume, &",
            "Domain::Command, &",
        ],
    ),
];
/// A comparison of these is a check.
const HASHES: &[&str] = &["hash", "sha256", "crc32c", ".prev"];
/// Folders whose code ships.
const FOLDERS: &[&str] = &["core/src/", "agent/src/", "collector/src/"];
/// Files of tests among it.
const TESTS: &[&str] = &["tests.rs", "testing.rs", "kills.rs", "fault.rs"];

/// Places that neither a mutation nor a stated reason covers: file, line, and what stands there.
#[must_use]
pub fn uncovered(table: &Table, files: &[TextFile]) -> Vec<String> {
    let mut out = Vec::new();
    for file in files.iter().filter(|f| ships(&f.path)) {
        let code = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let spans: Vec<(usize, usize)> =
            table.finds(&file.path).filter_map(|find| Some((code.find(find)?, find.len()))).collect();
        let mut at = 0;
        for (n, line) in (1..).zip(code.split_inclusive('\n')) {
            let (from, to) = (at, at + line.trim_end().len());
            at += line.len();
            if let Some(kind) = kind(line.trim())
                && !spans.iter().any(|(start, len)| *start < to && from < start + len)
            {
                out.push(format!("{}:{n}: a {kind} without a mutation: {}", file.path, line.trim()));
            }
        }
    }
    out
}

fn ships(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    FOLDERS.iter().any(|f| path.starts_with(f))
        && name.ends_with(".rs")
        && !path.contains("/tests/")
        && !TESTS.contains(&name)
}

fn kind(line: &str) -> Option<&'static str> {
    let is_code = !line.starts_with("//") && !line.starts_with("use ") && !line.contains("fn ");
    let holds = |words: &&(&str, &[&str])| words.1.iter().any(|w| line.contains(w));
    let compares = line.contains(" == ") || line.contains(" != ");
    let found = PLACES.iter().find(holds).map(|(kind, _)| *kind);
    found
        .or((compares && HASHES.iter().any(|h| line.contains(h))).then_some("comparison"))
        .filter(|_| is_code)
}
