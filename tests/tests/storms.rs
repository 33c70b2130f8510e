//! The kernel adds up by itself: what an agent that was stopped, killed or flooded did not see is credited all the
//! same, once.

use anyhow::{Context, Result};
use hostmeter_tests::bpffs::{BpfFs, missing};
use hostmeter_tests::credit::{gaps, now_ms, used};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::HOST;
use hostmeter_tests::storm::{Ending, Metered, PROCESSES_MAX, Shape, Used, added};
use rustix::process::Signal;
use std::time::Duration;

/// Uids that work at once.
const UIDS: u32 = 4;
/// Each figure is cut to whole microseconds.
const ROUNDING_USEC: u64 = 10;
/// Least of the truth that is credited to each uid, and in sum, in thousandths.
const LEAST: u64 = 995;
const LEAST_SUM: u64 = 999;

/// Short processes, some hundreds a second of each uid.
const SHORT: Shape = Shape { processes: 50, burst_usec: 300, threads: 1, ending: Ending::Reaped };

fn ebpf(bpffs: &str) -> String {
    format!("[meters]\nkernel = \"ebpf\"\nbpffs = \"{bpffs}\"")
}

/// The promise of the eBPF tier: never above the truth, and next to all of it.
fn check(what: &str, uids: &[u32], used: &[Used]) {
    for (uid, u) in uids.iter().zip(used) {
        let truth_usec = u.truth_ns / 1_000;
        let say = format!("{what}: uid {uid} used {truth_usec} µs, credited {}", u.credited_usec);
        assert!(u.credited_usec <= truth_usec + ROUNDING_USEC, "too much: {say}");
        assert!(u.credited_usec + ROUNDING_USEC >= truth_usec * LEAST / 1_000, "too little: {say}");
    }
    let truth: u64 = used.iter().map(|u| u.truth_ns / 1_000).sum();
    let credited: u64 = used.iter().map(|u| u.credited_usec).sum();
    let say = format!("{what}: {credited} of {truth} µs: {used:?}");
    assert!(truth > 100_000, "there was no storm: {say}");
    assert!(credited + ROUNDING_USEC * u64::from(UIDS) >= truth * LEAST_SUM / 1_000, "sum: {say}");
}

#[test]
fn five_stopped_seconds_in_a_storm_are_credited_afterwards() -> Result<()> {
    if let Some(why) = missing() {
        skip("five_stopped_seconds_in_a_storm_are_credited_afterwards", why);
        return Ok(());
    }
    let mut metered = Metered::start("ebpf", ebpf("none"), 41_300, UIDS)?;
    let before = metered.quiet()?;
    let from_ms = now_ms()? - 1_000;
    let rounds = metered.storm_while(&SHORT, |stack| {
        std::thread::park_timeout(Duration::from_millis(500));
        let agent = stack.agent.as_ref().context("agent")?;
        agent.signal(Signal::STOP)?;
        std::thread::park_timeout(Duration::from_secs(5));
        agent.signal(Signal::CONT)?;
        std::thread::park_timeout(Duration::from_millis(500));
        Ok(())
    })?;
    let used = added(&before, &metered.quiet()?)?;
    check(&format!("stopped, {rounds} rounds"), &metered.uids, &used);
    for uid in &metered.uids {
        assert_eq!(gaps(&metered.stack.api, HOST, *uid, from_ms)?, [], "a wide interval is no gap");
    }
    Ok(())
}

/// When the agent is killed in a storm, ms after the time before: in the middle of its work, and while it starts.
const KILLS_MS: [u64; 8] = [300, 800, 20, 500, 5, 90, 400, 700];

#[test]
fn kills_in_a_storm_lose_nothing_where_figures_are_pinned() -> Result<()> {
    if let Some(why) = missing() {
        skip("kills_in_a_storm_lose_nothing_where_figures_are_pinned", why);
        return Ok(());
    }
    let bpffs = BpfFs::mount()?;
    let mut metered = Metered::start("ebpf", ebpf(&bpffs.path().display().to_string()), 41_310, UIDS)?;
    let before = metered.quiet()?;
    let from_ms = now_ms()? - 1_000;
    let rounds = metered.storm_while(&SHORT, |stack| {
        for ms in KILLS_MS {
            std::thread::park_timeout(Duration::from_millis(ms));
            stack.agent.as_mut().context("agent")?.kill();
            stack.start_agent()?;
        }
        Ok(())
    })?;
    let used = added(&before, &metered.quiet()?)?;
    check(&format!("killed, {rounds} rounds"), &metered.uids, &used);
    for uid in &metered.uids {
        assert_eq!(
            gaps(&metered.stack.api, HOST, *uid, from_ms)?,
            [],
            "nothing is missing, so nothing is a gap"
        );
    }
    // What runs while no agent lives is counted too.
    let before = metered.quiet()?;
    metered.stack.agent.as_mut().context("agent")?.kill();
    rounds_of(&mut metered, &SHORT, 3)?;
    metered.stack.start_agent()?;
    check("without an agent", &metered.uids, &added(&before, &metered.quiet()?)?);
    Ok(())
}

fn rounds_of(metered: &mut Metered, shape: &Shape, rounds: u32) -> Result<()> {
    let all = metered.uids.len();
    (0..rounds).try_for_each(|_| metered.fleet.run(shape, all).map(drop))
}

