//! Balances, ledger entries and events as pages show them.

use crate::api::Problem;
use crate::billing::balance::balance;
use crate::billing::customers::Customer;
use crate::billing::history::{HistoryEntry, Order, history};
use crate::billing::lifecycle::{self, EventView, shown_state};
use crate::billing::{BillingError, Rules};
use crate::db::Connection;
use crate::limits::{PANEL_ENTRIES_MAX, PANEL_SCAN_MAX};
use hostmeter_core::ids::AccountId;
use hostmeter_core::lifecycle::Phase;
use hostmeter_core::money::Money;
use hostmeter_core::units::parse_rfc3339_ms;
use hostmeter_panel::view::{BalanceView, LedgerEntry, LedgerLine, LifecycleEvent, LifecycleState};

/// A customer's balance: the same figures as `GET /v1/customers/{id}/balance`.
pub(super) fn balance_view(
    conn: &Connection,
    customer: &Customer,
    rules: &Rules,
    now_ms: i64,
) -> Result<BalanceView, Problem> {
    let figures = balance(conn, customer, rules, now_ms)?;
    let state = shown_state(customer);
    let missing = needed(state.phase, figures.balance, figures.pending, rules.lifecycle.overdraft);
    Ok(BalanceView {
        currency: figures.currency,
        balance: figures.balance.to_string(),
        pending: figures.pending.to_string(),
        days_left: figures.days_left.map(|n| n.to_string()),
        state: if state.parked { LifecycleState::Parked } else { of_phase(state.phase) },
        since_ms: Some(state.since_ms),
        deadline_ms: state.deadline_ms(&rules.lifecycle),
        needed: missing.map(|m| m.to_string()),
    })
}

/// The least top-up that ends the trouble: the balance is not below zero then, and after suspension what is pending
/// does not reach the floor.
fn needed(phase: Phase, balance: Money, pending: Money, overdraft: Money) -> Option<Money> {
    let owed = balance.checked_neg()?;
    let floor = pending.checked_sub(overdraft)?.checked_sub(balance)?;
    let least = match phase {
        Phase::New | Phase::Active | Phase::Low | Phase::Purged => return None,
        Phase::Grace | Phase::Promised | Phase::Closing | Phase::Closed => owed,
        Phase::Suspended | Phase::Deleting | Phase::Deleted => owed.max(floor),
    };
    (least > Money::ZERO).then_some(least)
}

/// The word of a customer's phase.
pub(super) const fn of_phase(phase: Phase) -> LifecycleState {
    match phase {
        Phase::New => LifecycleState::Unassigned,
        Phase::Active => LifecycleState::Active,
        Phase::Low => LifecycleState::Low,
        Phase::Grace => LifecycleState::Grace,
        Phase::Promised => LifecycleState::Promised,
        Phase::Suspended => LifecycleState::Suspended,
        Phase::Deleting => LifecycleState::Deleting,
        Phase::Deleted => LifecycleState::Deleted,
        Phase::Purged => LifecycleState::Purged,
        Phase::Closing | Phase::Closed => LifecycleState::Closed,
    }
}

/// The customer's newest movements, newest first.
pub(super) fn ledger(conn: &Connection, customer: &Customer) -> Result<Vec<LedgerEntry>, Problem> {
    let (entries, _) = history(conn, customer, None, Order::Falling, PANEL_ENTRIES_MAX)?;
    entries.into_iter().take(PANEL_ENTRIES_MAX).map(entry).collect()
}

/// The newest charges of one account, newest first, among the customer's latest movements.
pub(super) fn ledger_of_account(
    conn: &Connection,
    customer: &Customer,
    account: &str,
) -> Result<Vec<LedgerEntry>, Problem> {
    let (mut out, mut seen, mut from) = (Vec::new(), 0_usize, None);
    while out.len() < PANEL_ENTRIES_MAX && seen < PANEL_SCAN_MAX {
        let (entries, next) = history(conn, customer, from, Order::Falling, PANEL_ENTRIES_MAX)?;
        seen = seen.saturating_add(entries.len());
        let own = entries.into_iter().filter(|e| e.account.as_deref() == Some(account));
        out.extend(own.map(entry).collect::<Result<Vec<_>, _>>()?);
        from = next;
        if from.is_none() {
            break;
        }
    }
    out.truncate(PANEL_ENTRIES_MAX);
    Ok(out)
}

