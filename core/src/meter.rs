//! The one table of meters. API, panel, rating, export and docs follow from it.
//!
//! To add a meter: one line here, one file in `agent/src/meter/`, one line in that folder's list.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How values of a meter add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An amount used during an interval: values add up, can be billed.
    Flow,
    /// A level at the end of an interval: the last one counts, is never billed.
    Gauge,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Name on the wire, in the API and in plans.
    pub name: &'static str,
    /// Base unit, for people: `us`, `KiB*s`, `bytes`, `s` or `1`.
    pub unit: &'static str,
    /// How values add up.
    pub kind: Kind,
    /// One sentence for people.
    pub description: &'static str,
    /// Default price: an amount in the plan's currency, and for how many base units.
    pub price: Option<(&'static str, &'static str)>,
}

macro_rules! meters {
    ($($id:ident $name:literal $unit:literal $kind:ident $price:expr, $description:literal;)*) => {
        /// What is metered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Meter { $(#[doc = $description] $id,)* }

        impl Meter {
            /// Every meter, in the order of the table.
            pub const ALL: &'static [Meter] = &[$(Meter::$id,)*];
            const TABLE: &'static [Info] = &[$(Info {
                name: $name, unit: $unit, kind: Kind::$kind, description: $description, price: $price,
            },)*];

            /// This meter's row of the table.
            pub const fn info(self) -> &'static Info {
                match self { $(Meter::$id => &Info {
                    name: $name, unit: $unit, kind: Kind::$kind, description: $description, price: $price,
                },)* }
            }
        }
    };
}

meters! {
    CpuUsec "cpu_usec" "us" Flow Some(("0.01", "3600000000")), "CPU time, user and system";
    MemoryKibSec "memory_kib_sec" "KiB*s" Flow Some(("0.005", "3774873600")), "Memory over time: anonymous, swap and the account's share of shared pages";
    IoReadBytes "io_read_bytes" "bytes" Flow Some(("0.01", "1073741824")), "Bytes read from storage";
    IoWriteBytes "io_write_bytes" "bytes" Flow Some(("0.01", "1073741824")), "Bytes that reached storage, net of cancelled writes";
    IoOps "io_ops" "1" Flow None, "Read and write system calls; not device operations";
    DiskKibSec "disk_kib_sec" "KiB*s" Flow Some(("0.10", "2717908992000")), "Disk space over time";
    DiskFiles "disk_files" "1" Gauge None, "Files and directories now";
    NetRxBytes "net_rx_bytes" "bytes" Flow None, "Bytes received by the account's sockets, loopback left out";
    NetTxBytes "net_tx_bytes" "bytes" Flow Some(("0.01", "1073741824")), "Bytes sent by the account's sockets, loopback left out";
    WebRequests "web_requests" "1" Flow None, "Requests to the account's web sites";
    WebRxBytes "web_rx_bytes" "bytes" Flow None, "Bytes received by the account's web sites";
    WebTxBytes "web_tx_bytes" "bytes" Flow Some(("0.01", "1073741824")), "Bytes sent by the account's web sites";
    DbCpuUsec "db_cpu_usec" "us" Flow Some(("0.01", "3600000000")), "CPU time of the database server for the account";
    DbBusyUsec "db_busy_usec" "us" Flow None, "Time that the database server was busy for the account";
    DbQueries "db_queries" "1" Flow None, "Database statements";
    DbRows "db_rows" "1" Flow None, "Rows read and written by database statements";
    DbBytes "db_bytes" "bytes" Flow None, "Bytes between the database server and the account";
    SessionSec "session_sec" "s" Flow None, "Time of open SSH and shell sessions";
    Sessions "sessions" "1" Gauge None, "Sessions open now";
    Processes "processes" "1" Gauge None, "Processes, average over the interval, rounded up";
    ProcessStarts "process_starts" "1" Flow None, "Processes started";
    MemoryUpperKibSec "memory_upper_kib_sec" "KiB*s" Flow None, "Part of memory over time that is an upper bound: peak times lifetime of processes too short to be looked at";
}

impl Meter {
    /// Number of meters.
    pub const COUNT: usize = Self::ALL.len();

