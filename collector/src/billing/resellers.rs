//! Resellers: customers of the company that have customers of their own. Whose customer somebody is holds from an hour
//! on and is kept for ever, as who owns an account is: charges and payments of an hour belong to whom it was then.

use super::customers::{self, Customer, FROM_START};
use super::error::BillingError;
use super::plans::{self, Plan};
use crate::db::{Connection, OptionalExtension, Transaction, params};
use hostmeter_core::ids::{CustomerId, PlanId};
use hostmeter_core::ledger::Txn;
use hostmeter_core::units::UtcHour;

const HINT: &str =
    "`hostmeter reseller list` shows those that are; `hostmeter reseller make` makes a customer one";

/// The reseller of that id, or an error that says so.
pub fn get(conn: &Connection, id: &CustomerId) -> Result<Customer, BillingError> {
    let found = customers::find(conn, id)?.filter(|c| c.resells);
    found.ok_or_else(|| BillingError::Missing { what: "reseller", id: id.to_string(), hint: HINT })
}

/// Lets a customer have customers of its own. There is one level: who has a reseller is none.
pub fn make(tx: &Transaction<'_>, customer: &Customer) -> Result<(), BillingError> {
    if customer.resold {
        let why = format!(
            "customer {} has, or had, a reseller; a reseller is a customer of the company alone: make another customer",
            customer.id
        );
        return Err(BillingError::conflict("reseller_level", why));
    }
    tx.prepare_cached("UPDATE customer SET resells = 1 WHERE id = ?1")?.execute([customer.row])?;
    Ok(())
}

/// Every reseller, by id, with the number of customers that it has.
pub fn list(conn: &Connection) -> Result<Vec<(Customer, i64)>, BillingError> {
    let sql = "SELECT r.name, (SELECT count(*) FROM customer c WHERE c.reseller = r.id) FROM customer r
               WHERE r.resells = 1 ORDER BY r.name";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get(1)?)))?;
    rows.map(|row| {
        let (name, customers) = row?;
        let id = CustomerId::parse(&name).map_err(|e| BillingError::damaged("customer", e))?;
        Ok((customers::get(conn, &id)?, customers))
    })
    .collect()
}

