//! What billing keeps while the collector runs: the lock of charging, who waits for commands, and the background task.

use super::charge::RunLock;
use super::error::BillingError;
use super::rules::Rules;
use super::{lifecycle, referral};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::jump::{self, Reading};
use crate::limits::{SWEEP_MAX, SWEEP_MIN};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Shared by handlers and the background task.
#[derive(Debug)]
pub struct Runtime {
    /// Settings of billing and lifecycle.
    pub rules: Rules,
    /// One run of charging at a time.
    pub charging: RunLock,
    commands: Notify,
    stirred: Notify,
}

impl Runtime {
    /// With the settings of the configuration.
    pub fn new(config: &Config) -> Self {
        Self {
            rules: Rules::new(config),
            charging: RunLock::default(),
            commands: Notify::new(),
            stirred: Notify::new(),
        }
    }

    /// Lets the long polls look again, if any host has something new.
    pub fn wake(&self, hosts: &BTreeSet<i64>) {
        if !hosts.is_empty() {
            self.commands.notify_waiters();
        }
    }

    /// Called after a commit that stored outcomes of commands: long polls look again, and the lifecycle goes on at
    /// once.
    pub fn outcomes_stored(&self) {
        self.commands.notify_waiters();
        self.stirred.notify_one();
    }

    /// Ends when there may be something new for a host.
    pub(crate) fn news(&self) -> Notified<'_> {
        self.commands.notified()
    }

    /// How often the sweep runs: often enough for the shortest duration configured.
    fn interval(&self) -> Duration {
        let s = &self.rules.lifecycle;
        let shortest = s.grace_ms.min(s.delete_after_ms).min(s.final_notice_ms).max(0);
        let tenth = Duration::from_millis(
            u64::try_from(shortest).unwrap_or_default().checked_div(10).unwrap_or_default(),
        );
        tenth.clamp(SWEEP_MIN, SWEEP_MAX)
    }
}

/// The background task: moves deadlines by the time that the collector was out, then sweeps for ever. The caller
/// ends it by dropping it. Failures are logged, and the next sweep tries again.
pub async fn background(db: &Db, runtime: &Runtime, clock: &Clock) {
    let mut resumed = false;
    loop {
        match clock_goes(db, clock).await {
            Ok(true) => {
                if !std::mem::replace(&mut resumed, true) {
                    resume(db, clock.now_ms()).await;
                }
                if let Err(e) = sweep(db, runtime, clock.now_ms()).await {
                    tracing::error!(error = %e, "the lifecycle's sweep failed");
                }
            }
            // The alert says what to do.
            Ok(false) => {}
            Err(e) => tracing::error!(error = %e, "the clocks could not be compared"),
        }
        // Either is as good: time went on, or something happened.
        drop(tokio::time::timeout(runtime.interval(), runtime.stirred.notified()).await);
    }
}

async fn resume(db: &Db, now_ms: i64) {
    match db.write(move |tx| lifecycle::resume_after_outage(tx, now_ms)).await {
        Ok(outage_ms) => tracing::info!(outage_ms, "the lifecycle goes on"),
        Err(e) => tracing::error!(error = %e, "deadlines could not be moved by the collector's outage"),
    }
}

/// Looks at the clocks; `false`: the wall clock jumped, and nothing may go by it.
pub async fn clock_goes(db: &Db, clock: &Clock) -> Result<bool, DbError> {
    match Reading::now(clock) {
        Some(now) => db.write(move |tx| jump::observe(tx, &now)).await,
        None => Ok(true),
    }
}

/// One sweep over all customers.
pub async fn sweep(db: &Db, runtime: &Runtime, now_ms: i64) -> Result<(), BillingError> {
    let mut after = i64::MIN;
    loop {
        let rules = runtime.rules.clone();
        let (due, last) = db.read(move |conn| lifecycle::due(conn, after, &rules, now_ms)).await?;
        for customer in due {
            let rules = runtime.rules.clone();
            let hosts = db.write(move |tx| lifecycle::run_alone(tx, customer, &rules, now_ms)).await?;
            runtime.wake(&hosts);
        }
        match last {
            Some(last) => after = last,
            None => break,
        }
    }
    referrals(db, runtime, now_ms).await?;
    db.write(move |tx| lifecycle::heartbeat(tx, now_ms)).await
}

/// Credits the referrers' shares that are due.
async fn referrals(db: &Db, runtime: &Runtime, now_ms: i64) -> Result<(), BillingError> {
    while db.read(move |conn| referral::is_due(conn, now_ms)).await? {
        let rules = runtime.rules.clone();
        let (credited, hosts) = db.write(move |tx| referral::pay_due(tx, &rules, now_ms)).await?;
        runtime.wake(&hosts);
        if credited == 0 {
            break;
        }
    }
    Ok(())
}
