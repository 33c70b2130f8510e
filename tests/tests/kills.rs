//! `kill -9` of agent and collector at random under load: nothing lost, nothing twice.

use anyhow::{Context, Result, ensure};
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack};
use hostmeter_tests::users::{Homes, TempUser, is_root};
use serde_json::Value;
use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KILLS: u32 = 200;
/// Work between the last sweep of an interval and its end, and the burner's start: not a gap, not much.
const SLACK_USEC: i64 = 20_000;

/// A repeatable sequence (Knuth's MMIX constants): the seed is printed with a failure.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Length of the union of the gaps within `[from, to)` that touch CPU, milliseconds.
fn gap_ms(usage: &Value, from_ms: i64, to_ms: i64) -> Result<i64> {
    let mut spans = Vec::new();
    for gap in usage["gaps"].as_array().context("gaps")? {
        let reason = gap["reason"].as_str().unwrap_or_default();
        ensure!(!reason.is_empty(), "a gap without a name: {gap}");
        let at = |key: &str| -> Result<i64> {
            Ok(hostmeter_core::units::parse_rfc3339_ms(gap[key].as_str().context("gap's time")?)?
                .clamp(from_ms, to_ms))
        };
        spans.push((at("from")?, at("to")?));
    }
    spans.sort_unstable();
    let mut end = from_ms;
    Ok(spans.iter().fold(0, |sum, (a, b)| {
        let part = (*b - (*a).max(end)).max(0);
        end = end.max(*b);
        sum + part
    }))
}

/// The host's watermark in control.db.
fn watermark_ms(db: &rusqlite::Connection) -> Result<i64> {
    Ok(db.query_row("SELECT coalesce(watermark_ms, 0) FROM host WHERE name = ?1", [HOST], |r| r.get(0))?)
}

#[test]
fn two_hundred_kills_lose_nothing_and_count_nothing_twice() -> Result<()> {
    if !is_root() {
        skip("two_hundred_kills_lose_nothing_and_count_nothing_twice", "needs root to make a user");
        return Ok(());
    }
    let seed = u64::try_from(now_ms()?)?;
    let mut random = Random(seed);
    let homes = Homes::new()?;
    let user = TempUser::new(homes.path())?;
    let mut stack = Stack::new(&Settings { interval: "200ms", ..Settings::default() })?;
    stack.enroll_and_start()?;
    stack.wait_for_first_batch()?;
    // Well before the work: an interval that holds the start of what is asked for would give only a part of itself.
    let from_ms = now_ms()? - 1_000;
    let stop = homes.path().join("stop");
    let mut burn = homes.command_as(&user, "burner")?;
    let mut burn =
        Running::start("burner", burn.arg("--until").arg(&stop).args(["--linger", "60"]), homes.path())?;
    for _ in 0..KILLS {
        std::thread::park_timeout(Duration::from_millis(random.below(600)));
        if random.below(2) == 0 {
            stack.agent.as_mut().context("agent")?.kill();
            stack.start_agent()?;
        } else {
            stack.collector.as_mut().context("collector")?.kill();
            stack.start_collector()?;
        }
    }
    std::thread::park_timeout(Duration::from_secs(2));
    std::fs::write(&stop, "")?;
    let mut out = burn.stdout().context("output")?;
    let mut truth = [0_u8; 32];
    let n = out.read(&mut truth)?;
    let truth_usec: i64 = std::str::from_utf8(truth.get(..n).context("line")?)?.trim().parse()?;
    let to_ms = now_ms()? + 500;

    let db = rusqlite::Connection::open(stack.path("data/control.db"))?;
    wait_for("everything to be acknowledged", Duration::from_secs(60), || {
        Ok((watermark_ms(&db)? >= to_ms).then_some(()))
    })?;
    let stamp = hostmeter_core::units::rfc3339;
    let path = format!(
        "/v1/accounts/{}@{HOST}/usage?from={}&to={}&step=60&meters=cpu_usec",
        user.name,
        stamp(from_ms),
        stamp(to_ms)
    );
    let usage = stack.api.get(&path)?.ok()?;
    let total = usage["meters"]["cpu_usec"]["total"].as_i64().context("total")?;
    let gaps_usec = gap_ms(&usage, from_ms, to_ms)? * 1_000;
    let say = format!("seed {seed}: truth {truth_usec} µs, metered {total}, gaps {gaps_usec}");
    assert!(total <= truth_usec + SLACK_USEC, "counted twice: {say}");
    assert!(total + gaps_usec + SLACK_USEC >= truth_usec, "lost without a name: {say}");
    assert!(total * 10 > truth_usec, "most of it is a gap, so that this test shows nothing: {say}");

    // The bill's hour totals are the graph's total.
    let billed: i64 = db.query_row(
        "SELECT sum(cpu_usec) FROM usage_hour JOIN account ON account.id = account WHERE name = ?1",
        [format!("{}@{HOST}", user.name)],
        |r| r.get(0),
    )?;
    assert_eq!(billed, total, "graph = bill; {say}");
    // Every number from 1 to the highest was stored, once each (the primary key holds the latter).
    let (count, high): (i64, i64) =
        db.query_row("SELECT count(*), max(seq) FROM envelope", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    assert_eq!(count, high, "no hole in the chain; {say}");
    let state: String = db.query_row("SELECT state FROM host", [], |r| r.get(0))?;
    assert_eq!(state, "live", "nothing looked like a fork; {say}");
    Ok(())
}
