//! Where a customer stands, why it is not elsewhere, and what it may ask for: for the API and the panel.

use super::{facts, shown_state};
use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::billing::parked;
use crate::billing::rates::Rates;
use crate::billing::rules::Rules;
use crate::billing::spend::{self, Today};
use crate::db::{Connection, params};
use crate::limits::BUDGET_PERCENTS;
use hostmeter_core::lifecycle::{Ask, Facts, View, explain};
use hostmeter_core::money::Money;
use hostmeter_core::units::rfc3339;
use serde_json::Number;

/// One transition that does not apply, or that the next step takes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct TransitionView {
    /// The event that it is known by.
    pub event: String,
    /// The state it leads to; null where the state stays.
    pub to: Option<String>,
    /// Why it does not apply; null: it does.
    pub why_not: Option<String>,
}

/// A spending cap of the customer's own.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapSetting {
    /// The most that may be spent, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// `true`: the accounts are suspended when it is reached; `false`: the customer is told.
    #[serde(default)]
    pub suspend: bool,
}

/// What a customer set for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// A cap on a day in the billing zone.
    pub day: Option<CapSetting>,
    /// A cap on a billing month.
    pub month: Option<CapSetting>,
    /// The customer is told when balance less pending falls below this; null: below the collector's setting.
    #[schema(value_type = Option<String>)]
    pub low_below: Option<Money>,
}

/// Where a customer stands.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Standing {
    /// The customer.
    pub customer: String,
    /// Its state.
    pub state: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// What hangs over it, RFC 3339.
    pub deadline: Option<String>,
    /// Staff holds suspension and deletion back.
    pub hold: bool,
    /// Why staff suspended its accounts, whatever the balance.
    pub abuse: Option<String>,
    /// Which invariant is broken: nothing is charged, suspended or deleted.
    pub parked: Option<String>,
    /// Billing months paid in time, less what broken promises took.
    pub months_in_time: u32,
    /// Days that they add to the grace.
    #[schema(value_type = f64)]
    pub trust_days: Option<Number>,
    /// Why no payment can be promised now; null: it can.
    pub promise_why_not: Option<String>,
    /// Why the customer cannot leave now; null: it can.
    pub close_why_not: Option<String>,
    /// Why the customer cannot come back now; null: it can.
    pub reopen_why_not: Option<String>,
    /// Charged and pending today in the billing zone, a decimal string.
    #[schema(value_type = String)]
    pub spent_day: Money,
    /// Charged and pending in the billing month, a decimal string.
    #[schema(value_type = String)]
    pub spent_month: Money,
    /// What the customer set.
    pub choices: Choices,
    /// Every transition from here.
    pub transitions: Vec<TransitionView>,
}

/// What a customer set for itself.
pub fn choices(conn: &Connection, customer: &Customer) -> Result<Choices, BillingError> {
    let sql = "SELECT cap_day, cap_day_suspends, cap_month, cap_month_suspends, low_below FROM customer WHERE id = ?1";
    let cap = |amount: Option<i64>, suspend| {
        amount.map(|micros| CapSetting { amount: Money::from_micros(micros), suspend })
    };
    Ok(conn.prepare_cached(sql)?.query_row([customer.row], |r| {
        Ok(Choices {
            day: cap(r.get(0)?, r.get(1)?),
            month: cap(r.get(2)?, r.get(3)?),
            low_below: r.get::<_, Option<i64>>(4)?.map(Money::from_micros),
        })
    })?)
}

