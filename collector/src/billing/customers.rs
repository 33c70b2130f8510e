//! Customers: making, reading, and which plan holds for which hour.

use super::error::BillingError;
use super::plans::{self, Plan};
use super::resellers;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::LABEL_MAX_CHARS;
use hostmeter_core::ids::{CustomerId, PlanId};
use hostmeter_core::money::Currency;
use hostmeter_core::plan::PriceVersion;
use hostmeter_core::units::UtcHour;

/// What holds from the very beginning: before every hour that can be stored.
pub const FROM_START: UtcHour = UtcHour(i64::MIN);

/// A customer to be made.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// Its id.
    pub id: CustomerId,
    /// Its name, for people.
    pub title: String,
    /// Its plan; absent: the default plan, if one is configured.
    pub plan: Option<PlanId>,
    /// The zone of its billing months, for example `Europe/Riga`.
    pub billing_zone: String,
    /// The reseller whose customer it is; absent: the company's.
    pub reseller: Option<CustomerId>,
}

/// A customer's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Row.
    pub row: i64,
    /// Its id.
    pub id: CustomerId,
    /// Its name, for people.
    pub title: String,
    /// The zone of its billing months that was named last; [`calendar`] knows from when on it holds.
    pub billing_zone: String,
    /// State of its lifecycle, a word.
    pub state: String,
    /// The whole state of its lifecycle, JSON.
    pub lifecycle: String,
    /// Staff forbids suspension and deletion.
    pub hold: bool,
    /// When it was made, milliseconds since the epoch.
    pub made_ms: i64,
    /// It may have customers of its own.
    pub resells: bool,
    /// Row of the reseller whose customer it is, as named last; absent: the company's.
    pub reseller: Option<i64>,
    /// It has, or had, a reseller.
    pub resold: bool,
}

const HINT: &str = "`hostmeter customer list` shows those that do; `hostmeter customer add` makes one";
const COLUMNS: &str =
    "id, name, title, billing_zone, state, lifecycle, hold, made_ms, resells, reseller, resold";

type Columns = (i64, String, String, String, String, String, bool, i64, (bool, Option<i64>, bool));

fn columns(r: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    let resale = (r.get(8)?, r.get(9)?, r.get(10)?);
    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?, resale))
}

fn from_columns(c: Columns) -> Result<Customer, BillingError> {
    let (row, name, title, billing_zone, state, lifecycle, hold, made_ms, (resells, reseller, resold)) = c;
    let id = CustomerId::parse(&name).map_err(|e| BillingError::damaged(format!("customer {row}"), e))?;
    Ok(Customer { row, id, title, billing_zone, state, lifecycle, hold, made_ms, resells, reseller, resold })
}

mod zone;

use zone::read_zone;
pub use zone::{calendar, change_zone};

/// Makes a customer. Its plan holds for every hour, earlier ones too.
pub fn create(
    tx: &Transaction<'_>,
    new: &NewCustomer,
    default_plan: Option<&PlanId>,
    currency: Currency,
    now_ms: i64,
) -> Result<Customer, BillingError> {
    let chars = new.title.chars().count();
    if chars > LABEL_MAX_CHARS || new.title.chars().any(char::is_control) {
        let why = format!(
            "`name` has {chars} characters; up to {LABEL_MAX_CHARS} without control characters are allowed"
        );
        return Err(BillingError::invalid("customer_name", why));
    }
    read_zone(&new.billing_zone)?;
    if find(tx, &new.id)?.is_some() {
        let why = format!("customer {} exists already; choose another id", new.id);
        return Err(BillingError::conflict("customer_exists", why));
    }
    let reseller = new.reseller.as_ref().map(|id| resellers::get(tx, id)).transpose()?;
    // The default plan may have no price yet: it is remembered now, so that a price set later holds.
    let plan = match (&new.plan, default_plan, &reseller) {
        (Some(id), _, _) => Some(plans::get(tx, id)?),
        (None, _, Some(reseller)) => return Err(resellers::no_plan(&reseller.id)),
        (None, Some(id), None) => Some(plans::ensure(tx, id, currency)?),
        (None, None, None) => None,
    };
    if let Some(plan) = &plan {
        resellers::check_plan(plan, reseller.as_ref().map(|r| r.row))?;
    }
    tx.prepare_cached("INSERT INTO customer (name, title, billing_zone, made_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![new.id.as_str(), new.title, new.billing_zone, now_ms])?;
    let customer = get(tx, &new.id)?;
    if let Some(plan) = plan {
        put_plan(tx, customer.row, FROM_START, plan.row)?;
    }
    match reseller {
        Some(reseller) => resellers::begin(tx, &customer, &reseller),
        None => Ok(customer),
    }
}

/// The customer of that id.
pub fn find(conn: &Connection, id: &CustomerId) -> Result<Option<Customer>, BillingError> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM customer WHERE name = ?1"))?
        .query_row([id.as_str()], columns)
        .optional()?
        .map(from_columns)
        .transpose()
}

