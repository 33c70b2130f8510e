//! Integers as text: grouped, exact with unit, and short for people. No floating point.

use crate::view::Quantity;

const KIB: i128 = 1024;
const MIB: i128 = 1024 * KIB;
const GIB: i128 = 1024 * MIB;
const TIB: i128 = 1024 * GIB;

/// `1234567` → `1,234,567`; the minus is U+2212.
pub(crate) fn group(n: i128) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 3);
    if n < 0 {
        out.push('−');
    }
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `n / d` with `places` decimals, rounded half to even. `d` must be above 0 (otherwise a dash).
pub(crate) fn fixed(n: i128, d: i128, places: u32) -> String {
    let Some(scaled) = 10_i128.checked_pow(places).and_then(|p| n.checked_abs()?.checked_mul(p)) else {
        return group(n.checked_div(d).unwrap_or(n));
    };
    let (Some(mut q), Some(r)) = (scaled.checked_div(d), scaled.checked_rem(d)) else {
        return "–".to_owned();
    };
    let twice = r.saturating_mul(2);
    if twice > d || (twice == d && q % 2 == 1) {
        q += 1;
    }
    let unit = 10_i128.pow(places);
    let sign = if n < 0 && q > 0 { "−" } else { "" };
    if places == 0 {
        return format!("{sign}{}", group(q));
    }
    let width = usize::try_from(places).unwrap_or(0);
    format!("{sign}{}.{:0width$}", group(q / unit), q % unit)
}

/// `n / d` with about three significant digits.
fn short(n: i128, d: i128) -> String {
    let whole = n.checked_div(d).unwrap_or(0).unsigned_abs();
    let places = match whole {
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    fixed(n, d, places)
}

/// A total for people, e.g. `12 min 34 s`, `1.25 GiB·h`, `3.40 MiB`.
pub(crate) fn total(quantity: Quantity, value: i64) -> String {
    let v = i128::from(value);
    match quantity {
        Quantity::CpuUsec => duration_usec(v),
        Quantity::Seconds => duration_usec(v * 1_000_000),
        Quantity::KibSec => kib_sec(v),
        Quantity::Bytes => bytes(v),
        Quantity::Count => group(v),
    }
}

/// A total exactly, with its base unit, e.g. `754,000,000 µs`.
pub(crate) fn exact(quantity: Quantity, value: i64) -> String {
    match unit(quantity) {
        "" => group(i128::from(value)),
        unit => format!("{} {unit}", group(i128::from(value))),
    }
}

/// The base unit as text; empty for pieces.
pub(crate) fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::CpuUsec => "µs",
        Quantity::Seconds => "s",
        Quantity::KibSec => "KiB·s",
        Quantity::Bytes => "bytes",
        Quantity::Count => "",
    }
}

fn duration_usec(v: i128) -> String {
    let abs = v.unsigned_abs();
    if abs == 0 {
        return "0 s".to_owned();
    }
    if abs < 1_000 {
        return format!("{} µs", group(v));
    }
    if abs < 999_500 {
        return format!("{} ms", short(v, 1_000));
    }
    if abs < 59_950_000 {
        return format!("{} s", short(v, 1_000_000));
    }
    let sign = if v < 0 { "−" } else { "" };
    let sec = (abs + 500_000) / 1_000_000;
    let (hours, minutes, seconds) = (sec / 3_600, sec % 3_600 / 60, sec % 60);
    match hours {
        0 => format!("{sign}{minutes} min {seconds:02} s"),
        1..100 => format!("{sign}{hours} h {minutes:02} min"),
        _ => format!("{sign}{} h", group(i128::try_from(hours).unwrap_or(i128::MAX))),
    }
}

fn kib_sec(v: i128) -> String {
    const HOUR: i128 = 3_600;
    match v.unsigned_abs() {
        0 => "0 MiB·h".to_owned(),
        1..3_600 => format!("{} KiB·s", group(v)),
        3_600..3_686_400 => format!("{} KiB·h", short(v, HOUR)),
        3_686_400..3_774_873_600 => format!("{} MiB·h", short(v, HOUR * KIB)),
        3_774_873_600..3_865_470_566_400 => format!("{} GiB·h", short(v, HOUR * MIB)),
        _ => format!("{} TiB·h", short(v, HOUR * GIB)),
    }
}

fn bytes(v: i128) -> String {
    let units = [(TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    match units.into_iter().find(|(size, _)| v.abs() >= *size) {
        Some((size, name)) => format!("{} {name}", short(v, size)),
        None => format!("{} B", group(v)),
    }
}

/// Parts per million as percent; `99.96 %`. Only a true 100 % is shown as `100 %`.
pub(crate) fn percent_ppm(ppm: i64) -> String {
    if ppm == 1_000_000 {
        return "100 %".to_owned();
    }
    let cut = i128::from(ppm) / 100;
    format!("{} %", fixed(cut, 100, 2))
}

/// A meter's total for people, e.g. `12 min 34 s`.
#[must_use]
pub fn quantity_text(meter: &str, value: i64) -> String {
    total(quantity_of(meter), value)
}

/// What a meter counts, by the unit at the end of its name.
pub(crate) fn quantity_of(meter: &str) -> Quantity {
    let ends = [
        ("_usec", Quantity::CpuUsec),
        ("_kib_sec", Quantity::KibSec),
        ("_bytes", Quantity::Bytes),
        ("_sec", Quantity::Seconds),
    ];
    ends.into_iter().find(|(end, _)| meter.ends_with(end)).map_or(Quantity::Count, |(_, q)| q)
}

/// A meter's name for people: `io_read_bytes` → `I/O read`.
#[must_use]
pub fn meter_label(meter: &str) -> String {
    if meter == "base" {
        return "Base fee".to_owned();
    }
    let ends = ["_usec", "_kib_sec", "_bytes", "_sec"];
    let bare = ends.iter().find_map(|end| meter.strip_suffix(end)).unwrap_or(meter);
    let words = bare.split('_').map(|word| match word {
        "cpu" => "CPU",
        "io" => "I/O",
        "db" => "database",
        "net" => "network",
        "rx" => "received",
        "tx" => "sent",
        "ops" => "operations",
        other => other,
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests;