/// Sets all of it: what is left out is off.
pub fn set_choices(conn: &Connection, customer: &Customer, choices: &Choices) -> Result<(), BillingError> {
    let caps = [("day", &choices.day), ("month", &choices.month)];
    for (name, cap) in caps {
        if cap.as_ref().is_some_and(|cap| cap.amount <= Money::ZERO) {
            let why = format!("`{name}.amount` must be above zero; leave `{name}` out for no cap");
            return Err(BillingError::invalid("cap", why));
        }
    }
    if choices.low_below.is_some_and(|amount| amount.is_negative()) {
        return Err(BillingError::invalid("low_below", "`low_below` must not be negative"));
    }
    let micros = |cap: &Option<CapSetting>| cap.as_ref().map(|c| c.amount.micros());
    let suspends = |cap: &Option<CapSetting>| cap.as_ref().is_some_and(|c| c.suspend);
    let sql =
        "UPDATE customer SET cap_day = ?2, cap_day_suspends = ?3, cap_month = ?4, cap_month_suspends = ?5,
                 low_below = ?6 WHERE id = ?1";
    conn.prepare_cached(sql)?.execute(params![
        customer.row,
        micros(&choices.day),
        suspends(&choices.day),
        micros(&choices.month),
        suspends(&choices.month),
        choices.low_below.map(Money::micros)
    ])?;
    Ok(())
}

/// Sets the monthly budget of an account, or takes it away; the customer is told of shares of it.
pub fn set_budget(conn: &Connection, account: i64, budget: Option<Money>) -> Result<(), BillingError> {
    if budget.is_some_and(|b| b <= Money::ZERO) {
        let shares = BUDGET_PERCENTS.map(|p| p.to_string()).join(", ");
        let why =
            format!("`budget` must be above zero, or null for none; {shares} percent of it are told of");
        return Err(BillingError::invalid("budget", why));
    }
    conn.prepare_cached("UPDATE account SET budget = ?2 WHERE id = ?1")?
        .execute(params![account, budget.map(Money::micros)])?;
    Ok(())
}

/// Where a customer stands at `now_ms`.
pub fn standing(
    conn: &Connection,
    customer: &Customer,
    rules: &Rules,
    now_ms: i64,
) -> Result<Standing, BillingError> {
    let mut rates = Rates::default();
    let payer = rates.payer(conn, customer.row)?;
    let state = shown_state(customer);
    let facts = facts::gather(conn, &mut rates, &payer, &state, None, rules, now_ms)?;
    let settings = &rules.lifecycle;
    let explained = |facts: &Facts| explain(&View { state: &state, facts, settings, now_ms });
    let why_not = |ask: Ask| {
        let (row, otherwise) = super::asked::row(ask);
        let found = explained(&Facts { ask: Some(ask), ..facts.clone() }).into_iter().find(|v| v.row == row);
        found.map_or(Some(otherwise.to_owned()), |v| v.blocked.map(|b| b.to_string()))
    };
    let today = Today::at(now_ms, &payer.calendar)?;
    let spent = |from| -> Result<Money, BillingError> {
        let charged = spend::since(conn, customer.row, from)?;
        Ok(Money::from_micros(charged.saturating_add(facts.pending.micros())))
    };
    let tenths = state.trust.grace_ms(settings) / 8_640_000;
    let shown = |v: hostmeter_core::lifecycle::Verdict| TransitionView {
        event: v.row.to_owned(),
        to: v.to.map(|p| p.to_string()),
        why_not: v.blocked.map(|b| b.to_string()),
    };
    let abuse = "SELECT abuse FROM customer WHERE id = ?1";
    Ok(Standing {
        customer: customer.id.to_string(),
        state: state.phase.to_string(),
        since: rfc3339(state.since_ms),
        deadline: state.deadline_ms(settings).map(rfc3339),
        hold: customer.hold,
        abuse: conn.prepare_cached(abuse)?.query_row([customer.row], |r| r.get(0))?,
        parked: parked::why(conn, customer.row)?,
        months_in_time: state.trust.months,
        trust_days: format!("{}.{}", tenths / 10, tenths % 10).parse().ok(),
        promise_why_not: why_not(Ask::Promise),
        close_why_not: why_not(Ask::Close),
        reopen_why_not: why_not(Ask::Reopen),
        spent_day: spent(today.day)?,
        spent_month: spent(today.month_day)?,
        choices: choices(conn, customer)?,
        transitions: explained(&facts).into_iter().map(shown).collect(),
    })
}
