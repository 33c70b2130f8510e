//! Money that goes back out. Only what came in and was not spent can go back, through the gateway and up to the payment
//! that it came with; a promotion, a referrer's share or an adjustment never can.

use super::adjust::check_reason;
use super::customers::Customer;
use super::error::BillingError;
use super::ledger::find_account;
use super::referral;
use super::resellers;
use super::topup::{Asked, Outcome, book, check_key};
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::REFUNDABLE_MAX;
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::{
    Gateway, IdemKey, LedgerAccount, PaymentRef, Pots, TxnKind, refund as refund_txn,
};
use hostmeter_core::money::Money;

/// A refund as its gateway names it.
#[derive(Clone, Copy, Debug)]
pub struct Refund<'a> {
    /// How much goes back; above zero.
    pub amount: Money,
    /// Through which gateway the payment came.
    pub gateway: &'a str,
    /// The gateway's reference of the payment that goes back, or a part of it.
    pub payment: &'a str,
    /// The gateway's reference of the refund.
    pub refund: &'a str,
    /// Why; shown to the customer.
    pub reason: &'a str,
}

/// A payment with what can still go back of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Refundable {
    /// Through which gateway it came.
    pub gateway: String,
    /// The gateway's reference.
    pub payment: String,
    /// How much came in, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// How much of it went back, a decimal string.
    #[schema(value_type = String)]
    pub refunded: Money,
    /// How much can still go back, a decimal string.
    #[schema(value_type = String)]
    pub refundable: Money,
}

/// Books a refund, once for its key and once for its gateway and reference. A referrer's share of what goes back goes
/// back, too.
pub fn refund(
    tx: &Transaction<'_>,
    customer: &Customer,
    asked: &Refund<'_>,
    key: &str,
    actor: &str,
    now_ms: i64,
) -> Result<Outcome, BillingError> {
    check_key(key)?;
    check_reason(asked.reason)?;
    let gateway =
        Gateway::parse(asked.gateway).map_err(|e| BillingError::invalid("gateway", e.to_string()))?;
    let parse = |code, text| PaymentRef::parse(text).map_err(|e| BillingError::invalid(code, e.to_string()));
    let (payment, reference) = (parse("payment", asked.payment)?, parse("refund", asked.refund)?);
    let topup = find_topup(tx, customer, &gateway, &payment)?;
    let txn = refund_txn(&customer.id, asked.amount, &gateway, &reference, now_ms)?;
    // It goes back to where the payment came to, whosever customer it is by now.
    let txn = match &topup.reseller {
        Some(reseller) => txn.of_reseller(reseller)?,
        None => txn,
    };
    let movement = Asked { txn: &txn, key, actor, reason: asked.reason, reverses: Some(topup.txn) };
    let outcome =
        book(tx, customer, &movement, || within(tx, customer, &topup, asked.amount, &payment), now_ms)?;
    if outcome.new {
        referral::take_back(tx, topup.txn, &gateway, &reference, actor, now_ms)?;
    } else if reverses(tx, &outcome)? != Some(topup.txn) {
        let why = format!(
            "refund {gateway}:{reference} was booked before for another payment; nothing was changed"
        );
        return Err(BillingError::conflict("payment_reused", why));
    }
    Ok(outcome)
}

fn reverses(conn: &Connection, outcome: &Outcome) -> Result<Option<i64>, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT reverses FROM txn WHERE id = CAST(?1 AS INTEGER)")?;
    Ok(stmt.query_row([&outcome.booked.txn], |r| r.get(0))?)
}

/// A payment that was booked.
pub(super) struct Topup {
    pub(super) txn: i64,
    pub(super) amount: Money,
    /// Whose books it is in; absent: the company's.
    pub(super) reseller: Option<CustomerId>,
}

/// Whose books a payment is in: those of today first, then those of before.
fn find_topup(
    conn: &Connection,
    customer: &Customer,
    gateway: &Gateway,
    payment: &PaymentRef,
) -> Result<Topup, BillingError> {
    let sql = "SELECT t.id, e.amount FROM txn t JOIN entry e ON e.txn = t.id JOIN ledger_account a ON a.id = e.account
               WHERE t.idem_key = ?1 AND a.name = ?2";
    let company = IdemKey::topup(gateway, payment);
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    for reseller in resellers::books(conn, customer)? {
        let key = reseller.as_ref().map_or_else(|| company.clone(), |r| company.of_reseller(r));
        let found = conn
            .prepare_cached(sql)?
            .query_row(params![key.as_str(), name], |r| Ok((r.get(0)?, Money::from_micros(r.get(1)?))));
        if let Some((txn, amount)) = found.optional()? {
            return Ok(Topup { txn, amount, reseller });
        }
    }
    Err(BillingError::Missing {
        what: "payment",
        id: format!("{gateway}:{payment}"),
        hint: "`hostmeter customer refundable` lists the customer's payments",
    })
}

