//! The days of an account that a base fee is due for, worked out from who owned it and when it ran: what charging
//! decides hour by hour, for a whole time at once.

use super::accounts;
use super::charge::rate::Side;
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
    /// Who owned it then, or whose customer that was.
    pub(super) payer: Rc<Payer>,
}

/// The days of an account's bill whose first hour lies in `[from, to)`, counted from `from` on: a day that began before starts again with it.
pub(super) fn days(
    conn: &Connection,
    rates: &mut Rates,
    side: Side,
    account: i64,
    from: UtcHour,
    to: UtcHour,
) -> Result<Vec<Day>, BillingError> {
    let parts = parts(conn, account)?;
    let Some(made) = parts.iter().map(|p| p.made).min() else { return Ok(Vec::new()) };
    let found = first_hours(from.max(made), to, |hour| -> Result<_, BillingError> {
        let Some(owner) = parts.iter().find_map(|p| p.owner(hour)) else { return Ok(None) };
        let mut payer = rates.payer(conn, owner)?;
        if side == Side::Wholesale {
            let Some(reseller) = payer.reseller_at(hour) else { return Ok(None) };
            payer = rates.payer(conn, reseller)?;
        }
        let date = payer.calendar.date(hour)?;
        Ok(Some((payer, date)))
    })?;
    Ok(found.into_iter().map(|(date, hour, payer)| Day { date, hour, payer }).collect())
}

/// An account, or what goes on of its bill at another host.
struct Part {
    made: UtcHour,
    owners: Vec<(UtcHour, i64)>,
    /// Since when the account was wanted active or not, in order; before, it was.
    states: Vec<(i64, bool)>,
}

impl Part {
    /// Who owns it in an hour, if it runs at the start of it.
    fn owner(&self, hour: UtcHour) -> Option<i64> {
        let state = self.states.iter().rev().find(|(from_ms, _)| *from_ms <= hour.start_ms());
        let runs = hour >= self.made && state.is_none_or(|(_, active)| *active);
        let owner = self.owners.iter().rev().find(|(start, _)| *start <= hour);
        owner.filter(|_| runs).map(|(_, owner)| *owner)
    }
}

/// The parts of a bill that can be billed, in the order of their rows, as charging looks at them.
fn parts(conn: &Connection, account: i64) -> Result<Vec<Part>, BillingError> {
    let sql = "SELECT id, made_ms FROM account WHERE (id = ?1 OR billing = ?1) AND (host IS NULL OR user IS NOT NULL)
               ORDER BY id";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows: Vec<(i64, i64)> =
        stmt.query_map([account], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
    let sql = "SELECT from_ms, desired = 'active' FROM account_state WHERE account = ?1 ORDER BY from_ms";
    let mut stmt = conn.prepare_cached(sql)?;
    rows.into_iter()
        .map(|(row, made_ms)| {
            let states = stmt.query_map([row], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok(Part {
                made: UtcHour::from_ms(made_ms),
                owners: accounts::owners(conn, row)?,
                states: states.collect::<Result<_, _>>()?,
            })
        })
        .collect()
}
