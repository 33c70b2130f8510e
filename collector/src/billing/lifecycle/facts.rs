//! What the core's step needs to know of a customer.

use crate::billing::customers::{self, Customer};
use crate::billing::error::BillingError;
use crate::billing::rates::{Payer, Rates};
use crate::billing::rules::Rules;
use crate::billing::spend::{self, Today};
use crate::billing::{ledger, pending};
use crate::db::{Connection, OptionalExtension, params};
use crate::limits::BUDGET_PERCENTS;
use crate::notices;
use hostmeter_core::forecast::left_ms;
use hostmeter_core::ids::AccountId;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::lifecycle::{
    AccountFacts, Ask, Budget, Cap, CustomerState, Deletion, Facts, Host, Month, Phase, Span,
};
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;

/// What the customer's row says beside its state.
struct Choices {
    had_topup: bool,
    undelete: bool,
    abuse: bool,
    low_below: Option<i64>,
    cap_day: Option<i64>,
    cap_day_suspends: bool,
    cap_month: Option<i64>,
    cap_month_suspends: bool,
    parked: bool,
}

fn choices(conn: &Connection, customer: i64) -> Result<Choices, BillingError> {
    let sql =
        "SELECT had_topup, undelete, abuse IS NOT NULL, low_below, cap_day, cap_day_suspends, cap_month,
                 cap_month_suspends, EXISTS (SELECT 1 FROM parked WHERE customer = ?1 AND accepted = 0)
               FROM customer WHERE id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([customer], |r| {
        Ok(Choices {
            had_topup: r.get(0)?,
            undelete: r.get(1)?,
            abuse: r.get(2)?,
            low_below: r.get(3)?,
            cap_day: r.get(4)?,
            cap_day_suspends: r.get(5)?,
            cap_month: r.get(6)?,
            cap_month_suspends: r.get(7)?,
            parked: r.get(8)?,
        })
    })?)
}

/// Gathers the facts as they stand in the caller's transaction.
pub(super) fn gather(
    conn: &Connection,
    rates: &mut Rates,
    payer: &Payer,
    state: &CustomerState,
    ask: Option<Ask>,
    rules: &Rules,
    now_ms: i64,
) -> Result<Facts, BillingError> {
    let customer = &payer.customer;
    let closes = state.phase == Phase::Closing || ask == Some(Ask::Close);
    let balance = ledger::balance(conn, &customer.id)?;
    let runs = matches!(state.phase, Phase::Active | Phase::Low);
    let asks_crossing = balance.is_negative() && (state.negative_since_ms.is_none() || runs);
    let crossing_ms = if asks_crossing { crossing(conn, customer)? } else { None };
    let chosen = choices(conn, customer.row)?;
    let pending = pending::pending(conn, rates, customer.row)?.amount;
    let today = Today::at(now_ms, &payer.calendar)?;
    let (accounts, any_budget) = accounts(conn, customer.row, state)?;
    let mut facts = Facts {
        balance,
        pending,
        had_topup: chosen.had_topup,
        crossing_ms,
        notices: notices::facts::gather(conn, customer, state, balance)?,
        hold: customer.hold,
        undelete: chosen.undelete,
        accounts,
        abuse: chosen.abuse,
        provider: provider(conn, payer, now_ms)?,
        resells: customer.resells,
        parked: chosen.parked,
        ask,
        left_ms: None,
        low_amount: chosen.low_below.map(Money::from_micros).or(rules.low_below),
        caps: caps(conn, customer.row, &chosen, pending, &today)?,
        budgets: if any_budget { budgets(conn, customer.row, &today)? } else { Vec::new() },
        month: Some(month(conn, customer.row, state, &today)?),
        open_hours: closes && has_open_hours(conn, customer.row, rules, now_ms)?,
    };
    let spent = spend::recent(conn, payer, &today, pending.micros(), now_ms)?;
    facts.left_ms = spent.and_then(|s| left_ms(facts.left(), s));
    Ok(facts)
}

/// Whether the reseller whose customer it is now does not pay.
fn provider(conn: &Connection, payer: &Payer, now_ms: i64) -> Result<bool, BillingError> {
    let Some(reseller) = payer.reseller_at(UtcHour::from_ms(now_ms)) else { return Ok(false) };
    Ok(super::shown_state(&customers::by_row(conn, reseller)?).phase.stops_customers())
}

/// Caps that what was charged and what is pending have reached.
fn caps(
    conn: &Connection,
    customer: i64,
    chosen: &Choices,
    pending: Money,
    today: &Today,
) -> Result<Vec<Cap>, BillingError> {
    let day = (Span::Day, chosen.cap_day, chosen.cap_day_suspends, today.day, today.day, today.day_end_ms);
    let month = (
        Span::Month,
        chosen.cap_month,
        chosen.cap_month_suspends,
        today.month_day,
        today.month,
        today.month_end_ms,
    );
    let mut out = Vec::new();
    for (span, most, suspends, from, period, until_ms) in [day, month] {
        let Some(most) = most else { continue };
        let spent = spend::since(conn, customer, from)?.saturating_add(pending.micros());
        if spent >= most {
            out.push(Cap { span, period, suspends, until_ms });
        }
    }
    Ok(out)
}

