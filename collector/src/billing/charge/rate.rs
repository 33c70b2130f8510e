//! One account's hour, rated on top of what was charged for it and for its month.

use crate::billing::error::BillingError;
use crate::billing::pack::{PackedLine, PackedLines, decode_values};
use crate::billing::rates::Price;
use crate::billing::usage;
use crate::db::{Connection, OptionalExtension, params};
use hostmeter_core::ids::AccountId;
use hostmeter_core::meter::Values;
use hostmeter_core::rating::{Line, rate_hour};
use hostmeter_core::units::UtcHour;

/// An account's hour that is to be charged or shown as pending.
#[derive(Clone, Debug)]
pub(in crate::billing) struct OpenHour {
    /// Row of the account.
    pub(in crate::billing) account: i64,
    /// Row of the account whose months go on: another one after a move to another host.
    pub(in crate::billing) billing: i64,
    /// Its id, for messages.
    pub(in crate::billing) id: AccountId,
    /// The hour.
    pub(in crate::billing) hour: UtcHour,
    /// Whether a part of it may be charged already.
    pub(in crate::billing) is_charged: bool,
    /// What was used in it so far.
    pub(in crate::billing) total: Values,
}

/// An hour, rated.
#[derive(Clone, Debug)]
pub(in crate::billing) struct RatedHour {
    /// The revision that its charge will be.
    pub(in crate::billing) rev: i64,
    /// What to store; without lines there is nothing to charge.
    pub(in crate::billing) packed: PackedLines,
    /// The same for the ledger.
    pub(in crate::billing) lines: Vec<Line>,
    /// What it costs, micro-units.
    pub(in crate::billing) amount: i64,
    /// The month's quantities afterwards.
    pub(in crate::billing) month: Values,
}

/// Which charges: those of customers, or those of the resellers whose customers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::billing) enum Side {
    /// What the account's customer pays.
    Retail,
    /// What the customer's reseller pays.
    Wholesale,
}

/// What was charged for an hour before: the next revision, and the quantities.
pub(in crate::billing) fn charged_before(
    conn: &Connection,
    side: Side,
    account: i64,
    hour: UtcHour,
) -> Result<(i64, Values), BillingError> {
    let sql = match side {
        Side::Retail => "SELECT rev, lines FROM charge WHERE account = ?1 AND hour = ?2 ORDER BY rev",
        Side::Wholesale => "SELECT rev, lines FROM wholesale WHERE account = ?1 AND hour = ?2 ORDER BY rev",
    };
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query(params![account, hour.0])?;
    let (mut next, mut sum) = (0_i64, Values::new());
    let what = || format!("charge of account {account}, hour {hour}");
    while let Some(row) = rows.next()? {
        next = row.get::<_, i64>(0)?.saturating_add(1);
        let lines = PackedLines::decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?, &what)?;
        for line in lines.lines {
            sum.add(line.meter, line.quantity)
                .ok_or_else(|| BillingError::damaged(what(), "its sum overflows"))?;
        }
    }
    Ok((next, sum))
}

/// The month's quantities so far for (account, customer, month, version).
pub(in crate::billing) fn month_so_far(
    conn: &Connection,
    account: i64,
    customer: i64,
    month: i64,
    version: i64,
) -> Result<Values, BillingError> {
    let sql =
        "SELECT quantities FROM rated WHERE account = ?1 AND customer = ?2 AND month = ?3 AND version = ?4";
    let blob: Option<Vec<u8>> = conn
        .prepare_cached(sql)?
        .query_row(params![account, customer, month, version], |r| r.get(0))
        .optional()?;
    let what = || format!("rated of account {account}, month {month}");
    blob.map_or_else(|| Ok(Values::new()), |b| decode_values(&b, &what))
}

/// Rates what was not charged yet of an hour. `month` holds the month's quantities before.
pub(in crate::billing) fn rate(
    conn: &Connection,
    open: &OpenHour,
    price: &Price,
    month: &Values,
) -> Result<RatedHour, BillingError> {
    let before = match open.is_charged {
        true => charged_before(conn, Side::Retail, open.account, open.hour)?,
        false => (0, Values::new()),
    };
    rate_after(before, open, price, month)
}

/// As [`rate`], for the reseller of the account's customer.
pub(in crate::billing) fn rate_wholesale(
    conn: &Connection,
    open: &OpenHour,
    price: &Price,
    month: &Values,
) -> Result<RatedHour, BillingError> {
    // What had no price at retail may have one here: revisions are counted apart.
    let before = charged_before(conn, Side::Wholesale, open.account, open.hour)?;
    rate_after(before, open, price, month)
}

fn rate_after(
    (rev, before): (i64, Values),
    open: &OpenHour,
    price: &Price,
    month: &Values,
) -> Result<RatedHour, BillingError> {
    let added = usage::difference(&open.total, &before).ok_or_else(|| {
        BillingError::damaged(format!("usage of {} at {}", open.id, open.hour), "it overflows")
    })?;
    let Some(stored) = &price.version else {
        let quantities = added.iter().filter(|(_, quantity)| *quantity != 0);
        let lines = quantities
            .map(|(meter, quantity)| PackedLine { meter, before: 0, quantity, amount: 0 })
            .collect();
        let packed = PackedLines { version: 0, lines };
        return Ok(RatedHour { rev, packed, lines: Vec::new(), amount: 0, month: month.clone() });
    };
    let rated = rate_hour(&stored.version, &open.id, open.hour, month, &added)?;
    let lines = rated.lines.iter().map(|l| PackedLine {
        meter: l.meter,
        before: l.quantity_before,
        // The line was made from this difference, so it fits.
        quantity: l.quantity_after.saturating_sub(l.quantity_before),
        amount: l.amount.micros(),
    });
    let packed = PackedLines { version: stored.row, lines: lines.collect() };
    Ok(RatedHour { rev, packed, lines: rated.lines, amount: rated.total.micros(), month: rated.month })
}
