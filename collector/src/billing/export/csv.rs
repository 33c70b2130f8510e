//! CSV by RFC 4180: a row for each entry.

use super::Row;
use hostmeter_core::units::rfc3339;

const HEAD: [&str; 12] = [
    "txn",
    "kind",
    "effective_at",
    "recorded_at",
    "account",
    "amount",
    "balance_after",
    "currency",
    "key",
    "actor",
    "reason",
    "reverses",
];

pub(super) fn head() -> String {
    let mut out = String::new();
    row(&mut out, &HEAD);
    out
}

pub(super) fn put(out: &mut String, t: &Row, currency: &str) {
    let (txn, reverses) = (t.txn.to_string(), t.reverses.map(|r| r.to_string()).unwrap_or_default());
    let (effective, recorded) = (rfc3339(t.effective_ms), rfc3339(t.recorded_ms));
    for (account, amount, after) in &t.entries {
        let (account, amount, after) = (account.to_string(), amount.to_string(), after.to_string());
        let fields: [&str; 12] = [
            &txn, &t.kind, &effective, &recorded, &account, &amount, &after, currency, &t.key, &t.actor,
            &t.reason, &reverses,
        ];
        row(out, &fields);
    }
}

/// Appends a row. A field with a comma, a quote or a line end stands in quotes, with quotes doubled.
pub(in crate::billing) fn row(out: &mut String, fields: &[&str]) {
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut out = String::new();
        row(&mut out, &["a", "b,c", "say \"no\"", "x\ny", ""]);
        assert_eq!(out, "a,\"b,c\",\"say \"\"no\"\"\",\"x\ny\",\r\n");
    }
}
