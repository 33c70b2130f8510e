//! The store on SQLite, in a file of its own beside control.db.

use super::pack::MeterIds;
use super::{GapRow, HostInterval, Item, Source, StoreError, TopRow, UsageRow, UsageStore};
use crate::limits::{
    BUSY_TIMEOUT, CLEAN_ROWS, PAGE_BYTES, READERS, STATEMENT_CACHE, STORE_CACHE_PAGES,
    WAL_AUTOCHECKPOINT_PAGES,
};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::HOUR_MS;
use hostmeter_core::wire::batch::{GapMeter, HostTotals};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// usage.db.
pub struct SqliteStore {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    ids: MeterIds,
}

impl SqliteStore {
    /// Opens or makes the file. If it is lost, it is filled again from the envelopes that are kept.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let wrap = |source| StoreError::Open { path: path.to_owned(), source };
        let mut conn = connect(path).map_err(wrap)?;
        conn.pragma_update(None, "cache_size", STORE_CACHE_PAGES).map_err(wrap)?;
        conn.execute_batch(include_str!("schema.sql")).map_err(wrap)?;
        let ids = meter_ids(&mut conn).map_err(wrap)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(conn), readers: Mutex::new(Vec::new()), ids })
    }

    fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => {
                connect(&self.path).map_err(|source| StoreError::Open { path: self.path.clone(), source })?
            }
        };
        let result = f(&conn);
        let mut idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS {
            idle.push(conn);
        }
        result
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "page_size", PAGE_BYTES)?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // A power cut may undo the last commits, position included; the forwarder then fills them in again.
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(conn)
}

/// Numbers of the meters; new ones get the next.
fn meter_ids(conn: &mut Connection) -> rusqlite::Result<MeterIds> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut ids = Vec::new();
    for meter in Meter::ALL {
        tx.execute("INSERT OR IGNORE INTO meter (name) VALUES (?1)", [meter.name()])?;
        let id: i64 = tx.query_row("SELECT id FROM meter WHERE name = ?1", [meter.name()], |r| r.get(0))?;
        ids.push((u64::try_from(id).unwrap_or_default(), *meter));
    }
    tx.commit()?;
    Ok(MeterIds::new(ids))
}

impl UsageStore for SqliteStore {
    fn position(&self) -> Result<i64, StoreError> {
        self.read(|conn| {
            let sql = "SELECT value FROM meta WHERE key = 'position'";
            Ok(conn.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?.unwrap_or(0))
        })
    }

    fn put(&self, items: &[Item], position: i64) -> Result<(), StoreError> {
        let mut conn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for item in items {
            put_usage(&tx, &self.ids, item)?;
            put_host(&tx, &self.ids, item)?;
            put_rest(&tx, item)?;
        }
        let sql = "INSERT INTO meta (key, value) VALUES ('position', ?1)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        tx.prepare_cached(sql)?.execute([position])?;
        tx.commit()?;
        Ok(())
    }

    fn usage(&self, account: i64, from_ms: i64, to_ms: i64) -> Result<Vec<UsageRow>, StoreError> {
        // No interval is longer than an hour, so none that overlaps starts earlier than that.
        let sql = "SELECT from_ms, to_ms, vals FROM usage
            WHERE account = ?1 AND from_ms > ?2 - ?4 AND from_ms < ?3 AND to_ms > ?2 ORDER BY from_ms, epoch, seq";
        self.read(|conn| {
            let mut stmt = conn.prepare_cached(sql)?;
            let mut rows = stmt.query([account, from_ms, to_ms, HOUR_MS])?;
            let mut out = Vec::new();
            while let Some(r) = rows.next()? {
                let values = self.ids.unpack(r.get_ref(2)?.as_blob().unwrap_or_default())?;
                out.push(UsageRow { account, from_ms: r.get(0)?, to_ms: r.get(1)?, values });
            }
            Ok(out)
        })
    }

    fn host(&self, host: i64, from_ms: i64, to_ms: i64) -> Result<Vec<HostInterval>, StoreError> {
        let sql = "SELECT from_ms, to_ms, measured, totals FROM host
            WHERE host = ?1 AND from_ms > ?2 - ?4 AND from_ms < ?3 AND to_ms > ?2 ORDER BY from_ms, to_ms, epoch, seq";
        self.read(|conn| {
            let mut stmt = conn.prepare_cached(sql)?;
            let mut rows = stmt.query([host, from_ms, to_ms, HOUR_MS])?;
            let mut out: Vec<HostInterval> = Vec::new();
            while let Some(r) = rows.next()? {
                let next = host_interval(&self.ids, r)?;
                match out.last_mut() {
                    Some(last) if (last.from_ms, last.to_ms) == (next.from_ms, next.to_ms) => {
                        last.measured.extend(next.measured);
                        last.totals = next.totals.or(last.totals.take());
                    }
                    _ => out.push(next),
                }
            }
            Ok(out)
        })
    }

    fn host_latest(&self, host: i64) -> Result<Option<HostInterval>, StoreError> {
        let sql = "SELECT from_ms, to_ms, measured, totals FROM host
            WHERE host = ?1 AND totals IS NOT NULL ORDER BY from_ms DESC LIMIT 1";
        self.read(|conn| {
            let mut stmt = conn.prepare_cached(sql)?;
            let mut rows = stmt.query([host])?;
            rows.next()?.map(|r| host_interval(&self.ids, r)).transpose()
        })
    }

