//! Agent or collector comes back from a backup, or a host is copied: real programs, real files put back.

use anyhow::{Context, Result, ensure};
use hostmeter_core::limits::EPOCH_SILENT_MS;
use hostmeter_tests::chain::{control, intervals};
use hostmeter_tests::run::{Running, program, wait_for};
use hostmeter_tests::stack::{HOST, Settings, Stack, run_ok};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn stack() -> Result<Stack> {
    let agent = "[meters]\nkernel = \"proc\"\nbpffs = \"none\"".to_owned();
    let mut stack = Stack::new(&Settings { interval: "200ms", agent, ..Settings::default() })?;
    stack.enroll_and_start()?;
    Ok(stack)
}

fn host(stack: &Stack) -> Result<Value> {
    stack.api.get(&format!("/v1/hosts/{HOST}"))?.ok()
}

/// Waits until so many more batches of the epoch in force are durable.
fn more(stack: &Stack, count: u64) -> Result<()> {
    let seq = |h: &Value| h["durable_seq"].as_u64().context("durable_seq");
    let until = seq(&host(stack)?)? + count;
    wait_for("more batches", LIMIT, || Ok((seq(&host(stack)?)? >= until).then_some(())))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    run_ok(Command::new("cp").arg("-a").arg("--").arg(from).arg(to)).map(drop)
}

/// Puts a directory back as it was.
fn put_back(kept: &Path, to: &Path) -> Result<()> {
    run_ok(Command::new("rm").arg("-rf").arg("--").arg(to))?;
    copy(kept, to)
}

/// As if the host had been silent for long.
fn be_silent(stack: &Stack) -> Result<()> {
    let sql = "UPDATE host SET spoke_ms = spoke_ms - ?1, behind_ms = NULL";
    ensure!(control(stack)?.execute(sql, [EPOCH_SILENT_MS])? == 1, "one host");
    Ok(())
}

fn says(agent: &Running, what: &str) -> Result<()> {
    wait_for(what, LIMIT, || Ok(agent.log_text().contains(what).then_some(())))
}

#[test]
fn a_restored_agent_goes_on_in_a_new_epoch() -> Result<()> {
    let mut stack = stack()?;
    more(&stack, 5)?;
    let mut agent = stack.agent.take().context("agent")?;
    agent.stop(LIMIT)?;
    copy(&stack.path("agent"), &stack.path("kept"))?;
    stack.start_agent()?;
    more(&stack, 5)?;
    stack.agent.as_mut().context("agent")?.kill();
    put_back(&stack.path("kept"), &stack.path("agent"))?;
    stack.start_agent()?;
    says(stack.agent.as_ref().context("agent")?, "this host has older state than it had")?;
    // It measures meanwhile; what it measured is sealed again under the new epoch.
    let sealed = || -> Result<u64> {
        let status: Value = serde_json::from_slice(&std::fs::read(stack.path("agent/status.json"))?)?;
        status["spool"]["last_seq"].as_u64().context("last_seq")
    };
    let first = sealed()?;
    wait_for("batches that are not sent", LIMIT, || Ok((sealed()? > first + 3).then_some(())))?;
    stack.agent.as_mut().context("agent")?.kill();
    be_silent(&stack)?;
    stack.start_agent()?;
    wait_for("the new epoch", LIMIT, || Ok((host(&stack)?["epoch"] == 2).then_some(())))?;
    more(&stack, 5)?;
    says(stack.agent.as_ref().context("agent")?, "it goes on in epoch 2")?;
    let shown = host(&stack)?;
    ensure!(shown["state"] == "live", "{shown}");
    let all = intervals(&stack)?;
    ensure!(all.iter().any(|i| i.0 == 1) && all.iter().any(|i| i.0 == 2), "{all:?}");
    let ended = stack.agent.as_mut().context("agent")?.stop(LIMIT)?;
    ensure!(ended.success(), "the agent ended with {ended}");
    Ok(())
}

#[test]
fn a_copied_host_is_frozen_and_so_is_the_original_until_thawed() -> Result<()> {
    let stack = stack()?;
    more(&stack, 3)?;
    copy(&stack.path("agent"), &stack.path("copied"))?;
    let text = std::fs::read_to_string(stack.path("agent.toml"))?;
    let (own, other) = (stack.path("agent"), stack.path("copied"));
    std::fs::write(stack.path("copied.toml"), text.replace(&format!("{own:?}"), &format!("{other:?}")))?;
    more(&stack, 3)?;
    let start = || {
        let mut command = Command::new(program("hostmeter-agent")?);
        command.args(["run", "--config"]).arg(stack.path("copied.toml")).stdout(Stdio::null());
        Running::start("copied", &mut command, stack.dir.path())
    };
    let mut copied = start()?;
    says(&copied, "this host has older state than it had")?;
    more(&stack, 3)?;
    copied.kill();
    let mut copied = start()?;
    wait_for("both to be frozen", LIMIT, || Ok((host(&stack)?["state"] == "frozen").then_some(())))?;
    says(&copied, "two copies of it run")?;
    // The original goes on: stored and acknowledged, not billed.
    more(&stack, 3)?;
    let aside = "SELECT count(*) FROM envelope WHERE status = 'aside'";
    ensure!(control(&stack)?.query_row(aside, [], |r| r.get::<_, i64>(0))? > 0, "nothing was kept aside");
    copied.kill();
    stack.hostmeter_ok(&["host", "thaw", HOST])?;
    more(&stack, 3)?;
    wait_for("what was aside to count", LIMIT, || {
        Ok((control(&stack)?.query_row(aside, [], |r| r.get::<_, i64>(0))? == 0).then_some(()))
    })?;
    ensure!(host(&stack)?["state"] == "live", "{}", host(&stack)?);
    intervals(&stack)?;
    Ok(())
}

#[test]
fn a_restored_collector_gets_again_what_it_lost() -> Result<()> {
    let mut stack = stack()?;
    more(&stack, 3)?;
    stack.collector.as_mut().context("collector")?.stop(LIMIT)?;
    copy(&stack.path("data"), &stack.path("kept"))?;
    stack.start_collector()?;
    more(&stack, 5)?;
    let before = intervals(&stack)?;
    stack.collector.as_mut().context("collector")?.kill();
    put_back(&stack.path("kept"), &stack.path("data"))?;
    stack.start_collector()?;
    let last = before.last().context("intervals")?.1;
    wait_for("what was lost", LIMIT, || {
        Ok((host(&stack)?["durable_seq"].as_u64().context("durable_seq")? > last).then_some(()))
    })?;
    let after = intervals(&stack)?;
    ensure!(after.starts_with(&before), "the same intervals as before, and more");
    ensure!(host(&stack)?["state"] == "live", "{}", host(&stack)?);
    Ok(())
}
