//! View data of statements, and of what explains a charge.

use super::Frame;

/// A customer's statements.
#[derive(Debug, Clone)]
pub struct StatementListView {
    /// Who looks.
    pub frame: Frame,
    /// Customer id, e.g. `c-1`.
    pub customer: String,
    /// The customer's name.
    pub name: String,
    /// ISO 4217 code, e.g. `EUR`.
    pub currency: String,
    /// Newest first.
    pub statements: Vec<StatementRow>,
    /// Number to go on before; `None`: that is all.
    pub before: Option<i64>,
}

/// A statement in a list; exact amounts.
#[derive(Debug, Clone)]
pub struct StatementRow {
    /// Its number.
    pub number: i64,
    /// The billing month, e.g. `2026-11`.
    pub month: String,
    /// The balance before.
    pub opening: String,
    /// What usage cost, negative: it lowers the balance.
    pub charged: String,
    /// The balance after.
    pub closing: String,
    /// When it was closed.
    pub closed_ms: i64,
}

/// One statement; exact signed amounts as on the balance.
#[derive(Debug, Clone)]
pub struct StatementView {
    /// Who looks.
    pub frame: Frame,
    /// Customer id, e.g. `c-1`.
    pub customer: String,
    /// The customer's name.
    pub name: String,
    /// ISO 4217 code, e.g. `EUR`.
    pub currency: String,
    /// As in the list.
    pub row: StatementRow,
    /// Start of the month, RFC 3339: what links go by.
    pub from: String,
    /// End of the month, RFC 3339.
    pub to: String,
    /// Zone of the month.
    pub billing_zone: String,
    /// Usage of the month.
    pub charges: Vec<StatementLine>,
    /// Late usage of months closed before.
    pub corrections: Vec<StatementLine>,
    /// Payments, refunds, credits.
    pub movements: Vec<StatementMovement>,
    /// Day and cost.
    pub days: Vec<(String, String)>,
    /// `VAT 21 %`; `None`: there is no tax.
    pub tax: Option<String>,
    /// Meter, without tax, tax, with tax; the last row is the sum, without a meter.
    pub tax_lines: Vec<(Option<String>, String, String, String)>,
}

/// Usage of one account and meter on a statement.
#[derive(Debug, Clone)]
pub struct StatementLine {
    /// The month of late usage.
    pub month: Option<String>,
    /// The account; `None`: all accounts together.
    pub account: Option<String>,
    /// Meter name, e.g. `cpu_usec`.
    pub meter: String,
    /// Quantity in the base unit.
    pub quantity: i64,
    /// Exact amount.
    pub amount: String,
}

/// A movement on a statement.
#[derive(Debug, Clone)]
pub struct StatementMovement {
    /// When it took effect; `None`: a sum of many.
    pub at_ms: Option<i64>,
    /// `topup`, `refund`, …
    pub kind: String,
    /// Gateway, reference, reason.
    pub text: String,
    /// Exact amount.
    pub amount: String,
}

/// The charged hours that a line is the sum of.
#[derive(Debug, Clone)]
pub struct ChargesView {
    /// Who looks.
    pub frame: Frame,
    /// Customer id.
    pub customer: String,
    /// The account.
    pub account: String,
    /// Only this meter.
    pub meter: Option<String>,
    /// ISO 4217 code.
    pub currency: String,
    /// Oldest first.
    pub hours: Vec<ChargedHourRow>,
    /// Whether there are more than are shown.
    pub is_cut: bool,
}

/// A charged hour.
#[derive(Debug, Clone)]
pub struct ChargedHourRow {
    /// Start of the hour.
    pub hour_ms: i64,
    /// The same, RFC 3339: what links go by.
    pub hour: String,
    /// 0: the first charge.
    pub revision: i64,
    /// Base units of the meter.
    pub quantity: Option<i64>,
    /// Exact amount.
    pub amount: String,
}

/// Start, end, meters with values.
pub type MeasuredInterval = (i64, i64, Vec<(String, i64)>);

/// What explains a charge.
#[derive(Debug, Clone)]
pub struct ExplainView {
    /// Who looks.
    pub frame: Frame,
    /// Customer id.
    pub customer: String,
    /// The account.
    pub account: String,
    /// Start of the hour.
    pub hour_ms: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// What the hour cost.
    pub amount: String,
    /// Day, price version and exact amount of the base fee that fell due in the hour.
    pub base_fee: Option<(String, String, String)>,
    /// The charges of the hour.
    pub charges: Vec<ExplainCharge>,
    /// Meter, used, imported, measured by the intervals listed.
    pub usage: Vec<(String, Option<i64>, i64, i64)>,
    /// What agents measured, oldest first.
    pub intervals: Vec<MeasuredInterval>,
    /// Why not all intervals are here.
    pub incomplete: Option<String>,
}

/// One charge of an hour.
#[derive(Debug, Clone)]
pub struct ExplainCharge {
    /// 0: the first charge.
    pub revision: i64,
    /// The transaction.
    pub txn: Option<String>,
    /// When it was recorded.
    pub at_ms: Option<i64>,
    /// The statement in which it stands.
    pub statement: Option<i64>,
    /// `PLAN@START`; empty: no price.
    pub price_version: String,
    /// Exact amount.
    pub amount: String,
    /// By meter.
    pub lines: Vec<ExplainLine>,
}

/// One meter of a charge.
#[derive(Debug, Clone)]
pub struct ExplainLine {
    /// Meter name.
    pub meter: String,
    /// The price in words, e.g. `0.01 per 3,600,000,000`; empty: no price.
    pub price: String,
    /// Base units charged.
    pub quantity: i64,
    /// The month's quantity before.
    pub before: i64,
    /// The month's quantity after.
    pub after: i64,
    /// What the month cost before.
    pub cost_before: Option<String>,
    /// What the month cost after.
    pub cost_after: Option<String>,
    /// Exact amount.
    pub amount: String,
}
