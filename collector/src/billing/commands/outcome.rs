//! What became of a command, as its host reports it in the batch stream.

use crate::alerts;
use crate::db::{DbError, OptionalExtension, Transaction, params, to_sql};
use hostmeter_core::wire::command::{Action, Outcome, Status};

struct Row {
    id: i64,
    account: i64,
    name: String,
    generation: i64,
    action: String,
    current: bool,
}

fn find(tx: &Transaction<'_>, host: i64, number: u64) -> Result<Option<Row>, DbError> {
    let sql = "SELECT c.id, c.account, a.name, c.generation, c.action, c.generation = a.generation
               FROM command c JOIN account a ON a.id = c.account WHERE c.host = ?1 AND c.number = ?2";
    let number = to_sql("command number", number)?;
    let mut stmt = tx.prepare_cached(sql)?;
    let row = stmt.query_row(params![host, number], |r| {
        Ok(Row {
            id: r.get(0)?,
            account: r.get(1)?,
            name: r.get(2)?,
            generation: r.get(3)?,
            action: r.get(4)?,
            current: r.get(5)?,
        })
    });
    Ok(row.optional()?)
}

/// Stores an outcome and brings the account's row to it. Called by ingest in the transaction that stores the batch;
/// after the commit, [`crate::billing::Runtime::outcomes_stored`] lets the lifecycle and the long polls go on.
pub fn record_outcome(
    tx: &Transaction<'_>,
    host: i64,
    outcome: &Outcome,
    now_ms: i64,
) -> Result<(), DbError> {
    let known = find(tx, host, outcome.number)?.filter(|r| r.action == outcome.action.as_str());
    let Some(row) = known else {
        let (status, number) = (outcome.status.as_str(), outcome.number);
        let why = format!("the host reports {status} of command {number}, which it was never given");
        return alerts::raise(
            tx,
            &format!("outcome:{host}:{number}"),
            "command",
            &host.to_string(),
            &why,
            now_ms,
        );
    };
    let state = match outcome.status {
        // A deletion that was called off meanwhile is not let go on.
        Status::Begun if !row.current => "superseded",
        status => status.as_str(),
    };
    let surfaces = serde_json::to_string(&outcome.surfaces).unwrap_or_else(|_| "[]".to_owned());
    // What is finished is never unfinished by a late or repeated report.
    let sql = "UPDATE command SET state = ?2, detail = ?3, surfaces = ?4, archive = COALESCE(?5, archive), updated_ms = ?6,
                 sent_ms = NULL WHERE id = ?1 AND state <> 'done'";
    let changed = tx.prepare_cached(sql)?.execute(params![
        row.id,
        state,
        outcome.detail,
        surfaces,
        outcome.archive,
        now_ms
    ])?;
    if changed == 0 {
        return Ok(());
    }
    match outcome.status {
        Status::Begun if row.current => {
            tx.prepare_cached("UPDATE account SET deletion = 'begun' WHERE id = ?1")?
                .execute([row.account])?;
            Ok(())
        }
        Status::Done => done(tx, &row, outcome, now_ms),
        Status::Begun | Status::Stale => Ok(()),
        // Whatever became of an order that was overtaken, nobody has to act on it.
        _ if !row.current => Ok(()),
        Status::Failed | Status::Refused | Status::Deferred => alert(tx, &row, outcome, now_ms),
    }
}

fn done(tx: &Transaction<'_>, row: &Row, outcome: &Outcome, now_ms: i64) -> Result<(), DbError> {
    tx.prepare_cached("UPDATE account SET done_generation = MAX(done_generation, ?2) WHERE id = ?1")?
        .execute(params![row.account, row.generation])?;
    let sql = match outcome.action {
        Action::Delete => {
            "UPDATE account SET deletion = 'done', archive = COALESCE(?2, archive) WHERE id = ?1"
        }
        Action::Undelete => {
            "UPDATE account SET deletion = 'none', archive = COALESCE(?2, archive),
               manual = CASE WHEN manual = 'restoring' THEN NULL ELSE manual END WHERE id = ?1"
        }
        Action::Suspend | Action::Resume | Action::Purge | Action::Inspect => "",
    };
    if !sql.is_empty() {
        tx.prepare_cached(sql)?.execute(params![row.account, outcome.archive])?;
    }
    if outcome.action == Action::Purge {
        tx.prepare_cached("UPDATE account SET purged_ms = ?2 WHERE id = ?1")?
            .execute(params![row.account, now_ms])?;
    }
    alerts::clear(tx, &alert_key(row), now_ms)
}

fn alert_key(row: &Row) -> String {
    format!("command:{}:{}", row.name, row.generation)
}

fn alert(tx: &Transaction<'_>, row: &Row, outcome: &Outcome, now_ms: i64) -> Result<(), DbError> {
    let bad: Vec<String> =
        outcome.surfaces.iter().filter(|s| !s.ok).map(|s| format!("{}: {}", s.surface, s.detail)).collect();
    let surfaces = if bad.is_empty() { String::new() } else { format!(" ({})", bad.join("; ")) };
    let todo = match outcome.status {
        Status::Deferred => "it is tried again later by itself",
        _ => "see `hostmeter command show`, then `hostmeter command retry`",
    };
    let why = format!(
        "{} of {} {}: {}{surfaces}; {todo}",
        outcome.action.as_str(),
        row.name,
        outcome.status.as_str(),
        outcome.detail
    );
    alerts::raise(tx, &alert_key(row), "command", &row.name, &why, now_ms)
}
