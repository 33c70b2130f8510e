//! Where mutations are built and tested: a copy of the source with a target directory of its own, where nothing but what
//! depends on the changed file is built anew.

use super::{Mutant, copy};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A test that has not ended by then hangs.
const TEST_SEC: u64 = 300;
/// timeout(1) says so.
const HUNG: &str = "exit status: 124";
/// Lines of a failure that are shown.
const SHOWN_LINES: usize = 30;
/// Packages that are built anew again and again: quickly rather than well. All others are built well, once.
const OURS: [&str; 6] = [
    "hostmeter-core",
    "hostmeter-agent",
    "hostmeter-collector",
    "hostmeter-panel",
    "hostmeter-sim",
    "hostmeter-tests",
];

/// What one run of a test said.
pub(super) enum Said {
    Green,
    Red(String),
    Hung,
    Skipped,
    NotBuilt(String),
}

/// The place.
pub(super) struct Bench {
    tree: PathBuf,
    target: PathBuf,
    skips: PathBuf,
}

impl Bench {
    /// Below this directory, where the copy is.
    pub(super) fn new(dir: &Path) -> Self {
        Self { tree: dir.join("tree"), target: dir.join("target"), skips: dir.join("skips") }
    }

    /// The test with the mutation; the file is put back whatever comes of it.
    pub(super) fn with(&self, mutant: &Mutant) -> Result<Said> {
        let path = self.tree.join(&mutant.file);
        let was = std::fs::read(&path).with_context(|| path.display().to_string())?;
        copy::write_if_changed(&path, mutant.apply(&self.tree)?.as_bytes())?;
        let said = self.run(mutant);
        copy::write_if_changed(&path, &was)?;
        said
    }

    /// Which of many tests of one file are green with the source as it is.
    pub(super) fn green(&self, mutants: &[&Mutant]) -> Result<BTreeSet<String>> {
        let Some(first) = mutants.first() else { return Ok(BTreeSet::new()) };
        let cases: BTreeSet<&str> = mutants.iter().map(|m| m.case.as_str()).collect();
        std::fs::write(&self.skips, "")?;
        let out = self.cargo(first).args(["--", "--exact"]).args(cases).output().context("run cargo")?;
        if std::fs::metadata(&self.skips)?.len() > 0 {
            return Ok(BTreeSet::new());
        }
        let text = String::from_utf8_lossy(&out.stdout);
        let green = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... ok")?.to_owned());
        Ok(text.lines().filter_map(green).collect())
    }

    /// The test with the source as it is.
    pub(super) fn run(&self, mutant: &Mutant) -> Result<Said> {
        std::fs::write(&self.skips, "")?;
        let out = self.cargo(mutant).args(["--", "--exact", &mutant.case]).output().context("run cargo")?;
        let (text, faults) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        Ok(if !text.contains("running 1 test") {
            Said::NotBuilt(last_lines(&[out.stdout.as_slice(), &out.stderr].concat()))
        } else if std::fs::metadata(&self.skips)?.len() > 0 {
            Said::Skipped
        } else if out.status.success() && text.contains("test result: ok. 1 passed") {
            Said::Green
        } else if faults.contains(HUNG) {
            Said::Hung
        } else {
            Said::Red(last_lines(&[out.stdout.as_slice(), &out.stderr].concat()))
        })
    }

    fn cargo(&self, mutant: &Mutant) -> Command {
        let mut command = Command::new("cargo");
        command.args(["test", "--release", "--locked", "--config", "profile.release.incremental=true"]);
        for package in OURS {
            for setting in ["opt-level=0", "debug=false"] {
                command.arg("--config").arg(format!("profile.release.package.{package}.{setting}"));
            }
        }
        // It ends what hangs, with all that it started; waiting for other builds does not count.
        let runner = format!("target.'cfg(all())'.runner = ['timeout', '--kill-after=10', '{TEST_SEC}']");
        command.args(["--config", &runner, "-p", &mutant.package]);
        match &mutant.test {
            Some(test) => command.args(["--test", test]),
            None => command.arg("--lib"),
        };
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        command.env("HOSTMETER_SKIPS", &self.skips).stdin(Stdio::null());
        command
    }
}

fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
}
