//! The fleet at a glance: hosts by state, busy time, the noisiest accounts.

use super::{QueryError, hosts};
use crate::auth::Scope;
use crate::db::Connection;
use crate::limits::NOISY_MAX;
use crate::store::UsageStore;
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;

/// The fleet over a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Every host.
    pub hosts: Vec<hosts::Host>,
    /// For each host, in the same order, what it reported over the time.
    pub sums: Vec<HostSum>,
    /// Accounts that used most of the meter in the hours that the time touches.
    pub noisiest: Vec<(String, i64)>,
    /// Accounts on all hosts.
    pub accounts: i64,
}

/// Sums of one host's intervals. `None`: in no interval could it be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostSum {
    /// Busy time of all CPUs, µs.
    pub busy_usec: Option<i64>,
    /// Of accounts, µs.
    pub accounts_usec: Option<i64>,
    /// Of everything that is no account, µs.
    pub system_usec: Option<i64>,
    /// What neither explains, signed, µs; never billed.
    pub remainder_usec: Option<i64>,
}

/// The fleet over `[from_ms, to_ms)`; accounts by `meter`.
pub fn fleet(
    conn: &Connection,
    store: &dyn UsageStore,
    scope: Scope,
    from_ms: i64,
    to_ms: i64,
    meter: Meter,
) -> Result<Fleet, QueryError> {
    let hosts = hosts::list(conn, store, scope)?;
    let mut sums = Vec::with_capacity(hosts.len());
    for host in &hosts {
        sums.push(sum(store, host.row, from_ms, to_ms)?);
    }
    let accounts = conn.query_row("SELECT count(*) FROM account", [], |r| r.get(0))?;
    Ok(Fleet { hosts, sums, noisiest: noisiest(conn, from_ms, to_ms, meter)?, accounts })
}

/// Sums of one host's intervals over a time.
pub fn sum(store: &dyn UsageStore, host: i64, from_ms: i64, to_ms: i64) -> Result<HostSum, QueryError> {
    let mut out = HostSum::default();
    for interval in store.host(host, from_ms, to_ms)? {
        let Some(totals) = interval.totals else { continue };
        for (sum, value) in [
            (&mut out.busy_usec, totals.busy_usec),
            (&mut out.accounts_usec, totals.accounts_usec),
            (&mut out.system_usec, totals.system_usec),
            (&mut out.remainder_usec, totals.remainder_usec),
        ] {
            if let Some(value) = value {
                *sum = Some(sum.unwrap_or(0).saturating_add(value));
            }
        }
    }
    Ok(out)
}

fn noisiest(
    conn: &Connection,
    from_ms: i64,
    to_ms: i64,
    meter: Meter,
) -> Result<Vec<(String, i64)>, QueryError> {
    if !meter.is_flow() {
        let why = format!("{meter} is a level and has no sum; name a meter that adds up, like cpu_usec");
        return Err(QueryError::Invalid(why));
    }
    let column = meter.name();
    // One range for all of them: the table's key starts with the hour.
    let sql = format!(
        "SELECT a.name, s.used FROM (SELECT u.account, sum(u.{column}) AS used FROM usage_hour u
             WHERE u.hour >= ?1 AND u.hour <= ?2 GROUP BY u.account HAVING used > 0) s JOIN account a ON a.id = s.account
         ORDER BY s.used DESC, a.name LIMIT ?3"
    );
    let last = UtcHour::from_ms(to_ms.saturating_sub(1)).0;
    let rows = conn
        .prepare_cached(&sql)?
        .query_map([UtcHour::from_ms(from_ms).0, last, NOISY_MAX], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}