#[test]
fn figures_whose_pins_are_gone_begin_anew_and_the_gap_is_named() -> Result<()> {
    if let Some(why) = missing() {
        skip("figures_whose_pins_are_gone_begin_anew_and_the_gap_is_named", why);
        return Ok(());
    }
    let bpffs = BpfFs::mount()?;
    let mut metered = Metered::start("ebpf", ebpf(&bpffs.path().display().to_string()), 41_320, UIDS)?;
    let before = metered.quiet()?;
    rounds_of(&mut metered, &SHORT, 3)?;
    let first = metered.quiet()?;
    check("before the kill", &metered.uids, &added(&before, &first)?);

    metered.stack.agent.as_mut().context("agent")?.kill();
    let killed_ms = now_ms()?;
    let pins = bpffs.pins()?;
    assert!(pins.len() > 3, "figures and programs were pinned: {pins:?}");
    pins.iter().try_for_each(std::fs::remove_file)?;
    rounds_of(&mut metered, &SHORT, 3)?;
    std::thread::park_timeout(Duration::from_secs(1));
    let started_ms = now_ms()?;
    metered.stack.start_agent()?;
    let second = metered.quiet()?;
    for (uid, unseen) in metered.uids.iter().zip(added(&first, &second)?) {
        assert!(unseen.truth_ns > 10_000_000, "nothing was done: {unseen:?}");
        assert_eq!(unseen.credited_usec, 0, "nobody counted uid {uid}, so nothing is credited: {unseen:?}");
        let gaps = gaps(&metered.stack.api, HOST, *uid, killed_ms - 500)?;
        let is_named = gaps
            .iter()
            .any(|(from, to, why)| *from <= killed_ms + 100 && *to >= started_ms - 100 && !why.is_empty());
        assert!(is_named, "{killed_ms} to {started_ms} is no gap of uid {uid}: {gaps:?}");
    }
    rounds_of(&mut metered, &SHORT, 3)?;
    check("after the gap", &metered.uids, &added(&second, &metered.quiet()?)?);
    Ok(())
}

/// So many processes in all.
const MANY: u64 = 30_000;

/// Starts by the collector, in the order of the uids.
fn starts(metered: &Metered, from_ms: i64) -> Result<Vec<u64>> {
    let starts = used(&metered.stack.api, HOST, from_ms, "process_starts")?;
    Ok(metered.uids.iter().map(|uid| starts.get(uid).copied().unwrap_or(0)).collect())
}

#[test]
fn thirty_thousand_short_processes_are_counted_one_by_one() -> Result<()> {
    if let Some(why) = missing() {
        skip("thirty_thousand_short_processes_are_counted_one_by_one", why);
        return Ok(());
    }
    let shape = Shape { processes: PROCESSES_MAX, burst_usec: 0, threads: 1, ending: Ending::Ignored };
    let rounds = MANY.div_ceil(u64::from(UIDS * PROCESSES_MAX));
    let mut metered = Metered::start("ebpf", ebpf("none"), 41_330, UIDS)?;
    let from_ms = now_ms()? - 60_000;
    let before = metered.quiet()?;
    let starts_before = starts(&metered, from_ms)?;
    rounds_of(&mut metered, &shape, u32::try_from(rounds)?)?;
    check("thirty thousand", &metered.uids, &added(&before, &metered.quiet()?)?);
    for (before, after) in starts_before.iter().zip(starts(&metered, from_ms)?) {
        assert_eq!(after - before, rounds * u64::from(PROCESSES_MAX), "starts of a uid");
    }
    Ok(())
}

#[test]
fn proc_says_how_little_it_sees_of_thirty_thousand_short_processes() -> Result<()> {
    if !hostmeter_tests::users::is_root() {
        skip(
            "proc_says_how_little_it_sees_of_thirty_thousand_short_processes",
            "needs root to act as many users",
        );
        return Ok(());
    }
    let shape = Shape { processes: PROCESSES_MAX, burst_usec: 0, threads: 1, ending: Ending::Ignored };
    let rounds = MANY.div_ceil(u64::from(UIDS * PROCESSES_MAX));
    let mut metered = Metered::start("proc", "[meters]\nkernel = \"proc\"".to_owned(), 41_340, UIDS)?;
    let before = metered.quiet()?;
    let mut least_seen = 1.0_f64;
    for _ in 0..rounds {
        rounds_of(&mut metered, &shape, 1)?;
        let host = metered.stack.api.get(&format!("/v1/hosts/{HOST}"))?.ok()?;
        least_seen = least_seen.min(host["coverage"]["cpu"].as_f64().unwrap_or(1.0));
    }
    let used = added(&before, &metered.quiet()?)?;
    for (uid, u) in metered.uids.iter().zip(used) {
        assert!(u.credited_usec <= u.truth_ns / 1_000 + ROUNDING_USEC, "too much for uid {uid}: {u:?}");
        assert!(u.credited_usec > 0, "the starter itself is seen: {u:?}");
    }
    // A core or more was busy with what no sweep saw.
    assert!(least_seen < 0.9, "coverage never fell below {least_seen}");
    Ok(())
}
