//! What used it: the commands of an account.

use super::{QueryError, accounts};
use crate::auth::Scope;
use crate::db::Connection;
use crate::limits::TOP_SHOWN_MAX;
use crate::store::UsageStore;
use hostmeter_core::wire::batch::TopCommand;
use std::collections::BTreeMap;

/// Commands that used most in `(from_ms, to_ms]`, by CPU time, then memory. Processes are of the last list.
pub fn top(
    conn: &Connection,
    store: &dyn UsageStore,
    scope: Scope,
    id: &str,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<TopCommand>, QueryError> {
    let account = accounts::get(conn, scope, id)?;
    let rows = store.top(account.row, from_ms, to_ms)?;
    let last_ms = rows.last().map(|r| r.at_ms);
    let mut sums: BTreeMap<String, TopCommand> = BTreeMap::new();
    for row in rows {
        let is_last = Some(row.at_ms) == last_ms;
        for c in row.commands {
            let sum = sums.entry(c.command.clone()).or_default();
            sum.cpu_usec = sum.cpu_usec.saturating_add(c.cpu_usec);
            sum.memory_kib_sec = sum.memory_kib_sec.saturating_add(c.memory_kib_sec);
            sum.processes = if is_last { c.processes } else { 0 };
            sum.command = c.command;
        }
    }
    let mut out: Vec<TopCommand> = sums.into_values().collect();
    // The rest stands last, whatever it used.
    out.sort_by_key(|c| (c.command == "other", std::cmp::Reverse((c.cpu_usec, c.memory_kib_sec))));
    out.truncate(TOP_SHOWN_MAX);
    Ok(out)
}
