//! What only pages show: sums and orders that no route of the API answers with.

use crate::api::Problem;
use crate::auth::Scope;
use crate::billing::commands::{self, CommandView};
use crate::billing::customers::Customer;
use crate::billing::{Rates, open_costs};
use crate::db::{Connection, OptionalExtension, params};
use crate::limits::PANEL_ENTRIES_MAX;
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;
use std::collections::HashMap;

/// First millisecond of the day that holds `now_ms`, in a zone; an hour belongs to the day at its start.
pub(super) fn day_start_ms(zone: &str, now_ms: i64) -> i64 {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let start = jiff::Timestamp::from_millisecond(now_ms)
        .and_then(|now| now.to_zoned(zone).start_of_day())
        .map(|day| day.timestamp().as_millisecond());
    start.unwrap_or_else(|_| now_ms.saturating_sub(now_ms.rem_euclid(24 * 3_600_000)))
}

/// What a customer's accounts cost since the start of a day: what is charged, and what is pending at today's price.
/// By row of the account; one that is not in it cost nothing.
pub(super) fn costs_since(
    conn: &Connection,
    customer: &Customer,
    start_ms: i64,
) -> Result<HashMap<i64, Money>, Problem> {
    // The hour in which the day starts belongs to it only if it starts with it.
    let hour = UtcHour::from_ms(start_ms.saturating_add(3_600_000 - 1));
    let sql = "SELECT account, SUM(amount) FROM
                 (SELECT account, amount FROM charge WHERE customer = ?1 AND hour >= ?2
                  UNION ALL SELECT account, amount FROM base_fee WHERE customer = ?1 AND hour >= ?2)
               GROUP BY account";
    let mut stmt = conn.prepare_cached(sql)?;
    let charged = stmt.query_map(params![customer.row, hour.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let mut sums: HashMap<i64, i64> = charged.collect::<Result<_, _>>()?;
    for open in open_costs(conn, &mut Rates::default(), customer.row)? {
        if open.hour >= hour {
            let sum = sums.entry(open.account).or_default();
            *sum = sum.saturating_add(open.amount.micros());
        }
    }
    Ok(sums.into_iter().map(|(account, sum)| (account, Money::from_micros(sum))).collect())
}

/// What is to be known of an account's host on its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostOf {
    /// Its name.
    pub(super) name: String,
    /// What its agent cannot see and why; empty: nothing.
    pub(super) limited: String,
    /// Usage is known up to here, milliseconds since the epoch.
    pub(super) watermark_ms: Option<i64>,
    /// The agent's interval, milliseconds.
    pub(super) interval_ms: Option<i64>,
}

/// The host of an account; `None`: it never enrolled.
pub(super) fn host_of(conn: &Connection, scope: Scope, account: i64) -> Result<Option<HostOf>, Problem> {
    let sql = format!(
        "SELECT h.name, h.limited, h.watermark_ms, h.interval_ms FROM account a JOIN host h ON h.id = a.host
        WHERE a.id = ?1 AND {}",
        Scope::sql("a.customer", 2, 3)
    );
    let asked = params![account, scope.customer(), scope.reseller()];
    let found = conn.prepare_cached(&sql)?.query_row(asked, |r| {
        Ok(HostOf { name: r.get(0)?, limited: r.get(1)?, watermark_ms: r.get(2)?, interval_ms: r.get(3)? })
    });
    Ok(found.optional()?)
}

/// Desired state and generation of an account, and whether its host confirmed it.
pub(super) fn desired_of(
    conn: &Connection,
    scope: Scope,
    account: i64,
) -> Result<Option<(String, i64, bool)>, Problem> {
    let sql = format!(
        "SELECT desired, generation, generation = done_generation OR host IS NULL FROM account
        WHERE id = ?1 AND {}",
        Scope::sql("customer", 2, 3)
    );
    let mut stmt = conn.prepare_cached(&sql)?;
    let asked = params![account, scope.customer(), scope.reseller()];
    let found = stmt.query_row(asked, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)));
    Ok(found.optional()?)
}

/// Whether staff holds suspension and deletion of the account back.
pub(super) fn is_held(conn: &Connection, account: i64) -> Result<bool, Problem> {
    Ok(conn.prepare_cached("SELECT hold FROM account WHERE id = ?1")?.query_row([account], |r| r.get(0))?)
}

/// The newest commands of one account, or of all of a customer's accounts, newest first.
pub(super) fn commands_of(
    conn: &Connection,
    scope: Scope,
    account: Option<i64>,
    customer: Option<i64>,
) -> Result<Vec<CommandView>, Problem> {
    let sql = format!(
        "SELECT c.id FROM account a JOIN command c ON c.account = a.id
        WHERE (a.id = ?1 OR a.customer = ?2) AND {} ORDER BY c.id DESC LIMIT ?4",
        Scope::sql("a.customer", 3, 5)
    );
    let limit = i64::try_from(PANEL_ENTRIES_MAX).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(&sql)?;
    let ids: Vec<i64> = stmt
        .query_map(params![account, customer, scope.customer(), limit, scope.reseller()], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    ids.into_iter().map(|id| Ok(commands::get(conn, id)?)).collect()
}

/// How many accounts a customer has.
pub(super) fn accounts_of(conn: &Connection, customer: i64) -> Result<i64, Problem> {
    let mut stmt = conn.prepare_cached("SELECT count(*) FROM account WHERE customer = ?1")?;
    Ok(stmt.query_row([customer], |r| r.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        let check = |zone: &str, now: &str, want: &str| {
            let ms = |text: &str| hostmeter_core::units::parse_rfc3339_ms(text).unwrap();
            assert_eq!(day_start_ms(zone, ms(now)), ms(want), "{zone} {now}");
        };
        check("UTC", "2026-11-21T12:05:00Z", "2026-11-21T00:00:00Z");
        check("Europe/Riga", "2026-11-21T23:05:00Z", "2026-11-21T22:00:00Z");
        check("Asia/Kolkata", "2026-11-21T12:05:00Z", "2026-11-20T18:30:00Z");
        check("Mars/Olympus", "2026-11-21T12:05:00Z", "2026-11-21T00:00:00Z");
        // The day on which summer time ends has 25 hours.
        check("Europe/Riga", "2026-10-25T21:30:00Z", "2026-10-24T21:00:00Z");
    }
}
