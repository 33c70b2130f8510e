//! Which price holds for which hour of a customer, read once for each transaction.

use super::customers::{self, Customer};
use super::error::BillingError;
use super::plans::{self, StoredVersion};
use super::resellers;
use crate::db::Connection;
use hostmeter_core::rating::{BillingMonth, Calendar, version_at};
use hostmeter_core::units::UtcHour;
use std::collections::HashMap;
use std::rc::Rc;

/// A customer's facts that prices depend on.
#[derive(Debug)]
pub struct Payer {
    /// The customer.
    pub customer: Customer,
    /// Its billing days and months.
    pub calendar: Calendar,
    /// Its plans with their starts, earliest first.
    pub plans: Vec<(UtcHour, i64)>,
    /// Whose customer it is from when on, earliest first; `None`: the company's, as before the first.
    pub resellers: Vec<(UtcHour, Option<i64>)>,
}

impl Payer {
    /// Whose customer it is in an hour, by row; `None`: the company's.
    pub fn reseller_at(&self, hour: UtcHour) -> Option<i64> {
        resellers::holding(&self.resellers, hour)
    }
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
        let calendar = customers::calendar(conn, &found)?;
        let plans = customers::plan_history(conn, customer)?;
        // Customers that never had a reseller are charged without a look.
        let resellers = if found.resold { resellers::history(conn, customer)? } else { Vec::new() };
        let payer = Rc::new(Payer { customer: found, calendar, plans, resellers });
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
        let month = payer.calendar.month(hour)?;
        let plan = payer.plans.iter().rev().find(|(from, _)| *from <= hour).map(|(_, plan)| *plan);
        match plan {
            Some(row) => self.price_under(conn, row, hour, month),
            None => Ok(Price { plan, version: None, month: month.number() }),
        }
    }

    /// The price of an hour under a plan, which need not be the customer's own.
    pub fn price_under(
        &mut self,
        conn: &Connection,
        plan: i64,
        hour: UtcHour,
        month: BillingMonth,
    ) -> Result<Price, BillingError> {
        let versions = self.versions(conn, plan)?;
        let found = version_at(versions.iter().map(|v| &v.version), hour, month)?;
        let version = found.and_then(|f| versions.iter().find(|v| v.version.id() == f.id())).map(Rc::clone);
        Ok(Price { plan: Some(plan), version, month: month.number() })
    }
}
