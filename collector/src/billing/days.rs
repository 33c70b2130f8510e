//! The days of an account that a base fee is due for, worked out from who owned it and when it ran: what charging
//! decides hour by hour, for a whole time at once.

use super::accounts;
use super::error::BillingError;
use super::rates::{Payer, Rates};
use crate::db::Connection;
use hostmeter_core::rating::{BillingDate, first_hours};
use hostmeter_core::units::UtcHour;
use std::rc::Rc;

/// A day of an account.
#[derive(Clone, Debug)]
pub(super) struct Day {
    /// The day.
    pub(super) date: BillingDate,
    /// The first of its hours with an owner in which the account ran.
    pub(super) hour: UtcHour,
    /// Who owned it then.
    pub(super) payer: Rc<Payer>,
}

/// The days whose first hour lies in `[from, to)`, counted from `from` on: a day that began before starts again with it.
pub(super) fn days(
    conn: &Connection,
    rates: &mut Rates,
    account: i64,
    from: UtcHour,
    to: UtcHour,
) -> Result<Vec<Day>, BillingError> {
    let sql = "SELECT made_ms, host IS NULL OR user IS NOT NULL FROM account WHERE id = ?1";
    let (made_ms, billable): (i64, bool) =
        conn.prepare_cached(sql)?.query_row([account], |r| Ok((r.get(0)?, r.get(1)?)))?;
    if !billable {
        return Ok(Vec::new());
    }
    let owners = accounts::owners(conn, account)?;
    let states = states(conn, account)?;
    let runs = |hour: UtcHour| {
        let found = states.iter().rev().find(|(from_ms, _)| *from_ms <= hour.start_ms());
        found.is_none_or(|(_, active)| *active)
    };
    let from = from.max(UtcHour::from_ms(made_ms));
    let found = first_hours(from, to, |hour| -> Result<_, BillingError> {
        let owner = owners.iter().rev().find(|(start, _)| *start <= hour).map(|(_, owner)| *owner);
        let Some(owner) = owner.filter(|_| runs(hour)) else { return Ok(None) };
        let payer = rates.payer(conn, owner)?;
        let date = payer.calendar.date(hour)?;
        Ok(Some((payer, date)))
    })?;
    Ok(found.into_iter().map(|(date, hour, payer)| Day { date, hour, payer }).collect())
}

/// Since when the account was wanted active or not, in order.
fn states(conn: &Connection, account: i64) -> Result<Vec<(i64, bool)>, BillingError> {
    let sql = "SELECT from_ms, desired = 'active' FROM account_state WHERE account = ?1 ORDER BY from_ms";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([account], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
