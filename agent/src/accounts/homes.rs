//! Inodes of homes, which name an account beside its uid. Each is read once, and again in turn.

use super::{Accounts, home_inode};
use std::collections::BTreeMap;

/// Inodes by uid; `None` where the home could not be read or belongs to somebody else.
#[derive(Debug, Default)]
pub struct HomeInodes {
    by_uid: BTreeMap<u32, Option<u64>>,
    cursor: u32,
}

impl HomeInodes {
    /// The inode of an account's home.
    pub fn of(&mut self, accounts: &Accounts, uid: u32) -> Option<u64> {
        *self.by_uid.entry(uid).or_insert_with(|| look(accounts, uid))
    }

    /// One home a sweep is looked at again, in turn: a restored home has a new inode.
    pub fn refresh_one(&mut self, accounts: &Accounts) {
        let next = self.by_uid.range(self.cursor..).next().or_else(|| self.by_uid.iter().next());
        let Some(uid) = next.map(|(uid, _)| *uid) else { return };
        self.cursor = uid.saturating_add(1);
        self.by_uid.insert(uid, look(accounts, uid));
    }
}

fn look(accounts: &Accounts, uid: u32) -> Option<u64> {
    let home = accounts.entry(uid)?.home.as_ref()?;
    home_inode(home, uid)
}
