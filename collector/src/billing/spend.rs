//! What a customer spent by local day: what forecasts, caps and budgets go by. Written with the charges.

use super::error::BillingError;
use super::rates::Payer;
use crate::db::{Connection, Transaction, params};
use hostmeter_core::forecast::{self, Spent, WINDOW_DAYS};
use hostmeter_core::rating::Calendar;
use hostmeter_core::units::UtcHour;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

const DAY_SEC: i64 = 86_400;

/// The billing day and month that a time lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// Number of the day: days since 1970-01-01 on the calendar.
    pub day: i64,
    /// When the day ends, milliseconds since the epoch.
    pub day_end_ms: i64,
    /// How far into the day it is, milliseconds.
    pub into_ms: i64,
    /// The month as year × 100 + month.
    pub month: i64,
    /// Number of the month's first day.
    pub month_day: i64,
    /// When the month began, milliseconds since the epoch.
    pub month_start_ms: i64,
    /// When the month ends, milliseconds since the epoch.
    pub month_end_ms: i64,
}

fn outside(e: &jiff::Error) -> BillingError {
    BillingError::invalid("time", e.to_string())
}

fn day_number(date: Date) -> Result<i64, BillingError> {
    let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|e| outside(&e))?;
    Ok(start.as_second().div_euclid(DAY_SEC))
}

fn start_ms(date: Date, zone: &TimeZone) -> Result<i64, BillingError> {
    Ok(zone.to_timestamp(date.at(0, 0, 0, 0)).map_err(|e| outside(&e))?.as_millisecond())
}

/// The billing day that an hour belongs to.
fn date_of(hour: UtcHour, calendar: &Calendar) -> Result<Date, BillingError> {
    let number = calendar.date(hour)?.number();
    let part = |n: i64| i8::try_from(n.rem_euclid(100)).unwrap_or_default();
    let year = i16::try_from(number.div_euclid(10_000)).unwrap_or_default();
    Date::new(year, part(number.div_euclid(100)), part(number)).map_err(|e| outside(&e))
}

impl Today {
    /// Of a time in a customer's calendar.
    pub fn at(now_ms: i64, calendar: &Calendar) -> Result<Self, BillingError> {
        let hour = UtcHour::from_ms(now_ms);
        let (date, zone) = (date_of(hour, calendar)?, calendar.zone(hour));
        let first = date.first_of_month();
        let next = first.checked_add(jiff::Span::new().months(1)).map_err(|e| outside(&e))?;
        Ok(Self {
            day: day_number(date)?,
            day_end_ms: start_ms(date.tomorrow().map_err(|e| outside(&e))?, zone)?,
            into_ms: now_ms.saturating_sub(start_ms(date, zone)?),
            month: calendar.month(hour)?.number(),
            month_day: day_number(first)?,
            month_start_ms: start_ms(first, zone)?,
            month_end_ms: start_ms(next, zone)?,
        })
    }
}

/// Adds what was charged for an hour to the days of those who paid.
pub fn note<'a>(
    tx: &Transaction<'_>,
    hour: UtcHour,
    paid: impl Iterator<Item = (&'a Payer, i64)>,
) -> Result<(), BillingError> {
    let mut sums: BTreeMap<i64, (&Payer, i64)> = BTreeMap::new();
    for (payer, amount) in paid.filter(|(_, amount)| *amount != 0) {
        let sum = sums.entry(payer.customer.row).or_insert((payer, 0));
        sum.1 = sum.1.saturating_add(amount);
    }
    let mut add = tx.prepare_cached(
        "INSERT INTO spend (customer, day, amount) VALUES (?1, ?2, ?3)
         ON CONFLICT (customer, day) DO UPDATE SET amount = amount + excluded.amount",
    )?;
    for (customer, (payer, amount)) in sums {
        add.execute(params![customer, day_number(date_of(hour, &payer.calendar)?)?, amount])?;
    }
    Ok(())
}

/// What was charged by day, from a day on.
pub fn days(conn: &Connection, customer: i64, from: i64) -> Result<Vec<(i64, i64)>, BillingError> {
    let sql = "SELECT day, amount FROM spend WHERE customer = ?1 AND day >= ?2 ORDER BY day";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([customer, from], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What was charged in all days from one on.
pub fn since(conn: &Connection, customer: i64, from: i64) -> Result<i64, BillingError> {
    let sql = "SELECT COALESCE(SUM(amount), 0) FROM spend WHERE customer = ?1 AND day >= ?2";
    Ok(conn.prepare_cached(sql)?.query_row([customer, from], |r| r.get(0))?)
}

/// What the forecast goes by; `None`: nothing was used of late.
pub fn recent(
    conn: &Connection,
    payer: &Payer,
    today: &Today,
    pending: i64,
    now_ms: i64,
) -> Result<Option<Spent>, BillingError> {
    let days = days(conn, payer.customer.row, today.day.saturating_sub(WINDOW_DAYS))?;
    let since_ms = now_ms.saturating_sub(payer.customer.made_ms);
    Ok(forecast::spent(&days, pending, today.day, today.into_ms, since_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn in_zone(zone: &str) -> Calendar {
        Calendar::new(TimeZone::get(zone).unwrap())
    }

    #[test]
    fn days_and_months_are_local() {
        let check = |at: &str, zone: &str, want: [&str; 4]| {
            let ms = at.parse::<Timestamp>().unwrap().as_millisecond();
            let c = Today::at(ms, &in_zone(zone)).unwrap();
            let day = |n: i64| Timestamp::from_second(n * DAY_SEC).unwrap().to_string()[..10].to_owned();
            let time = |ms| Timestamp::from_millisecond(ms).unwrap().to_string();
            let got = [day(c.day), time(c.day_end_ms), day(c.month_day), time(c.month_end_ms)];
            assert_eq!(got.each_ref().map(String::as_str), want, "{at} {zone}");
            assert_eq!(c.month.to_string(), want[2].replace('-', "")[..6]);
        };
        check(
            "2026-11-30T21:59:00Z",
            "Europe/Riga",
            ["2026-11-30", "2026-11-30T22:00:00Z", "2026-11-01", "2026-11-30T22:00:00Z"],
        );
        check(
            "2026-11-30T22:00:00Z",
            "Europe/Riga",
            ["2026-12-01", "2026-12-01T22:00:00Z", "2026-12-01", "2026-12-31T22:00:00Z"],
        );
        // The day with 25 hours.
        check(
            "2026-10-25T12:00:00Z",
            "Europe/Riga",
            ["2026-10-25", "2026-10-25T22:00:00Z", "2026-10-01", "2026-10-31T22:00:00Z"],
        );
    }

    #[test]
    fn hours_belong_to_the_day_of_their_start() {
        let check = |hour: &str, zone: &str, want: &str| {
            let date = date_of(UtcHour::parse(hour).unwrap(), &in_zone(zone)).unwrap();
            let day = day_number(date).unwrap();
            assert_eq!(
                &Timestamp::from_second(day * DAY_SEC).unwrap().to_string()[..10],
                want,
                "{hour} {zone}"
            );
        };
        check("2026-11-30T21:00:00Z", "Europe/Riga", "2026-11-30");
        check("2026-11-30T22:00:00Z", "Europe/Riga", "2026-12-01");
        check("2026-11-30T18:00:00Z", "Asia/Kolkata", "2026-11-30");
        check("2026-11-30T19:00:00Z", "Asia/Kolkata", "2026-12-01");
    }
}
