//! A host's key is replaced by a new one that both keys signed.
//!
//! For a while both are accepted, so that a lost answer or a host put back from a backup is no harm. After it the old key
//! is good for nothing but the batches up to its last one, which both keys named: those are never sealed again, and a
//! host may bring them late, or again to a collector that was restored.

use super::count::HostRow;
use super::hosts::{self, Replaced};
use super::receive::Refused;
use crate::db::{DbError, OptionalExtension, Transaction, params, to_sql};
use crate::limits::HOST_KEYS_MAX;
use crate::{alerts, audit};
use hostmeter_core::ids::{HostId, KeyId};
use hostmeter_core::limits::ROTATION_OVERLAP_MS;
use hostmeter_core::units::rfc3339;
use hostmeter_core::wire::envelope::{Header, open_payload};
use hostmeter_core::wire::key::PublicKey;
use hostmeter_core::wire::keys::{KeyEnd, Rotate};

/// A request that both keys signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Row of the host.
    pub host: i64,
    /// The host.
    pub uuid: HostId,
    /// The old key.
    pub old: PublicKey,
    /// Header hash of the request.
    pub hash: [u8; 32],
    /// The request.
    pub rotate: Rotate,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The new key is accepted since then; the old one until then. The same for ever.
    Done {
        /// Milliseconds since the epoch.
        since_ms: i64,
        /// Milliseconds since the epoch.
        until_ms: i64,
    },
    /// The host or one of the keys was revoked.
    Revoked,
    /// Another key took the old one's place.
    OtherSuccessor,
    /// The new key was used before.
    Known,
    /// Too many keys of this host are accepted.
    TooMany,
}

impl Asked {
    /// Checks the body of a verified header: the new key must have signed, too.
    pub fn open(known: &hosts::KnownKey, header: &Header, bytes: &[u8]) -> Result<Self, Refused> {
        let payload = open_payload(header, bytes).map_err(Refused::Form)?;
        let rotate = Rotate::decode(&payload).map_err(|e| Refused::Payload(e.to_string()))?;
        if !rotate.is_proven(known.uuid, &known.key) {
            return Err(Refused::Signature);
        }
        Ok(Self { host: known.host, uuid: known.uuid, old: known.key, hash: header.hash, rotate })
    }
}

/// Takes the new key, or says again what was said, in the caller's transaction.
pub fn accept(tx: &Transaction<'_>, asked: &Asked, now_ms: i64) -> Result<Answer, DbError> {
    let (old, new) = (asked.old.id().0, asked.rotate.new_key.id().0);
    if !is_good(tx, asked.host, old)? {
        return Ok(Answer::Revoked);
    }
    let sql = "SELECT new_key, made_ms, until_ms FROM key_rotation WHERE old_key = ?1";
    let read = |r: &rusqlite::Row<'_>| Ok((r.get::<_, [u8; 8]>(0)?, r.get(1)?, r.get(2)?));
    match tx.prepare_cached(sql)?.query_row([old], read).optional()? {
        Some((successor, ..)) if successor != new => {
            let host = name(tx, asked.host)?;
            let detail = format!(
                "it asked to replace key {}, which key {} replaced before: it was put back from a backup, or somebody else \
                 replaced it. To look at its keys: `hostmeter host show {host}`",
                asked.old.id(),
                KeyId(successor)
            );
            alerts::raise(tx, &alert(&host), "old-key", &host, &detail, now_ms)?;
            Ok(Answer::OtherSuccessor)
        }
        Some((_, since_ms, until_ms)) => {
            if !is_good(tx, asked.host, new)? {
                return Ok(Answer::Revoked);
            }
            set_end(tx, asked, now_ms)?;
            Ok(Answer::Done { since_ms, until_ms })
        }
        None => begin(tx, asked, now_ms),
    }
}

/// Looked up again: it may have been revoked since the request came in.
fn is_good(tx: &Transaction<'_>, host: i64, key: [u8; 8]) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM host_key k JOIN host h ON h.id = k.host
        WHERE k.key_id = ?1 AND k.host = ?2 AND k.state = 'good' AND h.state <> 'revoked')";
    Ok(tx.prepare_cached(sql)?.query_row(params![key, host], |r| r.get(0))?)
}

