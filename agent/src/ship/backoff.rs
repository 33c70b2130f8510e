//! Pauses between tries: full jitter between a shortest pause and a bound that doubles with each failure.

use crate::limits::RETRY_AFTER_MAX_MS;
use std::time::Duration;

/// Pauses after failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    min_ms: i64,
    max_ms: i64,
    failures: u32,
}

impl Backoff {
    /// From `min_ms` to `max_ms`.
    pub fn new(min_ms: i64, max_ms: i64) -> Self {
        Self { min_ms, max_ms: max_ms.max(min_ms), failures: 0 }
    }

    /// A try was good.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause before the next try, at least `at_least_ms`. `below(n)` draws a number from 0 to `n`, exclusive.
    pub fn next(&mut self, at_least_ms: i64, below: impl FnOnce(u64) -> u64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let factor = 1_i64.checked_shl(self.failures).filter(|f| *f > 0).unwrap_or(i64::MAX);
        let bound = self.min_ms.saturating_mul(factor).min(self.max_ms);
        let width = u64::try_from(bound.saturating_sub(self.min_ms).saturating_add(1)).unwrap_or(1);
        let drawn = i64::try_from(below(width)).unwrap_or(0);
        let asked = at_least_ms.clamp(0, RETRY_AFTER_MAX_MS);
        let ms = self.min_ms.saturating_add(drawn).max(asked);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses() {
        let mut backoff = Backoff::new(2_000, 300_000);
        let mut check = |asked: i64, widest: u128| {
            let mut low = backoff.clone();
            assert_eq!(low.next(asked, |_| 0).as_millis(), 2_000_u128.max(u128::try_from(asked).unwrap()));
            assert_eq!(backoff.next(asked, |n| n - 1).as_millis(), widest);
        };
        check(0, 4_000);
        check(0, 8_000);
        check(90_000, 90_000);
        check(0, 32_000);
        for widest in [64_000, 128_000, 256_000, 300_000, 300_000] {
            check(0, widest);
        }
        for _ in 0..100 {
            backoff.next(0, |n| n - 1);
        }
        assert_eq!(backoff.next(i64::MAX, |_| 0).as_millis(), 3_600_000);
        backoff.reset();
        assert_eq!(backoff.next(0, |n| n - 1).as_millis(), 4_000);
    }
}
