//! Which customer pays for which hour of an account.

use super::customers::{Customer, FROM_START};
use super::error::BillingError;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use hostmeter_core::ids::{AccountId, HostName};
use hostmeter_core::units::UtcHour;
use std::collections::HashMap;

/// What billing and lifecycle know of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Row.
    pub row: i64,
    /// Its id.
    pub id: AccountId,
    /// Row of its host; absent: made by the API, its host never enrolled.
    pub host: Option<i64>,
    /// Row of the owner named last.
    pub customer: Option<i64>,
    /// What the lifecycle wants of it: `active`, `suspended` or `deleted`.
    pub desired: String,
    /// Rises with each change of `desired`.
    pub generation: i64,
    /// The generation that the host confirmed.
    pub done_generation: i64,
    /// Id of the archive that a deletion made.
    pub archive: Option<String>,
}

const HINT: &str = "`hostmeter account list` shows those that do";
const COLUMNS: &str = "id, name, host, customer, desired, generation, done_generation, archive";

fn columns(r: &rusqlite::Row<'_>) -> rusqlite::Result<(String, Account)> {
    let name: String = r.get(1)?;
    // The id is parsed by the caller; a stand-in keeps the row in one piece until then.
    let id = AccountId::parse(&name).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(e))
    })?;
    let account = Account {
        row: r.get(0)?,
        id,
        host: r.get(2)?,
        customer: r.get(3)?,
        desired: r.get(4)?,
        generation: r.get(5)?,
        done_generation: r.get(6)?,
        archive: r.get(7)?,
    };
    Ok((name, account))
}

/// The account of that id.
pub fn find(conn: &Connection, id: &AccountId) -> Result<Option<Account>, BillingError> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE name = ?1"))?
        .query_row([id.as_str()], columns)
        .optional()?;
    Ok(found.map(|(_, account)| account))
}

/// The account of that id, or an error that says so.
pub fn get(conn: &Connection, id: &AccountId) -> Result<Account, BillingError> {
    find(conn, id)?.ok_or_else(|| BillingError::Missing { what: "account", id: id.to_string(), hint: HINT })
}

/// The account in that row.
pub(super) fn by_row(conn: &Connection, row: i64) -> Result<Account, BillingError> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE id = ?1"))?
        .query_row([row], columns)
        .optional()?;
    found
        .map(|(_, account)| account)
        .ok_or_else(|| BillingError::damaged(format!("account {row}"), "no such row"))
}

/// The accounts whose owner named last is this customer.
pub fn of_customer(conn: &Connection, customer: i64) -> Result<Vec<Account>, BillingError> {
    let mut stmt =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE customer = ?1 ORDER BY id"))?;
    let rows = stmt.query_map([customer], columns)?.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().map(|(_, account)| account).collect())
}

/// Makes an account that no host has reported. Its owner also holds for earlier hours.
pub fn create(
    tx: &Transaction<'_>,
    id: &AccountId,
    customer: Option<&Customer>,
    now_ms: i64,
) -> Result<Account, BillingError> {
    if find(tx, id)?.is_some() {
        let why = format!("account {id} exists already; give it a customer with `hostmeter account assign`");
        return Err(BillingError::conflict("account_exists", why));
    }
    tx.prepare_cached("INSERT INTO account (name, customer, made_ms) VALUES (?1, ?2, ?3)")?
        .execute(params![id.as_str(), customer.map(|c| c.row), now_ms])?;
    let account = get(tx, id)?;
    if let Some(customer) = customer {
        put_owner(tx, account.row, FROM_START, customer.row)?;
    }
    Ok(account)
}

/// Gives an account to a customer from the next UTC hour on, and returns that hour. The same owner again changes
/// nothing and returns the hour since when.
pub fn assign(
    tx: &Transaction<'_>,
    account: &Account,
    customer: &Customer,
    now_ms: i64,
) -> Result<UtcHour, BillingError> {
    let next = UtcHour::from_ms(now_ms).next();
    let last = last_owner(tx, account.row)?;
    if let Some((from, owner)) = last
        && owner == customer.row
    {
        return Ok(from);
    }
    put_owner(tx, account.row, next, customer.row)?;
    tx.prepare_cached("UPDATE account SET customer = ?2 WHERE id = ?1")?
        .execute(params![account.row, customer.row])?;
    Ok(next)
}

