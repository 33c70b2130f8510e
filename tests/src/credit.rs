//! What a collector credits to whom.

use crate::api::Api;
use crate::run::wait_for;
use anyhow::{Context, Result};
use hostmeter_core::units::{parse_rfc3339_ms, rfc3339};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall clock, milliseconds.
pub fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Waits until everything that the host used before `ms` is with the collector.
pub fn wait_until_shipped(api: &Api, host: &str, ms: i64) -> Result<()> {
    wait_for(&format!("{host} to ship what it saw"), Duration::from_secs(20), || {
        let shown = api.get(&format!("/v1/hosts/{host}"))?.ok()?;
        let Some(mark) = shown["watermark"].as_str() else { return Ok(None) };
        Ok((parse_rfc3339_ms(mark)? >= ms).then_some(()))
    })
}

/// Total of a meter for every account of the host that has a uid, from `from_ms` on, in the meter's base unit. Accounts
/// of which it is not known are left out.
pub fn used(api: &Api, host: &str, from_ms: i64, meter: &str) -> Result<BTreeMap<u32, u64>> {
    let list = api.get(&format!("/v1/accounts?limit=1000&host={host}"))?.ok()?;
    let (from, to) = (rfc3339(from_ms), rfc3339(now_ms()? + 10_000));
    let mut credited = BTreeMap::new();
    for row in list["accounts"].as_array().context("accounts")? {
        let id = row["id"].as_str().context("id of an account")?;
        let Some(uid) = row["uid"].as_u64() else { continue };
        let path = format!("/v1/accounts/{id}/usage?from={from}&to={to}&meters={meter}");
        let usage = api.get(&path)?.ok()?;
        if let Some(total) = usage["meters"][meter]["total"].as_u64() {
            credited.insert(u32::try_from(uid)?, total);
        }
    }
    Ok(credited)
}

/// CPU of every account of the host that has a uid, from `from_ms` on, µs.
pub fn cpu_usec(api: &Api, host: &str, from_ms: i64) -> Result<BTreeMap<u32, u64>> {
    used(api, host, from_ms, "cpu_usec")
}

/// Gaps of a uid without a passwd entry that touch the time from `from_ms` on: start, end and reason, in order.
pub fn gaps(api: &Api, host: &str, uid: u32, from_ms: i64) -> Result<Vec<(i64, i64, String)>> {
    let (from, to) = (rfc3339(from_ms), rfc3339(now_ms()?));
    let path = format!("/v1/accounts/uid{uid}@{host}/usage?from={from}&to={to}&meters=cpu_usec");
    let usage = api.get(&path)?.ok()?;
    let mut found = Vec::new();
    for gap in usage["gaps"].as_array().context("gaps")? {
        let at =
            |key: &str| -> Result<i64> { Ok(parse_rfc3339_ms(gap[key].as_str().context("gap's time")?)?) };
        found.push((at("from")?, at("to")?, gap["reason"].as_str().unwrap_or_default().to_owned()));
    }
    found.sort_unstable();
    Ok(found)
}
