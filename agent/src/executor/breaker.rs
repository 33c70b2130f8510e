//! The host's own limits: how many suspensions an hour and deletions a day, whatever the collector says.

use serde::{Deserialize, Serialize};

/// One counted action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// When, in milliseconds of the executor's clock.
    pub at_ms: i64,
    /// Whose account.
    pub uid: u32,
    /// For which generation; a retry of the same one counts once.
    pub generation: u64,
}

/// A rolling window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window(Vec<Counted>);

impl Window {
    /// How many stand in the window of `span_ms` that ends now.
    pub fn count(&self, now_ms: i64, span_ms: i64) -> usize {
        self.0.iter().filter(|c| now_ms.saturating_sub(c.at_ms) < span_ms).count()
    }

    /// Counts an action, unless the window has `limit` already. What left the window is dropped.
    pub fn take(&mut self, new: Counted, span_ms: i64, limit: usize) -> Result<(), usize> {
        self.0.retain(|c| new.at_ms.saturating_sub(c.at_ms) < span_ms);
        if self.0.iter().any(|c| (c.uid, c.generation) == (new.uid, new.generation)) {
            return Ok(());
        }
        if self.0.len() >= limit {
            return Err(self.0.len());
        }
        self.0.push(new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_roll() {
        let mut window = Window::default();
        let mut check = |at_ms, uid, generation, want: Result<(), usize>| {
            assert_eq!(window.take(Counted { at_ms, uid, generation }, 100, 2), want, "{at_ms} {uid}");
        };
        check(0, 1, 1, Ok(()));
        check(10, 2, 1, Ok(()));
        check(20, 3, 1, Err(2));
        check(30, 2, 1, Ok(())); // a retry
        check(30, 2, 2, Err(2));
        check(100, 3, 1, Ok(()));
        check(109, 4, 1, Err(2));
        check(110, 4, 1, Ok(()));
        assert_eq!(window.count(110, 100), 2);
        assert_eq!(window.count(300, 100), 0);
        assert!(Window::default().take(Counted { at_ms: 0, uid: 1, generation: 1 }, 100, 0).is_err());
    }
}
