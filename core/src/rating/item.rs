//! What a line of a bill is for: a meter, or the base fee.

use crate::meter::Meter;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What a line is for. On the wire a meter's name, or `base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// Usage of a meter; quantities are its base units.
    Meter(Meter),
    /// The base fee; the quantity is days.
    Base,
}

/// The name of the base fee; no meter is called so.
const BASE: &str = "base";

impl Item {
    /// The name on the wire and in the ledger's `revenue:NAME`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meter(meter) => meter.name(),
            Self::Base => BASE,
        }
    }

    /// Unit of its quantities, for people.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Meter(meter) => meter.unit(),
            Self::Base => "days",
        }
    }

    /// The item of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == BASE { Some(Self::Base) } else { Meter::from_name(name).map(Self::Meter) }
    }

    /// The meter, if it is one.
    pub const fn meter(self) -> Option<Meter> {
        match self {
            Self::Meter(meter) => Some(meter),
            Self::Base => None,
        }
    }
}

impl From<Meter> for Item {
    fn from(meter: Meter) -> Self {
        Self::Meter(meter)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        Self::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("{name:?} is no meter and not {BASE:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_no_meter_is_called_base() {
        assert_eq!(Meter::from_name(BASE), None);
        for item in Meter::ALL.iter().map(|m| Item::Meter(*m)).chain([Item::Base]) {
            assert_eq!(Item::from_name(item.name()), Some(item));
            let json = serde_json::to_string(&item).unwrap();
            assert_eq!(serde_json::from_str::<Item>(&json).unwrap(), item);
        }
        assert_eq!(Item::from_name("cpu"), None);
    }
}
