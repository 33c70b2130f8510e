//! Whose CPU it was: what a tier promises of short processes with a known truth. The whole table: `make bench-accuracy`.

use anyhow::{Context, Result};
use hostmeter_tests::bpffs::missing;
use hostmeter_tests::skip::skip;
use hostmeter_tests::storm::{Ending, Metered, Shape, added};
use hostmeter_tests::users::is_root;
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

fn check(tier: &str, least_sum: u64, promises: &[Promise]) -> Result<()> {
    let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"");
    let mut metered = Metered::start(tier, agent, FIRST_UID, UIDS + 1)?;
    let working = usize::try_from(UIDS)?;
    let mut before = metered.quiet_after(LATE_MS)?;
    for Promise { shape, least } in promises {
        let spent = metered.fleet.run(shape, working)?;
        let after = metered.quiet_after(LATE_MS)?;
        let used = added(&before, &after)?;
        let truth_usec = used.iter().map(|u| u.truth_ns).sum::<u64>() / 1_000;
        let credited_usec: u64 = used.iter().map(|u| u.credited_usec).sum();
        let say = format!("{tier}, {shape:?}: {credited_usec} of {truth_usec} µs in sum");
        assert!(credited_usec + ROUNDING_USEC * u64::from(UIDS) >= truth_usec * least_sum / 1_000, "{say}");
        for (i, (uid, used)) in metered.uids.iter().zip(used).enumerate() {
            let (truth_usec, credited_usec) = (used.truth_ns / 1_000, used.credited_usec);
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
    let ended = metered.stack.agent.as_mut().context("agent")?.stop(Duration::from_secs(10))?;
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
    if let Some(why) = missing() {
        skip(NAME, why);
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
