//! How often somebody may try to log in. A fixed number of counters, so that no flood of names takes memory.

use crate::limits::{LOGIN_COUNTERS, LOGIN_TRIES_PER_ADDRESS, LOGIN_TRIES_PER_LOGIN, LOGIN_WINDOW_MS};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Tries within a window that began at `since_ms`.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    since_ms: i64,
    tries: u32,
}

/// Counters under a secret hash: nobody can aim at somebody else's.
#[derive(Debug)]
struct Counters {
    hasher: RandomState,
    slots: Vec<Counter>,
    max: u32,
}

impl Counters {
    fn new(max: u32) -> Self {
        Self { hasher: RandomState::new(), slots: vec![Counter::default(); LOGIN_COUNTERS], max }
    }

    fn slot(&mut self, key: &str, now_ms: i64) -> Option<&mut Counter> {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        let slot = self.slots.get_mut(hash.checked_rem(LOGIN_COUNTERS)?)?;
        // A clock that was set back begins a new window, too.
        if !(0..LOGIN_WINDOW_MS).contains(&now_ms.saturating_sub(slot.since_ms)) {
            *slot = Counter { since_ms: now_ms, tries: 0 };
        }
        Some(slot)
    }

    /// Counts a try; if there were too many, says for how many milliseconds no other is let through.
    fn take(&mut self, key: &str, now_ms: i64) -> Result<(), i64> {
        let max = self.max;
        let Some(slot) = self.slot(key, now_ms) else { return Ok(()) };
        if slot.tries >= max {
            return Err(slot.since_ms.saturating_add(LOGIN_WINDOW_MS).saturating_sub(now_ms).max(1));
        }
        slot.tries = slot.tries.saturating_add(1);
        Ok(())
    }

    fn give_back(&mut self, key: &str, now_ms: i64) {
        if let Some(slot) = self.slot(key, now_ms) {
            slot.tries = slot.tries.saturating_sub(1);
        }
    }
}

/// Tries to log in, by address and by user name.
#[derive(Debug)]
pub(super) struct Throttle(Mutex<[Counters; 2]>);

impl Default for Throttle {
    fn default() -> Self {
        let counters = [LOGIN_TRIES_PER_ADDRESS, LOGIN_TRIES_PER_LOGIN].map(Counters::new);
        Self(Mutex::new(counters))
    }
}

impl Throttle {
    /// Counts a try before the password is looked at. `Err`: not now; so many milliseconds are left.
    pub(super) fn take(&self, address: Option<IpAddr>, login: &str, now_ms: i64) -> Result<(), i64> {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [addresses, logins] = &mut *both;
        addresses.take(&network(address), now_ms)?;
        logins.take(login, now_ms)
    }

    /// A try that succeeded does not count.
    pub(super) fn give_back(&self, address: Option<IpAddr>, login: &str, now_ms: i64) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [addresses, logins] = &mut *both;
        addresses.give_back(&network(address), now_ms);
        logins.give_back(login, now_ms);
    }
}

/// An IPv4 address, or the /64 network of an IPv6 address: one customer of a provider gets a whole one.
fn network(address: Option<IpAddr>) -> String {
    match address.map(|a| a.to_canonical()) {
        Some(IpAddr::V6(v6)) => format!("{:x}", v6.to_bits() >> 64),
        Some(IpAddr::V4(v4)) => v4.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(throttle: &Throttle, address: &str, login: &str, now_ms: i64, count: u32) -> Vec<bool> {
        let address = Some(address.parse().unwrap());
        (0..count).map(|_| throttle.take(address, login, now_ms).is_ok()).collect()
    }

    fn good(throttle: &Throttle, address: &str, login: &str, now_ms: i64) -> usize {
        tries(throttle, address, login, now_ms, 100).into_iter().filter(|ok| *ok).count()
    }

    #[test]
    fn a_login_and_an_address_have_a_limit_each() {
        let throttle = Throttle::default();
        assert_eq!(good(&throttle, "192.0.2.1", "anna", 0), 5, "one login");
        assert_eq!(good(&throttle, "192.0.2.2", "anna", LOGIN_WINDOW_MS - 1), 0, "from elsewhere, too");
        assert_eq!(throttle.take("192.0.2.3".parse().ok(), "anna", LOGIN_WINDOW_MS - 10), Err(10));
        assert_eq!(good(&throttle, "192.0.2.2", "anna", LOGIN_WINDOW_MS), 5, "a window later");
        let spray = Throttle::default();
        let ok = (0..100).filter(|n| spray.take("192.0.2.9".parse().ok(), &format!("u{n}"), 0).is_ok());
        assert_eq!(ok.count(), 20, "one address with many logins");
    }

    #[test]
    fn networks() {
        let check = |a: &str, b: &str, same: bool| {
            let of = |text: &str| network(Some(text.parse().unwrap()));
            assert_eq!(of(a) == of(b), same, "{a} {b}");
        };
        check("2001:db8::1", "2001:db8::ffff:1", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
    }

    #[test]
    fn what_succeeds_is_given_back() {
        let throttle = Throttle::default();
        let address = "192.0.2.1".parse().ok();
        for _ in 0..100 {
            assert_eq!(throttle.take(address, "anna", 0), Ok(()));
            throttle.give_back(address, "anna", 0);
        }
    }
}
