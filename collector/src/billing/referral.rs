//! Referrals: who brought a customer gets a share of its payments, after a delay, as credit that cannot be paid out.
//! What goes back of a payment takes its share back, at once.

use super::customers::{self, Customer};
use super::error::BillingError;
use super::ledger::{self, Posting};
use super::lifecycle;
use super::refund::{payment_of, refunded};
use super::resellers;
use super::rules::Rules;
use super::topup::Booked;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::REFERRALS_MAX;
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::{Gateway, PaymentRef, Ppm, referral, referral_back};
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;
use std::collections::BTreeSet;

/// The actor of shares that are credited by the clock.
const ACTOR: &str = "referrals";

/// Notes who brought a customer. Only for a customer that was just made.
pub fn refer(tx: &Transaction<'_>, customer: &Customer, referrer: &CustomerId) -> Result<(), BillingError> {
    if customer.id == *referrer {
        let why = format!("customer {referrer} cannot have brought itself; name another in `referred_by`");
        return Err(BillingError::invalid("referred_by", why));
    }
    let referrer = customers::get(tx, referrer)?;
    if customer.resold || referrer.resold {
        let why =
            "referrals are the company's: a reseller's customer neither brings nor is brought".to_owned();
        return Err(BillingError::invalid("referred_by", why));
    }
    tx.prepare_cached("INSERT INTO referred (customer, referrer) VALUES (?1, ?2)")?
        .execute(params![customer.row, referrer.row])?;
    Ok(())
}

/// Who brought a customer.
pub fn referrer_of(conn: &Connection, customer: i64) -> Result<Option<String>, BillingError> {
    let sql = "SELECT c.name FROM referred r JOIN customer c ON c.id = r.referrer WHERE r.customer = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([customer], |r| r.get(0)).optional()?)
}

/// Notes the referrer's share of a payment that was just booked, at the rate of today.
pub(super) fn note(
    tx: &Transaction<'_>,
    customer: &Customer,
    paid: &Booked,
    rules: &Rules,
    now_ms: i64,
) -> Result<(), BillingError> {
    // What a reseller's customer pays is the reseller's.
    if rules.referral.is_zero() || resellers::row_at(tx, customer, UtcHour::from_ms(now_ms))?.is_some() {
        return Ok(());
    }
    let sql = "INSERT INTO referral (topup, referrer, rate_ppm, due_ms)
               SELECT ?1, referrer, ?2, ?3 FROM referred WHERE customer = ?4";
    let due_ms = now_ms.saturating_add(rules.referral_delay_ms);
    tx.prepare_cached(sql)?.execute(params![
        paid.txn.parse::<i64>().map_err(|e| BillingError::damaged("txn", e))?,
        rules.referral.ppm(),
        due_ms,
        customer.row
    ])?;
    Ok(())
}

/// Whether a share is due: a look that costs the writer nothing.
pub fn is_due(conn: &Connection, now_ms: i64) -> Result<bool, BillingError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM referral WHERE state = 'waiting' AND due_ms <= ?1)";
    Ok(conn.prepare_cached(sql)?.query_row([now_ms], |r| r.get(0))?)
}

