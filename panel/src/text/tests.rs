//! Texts: every file reads whole, both languages have the same messages, plurals, dates, amounts.

use super::*;
use std::collections::BTreeSet;

/// Messages and attributes of a language's files; attributes as `message.attribute`.
fn ids(language: Language) -> BTreeSet<String> {
    let (mut out, mut message) = (BTreeSet::new(), String::new());
    for line in language.files().iter().flat_map(|f| f.lines()) {
        let Some((name, _)) = line.split_once('=').map(|(n, rest)| (n.trim_end(), rest)) else { continue };
        if let Some(attribute) = name.strip_prefix("    .") {
            out.insert(format!("{message}.{attribute}"));
        } else if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            message = name.to_owned();
            out.insert(message.clone());
        }
    }
    out
}

#[test]
fn every_file_reads_whole_and_says_nothing_twice() {
    for language in Language::ALL {
        let mut bundle: Bundle = FluentBundle::new_concurrent(vec![language.id()]);
        for file in language.files() {
            let resource = FluentResource::try_new((*file).to_owned()).map_err(|(_, errors)| errors);
            bundle.add_resource(resource.unwrap()).unwrap();
        }
    }
}

#[test]
fn both_languages_say_the_same() {
    let own = BTreeSet::from(["counted-accounts".to_owned()]);
    let ru: BTreeSet<_> = ids(Language::Ru).difference(&own).cloned().collect();
    assert_eq!(ids(Language::En), ru);
    assert!(ru.contains("balance-negative.text") && ru.contains("days"), "{ru:?}");
}

#[test]
fn plurals() {
    let check = |days: i64, en: &str, ru: &str| {
        let say = |l| text(l, "days", &[("days", Value::Number(days))]);
        assert_eq!((say(Language::En).as_deref(), say(Language::Ru).as_deref()), (Some(en), Some(ru)));
    };
    check(0, "0 days", "0 дней");
    check(1, "1 day", "1 день");
    check(2, "2 days", "2 дня");
    check(5, "5 days", "5 дней");
    check(11, "11 days", "11 дней");
    check(21, "21 days", "21 день");
    check(22, "22 days", "22 дня");
    check(112, "112 days", "112 дней");
}

#[test]
fn a_value_that_is_missing_is_no_text() {
    assert_eq!(text(Language::En, "days", &[]), None);
    assert_eq!(text(Language::En, "no-such-message", &[]), None);
    assert_eq!(text(Language::En, "balance-low.no-such-part", &[]), None);
}

#[test]
fn dates() {
    let check = |language, ms, zone: &str, want: &str| assert_eq!(date(language, ms, zone), want);
    // 2026-11-29T18:07:00Z
    let at = 1_795_975_620_000;
    check(Language::En, at, "UTC", "29 November 2026, 18:07 (UTC)");
    check(Language::Ru, at, "Europe/Riga", "29 ноября 2026 г., 20:07 (Europe/Riga)");
    check(Language::En, at, "Mars/Olympus", "29 November 2026, 18:07 (UTC)");
    check(Language::En, i64::MAX, "UTC", "–");
}

#[test]
fn amounts() {
    let check = |text: &str, en: &str, ru: &str| {
        let money = Money::parse(text).unwrap();
        let say = |l| amount(l, money, "EUR").replace('\u{a0}', "_");
        assert_eq!((say(Language::En).as_str(), say(Language::Ru).as_str()), (en, ru), "{text}");
    };
    check("0", "0.00_EUR", "0,00_EUR");
    check("12.345", "12.34_EUR", "12,34_EUR");
    check("-1234.5", "-1,234.50_EUR", "-1_234,50_EUR");
    check("1234567", "1,234,567.00_EUR", "1_234_567,00_EUR");
    check("123456.789", "123,456.79_EUR", "123_456,79_EUR");
    check("-0.000001", "-0.000001_EUR", "-0,000001_EUR");
    check("999.995", "1,000.00_EUR", "1_000,00_EUR");
}