fn time(what: &str, text: &str) -> Result<i64, Problem> {
    Ok(parse_rfc3339_ms(text).map_err(|e| BillingError::damaged(what, e))?)
}

fn entry(e: HistoryEntry) -> Result<LedgerEntry, Problem> {
    let lines = e.lines.into_iter().map(|l| LedgerLine {
        meter: l.meter.name().to_owned(),
        quantity: l.quantity,
        price_version: Some(l.price_version).filter(|v| !v.is_empty()),
        // What it cost lowers the balance.
        amount: l.amount.checked_neg().unwrap_or(Money::MAX).to_string(),
    });
    // Charges are the run's; whoever started it says nothing.
    let actor = if e.kind == "charge" { String::new() } else { e.actor };
    Ok(LedgerEntry {
        reason: e.reason,
        actor,
        at_ms: time("ledger, time", &e.at)?,
        hour_ms: e.hour.as_deref().map(|h| time("ledger, hour", h)).transpose()?,
        lines: lines.collect(),
        txn: e.txn,
        kind: e.kind,
        account: e.account,
        amount: e.amount.to_string(),
        balance_after: e.balance_after.to_string(),
    })
}

/// What happened to a customer, newest first.
pub(super) fn events(conn: &Connection, customer: &Customer) -> Result<Vec<LifecycleEvent>, Problem> {
    let found = lifecycle::events(conn, customer.row, i64::MAX, PANEL_ENTRIES_MAX)?;
    found.into_iter().map(event).collect()
}

fn event(e: EventView) -> Result<LifecycleEvent, Problem> {
    // The account stands first in the detail of what concerns one.
    let (first, rest) = e.detail.split_once(", ").unwrap_or((&e.detail, ""));
    let account =
        Some(first).filter(|_| e.kind.starts_with("account.")).and_then(|a| AccountId::parse(a).ok());
    let detail = if account.is_some() { rest.to_owned() } else { e.detail.clone() };
    let at_ms = time("lifecycle event, time", &e.at)?;
    Ok(LifecycleEvent { at_ms, event: e.kind, account: account.map(|a| a.to_string()), detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_top_up() {
        let money = |text: &str| Money::parse(text).unwrap();
        let check = |phase, balance, pending, want: Option<&str>| {
            let got = needed(phase, money(balance), money(pending), money("5.00"));
            assert_eq!(got, want.map(money), "{phase} {balance} {pending}");
        };
        check(Phase::Active, "-1.00", "0.00", None);
        check(Phase::Grace, "-0.50", "9.00", Some("0.50"));
        check(Phase::Suspended, "-0.50", "1.00", Some("0.50"));
        check(Phase::Suspended, "-0.50", "6.00", Some("1.50"));
        check(Phase::Deleted, "2.00", "6.00", None);
    }

    #[test]
    fn events_name_their_account() {
        let check = |kind: &str, detail: &str, account: Option<&str>, rest: &str| {
            let view = EventView {
                id: 1,
                at: "2026-11-21T12:00:00Z".into(),
                kind: kind.into(),
                detail: detail.into(),
            };
            let got = event(view).unwrap();
            assert_eq!((got.account.as_deref(), got.detail.as_str()), (account, rest), "{kind}");
            assert_eq!(got.event, kind);
        };
        check("account.suspend", "shop@web1", Some("shop@web1"), "");
        check("account.deleted", "shop@web1, archive a-1", Some("shop@web1"), "archive a-1");
        check("balance.negative", "accounts run until 2026, or so", None, "accounts run until 2026, or so");
        check("account.suspend", "<b>", None, "<b>");
    }
}
