//! What usage would cost under a plan: the calculator, by the same rating code as the bill.

use super::charge::rate::Side;
use super::customers::FROM_START;
use super::days::days;
use super::error::BillingError;
use super::rates::Rates;
use super::{accounts, plans, usage};
use crate::db::{Connection, params};
use crate::limits::QUOTE_HOURS_MAX;
use hostmeter_core::ids::{AccountId, PlanId};
use hostmeter_core::meter::Values;
use hostmeter_core::money::Money;
use hostmeter_core::rating::{BillingMonth, Calendar, Item, rate_hour};
use hostmeter_core::units::UtcHour;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// A quote.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Quote {
    /// The sum of the lines, a decimal string.
    #[schema(value_type = String)]
    pub total: Money,
    /// One line a meter with a price, and one for the base fee.
    pub lines: Vec<QuoteLine>,
}

/// One meter of a quote.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct QuoteLine {
    /// The meter; `base` is the base fee.
    #[schema(value_type = String)]
    pub meter: Item,
    /// Base units; of the base fee days.
    pub quantity: i64,
    /// What they cost, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
}

#[derive(Default)]
struct Sums(BTreeMap<Item, (i64, i64)>);

impl Sums {
    fn add(&mut self, meter: Item, quantity: i64, amount: Money) -> Result<(), BillingError> {
        let (q, a) = self.0.entry(meter).or_default();
        let overflow = || BillingError::invalid("quote", format!("{meter}: the sum does not fit 63 bits"));
        *q = q.checked_add(quantity).ok_or_else(overflow)?;
        *a = a.checked_add(amount.micros()).ok_or_else(overflow)?;
        Ok(())
    }

    fn quote(self) -> Result<Quote, BillingError> {
        let lines: Vec<QuoteLine> = self
            .0
            .into_iter()
            .map(|(meter, (quantity, amount))| QuoteLine {
                meter,
                quantity,
                amount: Money::from_micros(amount),
            })
            .collect();
        let total = Money::checked_sum(lines.iter().map(|l| l.amount))
            .ok_or_else(|| BillingError::invalid("quote", "the total does not fit 63 bits"))?;
        Ok(Quote { total, lines })
    }
}

/// The cost of quantities used within one month, by the plan's version in force at `now_ms`.
pub fn of_quantities(
    conn: &Connection,
    plan: &PlanId,
    quantities: &Values,
    now_ms: i64,
) -> Result<Quote, BillingError> {
    let plan = plans::get(conn, plan)?;
    if let Some((meter, q)) = quantities.iter().find(|(_, q)| *q < 0) {
        return Err(BillingError::invalid(
            "quote",
            format!("quantities.{meter} = {q}: a quantity is 0 or more"),
        ));
    }
    let hour = UtcHour::from_ms(now_ms);
    let month = Calendar::new(TimeZone::UTC).month(hour)?;
    let price = Rates::default().price_under(conn, plan.row, hour, month)?;
    let version = price.version.ok_or_else(|| no_price(&plan.id, hour))?;
    let account = AccountId::parse("quote@quote").map_err(|e| BillingError::damaged("quote", e))?;
    let rated = rate_hour(&version.version, &account, hour, &Values::new(), quantities)?;
    let mut sums = Sums::default();
    for line in &rated.lines {
        sums.add(Item::Meter(line.meter), line.quantity().unwrap_or_default(), line.amount)?;
    }
    sums.quote()
}

fn no_price(plan: &PlanId, hour: UtcHour) -> BillingError {
    BillingError::invalid(
        "quote",
        format!("plan {plan} has no price at {hour}; set one with `hostmeter plan set FILE`"),
    )
}

/// What an account's usage in `[from, to)` would have cost under another plan, by its version in force at `now_ms`:
/// past usage at today's price, and a base fee for each day in which somebody owned the account and it ran.
pub fn of_history(
    conn: &Connection,
    plan: &PlanId,
    account: &AccountId,
    from: UtcHour,
    to: UtcHour,
    now_ms: i64,
) -> Result<Quote, BillingError> {
    let hours = to.0.saturating_sub(from.0);
    if from == FROM_START || !(1..=QUOTE_HOURS_MAX).contains(&hours) {
        let why = format!("`from` to `to` is {hours} hours; 1 to {QUOTE_HOURS_MAX} are allowed");
        return Err(BillingError::invalid("quote", why));
    }
    let plan = plans::get(conn, plan)?;
    let account = accounts::get(conn, account)?;
    let mut rates = Rates::default();
    let calendar = match account.customer {
        Some(customer) => rates.payer(conn, customer)?.calendar.clone(),
        None => Calendar::new(TimeZone::UTC),
    };
    let now = UtcHour::from_ms(now_ms);
    let price = rates.price_under(conn, plan.row, now, calendar.month(now)?)?;
    let version = price.version.ok_or_else(|| no_price(&plan.id, now))?;
    static SQL: LazyLock<String> =
        LazyLock::new(|| usage::of_account(&format!("u.hour, {}", *usage::COLUMNS)));
    let mut stmt = conn.prepare_cached(&SQL)?;
    let rows = stmt.query_map(params![account.row, from.0, to.0.saturating_sub(1)], |r| {
        Ok((UtcHour(r.get(0)?), usage::values(r, 1)?))
    })?;
    let mut months: HashMap<BillingMonth, Values> = HashMap::new();
    let mut sums = Sums::default();
    for row in rows {
        let (hour, used) = row?;
        let month = calendar.month(hour)?;
        let before = months.remove(&month).unwrap_or_default();
        let rated = rate_hour(&version.version, &account.id, hour, &before, &used)?;
        for line in &rated.lines {
            sums.add(Item::Meter(line.meter), line.quantity().unwrap_or_default(), line.amount)?;
        }
        months.insert(month, rated.month);
    }
    let fee = version.version.base_per_day();
    if !fee.is_zero() {
        for _day in days(conn, &mut rates, Side::Retail, account.row, from, to)? {
            sums.add(Item::Base, 1, fee)?;
        }
    }
    sums.quote()
}
