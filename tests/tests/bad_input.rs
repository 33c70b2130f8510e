//! Bad input to the running programs: each gets a clear error (what, where, what to do), and nothing is lost.

use anyhow::{Context, Result};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::wire::envelope::{Domain, Stamp, seal};
use hostmeter_core::wire::key::SigningKey;
use hostmeter_tests::api::{Answer, Api};
use hostmeter_tests::run::{Running, program, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack, run, run_ok};
use hostmeter_tests::users::is_root;
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The program must fail, and say all of this on standard error.
fn refuses(command: &mut Command, words: &[&str]) -> Result<()> {
    let out = run(command)?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    assert!(!out.status.success(), "{command:?} succeeded: {said}");
    for word in words {
        assert!(said.contains(word), "{command:?} does not say {word:?}: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    Ok(())
}

/// The API must answer with this status and code, and say these words.
fn answers(got: &Answer, status: u16, code: &str, words: &[&str]) {
    let text = got.body.to_string();
    assert_eq!(got.status, status, "{text}");
    assert_eq!(got.body["code"], code, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in {text}");
    }
}

#[test]
fn configurations_with_faults_name_each_of_them() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let check = |name: &str, args: &[&str], text: &str, words: &[&str]| -> Result<()> {
        let path = dir.path().join("bad.toml");
        std::fs::write(&path, text)?;
        refuses(Command::new(program(name)?).args(args).arg("--config").arg(&path), words)
    };
    let check_config = &["check-config"][..];
    check(
        "hostmeter-collector",
        check_config,
        "listen = \"nowhere\"\ndata_dir = \"/tmp/x\"\nlissten = 1\n[billing]\ncurrency = \"EUR\"\ngrace = \"7 days\"\n",
        &["bad.toml", "listen", "nowhere", "lissten", "grace", "7 days", "7d"],
    )?;
    check(
        "hostmeter-agent",
        check_config,
        "state_dir = \"/tmp/x\"\n[collector]\nurl = \"ftp://x\"\n[sample]\nintervall = \"10s\"\n",
        &["bad.toml", "url", "ftp://x", "intervall", "interval"],
    )?;
    check(
        "hostmeter-executor",
        &["run"],
        "driver = \"magic\"\nstate_dir = \"/tmp/x\"\n",
        &["bad.toml", "driver", "magic", "linux"],
    )?;
    let missing = dir.path().join("missing.toml");
    refuses(
        Command::new(program("hostmeter-agent")?).args(["run", "--config"]).arg(&missing),
        &["missing.toml", "--config"],
    )
}

#[test]
fn the_api_refuses_with_a_code_and_changes_nothing() -> Result<()> {
    let stack = Stack::new(&Settings::default())?;
    let api = &stack.api;
    let plan = |meter: &str, amount: &str| {
        json!({"id": "p", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z",
               "price": [{"meter": meter, "amount": amount, "per": "1"}]})
    };
    let got = api.put("/v1/plans/p", &plan("cpu_used", "0.01"))?;
    answers(&got, 422, got.body["code"].as_str().context("code")?, &["cpu_used", "cpu_usec"]);
    let got = api.put("/v1/plans/p", &plan("cpu_usec", "1e3"))?;
    answers(&got, 422, got.body["code"].as_str().context("code")?, &["1e3"]);
    assert_eq!(api.get("/v1/plans/p")?.status, 404, "nothing was stored");

    api.put("/v1/plans/p", &plan("cpu_usec", "0.01"))?.ok()?;
    api.post("/v1/customers", &json!({"id": "c-1", "name": "C", "plan": "p"}), None)?.ok()?;
    for amount in ["ten", "1.2345678", "-5", "0", "1e3", "99999999999999999999"] {
        let body = json!({"amount": amount, "gateway": "manual", "payment": "p-1"});
        let got = api.post("/v1/customers/c-1/topups", &body, Some("k"))?;
        assert!((400..500).contains(&got.status), "{amount}: {got:?}");
        assert!(got.body["code"].is_string() && got.body["detail"].is_string(), "{got:?}");
    }
    assert_eq!(api.get("/v1/customers/c-1/balance")?.ok()?["balance"], "0.000000");
    let body = json!({"amount": "5.00", "gateway": "manual", "payment": "p-2"});
    assert_eq!(api.post("/v1/customers/c-1/topups", &body, Some("k-2"))?.status, 201);
    assert_eq!(api.post("/v1/customers/c-1/topups", &body, Some("k-2"))?.status, 200);
    let other = json!({"amount": "6.00", "gateway": "manual", "payment": "p-2"});
    assert_eq!(api.post("/v1/customers/c-1/topups", &other, Some("k-2"))?.status, 409);
    // The key alone and the payment alone are enough.
    let another = json!({"amount": "5.00", "gateway": "manual", "payment": "p-3"});
    assert_eq!(api.post("/v1/customers/c-1/topups", &another, Some("k-2"))?.status, 409);
    assert_eq!(api.post("/v1/customers/c-1/topups", &body, Some("k-4"))?.status, 200);
    assert_eq!(api.post("/v1/customers/c-1/topups", &other, Some("k-5"))?.status, 409);
    assert_eq!(api.get("/v1/customers/c-1/balance")?.ok()?["balance"], "5.000000");

    let stranger = Api::new(&stack.url, "not-a-token");
    let got = stranger.get("/v1/accounts")?;
    assert_eq!(got.status, 401, "{got:?}");
    assert!(got.body["detail"].as_str().is_some_and(|d| d.contains("token")), "{got:?}");
    Ok(())
}

#[test]
fn batches_that_are_not_a_hosts_are_refused() -> Result<()> {
    let stack = Stack::new(&Settings::default())?;
    let stamp = Stamp {
        domain: Domain::Batch,
        host: HostId([7; 16]),
        epoch: 1,
        seq: 1,
        prev: [0; 32],
        boot: BootId([1; 16]),
        wall_ns: 1,
        boottime_ns: 1,
    };
    let sealed = seal(&stamp, b"{\"v\":1}", &SigningKey::from_seed(&[9; 32])?)?;
    let api = Api::new(&stack.url, "");
    assert_eq!(api.post_bytes("/v1/batches", &sealed)?.status, 401, "an unknown key");
    assert_eq!(api.post_bytes("/v1/batches", b"hello")?.status, 400, "no envelope");
    // The server may close the connection before it has read all of it; both are refusals.
    if let Ok(got) = api.post_bytes("/v1/batches", &vec![0; 2_000_000]) {
        assert_eq!(got.status, 413, "{got:?}");
    }
    let mut enroll = Command::new(program("hostmeter-agent")?);
    enroll.args(["enroll", "--collector", &stack.url, "--config"]).arg(stack.path("agent.toml"));
    refuses(enroll.args(["--token", "hm1.nonsense"]), &["token", "hostmeter host add"])?;
    let half = "00112233445566778899aabbccddeeff";
    let mut enroll = Command::new(program("hostmeter-agent")?);
    enroll.args(["enroll", "--collector", &stack.url, "--config"]).arg(stack.path("agent.toml"));
    refuses(enroll.args(["--token", &format!("hm1.{half}.{half}")]), &["token"])?;
    only_what_a_host_signed_is_taken(&stack)
}

/// An enrolled host's own envelope with one bit changed, in the signature, the signed header or the body.
fn only_what_a_host_signed_is_taken(stack: &Stack) -> Result<()> {
    let asked = json!({"host": HOST, "approve": true});
    let made = stack.api.post("/v1/enrolment-tokens", &asked, None)?.ok()?;
    let mut enroll = Command::new(program("hostmeter-agent")?);
    enroll.args(["enroll", "--collector", &stack.url, "--token", made["token"].as_str().context("token")?]);
    enroll.arg("--config").arg(stack.path("agent.toml"));
    run_ok(enroll.arg("--executor-trust").arg(stack.path("executor/trust.json")))?;
    let kept: Value = serde_json::from_slice(&std::fs::read(stack.path("agent/enrolment.json"))?)?;
    let seed = std::fs::read(stack.path("agent/host.key"))?;
    let key = SigningKey::from_seed(&seed.try_into().ok().context("a key of 32 bytes")?)?;
    let stamp = Stamp {
        domain: Domain::Batch,
        host: serde_json::from_value(kept["host_id"].clone())?,
        epoch: kept["epoch"].as_u64().context("epoch")?,
        seq: 1,
        prev: [0; 32],
        boot: BootId([1; 16]),
        wall_ns: 1,
        boottime_ns: 1,
    };
    let sealed = seal(&stamp, b"{\"v\":1}", &key)?;
    let api = Api::new(&stack.url, "");
    let (header, signature, body) = (44, 200, sealed.len() - 1);
    for (at, status) in [(signature, 401), (header, 401), (body, 400)] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let got = api.post_bytes("/v1/batches", &changed)?;
        assert_eq!(got.status, status, "byte {at} changed: {got:?}");
    }
    assert_eq!(api.post_bytes("/v1/batches", &sealed)?.status, 200, "as the host signed it");
    Ok(())
}

