//! Which price holds for which hour of a customer, read once for each transaction.

use super::customers::{self, Customer};
use super::error::BillingError;
use super::plans::{self, StoredVersion};
use crate::db::Connection;
use hostmeter_core::rating::{BillingMonth, version_at};
use hostmeter_core::units::UtcHour;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::rc::Rc;

/// A customer's facts that prices depend on.
#[derive(Debug)]
pub struct Payer {
    /// The customer.
    pub customer: Customer,
    /// The zone of its billing months.
    pub zone: TimeZone,
    /// Its plans with their starts, earliest first.
    pub plans: Vec<(UtcHour, i64)>,
}

/// Where an hour's price comes from.
#[derive(Clone, Debug)]
pub struct Price {
    /// Row of the plan that holds; `None`: the customer has no plan.
    pub plan: Option<i64>,
    /// The version in force; `None`: the hour costs nothing.
    pub version: Option<Rc<StoredVersion>>,
    /// The billing month as year × 100 + month.
    pub month: i64,
}

/// Plans and customers as they stand in one transaction. Never kept across two: prices may change in between.
#[derive(Debug, Default)]
pub struct Rates {
    payers: HashMap<i64, Rc<Payer>>,
    plans: HashMap<i64, Rc<Vec<Rc<StoredVersion>>>>,
}

impl Rates {
    /// The customer in that row.
    pub fn payer(&mut self, conn: &Connection, customer: i64) -> Result<Rc<Payer>, BillingError> {
        if let Some(payer) = self.payers.get(&customer) {
            return Ok(Rc::clone(payer));
        }
        let found = customers::by_row(conn, customer)?;
        let zone = found.zone()?;
        let plans = customers::plan_history(conn, customer)?;
        let payer = Rc::new(Payer { customer: found, zone, plans });
        self.payers.insert(customer, Rc::clone(&payer));
        Ok(payer)
    }

    /// Reads the customer again next time: its row was changed.
    pub(super) fn forget(&mut self, customer: i64) {
        self.payers.remove(&customer);
    }

    fn versions(&mut self, conn: &Connection, plan: i64) -> Result<Rc<Vec<Rc<StoredVersion>>>, BillingError> {
        if let Some(versions) = self.plans.get(&plan) {
            return Ok(Rc::clone(versions));
        }
        let versions: Rc<Vec<_>> = Rc::new(plans::versions(conn, plan)?.into_iter().map(Rc::new).collect());
        self.plans.insert(plan, Rc::clone(&versions));
        Ok(versions)
    }

    /// The price of an hour.
    pub fn price(&mut self, conn: &Connection, payer: &Payer, hour: UtcHour) -> Result<Price, BillingError> {
        let month = month_number(BillingMonth::of(hour, &payer.zone)?)?;
        let plan = payer.plans.iter().rev().find(|(from, _)| *from <= hour).map(|(_, plan)| *plan);
        let Some(row) = plan else { return Ok(Price { plan, version: None, month }) };
        let versions = self.versions(conn, row)?;
        let found = version_at(versions.iter().map(|v| &v.version), hour, &payer.zone)?;
        let version = found.and_then(|f| versions.iter().find(|v| v.version.id() == f.id())).map(Rc::clone);
        Ok(Price { plan, version, month })
    }

    /// The price of the plan that holds at the customer's hour, for another plan than the customer's own.
    pub fn price_under(
        &mut self,
        conn: &Connection,
        plan: i64,
        hour: UtcHour,
        zone: &TimeZone,
    ) -> Result<Price, BillingError> {
        let month = month_number(BillingMonth::of(hour, zone)?)?;
        let versions = self.versions(conn, plan)?;
        let found = version_at(versions.iter().map(|v| &v.version), hour, zone)?;
        let version = found.and_then(|f| versions.iter().find(|v| v.version.id() == f.id())).map(Rc::clone);
        Ok(Price { plan: Some(plan), version, month })
    }
}

/// `2026-11` as 202611.
fn month_number(month: BillingMonth) -> Result<i64, BillingError> {
    let text: String = month.to_string().chars().filter(char::is_ascii_digit).collect();
    text.parse().map_err(|e| BillingError::damaged(format!("month {month}"), e))
}
