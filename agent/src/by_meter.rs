//! A map by meter: a short row in the order of the table. Every account has two of them in every reading.

use hostmeter_core::meter::Meter;

/// Room that is made at first: one account's counters.
const USUAL_METERS: usize = 12;

/// Values by meter; a meter that is absent was not measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByMeter<T>(Vec<(Meter, T)>);

impl<T> ByMeter<T> {
    /// The value of a meter.
    pub fn get(&self, meter: &Meter) -> Option<&T> {
        self.place(*meter).ok().and_then(|i| self.0.get(i)).map(|(_, value)| value)
    }

    /// Whether there is a value of a meter.
    pub fn contains_key(&self, meter: &Meter) -> bool {
        self.place(*meter).is_ok()
    }

    /// Sets the value of a meter; gives the one that was there.
    pub fn insert(&mut self, meter: Meter, value: T) -> Option<T> {
        // Mostly they come in order.
        if self.0.last().is_none_or(|(last, _)| *last < meter) {
            self.0.push((meter, value));
            return None;
        }
        match self.place(meter) {
            Ok(i) => self.0.get_mut(i).map(|(_, old)| std::mem::replace(old, value)),
            Err(i) => {
                self.0.insert(i, (meter, value));
                None
            }
        }
    }

    /// Takes the value of a meter out.
    pub fn remove(&mut self, meter: &Meter) -> Option<T> {
        self.place(*meter).ok().map(|i| self.0.remove(i).1)
    }

    /// Meters that have a value, in the order of the table.
    pub fn keys(&self) -> impl Iterator<Item = &Meter> {
        self.0.iter().map(|(meter, _)| meter)
    }

    /// Meters with their values, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&Meter, &T)> {
        self.0.iter().map(|(meter, value)| (meter, value))
    }

    /// Whether no meter has a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, meter: Meter) -> Result<usize, usize> {
        self.0.binary_search_by_key(&meter, |(m, _)| *m)
    }
}

impl<T> Default for ByMeter<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<(Meter, T)> for ByMeter<T> {
    fn from_iter<I: IntoIterator<Item = (Meter, T)>>(iter: I) -> Self {
        let mut out = Self(Vec::with_capacity(USUAL_METERS));
        for (meter, value) in iter {
            out.insert(meter, value);
        }
        out
    }
}

impl<T, const N: usize> From<[(Meter, T); N]> for ByMeter<T> {
    fn from(values: [(Meter, T); N]) -> Self {
        values.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    impl<T> std::ops::Index<&Meter> for ByMeter<T> {
        type Output = T;

        fn index(&self, meter: &Meter) -> &T {
            self.get(meter).unwrap()
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0..Meter::COUNT, proptest::option::of(0..9_u8)), 0..40)) {
            let (mut map, mut want) = (ByMeter::default(), BTreeMap::new());
            for (i, value) in steps {
                let meter = Meter::ALL[i];
                match value {
                    Some(v) => prop_assert_eq!(map.insert(meter, v), want.insert(meter, v)),
                    None => prop_assert_eq!(map.remove(&meter), want.remove(&meter)),
                }
                prop_assert_eq!(map.get(&meter), want.get(&meter));
                prop_assert_eq!(map.contains_key(&meter), want.contains_key(&meter));
            }
            prop_assert!(map.iter().eq(want.iter()) && map.keys().eq(want.keys()));
            prop_assert_eq!(map.is_empty(), want.is_empty());
            prop_assert_eq!(want.iter().map(|(m, v)| (*m, *v)).collect::<ByMeter<u8>>(), map);
        }
    }
}
