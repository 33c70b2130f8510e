//! What lies in a home becomes usage: agent and collector as an admin sets them up, a throw-away user, and du(1) as the
//! judge. Where the file system has user quotas, what lies outside of the home counts, too.

use anyhow::{Context, Result};
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack, run_ok};
use hostmeter_tests::users::{Homes, TempUser, is_root};
use serde_json::Value;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(30);
/// Quotas are read once a minute.
const QUOTA_LIMIT: Duration = Duration::from_secs(90);
/// Names a folder on a file system with user quotas.
const QUOTA_HOME: &str = "HOSTMETER_QUOTA_HOME";

fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Files of 256 KiB and of 1 byte, folders, a file with two names and a link out, all the user's.
fn fill(user: &TempUser, files: usize) -> Result<()> {
    for n in 0..files {
        let folder = user.home.join(format!("folder{}", n % 10));
        std::fs::create_dir_all(&folder)?;
        let bytes = if n % 20 == 0 { 256 * 1024 } else { 1 };
        std::fs::write(folder.join(format!("file{n}")), vec![7; bytes])?;
    }
    std::fs::hard_link(user.home.join("folder0/file0"), user.home.join("name"))?;
    symlink("/usr", user.home.join("usr"))?;
    own(&user.home, user.uid)
}

fn own(path: &Path, uid: u32) -> Result<()> {
    std::os::unix::fs::lchown(path, Some(uid), None)?;
    if path.is_symlink() || !path.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        own(&entry?.path(), uid)?;
    }
    chown(path, Some(uid), None).context("chown")
}

/// KiB and inodes, as du(1) says.
fn du(home: &Path) -> Result<(i64, i64)> {
    let number = |args: &[&str]| -> Result<i64> {
        let text = run_ok(Command::new("du").args(args).arg(home))?;
        text.split_whitespace().next().context("du")?.parse().context("du")
    };
    Ok((number(&["-skx"])?, number(&["-sx", "--inodes"])?))
}

/// What the API knows of a user's disk since a time, in steps of a second; null while it does not know the user.
fn usage(stack: &Stack, user: &TempUser, from_ms: i64) -> Result<Value> {
    let stamp = hostmeter_core::units::rfc3339;
    let (from, to) = (stamp(from_ms), stamp(now_ms()? + 5_000));
    let query = format!("from={from}&to={to}&step=1&meters=disk_kib_sec,disk_files");
    let answer = stack.api.get(&format!("/v1/accounts/{}@{HOST}/usage?{query}", user.name))?;
    if answer.status == 404 { Ok(Value::Null) } else { answer.ok() }
}

fn points(usage: &Value) -> Vec<i64> {
    let points = usage["meters"]["disk_kib_sec"]["points"].as_array();
    points.into_iter().flatten().filter_map(|p| p[1].as_i64()).filter(|v| *v > 0).collect()
}

fn is_near(got: i64, want: i64) -> bool {
    (got - want).abs() * 100 <= want
}

#[test]
fn a_home_is_on_the_bill_as_du_counts_it() -> Result<()> {
    if !is_root() {
        skip("a_home_is_on_the_bill_as_du_counts_it", "needs root to make users");
        return Ok(());
    }
    let homes = Homes::new()?;
    let (busy, idle, homeless) =
        (TempUser::new(homes.path())?, TempUser::new(homes.path())?, TempUser::new(homes.path())?);
    fill(&busy, 2_000)?;
    fill(&idle, 500)?;
    std::fs::rename(&homeless.home, homes.path().join("away"))?;
    let mut processes = Vec::new();
    for user in [&busy, &homeless] {
        let mut lives = homes.command_as(user, "burner")?;
        processes.push(Running::start("burner", lives.args(["0.001", "--linger", "120"]), homes.path())?);
    }
    let agent = "[meters.disk]\nevery = \"1s\"\n".to_owned();
    let mut stack = Stack::new(&Settings { agent, ..Settings::default() })?;
    let from_ms = now_ms()?;
    stack.enroll_and_start()?;

    let (kib, files) = du(&busy.home)?;
    let got = wait_for("ten seconds of disk", LIMIT, || {
        let got = usage(&stack, &busy, from_ms)?;
        Ok((points(&got).len() >= 10).then_some(got))
    })
    .with_context(|| format!("{:?}", usage(&stack, &busy, from_ms)))?;
    assert_eq!(got["meters"]["disk_files"]["last"].as_i64(), Some(files), "{got}");
    // The second in which the first count ended is only a part, as the newest may be; where one ends is not exact.
    let seconds = points(&got);
    let whole = seconds.get(1..seconds.len() - 1).context("seconds")?;
    let want = kib * i64::try_from(whole.len())?;
    assert!(is_near(whole.iter().sum(), want), "{kib} KiB by du, each second {seconds:?}");

    // What is added counts from the next count on.
    std::fs::write(busy.home.join("more"), vec![1; 4 << 20])?;
    own(&busy.home, busy.uid)?;
    let (more_kib, more_files) = du(&busy.home)?;
    assert!(more_kib >= kib + 4_096);
    wait_for("what was added", LIMIT, || {
        let got = usage(&stack, &busy, from_ms)?;
        let last = got["meters"]["disk_files"]["last"].as_i64();
        let is_there = points(&got).iter().rev().take(3).any(|v| is_near(*v, more_kib));
        Ok((last == Some(more_files) && is_there).then_some(()))
    })?;

    let gaps = usage(&stack, &homeless, from_ms)?;
    assert!(points(&gaps).is_empty(), "missing is not zero: {gaps}");
    let said = gaps["gaps"].to_string();
    assert!(said.contains("cannot be read (No such file or directory"), "{said}");

    // Who runs nothing pays for his home too, at the latest when the agent ends.
    let ended = stack.agent.as_mut().context("agent")?.stop(LIMIT)?;
    assert!(ended.success());
    let (kib, files) = du(&idle.home)?;
    let got = wait_for("the idle account", LIMIT, || {
        let got = usage(&stack, &idle, from_ms)?;
        Ok(got["meters"]["disk_kib_sec"]["total"].as_i64().is_some_and(|t| t > 0).then_some(got))
    })?;
    let total = got["meters"]["disk_kib_sec"]["total"].as_i64().context("total")?;
    let most = kib * ((now_ms()? - from_ms) / 1_000 + 1);
    assert!((kib * 10..=most).contains(&total), "{total} of at most {most}");
    assert_eq!(got["meters"]["disk_files"]["last"].as_i64(), Some(files), "{got}");
    Ok(())
}

