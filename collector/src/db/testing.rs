//! For tests: what a restore must bring back, as text.

use super::capture::journalled;
use super::{Connection, DbError};
use rusqlite::types::Value;
use std::collections::BTreeMap;

/// What may be there once only: the primary key and every unique index of every table.
pub(crate) fn constraints(conn: &Connection) -> Result<Vec<String>, DbError> {
    let sql = "SELECT t.name || ' (' || (SELECT group_concat(name, ', ') FROM
                   (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk)) || ')' AS line
               FROM sqlite_schema t WHERE t.type = 'table' AND line IS NOT NULL
               UNION
               SELECT t.name || ' (' || (SELECT group_concat(name, ', ') FROM
                   (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')' || iif(i.partial, ' for some', '')
               FROM sqlite_schema t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.\"unique\"
               ORDER BY 1";
    let mut stmt = conn.prepare(sql)?;
    let rows = stmt.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every row of every journalled table, without the columns that agents send again.
pub(crate) fn dump(conn: &Connection) -> BTreeMap<String, Vec<String>> {
    let mut out = BTreeMap::new();
    for table in journalled(conn).unwrap() {
        let columns: Vec<String> = table.columns.iter().map(|(c, _)| format!("\"{c}\"")).collect();
        let keys: Vec<String> =
            table.columns.iter().filter(|c| c.1).map(|(c, _)| format!("\"{c}\"")).collect();
        let sql =
            format!("SELECT {} FROM \"{}\" ORDER BY {}", columns.join(", "), table.name, keys.join(", "));
        let mut stmt = conn.prepare(&sql).unwrap();
        let row = |r: &rusqlite::Row<'_>| {
            (0..columns.len())
                .map(|i| r.get::<_, Value>(i))
                .collect::<Result<Vec<_>, _>>()
                .map(|v| format!("{v:?}"))
        };
        let rows = stmt.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap();
        out.insert(table.name, rows);
    }
    out
}
