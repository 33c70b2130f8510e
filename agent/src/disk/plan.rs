//! Which home is counted next.

use super::walk::Owner;
use std::collections::{BTreeMap, BTreeSet};

/// An account's home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) home: String,
    pub(super) owner: Owner,
}

/// When each home is due, boot-time clock in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Plan {
    targets: BTreeMap<u32, (u64, Target)>,
    due: BTreeSet<(u64, u32)>,
}

impl Plan {
    /// The accounts as they are now. What is new or changed is due at once.
    pub(super) fn set(&mut self, targets: &BTreeMap<u32, Target>, now_ns: u64) {
        let due = &mut self.due;
        self.targets.retain(|uid, (at_ns, target)| {
            let stays = targets.get(uid) == Some(target);
            if !stays {
                due.remove(&(*at_ns, *uid));
            }
            stays
        });
        for (uid, target) in targets {
            if !self.targets.contains_key(uid) {
                self.targets.insert(*uid, (now_ns, target.clone()));
                self.due.insert((now_ns, *uid));
            }
        }
    }

    /// The account that is due first, and when.
    pub(super) fn next(&self) -> Option<(u64, u32, &Target)> {
        let (at_ns, uid) = self.due.first()?;
        let (_, target) = self.targets.get(uid)?;
        Some((*at_ns, *uid, target))
    }

    /// An account's home was counted; it is due again.
    pub(super) fn again(&mut self, uid: u32, at_ns: u64) {
        if let Some((old_ns, _)) = self.targets.get_mut(&uid) {
            self.due.remove(&(*old_ns, uid));
            self.due.insert((at_ns, uid));
            *old_ns = at_ns;
        }
    }

    /// Every account.
    pub(super) fn uids(&self) -> impl Iterator<Item = u32> {
        self.targets.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(list: &[(u32, &str)]) -> BTreeMap<u32, Target> {
        let target =
            |uid: u32, home: &str| Target { home: home.to_owned(), owner: Owner { uid, ranges: Vec::new() } };
        list.iter().map(|(uid, home)| (*uid, target(*uid, home))).collect()
    }

    #[test]
    fn the_one_that_waits_longest_is_next() {
        let mut plan = Plan::default();
        let next = |plan: &Plan| plan.next().map(|(at, uid, _)| (at, uid));
        assert_eq!(next(&plan), None);
        plan.set(&targets(&[(1, "/a"), (2, "/b")]), 10);
        assert_eq!(next(&plan), Some((10, 1)));
        plan.again(1, 100);
        assert_eq!(next(&plan), Some((10, 2)));
        plan.again(2, 110);
        assert_eq!(next(&plan), Some((100, 1)));
        // A new one and one that moved come at once, one that went never.
        plan.set(&targets(&[(2, "/other"), (3, "/c")]), 50);
        assert_eq!(next(&plan), Some((50, 2)));
        plan.again(2, 150);
        plan.again(3, 160);
        plan.again(1, 5);
        assert_eq!((next(&plan), plan.due.len()), (Some((150, 2)), 2));
        plan.set(&targets(&[(2, "/other"), (3, "/c")]), 60);
        assert_eq!(next(&plan), Some((150, 2)), "what has not changed waits on");
        plan.set(&BTreeMap::new(), 70);
        assert_eq!((next(&plan), plan.due.len()), (None, 0));
    }
}
