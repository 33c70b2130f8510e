//! A statement as CSV (RFC 4180): one row for each figure, so that a sheet can add them up.

use super::body::Statement;
use crate::billing::export::csv::row;
use hostmeter_core::money::Money;
use hostmeter_core::units::parse_rfc3339_ms;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The columns. Days are those of the billing zone. `amount` is signed as on the balance: charges are below zero.
const HEAD: [&str; 8] = ["section", "date", "account", "meter", "quantity", "amount", "currency", "text"];

/// The rows: opening balance, charges, corrections, movements, closing balance, then the tax in the charges.
pub fn csv(s: &Statement) -> String {
    let mut out = String::new();
    row(&mut out, &HEAD);
    let zone = TimeZone::get(&s.billing_zone).unwrap_or(TimeZone::UTC);
    let day = |time: &str, less_ms: i64| {
        let stamp = parse_rfc3339_ms(time)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms.saturating_sub(less_ms)).ok());
        stamp.map(|t| zone.to_datetime(t).date().to_string()).unwrap_or_default()
    };
    let mut put =
        |section: &str, date: &str, account: &str, meter: &str, quantity: &str, amount: &str, text: &str| {
            row(&mut out, &[section, date, account, meter, quantity, amount, &s.currency, text]);
        };
    let less = |m: Money| m.checked_neg().unwrap_or_default().to_string();
    put("opening", &day(&s.from, 0), "", "", "", &s.opening.to_string(), &format!("statement {}", s.number));
    for c in &s.charges {
        let account = c.account.as_deref().unwrap_or("(all)");
        let whose = c.customer.as_deref().unwrap_or_default();
        put("charge", &s.month, account, c.meter.name(), &c.quantity.to_string(), &less(c.amount), whose);
    }
    for c in &s.corrections {
        let account = c.account.as_deref().unwrap_or("(all)");
        let quantity = c.quantity.to_string();
        let text = c.customer.as_ref().map_or("late usage".to_owned(), |c| format!("late usage, {c}"));
        put("correction", &c.month, account, c.meter.name(), &quantity, &less(c.amount), &text);
    }
    for m in &s.movements {
        let date = m.at.as_deref().map(|at| day(at, 0)).unwrap_or_default();
        put(&m.kind, &date, "", "", "", &m.amount.to_string(), &m.text);
    }
    put("closing", &day(&s.to, 1), "", "", "", &s.closing.to_string(), "");
    for l in &s.tax.lines {
        let text = format!("{} {} % in {}", s.tax.name, s.tax.percent, l.gross);
        put("tax", &s.month, "", l.meter.name(), "", &l.tax.to_string(), &text);
    }
    out
}
