//! The collector is killed again and again while money and usage come in and backups are made; its disk is lost; backup
//! and journal bring back everything that anybody was told was stored.

use anyhow::{Context, Result, ensure};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{open_payload, peek};
use hostmeter_tests::api::Api;
use hostmeter_tests::run::{program, wait_for};
use hostmeter_tests::stack::{HOST, Settings, Stack, run, run_ok};
use rusqlite::Connection;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KILLS: u64 = 15;

fn settings() -> Settings {
    Settings {
        interval: "200ms",
        collector: "journal_dir = \"DIR/journal\"".to_owned(),
        billing: "[backup]\ndir = \"DIR/backups\"\nevery = \"2s\"\nkeep = 3".to_owned(),
        ..Settings::default()
    }
}

/// Pays one cent after the other until it is told to stop; returns the keys that were answered with success.
fn pay(api: &Api, stop: &AtomicBool) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    for n in 0_u32.. {
        let key = format!("pay-{n}");
        let body = json!({"amount": "0.01", "gateway": "manual", "payment": key});
        loop {
            if stop.load(Ordering::SeqCst) {
                return acknowledged;
            }
            let answer = api.post("/v1/customers/c-1/topups", &body, Some(&key));
            if answer.is_ok_and(|a| a.status == 200 || a.status == 201) {
                acknowledged.insert(key);
                break;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
    acknowledged
}

fn backup(stack: &Stack, to: &str) -> Result<()> {
    let mut command = Command::new(program("hostmeter-collector")?);
    command.args(["backup", "--config"]).arg(stack.path("collector.toml")).arg("--to").arg(stack.path(to));
    run_ok(&mut command).map(drop)
}

fn newest(dirs: &[PathBuf]) -> Result<PathBuf> {
    let mut all = Vec::new();
    for dir in dirs {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("hostmeter-") {
                all.push((name, entry.path()));
            }
        }
    }
    Ok(all.into_iter().max().context("a backup")?.1)
}

fn restore(stack: &Stack, from: &Path, more: &[&str]) -> Result<Command> {
    let mut command = Command::new(program("hostmeter-collector")?);
    command
        .args(["restore", "--config"])
        .arg(stack.path("collector.toml"))
        .arg("--from")
        .arg(from)
        .args(more);
    Ok(command)
}

/// Number and hash of every envelope.
fn envelopes(db: &Connection) -> Result<Vec<(i64, i64, Vec<u8>)>> {
    let mut stmt = db.prepare("SELECT epoch, seq, hash FROM envelope ORDER BY epoch, seq")?;
    Ok(stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect::<Result<_, _>>()?)
}

fn rows(db: &Connection, sql: &str) -> Result<Vec<String>> {
    Ok(db.prepare(sql)?.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?)
}

/// CPU time in all stored batches, and in the hour totals.
fn counted(db: &Connection) -> Result<(i64, i64)> {
    let mut sum = 0;
    let mut stmt = db.prepare("SELECT bytes FROM envelope WHERE status = 'billed'")?;
    for bytes in stmt.query_map([], |r| r.get::<_, Vec<u8>>(0))? {
        let bytes = bytes?;
        let batch = Batch::decode(&open_payload(&peek(&bytes)?, &bytes)?)?;
        let values =
            batch.intervals.iter().flat_map(|i| &i.accounts).filter_map(|a| a.values.get(Meter::CpuUsec));
        sum += values.sum::<i64>();
    }
    let hours = db.query_row("SELECT coalesce(sum(cpu_usec), 0) FROM usage_hour", [], |r| r.get(0))?;
    Ok((sum, hours))
}

fn hour_before() -> Result<UtcHour> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    Ok(UtcHour(UtcHour::from_ms(now_ms).0 - 2))
}

fn set_up() -> Result<Stack> {
    let stack = Stack::new(&settings())?;
    let plan = json!({"id": "basic", "currency": "EUR", "valid_from": hour_before()?,
        "price": [{"meter": "net_tx_bytes", "amount": "0.01", "per": "1000"}]});
    stack.api.put("/v1/plans/basic", &plan)?.ok()?;
    let customer = json!({"id": "c-1", "name": "One", "plan": "basic", "billing_zone": "UTC"});
    stack.api.post("/v1/customers", &customer, None)?.ok()?;
    stack.api.post("/v1/accounts", &json!({"id": "x@cloud", "customer": "c-1"}), None)?.ok()?;
    Ok(stack)
}

