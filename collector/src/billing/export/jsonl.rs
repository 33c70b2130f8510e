//! JSON lines: an object for each transaction.

use super::Row;
use hostmeter_core::units::rfc3339;
use serde_json::json;

pub(super) fn put(out: &mut String, t: &Row, currency: &str) {
    let entries: Vec<_> = t
        .entries
        .iter()
        .map(|(account, amount, after)| {
            json!({"account": account.to_string(), "amount": amount, "balance_after": after})
        })
        .collect();
    let object = json!({
        "txn": t.txn.to_string(),
        "kind": t.kind,
        "effective_at": rfc3339(t.effective_ms),
        "recorded_at": rfc3339(t.recorded_ms),
        "currency": currency,
        "key": t.key,
        "actor": t.actor,
        "reason": t.reason,
        "reverses": t.reverses.map(|r| r.to_string()),
        "entries": entries,
    });
    out.push_str(&object.to_string());
    out.push('\n');
}
