//! Faults of the machine under the real programs: power cuts, a stepped clock, a disk of 64 KiB.

use anyhow::{Context, Result, ensure};
use hostmeter_agent::status;
use hostmeter_tests::power::{Disk, cut_once};
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack};
use hostmeter_tests::users::{Homes, TempUser, is_root};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CUTS: u64 = 12;
/// Work between the last sweep of an interval and its end, and the burner's start.
const SLACK_USEC: i64 = 30_000;
const DAY_MS: i64 = 24 * 3_600_000;

fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// `HOSTMETER_FAULTS=N` asks for more than the ordinary test does.
fn rounds(least: u64) -> Result<u64> {
    let asked = std::env::var("HOSTMETER_FAULTS").ok().map(|n| n.parse::<u64>()).transpose()?;
    Ok(asked.unwrap_or(0).max(least))
}

#[test]
fn after_a_power_cut_every_durable_record_is_there() -> Result<()> {
    const NAME: &str = "after_a_power_cut_every_durable_record_is_there";
    let dir = tempfile::tempdir()?;
    if !is_root() {
        skip(NAME, "needs root to mount a file system");
        return Ok(());
    }
    let mut disk = match Disk::new(dir.path()) {
        Ok(disk) => disk,
        Err(e) => {
            skip(NAME, &format!("an ext4 in a file cannot be mounted here: {e:#}"));
            return Ok(());
        }
    };
    let (cuts, mut records) = (rounds(CUTS)?, 0);
    for n in 0..cuts {
        // From before the first record to some hundreds of them.
        let after = Duration::from_micros(n.wrapping_mul(7_919) % 120_000);
        records +=
            cut_once(&mut disk, after, dir.path()).with_context(|| format!("cut {n} after {after:?}"))?;
    }
    ensure!(records > 100, "only {records} records: this test shows nothing");
    eprintln!("{cuts} power cuts, {records} durable records, 0 lost");
    Ok(())
}

/// A load whose CPU time is known in the end.
struct Load {
    homes: Homes,
    user: TempUser,
    burn: Running,
    from_ms: i64,
}

impl Load {
    fn start() -> Result<Self> {
        let homes = Homes::new()?;
        let user = TempUser::new(homes.path())?;
        let mut burn = homes.command_as(&user, "burner")?;
        burn.arg("--until").arg(homes.path().join("stop")).args(["--linger", "60"]);
        let burn = Running::start("burner", &mut burn, homes.path())?;
        Ok(Self { homes, user, burn, from_ms: now_ms()? - 1_000 })
    }

