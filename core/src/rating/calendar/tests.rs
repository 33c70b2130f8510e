//! Days of 23 and 25 hours, zones off the whole hour, changes of zone.

use super::*;
use crate::plan::{PriceVersion, parse_toml};
use crate::rating::version_at;
use proptest::prelude::*;

fn hour(text: &str) -> UtcHour {
    UtcHour::parse(text).unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn one(name: &str) -> Calendar {
    Calendar::new(zone(name))
}

#[test]
fn hours_of_a_day() {
    let check = |name: &str, date: &str, from: &str, to: &str| {
        let calendar = one(name);
        let (from, to) = (hour(from), hour(to));
        for at in [from, UtcHour(to.0 - 1)] {
            assert_eq!(calendar.date(at).unwrap().to_string(), date, "{name} {at}");
        }
        for at in [UtcHour(from.0 - 1), to] {
            assert_ne!(calendar.date(at).unwrap().to_string(), date, "{name} {at}");
        }
    };
    check("UTC", "2026-11-21", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    check("Europe/Riga", "2026-11-21", "2026-11-20T22:00:00Z", "2026-11-21T22:00:00Z");
    // 23 and 25 hours.
    check("Europe/Riga", "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z");
    check("Europe/Riga", "2026-10-25", "2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z");
    // Off the whole hour: an hour belongs to the day at its start.
    check("Asia/Kolkata", "2026-11-21", "2026-11-20T19:00:00Z", "2026-11-21T19:00:00Z");
    check("Asia/Kathmandu", "2026-11-21", "2026-11-20T19:00:00Z", "2026-11-21T19:00:00Z");
    // Half an hour of summer time.
    check("Australia/Lord_Howe", "2026-10-04", "2026-10-03T14:00:00Z", "2026-10-04T13:00:00Z");
    // A zone that skips midnight when summer time begins.
    check("America/Asuncion", "2024-10-06", "2024-10-06T04:00:00Z", "2024-10-07T03:00:00Z");
}

#[test]
fn months_start_where_the_zone_says() {
    let check = |from: &str, name: &str, want: &str| {
        assert_eq!(one(name).month_start(hour(from)).unwrap().to_string(), want, "{from} {name}");
    };
    check("2026-11-21T10:00:00Z", "UTC", "2026-12-01T00:00:00Z");
    check("2026-12-01T00:00:00Z", "UTC", "2026-12-01T00:00:00Z");
    check("2026-12-01T01:00:00Z", "UTC", "2027-01-01T00:00:00Z");
    check("2026-11-21T10:00:00Z", "Europe/Riga", "2026-11-30T22:00:00Z");
    check("2026-11-30T22:00:00Z", "Europe/Riga", "2026-11-30T22:00:00Z");
    check("2026-11-30T23:00:00Z", "Europe/Riga", "2026-12-31T22:00:00Z");
    // 00:00 in India is 18:30Z: the first whole hour of the month starts half an hour into it.
    check("2026-11-21T10:00:00Z", "Asia/Kolkata", "2026-11-30T19:00:00Z");
}

/// A change of zone at the start of December.
fn changed(from: &str, to: &str) -> (Calendar, UtcHour) {
    let calendar = one(from);
    let at = calendar.month_start(hour("2026-11-21T10:00:00Z")).unwrap();
    (calendar.then(at, zone(to)).unwrap(), at)
}

#[test]
fn the_old_month_ends_in_the_old_zone_and_the_next_ends_in_the_new_one() {
    // from, to, where December starts, ends, and how many hours its first day has
    let table = [
        ("Europe/Riga", "America/New_York", "2026-11-30T22:00:00Z", "2027-01-01T05:00:00Z", 24),
        ("America/New_York", "Europe/Riga", "2026-12-01T05:00:00Z", "2026-12-31T22:00:00Z", 17),
        ("UTC", "Asia/Kolkata", "2026-12-01T00:00:00Z", "2026-12-31T19:00:00Z", 19),
        ("Asia/Kolkata", "UTC", "2026-11-30T19:00:00Z", "2027-01-01T00:00:00Z", 24),
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", "2026-11-30T10:00:00Z", "2027-01-01T11:00:00Z", 24),
        // Farther east by more than a day: the first of December is there no more.
        ("Pacific/Pago_Pago", "Pacific/Kiritimati", "2026-12-01T11:00:00Z", "2026-12-31T10:00:00Z", 0),
        ("Europe/Riga", "Europe/Riga", "2026-11-30T22:00:00Z", "2026-12-31T22:00:00Z", 24),
    ];
    for (from, to, start, end, first_day) in table {
        let (calendar, at) = changed(from, to);
        let what = format!("{from} to {to}");
        assert_eq!(at.to_string(), start, "{what}");
        let december = |h: UtcHour| calendar.month(h).unwrap().to_string() == "2026-12";
        assert!(!december(UtcHour(at.0 - 1)) && december(at), "{what}");
        assert_eq!(calendar.month_start(at.next()).unwrap().to_string(), end, "{what}");
        let month = calendar.month(at).unwrap();
        assert_eq!(calendar.hours(month).unwrap(), (at, hour(end)), "{what}");
        assert!((at.0..hour(end).0).all(|h| december(UtcHour(h))), "{what}");
        let day = |h: &UtcHour| calendar.date(*h).unwrap().to_string() == "2026-12-01";
        assert_eq!((at.0..at.0 + 100).map(UtcHour).filter(day).count(), first_day, "{what}");
    }
}

#[test]
fn dates_are_numbers() {
    let date = one("UTC").date(hour("2026-11-21T10:00:00Z")).unwrap();
    assert_eq!((date.number(), date.month().number()), (20_261_121, 202_611));
    assert_eq!(BillingDate::from_number(20_261_121), Some(date));
    for bad in [20_261_131, 20_261_301, 0, -5, i64::MAX, 20_261_100] {
        assert_eq!(BillingDate::from_number(bad), None, "{bad}");
    }
}

fn monthly(from: &str) -> PriceVersion {
    let price = "[[price]]\nmeter = \"cpu_usec\"\namount = \"1\"\nper = \"1\"\nfree = \"1\"";
    parse_toml(&format!("id = \"a\"\ncurrency = \"EUR\"\nvalid_from = {from:?}\n{price}")).unwrap()
}

#[test]
fn a_version_with_a_months_prices_starts_with_the_month_of_either_zone() {
    let versions = [monthly("2026-11-01T00:00:00Z"), monthly("2026-12-01T00:00:00Z")];
    let (calendar, at) = changed("Europe/Riga", "America/New_York");
    let of = |h: UtcHour| {
        let found = version_at(&versions, h, calendar.month(h).unwrap()).unwrap();
        found.unwrap().id().valid_from.to_string()
    };
    assert_eq!(of(UtcHour(at.0 - 1)), "2026-11-01T00:00:00Z");
    assert_eq!(of(at), "2026-12-01T00:00:00Z", "also where New York is still in November");
}

fn dates(from: UtcHour, to: UtcHour, at: impl Fn(UtcHour) -> Option<BillingDate>) -> String {
    let found = first_hours::<_, ()>(from, to, |h| Ok(at(h).map(|date| ((), date)))).unwrap();
    let show = |(date, hour, ()): &(BillingDate, UtcHour, ())| {
        format!("{} {}h", date.to_string().get(8..).unwrap(), hour.0 - from.0)
    };
    found.iter().map(show).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_day_has_one_first_hour() {
    let check = |name: &str, from: &str, hours: i64, off: &[i64], want: &str| {
        let (calendar, from) = (one(name), hour(from));
        let got = dates(from, UtcHour(from.0 + hours), |h| {
            (!off.contains(&(h.0 - from.0))).then(|| calendar.date(h).unwrap())
        });
        assert_eq!(got, want, "{name} {off:?}");
    };
    check("UTC", "2026-11-21T10:00:00Z", 40, &[], "21 0h, 22 14h, 23 38h");
    // A day of 23 hours and one of 25 cost one fee each.
    check("Europe/Riga", "2026-03-28T22:00:00Z", 47, &[], "29 0h, 30 23h");
    check("Europe/Riga", "2026-10-24T21:00:00Z", 49, &[], "25 0h, 26 25h");
    // Not owned or suspended at the day's first hours, then; and a whole day long.
    check("UTC", "2026-11-21T22:00:00Z", 8, &[2, 3], "21 0h, 22 4h");
    check("UTC", "2026-11-21T22:00:00Z", 8, &[0, 1], "22 2h");
    check("UTC", "2026-11-21T22:00:00Z", 8, &[0, 1, 2, 3, 4, 5, 6, 7], "");
    // In between it changes nothing.
    check("UTC", "2026-11-21T00:00:00Z", 24, &[5, 6, 7], "21 0h");
}

#[test]
fn a_day_counts_once_however_the_owner_changes() {
    let (west, east) = (one("Pacific/Pago_Pago"), one("Pacific/Kiritimati"));
    let from = hour("2026-11-21T00:00:00Z");
    let to = UtcHour(from.0 + 72);
    for switch in 0..72 {
        for (before, after) in [(&west, &east), (&east, &west)] {
            let at = |h: UtcHour| {
                let calendar = if h.0 < from.0 + switch { before } else { after };
                Some(calendar.date(h).unwrap())
            };
            let found = first_hours::<_, ()>(from, to, |h| Ok(at(h).map(|d| ((), d)))).unwrap();
            let days: Vec<_> = found.iter().map(|(date, _, ())| *date).collect();
            let mut all: Vec<_> = (from.0..to.0).map(|h| at(UtcHour(h)).unwrap()).collect();
            // A day that was passed over is not made up for.
            let first = all[0];
            all.sort();
            all.dedup();
            all.retain(|date| *date >= first);
            assert_eq!(days, all, "switch after {switch} hours");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn months_never_go_back(from in 490_000_i64..520_000, names in proptest::collection::vec(0_usize..6, 1..4)) {
        let zones = ["UTC", "Europe/Riga", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago"];
        let mut names = names.into_iter().map(|i| zones[i]);
        let mut calendar = one(names.next().unwrap());
        let mut at = UtcHour(from);
        for name in names {
            at = calendar.month_start(at.next()).unwrap();
            calendar = calendar.then(at, zone(name)).unwrap();
        }
        let mut last = calendar.month(UtcHour(from)).unwrap();
        for h in from + 1..at.0 + 24 * 3 {
            let month = calendar.month(UtcHour(h)).unwrap();
            prop_assert!(month >= last);
            if month > last {
                prop_assert_eq!(calendar.month_start(UtcHour(h)).unwrap(), UtcHour(h));
            }
            last = month;
        }
    }
}
