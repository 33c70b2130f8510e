//! Rows that several pages show: accounts, commands.

use super::charts::{METERS, total};
use super::read;
use crate::api::Problem;
use crate::auth::Scope;
use crate::billing::BillingError;
use crate::billing::commands::CommandView as Found;
use crate::billing::customers::Customer;
use crate::db::Connection;
use crate::limits::PANEL_ROWS_MAX;
use crate::query::accounts::{Account, Filter, list};
use crate::query::usage::{Ask, usage};
use crate::store::UsageStore;
use hostmeter_core::units::parse_rfc3339_ms;
use hostmeter_panel::view::{
    AccountRow, CommandStatus, CommandView, LifecycleState, Notice, SurfaceOutcome, Tone, UsageTotals,
};
use std::collections::HashMap;

/// What rows of accounts are read with.
#[derive(Clone, Copy)]
pub(super) struct Reads<'a> {
    /// control.db.
    pub(super) conn: &'a Connection,
    /// Time series.
    pub(super) store: &'a dyn UsageStore,
    /// What may be seen.
    pub(super) scope: Scope,
    /// Now, milliseconds since the epoch.
    pub(super) now_ms: i64,
}

/// A page of accounts with their totals since `from_ms`, and the id to go on after.
pub(super) fn accounts(
    reads: Reads<'_>,
    filter: Filter,
    from_ms: i64,
) -> Result<(Vec<AccountRow>, Option<String>), Problem> {
    let filter = Filter { limit: PANEL_ROWS_MAX, ..filter };
    let (found, next) = list(reads.conn, reads.scope, &filter)?;
    let rows = found.into_iter().map(|a| row(reads, a, from_ms)).collect::<Result<_, _>>()?;
    Ok((rows, next))
}

/// A customer's accounts with usage and cost of today in its billing zone.
pub(super) fn accounts_today(
    reads: Reads<'_>,
    customer: &Customer,
) -> Result<(Vec<AccountRow>, Option<String>), Problem> {
    let start_ms = read::day_start_ms(&customer.billing_zone, reads.now_ms);
    let costs = read::costs_since(reads.conn, customer, start_ms)?;
    let filter =
        Filter { customer: Some(customer.id.to_string()), limit: PANEL_ROWS_MAX, ..Filter::default() };
    let (found, next) = list(reads.conn, reads.scope, &filter)?;
    let mut rows = Vec::with_capacity(found.len());
    for account in found {
        let cost = costs.get(&account.row).copied().unwrap_or_default();
        rows.push(AccountRow { cost: Some(cost.to_string()), ..row(reads, account, start_ms)? });
    }
    Ok((rows, next))
}

fn row(reads: Reads<'_>, account: Account, from_ms: i64) -> Result<AccountRow, Problem> {
    Ok(AccountRow {
        usage: totals(reads, &account.id, from_ms)?,
        uid: account.uid.map(i64::from),
        state: state(&account),
        customer: account.customer,
        last_seen_ms: account.last_seen_ms,
        cost: None,
        id: account.id,
    })
}

/// Totals from `from_ms` until now, by the query of the API.
pub(super) fn totals(reads: Reads<'_>, id: &str, from_ms: i64) -> Result<UsageTotals, Problem> {
    let to_ms = reads.now_ms.max(from_ms.saturating_add(1));
    let span_sec = to_ms.saturating_sub(from_ms).checked_div(1_000).unwrap_or(0).max(1);
    let ask = Ask::new(from_ms, to_ms, Some(span_sec), METERS.to_vec())?;
    let found = usage(reads.conn, reads.store, reads.scope, id, &ask, reads.now_ms)?;
    let sums: HashMap<_, _> = found.series.iter().map(|s| (s.meter, total(s))).collect();
    let [cpu, memory, read, written] = METERS.map(|m| sums.get(&m).copied().flatten());
    Ok(UsageTotals { cpu_usec: cpu, memory_kib_sec: memory, io_read_bytes: read, io_write_bytes: written })
}

/// Where an account stands.
pub(super) fn state(account: &Account) -> LifecycleState {
    match account.state {
        "suspended" | "suspending" => LifecycleState::Suspended,
        "deleting" => LifecycleState::Deleting,
        "deleted" => LifecycleState::Deleted,
        _ if account.customer.is_none() => LifecycleState::Unassigned,
        _ => LifecycleState::Active,
    }
}

/// A line that says where a list goes on.
pub(super) fn more(next: Option<&str>, path: &str) -> Option<Notice> {
    let text = match (next?, path) {
        (next, "") => format!("Only the first {PANEL_ROWS_MAX} are shown, up to {next}; the API lists all."),
        (next, path) => format!("{PANEL_ROWS_MAX} are shown; the next ones are at {path}?after={next}"),
    };
    Some(Notice { tone: Tone::Info, text })
}

/// A line that says what an agent does not see.
pub(super) fn limited(host: &str, limited: &str) -> Option<Notice> {
    let text = format!("Host {host} is not metered in full: {limited}");
    (!limited.is_empty()).then_some(Notice { tone: Tone::Warn, text })
}

/// Commands as pages show them.
pub(super) fn commands(found: Vec<Found>) -> Result<Vec<CommandView>, Problem> {
    found.into_iter().map(command).collect()
}

fn command(c: Found) -> Result<CommandView, Problem> {
    let time = |text: &str| parse_rfc3339_ms(text).map_err(|e| BillingError::damaged("command, time", e));
    let status = status(&c.state);
    let is_over = !matches!(status, CommandStatus::Waiting | CommandStatus::Running);
    let surface = |s: hostmeter_core::wire::command::Surface| SurfaceOutcome {
        surface: s.surface,
        ok: s.ok,
        detail: s.detail,
    };
    let mut surfaces: Vec<SurfaceOutcome> = c.surfaces.into_iter().map(surface).collect();
    // What is told of the command as a whole: why it was refused, put off or not carried out.
    if !c.detail.is_empty() {
        let ok = status == CommandStatus::Done;
        surfaces.push(SurfaceOutcome { surface: c.state, ok, detail: c.detail });
    }
    Ok(CommandView {
        id: c.id.to_string(),
        action: c.action,
        account: c.account,
        generation: c.generation,
        issued_ms: time(&c.made)?,
        finished_ms: c.updated.as_deref().filter(|_| is_over).map(time).transpose()?,
        status,
        surfaces,
    })
}

fn status(state: &str) -> CommandStatus {
    match state {
        "queued" | "deferred" => CommandStatus::Waiting,
        "sent" | "begun" => CommandStatus::Running,
        "done" => CommandStatus::Done,
        "stale" | "superseded" => CommandStatus::Stale,
        // `failed`, `refused`, `expired`: it was not carried out.
        _ => CommandStatus::Failed,
    }
}