#[test]
fn a_port_in_use_and_a_collector_that_is_down_are_named() -> Result<()> {
    let mut stack = Stack::new(&Settings::default())?;
    let address = stack.url.trim_start_matches("http://").to_owned();
    let mut second = Command::new(program("hostmeter-collector")?);
    refuses(second.args(["serve", "--config"]).arg(stack.path("collector.toml")), &[&address])?;
    let mut demo = Command::new(program("hostmeter")?);
    refuses(demo.args(["demo", "--listen", &address]), &[&address, "--listen"])?;
    stack.collector.as_mut().context("collector")?.stop(Duration::from_secs(20))?;
    refuses(&mut stack.hostmeter(&["account", "list"])?, &[&stack.url, "collector"])?;
    refuses(
        Command::new(program("hostmeter")?).args(["account", "list"]).env_remove("HOSTMETER_URL"),
        &["HOSTMETER_URL"],
    )
}

/// A process with a hostile name under a uid without a passwd entry is metered, listed and shown, escaped.
#[test]
fn hostile_names_and_unknown_uids_are_metered_and_escaped() -> Result<()> {
    const UID: u32 = 3_101;
    if !is_root() {
        skip("hostile_names_and_unknown_uids_are_metered_and_escaped", "needs root to run as another uid");
        return Ok(());
    }
    let mut stack = Stack::new(&Settings { agent: String::new(), ..Settings::default() })?;
    stack.enroll_and_start()?;
    stack.wait_for_first_batch()?;
    let homes = hostmeter_tests::users::Homes::new()?;
    let hostile = homes.path().join("x) R 0 0\n<b>&");
    std::fs::copy(program("burner")?, &hostile)?;
    let mut command = Command::new(&hostile);
    command.args(["1", "--linger", "90"]).uid(UID).gid(UID).current_dir("/").stdout(Stdio::piped());
    let _burner = Running::start("hostile", &mut command, homes.path())?;
    let id = format!("uid{UID}@{HOST}");
    let stamp = |s: i64| hostmeter_core::units::rfc3339(s * 1_000);
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())?;
    let usage = wait_for("a second of CPU", Duration::from_secs(20), || {
        let path = format!(
            "/v1/accounts/{id}/usage?from={}&to={}&step=60&meters=cpu_usec",
            stamp(now - 60),
            stamp(now + 120)
        );
        let got = stack.api.get(&path)?;
        let total = got.body["meters"]["cpu_usec"]["total"].as_i64().unwrap_or(0);
        Ok((got.status == 200 && total >= 990_000).then_some(total))
    })?;
    assert!(usage <= 1_050_000, "{usage}");
    let top = wait_for("the list of commands", Duration::from_secs(90), || {
        let got = stack.api.get(&format!(
            "/v1/accounts/{id}/top?from={}&to={}",
            stamp(now - 60),
            stamp(now + 120)
        ))?;
        Ok(Some(got.body).filter(|b| b["top"].as_array().is_some_and(|t| !t.is_empty())))
    })?;
    assert!(top.to_string().contains("x)%20R%200%200%0A"), "{top}");
    let page = stack.panel(&format!("/accounts/{id}?range=1h"))?;
    assert!(page.contains("x)%20R%200%200%0A&#60;b&#62;&#38;"), "the page names the command: {page}");
    assert!(!page.contains("<b>"), "the page holds the name as it is: {page}");
    let account = stack.api.get(&format!("/v1/accounts/{id}"))?.ok()?;
    assert_eq!(account["uid"], json!(UID));
    assert_eq!(account["customer"], Value::Null, "a uid without a name is never billed");
    Ok(())
}
