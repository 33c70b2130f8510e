//! A statement as PDF: the same figures as JSON and CSV, and a chart of the days.

mod chart;
mod paper;
mod sections;

pub use paper::PdfError;

use super::body::Statement;
use paper::Paper;

/// The pages of a statement.
pub fn pdf(s: &Statement) -> Result<Vec<u8>, PdfError> {
    let mut paper = Paper::new()?;
    sections::head(&mut paper, s);
    sections::summary(&mut paper, s);
    chart::days(&mut paper, s);
    sections::charges(&mut paper, s);
    sections::corrections(&mut paper, s);
    sections::movements(&mut paper, s);
    sections::tax(&mut paper, s);
    paper.finish(&format!("Statement {}", s.number), &format!("Hostmeter · statement {}", s.number))
}

#[cfg(test)]
mod tests {
    use super::super::body::{ChargeSum, CorrectionSum, Day, Movement, Tax, TaxLine};
    use super::*;
    use hostmeter_core::meter::Meter;
    use hostmeter_core::money::Money;
    use hostmeter_core::rating::Item;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    /// With so many accounts.
    fn statement(accounts: usize) -> Statement {
        let meters = [Meter::CpuUsec, Meter::MemoryKibSec, Meter::NetTxBytes];
        let charge = |(n, meter): (usize, Meter)| ChargeSum {
            account: Some(format!("shop{n}@web1")),
            customer: None,
            meter: Item::Meter(meter),
            quantity: 754_000_000_123,
            amount: money("1.234567"),
        };
        let line = |meter| TaxLine {
            meter: Item::Meter(meter),
            gross: money("12.345670"),
            net: money("10.203033"),
            tax: money("2.142637"),
        };
        Statement {
            number: 1042,
            customer: "c-1".into(),
            name: "SIA “Ķiršu dārzs” / Вишнёвый сад".into(),
            provider: None,
            currency: "EUR".into(),
            month: "2026-10".into(),
            from: "2026-09-30T21:00:00Z".into(),
            to: "2026-10-31T22:00:00Z".into(),
            billing_zone: "Europe/Riga".into(),
            closed: "2026-10-31T23:05:00Z".into(),
            opening: money("2.5"),
            closing: money("14.123456"),
            charged: money("37.03701"),
            charges: (0..accounts).flat_map(|n| meters.map(|m| (n, m))).map(charge).collect(),
            corrections: vec![CorrectionSum {
                account: Some("shop0@web1".into()),
                customer: None,
                month: "2026-09".into(),
                meter: Item::Base,
                quantity: -9_000_001,
                amount: money("-0.025"),
            }],
            movements: vec![Movement {
                txn: Some("7".into()),
                at: Some("2026-10-04T09:10:11Z".into()),
                kind: "topup".into(),
                amount: money("50"),
                text:
                    "bank p-2026-10-0004711 a text that is far too long for its column and is cut with dots"
                        .into(),
            }],
            days: (1..=31)
                .filter(|d| d % 7 != 0)
                .map(|d| Day {
                    date: format!("2026-10-{d:02}"),
                    amount: Money::from_micros(d * 41_237 % 900_000),
                })
                .collect(),
            tax: Tax {
                name: "VAT".into(),
                percent: "21".into(),
                gross: money("37.03701"),
                net: money("30.609099"),
                tax: money("6.427911"),
                lines: meters.map(line).to_vec(),
            },
        }
    }

    /// `HOSTMETER_PDF=FILE` keeps the longer one for a look.
    #[test]
    fn statements_of_any_length() {
        let pages = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            assert!(text.starts_with("%PDF-1.") && text.trim_end().ends_with("%%EOF"));
            text.matches("/Type /Page\n").count() + text.matches("/Type/Page/").count()
        };
        let (short, long) = (pdf(&statement(2)).unwrap(), pdf(&statement(40)).unwrap());
        assert_eq!((pages(&short), pages(&long)), (1, 4), "{}", String::from_utf8_lossy(&short));
        if let Some(path) = std::env::var_os("HOSTMETER_PDF") {
            std::fs::write(path, &long).unwrap();
        }
        assert!(pdf(&Statement::default()).is_ok(), "an empty one");
        assert!(matches!(pdf(&statement(10_000)), Err(PdfError::TooLong)));
    }
}
