//! Floods: very many processes at once and very many uids. The agent goes on, stays small, and says what it leaves out.

use anyhow::{Context, Result};
use hostmeter_tests::bpffs::missing;
use hostmeter_tests::credit::{now_ms, wait_until_shipped};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack};
use hostmeter_tests::storm::crowd::CROWD_MAX;
use hostmeter_tests::storm::{Ending, Metered, Shape, added};
use hostmeter_tests::talk::Talk;
use hostmeter_tests::users::{Homes, is_root};
use std::time::{Duration, Instant};

/// Pids and memory that others need meanwhile.
const SPARE_PIDS: u64 = 1_500;
const MEMORY_KIB: u64 = 6 << 20;
/// The agent stays below this with as many accounts as are kept; `MemoryMax` of its unit is above it.
const FULL_MAX_KIB: u64 = 160 << 10;
/// An interval of 300 ms that takes so long is no interval of 300 ms, even on a machine that forks all the time.
const INTERVAL_MAX_MS: i64 = 5_000;
const LIMIT: Duration = Duration::from_secs(60);

/// A number after a key in a file of lines.
fn field(path: &str, key: &str) -> Result<u64> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    let line =
        text.lines().find_map(|l| l.strip_prefix(key)).with_context(|| format!("{path} has no {key}"))?;
    line.split_whitespace().next().context("a number")?.parse().context(path.to_owned())
}

/// Memory of the agent: `VmRSS:` now, `VmHWM:` at most so far.
fn memory_kib(stack: &Stack, key: &str) -> Result<u64> {
    let pid = stack.agent.as_ref().context("agent")?.pid();
    field(&format!("/proc/{pid}/status"), key)
}

/// What the agent says that it leaves out.
fn limited(stack: &Stack) -> Result<String> {
    let host = stack.api.get(&format!("/v1/hosts/{HOST}"))?.ok()?;
    Ok(host["agent"]["limited"].as_str().context("limited")?.to_owned())
}

/// Why this machine cannot have so many processes; `None` if it can.
fn too_small() -> Result<Option<String>> {
    let pids: u64 = std::fs::read_to_string("/proc/sys/kernel/pid_max")?.trim().parse()?;
    let memory = field("/proc/meminfo", "MemAvailable:")?;
    if !is_root() {
        return Ok(Some("needs root to act as another user".to_owned()));
    }
    let is_small = pids < u64::from(CROWD_MAX) + SPARE_PIDS || memory < MEMORY_KIB;
    Ok(is_small.then(|| format!("{CROWD_MAX} processes do not fit: {pids} pids, {memory} KiB available")))
}

/// Average number of processes of a uid in the last interval of it.
fn processes(stack: &Stack, uid: u32) -> Result<Option<i64>> {
    let path = format!("/v1/accounts/uid{uid}@{HOST}/usage?meters=processes");
    let usage = stack.api.get(&path)?;
    Ok(usage.body["meters"]["processes"]["last"].as_i64())
}

/// Lengths of the host's intervals from a time on, ms.
fn intervals_ms(stack: &Stack, from_ms: i64) -> Result<Vec<i64>> {
    let db = rusqlite::Connection::open(stack.path("data/usage.db"))?;
    let mut rows = db.prepare("SELECT DISTINCT from_ms, to_ms FROM host WHERE from_ms >= ?1")?;
    let rows = rows.query_map([from_ms], |r| Ok(r.get::<_, i64>(1)? - r.get::<_, i64>(0)?))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What was measured, for people; `None` if this cannot be tested here.
fn crowd_at_once(test: &str, tier: &str, uid: u32, rss_max_kib: u64) -> Result<Option<String>> {
    let why = if tier == "ebpf" { missing().map(str::to_owned) } else { None };
    if let Some(why) = why.map_or_else(too_small, |why| Ok(Some(why)))? {
        skip(test, &why);
        return Ok(None);
    }
    let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"");
    let mut metered = Metered::start(tier, agent, uid + 1, 2)?;
    let homes = Homes::new()?;
    let (from_ms, begun) = (now_ms()?, Instant::now());
    let mut crowd = Talk::start(homes.command_as_uid(uid, "crowd")?.args(["idle", &CROWD_MAX.to_string()]))?;
    crowd.expect("ready")?;
    let forked = begun.elapsed();
    let is_there = |stack: &Stack| {
        wait_for("the crowd to be counted", LIMIT, || {
            Ok((processes(stack, uid)? == Some(i64::from(CROWD_MAX) + 1)).then_some(()))
        })
        .with_context(|| format!("{:?}", processes(stack, uid)))
    };
    is_there(&metered.stack)?;
    credits(&mut metered, tier)?;
    let rss_kib = memory_kib(&metered.stack, "VmRSS:")?;
    // An agent that meets them all at once.
    metered.stack.agent.as_mut().context("agent")?.kill();
    metered.stack.start_agent()?;
    wait_until_shipped(&metered.stack.api, HOST, now_ms()?)?;
    is_there(&metered.stack)?;
    let said = limited(&metered.stack)?;
    assert!(said.is_empty(), "all of them were looked at: {said}");
    let rss_after_kib = memory_kib(&metered.stack, "VmRSS:")?;
    assert!(rss_kib.max(rss_after_kib) <= rss_max_kib, "{rss_kib} and {rss_after_kib} KiB");
    crowd.go_on()?;
    crowd.expect("gone")?;
    credits(&mut metered, tier)?;
    wait_for("the crowd to be gone", LIMIT, || {
        Ok(processes(&metered.stack, uid)?.is_none_or(|n| n <= 1).then_some(()))
    })?;
    let lengths = intervals_ms(&metered.stack, from_ms)?;
    let longest = lengths.iter().max().context("intervals")?;
    assert!(lengths.len() > 10 && *longest < INTERVAL_MAX_MS, "intervals became long: {lengths:?}");
    let memory = format!("RSS {rss_kib} KiB, {rss_after_kib} KiB after a restart among them");
    Ok(Some(format!("{tier}: {CROWD_MAX} processes in {forked:?}, {memory}, longest interval {longest} ms")))
}

