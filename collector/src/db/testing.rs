//! For tests: what a restore must bring back, as text.

use super::Connection;
use super::capture::journalled;
use rusqlite::types::Value;
use std::collections::BTreeMap;

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