/// An import and a run of charging, until both are answered with success.
fn import_and_charge(stack: &Stack, n: u64) -> Result<()> {
    let row =
        json!({"account": "x@cloud", "meter": "net_tx_bytes", "hour": hour_before()?, "quantity": 1_000});
    let body = json!({"source": "test", "rows": [row]});
    stack.api.post("/v1/usage-import", &body, Some(&format!("import-{n}")))?.ok()?;
    stack.hostmeter_ok(&["charge"]).map(drop)
}

#[test]
fn kills_and_a_lost_disk_lose_nothing_that_was_acknowledged() -> Result<()> {
    let mut stack = set_up()?;
    stack.enroll_and_start()?;
    stack.wait_for_first_batch()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (api, theirs) = (stack.api.clone(), Arc::clone(&stop));
    let payer = std::thread::spawn(move || pay(&api, &theirs));
    for n in 0..KILLS {
        import_and_charge(&stack, n)?;
        if n % 4 == 0 {
            backup(&stack, "by-hand")?;
        }
        std::thread::park_timeout(Duration::from_millis(100 + n * 37 % 400));
        stack.collector.as_mut().context("collector")?.kill();
        if n + 1 < KILLS {
            stack.start_collector()?;
        }
    }
    stop.store(true, Ordering::SeqCst);
    let acknowledged = payer.join().map_err(|_| anyhow::anyhow!("the payer panicked"))?;
    ensure!(acknowledged.len() > 50, "only {} payments", acknowledged.len());

    std::fs::rename(stack.path("data"), stack.path("lost"))?;
    let from = newest(&[stack.path("backups"), stack.path("by-hand")])?;
    let said = run_ok(&mut restore(&stack, &from, &[])?)?;
    let (lost, now) =
        (Connection::open(stack.path("lost/control.db"))?, Connection::open(stack.path("data/control.db"))?);
    let had = envelopes(&now)?.len();
    let keys: BTreeSet<String> = rows(&now, "SELECT key FROM idem_request")?.into_iter().collect();
    let missing: Vec<_> = acknowledged.difference(&keys).collect();
    assert!(missing.is_empty(), "acknowledged payments are missing: {missing:?}\n{said}");
    for sql in [
        "SELECT id || ' ' || idem_key || ' ' || hex(hash) FROM txn ORDER BY id",
        "SELECT txn || ' ' || line || ' ' || amount || ' ' || balance_after FROM entry ORDER BY txn, line",
        "SELECT account || ' ' || hour || ' ' || rev || ' ' || hex(lines) FROM charge ORDER BY account, hour, rev",
        "SELECT idem_key FROM import ORDER BY at_ms",
        "SELECT actor || action || subject || at_ms FROM audit ORDER BY id",
    ] {
        let (was, is) = (rows(&lost, sql)?, rows(&now, sql)?);
        // What was committed by the last transaction before the kill, and not answered yet, may be missing.
        assert!(!is.is_empty() && was.starts_with(&is), "{sql}: {} of {} rows", is.len(), was.len());
        assert!(was.len() - is.len() <= 4, "{sql}: {} of {} rows", is.len(), was.len());
    }
    assert_eq!(
        rows(&now, "SELECT hour || ' ' || quantity FROM import_total")?,
        rows(
            &now,
            "SELECT hour || ' ' || net_tx_bytes FROM usage_hour JOIN account ON account.id = account WHERE name = 'x@cloud'"
        )?,
    );

    let want = envelopes(&lost)?;
    let high = want.last().context("envelopes")?.1;
    assert!(had < want.len(), "the backup held everything, so that this test shows nothing: {had}");
    drop(now);
    stack.start_collector()?;
    wait_for("the agent to send again", Duration::from_secs(60), || {
        let host = stack.api.get(&format!("/v1/hosts/{HOST}"))?.ok()?;
        Ok(host["durable_seq"].as_i64().filter(|seq| *seq > high))
    })?;
    let ended = stack.agent.as_mut().context("agent")?.stop(Duration::from_secs(30))?;
    assert!(ended.success(), "{ended}");
    let now = Connection::open(stack.path("data/control.db"))?;
    let is = envelopes(&now)?;
    assert!(is.starts_with(&want), "every acknowledged envelope, byte for byte");
    let (in_batches, in_hours) = counted(&now)?;
    assert_eq!(in_batches, in_hours, "each counted once");
    assert_eq!(rows(&now, "SELECT state FROM host")?, ["live"], "nothing looked like a fork");
    stack.hostmeter_ok(&["charge"])?;
    stack.hostmeter_ok(&["ledger", "verify"])?;
    assert!(stack.path("backups").exists() && archived(&now)? > 0, "agents were told what backups hold");
    Ok(())
}

