//! Plans and their price versions in control.db.

use super::error::BillingError;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use hostmeter_core::ids::PlanId;
use hostmeter_core::money::Currency;
use hostmeter_core::plan::{PlanChange, PriceVersion, decide, parse_json};
use hostmeter_core::units::UtcHour;

/// A plan's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Row.
    pub row: i64,
    /// Its id.
    pub id: PlanId,
    /// The currency of its prices.
    pub currency: Currency,
    /// The latest hour charged under it.
    pub last_charged: Option<UtcHour>,
    /// Row of the reseller on whose price list it is; absent: the company's.
    pub reseller: Option<i64>,
}

/// A price version with its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// Row.
    pub row: i64,
    /// The prices.
    pub version: PriceVersion,
}

const HINT: &str = "`hostmeter plan list` shows those that do; `hostmeter plan set FILE` makes one";

/// The plan of that id.
pub fn find(conn: &Connection, id: &PlanId) -> Result<Option<Plan>, BillingError> {
    conn.prepare_cached("SELECT id, name, currency, last_charged, reseller FROM plan WHERE name = ?1")?
        .query_row([id.as_str()], columns)
        .optional()?
        .map(from_columns)
        .transpose()
}

/// The plan of that id, or an error that says so.
pub fn get(conn: &Connection, id: &PlanId) -> Result<Plan, BillingError> {
    find(conn, id)?.ok_or_else(|| BillingError::Missing { what: "plan", id: id.to_string(), hint: HINT })
}

/// Every plan, by id.
pub fn list(conn: &Connection) -> Result<Vec<Plan>, BillingError> {
    let sql = "SELECT id, name, currency, last_charged, reseller FROM plan ORDER BY name";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([], columns)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(from_columns).collect()
}

type Columns = (i64, String, String, Option<i64>, Option<i64>);

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn from_columns((row, name, currency, last, reseller): Columns) -> Result<Plan, BillingError> {
    let what = || format!("plan {row}");
    Ok(Plan {
        row,
        id: PlanId::parse(&name).map_err(|e| BillingError::damaged(what(), e))?,
        currency: Currency::parse(&currency).map_err(|e| BillingError::damaged(what(), e))?,
        last_charged: last.map(UtcHour),
        reseller,
    })
}

/// The versions of a plan, earliest first.
pub fn versions(conn: &Connection, plan: i64) -> Result<Vec<StoredVersion>, BillingError> {
    let mut stmt =
        conn.prepare_cached("SELECT id, body FROM price_version WHERE plan = ?1 ORDER BY from_hour")?;
    let rows = stmt
        .query_map([plan], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(row, body)| {
            let version =
                parse_json(&body).map_err(|e| BillingError::damaged(format!("price_version {row}"), e))?;
            Ok(StoredVersion { row, version })
        })
        .collect()
}

/// Makes the plan's row if it is missing, without a price.
pub fn ensure(tx: &Transaction<'_>, id: &PlanId, currency: Currency) -> Result<Plan, BillingError> {
    tx.prepare_cached("INSERT INTO plan (name, currency) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?
        .execute(params![id.as_str(), currency.as_str()])?;
    get(tx, id)
}

/// Sets a version of the plan `id`. `currency` is that of the books; `now_ms` the collector's time. A new plan is the
/// company's.
pub fn set(
    tx: &Transaction<'_>,
    id: &PlanId,
    version: &PriceVersion,
    currency: Currency,
    now_ms: i64,
) -> Result<PlanChange, BillingError> {
    set_of(tx, None, id, version, currency, now_ms)
}

/// As [`set`]; a new plan is on the price list of `reseller`.
pub fn set_of(
    tx: &Transaction<'_>,
    reseller: Option<i64>,
    id: &PlanId,
    version: &PriceVersion,
    currency: Currency,
    now_ms: i64,
) -> Result<PlanChange, BillingError> {
    if version.id().plan != *id {
        let why = format!(
            "the file is of plan {:?}, but {:?} was asked for; make the `id` in the file and the address equal",
            version.id().plan.as_str(),
            id.as_str()
        );
        return Err(BillingError::invalid("plan_id", why));
    }
    if version.currency() != currency {
        let why = format!(
            "plan {id} is in {}, but the books are kept in {currency}; write `currency = \"{currency}\"`",
            version.currency()
        );
        return Err(BillingError::invalid("plan_currency", why));
    }
    let (stored, last) = match find(tx, id)? {
        Some(plan) => (versions(tx, plan.row)?, plan.last_charged),
        None => (Vec::new(), None),
    };
    let existing: Vec<PriceVersion> = stored.iter().map(|s| s.version.clone()).collect();
    let change = decide(&existing, version, last, now_ms)?;
    let from = version.id().valid_from.0;
    match change {
        PlanChange::Unchanged => {}
        PlanChange::Added => {
            let plan = match find(tx, id)? {
                Some(plan) => plan,
                None => {
                    let sql = "INSERT INTO plan (name, currency, reseller) VALUES (?1, ?2, ?3)";
                    tx.prepare_cached(sql)?.execute(params![id.as_str(), currency.as_str(), reseller])?;
                    get(tx, id)?
                }
            };
            tx.prepare_cached("INSERT INTO price_version (plan, from_hour, body) VALUES (?1, ?2, ?3)")?
                .execute(params![plan.row, from, version.canonical()])?;
        }
        PlanChange::Replaced => {
            let plan = get(tx, id)?;
            tx.prepare_cached("UPDATE price_version SET body = ?3 WHERE plan = ?1 AND from_hour = ?2")?
                .execute(params![plan.row, from, version.canonical()])?;
        }
    }
    Ok(change)
}

/// The start of the first version of any plan that has a base fee.
pub(super) fn first_base(conn: &Connection) -> Result<Option<UtcHour>, BillingError> {
    let sql = "SELECT min(from_hour) FROM price_version WHERE body ->> 'base_per_day' IS NOT NULL";
    let first: Option<i64> = conn.prepare_cached(sql)?.query_row([], |r| r.get(0))?;
    Ok(first.map(UtcHour))
}

/// Notes that an hour was charged under a plan, so that no version starts before the hour after.
pub(super) fn note_charged(tx: &Transaction<'_>, plan: i64, hour: UtcHour) -> Result<(), BillingError> {
    tx.prepare_cached(
        "UPDATE plan SET last_charged = ?2 WHERE id = ?1 AND (last_charged IS NULL OR last_charged < ?2)",
    )?
    .execute(params![plan, hour.0])?;
    Ok(())
}
