//! What staff does by hand: suspend, resume, delete and undelete an account, and hold a customer.

use super::{run_alone, state_of};
use crate::billing::accounts::{self, Account};
use crate::billing::commands::queue;
use crate::billing::customers;
use crate::billing::error::BillingError;
use crate::billing::rules::Rules;
use crate::db::{Connection, Transaction, params};
use hostmeter_core::ids::{AccountId, CustomerId};
use hostmeter_core::lifecycle::{Desired, Phase};
use hostmeter_core::wire::command::Action;
use std::collections::BTreeSet;

/// What staff may order for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffAction {
    /// Suspend, whatever the balance; only staff lifts it.
    Suspend,
    /// Lift staff's suspension; the account runs again if its balance allows.
    Resume,
    /// Archive and quarantine, whatever the balance.
    Delete,
    /// Call a deletion off, or bring the account back from the quarantine.
    Undelete,
}

impl StaffAction {
    /// The word in the audit.
    pub const fn audited(self) -> &'static str {
        match self {
            Self::Suspend => "account.suspend",
            Self::Resume => "account.resume",
            Self::Delete => "account.delete",
            Self::Undelete => "account.undelete",
        }
    }
}

fn conflict(why: String) -> BillingError {
    BillingError::conflict("account_state", why)
}

fn manual(conn: &Connection, account: &Account) -> Result<Option<String>, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT manual FROM account WHERE id = ?1")?;
    Ok(stmt.query_row([account.row], |r| r.get(0))?)
}

fn set_manual(tx: &Transaction<'_>, account: &Account, manual: Option<&str>) -> Result<(), BillingError> {
    tx.prepare_cached("UPDATE account SET manual = ?2 WHERE id = ?1")?
        .execute(params![account.row, manual])?;
    Ok(())
}

/// Carries out what staff orders, then the step of the account's customer. The same order again changes nothing.
/// Returns the hosts that have new commands.
pub fn staff(
    tx: &Transaction<'_>,
    id: &AccountId,
    action: StaffAction,
    reason: &str,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    let account = accounts::get(tx, id)?;
    let manual = manual(tx, &account)?;
    let mut wake: BTreeSet<i64> = match action {
        StaffAction::Suspend => suspend(tx, &account, manual.as_deref(), reason, now_ms)?,
        StaffAction::Resume => resume(tx, &account, manual.as_deref(), reason, now_ms)?,
        StaffAction::Delete => delete(tx, &account, manual.as_deref(), reason, now_ms)?,
        StaffAction::Undelete => undelete(tx, &account, manual.as_deref(), reason, now_ms)?,
    }
    .into_iter()
    .collect();
    if let Some(customer) = account.customer {
        wake.extend(run_alone(tx, customer, rules, now_ms)?);
    }
    Ok(wake)
}

fn suspend(
    tx: &Transaction<'_>,
    account: &Account,
    manual: Option<&str>,
    reason: &str,
    now_ms: i64,
) -> Result<Option<i64>, BillingError> {
    if account.desired == "deleted" || manual == Some("restoring") {
        let id = &account.id;
        return Err(conflict(format!(
            "account {id} is deleted or on its way; undelete it first, and wait for that"
        )));
    }
    set_manual(tx, account, Some("suspended"))?;
    if account.desired == "suspended" {
        Ok(None)
    } else {
        queue::order(tx, account, Action::Suspend, reason, now_ms)
    }
}

fn resume(
    tx: &Transaction<'_>,
    account: &Account,
    manual: Option<&str>,
    reason: &str,
    now_ms: i64,
) -> Result<Option<i64>, BillingError> {
    if account.desired == "active" {
        return Ok(None);
    }
    if manual != Some("suspended") {
        let id = &account.id;
        let why = match account.desired.as_str() {
            "deleted" => format!("account {id} is deleted; use undelete"),
            _ => format!(
                "account {id} is suspended because of its customer's balance, not by staff; book a top-up or an \
                 adjustment, and it resumes by itself"
            ),
        };
        return Err(conflict(why));
    }
    set_manual(tx, account, None)?;
    // Where the balance wants the suspension too, it stays.
    if lifecycle_wants(tx, account)? == Desired::Active {
        queue::order(tx, account, Action::Resume, reason, now_ms)
    } else {
        Ok(None)
    }
}

