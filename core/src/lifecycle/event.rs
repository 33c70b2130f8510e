//! What a step tells the world.

use super::facts::{Budget, Cap};
use crate::ids::{AccountId, CustomerId};
use crate::ledger::IdemKey;
use crate::money::Money;
use crate::wire::command::Action;

/// Something that happened to a customer or one of its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The episode it belongs to.
    pub episode: u64,
    /// Counts the customer's events, from 1. Two racing steps from one state give the same number, so that only one
    /// of them can be stored.
    pub number: u64,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// Its idempotency key: `life:CUSTOMER:EPISODE:NAME.NUMBER`.
    pub fn idem_key(&self, customer: &CustomerId) -> IdemKey {
        IdemKey::life(customer, self.episode, &format!("{}.{}", self.kind.name(), self.number))
    }
}

/// What happened. [`EventKind::action`] says which kinds are a command for the account's agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The first account was assigned.
    CustomerOpened,
    /// The balance fell below zero; the accounts run until then (milliseconds since the epoch).
    BalanceNegative {
        /// End of the grace.
        deadline_ms: i64,
    },
    /// The grace runs on.
    BalanceReminder {
        /// Counts the reminders of the grace, from 1.
        reminder: usize,
        /// End of the grace, in milliseconds since the epoch.
        deadline_ms: i64,
    },
    /// Usage not posted yet takes the balance below the overdraft floor: a suspension is near.
    BalanceFloor,
    /// The balance is in order again.
    BalanceRecovered,
    /// Stop the account.
    AccountSuspend(AccountId),
    /// Start the account again, or call its deletion off.
    AccountResume(AccountId),
    /// The final notice before deletion.
    DeleteNotice {
        /// The earliest deletion, in milliseconds since the epoch.
        delete_at_ms: i64,
    },
    /// The accounts are to be deleted.
    DeleteScheduled,
    /// Archive the account and move it away.
    AccountDelete(AccountId),
    /// The deletion was called off before it began.
    DeleteCancelled,
    /// The account is gone.
    AccountDeleted {
        /// Which.
        account: AccountId,
        /// The archive's id; `None` where nobody could make one (account of the API, revoked host).
        archive: Option<String>,
    },
    /// Bring the account back.
    AccountUndelete(AccountId),
    /// Staff holds suspension and deletion back.
    HoldSet,
    /// Staff lets them go on.
    HoldCleared,
    /// The credit will not last for long, or is below the amount that the customer set.
    BalanceLow {
        /// The threshold that was crossed.
        threshold: Threshold,
        /// How long the credit will last, in milliseconds; `None`: nothing is used.
        left_ms: Option<i64>,
    },
    /// The credit lasts long enough again.
    BalanceOk,
    /// The customer promised to pay; the accounts run until then (milliseconds since the epoch).
    PromiseOpened {
        /// End of the promise.
        until_ms: i64,
    },
    /// The customer paid in time.
    PromiseKept,
    /// The customer did not pay in time: trust falls.
    PromiseBroken,
    /// A cap of the customer's own is reached.
    CapReached(Cap),
    /// A share of an account's budget is used.
    BudgetReached(Budget),
    /// Staff suspends the accounts, whatever the balance.
    AbuseSet,
    /// Staff lifts that.
    AbuseCleared,
    /// The reseller does not pay: the accounts are suspended, whatever the balance.
    ProviderSuspended,
    /// The reseller has paid, or is none any more.
    ProviderResumed,
    /// An invariant is broken: nothing is charged, suspended or deleted.
    Parked,
    /// Staff has looked, and billing goes on.
    Unparked,
    /// The customer leaves.
    CustomerClosing,
    /// The customer left: unspent money is to be paid back.
    CustomerClosed,
    /// The customer is back.
    CustomerReopened,
    /// Nobody will pay any more: the debt is to be written off.
    WrittenOff,
    /// Remove for good what the account held.
    AccountPurge(AccountId),
    /// What the account held is gone for good.
    AccountPurged(AccountId),
}

/// What was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// The credit lasts less than so many milliseconds.
    Time(i64),
    /// Balance less pending is below the amount that was set.
    Amount(Money),
}

impl EventKind {
    /// The name in API, webhooks and database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CustomerOpened => "customer.opened",
            Self::BalanceNegative { .. } => "balance.negative",
            Self::BalanceReminder { .. } => "balance.reminder",
            Self::BalanceFloor => "balance.floor",
            Self::BalanceRecovered => "balance.recovered",
            Self::AccountSuspend(_) => "account.suspend",
            Self::AccountResume(_) => "account.resume",
            Self::DeleteNotice { .. } => "delete.notice",
            Self::DeleteScheduled => "delete.scheduled",
            Self::AccountDelete(_) => "account.delete",
            Self::DeleteCancelled => "delete.cancelled",
            Self::AccountDeleted { .. } => "account.deleted",
            Self::AccountUndelete(_) => "account.undelete",
            Self::HoldSet => "hold.set",
            Self::HoldCleared => "hold.cleared",
            Self::BalanceLow { .. } => "balance.low",
            Self::BalanceOk => "balance.ok",
            Self::PromiseOpened { .. } => "promise.opened",
            Self::PromiseKept => "promise.kept",
            Self::PromiseBroken => "promise.broken",
            Self::CapReached(_) => "cap.reached",
            Self::BudgetReached(_) => "budget.reached",
            Self::AbuseSet => "abuse.set",
            Self::AbuseCleared => "abuse.cleared",
            Self::ProviderSuspended => "provider.suspended",
            Self::ProviderResumed => "provider.resumed",
            Self::Parked => "billing.parked",
            Self::Unparked => "billing.unparked",
            Self::CustomerClosing => "customer.closing",
            Self::CustomerClosed => "customer.closed",
            Self::CustomerReopened => "customer.reopened",
            Self::WrittenOff => "balance.written-off",
            Self::AccountPurge(_) => "account.purge",
            Self::AccountPurged(_) => "account.purged",
        }
    }

    /// The account it is about, if it is about one.
    pub const fn account(&self) -> Option<&AccountId> {
        match self {
            Self::AccountSuspend(id)
            | Self::AccountResume(id)
            | Self::AccountDelete(id)
            | Self::AccountUndelete(id)
            | Self::AccountPurge(id)
            | Self::AccountPurged(id)
            | Self::AccountDeleted { account: id, .. } => Some(id),
            Self::BudgetReached(budget) => Some(&budget.account),
            _ => None,
        }
    }

    /// What the account's executor is to be told, if anything.
    pub const fn action(&self) -> Option<Action> {
        match self {
            Self::AccountSuspend(_) => Some(Action::Suspend),
            Self::AccountResume(_) => Some(Action::Resume),
            Self::AccountDelete(_) => Some(Action::Delete),
            Self::AccountUndelete(_) => Some(Action::Undelete),
            Self::AccountPurge(_) => Some(Action::Purge),
            _ => None,
        }
    }
}
