//! A host's key is replaced while it ships and both sides are killed: real programs, nothing lost, nothing twice.

use anyhow::{Context, Result, ensure};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::envelope::{Domain, verify_header};
use hostmeter_core::wire::key::{PublicKey, SigningKey};
use hostmeter_tests::chain::{batches, control, intervals};
use hostmeter_tests::run::{program, wait_for};
use hostmeter_tests::stack::{HOST, Settings, Stack, run, run_ok};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const ROTATIONS: usize = 5;
const KILLS: u64 = 4;

fn stack() -> Result<Stack> {
    let agent = "[meters]\nkernel = \"proc\"\nbpffs = \"none\"".to_owned();
    let mut stack = Stack::new(&Settings { interval: "200ms", agent, ..Settings::default() })?;
    stack.enroll_and_start()?;
    Ok(stack)
}

fn host(stack: &Stack) -> Result<Value> {
    stack.api.get(&format!("/v1/hosts/{HOST}"))?.ok()
}

/// Waits until so many more batches are durable.
fn more(stack: &Stack, count: u64) -> Result<()> {
    let seq = |h: &Value| h["durable_seq"].as_u64().context("durable_seq");
    let until = seq(&host(stack)?)? + count;
    wait_for("more batches", LIMIT, || Ok((seq(&host(stack)?)? >= until).then_some(())))
}

fn rotate(stack: &Stack, more: &[&str]) -> Result<Command> {
    let mut command = Command::new(program("hostmeter-agent")?);
    command.args(["rotate-key", "--config"]).arg(stack.path("agent.toml")).args(more);
    Ok(command)
}

fn step(stack: &Stack) -> Result<String> {
    let bytes = std::fs::read(stack.path("agent/rotation.json"))?;
    let rotation: Value = serde_json::from_slice(&bytes)?;
    Ok(rotation["step"]["is"].as_str().context("step")?.to_owned())
}

/// Every key that the collector ever knew of the host, with its state there.
fn keys(stack: &Stack) -> Result<Vec<PublicKey>> {
    let db = control(stack)?;
    let mut stmt = db.prepare("SELECT public_key FROM host_key WHERE state = 'good'")?;
    Ok(stmt.query_map([], |r| Ok(PublicKey(r.get(0)?)))?.collect::<Result<_, _>>()?)
}

/// All that counts is signed by a key of the host, and the hours hold just that.
fn signers(stack: &Stack) -> Result<BTreeSet<String>> {
    let (keys, mut found, mut usec) = (keys(stack)?, BTreeSet::new(), 0);
    for stored in batches(stack)? {
        let by = keys.iter().find(|k| verify_header(&stored.bytes, Domain::Batch, k).is_ok());
        found.insert(by.with_context(|| format!("nobody signed {:?}", stored.header))?.to_string());
        let accounts = stored.batch.intervals.iter().flat_map(|i| &i.accounts);
        usec += accounts.filter_map(|a| a.values.get(Meter::CpuUsec)).sum::<i64>();
    }
    let hours = "SELECT coalesce(sum(cpu_usec), 0) FROM usage_hour";
    let counted: i64 = control(stack)?.query_row(hours, [], |r| r.get(0))?;
    ensure!(counted == usec, "{counted} in the hours, {usec} in the batches");
    Ok(found)
}

