//! Rating: from quantities to money, exactly.
//!
//! For a billing account, owner, meter, billing month and price version, [`cost`] is the exact cost `F(q)` of the
//! month's cumulative quantity `q`. A posting is `floor(F(q_after)) − floor(F(q_before))`. So postings of a month add
//! up to `floor(F(q))` however the month is cut: nobody pays more than the exact cost, and less than one micro-unit a
//! month, meter and price version is lost. The caller keeps `q` per (account, owner, month, price version).

mod calendar;
mod cost;
mod item;
mod month;

pub use calendar::{BillingDate, Calendar, first_hours};
pub use cost::{Cost, cost};
pub use item::Item;
pub use month::{BillingMonth, MonthError, version_at};

use crate::ids::AccountId;
use crate::meter::{Meter, Values};
use crate::money::Money;
use crate::plan::{PriceVersion, PriceVersionId};
use crate::units::UtcHour;
use serde::{Deserialize, Serialize};

/// One meter of a charge, with what is needed to recompute it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The meter.
    pub meter: Meter,
    /// The month's quantity before this hour, in base units.
    pub quantity_before: i64,
    /// The month's quantity after this hour, in base units.
    pub quantity_after: i64,
    /// Whose price it is.
    pub price_version: PriceVersionId,
    /// What it costs; below zero when a correction lowers the quantity.
    pub amount: Money,
}

impl Line {
    /// The quantity that this line charges, in base units; below zero for a correction. `None` if it does not fit,
    /// which no line made here has.
    pub const fn quantity(&self) -> Option<i64> {
        self.quantity_after.checked_sub(self.quantity_before)
    }
}

/// An hour of an account, rated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// One line per meter that has a price and a quantity other than zero, in the order of the table of meters.
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// The month's quantities of the priced meters after the hour: the state for the next one.
    pub month: Values,
}

/// Why an hour could not be rated. Nothing may be posted for it then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatingError {
    /// A quantity or cost beyond 63 bits.
    #[error(
        "account {account}, hour {hour}, meter {meter}, price {price_version}: {what} does not fit 63 bits \
         (before {before}, added {added} base units); look at the usage of this hour"
    )]
    Overflow {
        /// The account.
        account: AccountId,
        /// The hour.
        hour: UtcHour,
        /// The meter.
        meter: Meter,
        /// The price.
        price_version: PriceVersionId,
        /// What overflowed.
        what: &'static str,
        /// The month's quantity before.
        before: i64,
        /// The hour's quantity.
        added: i64,
    },
    /// A correction that takes more than the month has.
    #[error(
        "account {account}, hour {hour}, meter {meter}, price {price_version}: the month's quantity would be below \
         zero (before {before}, added {added} base units); a correction cannot take more than was charged"
    )]
    BelowZero {
        /// The account.
        account: AccountId,
        /// The hour.
        hour: UtcHour,
        /// The meter.
        meter: Meter,
        /// The price.
        price_version: PriceVersionId,
        /// The month's quantity before.
        before: i64,
        /// The hour's quantity.
        added: i64,
    },
}

/// Rates what an account used in an hour (`added`; for a later revision the difference to what was charged), on top
/// of what `month` holds for the same account, owner, billing month and price version. A meter without a price costs
/// nothing and makes no line.
pub fn rate_hour(
    version: &PriceVersion,
    account: &AccountId,
    hour: UtcHour,
    month: &Values,
    added: &Values,
) -> Result<Rated, RatingError> {
    let mut rated = Rated { lines: Vec::new(), total: Money::ZERO, month: month.clone() };
    for (meter, price) in version.prices() {
        let Some(quantity) = added.get(meter).filter(|q| *q != 0) else { continue };
        let before = month.get(meter).unwrap_or(0);
        let overflow = |what| RatingError::Overflow {
            account: account.clone(),
            hour,
            meter,
            price_version: version.id().clone(),
            what,
            before,
            added: quantity,
        };
        let after = before.checked_add(quantity).ok_or_else(|| overflow("the month's quantity"))?;
        if before < 0 || after < 0 {
            return Err(RatingError::BelowZero {
                account: account.clone(),
                hour,
                meter,
                price_version: version.id().clone(),
                before,
                added: quantity,
            });
        }
        let exact = |q| cost(price, q).and_then(Cost::floor).ok_or_else(|| overflow("the cost"));
        // Both are 0 or more, so the difference always fits.
        let amount = exact(after)?.checked_sub(exact(before)?).ok_or_else(|| overflow("the cost"))?;
        rated.total = rated.total.checked_add(amount).ok_or_else(|| overflow("the hour's total"))?;
        rated.month.set(meter, after);
        let price_version = version.id().clone();
        rated.lines.push(Line {
            meter,
            quantity_before: before,
            quantity_after: after,
            price_version,
            amount,
        });
    }
    Ok(rated)
}

#[cfg(test)]
mod tests;
