//! Durations as they are written in configuration: `500ms`, `10s`, `15m`, `48h`, `7d`.

/// Why a text is not a duration.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a duration; write a whole number and a unit: 500ms, 10s, 15m, 48h, 7d")]
pub struct DurationError(String);

const UNITS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000)];

/// Milliseconds of a text: a whole number and one unit, nothing else. Never negative.
pub fn parse(text: &str) -> Result<i64, DurationError> {
    let bad = || DurationError(text.chars().take(40).collect());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(bad)?;
    let (_, factor) = UNITS.iter().find(|(word, _)| *word == unit).ok_or_else(bad)?;
    let number: i64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(*factor).ok_or_else(bad)
}

/// The shortest text that [`parse`] reads back as these milliseconds; negative ones are written as `0s`.
pub fn format(ms: i64) -> String {
    if ms <= 0 {
        return "0s".to_owned();
    }
    let fits = UNITS.iter().rev().find(|(_, factor)| ms % factor == 0);
    fits.map_or_else(|| format!("{ms}ms"), |(word, factor)| format!("{}{word}", ms / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let check = |text: &str, want: Option<i64>| assert_eq!(parse(text).ok(), want, "{text}");
        check("500ms", Some(500));
        check("10s", Some(10_000));
        check("15m", Some(900_000));
        check("48h", Some(172_800_000));
        check("7d", Some(604_800_000));
        check("0s", Some(0));
        for bad in [
            "",
            "10",
            "s",
            "-1s",
            "1.5h",
            "1 h",
            "1h30m",
            "10S",
            "99999999999999999999s",
            "9223372036854775807d",
            "é",
        ] {
            check(bad, None);
        }
        for text in ["500ms", "10s", "15m", "49h", "7d", "0s"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(
            parse("10").unwrap_err().to_string(),
            "\"10\" is not a duration; write a whole number and a unit: 500ms, 10s, 15m, 48h, 7d"
        );
    }
}