/// Budgets of which a share to be told of is used.
fn budgets(conn: &Connection, customer: i64, today: &Today) -> Result<Vec<Budget>, BillingError> {
    let sql = "SELECT a.name, a.budget, (SELECT COALESCE(SUM(c.amount), 0) FROM charge c
                 WHERE c.account = a.id AND c.hour >= ?2 AND c.customer = ?1)
               FROM account a WHERE a.customer = ?1 AND a.budget IS NOT NULL";
    // An hour belongs to the month at its start.
    let month_hour = UtcHour::from_ms(today.month_start_ms.saturating_sub(1)).next().0;
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![customer, month_hour], |r| {
        Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?, r.get::<_, i64>(2)?))
    })?;
    let mut out = Vec::new();
    for row in rows {
        let (name, budget, spent) = row?;
        let used = |percent: u32| {
            let share = i128::from(budget).saturating_mul(i128::from(percent)).checked_div(100);
            share.is_some_and(|share| i128::from(spent) >= share)
        };
        if let Some(percent) = BUDGET_PERCENTS.iter().rev().copied().find(|p| used(*p)) {
            out.push(Budget { account: account_id(&name)?, month: today.month, percent });
        }
    }
    Ok(out)
}

/// The month, and whether something was charged in it: looked up only until that is known.
fn month(
    conn: &Connection,
    customer: i64,
    state: &CustomerState,
    today: &Today,
) -> Result<Month, BillingError> {
    let known = state.trust.month == Some(today.month) && state.trust.billed;
    let billed = known || spend::since(conn, customer, today.month_day)? > 0;
    Ok(Month { number: today.month, billed })
}

/// Whether hours of the customer's accounts are not charged, or may still come: up to the end of the hour in which its
/// host confirmed the suspension.
fn has_open_hours(
    conn: &Connection,
    customer: i64,
    rules: &Rules,
    now_ms: i64,
) -> Result<bool, BillingError> {
    let open = "SELECT EXISTS (SELECT 1 FROM account_owner o
                  CROSS JOIN usage_hour u INDEXED BY usage_hour_open_by_account ON u.account = o.account AND u.charged = 0
                  WHERE o.customer = ?1)";
    if conn.prepare_cached(open)?.query_row([customer], |r| r.get(0))? {
        return Ok(true);
    }
    let last = "SELECT h.watermark_ms, MAX(c.updated_ms) FROM account a JOIN host h ON h.id = a.host
                JOIN command c ON c.account = a.id AND c.action = 'suspend' AND c.state = 'done'
                WHERE a.customer = ?1 AND h.state <> 'revoked' GROUP BY a.id";
    let mut stmt = conn.prepare_cached(last)?;
    let rows = stmt.query_map([customer], |r| Ok((r.get::<_, Option<i64>>(0)?, r.get::<_, i64>(1)?)))?;
    for row in rows {
        let (watermark_ms, stopped_ms) = row?;
        let end_ms = UtcHour::from_ms(stopped_ms).end_ms();
        let lagged = now_ms >= end_ms.saturating_add(rules.close_lag_ms);
        if !lagged && watermark_ms.is_none_or(|at| at < end_ms) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// When the posting was recorded that took the balance below zero: the one after the last balance that was not.
fn crossing(conn: &Connection, customer: &Customer) -> Result<Option<i64>, BillingError> {
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let Some(account) = ledger::find_account(conn, &name)? else { return Ok(None) };
    let sql = "SELECT t.recorded_ms FROM txn t WHERE t.id = (
                 SELECT MIN(e.txn) FROM entry e WHERE e.account = ?1 AND e.txn > COALESCE(
                   (SELECT o.txn FROM entry o WHERE o.account = ?1 AND o.balance_after >= 0 ORDER BY o.txn DESC LIMIT 1), 0))";
    Ok(conn.prepare_cached(sql)?.query_row([account], |r| r.get(0)).optional()?)
}

fn account_id(name: &str) -> Result<AccountId, BillingError> {
    AccountId::parse(name).map_err(|e| BillingError::damaged(format!("account {name:?}"), e))
}

/// The accounts that follow the customer's balance: those that can be commanded and that staff has not deleted. What was
/// purged is told until the lifecycle has taken note of it. Also whether any account has a budget.
fn accounts(
    conn: &Connection,
    customer: i64,
    state: &CustomerState,
) -> Result<(Vec<AccountFacts>, bool), BillingError> {
    let sql =
        "SELECT a.name, h.id IS NULL OR h.state = 'revoked', h.watermark_ms, a.deletion, a.archive, a.hold,
                 a.done_generation >= a.generation, a.purged_ms IS NOT NULL,
                 a.budget IS NOT NULL
               FROM account a LEFT JOIN host h ON h.id = a.host
               WHERE a.customer = ?1 AND (a.host IS NULL OR a.user IS NOT NULL)
                 AND (a.manual IS NULL OR a.manual = 'suspended')
               ORDER BY a.id";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query(params![customer])?;
    let (mut out, mut any_budget) = (Vec::new(), false);
    while let Some(r) = rows.next()? {
        any_budget |= r.get::<_, bool>(8)?;
        let gone: bool = r.get(1)?;
        let host = if gone { Host::Gone } else { Host::Reporting { watermark_ms: r.get(2)? } };
        let (word, purged): (String, bool) = (r.get(3)?, r.get(7)?);
        let deletion = match word.as_str() {
            _ if purged => Deletion::Purged,
            "begun" => Deletion::Begun,
            "done" => Deletion::Confirmed { archive: r.get(4)? },
            _ => Deletion::NotBegun,
        };
        let id = account_id(&r.get::<_, String>(0)?)?;
        if purged && state.accounts.get(&id).is_none_or(|known| known.gone) {
            continue;
        }
        out.push(AccountFacts { id, host, deletion, hold: r.get(5)?, settled: gone || r.get::<_, bool>(6)? });
    }
    Ok((out, any_budget))
}