/// In whose books a customer's payment is; absent: the company's.
pub fn books_of(
    conn: &Connection,
    customer: &Customer,
    gateway: &str,
    payment: &str,
) -> Result<Option<CustomerId>, BillingError> {
    let (Ok(gateway), Ok(payment)) = (Gateway::parse(gateway), PaymentRef::parse(payment)) else {
        return Ok(None);
    };
    Ok(find_topup(conn, customer, &gateway, &payment)?.reseller)
}

/// How much of a payment went back so far.
pub(super) fn refunded(conn: &Connection, topup: i64) -> Result<Money, BillingError> {
    // A refund has one entry of a customer, which is below zero, and one of cash with the same amount above it.
    let sql = "SELECT COALESCE(SUM(e.amount), 0) FROM txn t JOIN entry e ON e.txn = t.id
               WHERE t.reverses = ?1 AND t.kind = 'refund' AND e.amount > 0";
    Ok(Money::from_micros(conn.prepare_cached(sql)?.query_row([topup], |r| r.get(0))?))
}

/// What a customer's credit is made of.
pub fn pots(conn: &Connection, customer: &Customer) -> Result<Pots, BillingError> {
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let mut pots = Pots::default();
    let Some(account) = find_account(conn, &name)? else { return Ok(pots) };
    let sql =
        "SELECT t.kind, e.amount FROM entry e JOIN txn t ON t.id = e.txn WHERE e.account = ?1 ORDER BY e.txn";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query([account])?;
    while let Some(row) = rows.next()? {
        let word: String = row.get(0)?;
        let kind = TxnKind::from_name(&word)
            .ok_or_else(|| BillingError::damaged(format!("ledger of {}", customer.id), "unknown kind"))?;
        pots.apply(kind, Money::from_micros(row.get(1)?));
    }
    Ok(pots)
}

fn within(
    conn: &Connection,
    customer: &Customer,
    topup: &Topup,
    amount: Money,
    payment: &PaymentRef,
) -> Result<(), BillingError> {
    let left = topup.amount.checked_sub(refunded(conn, topup.txn)?).unwrap_or_default();
    if amount > left {
        let why = format!("{amount} cannot go back of payment {payment}: {left} of it is left");
        return Err(BillingError::conflict("refund_exceeds_payment", why));
    }
    let pots = pots(conn, customer)?;
    if amount > pots.cash() {
        let why = format!(
            "{amount} cannot be paid out: {} of the balance of customer {} is unspent money, {} is credit that was \
             given and cannot be paid out",
            pots.cash(),
            customer.id,
            pots.given()
        );
        return Err(BillingError::conflict("refund_exceeds_cash", why));
    }
    Ok(())
}

/// How much can go back at most, and of which payments, newest first: those came last, so they are unspent.
pub fn refundable(conn: &Connection, customer: &Customer) -> Result<(Money, Vec<Refundable>), BillingError> {
    let cash = pots(conn, customer)?.cash();
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let Some(account) = find_account(conn, &name)? else { return Ok((cash, Vec::new())) };
    let sql = "SELECT t.id, t.idem_key, e.amount FROM entry e JOIN txn t ON t.id = e.txn
               WHERE e.account = ?1 AND t.kind = 'topup' ORDER BY e.txn DESC LIMIT ?2";
    let mut stmt = conn.prepare_cached(sql)?;
    let limit = i64::try_from(REFUNDABLE_MAX).unwrap_or(i64::MAX);
    let rows = stmt.query_map(params![account, limit], |r| {
        Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, i64>(2)?))
    })?;
    let (mut left, mut out) = (cash, Vec::new());
    for row in rows {
        let (txn, key, amount) = row?;
        let (gateway, payment) = payment_of(&key)
            .ok_or_else(|| BillingError::damaged(format!("txn {txn}"), "its key is none of a payment"))?;
        let (amount, refunded) = (Money::from_micros(amount), refunded(conn, txn)?);
        let refundable = amount.checked_sub(refunded).unwrap_or_default().min(left);
        left = left.checked_sub(refundable).unwrap_or_default();
        out.push(Refundable { gateway, payment, amount, refunded, refundable });
    }
    Ok((cash, out))
}

/// Gateway and reference in `topup:GATEWAY:PAYMENT` or `refund:GATEWAY:REFUND`, also in a reseller's books.
pub fn payment_of(key: &str) -> Option<(String, String)> {
    let (kind, rest) = key.split_once(':')?;
    let kind = kind.split_once('@').map_or(kind, |(kind, _)| kind);
    let (gateway, payment) = rest.split_once(':').filter(|_| matches!(kind, "topup" | "refund"))?;
    Some((gateway.to_owned(), payment.to_owned()))
}
