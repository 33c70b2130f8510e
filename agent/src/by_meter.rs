//! A map by meter: a place for each meter and no memory of its own. Every account has two of them in every reading.

use hostmeter_core::meter::Meter;

/// Values by meter; a meter that is absent was not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByMeter<T> {
    /// A bit for each meter that has a value, by its place in the table.
    known: u32,
    /// The default where there is none.
    values: [T; Meter::COUNT],
}

const _: () = assert!(Meter::COUNT <= u32::BITS as usize, "a bit for each meter");

const fn bit(meter: Meter) -> u32 {
    1 << meter.index()
}

impl<T> ByMeter<T> {
    /// The value of a meter.
    pub fn get(&self, meter: &Meter) -> Option<&T> {
        self.values.get(meter.index()).filter(|_| self.contains_key(meter))
    }

    /// Whether there is a value of a meter.
    pub fn contains_key(&self, meter: &Meter) -> bool {
        self.known & bit(*meter) != 0
    }

    /// Meters that have a value, in the order of the table.
    pub fn keys(&self) -> impl Iterator<Item = &'static Meter> + use<T> {
        let mut left = self.known;
        std::iter::from_fn(move || {
            let meter = Meter::ALL.get(usize::try_from(left.trailing_zeros()).ok()?)?;
            left &= left.wrapping_sub(1);
            Some(meter)
        })
    }

    /// Meters with their values, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&Meter, &T)> {
        self.keys().filter_map(|meter| Some((meter, self.values.get(meter.index())?)))
    }

    /// Whether no meter has a value.
    pub fn is_empty(&self) -> bool {
        self.known == 0
    }
}

impl<T: Copy + Default> ByMeter<T> {
    /// Sets the value of a meter; gives the one that was there.
    pub fn insert(&mut self, meter: Meter, value: T) -> Option<T> {
        let old = self.get(&meter).copied();
        if let Some(place) = self.values.get_mut(meter.index()) {
            *place = value;
            self.known |= bit(meter);
        }
        old
    }

    /// Takes the value of a meter out.
    pub fn remove(&mut self, meter: &Meter) -> Option<T> {
        let old = self.insert(*meter, T::default());
        self.known &= !bit(*meter);
        old
    }
}

impl<T: Copy + Default> Default for ByMeter<T> {
    fn default() -> Self {
        Self { known: 0, values: [T::default(); Meter::COUNT] }
    }
}

impl<T: Copy + Default> FromIterator<(Meter, T)> for ByMeter<T> {
    fn from_iter<I: IntoIterator<Item = (Meter, T)>>(iter: I) -> Self {
        let mut out = Self::default();
        for (meter, value) in iter {
            out.insert(meter, value);
        }
        out
    }
}

impl<T: Copy + Default, const N: usize> From<[(Meter, T); N]> for ByMeter<T> {
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
