//! Price plans: what a plan file says, checked as a whole, and when a new version of a plan is accepted.
//!
//! A plan file (TOML, or the same content as JSON) makes one immutable [`PriceVersion`]. Prices are exact fractions:
//! an amount per a number of the meter's base units. [`PriceVersion::canonical`] is the one text by which two
//! contents are compared and which is stored; [`parse_json`] reads it back.

mod change;
mod fault;
mod price;
mod read;
mod tree;

pub use change::{PlanChange, PlanConflict, decide};
pub use fault::{PlanError, PlanFault};
pub use price::{Price, Tier};
pub use read::{parse_json, parse_toml};

use crate::ids::PlanId;
use crate::meter::Meter;
use crate::money::{Currency, Money};
use crate::units::UtcHour;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The name of a price version: the plan and the first hour it holds for, `basic@2026-11-01T00:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceVersionId {
    /// The plan.
    pub plan: PlanId,
    /// The start that the plan file states.
    pub valid_from: UtcHour,
}

/// A text that names no price version.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a price version: {reason}; write it like basic@2026-11-01T00:00:00Z")]
pub struct PriceVersionIdError {
    text: String,
    reason: String,
}

impl PriceVersionId {
    /// Reads `PLAN@HOUR`.
    pub fn parse(text: &str) -> Result<Self, PriceVersionIdError> {
        let bad = |reason: String| PriceVersionIdError { text: text.to_owned(), reason };
        let (plan, hour) = text.split_once('@').ok_or_else(|| bad("it has no '@'".to_owned()))?;
        Ok(Self {
            plan: PlanId::parse(plan).map_err(|e| bad(e.to_string()))?,
            valid_from: UtcHour::parse(hour).map_err(|e| bad(e.to_string()))?,
        })
    }
}

impl fmt::Display for PriceVersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.plan, self.valid_from)
    }
}

impl Serialize for PriceVersionId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PriceVersionId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The prices of a plan from one hour on. Immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceVersion {
    id: PriceVersionId,
    currency: Currency,
    base_per_day: Money,
    prices: Vec<(Meter, Price)>,
}

impl PriceVersion {
    /// The version's name.
    pub const fn id(&self) -> &PriceVersionId {
        &self.id
    }

    /// The currency of every amount in it.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// What an account costs a day, whatever it uses; 0 or more.
    pub const fn base_per_day(&self) -> Money {
        self.base_per_day
    }

    /// The price of a meter. `None`: the meter costs nothing in this plan.
    pub fn price(&self, meter: Meter) -> Option<&Price> {
        self.prices.iter().find(|(m, _)| *m == meter).map(|(_, p)| p)
    }

    /// Every price, in the order of the table of meters.
    pub fn prices(&self) -> impl Iterator<Item = (Meter, &Price)> {
        self.prices.iter().map(|(m, p)| (*m, p))
    }

    #[cfg(test)]
    pub(crate) fn with_price_for_test(mut self, meter: Meter, price: Price) -> Self {
        self.prices = vec![(meter, price)];
        self
    }

    /// Whether every price is a plain amount per unit. Only such a version may start in the middle of a month; a base
    /// fee changes nothing about that, as it counts days.
    pub fn is_linear(&self) -> bool {
        self.prices.iter().all(|(_, p)| p.is_linear())
    }

    /// The content as one canonical JSON text, itself a valid plan file: keys in fixed order, prices in the order of
    /// the table of meters, amounts with six decimals. Equal texts mean equal content.
    pub fn canonical(&self) -> String {
        let text = PlanText {
            id: &self.id.plan,
            currency: self.currency,
            valid_from: self.id.valid_from,
            base_per_day: (!self.base_per_day.is_zero()).then_some(self.base_per_day),
            price: self.prices.iter().map(|(m, p)| p.to_text(*m)).collect(),
        };
        // Strings and lists only: this cannot fail; an empty text would be refused when read back.
        serde_json::to_string(&text).unwrap_or_default()
    }
}

/// A plan as its file writes it. The order of the fields is part of the canonical text.
#[derive(Serialize)]
struct PlanText<'a> {
    id: &'a PlanId,
    currency: Currency,
    valid_from: UtcHour,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_per_day: Option<Money>,
    price: Vec<price::PriceText>,
}

#[cfg(test)]
mod tests;
