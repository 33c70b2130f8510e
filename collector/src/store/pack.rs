//! Values in few bytes: for each measured meter its number in this store and its value, both as LEB128 varints.

use super::StoreError;
use hostmeter_core::meter::{Meter, Values};
use std::collections::BTreeSet;

/// Numbers of meters in one store. They never change, whatever becomes of the table of meters.
#[derive(Clone, Debug, Default)]
pub(super) struct MeterIds(Vec<(u64, Meter)>);

impl MeterIds {
    pub(super) fn new(ids: Vec<(u64, Meter)>) -> Self {
        Self(ids)
    }

    fn id(&self, meter: Meter) -> Option<u64> {
        self.0.iter().find(|(_, m)| *m == meter).map(|(id, _)| *id)
    }

    fn meter(&self, id: u64) -> Option<Meter> {
        self.0.iter().find(|(n, _)| *n == id).map(|(_, m)| *m)
    }

    /// Usage is never negative; a batch that says so is refused before it is stored.
    pub(super) fn pack(&self, values: &Values) -> Vec<u8> {
        let mut out = Vec::new();
        for (meter, value) in values.iter() {
            if let (Some(id), Ok(value)) = (self.id(meter), u64::try_from(value)) {
                varint(&mut out, id);
                varint(&mut out, value);
            }
        }
        out
    }

    /// Meters that this version does not know any more are left out.
    pub(super) fn unpack(&self, bytes: &[u8]) -> Result<Values, StoreError> {
        let mut out = Values::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let id = take(&mut rest)?;
            let value = i64::try_from(take(&mut rest)?).map_err(|_| StoreError::Damaged("a value"))?;
            if let Some(meter) = self.meter(id) {
                out.set(meter, value);
            }
        }
        Ok(out)
    }

    pub(super) fn pack_set(&self, set: &BTreeSet<Meter>) -> Vec<u8> {
        let mut out = Vec::new();
        set.iter().filter_map(|m| self.id(*m)).for_each(|id| varint(&mut out, id));
        out
    }

    pub(super) fn unpack_set(&self, bytes: &[u8]) -> Result<BTreeSet<Meter>, StoreError> {
        let mut out = BTreeSet::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            out.extend(self.meter(take(&mut rest)?));
        }
        Ok(out)
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn take(rest: &mut &[u8]) -> Result<u64, StoreError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(StoreError::Damaged("a row of values"))?;
        *rest = tail;
        let low = u64::from(byte & 0x7f);
        // The tenth byte holds one bit only.
        if shift == 63 && low > 1 {
            break;
        }
        value |= low << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(StoreError::Damaged("a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids() -> MeterIds {
        MeterIds::new((0_u64..).zip(Meter::ALL.iter().copied()).collect())
    }

    proptest! {
        #[test]
        fn round_trip(values in proptest::collection::vec((0..Meter::COUNT, 0..=i64::MAX), 0..30)) {
            let set: BTreeSet<Meter> = values.iter().map(|(i, _)| Meter::ALL[*i]).collect();
            let values: Values = values.into_iter().map(|(i, v)| (Meter::ALL[i], v)).collect();
            prop_assert_eq!(ids().unpack(&ids().pack(&values)).unwrap(), values);

            prop_assert_eq!(ids().unpack_set(&ids().pack_set(&set)).unwrap(), set);
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = ids().unpack(&bytes);
            let _ = ids().unpack_set(&bytes);
        }
    }

    #[test]
    fn a_zero_is_kept_apart_from_nothing() {
        let zero: Values = [(Meter::CpuUsec, 0)].into_iter().collect();
        assert_eq!(ids().unpack(&ids().pack(&zero)).unwrap(), zero);
        assert_eq!(ids().unpack(&ids().pack(&Values::new())).unwrap(), Values::new());
        assert!(ids().unpack(&[0x80]).is_err(), "a cut number");
    }
}
