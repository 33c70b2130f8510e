//! Money that comes in: top-ups through a gateway. Also what all movements by people share: each happens once for its
//! keys.

use super::customers::Customer;
use super::error::BillingError;
use super::ledger::{self, Posting};
use super::rules::Rules;
use super::{lifecycle, referral, resellers};
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::IDEMPOTENCY_KEY_MAX_BYTES;
use hostmeter_core::ledger::{Gateway, LedgerAccount, PaymentRef, Txn, TxnKind, topup};
use hostmeter_core::money::Money;
use hostmeter_core::wire::key::sha256;
use std::collections::BTreeSet;

/// What a movement of money left; the same for every repetition of the request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Booked {
    /// The transaction.
    pub txn: String,
    /// The customer.
    pub customer: String,
    /// `topup`, `refund`, `adjustment`, `promo` or `write-off`.
    pub kind: String,
    /// By how much the balance changed, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// The balance right after it, a decimal string.
    #[schema(value_type = String)]
    pub balance: Money,
    /// When it was recorded, RFC 3339.
    pub at: String,
}

/// A payment as its gateway names it.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    /// How much came in; above zero.
    pub amount: Money,
    /// Through which gateway, for example `manual`.
    pub gateway: &'a str,
    /// The gateway's reference.
    pub payment: &'a str,
}

/// A movement and whether it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was booked, now or the first time.
    pub booked: Booked,
    /// `false`: it was booked before, nothing was changed.
    pub new: bool,
}

/// A key by which a request happens once: 1 to 255 printable ASCII characters.
pub fn check_key(key: &str) -> Result<(), BillingError> {
    if key.is_empty()
        || key.len() > IDEMPOTENCY_KEY_MAX_BYTES
        || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    {
        let why = format!(
            "the Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_MAX_BYTES} printable ASCII characters"
        );
        return Err(BillingError::invalid("idempotency_key", why));
    }
    Ok(())
}

/// Books money that came in. The same key, or the same gateway and payment, with the same content gives the first
/// answer; with another content it is a conflict and changes nothing.
pub fn top_up(
    tx: &Transaction<'_>,
    customer: &Customer,
    paid: &Payment<'_>,
    key: &str,
    actor: &str,
    now_ms: i64,
) -> Result<Outcome, BillingError> {
    check_key(key)?;
    let gateway =
        Gateway::parse(paid.gateway).map_err(|e| BillingError::invalid("gateway", e.to_string()))?;
    let payment =
        PaymentRef::parse(paid.payment).map_err(|e| BillingError::invalid("payment", e.to_string()))?;
    let txn =
        resellers::own(tx, customer, topup(&customer.id, paid.amount, &gateway, &payment, now_ms)?, now_ms)?;
    let asked = Asked { txn: &txn, key, actor, reason: "", reverses: None };
    let outcome = book(tx, customer, &asked, || Ok(()), now_ms)?;
    if outcome.new {
        tx.prepare_cached("UPDATE customer SET had_topup = 1 WHERE id = ?1")?.execute([customer.row])?;
    }
    Ok(outcome)
}

/// As [`top_up`], with all that follows from a credit: the referrer's share is noted, and the lifecycle takes its step.
/// Also returns the hosts that have new commands.
pub fn receive(
    tx: &Transaction<'_>,
    customer: &Customer,
    paid: &Payment<'_>,
    key: &str,
    actor: &str,
    rules: &Rules,
    now_ms: i64,
) -> Result<(Outcome, BTreeSet<i64>), BillingError> {
    let outcome = top_up(tx, customer, paid, key, actor, now_ms)?;
    if outcome.new {
        referral::note(tx, customer, &outcome.booked, rules, now_ms)?;
    }
    let wake = lifecycle::run_alone(tx, customer.row, rules, now_ms)?;
    Ok((outcome, wake))
}

/// What a request with a key asked for.
fn payload(txn: &Txn, reason: &str) -> [u8; 32] {
    let mut bytes = txn.payload_hash().to_vec();
    bytes.extend_from_slice(reason.as_bytes());
    sha256(&bytes)
}

/// A movement that is to happen once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// What is booked. It has a key.
    pub(super) txn: &'a Txn,
    /// The request's key.
    pub(super) key: &'a str,
    /// Who acted.
    pub(super) actor: &'a str,
    /// Why, for people.
    pub(super) reason: &'a str,
    /// The transaction that it gives back, or a part of it.
    pub(super) reverses: Option<i64>,
}

/// Books a movement unless it was booked before; `allowed` is asked only if it was not.
pub(super) fn book(
    tx: &Transaction<'_>,
    customer: &Customer,
    movement: &Asked<'_>,
    allowed: impl FnOnce() -> Result<(), BillingError>,
    now_ms: i64,
) -> Result<Outcome, BillingError> {
    let Asked { txn, key, actor, reason, reverses } = *movement;
    let asked = payload(txn, reason);
    let known: Option<(Vec<u8>, i64)> = tx
        .prepare_cached("SELECT payload_hash, txn FROM idem_request WHERE key = ?1")?
        .query_row([key], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some((hash, id)) = known {
        if hash == asked {
            return Ok(Outcome { booked: booked(tx, customer, id)?, new: false });
        }
        tracing::warn!(key, customer = %customer.id, "an Idempotency-Key came again with another payload");
        let why = format!(
            "the Idempotency-Key {key:?} was used for another request; take a new one for a new request"
        );
        return Err(BillingError::conflict("idempotency_key_reused", why));
    }
    let own_key = txn.idem_key().ok_or_else(|| BillingError::damaged("transaction", "it has no key"))?;
    let earlier: Option<(i64, Vec<u8>)> = tx
        .prepare_cached("SELECT id, payload_hash FROM txn WHERE idem_key = ?1")?
        .query_row([own_key.as_str()], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let (id, new) = match earlier {
        Some((id, hash)) if hash == txn.payload_hash() => (id, false),
        Some(_) => {
            tracing::warn!(key = own_key.as_str(), customer = %customer.id, "a payment came again with another content");
            let why =
                format!("{own_key} was booked before with another customer or amount; nothing was changed");
            return Err(BillingError::conflict("payment_reused", why));
        }
        None => {
            allowed()?;
            let posting = Posting { txn, actor, reason, charges: &[] };
            (ledger::post_reversing(tx, &posting, reverses, now_ms)?.txn, true)
        }
    };
    tx.prepare_cached("INSERT INTO idem_request (key, payload_hash, txn) VALUES (?1, ?2, ?3)")?
        .execute(params![key, asked, id])?;
    Ok(Outcome { booked: booked(tx, customer, id)?, new })
}

/// A stored movement as it was answered the first time.
fn booked(conn: &Connection, customer: &Customer, txn: i64) -> Result<Booked, BillingError> {
    let sql = "SELECT t.kind, e.amount, e.balance_after, t.recorded_ms
               FROM txn t JOIN entry e ON e.txn = t.id JOIN ledger_account a ON a.id = e.account
               WHERE t.id = ?1 AND a.name = ?2";
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let (kind, amount, balance, at_ms): (String, i64, i64, i64) = conn
        .prepare_cached(sql)?
        .query_row(params![txn, name], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
    let kind = TxnKind::from_name(&kind)
        .ok_or_else(|| BillingError::damaged(format!("txn {txn}"), "unknown kind"))?;
    Ok(Booked {
        txn: txn.to_string(),
        customer: customer.id.to_string(),
        kind: kind.to_string(),
        amount: Money::from_micros(amount),
        balance: Money::from_micros(balance),
        at: hostmeter_core::units::rfc3339(at_ms),
    })
}
