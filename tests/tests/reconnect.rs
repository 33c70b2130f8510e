//! Hosts come back after an outage, each with a backlog, and the collector is killed in the middle of it: everyone gets
//! through, and every batch counts once. `make bench-reconnect` does the same with 10,000 hosts.

use anyhow::{Context, Result, anyhow, ensure};
use hostmeter_tests::reconnect::{Crowd, Plan, check};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::stack::{Settings, Stack};
use std::time::Duration;

const HOSTS: usize = 200;
const BACKLOG: usize = 12;

/// Envelopes that are stored.
fn stored(stack: &Stack) -> Result<i64> {
    let db = rusqlite::Connection::open(stack.path("data/control.db"))?;
    Ok(db.query_row("SELECT count(*) FROM envelope", [], |r| r.get(0))?)
}

#[test]
fn two_hundred_hosts_come_back_and_every_batch_counts_once() -> Result<()> {
    let mut stack = Stack::new(&Settings { tls: true, ..Settings::default() })?;
    let plan = Plan {
        hosts: HOSTS,
        backlog: BACKLOG,
        sample: BACKLOG,
        accounts: 5,
        interval_ms: 60_000,
        honest: 10,
        phase: Duration::from_millis(100),
        spread: Duration::ZERO,
        backoff_ms: (20, 200),
    };
    let crowd = Crowd::prepare(&stack, &plan)?;
    let begun = i64::try_from(HOSTS * (1 + BACKLOG / 4))?;
    let report = std::thread::scope(|scope| {
        // An answer with 503 and without Retry-After ends it with an error.
        let running = scope.spawn(|| crowd.run());
        wait_for("a quarter of the backlog", Duration::from_secs(120), || {
            Ok((running.is_finished() || stored(&stack)? >= begun).then_some(()))
        })?;
        stack.collector.as_mut().context("collector")?.kill();
        stack.start_collector()?;
        running.join().map_err(|_| anyhow!("the hosts panicked"))?
    })?;
    let everyone = u64::try_from(HOSTS)?;
    ensure!(report.drained == everyone * u64::try_from(BACKLOG)?, "{report:?}");
    ensure!(
        report.broken >= everyone / 2,
        "hardly a host lost its connection: this shows nothing: {report:?}"
    );
    ensure!(report.honest > 0 && report.waits.len() == usize::try_from(report.honest)?, "{report:?}");
    // The API answers once everything is counted.
    stack.api.get("/v1/hosts")?.ok()?;
    check(&stack, &plan, &report)
}
