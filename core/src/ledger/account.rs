//! Names of the ledger's accounts.

use crate::ids::CustomerId;
use crate::limits::{FAULT_VALUE_MAX_CHARS, GATEWAY_MAX_BYTES};
use crate::rating::Item;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A text that names no account of the ledger, or no gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerNameError {
    /// Not a gateway.
    #[error(
        "gateway {0:?} must be 1 to {GATEWAY_MAX_BYTES} lower-case letters, digits, '-' or '_', like \"manual\""
    )]
    Gateway(String),
    /// Not an account.
    #[error("{text:?} is no account of the ledger: {reason}")]
    Account {
        /// The text given.
        text: String,
        /// Why not, and what would be.
        reason: String,
    },
}

/// Through which money comes in, for example `manual`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gateway(String);

impl Gateway {
    /// Reads 1 to 32 lower-case letters, digits, `-` or `_`. There is no `:`, so that keys stay unambiguous.
    pub fn parse(text: &str) -> Result<Self, LedgerNameError> {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if text.is_empty() || text.len() > GATEWAY_MAX_BYTES || !text.bytes().all(ok) {
            return Err(LedgerNameError::Gateway(text.chars().take(FAULT_VALUE_MAX_CHARS).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What follows `cash:` where the money is a reseller's: no gateway's name has a colon.
const RESELLER: &str = "reseller:";

/// An account of the ledger (not a hosting account).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// `customer:ID`: above zero is prepaid credit, below zero is owed.
    Customer(CustomerId),
    /// `cash:GATEWAY`: money that came in, as a debit.
    Cash(Gateway),
    /// `revenue:METER`: what usage earned; `revenue:base`: what base fees did.
    Revenue(Item),
    /// `tax`: tax broken out.
    Tax,
    /// `promo`: credit given for nothing; cannot be paid out.
    Promo,
    /// `referral`: credit given to referrers; cannot be paid out.
    Referral,
    /// `bad-debt`: owed and given up.
    BadDebt,
    /// `reseller:ID`: what a reseller earned from its own customers, less what it gave them.
    Reseller(CustomerId),
    /// `cash:reseller:ID`: money that a reseller took from its own customers, as a debit. It is not the company's.
    ResellerCash(CustomerId),
}

impl LedgerAccount {
    /// Reads a name such as `customer:c-1` or `bad-debt`.
    pub fn parse(text: &str) -> Result<Self, LedgerNameError> {
        let bad = |reason: String| LedgerNameError::Account {
            text: text.chars().take(FAULT_VALUE_MAX_CHARS).collect(),
            reason,
        };
        match text.split_once(':') {
            Some(("customer", id)) => {
                CustomerId::parse(id).map(Self::Customer).map_err(|e| bad(e.to_string()))
            }
            Some(("reseller", id)) => {
                CustomerId::parse(id).map(Self::Reseller).map_err(|e| bad(e.to_string()))
            }
            Some(("cash", rest)) if rest.starts_with(RESELLER) => {
                let id = rest.strip_prefix(RESELLER).unwrap_or_default();
                CustomerId::parse(id).map(Self::ResellerCash).map_err(|e| bad(e.to_string()))
            }
            Some(("cash", gateway)) => {
                Gateway::parse(gateway).map(Self::Cash).map_err(|e| bad(e.to_string()))
            }
            Some(("revenue", name)) => Item::from_name(name)
                .map(Self::Revenue)
                .ok_or_else(|| bad(format!("no meter is called {name:?}"))),
            None if text == "tax" => Ok(Self::Tax),
            None if text == "promo" => Ok(Self::Promo),
            None if text == "referral" => Ok(Self::Referral),
            None if text == "bad-debt" => Ok(Self::BadDebt),
            _ => Err(bad(
                "known are customer:ID, cash:GATEWAY, revenue:METER, tax, promo, referral, bad-debt, \
                 reseller:ID, cash:reseller:ID"
                    .into(),
            )),
        }
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(id) => write!(f, "customer:{id}"),
            Self::Cash(gateway) => write!(f, "cash:{gateway}"),
            Self::Revenue(item) => write!(f, "revenue:{item}"),
            Self::Tax => f.write_str("tax"),
            Self::Promo => f.write_str("promo"),
            Self::Referral => f.write_str("referral"),
            Self::BadDebt => f.write_str("bad-debt"),
            Self::Reseller(id) => write!(f, "reseller:{id}"),
            Self::ResellerCash(id) => write!(f, "cash:{RESELLER}{id}"),
        }
    }
}

impl Serialize for LedgerAccount {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LedgerAccount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
