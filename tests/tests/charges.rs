//! Charging twice, or killed in the middle and again, leaves the same ledger.

use anyhow::{Context, Result};
use hostmeter_core::units::UtcHour;
use hostmeter_tests::run::wait_for;
use hostmeter_tests::stack::{Settings, Stack};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ACCOUNTS: usize = 3_000;
const HOURS: i64 = 4;

fn hour_now() -> Result<UtcHour> {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    Ok(UtcHour::from_ms(i64::try_from(ms)?))
}

/// Makes customers, accounts and usage of hours that are over.
fn fill(stack: &Stack) -> Result<()> {
    let from = UtcHour(hour_now()?.0 - HOURS - 1);
    let plan = json!({"id": "basic", "currency": "EUR", "valid_from": from,
        "price": [{"meter": "cpu_usec", "amount": "0.01", "per": "3600000000"},
                  {"meter": "net_tx_bytes", "amount": "0.01", "per": "1073741824"}]});
    stack.api.put("/v1/plans/basic", &plan)?.ok()?;
    for c in 0..10 {
        let body = json!({"id": format!("c-{c}"), "name": format!("Customer {c}"), "plan": "basic", "billing_zone": "Europe/Riga"});
        stack.api.post("/v1/customers", &body, None)?.ok()?;
    }
    for a in 0..ACCOUNTS {
        let body = json!({"id": format!("u{a}@cloud"), "customer": format!("c-{}", a % 10)});
        stack.api.post("/v1/accounts", &body, None)?.ok()?;
    }
    for h in 0..HOURS {
        let hour = UtcHour(from.0 + h);
        for block in (0..ACCOUNTS).collect::<Vec<_>>().chunks(1_000) {
            let rows: Vec<_> = block
                .iter()
                .map(|a| json!({"account": format!("u{a}@cloud"), "meter": "cpu_usec", "hour": hour, "quantity": 1_000_000 + a * 777}))
                .collect();
            let key = format!("fill-{h}-{}", block.first().context("block")?);
            let got = stack
                .api
                .post("/v1/usage-import", &json!({"source": "cloud-a", "rows": rows}), Some(&key))?
                .ok()?;
            assert_eq!(got["accepted"], json!(block.len()));
        }
    }
    Ok(())
}

/// Keys, lines and entries of the ledger; times of recording and hashes aside.
fn digest(db: &Path) -> Result<String> {
    let db = rusqlite::Connection::open(db)?;
    let mut out = String::new();
    for sql in [
        "SELECT idem_key || '|' || kind || '|' || effective_ms FROM txn ORDER BY idem_key",
        "SELECT t.idem_key || '|' || e.line || '|' || l.name || '|' || e.amount || '|' || e.balance_after
           FROM entry e JOIN txn t ON t.id = e.txn JOIN ledger_account l ON l.id = e.account ORDER BY t.idem_key, e.line",
        "SELECT a.name || '|' || c.hour || '|' || c.rev || '|' || c.amount || '|' || hex(c.lines)
           FROM charge c JOIN account a ON a.id = c.account ORDER BY a.name, c.hour, c.rev",
        "SELECT l.name || '|' || b.amount FROM balance b JOIN ledger_account l ON l.id = b.account ORDER BY l.name",
    ] {
        let mut rows = db.prepare(sql)?;
        for row in rows.query_map([], |r| r.get::<_, String>(0))? {
            writeln!(out, "{}", row?)?;
        }
    }
    Ok(out)
}

#[test]
fn charging_twice_or_killed_in_the_middle_leaves_the_same_ledger() -> Result<()> {
    let mut stack = Stack::new(&Settings::default())?;
    fill(&stack)?;
    // A copy of everything, charged once and undisturbed, is the reference.
    let mut calm = Stack::new(&Settings::default())?;
    for s in [&mut stack, &mut calm] {
        let ended = s.collector.as_mut().context("collector")?.stop(Duration::from_secs(20))?;
        assert!(ended.success(), "{ended}");
    }
    std::fs::copy(stack.path("data/control.db"), calm.path("data/control.db"))?;
    for wal in ["data/control.db-wal", "data/control.db-shm"] {
        if calm.path(wal).exists() {
            std::fs::remove_file(calm.path(wal))?;
        }
    }
    calm.token.clone_from(&stack.token);
    calm.api = hostmeter_tests::api::Api::new(&calm.url, &stack.token);
    calm.start_collector()?;
    calm.hostmeter_ok(&["charge"])?;
    let want = digest(&calm.path("data/control.db"))?;
    assert!(want.lines().count() > ACCOUNTS * usize::try_from(HOURS)?, "the reference holds every charge");
    calm.hostmeter_ok(&["charge"])?;
    assert_eq!(digest(&calm.path("data/control.db"))?, want, "a second run changes nothing");
    calm.hostmeter_ok(&["ledger", "verify"])?;

    let mut cut = 0;
    for delay_ms in [5, 20, 50, 100, 200, 400, 800] {
        stack.start_collector()?;
        let mut charge = stack.hostmeter(&["charge"])?;
        let mut run =
            charge.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
        std::thread::park_timeout(Duration::from_millis(delay_ms));
        stack.collector.as_mut().context("collector")?.kill();
        if !run.wait()?.success() {
            cut += 1;
        }
    }
    assert!(cut > 0, "at least one run was cut in the middle");
    stack.start_collector()?;
    wait_for("the last run", Duration::from_secs(60), || Ok(stack.hostmeter_ok(&["charge"]).ok()))?;
    assert_eq!(
        digest(&stack.path("data/control.db"))?,
        want,
        "killed {cut} times and run again: the same ledger"
    );
    stack.hostmeter_ok(&["ledger", "verify"])?;
    Ok(())
}
