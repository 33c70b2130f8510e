//! A baseline as a trailer holds it: a table with one column for each meter, as it stands beside every batch.
//!
//! Only what a difference needs is kept; a home's path and inode are read anew after a restart.

use crate::by_meter::ByMeter;
use crate::interval::Baseline;
use crate::reading::{AccountReading, HostReading, Reading, Source};
use hostmeter_core::meter::Meter;
use serde::de::Error as _;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// What is written of a reading.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    boottime_ns: u64,
    source: &'a Source,
    host: &'a HostReading,
    accounts: &'a BTreeMap<u32, AccountReading>,
}

impl<'a> From<&'a Reading> for Columns<'a> {
    fn from(r: &'a Reading) -> Self {
        Self { boottime_ns: r.boottime_ns, source: &r.source, host: &r.host, accounts: &r.accounts }
    }
}

impl<'a> From<&'a Baseline> for Columns<'a> {
    fn from(b: &'a Baseline) -> Self {
        Self { boottime_ns: b.boottime_ns, source: &b.source, host: &b.host, accounts: &b.accounts }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    boottime_ns: u64,
    source: &'a Source,
    host: &'a HostReading,
    counters: &'a [Meter],
    gauges: &'a [Meter],
    accounts: Rows<'a>,
}

/// Uid, name, whether it was never seen, then its counters and gauges in the order of the columns.
struct Rows<'a> {
    accounts: &'a BTreeMap<u32, AccountReading>,
    counters: &'a [Meter],
    gauges: &'a [Meter],
}

struct Cells<'a, T> {
    columns: &'a [Meter],
    values: &'a ByMeter<T>,
}

impl<T: Serialize> Serialize for Cells<'_, T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.columns.iter().map(|meter| self.values.get(meter)))
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut rows = s.serialize_seq(Some(self.accounts.len()))?;
        for (uid, a) in self.accounts {
            let counters = Cells { columns: self.counters, values: &a.counters };
            let gauges = Cells { columns: self.gauges, values: &a.gauges };
            rows.serialize_element(&(uid, &a.user, a.is_unseen, counters, gauges))?;
        }
        rows.end()
    }
}

/// Meters that some account has, in the order of the table.
fn columns<'a>(meters: impl Iterator<Item = &'a Meter>) -> Vec<Meter> {
    let mut has = [false; Meter::COUNT];
    for meter in meters {
        if let Some(place) = has.get_mut(meter.index()) {
            *place = true;
        }
    }
    Meter::ALL.iter().zip(has).filter_map(|(meter, has)| has.then_some(*meter)).collect()
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let accounts = self.accounts;
        let counters = columns(accounts.values().flat_map(|a| a.counters.keys()));
        let gauges = columns(accounts.values().flat_map(|a| a.gauges.keys()));
        let (counters, gauges) = (counters.as_slice(), gauges.as_slice());
        let rows = Rows { accounts, counters, gauges };
        let Self { boottime_ns, source, host, .. } = *self;
        Written { boottime_ns, source, host, counters, gauges, accounts: rows }.serialize(s)
    }
}

type Row = (u32, Option<String>, bool, Vec<Option<u64>>, Vec<Option<i64>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    boottime_ns: u64,
    source: Source,
    host: HostReading,
    counters: Vec<Meter>,
    gauges: Vec<Meter>,
    accounts: Vec<Row>,
}

/// The cells of a row by meter; `None` if they are not as many as there are columns.
fn by_meter<T: Copy + Default>(columns: &[Meter], cells: Vec<Option<T>>) -> Option<ByMeter<T>> {
    let fits = columns.len() == cells.len();
    fits.then(|| columns.iter().zip(cells).filter_map(|(m, v)| Some((*m, v?))).collect())
}

impl<'de> Deserialize<'de> for Baseline {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Read { boottime_ns, source, host, counters, gauges, accounts: rows } = Read::deserialize(d)?;
        let mut accounts = BTreeMap::new();
        for (uid, user, is_unseen, counts, levels) in rows {
            let cells = by_meter(&counters, counts).zip(by_meter(&gauges, levels));
            let (counters, gauges) =
                cells.ok_or_else(|| D::Error::custom(format!("uid {uid}: a row must have every column")))?;
            let account = AccountReading { user, counters, gauges, is_unseen, ..AccountReading::default() };
            accounts.insert(uid, account);
        }
        Ok(Self { boottime_ns, source, accounts, host })
    }
}