/// What others do meanwhile is credited as ever.
fn credits(metered: &mut Metered, tier: &str) -> Result<()> {
    let shape = Shape { processes: 50, burst_usec: 300, threads: 1, ending: Ending::Reaped };
    let (before, all) = (metered.quiet()?, metered.uids.len());
    (0..3).try_for_each(|_| metered.fleet.run(&shape, all).map(drop))?;
    for u in added(&before, &metered.quiet()?)? {
        let truth_usec = u.truth_ns / 1_000;
        assert!(u.credited_usec <= truth_usec + 10, "too much: {u:?}");
        assert!(tier != "ebpf" || u.credited_usec + 10 >= truth_usec * 995 / 1_000, "too little: {u:?}");
    }
    Ok(())
}

#[test]
fn ebpf_goes_on_over_thirty_thousand_processes_at_once() -> Result<()> {
    let said =
        crowd_at_once("ebpf_goes_on_over_thirty_thousand_processes_at_once", "ebpf", 41_500, 16 << 10)?;
    said.into_iter().for_each(|said| eprintln!("{said}"));
    Ok(())
}

#[test]
fn proc_goes_on_over_thirty_thousand_processes_at_once() -> Result<()> {
    let said =
        crowd_at_once("proc_goes_on_over_thirty_thousand_processes_at_once", "proc", 41_510, 64 << 10)?;
    said.into_iter().for_each(|said| eprintln!("{said}"));
    Ok(())
}

/// First of the uids and how many: more than there is room for.
const FIRST_UID: u32 = 1_000_000;
const UIDS: u32 = 66_000;
/// Slots of the kernel's map, less the one for what finds no room.
const SLOTS: i64 = 65_536;
/// Uids of the machine itself that have slots too, at most.
const OTHERS: i64 = 1_000;
/// Uids that come later.
const LATE_UID: u32 = 1_500_000;
const LATE_UIDS: u32 = 8;

fn run_uids(homes: &Homes, first: u32, count: u32) -> Result<()> {
    let mut crowd = homes.command_as_uid(0, "crowd")?;
    Talk::start(crowd.args(["uids", &first.to_string(), &count.to_string()]))?.expect("done")
}

#[test]
fn more_uids_than_there_is_room_for_are_shipped_in_parts_and_the_rest_is_system() -> Result<()> {
    if let Some(why) = missing() {
        skip("more_uids_than_there_is_room_for_are_shipped_in_parts_and_the_rest_is_system", why);
        return Ok(());
    }
    let agent =
        "[accounts]\nuid_min = 1000\nuid_max = 2000000\n[meters]\nkernel = \"ebpf\"\nbpffs = \"none\"";
    let mut stack = Stack::new(&Settings { interval: "1s", agent: agent.to_owned(), ..Settings::default() })?;
    stack.enroll_and_start()?;
    stack.wait_for_first_batch()?;
    let homes = Homes::new()?;
    let begun = Instant::now();
    run_uids(&homes, FIRST_UID, UIDS)?;
    eprintln!("{UIDS} uids in {:?}", begun.elapsed());
    wait_until_shipped(&stack.api, HOST, now_ms()? + 1_000)?;
    let most_kib = memory_kib(&stack, "VmHWM:")?;
    eprintln!(
        "shipped after {:?}; at most {most_kib} KiB, now {}",
        begun.elapsed(),
        memory_kib(&stack, "VmRSS:")?
    );
    let db = rusqlite::Connection::open(stack.path("data/control.db"))?;
    let accounts: i64 = db.query_row(
        "SELECT count(*) FROM account WHERE uid BETWEEN ?1 AND ?2",
        [FIRST_UID, FIRST_UID + UIDS],
        |r| r.get(0),
    )?;
    assert!((SLOTS - OTHERS..=SLOTS).contains(&accounts), "{accounts} accounts of {SLOTS} slots");
    assert!(most_kib <= FULL_MAX_KIB, "{most_kib} KiB");

    // Whoever comes now is named, however short he is there.
    wait_for("nothing to be left out", LIMIT, || Ok(limited(&stack)?.is_empty().then_some(())))?;
    run_uids(&homes, LATE_UID, LATE_UIDS)?;
    let said = wait_for("the agent to say what it leaves out", Duration::from_secs(5), || {
        Ok(Some(limited(&stack)?).filter(|said| !said.is_empty()))
    })?;
    assert!(said.contains("too many uids") && said.contains("counted as system"), "{said}");
    let late: i64 = db.query_row("SELECT count(*) FROM account WHERE uid >= ?1", [LATE_UID], |r| r.get(0))?;
    assert_eq!(late, 0, "they found no room");
    Ok(())
}
