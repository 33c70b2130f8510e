//! Accounts: one, or a page of them.

use super::QueryError;
use crate::auth::Scope;
use crate::db::{Connection, DbError, OptionalExtension, params};
use crate::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use rusqlite::Row;

/// One account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Row of table `account`.
    pub row: i64,
    /// `shop@web1`
    pub id: String,
    /// Row of its host; `None`: made by the API, its host never enrolled.
    pub host: Option<i64>,
    /// Numeric user id.
    pub uid: Option<u32>,
    /// User name; `None`: no passwd entry, never billed or commanded.
    pub user: Option<String>,
    /// Who pays, by id.
    pub customer: Option<String>,
    /// `active`, `suspended`, `deleted`, or `suspending`, `resuming`, `deleting` until the host confirmed.
    pub state: &'static str,
    /// When it was made here, milliseconds since the epoch.
    pub made_ms: i64,
    /// End of the last interval in which it had processes or used anything, milliseconds since the epoch.
    pub last_seen_ms: Option<i64>,
}

const COLUMNS: &str = "a.id, a.name, a.host, a.uid, a.user, c.name, a.desired,
    a.generation = a.done_generation OR a.host IS NULL, a.made_ms, a.last_seen_ms
    FROM account a LEFT JOIN customer c ON c.id = a.customer";

fn account(r: &Row<'_>) -> rusqlite::Result<Account> {
    let desired: String = r.get(6)?;
    Ok(Account {
        row: r.get(0)?,
        id: r.get(1)?,
        host: r.get(2)?,
        uid: r.get(3)?,
        user: r.get(4)?,
        customer: r.get(5)?,
        state: state(&desired, r.get(7)?),
        made_ms: r.get(8)?,
        last_seen_ms: r.get(9)?,
    })
}

fn state(desired: &str, is_done: bool) -> &'static str {
    match (desired, is_done) {
        ("suspended", true) => "suspended",
        ("suspended", false) => "suspending",
        ("deleted", true) => "deleted",
        ("deleted", false) => "deleting",
        (_, true) => "active",
        (_, false) => "resuming",
    }
}

/// The account of that id.
pub fn get(conn: &Connection, scope: Scope, id: &str) -> Result<Account, QueryError> {
    let sql = format!("SELECT {COLUMNS} WHERE a.name = ?1 AND {}", Scope::sql("a.customer", 2, 3));
    let asked = params![id, scope.customer(), scope.reseller()];
    let found = conn.prepare_cached(&sql)?.query_row(asked, account).optional()?;
    found.ok_or_else(|| QueryError::Missing { kind: "account", id: id.to_owned() })
}

/// Which accounts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those whose id comes after this one.
    pub after: Option<String>,
    /// At most so many; 0: as many as a page holds by default.
    pub limit: usize,
    /// Only those of this host, by name.
    pub host: Option<String>,
    /// Only those of this customer, by id.
    pub customer: Option<String>,
}

/// A page of accounts by id, and the id after which the next page starts.
pub fn list(
    conn: &Connection,
    scope: Scope,
    filter: &Filter,
) -> Result<(Vec<Account>, Option<String>), DbError> {
    let limit = if filter.limit == 0 { PAGE_ROWS_DEFAULT } else { filter.limit.min(PAGE_ROWS_MAX) };
    let sql = format!(
        "SELECT {COLUMNS} LEFT JOIN host h ON h.id = a.host
         WHERE a.name > ?1 AND {} AND (?3 IS NULL OR h.name = ?3)
           AND (?4 IS NULL OR c.name = ?4)
         ORDER BY a.name LIMIT ?5",
        Scope::sql("a.customer", 2, 6)
    );
    let after = filter.after.as_deref().unwrap_or_default();
    // One more than asked for tells whether there is a next page.
    let rows = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut accounts = conn
        .prepare_cached(&sql)?
        .query_map(
            params![after, scope.customer(), filter.host, filter.customer, rows, scope.reseller()],
            account,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    let more = accounts.len() > limit;
    accounts.truncate(limit);
    let next = if more { accounts.last().map(|a| a.id.clone()) } else { None };
    Ok((accounts, next))
}
