//! Figures as people read them.

use super::*;

#[test]
fn totals_read_well_and_exact_text_keeps_every_digit() {
    use Quantity::{Bytes, Count, CpuUsec, KibSec, Seconds};
    #[rustfmt::skip]
    let rows = [
        (CpuUsec, 0, "0 s", "0 µs"),
        (CpuUsec, 999, "999 µs", "999 µs"),
        (CpuUsec, 1_500, "1.50 ms", "1,500 µs"),
        (CpuUsec, 20_000_000, "20.0 s", "20,000,000 µs"),
        (CpuUsec, 59_960_000, "1 min 00 s", "59,960,000 µs"),
        (CpuUsec, 754_000_000, "12 min 34 s", "754,000,000 µs"),
        (CpuUsec, 11_520_000_000, "3 h 12 min", "11,520,000,000 µs"),
        (CpuUsec, -1_500_000, "−1.50 s", "−1,500,000 µs"),
        (CpuUsec, i64::MAX, "2,562,047,788 h", "9,223,372,036,854,775,807 µs"),
        (KibSec, 0, "0 MiB·h", "0 KiB·s"),
        (KibSec, 3_774_873_600, "1.00 GiB·h", "3,774,873,600 KiB·s"),
        (KibSec, 200, "200 KiB·s", "200 KiB·s"),
        (Bytes, 1_023, "1,023 B", "1,023 bytes"),
        (Bytes, 1_572_864, "1.50 MiB", "1,572,864 bytes"),
        (Bytes, i64::MIN, "−8,388,608 TiB", "−9,223,372,036,854,775,808 bytes"),
        (Seconds, 61, "1 min 01 s", "61 s"),
        (Count, 1_234_567, "1,234,567", "1,234,567"),
    ];
    for (quantity, value, human, precise) in rows {
        assert_eq!(total(quantity, value), human, "{quantity:?} {value}");
        assert_eq!(exact(quantity, value), precise, "{quantity:?} {value}");
    }
}

#[test]
fn decimals_round_half_to_even() {
    let rows = [
        (5, 2, 0, "2"),
        (7, 2, 0, "4"),
        (-5, 1000, 2, "0.00"),
        (-15, 1000, 2, "−0.02"),
        (1, 3, 3, "0.333"),
        (1, 0, 2, "–"),
    ];
    for (n, d, places, text) in rows {
        assert_eq!(fixed(n, d, places), text, "{n}/{d} with {places}");
    }
}

#[test]
fn coverage_is_never_rounded_up_to_all() {
    let rows = [(1_000_000, "100 %"), (999_999, "99.99 %"), (999_600, "99.96 %"), (0, "0.00 %")];
    for (ppm, text) in rows {
        assert_eq!(percent_ppm(ppm), text, "{ppm}");
    }
}

#[test]
fn meters_have_labels_and_units_by_name() {
    let rows = [
        ("cpu_usec", "CPU", Quantity::CpuUsec),
        ("memory_kib_sec", "Memory", Quantity::KibSec),
        ("io_read_bytes", "I/O read", Quantity::Bytes),
        ("db_queries", "Database queries", Quantity::Count),
        ("session_sec", "Session", Quantity::Seconds),
        ("", "", Quantity::Count),
    ];
    for (meter, label, quantity) in rows {
        assert_eq!((meter_label(meter).as_str(), quantity_of(meter)), (label, quantity), "{meter}");
    }
}