/// Credits shares that are due, some of them at once; returns how many, and the hosts that have new commands.
pub fn pay_due(
    tx: &Transaction<'_>,
    rules: &Rules,
    now_ms: i64,
) -> Result<(usize, BTreeSet<i64>), BillingError> {
    crate::jump::refuse(tx)?;
    let sql =
        "SELECT r.topup, r.referrer, r.rate_ppm, t.idem_key FROM referral r JOIN txn t ON t.id = r.topup
               WHERE r.state = 'waiting' AND r.due_ms <= ?1 ORDER BY r.due_ms, r.topup LIMIT ?2";
    let limit = i64::try_from(REFERRALS_MAX).unwrap_or(i64::MAX);
    let due: Vec<(i64, i64, u32, String)> = tx
        .prepare_cached(sql)?
        .query_map(params![now_ms, limit], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let mut wake = BTreeSet::new();
    for (topup, referrer, rate, key) in &due {
        let share = share_now(tx, *topup, Ppm::from_ppm(*rate))?;
        let credited = if share > Money::ZERO {
            let customer = customers::by_row(tx, *referrer)?;
            let (gateway, payment) = parts(*topup, key)?;
            let txn = referral(&customer.id, share, &gateway, &payment, now_ms)?;
            let reason = format!("share of payment {gateway}:{payment}");
            let posting = Posting { txn: &txn, actor: ACTOR, reason: &reason, charges: &[] };
            Some(ledger::post(tx, &posting, now_ms)?.txn)
        } else {
            None
        };
        let state = if credited.is_some() { "credited" } else { "void" };
        tx.prepare_cached("UPDATE referral SET state = ?2, credited = ?3 WHERE topup = ?1")?
            .execute(params![topup, state, credited])?;
        wake.extend(lifecycle::run_alone(tx, *referrer, rules, now_ms)?);
    }
    Ok((due.len(), wake))
}

/// The share of what is left of a payment.
fn share_now(conn: &Connection, topup: i64, rate: Ppm) -> Result<Money, BillingError> {
    let sql = "SELECT e.amount FROM entry e WHERE e.txn = ?1 AND e.amount > 0";
    let amount = Money::from_micros(conn.prepare_cached(sql)?.query_row([topup], |r| r.get(0))?);
    let left = amount.checked_sub(refunded(conn, topup)?).unwrap_or_default();
    rate.share_of(left).ok_or_else(|| BillingError::damaged(format!("txn {topup}"), "its share does not fit"))
}

fn parts(topup: i64, key: &str) -> Result<(Gateway, PaymentRef), BillingError> {
    let bad = |e: String| BillingError::damaged(format!("txn {topup}"), e);
    let (gateway, payment) = payment_of(key).ok_or_else(|| bad("its key is none of a payment".to_owned()))?;
    let gateway = Gateway::parse(&gateway).map_err(|e| bad(e.to_string()))?;
    Ok((gateway, PaymentRef::parse(&payment).map_err(|e| bad(e.to_string()))?))
}

/// After a refund: the referrer gives back what it has above the share of what is left of the payment.
pub(super) fn take_back(
    tx: &Transaction<'_>,
    topup: i64,
    gateway: &Gateway,
    refund: &PaymentRef,
    actor: &str,
    now_ms: i64,
) -> Result<(), BillingError> {
    let sql = "SELECT referrer, rate_ppm, credited FROM referral WHERE topup = ?1 AND state = 'credited'";
    let found: Option<(i64, u32, i64)> =
        tx.prepare_cached(sql)?.query_row([topup], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()?;
    let Some((referrer, rate, credited)) = found else { return Ok(()) };
    let customer = customers::by_row(tx, referrer)?;
    let sql = "SELECT COALESCE(SUM(e.amount), 0) FROM txn t JOIN entry e ON e.txn = t.id
               JOIN ledger_account a ON a.id = e.account
               WHERE (t.id = ?1 OR t.reverses = ?1) AND t.kind = 'referral' AND a.name = ?2";
    let name = hostmeter_core::ledger::LedgerAccount::Customer(customer.id.clone()).to_string();
    let has = Money::from_micros(tx.prepare_cached(sql)?.query_row(params![credited, name], |r| r.get(0))?);
    let back = has.checked_sub(share_now(tx, topup, Ppm::from_ppm(rate))?).unwrap_or_default();
    if back <= Money::ZERO {
        return Ok(());
    }
    let txn = referral_back(&customer.id, back, gateway, refund, now_ms)?;
    let reason = format!("refund {gateway}:{refund}");
    let posting = Posting { txn: &txn, actor, reason: &reason, charges: &[] };
    ledger::post_reversing(tx, &posting, Some(credited), now_ms)?;
    Ok(())
}