fn begin(tx: &Transaction<'_>, asked: &Asked, now_ms: i64) -> Result<Answer, DbError> {
    let new = asked.rotate.new_key;
    let sql = "SELECT EXISTS (SELECT 1 FROM host_key WHERE key_id = ?1)";
    if tx.prepare_cached(sql)?.query_row([new.id().0], |r| r.get(0))? {
        return Ok(Answer::Known);
    }
    let sql = "SELECT count(*) FROM host_key k LEFT JOIN key_rotation r ON r.old_key = k.key_id
        WHERE k.host = ?1 AND k.state = 'good' AND coalesce(r.until_ms > ?2, 1)";
    let accepted: i64 = tx.prepare_cached(sql)?.query_row([asked.host, now_ms], |r| r.get(0))?;
    if accepted >= HOST_KEYS_MAX {
        return Ok(Answer::TooMany);
    }
    let until_ms = now_ms.saturating_add(ROTATION_OVERLAP_MS);
    tx.execute(
        "INSERT INTO host_key (key_id, host, public_key, state, added_ms) VALUES (?1, ?2, ?3, 'good', ?4)",
        params![new.id().0, asked.host, new.0, now_ms],
    )?;
    tx.execute(
        "INSERT INTO key_rotation (old_key, new_key, host, made_ms, until_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![asked.old.id().0, new.id().0, asked.host, now_ms, until_ms],
    )?;
    let detail = format!(
        "key {} is replaced by {}; both are accepted until {}",
        asked.old.fingerprint(),
        new.fingerprint(),
        rfc3339(until_ms)
    );
    audit::write(tx, "agent", "host.rotate-key", &name(tx, asked.host)?, &detail, now_ms)?;
    set_end(tx, asked, now_ms)?;
    Ok(Answer::Done { since_ms: now_ms, until_ms })
}

fn name(tx: &Transaction<'_>, host: i64) -> Result<String, DbError> {
    Ok(tx.prepare_cached("SELECT name FROM host WHERE id = ?1")?.query_row([host], |r| r.get(0))?)
}

/// Keeps where the old key ended, once the host says it. Only who holds both keys can.
fn set_end(tx: &Transaction<'_>, asked: &Asked, now_ms: i64) -> Result<(), DbError> {
    let Some(KeyEnd { epoch, seq, hash }) = asked.rotate.end else { return Ok(()) };
    tx.execute(
        "UPDATE key_rotation SET end_epoch = ?2, end_seq = ?3, end_hash = ?4 WHERE old_key = ?1",
        params![asked.old.id().0, to_sql("epoch", epoch)?, to_sql("sequence number", seq)?, hash.0],
    )?;
    alerts::clear(tx, &alert(&name(tx, asked.host)?), now_ms)
}

fn alert(host: &str) -> String {
    format!("old-key:{host}")
}

/// A host that said where its old key ended does not seal with it any more: this is an older copy of it, or a thief.
pub(super) fn watch(
    tx: &Transaction<'_>,
    host: &HostRow,
    replaced: &Replaced,
    header: &Header,
    now_ms: i64,
) -> Result<(), DbError> {
    if replaced.end.is_none() || replaced.covers(&header.stamp) {
        return Ok(());
    }
    let detail = format!(
        "batch {} of epoch {} is signed by key {}, which the host replaced: it was put back from a backup, or somebody \
         else has the key. It is accepted until {}; to end that: `hostmeter host revoke-key {} {}`",
        header.stamp.seq,
        header.stamp.epoch,
        header.key,
        rfc3339(replaced.until_ms),
        host.name,
        header.key
    );
    alerts::raise(tx, &alert(host.name.as_str()), "old-key", host.name.as_str(), &detail, now_ms)
}

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// No such host.
    #[error("no such host")]
    MissingHost,
    /// The host has no such key.
    #[error("the host has no such key")]
    MissingKey,
    /// It seals with it.
    #[error(
        "the host seals with this key; first replace it on the host (hostmeter-agent rotate-key), or refuse the host with \
         hostmeter host revoke NAME"
    )]
    Current,
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Ends the overlap of a key at once. Again changes nothing.
pub fn revoke_key(
    tx: &Transaction<'_>,
    host_name: &str,
    key: KeyId,
    actor: &str,
    now_ms: i64,
) -> Result<(), RevokeKeyError> {
    let host = hosts::host_row(tx, host_name)?.ok_or(RevokeKeyError::MissingHost)?;
    let sql =
        "SELECT k.state, EXISTS (SELECT 1 FROM key_rotation r WHERE r.old_key = k.key_id) FROM host_key k
        WHERE k.key_id = ?1 AND k.host = ?2";
    let found = tx.query_row(sql, params![key.0, host], |r| Ok((r.get::<_, String>(0)?, r.get(1)?)));
    let (state, is_replaced): (String, bool) =
        found.optional().map_err(DbError::from)?.ok_or(RevokeKeyError::MissingKey)?;
    if state == "revoked" {
        return Ok(());
    }
    if !is_replaced {
        return Err(RevokeKeyError::Current);
    }
    tx.execute("UPDATE host_key SET state = 'revoked' WHERE key_id = ?1", [key.0]).map_err(DbError::from)?;
    alerts::clear(tx, &alert(host_name), now_ms)?;
    Ok(audit::write(tx, actor, "host.revoke-key", host_name, &format!("key {key}"), now_ms)?)
}
