//! The payload of a batch: intervals of one host with the usage of its accounts.

use super::command::Outcome;
use super::{PayloadError, from_json, to_json};
use crate::interval::is_within_one_hour;
use crate::limits::{BATCH_INTERVALS_MAX, GAPS_MAX, PART_ACCOUNTS_MAX, PARTS_MAX, TEXT_MAX_BYTES, TOP_MAX};
use crate::meter::{Meter, Values};
use crate::name;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

const WHAT: &str = "batch";

/// Payload of an `HMBATCH1` envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Payload version.
    pub v: u32,
    /// Where the kernel's figures come from: `ebpf` or `proc`.
    pub tier: String,
    /// What the agent sees.
    pub coverage: Coverage,
    /// The agent itself.
    pub agent: AgentInfo,
    /// Which part of the interval this is, from 1.
    pub part: u32,
    /// How many parts there are; host totals, gaps and the watermark come with the last.
    pub parts: u32,
    /// What became of commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
    /// In rising order, none overlapping.
    pub intervals: Vec<Interval>,
}

/// Shares of the truth that the agent could see, in millionths; absent: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Of the host's busy time, how much was seen at some process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ppm: Option<u32>,
    /// Of the processes, how many gave their I/O counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_ppm: Option<u32>,
    /// Of the processes, how many gave their memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_ppm: Option<u32>,
}

/// The agent's own facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentInfo {
    /// Its version.
    pub version: String,
    /// Its interval in milliseconds.
    pub interval_ms: u64,
    /// Empty if it sees all of /proc; else what it cannot see and why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub limited: String,
}

/// One interval `[from_ms, to_ms)` in collector time, within one UTC hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Start, milliseconds since the epoch; the end of the interval before.
    pub from_ms: i64,
    /// End, milliseconds since the epoch.
    pub to_ms: i64,
    /// Totals of the host; with the last part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostTotals>,
    /// Accounts that used something or have processes. An account that is not listed used nothing, unless a gap
    /// covers it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountUsage>,
    /// What is not known about this interval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// Totals of the host over an interval. `None`: could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostTotals {
    /// CPUs online.
    pub cpus: u32,
    /// Busy time of all CPUs: online × wall − idle − iowait − steal, µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_usec: Option<i64>,
    /// CPU time of all accounts, measured, µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts_usec: Option<i64>,
    /// CPU time of everything that is no account, measured, µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_usec: Option<i64>,
    /// busy − accounts − system, signed, µs; shown, never billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder_usec: Option<i64>,
    /// Physical memory, KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_total_kib: Option<i64>,
    /// Memory available to new processes, KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_available_kib: Option<i64>,
    /// Processes at the end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<i64>,
}

/// Something that is not known about an interval: shown, never billed, never estimated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Which meter.
    pub meter: GapMeter,
    /// Of which account; absent: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Why, for people.
    pub reason: String,
}

/// The meter of a gap: one, or all (`*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapMeter {
    /// Every meter.
    All,
    /// This one.
    One(Meter),
}

impl GapMeter {
    /// Name of the meter, or `*`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::One(m) => m.name(),
        }
    }

    /// Whether the gap covers this meter.
    pub fn covers(self, meter: Meter) -> bool {
        self == Self::All || self == Self::One(meter)
    }

    /// The meter of that name, or all for `*`.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == "*" { Some(Self::All) } else { Meter::from_name(word).map(Self::One) }
    }
}

impl Serialize for GapMeter {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for GapMeter {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let word = String::deserialize(d)?;
        Self::from_word(&word).ok_or_else(|| D::Error::custom(format!("no meter is called {word:?}")))
    }
}

/// What one account used in an interval. On the wire the values stand beside uid and user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUsage {
    /// Numeric user id.
    pub uid: u32,
    /// User name, escaped by [`name::escape`]; absent where passwd has no entry.
    pub user: Option<String>,
    /// Home directory as in passwd; sent when it is first seen, when it changes, and once an hour.
    pub home: Option<String>,
    /// Inode of the home directory, with `home`.
    pub home_inode: Option<u64>,
    /// Measured meters: 0 was measured as zero, and is sent; an absent meter was not measured.
    pub values: Values,
    /// Commands that used most, `other` last; sent once a minute.
    pub top: Vec<TopCommand>,
}

/// What one command of an account used since the last list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopCommand {
    /// Name as the kernel has it, escaped; `other` for the rest.
    pub command: String,
    /// CPU time, µs.
    pub cpu_usec: i64,
    /// Memory over time, KiB·s.
    pub memory_kib_sec: i64,
    /// Processes at the end.
    pub processes: i64,
}

impl Serialize for AccountUsage {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("uid", &self.uid)?;
        if let Some(user) = &self.user {
            map.serialize_entry("user", user)?;
        }
        if let Some(home) = &self.home {
            map.serialize_entry("home", home)?;
        }
        if let Some(inode) = &self.home_inode {
            map.serialize_entry("home_inode", inode)?;
        }
        for (meter, value) in self.values.iter() {
            map.serialize_entry(meter.name(), &value)?;
        }
        if !self.top.is_empty() {
            map.serialize_entry("top", &self.top)?;
        }
        map.end()
    }
}

/// What may stand in the object of an account.
enum Key {
    Uid,
    User,
    Home,
    HomeInode,
    Top,
    Meter(Meter),
}

