//! Whose CPU it was: what a tier promises of short processes with a known truth. The whole table: `make bench-accuracy`.

use anyhow::{Context, Result};
use hostmeter_tests::credit::{cpu_usec, now_ms, wait_until_shipped};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack};
use hostmeter_tests::storm::{Ending, Fleet, Shape};
use hostmeter_tests::users::is_root;
use serde_json::Value;
use std::time::Duration;

/// Uids that work; none is in passwd. One more does nothing.
const UIDS: u32 = 4;
const FIRST_UID: u32 = 41_100;
/// The last of a process may be credited so much later than it ended.
const LATE_MS: i64 = 2_000;
/// Each figure is cut to whole microseconds.
const ROUNDING_USEC: u64 = 10;

/// What a thread may use after its end was told, which `getrusage` lacks.
const TOLD_BEFORE_USEC: u64 = 20;

/// Least of the truth that the eBPF tier credits to all uids together, in thousandths.
const EBPF_LEAST_SUM: u64 = 999;

/// A load, and what must be credited of it to each uid, in 1/1000 of the truth. More than the truth never is.
struct Promise {
    shape: Shape,
    least: u64,
}

fn promise(processes: u32, burst_ms: u64, threads: u32, ending: Ending, least: u64) -> Promise {
    Promise { shape: Shape { processes, burst_usec: burst_ms * 1_000, threads, ending }, least }
}

/// Reads once all is quiet: the truth of each uid, ns, and the credit of each, µs.
fn quiet(stack: &Stack, fleet: &Fleet, from_ms: i64) -> Result<Vec<(u64, u64)>> {
    wait_until_shipped(&stack.api, HOST, now_ms()? + LATE_MS)?;
    let credited = cpu_usec(&stack.api, HOST, from_ms)?;
    let of = |uid| credited.get(&uid).copied().unwrap_or(0);
    Ok((FIRST_UID..).map(of).zip(fleet.truth_ns()?).map(|(c, t)| (t, c)).collect())
}

fn check(tier: &str, least_sum: u64, promises: &[Promise]) -> Result<()> {
    let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"");
    let mut stack = Stack::new(&Settings { interval: "300ms", agent, ..Settings::default() })?;
    let from_ms = now_ms()? - 60_000;
    stack.enroll_and_start()?;
    let uids: Vec<u32> = (FIRST_UID..=FIRST_UID + UIDS).collect();
    let (working, mut fleet) = (usize::try_from(UIDS)?, Fleet::start(&uids)?);
    let mut before = quiet(&stack, &fleet, from_ms)?;
    let status: Value = serde_json::from_slice(&std::fs::read(stack.path("agent/status.json"))?)?;
    assert_eq!(status["sample"]["tier"], tier, "{status}");
    for Promise { shape, least } in promises {
        let spent = fleet.run(shape, working)?;
        let after = quiet(&stack, &fleet, from_ms)?;
        let sum =
            |f: fn(&(u64, u64)) -> u64| after.iter().map(f).sum::<u64>() - before.iter().map(f).sum::<u64>();
        let (truth_usec, credited_usec) = (sum(|u| u.0) / 1_000, sum(|u| u.1));
        let say = format!("{tier}, {shape:?}: {credited_usec} of {truth_usec} µs in sum");
        assert!(credited_usec + ROUNDING_USEC * u64::from(UIDS) >= truth_usec * least_sum / 1_000, "{say}");
        for (i, uid) in uids.iter().enumerate() {
            let truth_usec = (after[i].0 - before[i].0) / 1_000;
            let credited_usec = after[i].1.checked_sub(before[i].1).context("credit fell")?;
            let say = format!("{tier}, {shape:?}: uid {uid} used {truth_usec} µs, credited {credited_usec}");
            assert!(credited_usec <= truth_usec + ROUNDING_USEC, "too much: {say}");
            assert!(credited_usec + ROUNDING_USEC >= truth_usec * least / 1_000, "too little: {say}");
            if let (Some(spent), true) = (spent.get(i), shape.ending != Ending::Ignored) {
                let own = spent.own_usec + spent.children_usec;
                let lost = u64::from(shape.processes * (shape.threads + 1)) * TOLD_BEFORE_USEC;
                assert!(own.abs_diff(truth_usec) <= truth_usec / 50 + lost, "{own} µs by getrusage: {say}");
            }
            if i == working {
                assert_eq!((truth_usec, credited_usec), (0, 0), "nothing was done: {say}");
            } else {
                let burnt = u64::from(shape.processes * shape.threads) * shape.burst_usec;
                assert!(truth_usec > burnt / 2, "the load was less than ordered, {burnt} µs: {say}");
            }
        }
        before = after;
    }
    let ended = stack.agent.as_mut().context("agent")?.stop(Duration::from_secs(10))?;
    assert!(ended.success(), "the agent ended with {ended}");
    Ok(())
}

#[test]
fn what_proc_credits_is_the_right_uids_and_never_above_the_truth() -> Result<()> {
    if !is_root() {
        skip(
            "what_proc_credits_is_the_right_uids_and_never_above_the_truth",
            "needs root to act as many users",
        );
        return Ok(());
    }
    // Of a short process, polling need not see anything. Of two seconds, all but the last interval.
    check(
        "proc",
        0,
        &[
            promise(20, 0, 1, Ending::Reaped, 0),
            promise(20, 2, 4, Ending::Reaped, 0),
            promise(10, 10, 1, Ending::Ignored, 0),
            promise(10, 10, 2, Ending::LeaderFirst, 0),
            promise(1, 2_000, 1, Ending::Reaped, 500),
            promise(1, 2_000, 1, Ending::Ignored, 500),
            promise(1, 1_000, 2, Ending::LeaderFirst, 500),
        ],
    )
}

#[test]
fn what_ebpf_credits_is_the_truth() -> Result<()> {
    const NAME: &str = "what_ebpf_credits_is_the_truth";
    if !is_root() {
        skip(NAME, "needs root to act as many users");
        return Ok(());
    }
    if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
        skip(NAME, "this kernel has no BTF, which eBPF needs");
        return Ok(());
    }
    let shapes = [
        promise(50, 0, 1, Ending::Reaped, 995),
        promise(50, 2, 1, Ending::Reaped, 995),
        promise(20, 2, 4, Ending::Reaped, 995),
        promise(50, 2, 1, Ending::Ignored, 995),
        promise(20, 10, 4, Ending::Ignored, 995),
        promise(20, 10, 2, Ending::LeaderFirst, 995),
        promise(2, 200, 4, Ending::LeaderFirst, 995),
    ];
    check("ebpf", EBPF_LEAST_SUM, &shapes)
}
