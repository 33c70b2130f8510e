//! A whole run over all blocks, one write for each, and the lock that lets one run work at a time.

use super::block::{Block, BlockDone, charge_block, next_block};
use crate::billing::error::BillingError;
use crate::billing::rules::Rules;
use crate::billing::statement;
use crate::db::Db;
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run did; also the answer of `POST /v1/charge-runs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Summary {
    /// Accounts with at least one hour charged.
    pub charged_accounts: usize,
    /// Hours charged, counted for each account.
    pub charged_hours: usize,
    /// What their customers paid, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// Another run was at work; this one did nothing.
    pub already_running: bool,
}

/// Lets one run work at a time.
#[derive(Debug, Default)]
pub struct RunLock(AtomicBool);

struct Held<'a>(&'a AtomicBool);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl RunLock {
    fn hold(&self) -> Option<Held<'_>> {
        let free = self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        free.then_some(Held(&self.0))
    }
}

/// Charges every closed hour that ends at or before `until_ms`. `wake` is told which hosts have new commands.
pub async fn run(
    db: &Db,
    lock: &RunLock,
    rules: &Rules,
    actor: &str,
    until_ms: i64,
    now_ms: i64,
    wake: impl Fn(&BTreeSet<i64>),
) -> Result<Summary, BillingError> {
    let Some(_held) = lock.hold() else {
        return Ok(Summary { already_running: true, ..Summary::default() });
    };
    let until = UtcHour::from_ms(until_ms.min(now_ms));
    let (mut accounts, mut summary) = (HashSet::new(), Summary::default());
    let mut after: Option<Block> = None;
    loop {
        let (rules, actor) = (rules.clone(), actor.to_owned());
        let step = db
            .write(move |tx| -> Result<Option<(Block, BlockDone)>, BillingError> {
                crate::jump::refuse(tx)?;
                let Some(block) = next_block(tx, after, until)? else { return Ok(None) };
                Ok(Some((block, charge_block(tx, block, &rules, &actor, now_ms)?)))
            })
            .await?;
        let Some((block, done)) = step else { break };
        after = Some(block);
        wake(&done.wake);
        summary.charged_hours = summary.charged_hours.saturating_add(done.accounts.len());
        summary.amount =
            Money::checked_sum([summary.amount, Money::from_micros(done.amount)]).unwrap_or(Money::MAX);
        accounts.extend(done.accounts);
    }
    let statements = statement::close_due(db, rules, actor, until, now_ms).await?;
    if statements > 0 {
        tracing::info!(statements, "months were closed");
    }
    summary.charged_accounts = accounts.len();
    Ok(summary)
}
