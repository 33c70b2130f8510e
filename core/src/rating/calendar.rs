//! Days and months of a customer: which one an hour belongs to, also where the billing zone changed.

use super::{BillingMonth, MonthError};
use crate::units::UtcHour;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;

/// A calendar day in a customer's billing zone, for example `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillingDate(Date);

impl BillingDate {
    /// The day at the start of the hour, in one zone.
    fn of(hour: UtcHour, zone: &TimeZone) -> Result<Self, MonthError> {
        let start =
            jiff::Timestamp::from_millisecond(hour.start_ms()).map_err(|_| MonthError::Hour(hour.0))?;
        Ok(Self(zone.to_datetime(start).date()))
    }

    /// Its month.
    pub fn month(self) -> BillingMonth {
        BillingMonth { year: self.0.year(), month: self.0.month() }
    }

    /// `2026-11-21` as 20261121, which sorts as the days do.
    pub fn number(self) -> i64 {
        self.month().number().saturating_mul(100).saturating_add(i64::from(self.0.day()))
    }

    /// The days from this one on.
    pub fn and_later(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |d| d.0.tomorrow().ok().map(Self))
    }

    /// What [`BillingDate::number`] wrote.
    pub fn from_number(number: i64) -> Option<Self> {
        let part = |n: i64| i8::try_from(n.rem_euclid(100)).ok();
        let year = i16::try_from(number.div_euclid(10_000)).ok()?;
        Date::new(year, part(number.div_euclid(100))?, part(number)?).ok().map(Self)
    }
}

impl fmt::Display for BillingDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A zone and the hours from which on it holds.
#[derive(Clone, Debug)]
struct Stretch {
    from: UtcHour,
    zone: TimeZone,
    /// The month that began when the zone before was left: no hour of this stretch belongs to an earlier one.
    floor: BillingMonth,
}

/// The days and months of a customer, in the billing zones that it had.
///
/// An hour belongs to the day and the month at its start. Where the zone changes, the month that begins then began in
/// the zone before and ends in the new one: in a zone farther west, its first hours still have the last day of the month
/// before, which was counted already.
#[derive(Clone, Debug)]
pub struct Calendar {
    first: TimeZone,
    /// In the order of their hours.
    later: Vec<Stretch>,
}

impl Calendar {
    /// One zone for all hours.
    pub const fn new(zone: TimeZone) -> Self {
        Self { first: zone, later: Vec::new() }
    }

    /// The same with another zone from an hour on, which is later than all that are there. It should start a month:
    /// [`Calendar::month_start`].
    pub fn then(mut self, from: UtcHour, zone: TimeZone) -> Result<Self, MonthError> {
        let floor = self.month(from)?;
        self.later.push(Stretch { from, zone, floor });
        Ok(self)
    }

    fn at(&self, hour: UtcHour) -> (&TimeZone, Option<BillingMonth>) {
        let found = self.later.iter().rev().find(|s| s.from <= hour);
        found.map_or((&self.first, None), |s| (&s.zone, Some(s.floor)))
    }

    /// The zone that holds at an hour.
    pub fn zone(&self, hour: UtcHour) -> &TimeZone {
        self.at(hour).0
    }

    /// The day that an hour belongs to.
    pub fn date(&self, hour: UtcHour) -> Result<BillingDate, MonthError> {
        BillingDate::of(hour, self.at(hour).0)
    }

    /// The month that an hour belongs to.
    pub fn month(&self, hour: UtcHour) -> Result<BillingMonth, MonthError> {
        let (zone, floor) = self.at(hour);
        let month = BillingDate::of(hour, zone)?.month();
        Ok(floor.map_or(month, |floor| month.max(floor)))
    }

    /// The hours `[from, to)` of a month.
    pub fn hours(&self, month: BillingMonth) -> Result<(UtcHour, UtcHour), MonthError> {
        let outside = || MonthError::Text(month.to_string());
        let first = Date::new(month.year, month.month, 1).map_err(|_| outside())?;
        let start = first.to_zoned(TimeZone::UTC).map_err(|_| outside())?.timestamp();
        // No zone is farther than 26 hours off, and a change of zone adds as much again.
        let mut from = UtcHour(UtcHour::from_ms(start.as_millisecond()).0.saturating_sub(72));
        loop {
            from = self.month_start(from)?;
            if self.month(from)? >= month {
                return Ok((from, self.month_start(from.next())?));
            }
            from = from.next();
        }
    }

    /// The first hour, from `hour` on, with which a month begins.
    pub fn month_start(&self, hour: UtcHour) -> Result<UtcHour, MonthError> {
        let mut before = self.month(UtcHour(hour.0.saturating_sub(1)))?;
        let mut at = hour;
        // A month has at most 31 days, and a change of zone adds less than two.
        for _ in 0..34 * 24 {
            let month = self.month(at)?;
            if month != before {
                return Ok(at);
            }
            (before, at) = (month, at.next());
        }
        Err(MonthError::Hour(hour.0))
    }
}

/// One entry for each day of an account in `[from, to)`: the first of its hours for which `at` gives an owner. A base
/// fee falls due in that hour, and never again for that day, nor for an earlier one: where the zone changes, with the
/// owner or without, days may come again.
pub fn first_hours<T, E>(
    from: UtcHour,
    to: UtcHour,
    mut at: impl FnMut(UtcHour) -> Result<Option<(T, BillingDate)>, E>,
) -> Result<Vec<(BillingDate, UtcHour, T)>, E> {
    let mut out: Vec<(BillingDate, UtcHour, T)> = Vec::new();
    let mut hour = from;
    while hour < to {
        if let Some((owner, date)) = at(hour)?
            && out.last().is_none_or(|(last, _, _)| *last < date)
        {
            out.push((date, hour, owner));
        }
        hour = hour.next();
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