    /// Name on the wire, in the API and in plans.
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// Base unit, for people.
    pub const fn unit(self) -> &'static str {
        self.info().unit
    }

    /// Whether values add up (and can be billed).
    pub const fn is_flow(self) -> bool {
        matches!(self.info().kind, Kind::Flow)
    }

    /// The meter of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().position(|row| row.name == name).and_then(|i| Self::ALL.get(i)).copied()
    }

    /// As [`Meter::from_name`], for names that mostly come in the order of the table: looks first behind the last one.
    pub fn from_name_after(last: Option<Self>, name: &str) -> Option<Self> {
        let from = last.map_or(0, |m| m.index().saturating_add(1));
        let behind = Self::TABLE.get(from..).unwrap_or_default();
        match behind.iter().position(|row| row.name == name) {
            Some(i) => Self::ALL.get(from.saturating_add(i)).copied(),
            None => Self::from_name(name),
        }
    }

    /// Place in the table, `0..COUNT`.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its place as a bit.
    const fn bit(self) -> u32 {
        1 << self.index()
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Meter {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Meter {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("no meter is called {name:?}")))
    }
}

/// Values by meter. A meter that is absent was not measured; 0 was measured as zero.
///
/// A place for each meter and no memory of its own: thousands are made, added and dropped for every batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// A bit for each meter that was measured, by its place in the table.
    known: u32,
    /// 0 where nothing was measured.
    values: [i64; Meter::COUNT],
}

const _: () = assert!(Meter::COUNT <= u32::BITS as usize, "a bit for each meter");

impl Default for Values {
    fn default() -> Self {
        Self::new()
    }
}

impl Values {
    /// No meter measured.
    pub const fn new() -> Self {
        Self { known: 0, values: [0; Meter::COUNT] }
    }

    /// The value of a meter, if it was measured.
    pub fn get(&self, meter: Meter) -> Option<i64> {
        let value = self.values.get(meter.index()).copied();
        value.filter(|_| self.known & meter.bit() != 0)
    }

    /// Sets the value of a meter.
    pub fn set(&mut self, meter: Meter, value: i64) {
        if let Some(slot) = self.values.get_mut(meter.index()) {
            *slot = value;
            self.known |= meter.bit();
        }
    }

    /// Adds a later value: flows add up, of gauges the later one stays. `None` if the sum does not fit; then
    /// nothing was changed.
    #[must_use]
    pub fn add(&mut self, meter: Meter, value: i64) -> Option<()> {
        let sum = if meter.is_flow() { self.get(meter).unwrap_or(0).checked_add(value)? } else { value };
        self.set(meter, sum);
        Some(())
    }

    /// Measured meters with their values, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Meter, i64)> + '_ {
        let mut left = self.known;
        std::iter::from_fn(move || {
            let place = usize::try_from(left.trailing_zeros()).ok()?;
            let found = (*Meter::ALL.get(place)?, *self.values.get(place)?);
            left &= left.wrapping_sub(1);
            Some(found)
        })
    }

    /// Whether nothing was measured.
    pub const fn is_empty(&self) -> bool {
        self.known == 0
    }
}

impl FromIterator<(Meter, i64)> for Values {
    fn from_iter<T: IntoIterator<Item = (Meter, i64)>>(iter: T) -> Self {
        let mut out = Self::new();
        for (m, v) in iter {
            out.set(m, v);
        }
        out
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter().map(|(m, v)| (m.name(), v)))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<Meter, i64>::deserialize(d)?;
        Ok(map.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_what_others_rely_on() {
        let rows: Vec<String> =
            Meter::ALL.iter().map(|m| format!("{} {} {:?}", m.name(), m.unit(), m.info().kind)).collect();
        insta::assert_snapshot!(rows.join("\n"));
        for (i, m) in Meter::ALL.iter().enumerate() {
            assert_eq!(m.index(), i);
            assert_eq!(Meter::from_name(m.name()), Some(*m));
        }
    }

    #[test]
    fn values() {
        let mut v = Values::new();
        assert_eq!(v.get(Meter::CpuUsec), None);
        assert_eq!(v.add(Meter::Sessions, 2), Some(()));
        assert_eq!(v.add(Meter::CpuUsec, 5), Some(()));
        assert_eq!(v.add(Meter::CpuUsec, 6), Some(()));
        assert_eq!(v.add(Meter::Sessions, 1), Some(()));
        assert_eq!(v.add(Meter::CpuUsec, i64::MAX), None);
        assert_eq!(serde_json::to_string(&v).unwrap(), r#"{"cpu_usec":11,"sessions":1}"#);
        assert_eq!(serde_json::from_str::<Values>(r#"{"cpu_usec":11,"sessions":1}"#).unwrap(), v);
        assert!(serde_json::from_str::<Values>(r#"{"nonsense":1}"#).is_err());
    }
}
