//! Notes every change to a journalled table while a transaction runs, by temporary triggers on the writer's connection.
//!
//! The notes stand in a temporary table, so that what a savepoint takes back is taken back there, too. A row is noted as
//! it stands after the change: replaying the notes in order makes the same rows.

use super::DbError;
use super::tables::{Kind, kind};
use crate::limits::JOURNAL_RECORD_MAX_BYTES;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::io::Write as _;

/// How hard records are compressed: SQL rows of one kind shrink much at the lowest level.
const ZSTD_LEVEL: i32 = 1;

/// A table of the schema.
pub(super) struct Table {
    pub(super) name: String,
    /// Those that are journalled, and whether each is part of the primary key.
    pub(super) columns: Vec<(String, bool)>,
}

/// Every journalled table that is there, with its journalled columns. Fails at a table that is on no list.
pub(super) fn journalled(conn: &Connection) -> Result<Vec<Table>, DbError> {
    let mut stmt = conn.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names: Vec<String> = stmt.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for name in names {
        let kind = kind(&name).ok_or_else(|| {
            DbError::Damaged(format!("table {name:?} is none of this version; it would miss in the journal"))
        })?;
        if let Kind::Journalled { refilled } = kind {
            let mut stmt =
                conn.prepare_cached("SELECT name, pk > 0 FROM pragma_table_info(?1) ORDER BY cid")?;
            let all = stmt.query_map([&name], |r| Ok((r.get::<_, String>(0)?, r.get(1)?)))?;
            let columns = all.filter(|c| !c.as_ref().is_ok_and(|(n, _)| refilled.contains(&n.as_str())));
            out.push(Table { columns: columns.collect::<Result<_, _>>()?, name });
        }
    }
    Ok(out)
}

/// The triggers of one connection.
pub(super) struct Capture {
    tables: Vec<Table>,
}

impl Capture {
    /// Puts the triggers onto a connection, whose schema is in place.
    pub(super) fn install(conn: &Connection) -> Result<Self, DbError> {
        let tables = journalled(conn)?;
        let widest = tables.iter().map(|t| t.columns.len()).max().unwrap_or_default();
        // Without recursive triggers, a row that REPLACE removes would go without a note.
        let mut sql = "PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON;
            CREATE TEMP TABLE journal_row (n INTEGER PRIMARY KEY, tbl INTEGER NOT NULL, put INTEGER NOT NULL"
            .to_owned();
        for n in 0..widest {
            push(&mut sql, format_args!(", c{n}"));
        }
        sql.push_str(");\n");
        for (i, table) in tables.iter().enumerate() {
            triggers(&mut sql, i, table);
        }
        conn.execute_batch(&sql)?;
        Ok(Self { tables })
    }

    /// Takes the notes of a transaction, as the payload of a record; `None`: nothing was noted.
    pub(super) fn take(&self, tx: &Connection, schema: i64) -> Result<Option<Vec<u8>>, DbError> {
        let mut stmt = tx.prepare_cached("SELECT * FROM temp.journal_row ORDER BY n")?;
        let mut rows = stmt.query([])?;
        let mut out: Option<zstd::Encoder<'_, Vec<u8>>> = None;
        while let Some(row) = rows.next()? {
            let encoder = match &mut out {
                Some(encoder) => encoder,
                None => out.insert(begin(schema)?),
            };
            let table = usize::try_from(row.get::<_, i64>(1)?).ok().and_then(|n| self.tables.get(n));
            let table = table.ok_or_else(|| DbError::Damaged("a note names no table".to_owned()))?;
            let line = line(table, row)?;
            encoder.write_all(&line).map_err(|e| encoding(&e))?;
            if encoder.get_ref().len() > JOURNAL_RECORD_MAX_BYTES {
                return Err(DbError::Journal(format!(
                    "one transaction changes more than the {JOURNAL_RECORD_MAX_BYTES} bytes of a record; do it in parts"
                )));
            }
        }
        drop(rows);
        drop(stmt);
        let Some(encoder) = out else { return Ok(None) };
        tx.execute_batch("DELETE FROM temp.journal_row")?;
        Ok(Some(encoder.finish().map_err(|e| encoding(&e))?))
    }
}

fn encoding(e: &std::io::Error) -> DbError {
    DbError::Journal(format!("a record could not be compressed: {e}"))
}

fn begin(schema: i64) -> Result<zstd::Encoder<'static, Vec<u8>>, DbError> {
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL).map_err(|e| encoding(&e))?;
    writeln!(encoder, "{{\"schema\":{schema}}}").map_err(|e| encoding(&e))?;
    Ok(encoder)
}

/// `{"table":"customer","put":{…}}`, or `"del"` with the primary key.
fn line(table: &Table, row: &rusqlite::Row<'_>) -> Result<Vec<u8>, DbError> {
    let put: bool = row.get(2)?;
    let mut values = Map::new();
    for (n, (column, key)) in table.columns.iter().enumerate() {
        if put || *key {
            values.insert(column.clone(), value(row.get_ref(n.saturating_add(3))?, &table.name, column)?);
        }
    }
    let verb = if put { "put" } else { "del" };
    let line = serde_json::json!({"table": table.name, verb: values});
    let mut line = serde_json::to_vec(&line).map_err(|e| encoding(&e.into()))?;
    line.push(b'\n');
    Ok(line)
}

/// Bytes are `{"b":"base64"}`; everything else is its own kind of JSON.
fn value(value: ValueRef<'_>, table: &str, column: &str) -> Result<Value, DbError> {
    let damaged = |why: &str| DbError::Damaged(format!("{table}.{column}: {why}"));
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => n.into(),
        ValueRef::Text(text) => {
            std::str::from_utf8(text).map_err(|_| damaged("text that is no UTF-8"))?.into()
        }
        ValueRef::Blob(bytes) => serde_json::json!({"b": STANDARD.encode(bytes)}),
        ValueRef::Real(_) => return Err(damaged("a fraction, of which the schema knows none")),
    })
}

fn push(sql: &mut String, text: std::fmt::Arguments<'_>) {
    let _cannot_fail = sql.write_fmt(text);
}

fn triggers(sql: &mut String, i: usize, table: &Table) {
    let name = &table.name;
    let row = |of: &str| -> String { table.columns.iter().map(|(c, _)| format!(", {of}.\"{c}\"")).collect() };
    let differs = |keys: bool| {
        let columns = table.columns.iter().filter(|(_, key)| !keys || *key);
        columns.map(|(c, _)| format!("new.\"{c}\" IS NOT old.\"{c}\"")).collect::<Vec<_>>().join(" OR ")
    };
    let places: String = (0..table.columns.len()).map(|n| format!(", c{n}")).collect();
    let into = format!("INSERT INTO journal_row (tbl, put{places})");
    let (new, old) = (row("new"), row("old"));
    push(
        sql,
        format_args!(
            "CREATE TEMP TRIGGER journal_insert_{i} AFTER INSERT ON main.\"{name}\" BEGIN {into} VALUES ({i}, 1{new}); END;
             CREATE TEMP TRIGGER journal_delete_{i} AFTER DELETE ON main.\"{name}\" BEGIN {into} VALUES ({i}, 0{old}); END;
             CREATE TEMP TRIGGER journal_update_{i} AFTER UPDATE ON main.\"{name}\" WHEN {any} BEGIN
               {into} SELECT {i}, 0{old} WHERE {key};
               {into} VALUES ({i}, 1{new});
             END;\n",
            any = differs(false),
            key = differs(true),
        ),
    );
}
