//! `hostmeter ledger verify`: everything recomputed from the entries up, and every difference named.

mod base;
mod charges;
mod entries;
mod kinds;
mod resold;
mod statements;

use super::charge::rate::Side;
use super::error::BillingError;
use crate::db::Connection;
use crate::limits::DIFFERENCES_MAX;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Report {
    /// Whether nothing differs.
    pub ok: bool,
    /// Transactions looked at.
    pub transactions: u64,
    /// Entries looked at.
    pub entries: u64,
    /// Charges looked at.
    pub charges: u64,
    /// Days of accounts looked at, with a base fee or without.
    #[serde(default)]
    pub base_fees: u64,
    /// How many differences there are.
    pub differences_found: u64,
    /// The first of them.
    pub differences: Vec<String>,
}

impl Report {
    fn differs(&mut self, what: String) {
        self.differences_found = self.differences_found.saturating_add(1);
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(what);
        }
    }
}

/// Recomputes the ledger in one snapshot. Only reads.
pub fn verify(conn: &Connection) -> Result<Report, BillingError> {
    let mut report = Report::default();
    let mut walked = charges::check(conn, &mut report)?;
    base::check(conn, Side::Retail, &mut walked.charged, &mut report)?;
    let mut charged = charges::check_wholesale(conn, walked, &mut report)?;
    base::check(conn, Side::Wholesale, &mut charged, &mut report)?;
    resold::check(conn, &mut report)?;
    entries::check(conn, charged, &mut report)?;
    statements::check(conn, &mut report)?;
    report.ok = report.differences_found == 0;
    Ok(report)
}
