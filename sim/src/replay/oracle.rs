//! The Python side: makes a scenario, and says what it costs.

use super::{Compared, Replay};
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which scenario.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// Everything follows from it.
    pub seed: u64,
    /// Hosting accounts.
    pub accounts: u32,
    /// Days of usage.
    pub days: u32,
    /// 0: the first order of arrival; others shuffle deliveries and charge runs.
    pub shuffle: u64,
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/oracle").join(name)
}

fn python(name: &str, args: &[&str], out: &Path) -> Result<()> {
    let mut command = Command::new("python3");
    command.arg(script(name)).args(args).stdin(Stdio::null()).stdout(File::create(out)?);
    let status = command.status().with_context(|| format!("python3 {name}"))?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| path.display().to_string())
}

/// Makes a scenario, replays it, and holds collector and oracle against one another.
pub fn hold(world: &World) -> Result<Compared> {
    let dir = tempfile::Builder::new().prefix("hostmeter-oracle").tempdir_in(crate::template::memory())?;
    let [scenario, answer, lines] =
        ["scenario", "answer", "lines"].map(|name| dir.path().join(name).with_extension("jsonl"));
    let [seed, accounts, days, shuffle] =
        [world.seed, world.accounts.into(), world.days.into(), world.shuffle].map(|n| n.to_string());
    let args = ["--seed", &seed, "--accounts", &accounts, "--days", &days, "--shuffle", &shuffle];
    python("scenario.py", &args, &scenario)?;
    python("oracle.py", &[path(&scenario)?, "--lines", path(&lines)?], &answer)?;
    let mut replay = Replay::run(&scenario, &dir.path().join("collector"))?;
    let compared = replay.compare(&answer, &lines)?;
    replay.verify()?;
    Ok(compared)
}