    /// Ends it, and compares what was metered with what the kernel charged it for: no gap, nothing twice.
    fn check(mut self, stack: &Stack) -> Result<()> {
        std::fs::write(self.homes.path().join("stop"), "")?;
        let mut line = [0_u8; 32];
        let n = self.burn.stdout().context("output")?.read(&mut line)?;
        let truth: i64 = std::str::from_utf8(line.get(..n).context("line")?)?.trim().parse()?;
        let to_ms = now_ms()? + 500;
        let db = rusqlite::Connection::open(stack.path("data/control.db"))?;
        let watermark = "SELECT coalesce(watermark_ms, 0) FROM host WHERE name = ?1";
        wait_for("everything to be acknowledged", Duration::from_secs(90), || {
            let at: i64 = db.query_row(watermark, [HOST], |r| r.get(0))?;
            Ok((at >= to_ms).then_some(()))
        })?;
        let stamp = hostmeter_core::units::rfc3339;
        let path = format!(
            "/v1/accounts/{}@{HOST}/usage?from={}&to={}&step=60&meters=cpu_usec",
            self.user.name,
            stamp(self.from_ms),
            stamp(to_ms)
        );
        let usage = stack.api.get(&path)?.ok()?;
        let total = usage["meters"]["cpu_usec"]["total"].as_i64().context("total")?;
        let (count, high): (i64, i64) =
            db.query_row("SELECT count(*), max(seq) FROM envelope", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
        ensure!(count == high, "a hole in the chain: {count} envelopes up to {high}");
        ensure!(usage["gaps"].as_array().is_some_and(Vec::is_empty), "gaps: {}", usage["gaps"]);
        ensure!((total - truth).abs() <= SLACK_USEC, "metered {total} µs of {truth}");
        Ok(())
    }
}

fn faketime() -> Option<PathBuf> {
    let arch = std::env::consts::ARCH;
    let path = PathBuf::from(format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketime.so.1"));
    path.exists().then_some(path)
}

fn wall_of(state: &Path) -> Result<i64> {
    Ok(status::read(state)?.context("status")?.written_ms)
}

#[test]
fn a_stepped_clock_neither_moves_nor_doubles_usage() -> Result<()> {
    const NAME: &str = "a_stepped_clock_neither_moves_nor_doubles_usage";
    if !is_root() {
        skip(NAME, "needs root to make a user");
        return Ok(());
    }
    let Some(library) = faketime() else {
        skip(NAME, "libfaketime is not installed; packaging/deps test installs it");
        return Ok(());
    };
    let mut stack = Stack::new(&Settings { interval: "200ms", ..Settings::default() })?;
    stack.enroll()?;
    let step = stack.path("step");
    std::fs::write(&step, "+0")?;
    let preload = [
        ("LD_PRELOAD", library.as_os_str()),
        ("FAKETIME_TIMESTAMP_FILE", step.as_os_str()),
        ("FAKETIME_NO_CACHE", "1".as_ref()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
        ("DONT_FAKE_MONOTONIC", "1".as_ref()),
    ];
    stack.start_agent_with(|command: &mut Command| {
        command.envs(preload);
    })?;
    stack.wait_for_first_batch()?;
    let load = Load::start()?;
    for (text, skew_ms) in [("+40", 40_000), ("-2d", -2 * DAY_MS), ("+30d", 30 * DAY_MS), ("+0", 0)] {
        std::fs::write(&step, text)?;
        wait_for("the agent's wall clock to step", Duration::from_secs(20), || {
            let off_ms = wall_of(&stack.path("agent"))? - now_ms()? - skew_ms;
            Ok((off_ms.abs() < 10_000).then_some(()))
        })?;
        // Some intervals under this clock.
        std::thread::park_timeout(Duration::from_millis(700));
    }
    load.check(&stack)
}

#[test]
fn a_disk_of_64_kib_loses_nothing() -> Result<()> {
    const NAME: &str = "a_disk_of_64_kib_loses_nothing";
    if !is_root() {
        skip(NAME, "needs root to make a user and to mount a tmpfs");
        return Ok(());
    }
    let mut stack = Stack::new(&Settings { interval: "100ms", ..Settings::default() })?;
    stack.enroll()?;
    let state = stack.path("agent");
    let Some(_disk) = Small::mount(&state.join("spool"))? else {
        skip(NAME, "mounting a tmpfs is not allowed here");
        return Ok(());
    };
    stack.start_agent()?;
    stack.wait_for_first_batch()?;
    let load = Load::start()?;
    stack.collector.as_mut().context("collector")?.kill();
    wait_for("the disk to be half full", Duration::from_secs(90), || {
        let now = status::read(&state)?.context("status")?;
        ensure!(now.sample.error.is_empty(), "{}", now.sample.error);
        Ok((now.sample.interval_ms >= 60_000).then_some(()))
    })?;
    // It would be full within seconds if intervals had not lengthened.
    std::thread::park_timeout(Duration::from_secs(5));
    let held = status::read(&state)?.context("status")?.spool;
    ensure!(held.cap_bytes <= 64 * 1024 && held.unacked_bytes > held.cap_bytes / 3, "{held:?}");
    stack.start_collector()?;
    wait_for("the spool to drain", Duration::from_secs(60), || {
        let now = status::read(&state)?.context("status")?;
        Ok((now.spool.unacked_bytes < held.unacked_bytes / 4).then_some(()))
    })?;
    load.check(&stack)
}

/// A tmpfs of 64 KiB that is gone when this value is.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Result<Option<Self>> {
        std::fs::create_dir_all(at)?;
        let options = ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs"];
        let is_mounted = Command::new("mount").args(options).arg(at).status()?.success();
        Ok(is_mounted.then(|| Self(at.to_owned())))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