/// Reads a key without a copy of it: thousands stand in a batch. Meters mostly come in the order of the table.
struct AfterMeter(Option<Meter>);

impl<'de> DeserializeSeed<'de> for AfterMeter {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Key, D::Error> {
        d.deserialize_identifier(self)
    }
}

impl Visitor<'_> for AfterMeter {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a meter or field")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
        match name {
            "uid" => Ok(Key::Uid),
            "user" => Ok(Key::User),
            "home" => Ok(Key::Home),
            "home_inode" => Ok(Key::HomeInode),
            "top" => Ok(Key::Top),
            name => Meter::from_name_after(self.0, name)
                .map(Key::Meter)
                .ok_or_else(|| E::custom(format!("no meter or field is called {name:?}"))),
        }
    }
}

impl<'de> Deserialize<'de> for AccountUsage {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = AccountUsage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an account with uid, user and meters")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AccountUsage, A::Error> {
                let mut out = AccountUsage::default();
                let mut uid = None;
                let mut last = None;
                while let Some(key) = map.next_key_seed(AfterMeter(last))? {
                    match key {
                        Key::Uid => uid = Some(map.next_value()?),
                        Key::User => out.user = Some(map.next_value()?),
                        Key::Home => out.home = Some(map.next_value()?),
                        Key::HomeInode => out.home_inode = Some(map.next_value()?),
                        Key::Top => out.top = map.next_value()?,
                        Key::Meter(m) if out.values.get(m).is_some() => {
                            return Err(A::Error::custom(format!("meter {:?} stands twice", m.name())));
                        }
                        Key::Meter(m) => {
                            out.values.set(m, map.next_value()?);
                            last = Some(m);
                        }
                    }
                }
                out.uid = uid.ok_or_else(|| A::Error::missing_field("uid"))?;
                Ok(out)
            }
        }
        d.deserialize_map(Fields)
    }
}

impl Batch {
    /// Reads a payload and checks every rule that needs nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let batch: Self = from_json(WHAT, bytes)?;
        batch.check().map_err(|why| PayloadError::Invalid { what: WHAT, why })?;
        Ok(batch)
    }

    /// Writes the payload.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        to_json(WHAT, self)
    }

    /// End of the last interval, if this is the last part: how far the host's usage is known.
    pub fn watermark_ms(&self) -> Option<i64> {
        (self.part == self.parts).then(|| self.intervals.last().map(|i| i.to_ms)).flatten()
    }

    fn check(&self) -> Result<(), String> {
        if self.part == 0 || self.part > self.parts || self.parts > PARTS_MAX {
            return Err(format!(
                "part {} of {} is not possible (at most {PARTS_MAX})",
                self.part, self.parts
            ));
        }
        if self.intervals.len() > BATCH_INTERVALS_MAX {
            return Err(format!("{} intervals; at most {BATCH_INTERVALS_MAX}", self.intervals.len()));
        }
        let mut last_ms = i64::MIN;
        for interval in &self.intervals {
            if interval.from_ms < last_ms {
                return Err(format!("interval from {} ms overlaps the one before", interval.from_ms));
            }
            last_ms = interval.to_ms;
            interval.check()?;
        }
        Ok(())
    }
}

impl Interval {
    fn check(&self) -> Result<(), String> {
        let at = |why: &str| Err(format!("interval {}..{} ms: {why}", self.from_ms, self.to_ms));
        if !is_within_one_hour(self.from_ms, self.to_ms) {
            return at("does not run forward within one UTC hour");
        }
        if self.accounts.len() > PART_ACCOUNTS_MAX || self.gaps.len() > GAPS_MAX {
            return at(&format!(
                "{} accounts and {} gaps; at most {PART_ACCOUNTS_MAX} and {GAPS_MAX}",
                self.accounts.len(),
                self.gaps.len()
            ));
        }
        if self.gaps.iter().any(|g| g.reason.len() > TEXT_MAX_BYTES) {
            return at("a gap's reason is too long");
        }
        let mut uids: Vec<u32> = self.accounts.iter().map(|a| a.uid).collect();
        uids.sort_unstable();
        if let Some(pair) = uids.windows(2).find(|w| w.first() == w.last()) {
            return at(&format!("uid {} stands twice", pair.first().copied().unwrap_or_default()));
        }
        self.accounts.iter().try_for_each(|a| a.check().or_else(|why| at(&why)))
    }
}

impl AccountUsage {
    fn check(&self) -> Result<(), String> {
        let uid = self.uid;
        if let Some(user) = &self.user {
            name::check(user).map_err(|e| format!("uid {uid}: {e}"))?;
        }
        if self.home.as_ref().is_some_and(|h| h.len() > TEXT_MAX_BYTES) {
            return Err(format!("uid {uid}: the home's path is too long"));
        }
        if let Some((m, v)) = self.values.iter().find(|(_, v)| *v < 0) {
            return Err(format!("uid {uid}: {m} is {v}; usage is never negative"));
        }
        if self.top.len() > TOP_MAX {
            return Err(format!("uid {uid}: {} commands; at most {TOP_MAX}", self.top.len()));
        }
        for t in &self.top {
            name::check(&t.command).map_err(|e| format!("uid {uid}: {e}"))?;
            if t.cpu_usec < 0 || t.memory_kib_sec < 0 || t.processes < 0 {
                return Err(format!("uid {uid}: command {:?} has a negative figure", t.command));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
