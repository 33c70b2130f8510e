//! Which month is open for a customer, when it may be closed, and what comes too late for it.

use crate::billing::charge;
use crate::billing::customers::{self, Customer, calendar};
use crate::billing::error::BillingError;
use crate::billing::ledger::find_account;
use crate::billing::rules::Rules;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::FIRST_MONTHS_MAX;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::rating::Calendar;
use hostmeter_core::units::UtcHour;

/// No month is longer, also where a zone changed, in hours.
const MONTH_MAX_HOURS: i64 = 34 * 24;

/// The open month of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) customer: i64,
    /// `None`: from the very beginning.
    pub(super) from: Option<UtcHour>,
    pub(super) to: UtcHour,
    /// All that was recorded up to here stands in statements.
    pub(super) scan_txn: i64,
}

/// Gives an open month to every customer that was made since the last time.
pub(super) fn open_new(tx: &Transaction<'_>) -> Result<(), BillingError> {
    let sql = "SELECT id, made_ms FROM customer
               WHERE id > (SELECT COALESCE(MAX(customer), 0) FROM statement_period)";
    let mut stmt = tx.prepare_cached(sql)?;
    let new = stmt
        .query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    for (customer, made_ms) in new {
        let calendar = calendar(tx, &customers::by_row(tx, customer)?)?;
        let to = calendar.month_start(UtcHour::from_ms(made_ms).next())?;
        tx.prepare_cached("INSERT INTO statement_period (customer, from_hour, to_hour) VALUES (?1, ?2, ?3)")?
            .execute(params![customer, i64::MIN, to.0])?;
    }
    Ok(())
}

/// Whether customers were made since the last time.
pub(super) fn has_new(conn: &Connection) -> Result<bool, BillingError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM customer
               WHERE id > (SELECT COALESCE(MAX(customer), 0) FROM statement_period))";
    Ok(conn.prepare_cached(sql)?.query_row([], |r| r.get(0))?)
}

/// Months that are over at `until`, in the order in which they are closed, after `(to, customer)`.
pub(super) fn due(
    conn: &Connection,
    after: (i64, i64),
    until: UtcHour,
    limit: usize,
) -> Result<Vec<Period>, BillingError> {
    let sql = "SELECT customer, from_hour, to_hour, scan_txn FROM statement_period
               WHERE (to_hour, customer) > (?1, ?2) AND to_hour <= ?3 ORDER BY to_hour, customer LIMIT ?4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![after.0, after.1, until.0, limit], |r| {
        let from: i64 = r.get(1)?;
        Ok(Period {
            customer: r.get(0)?,
            from: (from != i64::MIN).then_some(UtcHour(from)),
            to: UtcHour(r.get(2)?),
            scan_txn: r.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether every hour of the month is charged, or will never come: hosts that are behind are waited for until the lag
/// limit, hours that stand uncharged always.
pub(super) fn is_settled(
    conn: &Connection,
    period: &Period,
    rules: &Rules,
    now_ms: i64,
) -> Result<bool, BillingError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM account_owner o CROSS JOIN account a ON a.id = o.account
                 LEFT JOIN host h ON h.id = a.host
                 WHERE o.customer IN (SELECT ?1 UNION ALL SELECT customer FROM customer_reseller WHERE reseller = ?1)
                   AND o.from_hour < ?2
                   AND (EXISTS (SELECT 1 FROM usage_hour u WHERE u.account = o.account AND u.charged = 0 AND u.hour < ?2)
                     OR (a.host IS NOT NULL AND a.user IS NOT NULL AND coalesce(h.watermark_ms, 0) < ?3
                         AND NOT (?4 AND coalesce(h.refill_ms, 0) < ?3))))";
    if charge::base::decided(conn)?.is_some_and(|(_, next)| next < period.to) {
        return Ok(false);
    }
    let end_ms = period.to.start_ms();
    let lagged = now_ms >= end_ms.saturating_add(rules.close_lag_ms);
    let waits: bool = conn
        .prepare_cached(sql)?
        .query_row(params![period.customer, period.to.0, end_ms, lagged], |r| r.get(0))?;
    Ok(!waits)
}

/// Of the customers after `after` whose first month is over: the last of some of them.
pub(super) fn first_due(conn: &Connection, after: i64, until: UtcHour) -> Result<Option<i64>, BillingError> {
    let sql = "SELECT MAX(customer) FROM (SELECT customer FROM statement_period
               WHERE from_hour = ?1 AND customer > ?2 AND to_hour <= ?3 ORDER BY customer LIMIT ?4)";
    let limit = i64::try_from(FIRST_MONTHS_MAX).unwrap_or(i64::MAX);
    Ok(conn.prepare_cached(sql)?.query_row(params![i64::MIN, after, until.0, limit], |r| r.get(0))?)
}

/// Ends the first months of the customers `(after, last]` where the first thing happened, if that was earlier.
pub(super) fn set_first(
    tx: &Transaction<'_>,
    after: i64,
    last: i64,
    until: UtcHour,
) -> Result<(), BillingError> {
    let sql = "SELECT customer, to_hour FROM statement_period
               WHERE from_hour = ?1 AND customer > ?2 AND customer <= ?3 AND to_hour <= ?4";
    let mut stmt = tx.prepare_cached(sql)?;
    let found = stmt
        .query_map(params![i64::MIN, after, last, until.0], |r| Ok((r.get(0)?, UtcHour(r.get(1)?))))?
        .collect::<Result<Vec<(i64, _)>, _>>()?;
    for (row, to) in found {
        let end = first_end(tx, &customers::by_row(tx, row)?, to)?;
        if end < to {
            tx.prepare_cached("UPDATE statement_period SET to_hour = ?2 WHERE customer = ?1")?
                .execute(params![row, end.0])?;
        }
    }
    Ok(())
}

/// A customer's first month ends with the month of the first thing that happened, which may be before it was made.
fn first_end(conn: &Connection, customer: &Customer, to: UtcHour) -> Result<UtcHour, BillingError> {
    let sql = "SELECT min(first) FROM (SELECT min(hour) AS first FROM charge WHERE customer = ?1
                 UNION ALL SELECT min(hour) FROM base_fee WHERE customer = ?1 AND amount <> 0
                 UNION ALL SELECT min(hour) FROM wholesale WHERE reseller = ?1
                 UNION ALL SELECT min(hour) FROM wholesale_fee WHERE reseller = ?1 AND amount <> 0)";
    let charged: Option<i64> = conn.prepare_cached(sql)?.query_row([customer.row], |r| r.get(0))?;
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let moved = match find_account(conn, &name)? {
        None => None,
        Some(account) => conn
            .prepare_cached(
                "SELECT t.effective_ms FROM entry e JOIN txn t ON t.id = e.txn
                 WHERE e.account = ?1 AND t.kind <> 'charge' ORDER BY e.txn LIMIT 1",
            )?
            .query_row([account], |r| r.get::<_, i64>(0))
            .optional()?
            .map(|ms| UtcHour::from_ms(ms).0),
    };
    let Some(first) = [charged, moved].into_iter().flatten().min() else { return Ok(to) };
    Ok(calendar(conn, customer)?.month_start(UtcHour(first).next())?.min(to))
}

