//! Hour totals in control.db: one column for each meter that adds up.

use super::error::BillingError;
use crate::db::{Connection, OptionalExtension, params};
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::units::UtcHour;
use rusqlite::Row;
use std::sync::LazyLock;

/// Meters that add up, in the order of the table: those that have a column in `usage_hour`.
pub fn flows() -> impl Iterator<Item = Meter> {
    Meter::ALL.iter().copied().filter(|m| m.is_flow())
}

/// The columns of all meters, for SQL, with the table's alias `u`.
pub static COLUMNS: LazyLock<String> =
    LazyLock::new(|| flows().map(|m| format!("u.{}", m.name())).collect::<Vec<_>>().join(", "));

/// Reads the columns of [`COLUMNS`] from column `first` on. A meter that was not measured is left out.
pub fn values(row: &Row<'_>, first: usize) -> rusqlite::Result<Values> {
    let mut out = Values::new();
    for (i, meter) in flows().enumerate() {
        if let Some(value) = row.get::<_, Option<i64>>(first.saturating_add(i))? {
            out.set(meter, value);
        }
    }
    Ok(out)
}

/// SQL of the hours of account `?1` from hour `?2` to `?3`, both included, in order, with the given columns of `u`. The
/// table's key starts with the hour: one look-up for each of them.
pub fn of_account(columns: &str) -> String {
    format!(
        "WITH RECURSIVE span (hour) AS (
           SELECT max(?2, coalesce((SELECT min(hour) FROM usage_hour), ?2))
           UNION ALL SELECT hour + 1 FROM span WHERE hour < ?3)
         SELECT {columns} FROM span CROSS JOIN usage_hour u
         WHERE u.hour = span.hour AND u.account = ?1 AND span.hour <= ?3"
    )
}

/// The totals of an account's hour; `None`: nothing is known of it.
pub fn hour(conn: &Connection, account: i64, hour: UtcHour) -> Result<Option<Values>, BillingError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!("SELECT {} FROM usage_hour u WHERE u.account = ?1 AND u.hour = ?2", *COLUMNS)
    });
    Ok(conn.prepare_cached(&SQL)?.query_row(params![account, hour.0], |r| values(r, 0)).optional()?)
}

/// `a − b` for each meter that either has; what was not measured counts as 0. `None` if a difference does not fit.
pub fn difference(a: &Values, b: &Values) -> Option<Values> {
    let mut out = Values::new();
    for (meter, value) in a.iter() {
        out.set(meter, value.checked_sub(b.get(meter).unwrap_or(0))?);
    }
    for (meter, value) in b.iter().filter(|(m, _)| a.get(*m).is_none()) {
        out.set(meter, value.checked_neg()?);
    }
    Some(out)
}