#[test]
fn keys_change_under_kills_and_nothing_is_lost_or_twice() -> Result<()> {
    let mut stack = stack()?;
    more(&stack, 3)?;
    for n in 0..ROTATIONS {
        run_ok(&mut rotate(&stack, &["--no-wait"])?)?;
        for kill in 0..KILLS {
            // Different moments in each round, over all steps of a rotation.
            let ms = (u64::try_from(n)? * 397 + kill * 611) % 1_300;
            std::thread::park_timeout(Duration::from_millis(ms));
            if (u64::try_from(n)? + kill) % 3 == 0 {
                stack.collector.as_mut().context("collector")?.kill();
                stack.start_collector()?;
            } else {
                stack.agent.as_mut().context("agent")?.kill();
                stack.start_agent()?;
            }
        }
        wait_for("the new key", LIMIT, || Ok((step(&stack)? == "done").then_some(())))?;
        more(&stack, 2)?;
    }
    stack.agent.as_mut().context("agent")?.stop(LIMIT)?;
    let status: Value = serde_json::from_slice(&std::fs::read(stack.path("agent/status.json"))?)?;
    let shown = host(&stack)?;
    ensure!(shown["state"] == "live" && shown["epoch"] == 1, "{shown}");
    ensure!(shown["durable_seq"].as_u64() >= status["spool"]["last_seq"].as_u64(), "{shown} {status}");
    let listed = shown["keys"].as_array().context("keys")?;
    let states: Vec<&str> = listed.iter().filter_map(|k| k["state"].as_str()).collect();
    ensure!(states[0] == "current" && states[1..] == ["overlap"; ROTATIONS], "{shown}");
    let seed: [u8; 32] = std::fs::read(stack.path("agent/host.key"))?.as_slice().try_into()?;
    let key = SigningKey::from_seed(&seed)?.public();
    ensure!(shown["fingerprint"] == key.fingerprint(), "{shown}");
    ensure!(signers(&stack)?.len() == ROTATIONS + 1, "each key sealed something");
    intervals(&stack)?;
    let alerts = stack.api.get("/v1/alerts")?.ok()?;
    let of = |kind: &str| alerts["alerts"].as_array().is_some_and(|a| a.iter().any(|a| a["kind"] == kind));
    ensure!(["fork", "gap", "old-key", "quarantine"].iter().all(|k| !of(k)), "{alerts}");
    Ok(())
}

#[test]
fn the_command_says_what_became_of_it() -> Result<()> {
    let mut stack = stack()?;
    more(&stack, 2)?;
    let old = host(&stack)?["keys"][0]["id"].as_str().context("id")?.to_owned();
    let said = run_ok(&mut rotate(&stack, &[])?)?;
    let now = host(&stack)?;
    let fingerprint = now["fingerprint"].as_str().context("fingerprint")?;
    ensure!(said.contains(&format!("fingerprint of this host's key now: {fingerprint}")), "{said}");
    ensure!(said.contains("the old key is accepted until 20"), "{said}");
    let shown = stack.hostmeter_ok(&["--json", "host", "revoke-key", HOST, &old])?;
    let shown: Value = serde_json::from_str(&shown)?;
    ensure!(shown["keys"][1]["state"] == "revoked" && shown["keys"][0]["state"] == "current", "{shown}");
    more(&stack, 2)?;
    stack.hostmeter_ok(&["host", "revoke", HOST])?;
    let out = run(&mut rotate(&stack, &[])?)?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(!out.status.success() && said.contains("was revoked"), "{said}");
    stack.agent.as_mut().context("agent")?.stop(LIMIT)?;
    let said = run_ok(&mut rotate(&stack, &[])?)?;
    ensure!(said.contains("no agent runs here"), "{said}");
    Ok(())
}

#[test]
fn an_agent_shows_its_certificate_and_goes_on_when_it_is_renewed() -> Result<()> {
    let agent = "[meters]\nkernel = \"proc\"\nbpffs = \"none\"".to_owned();
    let settings = Settings { interval: "200ms", agent, tls: true, client_cert: true, ..Settings::default() };
    let mut stack = Stack::new(&settings)?;
    stack.enroll_and_start()?;
    more(&stack, 3)?;
    run_ok(&mut rotate(&stack, &[])?)?;
    more(&stack, 3)?;
    stack.agent.as_mut().context("agent")?.stop(LIMIT)?;
    // Without one nothing is taken, and nothing is lost.
    let config = std::fs::read_to_string(stack.path("agent.toml"))?;
    let without: Vec<&str> = config.lines().filter(|l| !l.starts_with("client_")).collect();
    std::fs::write(stack.path("agent.toml"), without.join("\n"))?;
    let before = host(&stack)?["durable_seq"].clone();
    stack.start_agent()?;
    let agent = stack.agent.as_ref().context("agent")?;
    wait_for("the refusal", LIMIT, || {
        Ok(agent.log_text().contains("certificate from agents").then_some(()))
    })?;
    ensure!(host(&stack)?["durable_seq"] == before, "{}", host(&stack)?);
    stack.agent.as_mut().context("agent")?.stop(LIMIT)?;
    std::fs::write(stack.path("agent.toml"), config)?;
    stack.start_agent()?;
    more(&stack, 3)?;
    intervals(&stack).map(drop)
}
