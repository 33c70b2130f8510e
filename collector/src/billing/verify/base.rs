//! Base fees: every day worked out again from owners, states and prices, and held against what was decided.

use super::Report;
use super::charges::Charged;
use crate::billing::charge::base::{decided, put_digest};
use crate::billing::charge::rate::Side;
use crate::billing::days::days;
use crate::billing::error::BillingError;
use crate::billing::parked;
use crate::billing::rates::Rates;
use crate::db::Connection;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::rating::Item;
use hostmeter_core::units::UtcHour;
use std::collections::BTreeMap;

/// A decided day, but for account and date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fee {
    hour: i64,
    customer: i64,
    version: Option<i64>,
    amount: i64,
}

/// Adds base fees to what the transactions' charges add up to, and names days that differ.
pub(super) fn check(
    conn: &Connection,
    side: Side,
    charged: &mut Charged,
    report: &mut Report,
) -> Result<(), BillingError> {
    let mut rates = Rates::default();
    let hours = decided(conn)?;
    let sql = match side {
        Side::Retail => {
            "SELECT account, date, hour, customer, version, amount, txn FROM base_fee ORDER BY account, date"
        }
        Side::Wholesale => {
            "SELECT account, date, hour, reseller, version, amount, txn FROM wholesale_fee ORDER BY account, date"
        }
    };
    let mut fees = conn.prepare(sql)?;
    let mut all = Stored { side, rows: fees.query([])?, ahead: None };
    all.read()?;
    let mut stmt = conn.prepare("SELECT id FROM account WHERE billing IS NULL ORDER BY id")?;
    let accounts = stmt.query_map([], |r| r.get::<_, i64>(0))?;
    for account in accounts {
        let account = account?;
        let stored = all.of(conn, &mut rates, account, charged)?;
        report.base_fees = report.base_fees.saturating_add(u64::try_from(stored.len()).unwrap_or(u64::MAX));
        let Some((from, next)) = hours else {
            for date in stored.keys() {
                report.differs(format!(
                    "base fee of account {account}, {date}: no price version has a base fee"
                ));
            }
            continue;
        };
        // The hour that is being decided may be done for this account or not yet.
        let mut want = BTreeMap::new();
        for day in days(conn, &mut rates, side, account, from, next.next())? {
            let price = rates.price(conn, &day.payer, day.hour)?;
            let fee = Fee {
                hour: day.hour.0,
                customer: day.payer.customer.row,
                version: price.version.as_ref().map(|v| v.row),
                amount: price.version.as_ref().map_or(0, |v| v.version.base_per_day().micros()),
            };
            want.insert(day.date.number(), fee);
        }
        for (date, have) in stored.iter().filter(|(_, f)| f.amount == 0 && f.version.is_none()) {
            // Waived while the customer was parked.
            if let Some(fee) = want.get_mut(date).filter(|f| f.customer == have.customer)
                && parked::was_parked(conn, have.customer)?
            {
                (fee.version, fee.amount) = (None, 0);
            }
        }
        compare(account, &want, &stored, next, report);
    }
    Ok(())
}

fn compare(
    account: i64,
    want: &BTreeMap<i64, Fee>,
    stored: &BTreeMap<i64, Fee>,
    next: UtcHour,
    report: &mut Report,
) {
    for (date, fee) in want {
        match stored.get(date) {
            Some(have) if have == fee => {}
            None if fee.hour >= next.0 => {}
            Some(have) => report.differs(format!(
                "base fee of account {account}, {date}: {have:?} was decided, worked out again {fee:?}"
            )),
            None => report.differs(format!("base fee of account {account}, {date}: it is missing")),
        }
    }
    for date in stored.keys().filter(|date| !want.contains_key(date)) {
        report.differs(format!("base fee of account {account}, {date}: none is due on that day"));
    }
}

/// Decided days in the order of their accounts.
struct Stored<'a> {
    side: Side,
    rows: rusqlite::Rows<'a>,
    ahead: Option<Row>,
}

struct Row {
    account: i64,
    date: i64,
    fee: Fee,
    txn: Option<i64>,
}

impl Stored<'_> {
    fn read(&mut self) -> Result<(), BillingError> {
        self.ahead = match self.rows.next()? {
            None => None,
            Some(r) => Some(Row {
                account: r.get(0)?,
                date: r.get(1)?,
                fee: Fee { hour: r.get(2)?, customer: r.get(3)?, version: r.get(4)?, amount: r.get(5)? },
                txn: r.get(6)?,
            }),
        };
        Ok(())
    }

    /// The days of the next account, added to the sums of their transactions.
    fn of(
        &mut self,
        conn: &Connection,
        rates: &mut Rates,
        account: i64,
        charged: &mut Charged,
    ) -> Result<BTreeMap<i64, Fee>, BillingError> {
        let mut out = BTreeMap::new();
        while let Some(Row { date, fee, txn, .. }) = self.ahead.take_if(|r| r.account == account) {
            self.read()?;
            out.insert(date, fee);
            let Some(txn) = txn else { continue };
            let sums = charged.by_txn.entry(txn).or_default();
            put_digest(&mut sums.digest, self.side, date, account, fee.customer, fee.version, fee.amount);
            let payer = rates.payer(conn, fee.customer)?;
            let name = LedgerAccount::Customer(payer.customer.id.clone()).to_string();
            *sums.entries.entry(name).or_default() -= i128::from(fee.amount);
            let earner = match payer.reseller_at(UtcHour(fee.hour)) {
                Some(row) => LedgerAccount::Reseller(rates.payer(conn, row)?.customer.id.clone()),
                None => LedgerAccount::Revenue(Item::Base),
            };
            *sums.entries.entry(earner.to_string()).or_default() += i128::from(fee.amount);
        }
        Ok(out)
    }
}
