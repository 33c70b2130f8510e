//! Units of time that must not be mixed, and conversions that cannot go wrong silently.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// A UTC hour `[start, end)`, counted from the Unix epoch. Usage is billed by this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcHour(pub i64);

/// Why a text is not a UTC hour or a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimeError {
    /// Not an RFC 3339 time.
    #[error("{0:?} is not a time; write it in RFC 3339, for example 2026-11-21T10:00:00Z")]
    NotATime(String),
    /// A time, but not the start of a UTC hour.
    #[error("{0:?} is not the start of a UTC hour; write it like 2026-11-21T10:00:00Z")]
    NotAnHour(String),
}

impl UtcHour {
    /// The hour that holds this time (milliseconds since the epoch).
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms.div_euclid(HOUR_MS))
    }

    /// First millisecond of the hour, since the epoch.
    pub const fn start_ms(self) -> i64 {
        self.0.saturating_mul(HOUR_MS)
    }

    /// First millisecond after the hour, since the epoch.
    pub const fn end_ms(self) -> i64 {
        self.start_ms().saturating_add(HOUR_MS)
    }

    /// The hour after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Reads the RFC 3339 text of an hour's start.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let ms = parse_rfc3339_ms(text)?;
        if ms.rem_euclid(HOUR_MS) != 0 {
            return Err(TimeError::NotAnHour(text.to_owned()));
        }
        Ok(Self::from_ms(ms))
    }
}

impl fmt::Display for UtcHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rfc3339(self.start_ms()))
    }
}

impl Serialize for UtcHour {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcHour {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Milliseconds since the epoch from RFC 3339 text with any offset; finer digits are cut off.
pub fn parse_rfc3339_ms(text: &str) -> Result<i64, TimeError> {
    let stamp: jiff::Timestamp = text.parse().map_err(|_| TimeError::NotATime(text.to_owned()))?;
    Ok(stamp.as_millisecond())
}

/// RFC 3339 in UTC, with milliseconds only where there are some. A time outside the calendar is shown as its number.
pub fn rfc3339(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(t) => t.to_string(),
        Err(_) => format!("{ms} ms since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours() {
        let check = |text: &str, want: Result<i64, TimeError>| {
            assert_eq!(UtcHour::parse(text).map(|h| h.0), want, "{text}");
        };
        check("1970-01-01T00:00:00Z", Ok(0));
        check("1970-01-02T01:00:00Z", Ok(25));
        check("1969-12-31T23:00:00Z", Ok(-1));
        check("1970-01-01T02:00:00+02:00", Ok(0));
        check("1970-01-01T00:30:00Z", Err(TimeError::NotAnHour("1970-01-01T00:30:00Z".into())));
        check("yesterday", Err(TimeError::NotATime("yesterday".into())));
        assert_eq!(UtcHour::from_ms(-1), UtcHour(-1));
        assert_eq!(UtcHour(25).to_string(), "1970-01-02T01:00:00Z");
        assert_eq!(rfc3339(1_500), "1970-01-01T00:00:01.5Z");
    }
}
