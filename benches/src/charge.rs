//! Accounts charged per second: 10,000 accounts of one hour, through the running collector.

use crate::table::Table;
use anyhow::{Context, Result, ensure};
use hostmeter_core::units::UtcHour;
use hostmeter_tests::api::Api;
use hostmeter_tests::stack::{Settings, Stack};
use serde_json::json;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const ACCOUNTS: usize = 10_000;
const CUSTOMERS: usize = 1_000;
const SENDERS: usize = 16;
const ROWS: usize = 1_000;

fn fill(stack: &Stack) -> Result<()> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let hour = UtcHour(UtcHour::from_ms(now_ms).0 - 1);
    let price = |meter: &str| json!({"meter": meter, "amount": "0.01", "per": "3600000"});
    let meters = ["cpu_usec", "memory_kib_sec", "io_read_bytes", "io_write_bytes"];
    let plan = json!({"id": "basic", "currency": "EUR", "valid_from": hour, "price": meters.map(price)});
    stack.api.put("/v1/plans/basic", &plan)?.ok()?;
    in_parallel(stack, CUSTOMERS, |api, n| {
        let body = json!({"id": format!("c-{n}"), "name": "Bench", "plan": "basic", "billing_zone": "UTC"});
        api.post("/v1/customers", &body, None)?.ok().map(|_| ())
    })?;
    in_parallel(stack, ACCOUNTS, |api, n| {
        let body = json!({"id": format!("u{n}@cloud"), "customer": format!("c-{}", n % CUSTOMERS)});
        api.post("/v1/accounts", &body, None)?.ok().map(|_| ())
    })?;
    for (i, meter) in meters.iter().enumerate() {
        for from in (0..ACCOUNTS).step_by(ROWS) {
            let rows: Vec<_> = (from..from + ROWS)
                .map(|n| json!({"account": format!("u{n}@cloud"), "meter": meter, "hour": hour, "quantity": 3_600_000 + n * 31}))
                .collect();
            let body = json!({"source": "bench", "rows": rows});
            stack.api.post("/v1/usage-import", &body, Some(&format!("bench-{i}-{from}")))?.ok()?;
        }
    }
    Ok(())
}

/// Runs `work` for 0..count from several senders, so that the collector can group commits.
fn in_parallel(stack: &Stack, count: usize, work: impl Fn(&Api, usize) -> Result<()> + Sync) -> Result<()> {
    std::thread::scope(|scope| {
        let work = &work;
        let senders: Vec<_> = (0..SENDERS)
            .map(|s| scope.spawn(move || (s..count).step_by(SENDERS).try_for_each(|n| work(&stack.api, n))))
            .collect();
        senders.into_iter().try_for_each(|s| s.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?)
    })
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let stack = Stack::new(&Settings::default())?;
    fill(&stack)?;
    let start = Instant::now();
    let done = stack.api.post("/v1/charge-runs", &json!({}), None)?.ok()?;
    let ms = u64::try_from(start.elapsed().as_millis())?.max(1);
    let charged = done["charged_hours"].as_u64().context("charged_hours")?;
    ensure!(charged == u64::try_from(ACCOUNTS)?, "{charged} account hours were charged: {done}");
    table.row(
        &format!("charge {ACCOUNTS} accounts × 1 hour × 4 meters"),
        format!("{} accounts/s ({ms} ms)", charged * 1_000 / ms),
        "–",
        "–",
    );
    let start = Instant::now();
    let again = stack.api.post("/v1/charge-runs", &json!({}), None)?.ok()?;
    ensure!(again["charged_hours"] == json!(0), "a second run charged again: {again}");
    table.row("charge with nothing to do", format!("{} ms", start.elapsed().as_millis()), "–", "–");
    stack.hostmeter_ok(&["ledger", "verify"])?;
    Ok(())
}