    fn gaps(&self, host: i64, uid: Option<u32>, from_ms: i64, to_ms: i64) -> Result<Vec<GapRow>, StoreError> {
        let sql = "SELECT from_ms, to_ms, meter, uid, reason FROM gap
            WHERE host = ?1 AND from_ms > ?2 - ?4 AND from_ms < ?3 AND to_ms > ?2 AND (uid IS NULL OR uid = ?5)
            ORDER BY from_ms, epoch, seq, n";
        self.read(|conn| {
            let mut stmt = conn.prepare_cached(sql)?;
            let mut rows = stmt.query(params![host, from_ms, to_ms, HOUR_MS, uid])?;
            let mut out = Vec::new();
            while let Some(r) = rows.next()? {
                let word: String = r.get(2)?;
                // A meter that this version does not know any more.
                let Some(meter) = GapMeter::from_word(&word) else { continue };
                let (from_ms, to_ms) = (r.get(0)?, r.get(1)?);
                out.push(GapRow { from_ms, to_ms, meter, uid: r.get(3)?, reason: r.get(4)? });
            }
            Ok(out)
        })
    }

    fn top(&self, account: i64, from_ms: i64, to_ms: i64) -> Result<Vec<TopRow>, StoreError> {
        let sql = "SELECT at_ms, commands FROM top WHERE account = ?1 AND at_ms > ?2 AND at_ms <= ?3
            ORDER BY at_ms, epoch, seq";
        self.read(|conn| {
            let mut stmt = conn.prepare_cached(sql)?;
            let mut rows = stmt.query([account, from_ms, to_ms])?;
            let mut out = Vec::new();
            while let Some(r) = rows.next()? {
                let commands = serde_json::from_str(r.get_ref(1)?.as_str().unwrap_or_default())?;
                out.push(TopRow { account, at_ms: r.get(0)?, commands });
            }
            Ok(out)
        })
    }

    fn remove_before(&self, before_ms: i64) -> Result<usize, StoreError> {
        let conn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut removed = 0_usize;
        for (table, owner, time) in [
            ("usage", "account", "from_ms"),
            ("host", "host", "from_ms"),
            ("gap", "host", "from_ms"),
            ("top", "account", "at_ms"),
        ] {
            removed = removed.saturating_add(remove_old(&conn, table, owner, time, before_ms)?);
        }
        Ok(removed)
    }
}

/// Old rows lie at the front of each owner's range, so one look at the index finds them.
fn remove_old(
    conn: &Connection,
    table: &str,
    owner: &str,
    time: &str,
    before_ms: i64,
) -> Result<usize, StoreError> {
    let mut next: Option<i64> =
        conn.prepare_cached(&format!("SELECT min({owner}) FROM {table}"))?.query_row([], |r| r.get(0))?;
    let mut removed = 0_usize;
    while let Some(id) = next {
        let sql = format!(
            "DELETE FROM {table} WHERE ({owner}, {time}, epoch, seq) IN
                (SELECT {owner}, {time}, epoch, seq FROM {table} WHERE {owner} = ?1 AND {time} < ?2 LIMIT ?3)"
        );
        removed = removed.saturating_add(conn.prepare_cached(&sql)?.execute([id, before_ms, CLEAN_ROWS])?);
        next = conn
            .prepare_cached(&format!("SELECT min({owner}) FROM {table} WHERE {owner} > ?1"))?
            .query_row([id], |r| r.get(0))?;
    }
    Ok(removed)
}

fn host_interval(ids: &MeterIds, r: &rusqlite::Row<'_>) -> Result<HostInterval, StoreError> {
    let totals: Option<String> = r.get(3)?;
    let totals: Option<HostTotals> = totals.map(|t| serde_json::from_str(&t)).transpose()?;
    let measured = ids.unpack_set(r.get_ref(2)?.as_blob().unwrap_or_default())?;
    Ok(HostInterval { from_ms: r.get(0)?, to_ms: r.get(1)?, measured, totals })
}

fn put_usage(tx: &Transaction<'_>, ids: &MeterIds, item: &Item) -> Result<(), StoreError> {
    let Source { epoch, seq, .. } = item.source;
    let mut put = tx.prepare_cached(
        "INSERT OR IGNORE INTO usage (account, from_ms, epoch, seq, to_ms, vals) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for row in &item.usage {
        put.execute(params![row.account, row.from_ms, epoch, seq, row.to_ms, ids.pack(&row.values)])?;
    }
    Ok(())
}

fn put_host(tx: &Transaction<'_>, ids: &MeterIds, item: &Item) -> Result<(), StoreError> {
    let Source { host, epoch, seq } = item.source;
    let mut put = tx.prepare_cached(
        "INSERT OR IGNORE INTO host (host, from_ms, epoch, seq, to_ms, measured, totals) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for row in &item.host {
        let totals = row.totals.as_ref().map(serde_json::to_string).transpose()?;
        put.execute(params![host, row.from_ms, epoch, seq, row.to_ms, ids.pack_set(&row.measured), totals])?;
    }
    Ok(())
}

fn put_rest(tx: &Transaction<'_>, item: &Item) -> Result<(), StoreError> {
    let Source { host, epoch, seq } = item.source;
    let mut gap = tx.prepare_cached(
        "INSERT OR IGNORE INTO gap (host, from_ms, epoch, seq, n, to_ms, meter, uid, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (n, row) in (0_i64..).zip(&item.gaps) {
        let meter = row.meter.as_str();
        gap.execute(params![host, row.from_ms, epoch, seq, n, row.to_ms, meter, row.uid, row.reason])?;
    }
    let mut top = tx.prepare_cached(
        "INSERT OR IGNORE INTO top (account, at_ms, epoch, seq, commands) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for row in &item.top {
        top.execute(params![row.account, row.at_ms, epoch, seq, serde_json::to_string(&row.commands)?])?;
    }
    Ok(())
}
