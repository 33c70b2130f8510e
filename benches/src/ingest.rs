//! Batches per second into a real collector over HTTP, with signatures and fsync; the generator is on the same machine.

use crate::fleet::{Host, send};
use crate::table::Table;
use anyhow::{Result, anyhow};
use hostmeter_tests::api::Api;
use hostmeter_tests::stack::{Settings, Stack};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const HOSTS: u8 = 16;
const BATCHES_EACH: usize = 150;
const ACCOUNTS: u32 = 200;

/// Adds the row.
pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let mut stack = Stack::new(&Settings::default())?;
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut work = Vec::new();
    for number in 0..HOSTS {
        let mut host = Host::enroll(&stack, number, now_ms - 600_000)?;
        let batches = (0..BATCHES_EACH).map(|_| host.next_batch(ACCOUNTS)).collect::<Result<Vec<_>>>()?;
        work.push(batches);
    }
    let start = Instant::now();
    let senders: Vec<_> = work
        .into_iter()
        .map(|batches| {
            let api = Api::new(&stack.url, "");
            std::thread::spawn(move || batches.iter().try_for_each(|b| send(&api, b)))
        })
        .collect();
    for sender in senders {
        sender.join().map_err(|_| anyhow!("a sender panicked"))??;
    }
    let ms = u64::try_from(start.elapsed().as_millis())?.max(1);
    let batches = u64::from(HOSTS) * u64::try_from(BATCHES_EACH)?;
    let per_sec = batches * 1_000 / ms;
    table.row(
        &format!("ingest over HTTP, signed, fsync, {ACCOUNTS} accounts × 8 meters, {HOSTS} hosts"),
        format!("{per_sec} batches/s ({} samples/s)", per_sec * u64::from(ACCOUNTS) * 8),
        "–",
        "–",
    );
    if let Some(collector) = stack.collector.as_mut() {
        collector.stop(std::time::Duration::from_secs(30))?;
    }
    Ok(())
}
