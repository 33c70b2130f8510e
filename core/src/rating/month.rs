//! Billing months, and the price version that an hour is rated by.

use crate::plan::PriceVersion;
use crate::units::UtcHour;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A calendar month in a customer's billing zone, for example `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillingMonth {
    pub(super) year: i16,
    pub(super) month: i8,
}

/// No month can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MonthError {
    /// The hour lies outside the calendar (years -9999 to 9999).
    #[error("hour {0} since 1970 is outside the calendar")]
    Hour(i64),
    /// Not a month.
    #[error("{0:?} is not a month; write it like 2026-11")]
    Text(String),
}

impl BillingMonth {
    /// `2026-11` as 202611.
    pub fn number(self) -> i64 {
        i64::from(self.year).saturating_mul(100).saturating_add(i64::from(self.month))
    }

    /// The last month that is over at a time (milliseconds since the epoch) in UTC.
    pub fn before(now_ms: i64) -> Result<Self, MonthError> {
        let Self { year, month } = Self::named_by(UtcHour::from_ms(now_ms))?;
        let earlier = year.checked_sub(1).ok_or_else(|| MonthError::Hour(UtcHour::from_ms(now_ms).0))?;
        Ok(if month > 1 {
            Self { year, month: month.saturating_sub(1) }
        } else {
            Self { year: earlier, month: 12 }
        })
    }

    /// The month that a version with allowance, tiers or cap names by its start: 00:00Z of the first.
    fn named_by(start: UtcHour) -> Result<Self, MonthError> {
        super::Calendar::new(jiff::tz::TimeZone::UTC).month(start)
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Result<Self, MonthError> {
        let bad = || MonthError::Text(text.chars().take(16).collect());
        let digits = |t: &str, len: usize| t.len() == len && t.bytes().all(|b| b.is_ascii_digit());
        match text.split_once('-') {
            Some((y, m)) if digits(y, 4) && digits(m, 2) => {
                let year = y.parse().map_err(|_| bad())?;
                let month = m.parse().ok().filter(|m| (1..=12).contains(m)).ok_or_else(bad)?;
                Ok(Self { year, month })
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for BillingMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Serialize for BillingMonth {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BillingMonth {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The version of a plan that an hour is rated by: the latest that has started. A linear version starts at its hour;
/// one with allowance, tiers or cap starts with its month, and `month` is the hour's month in the customer's
/// [`super::Calendar`]. `None`: the hour costs nothing.
pub fn version_at<'a>(
    versions: impl IntoIterator<Item = &'a PriceVersion>,
    hour: UtcHour,
    month: BillingMonth,
) -> Result<Option<&'a PriceVersion>, MonthError> {
    let mut latest: Option<&PriceVersion> = None;
    for version in versions {
        let start = version.id().valid_from;
        let started =
            if version.is_linear() { start <= hour } else { BillingMonth::named_by(start)? <= month };
        if started && latest.is_none_or(|l| l.id().valid_from < start) {
            latest = Some(version);
        }
    }
    Ok(latest)
}
