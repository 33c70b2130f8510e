//! Amounts: what is read, what is printed, what is refused.

use super::*;
use proptest::prelude::*;

#[test]
fn read_and_print() {
    let check = |text: &str, want: &str| {
        let got = Money::parse(text).map_or_else(|e| e.to_string(), |m| m.to_string());
        assert_eq!(got, want, "{text:?}");
    };
    check("12.345678", "12.345678");
    check("0.0012", "0.001200");
    check("-0.001234", "-0.001234");
    check("+5", "5.000000");
    check("-0", "0.000000");
    check("007.5", "7.500000");
    check("9223372036854.775807", "9223372036854.775807");
    check("-9223372036854.775808", "-9223372036854.775808");
    check("", "the amount is empty; write it like \"12.34\"");
    check("12,34", "amount \"12,34\" holds ','; write digits with a decimal point, like \"12.34\"");
    check(" 1", "amount \" 1\" holds ' '; write digits with a decimal point, like \"12.34\"");
    check("1e3", "amount \"1e3\" holds 'e'; write digits with a decimal point, like \"12.34\"");
    check("--1", "amount \"--1\" holds '-'; write digits with a decimal point, like \"12.34\"");
    check("1.2.3", "amount \"1.2.3\" holds '.'; write digits with a decimal point, like \"12.34\"");
    check("٣", "amount \"٣\" holds '٣'; write digits with a decimal point, like \"12.34\"");
    check("1.", "amount \"1.\" lacks a digit beside the point or sign; write it like \"0.50\"");
    check(".5", "amount \".5\" lacks a digit beside the point or sign; write it like \"0.50\"");
    check("-", "amount \"-\" lacks a digit beside the point or sign; write it like \"0.50\"");
    check(
        "0.0000001",
        "amount \"0.0000001\" has 7 decimals; at most 6 are kept, and none is cut off silently",
    );
    check(
        "9223372036854.775808",
        "amount \"9223372036854.775808\" is too large; the range is -9223372036854.775808 to 9223372036854.775807",
    );
    check(&"1".repeat(33), "the amount has 33 characters; at most 32 are allowed");
}

#[test]
fn the_longest_text_is_a_clear_error() {
    assert!(matches!(Money::parse(&"9".repeat(MONEY_TEXT_MAX_BYTES)), Err(MoneyError::Range { .. })));
}

#[test]
fn rounds_half_to_even() {
    let check = |micros: i64, decimals: u32, want: &str| {
        assert_eq!(Money::from_micros(micros).rounded(decimals), want, "{micros} to {decimals}");
    };
    check(5_000, 2, "0.00");
    check(15_000, 2, "0.02");
    check(25_000, 2, "0.02");
    check(25_001, 2, "0.03");
    check(-15_000, 2, "-0.02");
    check(-4_000, 2, "0.00");
    check(999_999, 2, "1.00");
    check(500_000, 0, "0");
    check(1_500_000, 0, "2");
    check(1, 6, "0.000001");
    check(1, 99, "0.000001");
    check(i64::MIN, 2, "-9223372036854.78");
}

#[test]
fn json_is_a_string_and_nothing_else() {
    let check = |json: &str, want: &str| {
        let got = serde_json::from_str::<Money>(json).map_or_else(|e| e.to_string(), |m| m.to_string());
        assert!(got.starts_with(want), "{json}: {got}");
    };
    check("\"12.5\"", "12.500000");
    check("12.5", "invalid type: floating point `12.5`, expected an amount as a decimal string in quotes");
    check("12", "invalid type: integer `12`, expected an amount as a decimal string in quotes");
    check("null", "invalid type: null, expected an amount");
    check("\"1,5\"", "amount \"1,5\" holds ','");
    assert_eq!(serde_json::to_string(&Money::from_micros(-1_234)).unwrap(), "\"-0.001234\"");
}

#[test]
fn currencies() {
    let check = |text: &str, want: &str| {
        assert_eq!(Currency::parse(text).map_or_else(|e| e.to_string(), |c| c.to_string()), want);
    };
    check("EUR", "EUR");
    check("eur", "currency \"eur\" is not three upper-case letters; write it like \"EUR\"");
    check("EURO", "currency \"EURO\" is not three upper-case letters; write it like \"EUR\"");
    check("", "currency \"\" is not three upper-case letters; write it like \"EUR\"");
    for none in ["ABC", "XAU", "XXX", "XTS"] {
        check(
            none,
            &format!("currency {none:?} is none of ISO 4217 that people pay in; write one like \"EUR\""),
        );
    }
    assert_eq!(serde_json::from_str::<Currency>("\"USD\"").unwrap(), Currency::parse("USD").unwrap());
}

#[test]
fn amounts_are_shown_with_the_digits_of_their_currency() {
    let check = |code: &str, micros: i64, want: &str| {
        let shown = Money::from_micros(micros).shown(Currency::parse(code).unwrap());
        assert_eq!(shown, want, "{code}");
    };
    check("EUR", 12_345_678, "12.35");
    check("JPY", 12_500_000, "12");
    check("JPY", 13_500_000, "14");
    check("KWD", -12_345_678, "-12.346");
    check("CLF", 12_345_678, "12.3457");
    check("EUR", -4_999, "0.00");
    // Whatever the currency, an amount is kept in micro-units of it.
    assert_eq!(Money::parse("12").unwrap().micros(), 12_000_000);
}

#[test]
fn overflow_is_none() {
    let one = Money::from_micros(1);
    assert_eq!(Money::MAX.checked_add(one), None);
    assert_eq!(Money::MIN.checked_sub(one), None);
    assert_eq!(Money::MIN.checked_neg(), None);
    assert_eq!(Money::checked_sum([Money::MAX, one]), None);
    assert_eq!(Money::checked_sum([Money::MAX, one, Money::from_micros(-2)]), Some(Money(i64::MAX - 1)));
}

proptest! {
    #[test]
    fn print_then_read_is_the_same(micros: i64) {
        let money = Money::from_micros(micros);
        prop_assert_eq!(Money::parse(&money.to_string()), Ok(money));
        let json = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }

    #[test]
    fn any_text_is_an_exact_amount_or_an_error(text in "[-+]?[0-9.]{0,12}|\\PC{0,40}") {
        // What is read says the same number, sign, leading and trailing zeros aside.
        if let Ok(money) = Money::parse(&text) {
            let plain = |t: &str| {
                let t = t.trim_start_matches(['+', '-']).trim_start_matches('0').to_owned();
                if t.contains('.') { t.trim_end_matches('0').trim_end_matches('.').to_owned() } else { t }
            };
            prop_assert_eq!(plain(&text), plain(&money.to_string()));
            prop_assert_eq!(money.is_negative(), text.starts_with('-') && !money.is_zero());
        }
    }

    #[test]
    fn rounding_is_off_by_half_a_step_at_most(micros in -1_000_000_000_000_i64..1_000_000_000_000, decimals in 0_u32..=6) {
        let shown = Money::parse(&Money::from_micros(micros).rounded(decimals)).unwrap();
        let step = 10_i64.pow(6 - decimals);
        prop_assert!((shown.micros() - micros).abs() * 2 <= step);
        prop_assert_eq!(shown.micros() % step, 0);
    }
}
