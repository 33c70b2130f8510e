//! `hostmeter-agent top`: true figures as text, and a screen that leaves the terminal as it was.

use anyhow::{Context, Result};
use hostmeter_tests::pty::OnTerminal;
use hostmeter_tests::run::{Running, program, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::users::{Homes, TempUser, is_root};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
const ENTER_SCREEN: &str = "\u{1b}[?1049h";
const LEAVE_SCREEN: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// `hostmeter-agent top` with a tier and more arguments.
fn top(dir: &Path, tier: &str, args: &[&str]) -> Result<Command> {
    let config: PathBuf = dir.join(format!("{tier}.toml"));
    std::fs::write(&config, format!("[meters]\nkernel = \"{tier}\"\n"))?;
    let mut command = Command::new(program("hostmeter-agent")?);
    command.arg("--config").arg(config).arg("top").args(args);
    Ok(command)
}

/// CPU time of a process with one thread, seconds.
fn cpu_sec(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let ns: f64 = text.split_whitespace().next().context("schedstat")?.parse()?;
    Ok(ns / 1e9)
}

/// Cells of the line of a uid below a heading, until the next empty line.
fn line<'a>(text: &'a str, heading: &str, uid: u32) -> Result<Vec<&'a str>> {
    let rows = text.lines().skip_while(|l| !l.split_whitespace().eq(heading.split(' '))).skip(1);
    let mut rows = rows.take_while(|l| !l.is_empty()).map(|l| l.split_whitespace().collect::<Vec<_>>());
    let uid = uid.to_string();
    rows.find(|cells| cells.get(1) == Some(&uid.as_str()))
        .with_context(|| format!("{uid} is not below {heading:?} in:\n{text}"))
}

const ACCOUNTS: &str = "ACCOUNT UID CPU% MEM MiB READ/s WRITE/s RECV/s SENT/s PROCS NEW/s SESS";
const COMMANDS: &str = "ACCOUNT UID COMMAND CPU% MEM MiB PROCS";

#[test]
fn what_top_prints_is_what_was_burnt() -> Result<()> {
    if !is_root() {
        skip("what_top_prints_is_what_was_burnt", "needs root to make users");
        return Ok(());
    }
    let homes = Homes::new()?;
    let user = TempUser::new(homes.path())?;
    let mut burn = homes.command_as(&user, "burner")?;
    let mut burn = Running::start("burner", burn.arg("600"), homes.path())?;
    for tier in ["auto", "proc"] {
        let (before, start) = (cpu_sec(burn.pid())?, Instant::now());
        let out = top(homes.path(), tier, &["--batch", "1", "--every", "3s"])?.output()?;
        let (burnt, wall) = (cpu_sec(burn.pid())? - before, start.elapsed().as_secs_f64());
        let text = String::from_utf8(out.stdout)?;
        assert!(out.status.success(), "{tier}: {:?}", String::from_utf8_lossy(&out.stderr));
        let head = text.lines().next().context("head")?;
        let over: f64 = head.split_whitespace().rev().nth(1).context("over")?.parse()?;
        let account = line(&text, ACCOUNTS, user.uid)?;
        assert_eq!(account.first(), Some(&user.name.as_str()), "{text}");
        let seen = account.get(2).context("CPU%")?.parse::<f64>()? / 100.0 * over;
        // Outside of the time that was looked at, the burner may have had one CPU all the time or not at all.
        let least = burnt - (wall - over);
        assert!(least > 0.5, "{tier}: the burner had no CPU, {burnt} of {wall} s");
        assert!(seen > least - 0.05 && seen < burnt.min(over) + 0.05, "{tier}: {seen} of {burnt} s\n{text}");
        let command = line(&text, COMMANDS, user.uid)?;
        assert_eq!(command.get(2), Some(&"burner"), "{text}");
        let of_command = command.get(3).context("CPU%")?.parse::<f64>()? / 100.0 * over;
        assert!((of_command - seen).abs() < 0.05, "{tier}: {text}");
    }
    burn.kill();
    Ok(())
}

/// Runs it on a terminal until its table stands there, ends it somehow, and looks at the terminal.
fn check(name: &str, end: impl FnOnce(&mut OnTerminal) -> Result<()>) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let command = top(dir.path(), "auto", &["--every", "200ms"])?;
    let mut on = OnTerminal::start(&command, 80, 24)?;
    let before = on.settings()?;
    assert!(before.is_by_line(), "{name}: {before:?}");
    on.wait_for_text("CPU%", 0, LIMIT)?;
    assert!(on.written().contains(ENTER_SCREEN), "{name}");
    assert!(!on.settings()?.is_by_line(), "{name}: keys are read one by one");
    end(&mut on)?;
    let status = on.wait(LIMIT)?;
    assert_eq!(status.code(), Some(0), "{name}: {status}, {:?}", on.written());
    assert_eq!(on.settings()?, before, "{name}");
    on.wait_for_text(LEAVE_SCREEN, 0, LIMIT)?;
    on.wait_for_text(SHOW_CURSOR, 0, LIMIT)?;
    let written = on.written();
    assert_eq!(written.matches(ENTER_SCREEN).count(), 1, "{name}");
    let after = written.rsplit(LEAVE_SCREEN).next().unwrap_or_default();
    assert!(!after.contains("CPU"), "{name}: nothing is drawn on the screen of before: {after:?}");
    Ok(())
}

#[test]
fn the_terminal_is_as_before_after_a_key_or_a_signal() -> Result<()> {
    check("keys", |on| {
        on.type_keys("c")?;
        // A new size draws everything anew, so that words stand in one piece.
        let mut columns = 90;
        wait_for("the table of commands", LIMIT, || {
            let so_far = on.written().len();
            columns = 190 - columns;
            on.resize(columns, 30)?;
            on.wait_for_text("UID", so_far, LIMIT)?;
            Ok(on.written().get(so_far..).is_some_and(|t| t.contains("COMMAND")).then_some(()))
        })?;
        on.type_keys("q")
    })?;
    check("interrupt", |on| on.type_keys("\u{3}"))?;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        check(&format!("{signal:?}"), |on| {
            let pid = i32::try_from(on.pid()).ok().and_then(Pid::from_raw).context("pid")?;
            kill_process(pid, signal).context("signal")
        })?;
    }
    Ok(())
}
