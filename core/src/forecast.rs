//! How long credit lasts: what was spent in the last seven days goes on.
//!
//! Seven days, because use has a weekly rhythm: every weekday is in them once. The window ends now, so of the day seven
//! days ago only the part counts that lies in it. A customer that began later is judged by the time since then.
//! `make bench-forecast` (`core/examples/forecast.rs`) replays histories and prints how far off that is.

/// One day, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// Days in the window.
pub const WINDOW_DAYS: i64 = 7;
/// A forecast beyond this says nothing, in milliseconds.
pub const LEFT_MAX_MS: i64 = 3_650 * DAY_MS;
/// A shorter time of use is taken as this long: one hour alone would be taken for all others.
const OVER_MIN_MS: i64 = 3_600_000;

/// What was spent in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Micro-units.
    pub micros: i128,
    /// In so many milliseconds, above 0.
    pub over_ms: i64,
}

/// What was spent in the window that ends `into_ms` milliseconds into the day `today`.
///
/// `days` are amounts in micro-units by number of the local day, at least the last eight; `pending` is what is not charged
/// yet. `since_ms` is how long ago the customer was made. `None`: nothing was used.
pub fn spent(days: &[(i64, i64)], pending: i64, today: i64, into_ms: i64, since_ms: i64) -> Option<Spent> {
    let into_ms = into_ms.clamp(0, DAY_MS);
    let oldest = today.saturating_sub(WINDOW_DAYS);
    let used = || days.iter().filter(|(day, amount)| (oldest..=today).contains(day) && *amount != 0);
    let mut micros = i128::from(pending);
    for (day, amount) in used() {
        let part_ms = if *day == oldest { DAY_MS.saturating_sub(into_ms) } else { DAY_MS };
        let part = i128::from(*amount).saturating_mul(i128::from(part_ms)).checked_div(i128::from(DAY_MS));
        micros = micros.saturating_add(part.unwrap_or(0));
    }
    let first = match used().map(|(day, _)| *day).min() {
        None if pending == 0 => return None,
        first => first.unwrap_or(today),
    };
    let began_ms = today.saturating_sub(first).saturating_mul(DAY_MS).saturating_add(into_ms);
    let over_ms = began_ms.min(WINDOW_DAYS.saturating_mul(DAY_MS)).min(since_ms).max(OVER_MIN_MS);
    Some(Spent { micros, over_ms })
}

/// How long `left` micro-units last, in milliseconds; `None` where nothing is spent.
pub fn left_ms(left: i128, spent: Spent) -> Option<i64> {
    if spent.micros <= 0 {
        return None;
    }
    let ms = left.max(0).checked_mul(i128::from(spent.over_ms))?.checked_div(spent.micros)?;
    Some(i64::try_from(ms).unwrap_or(LEFT_MAX_MS).min(LEFT_MAX_MS))
}

/// A length of time in days for people, with a tenth where it is no whole number: `1 day`, `12.4 days`.
pub fn days(ms: i64) -> String {
    let tenths = ms.max(0) / (DAY_MS / 10);
    match (tenths / 10, tenths % 10) {
        (1, 0) => "1 day".to_owned(),
        (whole, 0) => format!("{whole} days"),
        (whole, tenth) => format!("{whole}.{tenth} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const LONG_MS: i64 = 400 * DAY_MS;

    #[test]
    fn what_was_spent() {
        let check = |days: &[(i64, i64)], pending, into_ms, since_ms, want: Option<(i128, i64)>| {
            let got = spent(days, pending, 100, into_ms, since_ms).map(|s| (s.micros, s.over_ms));
            assert_eq!(got, want, "{days:?} {pending} {into_ms} {since_ms}");
        };
        check(&[], 0, 0, LONG_MS, None);
        check(&[(99, 0)], 0, 0, LONG_MS, None);
        let week: Vec<(i64, i64)> = (80..=99).map(|day| (day, 24)).collect();
        check(&week, 0, 0, LONG_MS, Some((7 * 24, 7 * DAY_MS)));
        // At noon, half of the day a week ago is in the window.
        check(&[&week[..], &[(100, 12)]].concat(), 0, DAY_MS / 2, LONG_MS, Some((7 * 24, 7 * DAY_MS)));
        check(&[(99, 24)], 3, 6 * HOUR_MS, LONG_MS, Some((27, 30 * HOUR_MS)));
        check(&[(100, 2)], 0, 6 * HOUR_MS, 4 * HOUR_MS, Some((2, 4 * HOUR_MS)));
        check(&[], 5, 60_000, 60_000, Some((5, HOUR_MS)));
        check(&[(93, 24)], 0, DAY_MS, LONG_MS, Some((0, 7 * DAY_MS)));
    }

    #[test]
    fn days_for_people() {
        let shown = [0, DAY_MS / 10, DAY_MS, DAY_MS + DAY_MS / 2, 2 * DAY_MS, -5].map(days);
        assert_eq!(shown, ["0 days", "0.1 days", "1 day", "1.5 days", "2 days", "0 days"]);
    }

    #[test]
    fn how_long_it_lasts() {
        let check = |left, micros, over_ms, want| {
            assert_eq!(left_ms(left, Spent { micros, over_ms }), want, "{left} {micros} {over_ms}");
        };
        check(24_000, 1_000, HOUR_MS, Some(24 * HOUR_MS));
        check(0, 1, 1, Some(0));
        check(-5, 1, 1, Some(0));
        check(5, 0, 1, None);
        check(5, -1, 1, None);
        check(i128::from(i64::MAX), 1, 7 * DAY_MS, Some(LEFT_MAX_MS));
    }
}
