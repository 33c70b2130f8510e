//! What an event of the lifecycle changes: its row, the account's desired state, and the command for its host.

use super::leaving;
use crate::billing::accounts::{self, Account};
use crate::billing::commands::queue;
use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::db::{Transaction, params};
use hostmeter_core::forecast::days;
use hostmeter_core::lifecycle::{Event, EventKind, Threshold};
use hostmeter_core::units::rfc3339;
use hostmeter_core::wire::command::Action;

/// Stores the event. Its key is unique: two steps from one state cannot both be stored.
pub(super) fn record(
    tx: &Transaction<'_>,
    customer: &Customer,
    event: &Event,
    now_ms: i64,
) -> Result<(), BillingError> {
    let sql =
        "INSERT INTO lifecycle_event (customer, at_ms, kind, detail, idem_key) VALUES (?1, ?2, ?3, ?4, ?5)";
    let key = event.idem_key(&customer.id);
    tx.prepare_cached(sql)?.execute(params![
        customer.row,
        now_ms,
        event.kind.name(),
        detail(&event.kind),
        key.as_str()
    ])?;
    tracing::info!(customer = %customer.id, kind = event.kind.name(), detail = detail(&event.kind), "lifecycle");
    Ok(())
}

fn detail(kind: &EventKind) -> String {
    match kind {
        EventKind::BalanceNegative { deadline_ms } => format!("accounts run until {}", rfc3339(*deadline_ms)),
        EventKind::BalanceReminder { reminder, deadline_ms } => {
            format!("reminder {reminder}, accounts run until {}", rfc3339(*deadline_ms))
        }
        EventKind::DeleteNotice { delete_at_ms } => format!("deletion not before {}", rfc3339(*delete_at_ms)),
        EventKind::AccountDeleted { account, archive: Some(archive) } => {
            format!("{account}, archive {archive}")
        }
        EventKind::AccountDeleted { account, archive: None } => format!("{account}, without an archive"),
        EventKind::BalanceLow { threshold, left_ms } => low(threshold, *left_ms),
        EventKind::PromiseOpened { until_ms } => format!("accounts run until {}", rfc3339(*until_ms)),
        EventKind::CapReached(cap) => {
            let then = if cap.suspends { "accounts are suspended" } else { "accounts run on" };
            format!("cap of the {}, until {}: {then}", cap.span.as_str(), rfc3339(cap.until_ms))
        }
        EventKind::BudgetReached(b) => format!("{}, {} % of its budget", b.account, b.percent),
        other => other.account().map(ToString::to_string).unwrap_or_default(),
    }
}

fn low(threshold: &Threshold, left_ms: Option<i64>) -> String {
    let below = match threshold {
        Threshold::Time(ms) => format!("below {}", days(*ms)),
        Threshold::Amount(amount) => format!("below {amount}"),
    };
    left_ms.map_or(below.clone(), |left| format!("{below}: lasts about {}", days(left)))
}

/// Carries the event out, and returns the host that has a new command.
pub(super) fn event(
    tx: &Transaction<'_>,
    customer: &Customer,
    event: &Event,
    now_ms: i64,
) -> Result<Option<i64>, BillingError> {
    match event.kind {
        EventKind::CustomerClosed => leaving::pay_back(tx, customer, event, now_ms)?,
        EventKind::WrittenOff => leaving::give_up(tx, customer, event, now_ms)?,
        _ => {}
    }
    let (Some(action), Some(id)) = (event.kind.action(), event.kind.account()) else { return Ok(None) };
    let account = accounts::get(tx, id)?;
    // What staff suspended stays suspended, whatever the balance.
    let by_staff = queue::is_held_suspended(tx, account.row)?;
    if by_staff && matches!(action, Action::Suspend | Action::Resume) && account.desired != "deleted" {
        return Ok(None);
    }
    let reason = format!("customer {}: {}", customer.id, event.kind.name());
    let host = queue::order(tx, &account, action, &reason, now_ms)?;
    if by_staff && matches!(action, Action::Undelete | Action::Resume) {
        let again: Account = accounts::get(tx, id)?;
        return queue::order(tx, &again, Action::Suspend, "suspended by staff", now_ms);
    }
    Ok(host)
}
