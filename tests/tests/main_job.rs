//! The main job: a process of this machine becomes usage under the demo, to within 1 %.

use anyhow::{Context, Result};
use hostmeter_tests::demo::Demo;
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::users::{Homes, TempUser, is_root};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long the burner burns, CPU seconds.
const BURN_SEC: u32 = 20;

fn now_ms() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// RFC 3339 in UTC.
fn stamp(ms: u64) -> Result<String> {
    Ok(hostmeter_core::units::rfc3339(i64::try_from(ms)?))
}

#[test]
fn a_burnt_core_is_twenty_seconds_on_the_bill_and_nobody_elses() -> Result<()> {
    if !is_root() {
        skip("a_burnt_core_is_twenty_seconds_on_the_bill_and_nobody_elses", "needs root to make users");
        return Ok(());
    }
    let homes = Homes::new()?;
    let (burner, idler) = (TempUser::new(homes.path())?, TempUser::new(homes.path())?);
    let mut idle = homes.command_as(&idler, "burner")?;
    let idle = Running::start("idler", idle.args(["0.001", "--linger", "120"]), homes.path())?;
    let demo = Demo::start()?;
    demo.account_of(idler.uid, Duration::from_secs(5))?;
    let from = now_ms()?.saturating_sub(2_000);
    let before = Clocks::now()?;
    let mut burn = homes.command_as(&burner, "burner")?;
    let burn = burn.args([&BURN_SEC.to_string(), "--linger", "3"]);
    let mut burn = Running::start("burner", burn, homes.path())?;
    let mut out = BufReader::new(burn.stdout().context("output")?);
    let account = demo.account_of(burner.uid, Duration::from_secs(5))?;
    assert_eq!(account, format!("{}@{}", burner.name, demo.host));
    let mut truth = String::new();
    // The burner prints its figure and then lingers.
    out.read_line(&mut truth)?;
    let burnt_ms = now_ms()?;
    burn.wait(Duration::from_secs(120))?;
    let truth_usec: i64 = truth.trim().parse().context("the burner's own figure")?;

    let path = |id: &str, meters: &str| -> Result<String> {
        let to = stamp(now_ms()? + 10_000)?;
        Ok(format!("/v1/accounts/{id}/usage?from={}&to={to}&step=1&meters={meters}", stamp(from)?))
    };
    let got = demo.api.get(&path(&account, "cpu_usec")?)?.ok()?;
    let total = got["meters"]["cpu_usec"]["total"].as_i64().context("total")?;
    let goal = i64::from(BURN_SEC) * 1_000_000;
    assert!((total - goal).abs() <= goal / 100, "{total} µs metered, {goal} burnt, {truth_usec} by rusage");
    assert!(total <= truth_usec + 20_000, "never above the truth: {total} > {truth_usec}");

    // The graph's points are the total, to the microsecond.
    let points = got["meters"]["cpu_usec"]["points"].as_array().context("points")?;
    let sum: i64 = points.iter().filter_map(|p| p[1].as_i64()).sum();
    assert_eq!(sum, total, "graph = total");

    let other = format!("{}@{}", idler.name, demo.host);
    let got = demo.api.get(&path(&other, "cpu_usec")?)?.ok()?;
    let total = got["meters"]["cpu_usec"]["total"].as_i64().context("total of the second user")?;
    assert_eq!(total, 0, "the second user's process slept");
    drop(idle);
    page_shows_the_apis_total(&demo, &account, || demo.api.get(&path(&account, "cpu_usec")?)?.ok())?;
    // The first and the last second are only partly of the burn: programs start and end there.
    conservation_holds(&demo, from + 4_000, burnt_ms - 1_000, &before.until_now()?)
}

/// The account's page in the panel says the same total, to the microsecond.
fn page_shows_the_apis_total(demo: &Demo, account: &str, usage: impl Fn() -> Result<Value>) -> Result<()> {
    let text = |key: &str| demo.ready[key].as_str().unwrap_or_default();
    // A last interval may come in between the two questions.
    wait_for("the page to say the API's total", Duration::from_secs(10), || {
        let page = hostmeter_tests::browse::page(
            &demo.url,
            text("admin_login"),
            text("admin_password"),
            &format!("/accounts/{account}?range=1h"),
        )?;
        let total = usage()?["meters"]["cpu_usec"]["total"].as_u64().context("total")?;
        let (sec, ms, usec) = (total / 1_000_000, total / 1_000 % 1_000, total % 1_000);
        Ok(page.contains(&format!("<dd class=\"exact\">{sec},{ms:03},{usec:03} µs</dd>")).then_some(()))
    })
}

/// What the kernel's own clocks say of all CPUs since boot, by `/proc/stat`.
struct Clocks {
    at: Instant,
    /// Taken by the hypervisor, µs. Where the kernel is not told in time, it charges that to whom it was taken from,
    /// while the busy time leaves it out.
    stolen_usec: i64,
    /// In any column: idle, busy or stolen, µs. A CPU that is woken from idleness by an interrupt spends some time
    /// that is in none; the busy time, which is what idleness leaves, holds it, and it is nobody's.
    counted_usec: i64,
}

