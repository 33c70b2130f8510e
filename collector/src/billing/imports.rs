//! Usage metered elsewhere: all rows or none, once for each key.

use super::accounts;
use super::error::BillingError;
use super::topup::check_key;
use crate::db::{OptionalExtension, Transaction, params};
use crate::limits::{IMPORT_ROWS_MAX, IMPORT_SOURCE_MAX_CHARS};
use hostmeter_core::ids::AccountId;
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::key::sha256;
use std::collections::BTreeMap;

/// A request to import.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Who metered it, for example `cloud-a`.
    pub source: String,
    /// What was used.
    pub rows: Vec<ImportRow>,
}

/// One quantity.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// The account, `user@host`.
    pub account: String,
    /// The meter's name.
    pub meter: String,
    /// Start of the UTC hour, RFC 3339.
    pub hour: String,
    /// Added to what the source sent before, base units; below zero takes back.
    pub quantity: i64,
}

/// A row that was read.
struct Row {
    account: i64,
    meter: Meter,
    hour: UtcHour,
    quantity: i64,
}

fn bad(i: usize, field: &str, why: &dyn std::fmt::Display) -> BillingError {
    BillingError::invalid("import_row", format!("rows[{i}].{field}: {why}; nothing was imported"))
}

/// Imports all rows, or none. The same key with the same content gives the first answer; with another it is a
/// conflict. Returns the rows accepted and whether they are new.
pub fn import(
    tx: &Transaction<'_>,
    import: &Import,
    key: &str,
    now_ms: i64,
) -> Result<(i64, bool), BillingError> {
    check_key(key)?;
    let body = serde_json::to_vec(import).map_err(|e| BillingError::invalid("import", e.to_string()))?;
    let hash = sha256(&body);
    let known: Option<(Vec<u8>, i64)> = tx
        .prepare_cached("SELECT payload_hash, accepted FROM import WHERE idem_key = ?1")?
        .query_row([key], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some((known, accepted)) = known {
        if known == hash {
            return Ok((accepted, false));
        }
        tracing::warn!(
            key,
            source = import.source,
            "an import's Idempotency-Key came again with another payload"
        );
        let why = format!(
            "the Idempotency-Key {key:?} was used for another import; take a new one for a new import"
        );
        return Err(BillingError::conflict("idempotency_key_reused", why));
    }
    let chars = import.source.chars().count();
    if chars == 0 || chars > IMPORT_SOURCE_MAX_CHARS || import.source.chars().any(char::is_control) {
        let why = format!(
            "`source` has {chars} characters; 1 to {IMPORT_SOURCE_MAX_CHARS} without control characters are allowed"
        );
        return Err(BillingError::invalid("import_source", why));
    }
    if import.rows.is_empty() || import.rows.len() > IMPORT_ROWS_MAX {
        let why = format!(
            "`rows` has {} rows; 1 to {IMPORT_ROWS_MAX} fit one import, send the rest in another",
            import.rows.len()
        );
        return Err(BillingError::invalid("import_rows", why));
    }
    let mut rows = Vec::with_capacity(import.rows.len());
    for (i, row) in import.rows.iter().enumerate() {
        rows.push(read(tx, i, row, now_ms)?);
    }
    // One sum for each key, so that the order of rows within an import does not matter.
    let mut sums: BTreeMap<(i64, UtcHour, Meter), (usize, i64)> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        let (_, sum) = sums.entry((row.account, row.hour, row.meter)).or_insert((i, 0));
        *sum = sum
            .checked_add(row.quantity)
            .ok_or_else(|| bad(i, "quantity", &"the sum does not fit 63 bits"))?;
    }
    for ((account, hour, meter), (i, quantity)) in sums {
        add(tx, i, &import.source, &Row { account, meter, hour, quantity })?;
    }
    let accepted = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "INSERT INTO import (idem_key, payload_hash, accepted, at_ms) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![key, hash, accepted, now_ms])?;
    Ok((accepted, true))
}

fn read(tx: &Transaction<'_>, i: usize, row: &ImportRow, now_ms: i64) -> Result<Row, BillingError> {
    let id = AccountId::parse(&row.account).map_err(|e| bad(i, "account", &e))?;
    let account = accounts::find(tx, &id)?.ok_or_else(|| {
        bad(i, "account", &format!("{id} is not known; make it with POST /v1/accounts first"))
    })?;
    let meter = match Meter::from_name(&row.meter) {
        Some(meter) if meter.is_flow() => meter,
        Some(meter) => {
            return Err(bad(
                i,
                "meter",
                &format!("{meter} is a level, not an amount; it cannot be imported"),
            ));
        }
        None => {
            let known: Vec<&str> = super::usage::flows().map(Meter::name).collect();
            return Err(bad(
                i,
                "meter",
                &format!("{:?} is no meter; known are {}", row.meter, known.join(", ")),
            ));
        }
    };
    let hour = UtcHour::parse(&row.hour).map_err(|e| bad(i, "hour", &e))?;
    if hour.end_ms() > now_ms {
        let why = format!("{hour} is not over yet; import it after {}", hour.next());
        return Err(bad(i, "hour", &why));
    }
    Ok(Row { account: account.row, meter, hour, quantity: row.quantity })
}

fn add(tx: &Transaction<'_>, i: usize, source: &str, row: &Row) -> Result<(), BillingError> {
    let overflow = || bad(i, "quantity", &"the sum does not fit 63 bits");
    let sql =
        "SELECT quantity FROM import_total WHERE account = ?1 AND hour = ?2 AND meter = ?3 AND source = ?4";
    let key = params![row.account, row.hour.0, row.meter.name(), source];
    let had: Option<i64> = tx.prepare_cached(sql)?.query_row(key, |r| r.get(0)).optional()?;
    let sum = had.unwrap_or(0).checked_add(row.quantity).ok_or_else(overflow)?;
    if sum < 0 {
        let why = format!(
            "the sum of source {source:?}, this account, {} and {} would be {sum}; no more can be taken back than was sent",
            row.meter, row.hour
        );
        return Err(bad(i, "quantity", &why));
    }
    let sql = "INSERT INTO import_total (account, hour, meter, source, quantity) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (account, hour, meter, source) DO UPDATE SET quantity = excluded.quantity";
    tx.prepare_cached(sql)?.execute(params![row.account, row.hour.0, row.meter.name(), source, sum])?;
    let total = super::usage::hour(tx, row.account, row.hour)?.and_then(|v| v.get(row.meter)).unwrap_or(0);
    let total = total.checked_add(row.quantity).ok_or_else(overflow)?;
    // The column's name comes from the table of meters.
    let sql = format!(
        "INSERT INTO usage_hour (account, hour, {0}) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, hour) DO UPDATE SET {0} = excluded.{0}, charged = 0",
        row.meter.name()
    );
    tx.prepare_cached(&sql)?.execute(params![row.account, row.hour.0, total])?;
    Ok(())
}
