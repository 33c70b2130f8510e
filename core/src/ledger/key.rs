//! Idempotency keys. Each names one thing that may happen once, for ever, and two things never share a key: no part
//! but the last may hold `:`, or the parts behind it have a fixed form.

use super::account::Gateway;
use crate::ids::{AccountId, CustomerId};
use crate::limits::{FAULT_VALUE_MAX_CHARS, PAYMENT_MAX_BYTES};
use crate::units::UtcHour;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A text that cannot be part of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a payment's reference.
    #[error(
        "payment {0:?} must be 1 to {PAYMENT_MAX_BYTES} printable ASCII characters without spaces, like \"p-1\""
    )]
    Payment(String),
}

/// A gateway's own reference of a payment or refund, for example `p-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentRef(String);

impl PaymentRef {
    /// Reads 1 to 128 printable ASCII characters without spaces.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() || text.len() > PAYMENT_MAX_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(KeyError::Payment(text.chars().take(FAULT_VALUE_MAX_CHARS).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PaymentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PaymentRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PaymentRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The name of something that may happen once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdemKey(String);

impl IdemKey {
    /// A payment came in: `topup:GATEWAY:PAYMENT`.
    pub fn topup(gateway: &Gateway, payment: &PaymentRef) -> Self {
        Self(format!("topup:{gateway}:{payment}"))
    }

    /// A payment, or a part of it, went back: `refund:GATEWAY:REFUND`, by the gateway's reference of the refund.
    pub fn refund(gateway: &Gateway, refund: &PaymentRef) -> Self {
        Self(format!("refund:{gateway}:{refund}"))
    }

    /// A correction by staff: `adjust:REFERENCE`, by the request's idempotency key.
    pub fn adjustment(reference: &PaymentRef) -> Self {
        Self(format!("adjust:{reference}"))
    }

    /// Credit given for nothing: `promo:REFERENCE`, by the request's idempotency key.
    pub fn promo(reference: &PaymentRef) -> Self {
        Self(format!("promo:{reference}"))
    }

    /// A debt given up: `write-off:REFERENCE`, by the request's idempotency key.
    pub fn write_off(reference: &PaymentRef) -> Self {
        Self(format!("write-off:{reference}"))
    }

    /// A referrer's share of a payment: `referral:GATEWAY:PAYMENT`.
    pub fn referral(gateway: &Gateway, payment: &PaymentRef) -> Self {
        Self(format!("referral:{gateway}:{payment}"))
    }

    /// What a referrer gives back for a refund: `referral-back:GATEWAY:REFUND`.
    pub fn referral_back(gateway: &Gateway, refund: &PaymentRef) -> Self {
        Self(format!("referral-back:{gateway}:{refund}"))
    }

    /// The tax of a statement: `tax:NUMBER`.
    pub fn tax(statement: i64) -> Self {
        Self(format!("tax:{statement}"))
    }

    /// A charge of one revision of an account's hour: `charge:ACCOUNT:HOUR:REVISION`.
    pub fn charge(account: &AccountId, hour: UtcHour, revision: u32) -> Self {
        Self(format!("charge:{account}:{hour}:{revision}"))
    }

    /// A step of a customer's lifecycle: `life:CUSTOMER:EPISODE:TRANSITION`.
    pub fn life(customer: &CustomerId, episode: u64, transition: &str) -> Self {
        Self(format!("life:{customer}:{episode}:{transition}"))
    }

    /// A notice to a customer: `notice:CUSTOMER:EPISODE:KIND:THRESHOLD`.
    pub fn notice(customer: &CustomerId, episode: u64, kind: &str, threshold: u64) -> Self {
        Self(format!("notice:{customer}:{episode}:{kind}:{threshold}"))
    }

    /// A key as it was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