/// Rows of a reseller's customers, as named last, after one of them.
pub(super) fn customers_of(
    conn: &Connection,
    reseller: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, BillingError> {
    let sql = "SELECT id FROM customer WHERE reseller = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([reseller, after, limit], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whose customer it is from when on, earliest first.
pub(super) fn history(conn: &Connection, customer: i64) -> Result<Vec<(UtcHour, Option<i64>)>, BillingError> {
    let sql = "SELECT from_hour, reseller FROM customer_reseller WHERE customer = ?1 ORDER BY from_hour";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([customer], |r| Ok((UtcHour(r.get(0)?), r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Who holds in an hour by a history; `None`: the company.
pub(super) fn holding(history: &[(UtcHour, Option<i64>)], hour: UtcHour) -> Option<i64> {
    history.iter().rev().find(|(from, _)| *from <= hour).and_then(|(_, reseller)| *reseller)
}

/// Row of the reseller whose customer it is in an hour; `None`: the company's.
pub fn row_at(conn: &Connection, customer: &Customer, hour: UtcHour) -> Result<Option<i64>, BillingError> {
    if !customer.resold {
        return Ok(None);
    }
    Ok(holding(&history(conn, customer.row)?, hour))
}

/// As [`row_at`], the reseller itself.
pub fn at(conn: &Connection, customer: &Customer, hour: UtcHour) -> Result<Option<Customer>, BillingError> {
    row_at(conn, customer, hour)?.map(|row| customers::by_row(conn, row)).transpose()
}

/// Id of the reseller in that row.
pub fn id_of(conn: &Connection, row: i64) -> Result<CustomerId, BillingError> {
    Ok(customers::by_row(conn, row)?.id)
}

/// A customer may only be on a plan of those who set its prices.
pub(super) fn check_plan(plan: &Plan, reseller: Option<i64>) -> Result<(), BillingError> {
    if plan.reseller == reseller {
        return Ok(());
    }
    let hint = match reseller {
        Some(_) => {
            "a reseller's customer is on one of the reseller's own plans; `hostmeter plan list` shows them"
        }
        None => "it is on a reseller's price list; `hostmeter plan list` shows the company's plans",
    };
    Err(BillingError::Missing { what: "plan", id: plan.id.to_string(), hint })
}

/// Without a plan a reseller's customer would use everything for nothing, at the reseller's cost.
pub(super) fn no_plan(reseller: &CustomerId) -> BillingError {
    let why = format!(
        "a customer of reseller {reseller} needs a `plan` of the reseller; make one with `hostmeter plan set`"
    );
    BillingError::invalid("plan_missing", why)
}

/// A change of the reseller that is ahead brings its own plan: until then the plan stays.
pub(super) fn none_ahead(conn: &Connection, customer: &Customer, now_ms: i64) -> Result<(), BillingError> {
    let next = UtcHour::from_ms(now_ms).next();
    let ahead = history(conn, customer.row)?.into_iter().find(|(from, _)| *from >= next);
    match ahead.filter(|_| customer.resold) {
        None => Ok(()),
        Some((from, _)) => {
            let why = format!(
                "customer {} changes its reseller and plan at {from}; change the plan after that",
                customer.id
            );
            Err(BillingError::conflict("reseller_ahead", why))
        }
    }
}

fn put(
    tx: &Transaction<'_>,
    customer: i64,
    from: UtcHour,
    reseller: Option<i64>,
) -> Result<(), BillingError> {
    let sql = "INSERT INTO customer_reseller (customer, from_hour, reseller) VALUES (?1, ?2, ?3)
               ON CONFLICT (customer, from_hour) DO UPDATE SET reseller = excluded.reseller";
    tx.prepare_cached(sql)?.execute(params![customer, from.0, reseller])?;
    Ok(())
}

/// Gives a customer that was just made to a reseller, for every hour.
pub(super) fn begin(
    tx: &Transaction<'_>,
    customer: &Customer,
    reseller: &Customer,
) -> Result<Customer, BillingError> {
    put(tx, customer.row, FROM_START, Some(reseller.row))?;
    name_last(tx, customer, Some(reseller.row))
}

fn name_last(
    tx: &Transaction<'_>,
    customer: &Customer,
    reseller: Option<i64>,
) -> Result<Customer, BillingError> {
    tx.prepare_cached("UPDATE customer SET reseller = ?2, resold = EXISTS (SELECT 1 FROM customer_reseller WHERE customer = ?1) WHERE id = ?1")?
        .execute(params![customer.row, reseller])?;
    customers::by_row(tx, customer.row)
}

/// Gives a customer to a reseller, or to the company, with a plan of its new price list. Both hold from the next UTC hour
/// on, or from the start of the next billing month where a version with allowance, tiers or cap is left or entered. A
/// change that has not begun yet is replaced. Returns the hour.
pub fn assign(
    tx: &Transaction<'_>,
    customer: &Customer,
    reseller: Option<&Customer>,
    plan: &PlanId,
    now_ms: i64,
) -> Result<UtcHour, BillingError> {
    let row = reseller.map(|r| r.row);
    if customer.resells {
        let why = format!("customer {} is a reseller; a reseller has no reseller", customer.id);
        return Err(BillingError::conflict("reseller_level", why));
    }
    let plan = plans::get(tx, plan)?;
    check_plan(&plan, row)?;
    if customer.reseller == row {
        return customers::change_plan(tx, customer, &plan.id, now_ms);
    }
    let next = UtcHour::from_ms(now_ms).next();
    let from = customers::switch_plan(tx, customer, &plan, now_ms)?.max(next);
    tx.prepare_cached("DELETE FROM customer_reseller WHERE customer = ?1 AND from_hour >= ?2")?
        .execute(params![customer.row, next.0])?;
    let kept = history(tx, customer.row)?;
    // Taking back what had not begun leaves whose customer it is.
    let from = if holding(&kept, next) == row {
        kept.last().map_or(FROM_START, |(from, _)| *from)
    } else {
        put(tx, customer.row, from, row)?;
        from
    };
    name_last(tx, customer, row)?;
    Ok(from)
}

/// Whether a customer may be seen by somebody with this scope: in an hour, of a reseller or itself.
pub fn is_customer_of(conn: &Connection, customer: i64, reseller: i64) -> Result<bool, BillingError> {
    let sql = "SELECT reseller = ?2 FROM customer WHERE id = ?1";
    let found: Option<Option<bool>> =
        conn.prepare_cached(sql)?.query_row([customer, reseller], |r| r.get(0)).optional()?;
    Ok(found.flatten().unwrap_or(false))
}

/// A movement of a customer in the books of whom it is now.
pub(super) fn own(
    conn: &Connection,
    customer: &Customer,
    txn: Txn,
    now_ms: i64,
) -> Result<Txn, BillingError> {
    match at(conn, customer, UtcHour::from_ms(now_ms))? {
        Some(reseller) => Ok(txn.of_reseller(&reseller.id)?),
        None => Ok(txn),
    }
}

/// Whose books a customer's payments may be in, the latest first; `None`: the company's.
pub(super) fn books(conn: &Connection, customer: &Customer) -> Result<Vec<Option<CustomerId>>, BillingError> {
    let history = if customer.resold { history(conn, customer.row)? } else { Vec::new() };
    let mut rows: Vec<Option<i64>> = history.into_iter().rev().map(|(_, reseller)| reseller).collect();
    rows.push(None);
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.map(|row| id_of(conn, row)).transpose()?;
        if !out.contains(&id) {
            out.push(id);
        }
    }
    Ok(out)
}
