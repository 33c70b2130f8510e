//! Handing commands out to a host: numbered and sealed once, then the same bytes until an outcome comes or they expire.

use super::breaker::breaker_state;
use super::queue;
use crate::alerts;
use crate::billing::error::BillingError;
use crate::billing::rules::Rules;
use crate::db::{Connection, Transaction, from_sql, params};
use crate::limits::{COMMAND_LIFE_MS, COMMAND_RESEND_MS, COMMANDS_PER_POLL};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::command::{Action, Command, Target};
use hostmeter_core::wire::envelope::{Domain, Stamp, seal};
use hostmeter_core::wire::key::SigningKey;

/// What a host is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// Sealed envelopes, in the order in which they are to be done.
    pub commands: Vec<Vec<u8>>,
    /// Numbers of deletions whose `begun` is stored: they may go on.
    pub begun_acked: Vec<i64>,
}

/// Whether a poll at `now_ms` would tell the host something at once. Cheap, on a reader.
pub fn has_work(conn: &Connection, host: i64, now_ms: i64) -> Result<bool, BillingError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM command c JOIN host h ON h.id = c.host
                 WHERE c.host = ?1 AND h.state = 'live' AND (c.state = 'queued'
                   OR (c.state IN ('sent', 'deferred') AND c.expires_ms <= ?2)
                   OR (c.state = 'sent' AND c.sent_ms <= ?3)
                   OR (c.state = 'begun' AND (c.sent_ms IS NULL OR c.sent_ms <= ?3))))";
    let again = now_ms.saturating_sub(COMMAND_RESEND_MS);
    Ok(conn.prepare_cached(sql)?.query_row(params![host, now_ms, again], |r| r.get(0))?)
}

/// Everything that the host is to be told now.
pub fn poll(
    tx: &Transaction<'_>,
    host: i64,
    key: &SigningKey,
    rules: &Rules,
    now_ms: i64,
) -> Result<Polled, BillingError> {
    let live: bool = tx
        .prepare_cached("SELECT state = 'live' FROM host WHERE id = ?1")?
        .query_row([host], |r| r.get(0))?;
    if !live {
        return Ok(Polled::default());
    }
    expire(tx, host, now_ms)?;
    hand_out(tx, host, key, rules, now_ms)?;
    collect(tx, host, now_ms)
}

/// What expired without an outcome is ordered again under a new number, if it is still wanted.
fn expire(tx: &Transaction<'_>, host: i64, now_ms: i64) -> Result<(), BillingError> {
    let sql = "SELECT c.id, c.account, c.generation, c.action, c.reason, c.generation = a.generation
               FROM command c JOIN account a ON a.id = c.account
               WHERE c.host = ?1 AND c.state IN ('sent', 'deferred') AND c.expires_ms <= ?2";
    let rows: Vec<(i64, i64, i64, String, String, bool)> = tx
        .prepare_cached(sql)?
        .query_map(params![host, now_ms], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
        })?
        .collect::<Result<_, _>>()?;
    for (id, account, generation, action, reason, wanted) in rows {
        tx.prepare_cached("UPDATE command SET state = 'expired', updated_ms = ?2 WHERE id = ?1")?
            .execute(params![id, now_ms])?;
        if let (true, Some(action)) = (wanted, Action::from_word(&action)) {
            queue::insert(tx, host, account, generation, action, &reason, now_ms)?;
        }
    }
    Ok(())
}

struct Waiting {
    id: i64,
    generation: i64,
    action: Action,
    reason: String,
    name: String,
    target: Option<Target>,
    /// It was handed out before, under a number that is void.
    again: bool,
}

/// Commands that wait: what gives something back first, deletions last, each in the order of asking.
fn waiting(conn: &Connection, host: i64) -> Result<Vec<Waiting>, BillingError> {
    let sql = "SELECT c.id, c.generation, c.action, c.reason, a.name, a.uid, a.user, a.home, a.home_inode,
                 EXISTS (SELECT 1 FROM command o WHERE o.account = c.account AND o.generation = c.generation
                         AND o.number IS NOT NULL) AS again
               FROM command c JOIN account a ON a.id = c.account WHERE c.host = ?1 AND c.state = 'queued'
               ORDER BY CASE c.action WHEN 'purge' THEN 3 WHEN 'delete' THEN 2 WHEN 'suspend' THEN 1 ELSE 0 END, again DESC, c.id LIMIT ?2";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![host, COMMANDS_PER_POLL], |r| {
        let (uid, user, home, inode): (Option<u32>, Option<String>, Option<String>, Option<i64>) =
            (r.get(5)?, r.get(6)?, r.get(7)?, r.get(8)?);
        let inode = inode.and_then(|i| u64::try_from(i).ok());
        let target = match (uid, user, home, inode) {
            (Some(uid), Some(user), Some(home), Some(home_inode)) => {
                Some(Target { uid, user, home, home_inode })
            }
            _ => None,
        };
        Ok((r.get(0)?, r.get(1)?, r.get::<_, String>(2)?, r.get(3)?, r.get(4)?, target, r.get(9)?))
    })?;
    rows.map(|row| {
        let (id, generation, action, reason, name, target, again) = row?;
        let action = Action::from_word(&action)
            .ok_or_else(|| BillingError::damaged(format!("command {id}"), format!("action {action:?}")))?;
        Ok(Waiting { id, generation, action, reason, name, target, again })
    })
    .collect()
}

