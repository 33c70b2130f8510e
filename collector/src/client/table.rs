//! Rows of JSON objects as an aligned table for people.

use serde_json::Value;
use std::io::{self, Write};

/// A column: its heading, and the path of the field (`/agent/version`).
pub(super) type Column = (&'static str, &'static str);

/// A field as people read it; `-` where there is none. Control characters never reach the terminal.
fn cell(row: &Value, path: &str) -> String {
    let text = match row.pointer(path) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(s)) => s.clone(),
        Some(other) => other.to_string(),
    };
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Whether a column holds figures, which are set to the right.
fn is_figure(rows: &[Value], path: &str) -> bool {
    let amount = |s: &String| s.parse::<f64>().is_ok();
    rows.iter().filter_map(|r| r.pointer(path)).any(|v| match v {
        Value::Number(_) => true,
        Value::String(s) => amount(s),
        _ => false,
    })
}

/// Writes the table.
pub(super) fn write(out: &mut impl Write, columns: &[Column], rows: &[Value]) -> io::Result<()> {
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|(_, path)| cell(row, path)).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, (head, _))| {
            let longest = cells.iter().filter_map(|c| c.get(i)).map(|c| c.chars().count()).max();
            longest.unwrap_or(0).max(head.chars().count())
        })
        .collect();
    let right: Vec<bool> = columns.iter().map(|(_, path)| is_figure(rows, path)).collect();
    let heads: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    for line in std::iter::once(&heads).chain(&cells) {
        let mut text = String::new();
        for ((cell, width), right) in line.iter().zip(&widths).zip(&right) {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = if *right { (pad.as_str(), "") } else { ("", pad.as_str()) };
            text.extend([before, cell, after, "  "]);
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// Writes one object as `key  value` lines; nested values as compact JSON.
pub(super) fn write_object(out: &mut impl Write, object: &Value) -> io::Result<()> {
    let Some(fields) = object.as_object() else { return writeln!(out, "{}", cell(object, "")) };
    let width = fields.keys().map(|k| k.chars().count()).max().unwrap_or(0);
    for key in fields.keys() {
        let value = cell(fields.get(key).unwrap_or(&Value::Null), "");
        writeln!(out, "{key:width$}  {value}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables() {
        let rows = [
            json!({"id": "c-1", "balance": "12.500000", "agent": {"version": "1"}}),
            json!({"id": "long\u{1b}[31m", "balance": "-1.000000"}),
        ];
        let columns = [("CUSTOMER", "/id"), ("BALANCE", "/balance"), ("AGENT", "/agent/version")];
        let mut out = Vec::new();
        write(&mut out, &columns, &rows).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