/// What went by between two looks at them.
struct Unowned {
    stolen_usec: i64,
    /// In no column, of 1,000,000.
    uncounted_ppm: i64,
}

impl Clocks {
    fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        // user nice system idle iowait irq softirq steal; guests are in user (proc_stat(5)).
        let columns = stat.lines().next().context("cpu")?.split_whitespace().skip(1).take(8);
        let ticks = columns.map(str::parse).collect::<Result<Vec<i64>, _>>()?;
        let stolen = ticks.get(7).context("steal")?;
        let counted_usec = ticks.iter().sum::<i64>() * 10_000;
        Ok(Self { at: Instant::now(), stolen_usec: stolen * 10_000, counted_usec })
    }

    fn until_now(&self) -> Result<Unowned> {
        let now = Self::now()?;
        let cpus = i64::try_from(std::thread::available_parallelism()?.get())?;
        let whole_usec = i64::try_from((now.at - self.at).as_micros())? * cpus;
        let uncounted_usec = (whole_usec - (now.counted_usec - self.counted_usec)).max(0);
        let stolen_usec = now.stolen_usec - self.stolen_usec;
        Ok(Unowned { stolen_usec, uncounted_ppm: uncounted_usec * 1_000_000 / whole_usec })
    }
}

/// Invariant 2 between `from_ms` and `to_ms`: accounts + system are within 1 % of the host's busy time, or within 10 ms a
/// CPU, beside what the kernel's clocks do not own up to; above it by more only where time was stolen. For each interval of a second it is 10 ms a CPU at either end: both
/// clocks go by ticks, and what one interval has too much the next one lacks.
fn conservation_holds(demo: &Demo, from_ms: u64, to_ms: u64, unowned: &Unowned) -> Result<()> {
    let Unowned { stolen_usec, uncounted_ppm } = *unowned;
    let cpus = i64::try_from(std::thread::available_parallelism()?.get())?;
    let mut remainders = Vec::new();
    let mut broken = Vec::new();
    let (mut beyond_usec, mut all_busy_usec) = (0, 0);
    for second in from_ms / 1_000..to_ms / 1_000 {
        let (from, to) = (stamp(second * 1_000)?, stamp(second * 1_000 + 1_000)?);
        let fleet = demo.api.get(&format!("/v1/fleet?from={from}&to={to}"))?.ok()?;
        let used = &fleet["hosts"][0]["used"];
        let of = |name: &str| used[name].as_i64().with_context(|| format!("{name} at {from} in {used}"));
        let (busy, remainder) = (of("busy_usec")?, of("remainder_usec")?);
        assert_eq!(of("accounts_usec")? + of("system_usec")? + remainder, busy, "{from}: {used}");
        let bound = (busy / 100).max(cpus * 10_000);
        if remainder > bound.max(2 * cpus * 10_000) {
            broken.push((from, remainder, busy));
        }
        beyond_usec += (-remainder - bound).max(0);
        remainders.push(remainder);
        all_busy_usec += busy;
    }
    let all_usec: i64 = remainders.iter().sum();
    let stretch_usec = i64::try_from(remainders.len())? * 1_000_000 * cpus;
    let uncounted_usec = stretch_usec / 1_000_000 * uncounted_ppm;
    let bound = (all_busy_usec / 100).max(cpus * 10_000) + uncounted_usec;
    assert!(
        all_usec <= bound,
        "{all_usec} µs of {all_busy_usec} were not measured, {uncounted_usec} of them by no clock: {remainders:?}"
    );
    assert!(remainders.len() >= 15, "only {} intervals", remainders.len());
    assert!(broken.is_empty(), "(interval, remainder µs, busy µs): {broken:?} of {remainders:?}");
    assert!(
        beyond_usec <= stolen_usec,
        "{beyond_usec} µs more were counted than the CPUs were busy, and {stolen_usec} µs were stolen: {remainders:?}"
    );
    Ok(())
}

#[test]
fn the_first_figures_stand_within_ten_seconds_and_nothing_is_left_behind() -> Result<()> {
    let start = std::time::Instant::now();
    let mut demo = Demo::start()?;
    let id = demo.any_account(Duration::from_secs(10))?;
    let got: Value = wait_for("a first figure", Duration::from_secs(10), || {
        let (from, to) = (stamp(now_ms()? - 60_000)?, stamp(now_ms()?)?);
        let path = format!("/v1/accounts/{id}/usage?from={from}&to={to}&step=1&meters=cpu_usec");
        let usage = demo.api.get(&path)?.ok()?;
        let points = usage["meters"]["cpu_usec"]["points"].as_array().context("points")?;
        Ok(points.iter().any(|p| p[1].is_i64()).then_some(usage))
    })?;
    assert!(got["account"].is_string());
    assert!(start.elapsed() < Duration::from_secs(10), "first figure after {:?}", start.elapsed());
    let pid = demo.process.pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    assert_eq!(children.split_whitespace().count(), 2, "a collector and an agent run");
    assert!(demo.process.stop(Duration::from_secs(15))?.success());
    for child in children.split_whitespace() {
        assert!(!std::path::Path::new("/proc").join(child).exists(), "process {child} is left behind");
    }
    Ok(())
}
