//! What many envelopes add to hour totals, summed up in memory, so that an account's hour is written once for all of
//! them.

use super::count::HostRow;
use super::degraded::{self, Noted};
use super::{accounts, count};
use crate::db::{DbError, Transaction, params};
use hostmeter_core::ids::HostName;
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::batch::{AccountUsage, Batch};
use std::collections::{BTreeMap, HashMap};

/// Rows of accounts by host, uid and user.
#[derive(Debug, Default)]
pub(super) struct AccountIds {
    /// By host and uid: the users that it had, and their accounts.
    known: HashMap<(i64, u32), Vec<User>>,
    len: usize,
}

type User = (Option<String>, i64);

impl AccountIds {
    fn get(&self, host: i64, uid: u32, user: Option<&str>) -> Option<i64> {
        self.known.get(&(host, uid))?.iter().find(|(u, _)| u.as_deref() == user).map(|(_, id)| *id)
    }

    /// Keeps what a commit made or found; starts anew when it would be more than `max`.
    pub(super) fn learn(&mut self, found: Vec<FoundAccount>, max: usize) {
        if self.len.saturating_add(found.len()) > max {
            *self = Self::default();
        }
        self.len = self.len.saturating_add(found.len());
        for FoundAccount { host, uid, user, id } in found {
            self.known.entry((host, uid)).or_default().push((user, id));
        }
    }
}

/// An account's row that was not known yet.
#[derive(Debug)]
pub(super) struct FoundAccount {
    host: i64,
    uid: u32,
    user: Option<String>,
    id: i64,
}

/// An account's part.
#[derive(Debug)]
struct OfAccount {
    host: i64,
    uid: u32,
    user: Option<String>,
    /// If it is known already.
    id: Option<i64>,
    /// End of the last interval.
    seen_ms: i64,
    /// Where its home was said to be, in order; almost always nothing or one.
    homes: Vec<(String, Option<u64>)>,
    /// Sums of meters that add up; almost always one hour.
    hours: Vec<OfHour>,
}

#[derive(Debug)]
struct OfHour {
    hour: UtcHour,
    sums: Values,
    /// Whether anything but zeros was added.
    changes: bool,
}

/// A sum does not fit: the envelopes have to be counted one by one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overflow;

/// The sums so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    accounts: Vec<OfAccount>,
    index: HashMap<(i64, u32), Vec<usize>>,
    watermarks_ms: BTreeMap<i64, i64>,
    degraded: Vec<Noted>,
    rows: usize,
    /// Place of the account that was added to last.
    last: usize,
}

impl Tally {
    /// Rows of hour totals that it will write.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a batch of this host.
    pub(super) fn add(&mut self, host: i64, batch: &Batch, ids: &AccountIds) -> Result<(), Overflow> {
        if let Some(watermark_ms) = batch.watermark_ms() {
            let highest = self.watermarks_ms.entry(host).or_insert(watermark_ms);
            *highest = watermark_ms.max(*highest);
        }
        degraded::gather(&mut self.degraded, host, batch);
        for interval in &batch.intervals {
            let hour = UtcHour::from_ms(interval.from_ms);
            for usage in &interval.accounts {
                let account = self.account(host, usage, ids);
                self.last = account;
                let Some(account) = self.accounts.get_mut(account) else { return Err(Overflow) };
                account.seen_ms = account.seen_ms.max(interval.to_ms);
                let new_row = account.add(hour, &usage.values)?;
                if let Some(home) = &usage.home {
                    account.home(home, usage.home_inode);
                }
                self.rows = self.rows.saturating_add(usize::from(new_row));
            }
        }
        Ok(())
    }

