//! Adding a batch to the hour totals: the figures that bills come from.

use super::{accounts, degraded};
use crate::db::{DbError, Transaction, params};
use crate::limits::{LATE_MAX_MS, NOTE_MAX_CHARS, WORD_MAX_CHARS};
use hostmeter_core::ids::HostName;
use hostmeter_core::limits::FUTURE_MAX_MS;
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::batch::Batch;
use rusqlite::CachedStatement;
use std::sync::LazyLock;

/// The host that a batch is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    /// Row of the host.
    pub id: i64,
    /// Its name.
    pub name: HostName,
}

/// Why a batch does not count now although it is understood; for the alert.
pub fn implausible(batch: &Batch, now_ms: i64) -> Option<String> {
    let first = batch.intervals.first()?;
    let last = batch.intervals.last()?;
    if last.to_ms > now_ms.saturating_add(FUTURE_MAX_MS) {
        let ahead = last.to_ms.saturating_sub(now_ms) / 1_000;
        return Some(format!("it ends {ahead} s in the future; look at the clocks of host and collector"));
    }
    if first.from_ms < now_ms.saturating_sub(LATE_MAX_MS) {
        let days = now_ms.saturating_sub(first.from_ms) / (24 * 3_600_000);
        return Some(format!("it is {days} days old; usage older than 35 days is not billed by itself"));
    }
    None
}

/// Adds everything of the batch: accounts, hour totals, the host's watermark, when it was not metered in full.
pub fn count(tx: &Transaction<'_>, host: &HostRow, batch: &Batch, now_ms: i64) -> Result<(), DbError> {
    let (mut seen, mut hours) = (accounts::Seen::prepare(tx)?, Hours::prepare(tx)?);
    for interval in &batch.intervals {
        let hour = UtcHour::from_ms(interval.from_ms);
        for usage in &interval.accounts {
            let account = accounts::find_or_make(tx, host, usage.uid, usage.user.as_deref(), now_ms)?;
            seen.note(account, interval.to_ms)?;
            if let Some(home) = &usage.home {
                accounts::home(tx, account, home, usage.home_inode)?;
            }
            let mut flows = usage.values.iter().filter(|(m, _)| m.is_flow()).peekable();
            if flows.peek().is_some() {
                let changes = flows.any(|(_, v)| v != 0);
                hours.add(account, hour, &usage.values, changes)?;
            }
        }
    }
    if let Some(watermark_ms) = batch.watermark_ms() {
        advance(tx, host.id, watermark_ms)?;
    }
    degraded::note(tx, host.id, batch)
}

/// Usage of a host is known up to here.
pub(super) fn advance(tx: &Transaction<'_>, host: i64, watermark_ms: i64) -> Result<(), DbError> {
    tx.prepare_cached("UPDATE host SET watermark_ms = max(coalesce(watermark_ms, ?2), ?2) WHERE id = ?1")?
        .execute([host, watermark_ms])?;
    Ok(())
}

/// Adds to accounts' hours.
pub(super) struct Hours<'tx> {
    /// Of an hour that is there and open.
    open: CachedStatement<'tx>,
    any: CachedStatement<'tx>,
}

impl<'tx> Hours<'tx> {
    /// For many hours.
    pub(super) fn prepare(tx: &'tx Transaction<'_>) -> Result<Self, DbError> {
        static OPEN: LazyLock<String> = LazyLock::new(update_sql);
        static ANY: LazyLock<String> = LazyLock::new(upsert_sql);
        Ok(Self { open: tx.prepare_cached(&OPEN)?, any: tx.prepare_cached(&ANY)? })
    }

    /// Adds values to an account's hour. A charged hour is open again if anything changes.
    pub(super) fn add(
        &mut self,
        account: i64,
        hour: UtcHour,
        values: &Values,
        changes: bool,
    ) -> Result<(), DbError> {
        let flows = || Meter::ALL.iter().filter(|m| m.is_flow()).map(|m| values.get(*m));
        let key = [Some(account), Some(hour.0)];
        // Almost always the row is there and open: then no index has to change.
        let row = key.into_iter().chain(flows());
        if self.open.execute(rusqlite::params_from_iter(row))? > 0 {
            return Ok(());
        }
        let row = key.into_iter().chain([Some(i64::from(changes))]).chain(flows());
        self.any.execute(rusqlite::params_from_iter(row))?;
        Ok(())
    }
}

fn update_sql() -> String {
    let sums: Vec<String> = Meter::ALL
        .iter()
        .filter(|m| m.is_flow())
        .zip(3..)
        .map(|(m, n)| format!("{m} = coalesce({m} + ?{n}, {m}, ?{n})"))
        .collect();
    format!("UPDATE usage_hour SET {} WHERE account = ?1 AND hour = ?2 AND charged = 0", sums.join(", "))
}

/// A meter that was not measured stays as it was; NULL and a number make the number.
fn upsert_sql() -> String {
    let flows: Vec<&str> = Meter::ALL.iter().filter(|m| m.is_flow()).map(|m| m.name()).collect();
    let marks: Vec<String> = (4..flows.len().saturating_add(4)).map(|n| format!("?{n}")).collect();
    let sums: Vec<String> =
        flows.iter().map(|m| format!("{m} = coalesce({m} + excluded.{m}, {m}, excluded.{m})")).collect();
    format!(
        "INSERT INTO usage_hour (account, hour, charged, {}) VALUES (?1, ?2, 0 * ?3, {})
         ON CONFLICT (account, hour) DO UPDATE SET charged = CASE ?3 WHEN 1 THEN 0 ELSE charged END, {}",
        flows.join(", "),
        marks.join(", "),
        sums.join(", ")
    )
}

/// The first characters of a text, at most `max`.
pub(super) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// What the agent says of itself: shown with the host, also while its usage does not count.
pub fn note_agent(tx: &Transaction<'_>, host: i64, batch: &Batch) -> Result<(), DbError> {
    let interval_ms = i64::try_from(batch.agent.interval_ms).unwrap_or(i64::MAX);
    let c = &batch.coverage;
    tx.prepare_cached(
        "UPDATE host SET agent_version = ?2, tier = ?3, limited = ?4, interval_ms = ?5,
             cpu_ppm = ?6, io_ppm = ?7, memory_ppm = ?8 WHERE id = ?1",
    )?
    .execute(params![
        host,
        cut(&batch.agent.version, WORD_MAX_CHARS),
        cut(&batch.tier, WORD_MAX_CHARS),
        cut(&batch.agent.limited, NOTE_MAX_CHARS),
        interval_ms,
        c.cpu_ppm,
        c.io_ppm,
        c.memory_ppm
    ])?;
    Ok(())
}
