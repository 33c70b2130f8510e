//! Times as text in the display zone.

use jiff::{Timestamp, tz::TimeZone};

/// Formats times for one page: its zone and the moment it was read.
#[derive(Clone)]
pub(crate) struct Clock {
    zone: TimeZone,
    name: String,
    now_ms: i64,
}

impl Clock {
    /// An unknown zone becomes UTC.
    pub(crate) fn new(zone: &str, now_ms: i64) -> Self {
        match TimeZone::get(zone) {
            Ok(tz) => Self { zone: tz, name: zone.to_owned(), now_ms },
            Err(_) => Self { zone: TimeZone::UTC, name: "UTC".to_owned(), now_ms },
        }
    }

    /// Name of the zone in use.
    pub(crate) fn zone_name(&self) -> &str {
        &self.name
    }

    /// RFC 3339 in UTC, for `datetime` attributes; milliseconds only where there are some.
    pub(crate) fn utc(ms: i64) -> String {
        Timestamp::from_millisecond(ms).map_or_else(|_| "out of range".to_owned(), |t| t.to_string())
    }

    /// Local text by a strftime pattern.
    pub(crate) fn local(&self, ms: i64, pattern: &str) -> String {
        match Timestamp::from_millisecond(ms) {
            Ok(t) => t.to_zoned(self.zone.clone()).strftime(pattern).to_string(),
            Err(_) => "out of range".to_owned(),
        }
    }

    /// `21 Nov, 14:05`, with the year where it is not the page's.
    pub(crate) fn short(&self, ms: i64) -> String {
        self.local(ms, self.pattern(ms))
    }

    /// `21 Nov, 13:00–14:00`: the hour that starts at `ms`.
    pub(crate) fn hour(&self, ms: i64) -> String {
        let end = self.local(ms.saturating_add(3_600_000), "%H:%M");
        format!("{}–{end}", self.short(ms))
    }

    fn pattern(&self, ms: i64) -> &'static str {
        if self.local(ms, "%Y") == self.local(self.now_ms, "%Y") {
            "%-d %b, %H:%M"
        } else {
            "%-d %b %Y, %H:%M"
        }
    }

    /// `3 s ago`, seen from the page's moment.
    pub(crate) fn ago(&self, ms: i64) -> String {
        let sec = self.now_ms.saturating_sub(ms).max(0) / 1_000;
        if sec < 1 { "now".to_owned() } else { format!("{} ago", span(sec)) }
    }

    /// Offset of local time from UTC in ms at a time.
    pub(crate) fn offset_ms(&self, ms: i64) -> i64 {
        Timestamp::from_millisecond(ms).map_or(0, |t| i64::from(self.zone.to_offset(t).seconds()) * 1_000)
    }
}

/// A length of time in its largest fitting unit: `3 s`, `5 min`, `7 h`, `12 d`.
pub(crate) fn span(sec: i64) -> String {
    match sec {
        ..120 => format!("{sec} s"),
        120..7_200 => format!("{} min", sec / 60),
        7_200..172_800 => format!("{} h", sec / 3_600),
        _ => format!("{} d", sec / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-11-21T12:05:00Z
    const NOW: i64 = 1_795_262_700_000;

    #[test]
    fn times_are_local_and_machine_readable() {
        let riga = Clock::new("Europe/Riga", NOW);
        assert_eq!(Clock::utc(NOW), "2026-11-21T12:05:00Z");
        assert_eq!(riga.short(NOW), "21 Nov, 14:05");
        assert_eq!(riga.hour(NOW - 300_000), "21 Nov, 14:00–15:00");
        assert_eq!(riga.short(NOW - 31_536_000_000), "21 Nov 2025, 14:05");
        let lost = Clock::new("Mars/Olympus", NOW);
        assert_eq!((lost.zone_name(), lost.short(NOW).as_str()), ("UTC", "21 Nov, 12:05"));
        assert_eq!(Clock::utc(i64::MAX), "out of range");
    }

    #[test]
    fn ages_use_one_unit() {
        let clock = Clock::new("UTC", NOW);
        let rows = [
            (0, "now"),
            (-5_000, "now"),
            (3_000, "3 s ago"),
            (300_000, "5 min ago"),
            (90_000_000, "25 h ago"),
            (864_000_000, "10 d ago"),
        ];
        for (age, text) in rows {
            assert_eq!(clock.ago(NOW - age), text, "{age}");
        }
    }
}
