//! Rising counters to what was used between two readings.

/// What two readings of a counter say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Used between the readings.
    Delta(i64),
    /// The counter fell: it started again, and what was used is not known.
    Reset,
    /// A reading is missing, or the difference does not fit: what was used is not known.
    Gap,
}

/// Compares two readings of one rising counter. Missing is not zero; a falling counter is never a negative use.
pub fn change(before: Option<u64>, after: Option<u64>) -> Change {
    match (before, after) {
        (Some(b), Some(a)) if a < b => Change::Reset,
        (Some(b), Some(a)) => i64::try_from(a - b).map_or(Change::Gap, Change::Delta),
        _ => Change::Gap,
    }
}

/// Nets written against cancelled bytes of one account, with carry: never below 0, nothing forgotten.
/// Returns what to report now and what is carried to the next interval (0 or below).
pub fn net_with_carry(written: i64, cancelled: i64, carry: i64) -> (i64, i64) {
    let net = written.saturating_sub(cancelled).saturating_add(carry.min(0));
    (net.max(0), net.min(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn readings() {
        let check = |b, a, want| assert_eq!(change(b, a), want, "{b:?} {a:?}");
        check(Some(5), Some(7), Change::Delta(2));
        check(Some(5), Some(5), Change::Delta(0));
        check(Some(5), Some(4), Change::Reset);
        check(None, Some(4), Change::Gap);
        check(Some(4), None, Change::Gap);
        check(Some(0), Some(u64::MAX), Change::Gap);
    }

    proptest! {
        #[test]
        fn netting_forgets_nothing(rows in proptest::collection::vec((0..1_000_i64, 0..1_000_i64), 0..50)) {
            let (mut carry, mut reported, mut truth) = (0, 0, 0);
            for (w, c) in rows {
                let (now, next) = net_with_carry(w, c, carry);
                prop_assert!(now >= 0 && next <= 0);
                carry = next;
                reported += now;
                truth += w - c;
                prop_assert_eq!(reported + carry, truth);
            }
        }
    }
}
