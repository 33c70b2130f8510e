//! The zones of a customer's billing months: each month ends in the zone that held when it began.

use super::{Customer, FROM_START};
use crate::billing::error::BillingError;
use crate::db::{Connection, Transaction, params};
use hostmeter_core::rating::Calendar;
use hostmeter_core::units::UtcHour;
use jiff::tz::TimeZone;

/// A zone by its name in the IANA database.
pub(super) fn read_zone(name: &str) -> Result<TimeZone, BillingError> {
    TimeZone::get(name).map_err(|_| {
        let why = format!("`billing_zone` {name:?} is no time zone; write it like \"Europe/Riga\"");
        BillingError::invalid("billing_zone", why)
    })
}

/// The customer's billing days and months, also those in zones that it left.
pub fn calendar(conn: &Connection, customer: &Customer) -> Result<Calendar, BillingError> {
    let stored = |name: &str| {
        TimeZone::get(name)
            .map_err(|e| BillingError::damaged(format!("customer {}, billing zone", customer.id), e))
    };
    let mut stmt = conn
        .prepare_cached("SELECT from_hour, zone FROM customer_zone WHERE customer = ?1 ORDER BY from_hour")?;
    let mut rows = stmt.query([customer.row])?;
    let mut out: Option<Calendar> = None;
    while let Some(row) = rows.next()? {
        let zone = stored(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        out = Some(match out {
            None => Calendar::new(zone),
            Some(calendar) => calendar.then(UtcHour(row.get(0)?), zone)?,
        });
    }
    match out {
        Some(calendar) => Ok(calendar),
        None => Ok(Calendar::new(stored(&customer.billing_zone)?)),
    }
}

/// Changes the zone of the billing months, and returns the hour from which on it holds: the start of the next billing
/// month, by the zone that holds until then. A change that has not begun yet is replaced. The same zone again changes
/// nothing and returns the hour since when.
pub fn change_zone(
    tx: &Transaction<'_>,
    customer: &Customer,
    name: &str,
    now_ms: i64,
) -> Result<UtcHour, BillingError> {
    read_zone(name)?;
    let now = UtcHour::from_ms(now_ms);
    let put = |from: UtcHour, zone: &str| -> Result<(), BillingError> {
        let sql = "INSERT INTO customer_zone (customer, from_hour, zone) VALUES (?1, ?2, ?3)
                   ON CONFLICT (customer, from_hour) DO UPDATE SET zone = excluded.zone";
        tx.prepare_cached(sql)?.execute(params![customer.row, from.0, zone])?;
        Ok(())
    };
    let sql = "SELECT coalesce(max(from_hour), ?2) FROM customer_zone WHERE customer = ?1";
    let last = UtcHour(tx.prepare_cached(sql)?.query_row(params![customer.row, FROM_START.0], |r| r.get(0))?);
    if customer.billing_zone == name {
        return Ok(last);
    }
    let sql = "SELECT count(*) FROM customer_zone WHERE customer = ?1";
    let known: i64 = tx.prepare_cached(sql)?.query_row([customer.row], |r| r.get(0))?;
    if known == 0 {
        put(FROM_START, &customer.billing_zone)?;
    }
    // What is still ahead is taken back first: the month that ends next does so in the zone of today.
    tx.prepare_cached("DELETE FROM customer_zone WHERE customer = ?1 AND from_hour > ?2")?
        .execute(params![customer.row, now.0])?;
    let from = calendar(tx, customer)?.month_start(now.next())?;
    let sql = "SELECT zone FROM customer_zone WHERE customer = ?1 ORDER BY from_hour DESC LIMIT 1";
    let holds: String = tx.prepare_cached(sql)?.query_row([customer.row], |r| r.get(0))?;
    tx.prepare_cached("UPDATE customer SET billing_zone = ?2 WHERE id = ?1")?
        .execute(params![customer.row, name])?;
    if holds == name {
        // Only a change that had not begun was taken back.
        let sql = "SELECT max(from_hour) FROM customer_zone WHERE customer = ?1";
        return Ok(UtcHour(tx.prepare_cached(sql)?.query_row([customer.row], |r| r.get(0))?));
    }
    put(from, name)?;
    Ok(from)
}