/// The customer of that id, or an error that says so.
pub fn get(conn: &Connection, id: &CustomerId) -> Result<Customer, BillingError> {
    find(conn, id)?.ok_or_else(|| BillingError::Missing { what: "customer", id: id.to_string(), hint: HINT })
}

/// The customer in that row.
pub fn by_row(conn: &Connection, row: i64) -> Result<Customer, BillingError> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM customer WHERE id = ?1"))?
        .query_row([row], columns)
        .optional()?;
    found.map_or_else(|| Err(BillingError::damaged(format!("customer {row}"), "no such row")), from_columns)
}

/// Customers after `after` by id, at most `limit`.
pub fn list(conn: &Connection, after: &str, limit: usize) -> Result<Vec<Customer>, BillingError> {
    let mut stmt = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM customer WHERE name > ?1 ORDER BY name LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = stmt.query_map(params![after, limit], columns)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(from_columns).collect()
}

/// As [`list`], a reseller and its customers.
pub fn list_of(
    conn: &Connection,
    reseller: i64,
    after: &str,
    limit: usize,
) -> Result<Vec<Customer>, BillingError> {
    let mut stmt = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM customer WHERE (reseller = ?3 OR id = ?3) AND name > ?1 ORDER BY name LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = stmt.query_map(params![after, limit, reseller], columns)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(from_columns).collect()
}

/// The customer's plans with the hour each starts at, earliest first.
pub fn plan_history(conn: &Connection, customer: i64) -> Result<Vec<(UtcHour, i64)>, BillingError> {
    let mut stmt = conn
        .prepare_cached("SELECT from_hour, plan FROM customer_plan WHERE customer = ?1 ORDER BY from_hour")?;
    let rows = stmt.query_map([customer], |r| Ok((UtcHour(r.get(0)?), r.get(1)?)))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// The id of the plan that holds at an hour.
pub fn plan_at(conn: &Connection, customer: i64, hour: UtcHour) -> Result<Option<String>, BillingError> {
    let sql = "SELECT p.name FROM customer_plan c JOIN plan p ON p.id = c.plan
               WHERE c.customer = ?1 AND c.from_hour <= ?2 ORDER BY c.from_hour DESC LIMIT 1";
    Ok(conn.prepare_cached(sql)?.query_row(params![customer, hour.0], |r| r.get(0)).optional()?)
}

/// Changes the plan and returns the hour it holds from: every hour for a first plan; else the next UTC hour, or the
/// start of the next billing month where a version with allowance, tiers or cap is left or entered. The plan is one of
/// those who set the customer's prices: the company, or its reseller.
pub fn change_plan(
    tx: &Transaction<'_>,
    customer: &Customer,
    plan: &PlanId,
    now_ms: i64,
) -> Result<UtcHour, BillingError> {
    let plan = plans::get(tx, plan)?;
    resellers::check_plan(&plan, customer.reseller)?;
    resellers::none_ahead(tx, customer, now_ms)?;
    switch_plan(tx, customer, &plan, now_ms)
}

/// As [`change_plan`], whosever plan it is.
pub(super) fn switch_plan(
    tx: &Transaction<'_>,
    customer: &Customer,
    plan: &Plan,
    now_ms: i64,
) -> Result<UtcHour, BillingError> {
    let next = UtcHour::from_ms(now_ms).next();
    let mut history = plan_history(tx, customer.row)?;
    if let Some((from, _)) = history.last().filter(|(_, last)| *last == plan.row) {
        return Ok(*from);
    }
    // A switch that has not begun yet is replaced by the new one: what is left is the plan that holds until then.
    history.retain(|(from, _)| *from < next);
    tx.prepare_cached("DELETE FROM customer_plan WHERE customer = ?1 AND from_hour >= ?2")?
        .execute(params![customer.row, next.0])?;
    let from = match history.last() {
        None => FROM_START,
        Some((from, holds)) if *holds == plan.row => return Ok(*from),
        Some((_, holds)) => {
            let mut both = plans::versions(tx, *holds)?;
            both.extend(plans::versions(tx, plan.row)?);
            if both.iter().all(|v| PriceVersion::is_linear(&v.version)) {
                next
            } else {
                calendar(tx, customer)?.month_start(next)?
            }
        }
    };
    put_plan(tx, customer.row, from, plan.row)?;
    Ok(from)
}

fn put_plan(tx: &Transaction<'_>, customer: i64, from: UtcHour, plan: i64) -> Result<(), BillingError> {
    let sql = "INSERT INTO customer_plan (customer, from_hour, plan) VALUES (?1, ?2, ?3)
               ON CONFLICT (customer, from_hour) DO UPDATE SET plan = excluded.plan";
    tx.prepare_cached(sql)?.execute(params![customer, from.0, plan])?;
    Ok(())
}
