//! Money as whole micro-units of a currency, and the currency itself.
//!
//! An amount is an `i64` number of micro-units (1 EUR = 1,000,000, and so for every currency), never a float. Decimals
//! exist only where text is read ([`Money::parse`]) and printed ([`fmt::Display`], always six decimals; for people
//! [`Money::shown`], with as many as the currency has). Everything that can overflow returns
//! `None` or an error.

use crate::limits::{FAULT_VALUE_MAX_CHARS, MONEY_TEXT_MAX_BYTES};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Decimals that an amount carries.
pub const MONEY_DECIMALS: u32 = 6;
/// Micro-units in one unit of the currency.
pub const MICROS_PER_UNIT: i64 = 1_000_000;

/// An amount of money in micro-units of a currency that the context names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum MoneyError {
    /// Nothing was given.
    #[error("the amount is empty; write it like \"12.34\"")]
    Empty,
    /// The text is too long to be an amount.
    #[error("the amount has {len} characters; at most {MONEY_TEXT_MAX_BYTES} are allowed")]
    Length {
        /// Length in bytes.
        len: usize,
    },
    /// A character that no amount has.
    #[error("amount {text:?} holds {bad:?}; write digits with a decimal point, like \"12.34\"")]
    Character {
        /// The text given.
        text: String,
        /// The first character that does not belong there.
        bad: char,
    },
    /// No digit where one is needed.
    #[error("amount {text:?} lacks a digit beside the point or sign; write it like \"0.50\"")]
    Digits {
        /// The text given.
        text: String,
    },
    /// More decimals than an amount carries.
    #[error(
        "amount {text:?} has {decimals} decimals; at most {MONEY_DECIMALS} are kept, and none is cut off silently"
    )]
    Decimals {
        /// The text given.
        text: String,
        /// Decimals given.
        decimals: usize,
    },
    /// Outside the range of an amount.
    #[error("amount {text:?} is too large; the range is {min} to {max}", min = Money::MIN, max = Money::MAX)]
    Range {
        /// The text given.
        text: String,
    },
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);
    /// The smallest amount.
    pub const MIN: Self = Self(i64::MIN);

    /// From micro-units.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In micro-units.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads a decimal text: an optional sign, digits, and at most six decimals after a point. No exponent, no
    /// grouping, no spaces.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        if text.is_empty() {
            return Err(MoneyError::Empty);
        }
        if text.len() > MONEY_TEXT_MAX_BYTES {
            return Err(MoneyError::Length { len: text.len() });
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if let Some(bad) = digits.chars().find(|c| !c.is_ascii_digit() && *c != '.') {
            return Err(MoneyError::Character { text: shown(text), bad });
        }
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, f)) if f.contains('.') => {
                return Err(MoneyError::Character { text: shown(text), bad: '.' });
            }
            Some((_, "")) => return Err(MoneyError::Digits { text: shown(text) }),
            Some((w, f)) => (w, f),
            None => (digits, ""),
        };
        if whole.is_empty() {
            return Err(MoneyError::Digits { text: shown(text) });
        }
        if fraction.len() > usize::try_from(MONEY_DECIMALS).unwrap_or(usize::MAX) {
            return Err(MoneyError::Decimals { text: shown(text), decimals: fraction.len() });
        }
        let padded = format!("{whole}{fraction:0<6}");
        // At most 38 digits: fits i128 by the limit on the text.
        let micros: i128 = padded.parse().map_err(|_| MoneyError::Range { text: shown(text) })?;
        let signed = if negative { -micros } else { micros };
        i64::try_from(signed).map(Self).map_err(|_| MoneyError::Range { text: shown(text) })
    }

    /// The sum, if it fits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, if it fits.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The amount with the other sign, if it fits.
    #[must_use]
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// The sum of all, if it fits. Only the result must fit, not what lies in between.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut sum = 0_i128;
        for amount in amounts {
            sum = sum.checked_add(i128::from(amount.0))?;
        }
        i64::try_from(sum).ok().map(Self)
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// For showing only: text rounded half to even to at most six decimals. Never post what this returns.
    pub fn rounded(self, decimals: u32) -> String {
        let decimals = decimals.min(MONEY_DECIMALS);
        let step = 10_u64.saturating_pow(MONEY_DECIMALS.saturating_sub(decimals));
        let size = self.0.unsigned_abs();
        let (kept, rest) = (size / step, size % step);
        let up = match rest.saturating_mul(2).cmp(&step) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => step > 1 && kept % 2 == 1,
            std::cmp::Ordering::Greater => true,
        };
        let kept = kept.saturating_add(u64::from(up));
        let sign = if self.0 < 0 && kept > 0 { "-" } else { "" };
        let unit = 10_u64.saturating_pow(decimals);
        if decimals == 0 {
            return format!("{sign}{kept}");
        }
        let width = usize::try_from(decimals).unwrap_or_default();
        format!("{sign}{}.{:0width$}", kept / unit, kept % unit)
    }
}

impl Money {
    /// For showing only: as [`Money::rounded`], with the decimals that are usual in the currency. Never post it.
    pub fn shown(self, currency: Currency) -> String {
        self.rounded(currency.digits())
    }
}

/// A faulty text, cut to a bounded length for the message.
fn shown(text: &str) -> String {
    text.chars().take(FAULT_VALUE_MAX_CHARS).collect()
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.rounded(MONEY_DECIMALS))
    }
}

impl std::str::FromStr for Money {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::parse(text)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Money;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount as a decimal string in quotes, like \"12.34\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Money, E> {
                Money::parse(text).map_err(E::custom)
            }
        }
        d.deserialize_str(Text)
    }
}

/// A currency by its ISO 4217 code: three upper-case letters, for example `EUR`. Only those that money is counted in:
/// gold, test codes and the like are none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A text that is not a currency code.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CurrencyError {
    /// Not the form of a code.
    #[error("currency {0:?} is not three upper-case letters; write it like \"EUR\"")]
    Form(String),
    /// No currency of ISO 4217, or one that nobody pays in.
    #[error("currency {0:?} is none of ISO 4217 that people pay in; write one like \"EUR\"")]
    Unknown(String),
}

impl Currency {
    /// Reads three upper-case letters that ISO 4217 knows as money in use.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        let code = match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => code,
            _ => return Err(CurrencyError::Form(shown(text))),
        };
        match iso_digits(text) {
            Some(_) => Ok(Self(code)),
            None => Err(CurrencyError::Unknown(shown(text))),
        }
    }

    /// Decimals that people write its amounts with: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn digits(&self) -> u32 {
        iso_digits(self.as_str()).unwrap_or_default()
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Digits of the minor unit by ISO 4217; `None`: no such currency, or one without (gold, `XXX`).
fn iso_digits(code: &str) -> Option<u32> {
    iso_currency::Currency::from_code(code)?.exponent().map(u32::from).filter(|n| *n <= MONEY_DECIMALS)
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
