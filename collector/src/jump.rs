//! A jump of the collector's own clock: by more than an hour against the boot-time clock, nothing is closed, charged,
//! suspended or deleted until an admin has looked.
//!
//! What was seen last stands in `meta`, so that a restart of the collector forgets nothing. Over a restart of the machine
//! only a clock that went back is noticed, as nobody knows how long the machine was off.

use crate::alerts;
use crate::billing::{BillingError, lifecycle};
use crate::clock::Clock;
use crate::db::{Connection, DbError, OptionalExtension, Transaction};
use crate::limits::CLOCK_JUMP_MAX_MS;
use hostmeter_core::units::rfc3339;
use hostmeter_core::wire::key::sha256;
use std::sync::PoisonError;

const WALL: &str = "clock_wall_ms";
const SINCE_BOOT: &str = "clock_boottime_ms";
const BOOT: &str = "clock_boot";
const JUMP: &str = "clock_jump_ms";
const ALERT: &str = "clock";

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock, milliseconds since the epoch.
    pub wall_ms: i64,
    /// The boot-time clock, milliseconds.
    pub boottime_ms: i64,
    /// Which boot; a number made of its id.
    pub boot: i64,
}

impl Reading {
    /// Reads the machine's clocks; `None` for a clock that is set by hand, and where the boot has no id.
    pub fn now(clock: &Clock) -> Option<Self> {
        match clock {
            Clock::System => {}
            Clock::Manual(_) => return None,
            Clock::Simulated(reading) => {
                return Some(*reading.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
        let id = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = i64::from_be_bytes(*sha256(&id).first_chunk::<8>()?);
        let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boottime_ms = since.tv_sec.saturating_mul(1_000).saturating_add(since.tv_nsec / 1_000_000);
        Some(Self { wall_ms: clock.now_ms(), boottime_ms, boot })
    }

    /// How far the wall clock jumped since another reading, milliseconds.
    fn jump_since(&self, last: &Self) -> i64 {
        let gone = self.wall_ms.saturating_sub(last.wall_ms);
        match self.boot == last.boot {
            true => gone.saturating_sub(self.boottime_ms.saturating_sub(last.boottime_ms)),
            false => gone.min(0),
        }
    }
}

fn get(conn: &Connection, key: &str) -> Result<Option<i64>, DbError> {
    let sql = "SELECT value FROM meta WHERE key = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([key], |r| r.get(0)).optional()?)
}

fn set(tx: &Transaction<'_>, key: &str, value: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.prepare_cached(sql)?.execute((key, value))?;
    Ok(())
}

fn keep(tx: &Transaction<'_>, now: &Reading) -> Result<(), DbError> {
    set(tx, WALL, now.wall_ms)?;
    set(tx, SINCE_BOOT, now.boottime_ms)?;
    set(tx, BOOT, now.boot)
}

/// By how much the clock jumped, if nobody has accepted it yet, milliseconds.
pub fn standing(conn: &Connection) -> Result<Option<i64>, DbError> {
    get(conn, JUMP)
}

/// Refuses work that goes by the time while a jump stands.
pub fn refuse(conn: &Connection) -> Result<(), BillingError> {
    match standing(conn)? {
        None => Ok(()),
        Some(jump_ms) => Err(BillingError::conflict("clock_jumped", why(jump_ms))),
    }
}

fn why(jump_ms: i64) -> String {
    let (seconds, way) = (jump_ms.saturating_abs() / 1_000, if jump_ms < 0 { "back" } else { "ahead" });
    format!(
        "the collector's clock jumped {seconds} s {way}: no hour is closed, nothing is charged, suspended or deleted. Set \
         the clock right, then run `hostmeter-collector clock accept`"
    )
}

/// Looks at the clocks; says whether work may go on.
pub fn observe(tx: &Transaction<'_>, now: &Reading) -> Result<bool, DbError> {
    if standing(tx)?.is_some() {
        return Ok(false);
    }
    let last = (get(tx, WALL)?, get(tx, SINCE_BOOT)?, get(tx, BOOT)?);
    if let (Some(wall_ms), Some(boottime_ms), Some(boot)) = last {
        let jump_ms = now.jump_since(&Reading { wall_ms, boottime_ms, boot });
        if jump_ms.saturating_abs() > CLOCK_JUMP_MAX_MS {
            set(tx, JUMP, jump_ms)?;
            alerts::raise(tx, ALERT, ALERT, "collector", &why(jump_ms), now.wall_ms)?;
            return Ok(false);
        }
    }
    keep(tx, now)?;
    Ok(true)
}

/// An admin says that the clock is right now: work goes on, and deadlines move by the time in which it did not.
pub fn accept(tx: &Transaction<'_>, now: &Reading, actor: &str) -> Result<Option<i64>, BillingError> {
    let jump_ms = standing(tx)?;
    if let Some(jump_ms) = jump_ms {
        tx.execute("DELETE FROM meta WHERE key = ?1", [JUMP])?;
        lifecycle::resume_after_outage(tx, now.wall_ms)?;
        alerts::clear(tx, ALERT, now.wall_ms)?;
        let detail = format!("{jump_ms} ms; it is {}", rfc3339(now.wall_ms));
        crate::audit::write(tx, actor, "clock.accept", "collector", &detail, now.wall_ms)?;
    }
    keep(tx, now)?;
    Ok(jump_ms)
}

#[cfg(test)]
mod tests;
