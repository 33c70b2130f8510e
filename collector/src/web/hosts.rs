//! The admin's pages of hosts.

use super::build::{self, Reads};
use super::visitor::{Named, Staff};
use super::{charts, page, range};
use crate::api::{AppState, Problem};
use crate::db::Connection;
use crate::limits::PANEL_DEGRADED_MAX;
use crate::query::accounts::Filter;
use crate::query::degraded::{self, Stretch};
use crate::query::fleet::{self, HostSum};
use crate::query::hosts;
use crate::query::keys::Key;
use axum::extract::State;
use axum::response::Response;
use hostmeter_core::meter::Meter;
use hostmeter_core::units::HOUR_MS;
use hostmeter_panel::view::{DegradedRow, Frame, HostListView, HostRow, HostState, HostView, KeyRow, Range};
use hostmeter_panel::{host_page, hosts_page};

/// All hosts.
pub(super) async fn list(State(app): State<AppState>, Staff(visitor): Staff) -> Response {
    let now_ms = app.now_ms();
    let frame = visitor.frame(now_ms);
    let own = frame.clone();
    let found = app
        .query(move |conn, store| -> Result<HostListView, Problem> {
            let from_ms = now_ms.saturating_sub(HOUR_MS);
            let all = fleet::fleet(conn, store, visitor.scope(), from_ms, now_ms, Meter::CpuUsec)?;
            let rows = all.hosts.into_iter().zip(all.sums).map(|(host, sum)| row(host, sum, now_ms));
            Ok(HostListView { frame: own, hosts: rows.collect() })
        })
        .await;
    page::answer(frame, found, hosts_page).await
}

/// One host over a range.
pub(super) async fn page(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(name): Named,
    range::Asked(range): range::Asked,
) -> Response {
    let now_ms = app.now_ms();
    let frame = visitor.frame(now_ms);
    let own = frame.clone();
    let found = app
        .query(move |conn, store| {
            view(Reads { conn, store, scope: visitor.scope(), now_ms }, &name, range, own)
        })
        .await;
    page::answer(frame, found, host_page).await
}

fn view(reads: Reads<'_>, name: &str, range: Range, mut frame: Frame) -> Result<HostView, Problem> {
    let Reads { conn, store, scope, now_ms } = reads;
    let host = hosts::get(conn, store, scope, name)?;
    let sum = fleet::sum(store, host.row, now_ms.saturating_sub(HOUR_MS), now_ms)?;
    let grid = range::grid(range, now_ms);
    let store_failed = |e| Problem::internal(&e);
    let intervals = store.host(host.row, grid.from_ms, grid.to_ms).map_err(store_failed)?;
    let gaps = store.gaps(host.row, None, grid.from_ms, grid.to_ms).map_err(store_failed)?;
    let charts = charts::of_host(grid, &intervals, gaps, host.watermark_ms, host.interval_ms);
    let filter = Filter { host: Some(host.id.clone()), ..Filter::default() };
    let (accounts, next) = build::accounts(reads, filter, grid.from_ms)?;
    frame.notices.extend(build::more(next.as_deref(), ""));
    let (degraded, has_more_degraded) = degraded_of(conn, &host)?;
    let key = |k: &Key| KeyRow {
        fingerprint: k.fingerprint.clone(),
        state: k.state(now_ms),
        since_ms: k.since_ms,
        until_ms: k.replaced.map(|(_, until_ms)| until_ms),
    };
    let keys = host.keys.iter().map(key).collect();
    Ok(HostView {
        frame,
        host: row(host, sum, now_ms),
        range,
        from_ms: grid.from_ms,
        to_ms: grid.to_ms,
        charts,
        degraded,
        has_more_degraded,
        keys,
        accounts,
    })
}

/// The newest stretches in which the host was not metered in full, and whether there are more.
fn degraded_of(conn: &Connection, host: &hosts::Host) -> Result<(Vec<DegradedRow>, bool), Problem> {
    let mut found = degraded::newest(conn, host.row, PANEL_DEGRADED_MAX.saturating_add(1))?;
    let has_more = found.len() > PANEL_DEGRADED_MAX;
    found.truncate(PANEL_DEGRADED_MAX);
    let row = |s: Stretch| DegradedRow {
        from_ms: s.from_ms,
        to_ms: Some(s.to_ms).filter(|_| host.degraded.as_ref() != Some(&s)),
        lasted_s: s.lasted_sec(),
        tier: s.tier,
        lowest_ppm: s.lowest_ppm,
        why: s.why,
    };
    Ok((found.into_iter().map(row).collect(), has_more))
}

fn row(host: hosts::Host, sum: HostSum, now_ms: i64) -> HostRow {
    let [cpu_ppm, _, _] = host.seen_ppm;
    HostRow {
        state: state(&host, now_ms),
        agent_version: host.agent_version,
        tier: host.tier,
        interval_ms: host.interval_ms,
        coverage_ppm: cpu_ppm,
        lag_s: host.watermark_ms.and_then(|w| now_ms.saturating_sub(w).max(0).checked_div(1_000)),
        durable_seq: Some(host.durable_seq),
        remainder_usec: sum.remainder_usec,
        busy_usec: sum.busy_usec,
        accounts: host.accounts,
        limited: Some(host.limited).filter(|text| !text.is_empty()),
        is_degraded: host.degraded.is_some(),
        name: host.id,
    }
}

fn state(host: &hosts::Host, now_ms: i64) -> HostState {
    let quiet_ms = host.last_seen_ms.map(|seen| now_ms.saturating_sub(seen));
    match host.state.as_str() {
        "pending" => HostState::Waiting,
        "frozen" => HostState::Frozen,
        "revoked" => HostState::Revoked,
        _ if quiet_ms.is_none_or(|ms| ms > charts::silent_after_ms(host.interval_ms)) => HostState::Silent,
        _ => HostState::Live,
    }
}