/// Lets the bill of an account go on at another host, where the account has the same user: from the next UTC hour on
/// the customer pays for what it uses there, with the month's quantities and the day's base fee counted on. Returns the
/// new account and the hour. What is left at the old host is metered and billed as before, until it is removed there.
pub fn move_to_host(
    tx: &Transaction<'_>,
    account: &Account,
    host: &HostName,
    now_ms: i64,
) -> Result<(Account, UtcHour), BillingError> {
    let next = UtcHour::from_ms(now_ms).next();
    let id = AccountId::new(account.id.user(), host)
        .map_err(|e| BillingError::invalid("account", e.to_string()))?;
    let billing = moved(tx)?.get(&account.row).copied().unwrap_or(account.row);
    let refuse = |why: String| Err(BillingError::conflict("account_move", why));
    if id == account.id {
        return refuse(format!("account {id} is on that host already"));
    }
    let Some(owner) = last_owner(tx, account.row)?.map(|(_, owner)| owner) else {
        return refuse(format!(
            "account {} has no customer, so there is no bill to go on; assign it first",
            account.id
        ));
    };
    let there = match find(tx, &id)? {
        Some(there) if moved(tx)?.get(&there.row) == Some(&billing) || there.row == billing => there,
        // Somebody's already: two bills cannot become one.
        Some(there) if last_owner(tx, there.row)?.is_some() => {
            return refuse(format!(
                "account {id} has a bill of its own; give it to the customer with `account move`"
            ));
        }
        Some(there) => there,
        None => create(tx, &id, None, now_ms)?,
    };
    if there.row != billing {
        tx.prepare_cached("UPDATE account SET billing = ?2 WHERE id = ?1")?
            .execute(params![there.row, billing])?;
    }
    let from = match last_owner(tx, there.row)? {
        Some((from, last)) if last == owner => from,
        _ => {
            put_owner(tx, there.row, next, owner)?;
            next
        }
    };
    tx.prepare_cached("UPDATE account SET customer = ?2 WHERE id = ?1")?
        .execute(params![there.row, owner])?;
    Ok((get(tx, &id)?, from))
}

/// Accounts that moved to another host, with the account whose bill goes on.
pub(super) fn moved(conn: &Connection) -> Result<HashMap<i64, i64>, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT id, billing FROM account WHERE billing IS NOT NULL")?;
    let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn last_owner(conn: &Connection, account: i64) -> Result<Option<(UtcHour, i64)>, BillingError> {
    let sql =
        "SELECT from_hour, customer FROM account_owner WHERE account = ?1 ORDER BY from_hour DESC LIMIT 1";
    Ok(conn.prepare_cached(sql)?.query_row([account], |r| Ok((UtcHour(r.get(0)?), r.get(1)?))).optional()?)
}

/// The owners of an account with the hour each starts at, earliest first.
pub(super) fn owners(conn: &Connection, account: i64) -> Result<Vec<(UtcHour, i64)>, BillingError> {
    let sql = "SELECT from_hour, customer FROM account_owner WHERE account = ?1 ORDER BY from_hour";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([account], |r| Ok((UtcHour(r.get(0)?), r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes what is wanted of an account from now on: nobody pays a base fee for a day that begins suspended.
pub(super) fn note_state(
    tx: &Transaction<'_>,
    account: i64,
    desired: &str,
    now_ms: i64,
) -> Result<(), BillingError> {
    let sql = "INSERT INTO account_state (account, from_ms, desired) VALUES (?1, ?2, ?3)
               ON CONFLICT (account, from_ms) DO UPDATE SET desired = excluded.desired";
    tx.prepare_cached(sql)?.execute(params![account, now_ms, desired])?;
    Ok(())
}

fn put_owner(tx: &Transaction<'_>, account: i64, from: UtcHour, customer: i64) -> Result<(), BillingError> {
    let sql = "INSERT INTO account_owner (account, from_hour, customer) VALUES (?1, ?2, ?3)
               ON CONFLICT (account, from_hour) DO UPDATE SET customer = excluded.customer";
    tx.prepare_cached(sql)?.execute(params![account, from.0, customer])?;
    Ok(())
}
