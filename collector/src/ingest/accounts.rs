//! Which account a uid of a host is, and what it is called.

use super::count::HostRow;
use crate::db::{DbError, OptionalExtension, Transaction, params};
use crate::limits::NAME_TRIES_MAX;
use hostmeter_core::ids::{AccountId, HostName};
use rusqlite::CachedStatement;

/// The account of (host, uid, user), made if it is new.
///
/// A new user under an old uid, or an old name under a new uid, is a new account. One that the API made under this
/// name before any host reported it becomes this one.
pub fn find_or_make(
    tx: &Transaction<'_>,
    host: &HostRow,
    uid: u32,
    user: Option<&str>,
    now_ms: i64,
) -> Result<i64, DbError> {
    let mut find = tx.prepare_cached("SELECT id FROM account WHERE host = ?1 AND uid = ?2 AND user IS ?3")?;
    match find.query_row(params![host.id, uid, user], |r| r.get(0)).optional()? {
        Some(id) => Ok(id),
        None => adopt_or_make(tx, host, uid, user, now_ms),
    }
}

/// Notes when accounts were seen last.
pub(super) struct Seen<'tx>(CachedStatement<'tx>);

impl<'tx> Seen<'tx> {
    /// For many accounts.
    pub(super) fn prepare(tx: &'tx Transaction<'_>) -> Result<Self, DbError> {
        let sql = "UPDATE account SET last_seen_ms = max(coalesce(last_seen_ms, ?2), ?2) WHERE id = ?1";
        Ok(Self(tx.prepare_cached(sql)?))
    }

    /// An account had processes or used something up to this time.
    pub(super) fn note(&mut self, account: i64, seen_ms: i64) -> Result<(), DbError> {
        self.0.execute([account, seen_ms])?;
        Ok(())
    }
}

/// Notes where an account's home is.
pub fn home(tx: &Transaction<'_>, account: i64, home: &str, inode: Option<u64>) -> Result<(), DbError> {
    let inode = inode.and_then(|i| i64::try_from(i).ok());
    // A home that is away (in the quarantine, or not readable just now) keeps its last inode: commands that bring it
    // back name it, and the executor refuses a wrong one.
    tx.prepare_cached(
        "UPDATE account SET home = ?2,
             home_inode = CASE WHEN ?2 IS home THEN coalesce(?3, home_inode) ELSE ?3 END
         WHERE id = ?1",
    )?
    .execute(params![account, home, inode])?;
    Ok(())
}

fn adopt_or_make(
    tx: &Transaction<'_>,
    host: &HostRow,
    uid: u32,
    user: Option<&str>,
    now_ms: i64,
) -> Result<i64, DbError> {
    let mut taken =
        tx.prepare_cached("SELECT id, host IS NULL AND uid IS NULL FROM account WHERE name = ?1")?;
    for name in names(uid, user, &host.name) {
        let row = taken.query_row([name.as_str()], |r| Ok((r.get::<_, i64>(0)?, r.get(1)?))).optional()?;
        match row {
            None => {
                tx.prepare_cached(
                    "INSERT INTO account (name, host, uid, user, made_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![name.as_str(), host.id, uid, user, now_ms])?;
                return Ok(tx.last_insert_rowid());
            }
            // Made by the API before any host reported it.
            Some((id, true)) if user.is_some() => {
                tx.prepare_cached("UPDATE account SET host = ?2, uid = ?3, user = ?4 WHERE id = ?1")?
                    .execute(params![id, host.id, uid, user])?;
                return Ok(id);
            }
            Some(_) => {}
        }
    }
    let host = &host.name;
    Err(DbError::Damaged(format!("uid {uid} of {host}: {NAME_TRIES_MAX} names are taken already")))
}

/// `shop@web1`; without a passwd entry `uid3101@web1`; `shop~1042@web1` where the name was used before.
fn names<'a>(uid: u32, user: Option<&'a str>, host: &'a HostName) -> impl Iterator<Item = AccountId> + 'a {
    let base = user.map_or_else(|| format!("uid{uid}"), str::to_owned);
    let second = format!("{base}~{uid}");
    // Too long with the uid behind it, or taken as well: nothing that a host could name by itself.
    let further = (2..NAME_TRIES_MAX).map(move |n| format!("uid{uid}~{n}"));
    [base, second].into_iter().chain(further).filter_map(|user| AccountId::new(&user, host).ok())
}
