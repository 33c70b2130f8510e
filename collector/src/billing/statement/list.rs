//! Reading statements.

use super::body::Statement;
use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::db::{Connection, OptionalExtension, params};
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;

/// A statement in a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Found {
    /// Its number.
    pub number: i64,
    /// The billing month, `2026-11`.
    pub month: String,
    /// The balance before, a decimal string.
    #[schema(value_type = String)]
    pub opening: Money,
    /// What usage cost, a decimal string.
    #[schema(value_type = String)]
    pub charged: Money,
    /// The balance after, a decimal string.
    #[schema(value_type = String)]
    pub closing: Money,
    /// When it was closed, RFC 3339.
    pub closed: String,
}

/// A customer's statements with a number below `before`, newest first.
pub fn list(
    conn: &Connection,
    customer: &Customer,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Found>, BillingError> {
    let sql = "SELECT number, month, opening, charged, closing, closed_ms FROM statement
               WHERE customer = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![customer.row, before.unwrap_or(i64::MAX), limit], |r| {
        let month: i64 = r.get(1)?;
        Ok(Found {
            number: r.get(0)?,
            month: format!("{:04}-{:02}", month.div_euclid(100), month.rem_euclid(100)),
            opening: Money::from_micros(r.get(2)?),
            charged: Money::from_micros(r.get(3)?),
            closing: Money::from_micros(r.get(4)?),
            closed: hostmeter_core::units::rfc3339(r.get(5)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A customer's statement by number.
pub fn find(conn: &Connection, customer: &Customer, number: i64) -> Result<Option<Statement>, BillingError> {
    let sql = "SELECT body FROM statement WHERE number = ?1 AND customer = ?2";
    let found: Option<String> =
        conn.prepare_cached(sql)?.query_row(params![number, customer.row], |r| r.get(0)).optional()?;
    found.map(|body| read(number, &body)).transpose()
}

pub(in crate::billing) fn read(number: i64, body: &str) -> Result<Statement, BillingError> {
    serde_json::from_str(body).map_err(|e| BillingError::damaged(format!("statement {number}"), e))
}

/// A late charge in a statement, linked to its hour.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Correction {
    /// The account.
    pub account: String,
    /// The hour, RFC 3339.
    pub hour: String,
    /// Which revision of the hour it is.
    pub revision: i64,
    /// What it cost, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
}

/// Account row, hour and revision of a late charge.
pub type Place = (i64, i64, i64);

/// Late charges of a statement after a cursor `(account row, hour, revision)`; also the cursor of the next page.
pub fn corrections(
    conn: &Connection,
    number: i64,
    after: Option<Place>,
    limit: usize,
) -> Result<(Vec<Correction>, Option<Place>), BillingError> {
    let (account, hour, rev) = after.unwrap_or((i64::MIN, i64::MIN, i64::MIN));
    // An account has one owner in an hour: of a reseller's statement it is in one of both tables.
    let sql = "SELECT l.account, l.hour, l.rev, a.name, c.amount FROM late_charge l
               JOIN charge c ON c.account = l.account AND c.hour = l.hour AND c.rev = l.rev
               JOIN account a ON a.id = l.account
               WHERE l.statement = ?1 AND (l.account, l.hour, l.rev) > (?2, ?3, ?4)
               UNION ALL
               SELECT l.account, l.hour, l.rev, a.name, c.amount FROM late_wholesale l
               JOIN wholesale c ON c.account = l.account AND c.hour = l.hour AND c.rev = l.rev
               JOIN account a ON a.id = l.account
               WHERE l.statement = ?1 AND (l.account, l.hour, l.rev) > (?2, ?3, ?4)
               ORDER BY 1, 2, 3 LIMIT ?5";
    let rows_max = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![number, account, hour, rev, rows_max], |r| {
        let at = (r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?);
        let found = Correction {
            account: r.get(3)?,
            hour: UtcHour(at.1).to_string(),
            revision: at.2,
            amount: Money::from_micros(r.get(4)?),
        };
        Ok((at, found))
    })?;
    let mut found = rows.collect::<Result<Vec<_>, _>>()?;
    let is_cut = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_cut).map(|(at, _)| *at);
    Ok((found.into_iter().map(|(_, c)| c).collect(), next))
}
