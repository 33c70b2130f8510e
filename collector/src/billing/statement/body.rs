//! What a statement shows, as it is stored and as the API gives it.

use hostmeter_core::money::Money;
use hostmeter_core::rating::Item;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A statement. Amounts are decimal strings; opening balance, less charges and corrections, plus movements, is the
/// closing balance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    /// Its number, without gaps over all customers.
    pub number: i64,
    /// The customer.
    pub customer: String,
    /// The customer's name when it was closed.
    pub name: String,
    /// The name of the reseller whose customer it was in the month's last hour; absent: the company's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Currency of the amounts.
    pub currency: String,
    /// The billing month, `2026-11`.
    pub month: String,
    /// Start of the month, RFC 3339.
    pub from: String,
    /// End of the month, RFC 3339.
    pub to: String,
    /// The zone of the month.
    pub billing_zone: String,
    /// When it was closed, RFC 3339.
    pub closed: String,
    /// The balance before.
    #[schema(value_type = String)]
    pub opening: Money,
    /// The balance after.
    #[schema(value_type = String)]
    pub closing: Money,
    /// What the month's usage and corrections cost.
    #[schema(value_type = String)]
    pub charged: Money,
    /// Charges of the month, by account and meter.
    pub charges: Vec<ChargeSum>,
    /// Charges of hours of months whose statements were closed before.
    pub corrections: Vec<CorrectionSum>,
    /// Payments, refunds, credits, adjustments.
    pub movements: Vec<Movement>,
    /// What the month's usage cost, by local day.
    pub days: Vec<Day>,
    /// The tax in what was charged.
    pub tax: Tax,
}

/// Charges of one account and meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChargeSum {
    /// The account; null where there are too many for one statement: then a meter's line is of all of them.
    pub account: Option<String>,
    /// On a reseller's statement, the customer whose account it was; absent: the reseller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The meter; `base` is the base fee of days.
    #[schema(value_type = String)]
    pub meter: Item,
    /// Base units; of the base fee: days.
    pub quantity: i64,
    /// What they cost.
    #[schema(value_type = String)]
    pub amount: Money,
}

/// Late charges of one account, meter and closed month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CorrectionSum {
    /// The account; null where there are too many.
    pub account: Option<String>,
    /// On a reseller's statement, the customer whose account it was; absent: the reseller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The month of the hours, `2026-10`.
    pub month: String,
    /// The meter.
    #[schema(value_type = String)]
    pub meter: Item,
    /// Base units; below zero where there were too many before.
    pub quantity: i64,
    /// What they cost.
    #[schema(value_type = String)]
    pub amount: Money,
}

/// A movement that is no charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Movement {
    /// The transaction; null where there are too many for one statement: then a line is the sum of its kind.
    pub txn: Option<String>,
    /// When it took effect, RFC 3339.
    pub at: Option<String>,
    /// `topup`, `refund`, `adjustment`, `promo`, `referral` or `write-off`.
    pub kind: String,
    /// By how much the balance changed.
    #[schema(value_type = String)]
    pub amount: Money,
    /// Why, or the gateway and its reference.
    pub text: String,
}

/// What a day's usage cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Day {
    /// The day in the billing zone, `2026-11-21`.
    pub date: String,
    /// What its usage cost.
    #[schema(value_type = String)]
    pub amount: Money,
}

/// The tax in what was charged. Prices contain it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tax {
    /// What it is called.
    pub name: String,
    /// Its rate in percent of the net amount, a decimal string.
    pub percent: String,
    /// With tax: what was charged.
    #[schema(value_type = String)]
    pub gross: Money,
    /// Without tax.
    #[schema(value_type = String)]
    pub net: Money,
    /// The tax.
    #[schema(value_type = String)]
    pub tax: Money,
    /// The same by meter; the lines add up to the sums.
    pub lines: Vec<TaxLine>,
}

/// The tax in what one meter cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxLine {
    /// The meter.
    #[schema(value_type = String)]
    pub meter: Item,
    /// With tax.
    #[schema(value_type = String)]
    pub gross: Money,
    /// Without tax.
    #[schema(value_type = String)]
    pub net: Money,
    /// The tax.
    #[schema(value_type = String)]
    pub tax: Money,
}
