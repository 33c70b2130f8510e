//! Commands as people see them, and trying one again.

use super::queue;
use crate::billing::error::BillingError;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use hostmeter_core::units::rfc3339;
use hostmeter_core::wire::command::{Action, Surface};

/// A command and what became of it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct CommandView {
    /// Its id in the API.
    pub id: i64,
    /// The account, `user@host`.
    pub account: String,
    /// `suspend`, `resume`, `delete`, `undelete`, …
    pub action: String,
    /// `queued`, `sent`, `begun`, `done`, `failed`, `deferred`, `refused`, `stale`, `expired` or `superseded`.
    pub state: String,
    /// Its number on the host; null until it is handed out.
    pub number: Option<i64>,
    /// Generation of the account's desired state.
    pub generation: i64,
    /// Why it was ordered.
    pub reason: String,
    /// What happened, for people.
    pub detail: String,
    /// Each surface after acting.
    #[schema(value_type = Vec<Object>)]
    pub surfaces: Vec<Surface>,
    /// Id of the archive that a deletion made.
    pub archive: Option<String>,
    /// When it was ordered, RFC 3339.
    pub made: String,
    /// When anything of it changed last, RFC 3339.
    pub updated: Option<String>,
    /// When it is void, RFC 3339; null until it is handed out.
    pub expires: Option<String>,
}

const COLUMNS: &str =
    "c.id, a.name, c.action, c.state, c.number, c.generation, c.reason, c.detail, c.surfaces, c.archive,
    c.made_ms, c.updated_ms, c.expires_ms";

fn view(r: &rusqlite::Row<'_>) -> rusqlite::Result<CommandView> {
    let surfaces: String = r.get(8)?;
    let time = |ms: Option<i64>| ms.map(rfc3339);
    Ok(CommandView {
        id: r.get(0)?,
        account: r.get(1)?,
        action: r.get(2)?,
        state: r.get(3)?,
        number: r.get(4)?,
        generation: r.get(5)?,
        reason: r.get(6)?,
        detail: r.get(7)?,
        surfaces: serde_json::from_str(&surfaces).map_err(|e| {
            rusqlite::Error::FromSqlConversionFailure(8, rusqlite::types::Type::Text, Box::new(e))
        })?,
        archive: r.get(9)?,
        made: rfc3339(r.get(10)?),
        updated: time(r.get(11)?),
        expires: time(r.get(12)?),
    })
}

/// The command of that id.
pub fn get(conn: &Connection, id: i64) -> Result<CommandView, BillingError> {
    let sql = format!("SELECT {COLUMNS} FROM command c JOIN account a ON a.id = c.account WHERE c.id = ?1");
    conn.prepare_cached(&sql)?.query_row([id], view).optional()?.ok_or_else(|| BillingError::Missing {
        what: "command",
        id: id.to_string(),
        hint: "`hostmeter command list` shows those that do",
    })
}

/// Commands, newest first, with an id below `before`, at most `limit`; of one account if it is named, and in one
/// state if it is named.
pub fn list(
    conn: &Connection,
    account: Option<&str>,
    state: Option<&str>,
    before: i64,
    limit: usize,
) -> Result<Vec<CommandView>, BillingError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM command c JOIN account a ON a.id = c.account
         WHERE c.id < ?1 AND (?2 IS NULL OR a.name = ?2) AND (?3 IS NULL OR c.state = ?3) ORDER BY c.id DESC LIMIT ?4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(&sql)?;
    Ok(stmt.query_map(params![before, account, state, limit], view)?.collect::<Result<_, _>>()?)
}

/// Orders a command again that did not succeed: a new number for the same generation. Returns its id and host.
pub fn retry(tx: &Transaction<'_>, id: i64, now_ms: i64) -> Result<(i64, i64), BillingError> {
    let old = get(tx, id)?;
    let sql = "SELECT c.host, c.account, c.generation = a.generation,
                 EXISTS (SELECT 1 FROM command o WHERE o.account = c.account AND o.generation = c.generation
                         AND o.state IN ('queued', 'sent', 'begun', 'done'))
               FROM command c JOIN account a ON a.id = c.account WHERE c.id = ?1";
    let (host, account, current, at_work): (i64, i64, bool, bool) =
        tx.prepare_cached(sql)?.query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
    let refuse = |why: String| Err(BillingError::conflict("command_state", why));
    if !current {
        return refuse(format!(
            "command {id} is overtaken by a later order for {}; nothing is to be retried",
            old.account
        ));
    }
    if at_work {
        return refuse(format!(
            "command {id} of {} is at work or done already; see `hostmeter command list`",
            old.account
        ));
    }
    let action = Action::from_word(&old.action)
        .ok_or_else(|| BillingError::damaged(format!("command {id}"), format!("action {:?}", old.action)))?;
    tx.prepare_cached(
        "UPDATE command SET state = 'superseded', updated_ms = ?2 WHERE id = ?1 AND state = 'deferred'",
    )?
    .execute(params![id, now_ms])?;
    let new = queue::insert(tx, host, account, old.generation, action, &old.reason, now_ms)?;
    Ok((new, host))
}