/// A folder that is the user's, away from his home, with a file of so many bytes.
fn add_outside(outside: &Path, user: &TempUser, name: &str, bytes: usize) -> Result<()> {
    std::fs::create_dir_all(outside)?;
    std::fs::write(outside.join(name), vec![3; bytes])?;
    own(outside, user.uid)
}

/// Waits until ten seconds have what du(1) counts in both places, and the newest number of files is theirs.
fn until_both(stack: &Stack, user: &TempUser, from_ms: i64, outside: &Path) -> Result<()> {
    run_ok(&mut Command::new("sync"))?;
    let (home, away) = (du(&user.home)?, du(outside)?);
    let (kib, files) = (home.0 + away.0, home.1 + away.1);
    let last = std::cell::RefCell::new(Value::Null);
    wait_for("what a quota says", QUOTA_LIMIT, || {
        let got = usage(stack, user, from_ms)?;
        last.replace(got.clone());
        let seconds = points(&got);
        // The newest second may be a part of one, and where one ends is not exact on a slow machine.
        let ten: Vec<i64> = seconds.iter().rev().skip(1).take(10).copied().collect();
        let is_there = ten.len() == 10 && is_near(ten.iter().sum(), 10 * kib);
        Ok((is_there && got["meters"]["disk_files"]["last"].as_i64() == Some(files)).then_some(()))
    })
    .with_context(|| format!("{kib} KiB and {files} files by du, and the bill is {}", last.borrow()))
}

#[test]
fn a_quota_is_on_the_bill_wherever_the_files_lie() -> Result<()> {
    const NAME: &str = "a_quota_is_on_the_bill_wherever_the_files_lie";
    let Some(root) = std::env::var_os(QUOTA_HOME).map(PathBuf::from) else {
        skip(NAME, "needs a file system with user quotas, which `make vm` makes");
        return Ok(());
    };
    let user = TempUser::new(&root)?;
    fill(&user, 300)?;
    let outside = root.join("outside");
    add_outside(&outside, &user, "archive", 3 << 20)?;
    let agent = "[meters.disk]\nevery = \"1s\"\n".to_owned();
    let executor = Some(format!("driver = \"linux\"\n[linux]\nhome_roots = [{root:?}]"));
    let mut stack = Stack::new(&Settings { agent, executor, ..Settings::default() })?;
    let from_ms = now_ms()?;
    let homes = Homes::new()?;
    let mut lives = homes.command_as(&user, "burner")?;
    let _alive = Running::start("burner", lives.args(["0.001", "--linger", "600"]), homes.path())?;
    stack.enroll_and_start()?;
    until_both(&stack, &user, from_ms, &outside)?;
    add_outside(&outside, &user, "more", 5 << 20)?;
    until_both(&stack, &user, from_ms, &outside)?;
    // Nobody else's files count: these are root's.
    std::fs::write(root.join("of_root"), vec![5; 7 << 20])?;
    std::fs::remove_file(outside.join("archive"))?;
    until_both(&stack, &user, from_ms, &outside)
}