fn archived(db: &Connection) -> Result<i64> {
    Ok(db.query_row("SELECT coalesce(max(seq), 0) FROM archived", [], |r| r.get(0))?)
}

#[test]
fn a_restore_says_what_is_wrong_and_touches_nothing() -> Result<()> {
    let mut stack = set_up()?;
    backup(&stack, "by-hand")?;
    import_and_charge(&stack, 1)?;
    stack.collector.as_mut().context("collector")?.kill();
    let from = newest(&[stack.path("backups"), stack.path("by-hand")])?;
    let fails = |command: &mut Command, word: &str| -> Result<()> {
        let out = run(command)?;
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && text.contains(word), "{word}: {text}");
        Ok(())
    };
    fails(&mut restore(&stack, &from, &[])?, "is not empty")?;
    std::fs::rename(stack.path("data"), stack.path("lost"))?;
    let journal = std::fs::read_dir(stack.path("journal"))?.next().context("a segment")??.path();
    let good = std::fs::read(&journal)?;
    // Cut within the last record, then a byte changed in the first.
    std::fs::write(&journal, good.get(..good.len() - 1).context("bytes")?)?;
    fails(&mut restore(&stack, &from, &[])?, "cut short")?;
    let mut bad = good.clone();
    *bad.get_mut(200).context("byte 200")? ^= 1;
    std::fs::write(&journal, &bad)?;
    fails(&mut restore(&stack, &from, &[])?, "damaged at byte")?;
    std::fs::write(&journal, &good)?;
    let control = from.join("control.db");
    let whole = std::fs::read(&control)?;
    std::fs::write(&control, whole.get(..whole.len() / 2).context("half")?)?;
    fails(&mut restore(&stack, &from, &[])?, "control.db: damaged or cut short")?;
    std::fs::write(&control, &whole)?;
    run_ok(&mut restore(&stack, &from, &["--json"])?)?;
    stack.start_collector()?;
    stack.hostmeter_ok(&["ledger", "verify"])?;
    Ok(())
}

#[test]
fn a_jump_of_the_clock_stops_charging_until_it_is_accepted() -> Result<()> {
    let stack = set_up()?;
    import_and_charge(&stack, 1)?;
    let clock = |what: &str| -> Result<String> {
        let mut command = Command::new(program("hostmeter-collector")?);
        run_ok(command.args(["clock", what, "--config"]).arg(stack.path("collector.toml")))
    };
    assert!(clock("show")?.starts_with("No jump"), "{}", clock("show")?);
    // As if two hours of the wall clock had gone by since the last look, and none of the boot-time clock.
    let db = Connection::open(stack.path("data/control.db"))?;
    db.busy_timeout(Duration::from_secs(10))?;
    db.execute("UPDATE meta SET value = value - 7200000 WHERE key = 'clock_wall_ms'", [])?;
    let row =
        json!({"account": "x@cloud", "meter": "net_tx_bytes", "hour": hour_before()?, "quantity": 1_000});
    let body = json!({"source": "test", "rows": [row]});
    stack.api.post("/v1/usage-import", &body, Some("late"))?.ok()?;
    let refused = stack.api.post("/v1/charge-runs", &json!({}), None)?;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("clock_jumped")), "{}", refused.body);
    assert!(clock("show")?.contains("clock accept"));
    let standing = "SELECT count(*) FROM alert WHERE key = 'clock' AND cleared_ms IS NULL";
    let alerts = || -> Result<i64> { Ok(db.query_row(standing, [], |r| r.get(0))?) };
    assert_eq!(alerts()?, 1);
    assert!(clock("accept")?.starts_with("Accepted a jump"));
    let done = stack.api.post("/v1/charge-runs", &json!({}), None)?.ok()?;
    assert_eq!((done["charged_hours"].as_u64(), alerts()?), (Some(1), 0), "{done}");
    stack.hostmeter_ok(&["ledger", "verify"])?;
    Ok(())
}