    /// The account's place, made if it is new. Hosts name their accounts in the same order each time: it is looked for
    /// behind the one before first.
    fn account(&mut self, host: i64, usage: &AccountUsage, ids: &AccountIds) -> usize {
        let (uid, user) = (usage.uid, usage.user.as_deref());
        let next = self.last.saturating_add(1);
        let is = |a: &OfAccount| a.uid == uid && a.host == host && a.user.as_deref() == user;
        if self.accounts.get(next).is_some_and(is) {
            return next;
        }
        let places = self.index.entry((host, uid)).or_default();
        let known =
            places.iter().copied().find(|i| self.accounts.get(*i).is_some_and(|a| a.user.as_deref() == user));
        if let Some(place) = known {
            return place;
        }
        let place = self.accounts.len();
        places.push(place);
        self.accounts.push(OfAccount {
            host,
            uid,
            user: usage.user.clone(),
            id: ids.get(host, uid, user),
            seen_ms: i64::MIN,
            homes: Vec::new(),
            hours: Vec::new(),
        });
        place
    }

    /// Writes everything; the accounts that were not known before.
    pub(super) fn write(&self, tx: &Transaction<'_>, now_ms: i64) -> Result<Vec<FoundAccount>, DbError> {
        let (mut found, mut names) = (Vec::new(), HashMap::new());
        // Thousands of rows: these two are not looked up for each.
        let (mut seen, mut hours) = (accounts::Seen::prepare(tx)?, count::Hours::prepare(tx)?);
        for a in &self.accounts {
            let id = match a.id {
                Some(id) => id,
                None => {
                    let name = host_name(tx, &mut names, a.host)?;
                    let host = HostRow { id: a.host, name };
                    let id = accounts::find_or_make(tx, &host, a.uid, a.user.as_deref(), now_ms)?;
                    found.push(FoundAccount { host: a.host, uid: a.uid, user: a.user.clone(), id });
                    id
                }
            };
            seen.note(id, a.seen_ms)?;
            for (home, inode) in &a.homes {
                accounts::home(tx, id, home, *inode)?;
            }
            for h in &a.hours {
                hours.add(id, h.hour, &h.sums, h.changes)?;
            }
        }
        for (host, watermark_ms) in &self.watermarks_ms {
            count::advance(tx, *host, *watermark_ms)?;
        }
        self.degraded.iter().try_for_each(|noted| degraded::write(tx, noted))?;
        Ok(found)
    }
}

fn host_name(
    tx: &Transaction<'_>,
    names: &mut HashMap<i64, HostName>,
    host: i64,
) -> Result<HostName, DbError> {
    if let Some(name) = names.get(&host) {
        return Ok(name.clone());
    }
    let sql = "SELECT name FROM host WHERE id = ?1";
    let name: String = tx.prepare_cached(sql)?.query_row(params![host], |r| r.get(0))?;
    let name = HostName::parse(&name).map_err(|e| DbError::Damaged(e.to_string()))?;
    names.insert(host, name.clone());
    Ok(name)
}

impl OfAccount {
    /// Adds an interval's values; whether they begin another hour.
    fn add(&mut self, hour: UtcHour, values: &Values) -> Result<bool, Overflow> {
        let mut flows = values.iter().filter(|(m, _)| m.is_flow()).peekable();
        if flows.peek().is_none() {
            return Ok(false);
        }
        let place = self.hours.iter().position(|h| h.hour == hour);
        let sums = match place.and_then(|i| self.hours.get_mut(i)) {
            Some(known) => known,
            None => {
                let new = OfHour { hour, sums: Values::new(), changes: false };
                self.hours.push(new);
                self.hours.last_mut().ok_or(Overflow)?
            }
        };
        for (meter, value) in flows {
            sums.changes |= value != 0;
            sums.add(meter, value)?;
        }
        Ok(place.is_none())
    }

    /// Remembers where the home is. The same again says only what inode it has.
    fn home(&mut self, home: &str, inode: Option<u64>) {
        match self.homes.last_mut() {
            Some((last, known)) if last == home => *known = inode.or(*known),
            _ => self.homes.push((home.to_owned(), inode)),
        }
    }
}

impl OfHour {
    fn add(&mut self, meter: Meter, value: i64) -> Result<(), Overflow> {
        self.sums.add(meter, value).ok_or(Overflow)
    }
}

#[cfg(test)]
mod tests;