/// The start of the month that ends at `to`.
pub(super) fn start_of(calendar: &Calendar, to: UtcHour) -> Result<UtcHour, BillingError> {
    let mut start = calendar.month_start(UtcHour(to.0.saturating_sub(MONTH_MAX_HOURS)))?;
    loop {
        let next = calendar.month_start(start.next())?;
        if next >= to {
            return Ok(start);
        }
        start = next;
    }
}

/// Moves on to the next month.
pub(super) fn advance(
    tx: &Transaction<'_>,
    customer: &Customer,
    to: UtcHour,
    scan_txn: i64,
) -> Result<(), BillingError> {
    let next = calendar(tx, customer)?.month_start(to.next())?;
    tx.prepare_cached(
        "UPDATE statement_period SET from_hour = ?2, to_hour = ?3, scan_txn = ?4 WHERE customer = ?1",
    )?
    .execute(params![customer.row, to.0, next.0, scan_txn])?;
    Ok(())
}

/// The latest month that any customer has closed: charges of later hours need no closer look.
#[derive(Clone, Copy, Debug)]
pub struct Closed(Option<UtcHour>);

impl Closed {
    /// Looks it up, once for each block that is charged.
    pub fn read(conn: &Connection) -> Result<Self, BillingError> {
        let mut stmt = conn.prepare_cached("SELECT MAX(from_hour) FROM statement_period")?;
        let latest: Option<i64> = stmt.query_row([], |r| r.get(0))?;
        Ok(Self(latest.filter(|h| *h != i64::MIN).map(UtcHour)))
    }
}

/// What may come late for a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posting {
    /// What a customer pays.
    Charge,
    /// What a reseller pays for a customer of its own.
    Wholesale,
}

impl Posting {
    const fn sql(self) -> &'static str {
        match self {
            Self::Charge => {
                "INSERT INTO late_charge (account, hour, rev, customer)
                 SELECT ?2, ?3, ?4, ?1 FROM statement_period WHERE customer = ?1 AND from_hour > ?3"
            }
            Self::Wholesale => {
                "INSERT INTO late_wholesale (account, hour, rev, reseller)
                 SELECT ?2, ?3, ?4, ?1 FROM statement_period WHERE customer = ?1 AND from_hour > ?3"
            }
        }
    }

    /// Notes what was just stored if the month of its payer is closed: it stands in the next statement.
    pub fn note_late(
        self,
        tx: &Transaction<'_>,
        closed: Closed,
        payer: i64,
        account: i64,
        (hour, rev): (UtcHour, i64),
    ) -> Result<(), BillingError> {
        if closed.0.is_none_or(|latest| hour >= latest) {
            return Ok(());
        }
        tx.prepare_cached(self.sql())?.execute(params![payer, account, hour.0, rev])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn months_start_where_the_one_before_ends() {
        let check = |zone: &str, to: &str, want: &str| {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let got = start_of(&calendar, UtcHour::parse(to).unwrap()).unwrap();
            assert_eq!(got.to_string(), want, "{zone} {to}");
        };
        check("UTC", "2026-12-01T00:00:00Z", "2026-11-01T00:00:00Z");
        check("UTC", "2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z");
        check("UTC", "2027-01-01T00:00:00Z", "2026-12-01T00:00:00Z");
        check("Europe/Riga", "2026-10-31T22:00:00Z", "2026-09-30T21:00:00Z");
        check("Europe/Riga", "2026-03-31T21:00:00Z", "2026-02-28T22:00:00Z");
        check("Asia/Kolkata", "2026-11-30T19:00:00Z", "2026-10-31T19:00:00Z");
    }
}