fn hand_out(
    tx: &Transaction<'_>,
    host: i64,
    key: &SigningKey,
    rules: &Rules,
    now_ms: i64,
) -> Result<(), BillingError> {
    let waiting = waiting(tx, host)?;
    if waiting.is_empty() {
        return Ok(());
    }
    let mut breaker = breaker_state(tx, rules.breaker, now_ms)?;
    for command in waiting {
        let Some(target) = command.target.clone() else {
            let why = "its host has not reported uid, user, home and inode yet, so no command can name it";
            alerts::raise(tx, &format!("target:{}", command.id), "command", &command.name, why, now_ms)?;
            continue;
        };
        if !command.again && !breaker.allows(command.action) {
            let why = format!(
                "{} of {} is held back: {} suspensions (max {}), {} deletions and {} purges (max {} each) within 24 \
                 hours; look at `hostmeter command list`, then `hostmeter breaker reset`",
                command.action.as_str(),
                command.name,
                breaker.suspensions,
                breaker.suspensions_max,
                breaker.deletions,
                breaker.purges,
                breaker.deletions_max
            );
            let key = format!("breaker:{}", command.action.as_str());
            alerts::raise(tx, &key, "breaker", command.action.as_str(), &why, now_ms)?;
            continue;
        }
        if !command.again {
            breaker.count(command.action);
        }
        seal_one(tx, host, &command, target, key, now_ms)?;
    }
    Ok(())
}

/// Gives the command its number and its bytes.
fn seal_one(
    tx: &Transaction<'_>,
    host: i64,
    command: &Waiting,
    target: Target,
    key: &SigningKey,
    now_ms: i64,
) -> Result<(), BillingError> {
    let sql = "UPDATE host SET next_command = next_command + 1 WHERE id = ?1 RETURNING uuid, epoch, next_command - 1";
    let (uuid, epoch, number): ([u8; 16], i64, i64) =
        tx.prepare_cached(sql)?.query_row([host], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let life_ms = COMMAND_LIFE_MS.min(command.action.life_max_ms());
    let expires_ms = now_ms.saturating_add(life_ms);
    let (epoch, seq) = (from_sql("epoch", epoch)?, from_sql("command number", number)?);
    let payload = Command {
        v: VERSION,
        number: seq,
        epoch,
        issued_ms: now_ms,
        expires_ms,
        action: command.action,
        generation: from_sql("generation", command.generation)?,
        account: target,
        reason: command.reason.clone(),
    };
    let sealing = |e: &dyn std::fmt::Display| {
        BillingError::Seal(format!("{} of {}: {e}", command.action.as_str(), command.name))
    };
    let payload = payload.encode().map_err(|e| sealing(&e))?;
    let stamp = Stamp {
        domain: Domain::Command,
        host: HostId(uuid),
        epoch,
        seq,
        prev: [0; 32],
        boot: BootId::default(),
        wall_ns: u64::try_from(now_ms).unwrap_or_default().saturating_mul(1_000_000),
        boottime_ns: 0,
    };
    let bytes = seal(&stamp, &payload, key).map_err(|e| sealing(&e))?;
    // `sent_ms` stays empty, so that the bytes go out with this very answer.
    let sql =
        "UPDATE command SET number = ?2, state = 'sent', issued_ms = ?3, updated_ms = ?3, expires_ms = ?4,
               envelope = ?5 WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![command.id, number, now_ms, expires_ms, bytes])?;
    Ok(alerts::clear(tx, &format!("target:{}", command.id), now_ms)?)
}

/// The bytes that are due, and every deletion whose `begun` is stored.
fn collect(tx: &Transaction<'_>, host: i64, now_ms: i64) -> Result<Polled, BillingError> {
    let again = now_ms.saturating_sub(COMMAND_RESEND_MS);
    let sql = "SELECT id, envelope FROM command WHERE host = ?1 AND state = 'sent'
               AND (sent_ms IS NULL OR sent_ms <= ?2) ORDER BY number LIMIT ?3";
    let due: Vec<(i64, Vec<u8>)> = tx
        .prepare_cached(sql)?
        .query_map(params![host, again, COMMANDS_PER_POLL], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let begun: Vec<(i64, i64)> = tx
        .prepare_cached("SELECT id, number FROM command WHERE host = ?1 AND state = 'begun' ORDER BY number")?
        .query_map([host], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut told = tx.prepare_cached("UPDATE command SET sent_ms = ?2 WHERE id = ?1")?;
    for id in due.iter().map(|(id, _)| *id).chain(begun.iter().map(|(id, _)| *id)) {
        told.execute(params![id, now_ms])?;
    }
    Ok(Polled {
        commands: due.into_iter().map(|(_, bytes)| bytes).collect(),
        begun_acked: begun.into_iter().map(|(_, number)| number).collect(),
    })
}