fn lifecycle_wants(conn: &Connection, account: &Account) -> Result<Desired, BillingError> {
    match account.customer {
        Some(customer) => Ok(state_of(&customers::by_row(conn, customer)?)?.desired(&account.id)),
        None => Ok(Desired::Active),
    }
}

fn delete(
    tx: &Transaction<'_>,
    account: &Account,
    manual: Option<&str>,
    reason: &str,
    now_ms: i64,
) -> Result<Option<i64>, BillingError> {
    if manual == Some("restoring") {
        return Err(conflict(format!("account {} is just being brought back; wait for that", account.id)));
    }
    if account.desired == "deleted" {
        return Ok(None);
    }
    set_manual(tx, account, Some("deleted"))?;
    queue::order(tx, account, Action::Delete, reason, now_ms)
}

fn undelete(
    tx: &Transaction<'_>,
    account: &Account,
    manual: Option<&str>,
    reason: &str,
    now_ms: i64,
) -> Result<Option<i64>, BillingError> {
    let id = &account.id;
    match (manual, account.desired.as_str()) {
        (Some("restoring"), _) => return Ok(None),
        (_, "active" | "suspended") => return Err(conflict(format!("account {id} is not deleted"))),
        (Some("deleted"), _) => {}
        _ => return undelete_by_customer(tx, account),
    }
    let mut stmt = tx.prepare_cached("SELECT deletion FROM account WHERE id = ?1")?;
    let deletion: String = stmt.query_row([account.row], |r| r.get(0))?;
    match deletion.as_str() {
        "none" => {
            set_manual(tx, account, None)?;
            queue::order(tx, account, Action::Resume, reason, now_ms)
        }
        "begun" => Err(conflict(format!("the deletion of {id} has begun; undelete it when that is done"))),
        _ => {
            set_manual(tx, account, Some("restoring"))?;
            queue::order(tx, account, Action::Undelete, reason, now_ms)
        }
    }
}

/// The customer's lifecycle deleted it: the customer's accounts come back together, under a hold, because its balance
/// would suspend them again at once.
fn undelete_by_customer(tx: &Transaction<'_>, account: &Account) -> Result<Option<i64>, BillingError> {
    let id = &account.id;
    let customer = match account.customer {
        Some(row) => customers::by_row(tx, row)?,
        None => return Err(conflict(format!("account {id} has no customer, and staff did not delete it"))),
    };
    if state_of(&customer)?.phase != Phase::Deleted {
        let why =
            format!("the deletion of {id} is not finished; a hold or a top-up of {} stops it", customer.id);
        return Err(conflict(why));
    }
    tx.prepare_cached("UPDATE customer SET undelete = 1, hold = 1 WHERE id = ?1")?.execute([customer.row])?;
    Ok(None)
}

/// Sets or clears a hold: no suspension and no deletion while it lasts.
pub fn set_hold(
    tx: &Transaction<'_>,
    customer: &CustomerId,
    hold: bool,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    let customer = customers::get(tx, customer)?;
    tx.prepare_cached("UPDATE customer SET hold = ?2 WHERE id = ?1")?.execute(params![customer.row, hold])?;
    run_alone(tx, customer.row, rules, now_ms)
}

/// Sets or clears the hold of one account: no suspension and no deletion of it while it lasts.
pub fn hold_account(
    tx: &Transaction<'_>,
    id: &AccountId,
    hold: bool,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    let account = accounts::get(tx, id)?;
    tx.prepare_cached("UPDATE account SET hold = ?2 WHERE id = ?1")?.execute(params![account.row, hold])?;
    account.customer.map_or_else(|| Ok(BTreeSet::new()), |c| run_alone(tx, c, rules, now_ms))
}
