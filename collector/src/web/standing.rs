//! Where a customer stands, as pages show it.

use crate::api::Problem;
use crate::billing::Rules;
use crate::billing::commands::breaker_state;
use crate::billing::customers::Customer;
use crate::billing::lifecycle::standing::{CapSetting, standing};
use crate::config::Breaker;
use crate::db::Connection;
use hostmeter_panel::view::{BreakerView, CapView, StandingView};

/// The same as `GET /v1/customers/{id}/standing`.
pub(super) fn view(
    conn: &Connection,
    customer: &Customer,
    rules: &Rules,
    now_ms: i64,
) -> Result<StandingView, Problem> {
    let s = standing(conn, customer, rules, now_ms)?;
    let cap = |c: CapSetting| CapView { amount: c.amount.to_string(), suspend: c.suspend };
    let waits = s.transitions.into_iter().filter_map(|t| Some((t.event, t.why_not?)));
    Ok(StandingView {
        action: format!("/customers/{}/do", customer.id),
        trust_days: s.trust_days.map(|n| n.to_string()).unwrap_or_default(),
        months_in_time: i64::from(s.months_in_time),
        is_owing: matches!(s.state.as_str(), "grace" | "promised" | "suspended"),
        promise_why_not: s.promise_why_not,
        can_close: s.close_why_not.is_none(),
        can_reopen: s.reopen_why_not.is_none(),
        hold: s.hold,
        abuse: s.abuse,
        parked: s.parked,
        spent_day: s.spent_day.to_string(),
        spent_month: s.spent_month.to_string(),
        cap_day: s.choices.day.map(cap),
        cap_month: s.choices.month.map(cap),
        low_below: s.choices.low_below.map(|a| a.to_string()),
        // What nobody asked for is no news.
        waits: waits.filter(|(_, why)| why != "nobody asked for it").collect(),
    })
}

/// The same as `GET /v1/breaker`.
pub(super) fn breaker(conn: &Connection, limits: Breaker, now_ms: i64) -> Result<BreakerView, Problem> {
    let s = breaker_state(conn, limits, now_ms)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM alert WHERE kind = 'breaker' AND cleared_ms IS NULL)";
    Ok(BreakerView {
        suspensions: (s.suspensions, s.suspensions_max),
        deletions: (s.deletions, s.deletions_max),
        purges: (s.purges, s.deletions_max),
        is_open: conn
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row([], |r| r.get(0)))
            .map_err(crate::billing::BillingError::from)?,
    })
}
