//! Whether the collector counted each batch exactly once.

use super::{Plan, Report};
use crate::fleet::{METERS, value};
use crate::stack::Stack;
use anyhow::{Context, Result, ensure};
use hostmeter_core::meter::Meter;
use rusqlite::Connection;
use std::collections::HashMap;

/// Compares stored envelopes and hour totals with what was sent. The collector must have counted everything.
pub fn check(stack: &Stack, plan: &Plan, report: &Report) -> Result<()> {
    let db = Connection::open(stack.path("data/control.db"))?;
    let (stored, billed): (i64, i64) =
        db.query_row("SELECT count(*), coalesce(sum(status = 'billed'), 0) FROM envelope", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?;
    let first = u64::try_from(plan.hosts)?;
    let sent = i64::try_from(first + report.drained + report.honest)?;
    ensure!((stored, billed) == (sent, sent), "{sent} batches were sent; {stored} stored, {billed} billed");
    let batches: HashMap<String, u64> = {
        let mut stmt =
            db.prepare("SELECT h.name, count(*) FROM envelope e JOIN host h ON h.id = e.host GROUP BY 1")?;
        let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?)))?;
        rows.map(|r| r.map_err(anyhow::Error::from).and_then(|(n, c)| Ok((n, u64::try_from(c)?))))
            .collect::<Result<_>>()?
    };
    let sums: Vec<String> = flows().map(|m| format!("sum(u.{m})")).collect();
    let sql = format!(
        "SELECT h.name, a.uid, {} FROM usage_hour u JOIN account a ON a.id = u.account JOIN host h ON h.id = a.host
         GROUP BY a.id",
        sums.join(", ")
    );
    let mut stmt = db.prepare(&sql)?;
    let mut rows = stmt.query([])?;
    let mut known: HashMap<(u64, u32), Vec<i64>> = HashMap::new();
    let mut accounts = 0_usize;
    while let Some(r) = rows.next()? {
        let (host, uid): (String, u32) = (r.get(0)?, r.get(1)?);
        let count = *batches.get(&host).context("a host without batches")?;
        let n = uid.checked_sub(2_000).context("uid")?;
        let truth = known.entry((count, n)).or_insert_with(|| truth(n, count));
        for (i, (meter, want)) in flows().zip(truth).enumerate() {
            let got: i64 = r.get(i + 2)?;
            ensure!(got == *want, "user{n}@{host}, {count} batches: {meter} is {got}, not {want}");
        }
        accounts += 1;
    }
    let want = batches.len() * usize::try_from(plan.accounts)?;
    ensure!(accounts == want, "{accounts} accounts have usage, not {want}");
    Ok(())
}

/// What adds up over an hour.
fn flows() -> impl Iterator<Item = Meter> {
    METERS.into_iter().filter(|m| m.is_flow())
}

fn truth(account: u32, batches: u64) -> Vec<i64> {
    flows().map(|m| (1..=batches).map(|seq| value(account, seq, m)).sum()).collect()
}
