//! Money that people move: top-ups through a gateway, and adjustments by staff. Each happens once for its keys.

use super::customers::Customer;
use super::error::BillingError;
use super::ledger::{self, Posting};
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::{IDEMPOTENCY_KEY_MAX_BYTES, REASON_MAX_CHARS};
use hostmeter_core::ledger::{Gateway, LedgerAccount, PaymentRef, Txn, TxnKind, adjustment, topup};
use hostmeter_core::money::Money;
use hostmeter_core::wire::key::sha256;

/// What a movement of money left; the same for every repetition of the request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Booked {
    /// The transaction.
    pub txn: String,
    /// The customer.
    pub customer: String,
    /// `topup` or `adjustment`.
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
    let txn = topup(&customer.id, paid.amount, &gateway, &payment, now_ms)?;
    let outcome = book(tx, customer, &txn, key, actor, "", now_ms)?;
    if outcome.new {
        tx.prepare_cached("UPDATE customer SET had_topup = 1 WHERE id = ?1")?.execute([customer.row])?;
    }
    Ok(outcome)
}

/// Books a correction by staff against `promo`, with its reason. Without a key of its own it always is a new one.
pub fn adjust(
    tx: &Transaction<'_>,
    customer: &Customer,
    amount: Money,
    reason: &str,
    key: Option<&str>,
    actor: &str,
    now_ms: i64,
) -> Result<Outcome, BillingError> {
    let chars = reason.chars().count();
    if reason.trim().is_empty() || chars > REASON_MAX_CHARS || reason.chars().any(char::is_control) {
        let why = format!(
            "`reason` has {chars} characters; 1 to {REASON_MAX_CHARS} without control characters are needed: it is kept for ever"
        );
        return Err(BillingError::invalid("reason", why));
    }
    let reference = match key {
        Some(key) => {
            check_key(key)?;
            // Spaces are fine in a key, not in a reference: its digest stands in.
            hostmeter_core::wire::key::hex(&sha256(key.as_bytes()))
        }
        None => format!("auto-{}", next_txn(tx)?),
    };
    let reference =
        PaymentRef::parse(&reference).map_err(|e| BillingError::invalid("idempotency_key", e.to_string()))?;
    let txn = adjustment(&customer.id, amount, LedgerAccount::Promo, &reference, now_ms)?;
    let own;
    let key = match key {
        Some(key) => key,
        None => {
            own = format!("adjustment/{reference}");
            &own
        }
    };
    book(tx, customer, &txn, key, actor, reason, now_ms)
}

fn next_txn(conn: &Connection) -> Result<i64, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT COALESCE(MAX(id), 0) + 1 FROM txn")?;
    Ok(stmt.query_row([], |r| r.get(0))?)
}

/// What a request with a key asked for.
fn payload(txn: &Txn, reason: &str) -> [u8; 32] {
    let mut bytes = txn.payload_hash().to_vec();
    bytes.extend_from_slice(reason.as_bytes());
    sha256(&bytes)
}

fn book(
    tx: &Transaction<'_>,
    customer: &Customer,
    txn: &Txn,
    key: &str,
    actor: &str,
    reason: &str,
    now_ms: i64,
) -> Result<Outcome, BillingError> {
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
            let posting = Posting { txn, actor, reason, charges: &[] };
            (ledger::post(tx, &posting, now_ms)?.txn, true)
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
