//! A journal for hledger. There, what is owned is above zero and what is owed is below: the signs are turned, so that
//! cash grows with a top-up.

use super::Row;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::money::Money;
use std::fmt::Write;

pub(super) fn head(currency: &str) -> String {
    format!("; The ledger of Hostmeter\ncommodity 1000.000000 {currency}\n\n")
}

pub(super) fn put(out: &mut String, t: &Row, currency: &str) {
    let time = hostmeter_core::units::rfc3339(t.effective_ms);
    let date = time.get(..10).unwrap_or(&time);
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{date} * ({}) {}{}", t.txn, t.kind, comment(t));
    for (account, amount, _) in &t.entries {
        let turned = i128::from(amount.micros()).saturating_neg();
        let _ = writeln!(out, "    {}  {} {currency}", name(account), decimal(turned));
    }
    out.push('\n');
}

/// Beyond the range of an amount by the one number that has no negative.
fn decimal(micros: i128) -> String {
    match i64::try_from(micros) {
        Ok(micros) => Money::from_micros(micros).to_string(),
        Err(_) => "9223372036854.775808".to_owned(),
    }
}

fn name(account: &LedgerAccount) -> String {
    match account {
        LedgerAccount::Customer(id) => format!("liabilities:customer:{id}"),
        LedgerAccount::Cash(gateway) => format!("assets:cash:{gateway}"),
        LedgerAccount::Revenue(meter) => format!("revenues:{meter}"),
        LedgerAccount::Tax => "liabilities:tax".to_owned(),
        LedgerAccount::Promo => "expenses:promo".to_owned(),
        LedgerAccount::Referral => "expenses:referral".to_owned(),
        LedgerAccount::BadDebt => "expenses:bad-debt".to_owned(),
        // Neither is the company's: a reseller's customers are kept beside the books, and sum to zero among themselves.
        LedgerAccount::Reseller(id) => format!("equity:reseller:{id}:earned"),
        LedgerAccount::ResellerCash(id) => format!("equity:reseller:{id}:cash"),
    }
}

/// Key, actor and reason, as tags; a comma would end a value.
fn comment(t: &Row) -> String {
    let mut out = format!("  ; key:{}, actor:{}", plain(&t.key), plain(&t.actor));
    if !t.reason.is_empty() {
        let _ = write!(out, ", reason:{}", plain(&t.reason));
    }
    if let Some(reverses) = t.reverses {
        let _ = write!(out, ", reverses:{reverses}");
    }
    out
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == ',' { ' ' } else { c }).collect()
}
