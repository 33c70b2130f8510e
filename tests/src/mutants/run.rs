//! Trying mutations: each test is green without, and red with its mutation.

use super::{Mutant, copy, read};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A test that has not ended by then hangs, which is red, too.
const TEST_SEC: u64 = 300;
/// The first build makes everything.
const BUILD_SEC: u64 = 3_600;
/// Lines of a failure that are shown.
const SHOWN_LINES: usize = 30;
/// Packages that are built anew again and again: quickly rather than well.
const OURS: [&str; 5] =
    ["hostmeter-core", "hostmeter-agent", "hostmeter-collector", "hostmeter-panel", "hostmeter-tests"];

/// What became of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Caught,
    Survived,
    /// The mutation is none.
    NotBuilt(String),
    /// The test is of no use here: red without the mutation, or skipped.
    NoTest(String),
}

/// Where mutations are tried.
struct Bench {
    tree: PathBuf,
    target: PathBuf,
    skips: PathBuf,
    _lock: File,
}

/// What one run of a test said.
struct Said {
    is_green: bool,
    was_skipped: bool,
    text: String,
}

/// Tries the mutations whose name holds one of `wanted`, or all. Returns whether every one was caught.
pub fn run(root: &Path, target: &Path, wanted: &[String], say: &mut dyn FnMut(&str)) -> Result<bool> {
    let mut mutants = read(root)?;
    mutants.retain(|m| wanted.is_empty() || wanted.iter().any(|w| m.name.contains(w)));
    ensure!(!mutants.is_empty(), "no mutation has a name with {wanted:?}");
    // What depends on the core is built anew with it, so that mutations of one package are tried together.
    mutants.sort_by(|a, b| (&a.package, &a.test, &a.file).cmp(&(&b.package, &b.test, &b.file)));
    let bench = Bench::new(root, target)?;
    let mut without: BTreeMap<(String, Option<String>, String), Option<String>> = BTreeMap::new();
    let mut fates = Vec::new();
    for mutant in mutants {
        let begun = Instant::now();
        let key = (mutant.package.clone(), mutant.test.clone(), mutant.case.clone());
        let useless = match without.get(&key) {
            Some(known) => known.clone(),
            None => without.entry(key).or_insert(bench.without(&mutant)?).clone(),
        };
        let fate = useless.map_or_else(|| bench.with(&mutant), |why| Ok(Fate::NoTest(why)))?;
        say(&line(&mutant, &fate, begun.elapsed()));
        fates.push(fate);
    }
    let count = |is: fn(&Fate) -> bool| fates.iter().filter(|f| is(f)).count();
    let caught = count(|f| *f == Fate::Caught);
    let survived = count(|f| *f == Fate::Survived);
    let not_tried = fates.len() - caught - survived;
    let rest = if not_tried == 0 { String::new() } else { format!(", {not_tried} not tried") };
    say(&format!("mutants: {caught} caught, {survived} survived{rest}"));
    Ok(caught == fates.len())
}

fn line(mutant: &Mutant, fate: &Fate, took: Duration) -> String {
    let (word, why) = match fate {
        Fate::Caught => ("caught", ""),
        Fate::Survived => ("SURVIVED", mutant.breaks.as_str()),
        Fate::NotBuilt(why) => ("NOT BUILT", why.as_str()),
        Fate::NoTest(why) => ("NOT TRIED", why.as_str()),
    };
    let line = format!("{word:<10} {:<44} {:>4} s  {}", mutant.name, took.as_secs(), mutant.case);
    if why.is_empty() { line } else { format!("{line}\n           {}", why.replace('\n', "\n           ")) }
}

impl Bench {
    fn new(root: &Path, target: &Path) -> Result<Self> {
        let dir = target.join("mutants");
        let tree = dir.join("tree");
        std::fs::create_dir_all(&tree).with_context(|| tree.display().to_string())?;
        let lock = File::create(dir.join("lock"))?;
        ensure!(lock.try_lock().is_ok(), "{}: mutations are being tried there already", dir.display());
        copy::bring_up_to_date(root, &tree)?;
        let (target, skips) = (dir.join("target"), dir.join("skips"));
        Ok(Self { tree, target, skips, _lock: lock })
    }

    /// Why the test cannot tell anything; `None`: it is green.
    fn without(&self, mutant: &Mutant) -> Result<Option<String>> {
        if let Err(why) = self.build(mutant)? {
            bail!("{}: does not compile without any mutation:\n{why}", mutant.package);
        }
        let said = self.test(mutant)?;
        Ok(match said {
            Said { was_skipped: true, .. } => Some("the test skips itself here; run it as root".to_owned()),
            Said { is_green: true, .. } => None,
            Said { text, .. } => Some(format!("the test is red without the mutation:\n{text}")),
        })
    }

    fn with(&self, mutant: &Mutant) -> Result<Fate> {
        let path = self.tree.join(&mutant.file);
        let was = std::fs::read(&path).with_context(|| path.display().to_string())?;
        copy::write_if_changed(&path, mutant.apply(&self.tree)?.as_bytes())?;
        let fate = self.try_out(mutant);
        copy::write_if_changed(&path, &was)?;
        fate
    }

    fn try_out(&self, mutant: &Mutant) -> Result<Fate> {
        if let Err(why) = self.build(mutant)? {
            return Ok(Fate::NotBuilt(why));
        }
        Ok(if self.test(mutant)?.is_green { Fate::Survived } else { Fate::Caught })
    }

    fn cargo(&self, mutant: &Mutant, limit_sec: u64) -> Command {
        // A command of its own that ends what hangs, with all that it started.
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", &limit_sec.to_string(), "cargo", "test", "--release", "--locked"]);
        for package in OURS {
            for setting in ["opt-level=0", "debug=false"] {
                command.arg("--config").arg(format!("profile.release.package.{package}.{setting}"));
            }
        }
        command.args(["--config", "profile.release.incremental=true", "-p", &mutant.package]);
        match &mutant.test {
            Some(test) => command.args(["--test", test]),
            None => command.arg("--lib"),
        };
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        command.env("HOSTMETER_SKIPS", &self.skips).stdin(Stdio::null());
        command
    }

    /// The fault of the compiler, if there is one.
    fn build(&self, mutant: &Mutant) -> Result<Result<(), String>> {
        let out =
            self.cargo(mutant, BUILD_SEC).args(["--no-run", "--quiet"]).output().context("run cargo")?;
        Ok(if out.status.success() { Ok(()) } else { Err(last_lines(&out.stderr)) })
    }

    fn test(&self, mutant: &Mutant) -> Result<Said> {
        std::fs::write(&self.skips, "")?;
        let out = self.cargo(mutant, TEST_SEC).args(["--", "--exact", &mutant.case]).output();
        let out = out.context("run cargo")?;
        let text = String::from_utf8_lossy(&out.stdout);
        Ok(Said {
            is_green: out.status.success() && text.contains("test result: ok. 1 passed"),
            was_skipped: std::fs::metadata(&self.skips)?.len() > 0,
            text: last_lines(&[out.stdout, out.stderr].concat()),
        })
    }
}

fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
}
