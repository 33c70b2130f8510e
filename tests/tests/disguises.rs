//! What processes choose or reuse to look like others: names of any bytes, and pids of those that were there before.

use anyhow::{Context, Result, ensure};
use hostmeter_core::name::escape;
use hostmeter_tests::bpffs::missing;
use hostmeter_tests::credit::{cpu_usec, now_ms, wait_until_shipped};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack};
use hostmeter_tests::talk::Talk;
use hostmeter_tests::users::{Homes, is_root};
use std::collections::BTreeSet;
use std::time::Duration;

/// Two intervals: by then the last of a process is credited.
const LATE_MS: i64 = 600;
const LIMIT: Duration = Duration::from_secs(20);

/// Whether a tier can be tested here; says so if not.
fn can(test: &str, tier: &str) -> bool {
    let why = if tier == "ebpf" { missing() } else { (!is_root()).then_some("needs root") };
    why.into_iter().for_each(|why| skip(test, why));
    why.is_none()
}

fn start(tier: &str, interval: &'static str) -> Result<Stack> {
    let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"\n[meters.disk]\non = false");
    let mut stack = Stack::new(&Settings { interval, agent, ..Settings::default() })?;
    stack.enroll_and_start()?;
    stack.wait_for_first_batch()?;
    Ok(stack)
}

/// Names up to 15 bytes, as prctl(2) takes them: few enough that each has a line of its own.
const NAMES: [&[u8]; 9] = [
    b"",
    b") R 0 0\n(x",
    b"\x01\x1b[31m\x07\r\n\t",
    "é漢字".as_bytes(),
    b"\xff\xfe\x80",
    b"%00",
    b"<script>alert(1",
    b"a b\"'&c",
    b"../../etc/@~1",
];

/// More than a process of some MiB can have used in the minute that a list covers at most.
const MEMORY_KIB_SEC_MAX: u64 = (10 << 10) * 60;

fn hostile_names(test: &str, tier: &str, uid: u32) -> Result<()> {
    if !can(test, tier) {
        return Ok(());
    }
    let homes = Homes::new()?;
    let mut named = Vec::new();
    // The rest has that name, too.
    for name in NAMES.iter().chain(&[b"other".as_slice()]) {
        let hex: String = name.iter().map(|b| format!("{b:02x}")).collect();
        named.push(Talk::start(homes.command_as_uid(uid, "crowd")?.args(["name", &hex]))?);
    }
    named.iter_mut().try_for_each(|n| n.expect("ready"))?;
    // An agent makes a list with its first batch, and then each minute. An interval is so long that each process has run
    // for a tick of /proc in it, also on a busy machine.
    let stack = start(tier, "1s")?;
    let path = format!("/v1/accounts/uid{uid}@{HOST}/top");
    let top = wait_for("a list of commands", LIMIT, || {
        let top = stack.api.get(&path)?.body;
        Ok(top["top"].as_array().filter(|list| !list.is_empty()).cloned())
    })?;
    let commands: BTreeSet<String> =
        top.iter().filter_map(|row| Some(row["command"].as_str()?.to_owned())).collect();
    let wanted: BTreeSet<String> =
        NAMES.iter().map(|name| escape(name)).chain(["other".to_owned()]).collect();
    assert_eq!(commands, wanted, "{top:?}");
    for row in &top {
        assert_eq!(row["processes"], 1, "{row}");
        assert!(row["cpu_usec"].as_u64().is_some_and(|n| n > 0), "{row}");
        assert!(row["memory_kib_sec"].as_u64().is_some_and(|n| n < MEMORY_KIB_SEC_MAX), "{row}");
    }
    let page = stack.panel(&format!("/accounts/uid{uid}@{HOST}"))?;
    for name in &wanted {
        let shown = name.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
        let shown = shown.replace('"', "&#34;").replace('\'', "&#39;");
        assert!(page.contains(&format!(">{shown}<")), "{name} is not on the page as {shown}");
    }
    assert!(!page.contains("<script>alert"), "a name became a script");
    let is_text = |c: char| c == '\n' || c == '\t' || !c.is_control();
    assert!(page.chars().all(is_text), "a control character is on the page");
    Ok(())
}

#[test]
fn ebpf_shows_names_of_any_bytes() -> Result<()> {
    hostile_names("ebpf_shows_names_of_any_bytes", "ebpf", 41_600)
}

#[test]
fn proc_shows_names_of_any_bytes() -> Result<()> {
    hostile_names("proc_shows_names_of_any_bytes", "proc", 41_601)
}

/// CPU that the first and the second process with a pid burn, ms.
const BURSTS_MS: [(u64, u64); 2] = [(60, 30), (20, 50)];
/// What `getrusage` and the sweep's own moment may differ by, µs.
const NEAR_USEC: u64 = 1_000;

fn pids_again(test: &str, tier: &str, first_uid: u32) -> Result<()> {
    if !can(test, tier) {
        return Ok(());
    }
    if !std::path::Path::new("/proc/sys/kernel/ns_last_pid").exists() {
        skip(test, "this kernel does not let pids be chosen (CONFIG_CHECKPOINT_RESTORE)");
        return Ok(());
    }
    let stack = start(tier, "300ms")?;
    let from_ms = now_ms()? - 60_000;
    let homes = Homes::new()?;
    for (n, (first_ms, second_ms)) in (0..).zip(BURSTS_MS) {
        let uids = (first_uid + 2 * n, first_uid + 2 * n + 1);
        let args = [
            "pids".to_owned(),
            uids.0.to_string(),
            first_ms.to_string(),
            uids.1.to_string(),
            second_ms.to_string(),
        ];
        let mut crowd = Talk::start(homes.command_as_uid(0, "crowd")?.args(args))?;
        crowd.expect("ready")?;
        crowd.go_on()?;
        let pid = crowd.line()?;
        wait_until_shipped(&stack.api, HOST, now_ms()? + LATE_MS)?;
        // The first one ends and the second one begins between two sweeps, or nearly always so.
        crowd.go_on()?;
        crowd.expect(&pid)?;
        wait_until_shipped(&stack.api, HOST, now_ms()? + LATE_MS)?;
        crowd.go_on()?;
        let line = crowd.line()?;
        let (first, second) = line.split_once(' ').context("figures")?;
        let credited = cpu_usec(&stack.api, HOST, from_ms)?;
        for (uid, truth, least_ms) in [(uids.0, first, first_ms), (uids.1, second, second_ms)] {
            let (truth, got): (u64, u64) = (truth.parse()?, credited.get(&uid).copied().unwrap_or(0));
            ensure!(truth > least_ms * 500, "{truth} µs burnt of {least_ms} ms");
            assert!(got.abs_diff(truth) <= NEAR_USEC, "pid {pid}, uid {uid}: {got} of {truth} µs, {line}");
        }
    }
    Ok(())
}

#[test]
fn ebpf_tells_processes_with_the_same_pid_apart() -> Result<()> {
    pids_again("ebpf_tells_processes_with_the_same_pid_apart", "ebpf", 41_610)
}

#[test]
fn proc_tells_processes_with_the_same_pid_apart() -> Result<()> {
    pids_again("proc_tells_processes_with_the_same_pid_apart", "proc", 41_620)
}
