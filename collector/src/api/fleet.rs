//! The fleet at a glance, and alerts.

use super::extract::Params;
use super::hosts::Host;
use super::state::AppState;
use super::usage::time;
use super::{Problem, Reader};
use crate::query::{alerts, fleet};
use axum::Json;
use axum::extract::State;
use hostmeter_core::meter::Meter;
use hostmeter_core::units::{HOUR_MS, rfc3339};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::get;
    axum::Router::new().route("/v1/fleet", get(show_fleet)).route("/v1/alerts", get(list_alerts))
}

/// Which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FleetParams {
    /// Start, RFC 3339; an hour before `to` if not given.
    from: Option<String>,
    /// End, RFC 3339; now if not given.
    to: Option<String>,
    /// By which meter accounts are noisy; `cpu_usec` if not given.
    meter: Option<String>,
}

/// The fleet over a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fleet {
    /// Start of the time asked for.
    from: String,
    /// Its end.
    to: String,
    /// Hosts by state.
    states: BTreeMap<String, usize>,
    /// Accounts on all hosts.
    accounts: i64,
    /// Every host.
    hosts: Vec<FleetHost>,
    /// Accounts that used most in the hours that the time touches.
    noisiest: Vec<Noisy>,
}

/// A host and what it did.
#[derive(Debug, Serialize, ToSchema)]
pub struct FleetHost {
    /// The host.
    #[serde(flatten)]
    host: Host,
    /// CPU time over the time asked for; null: could not be read.
    used: Used,
}

/// CPU time of a host, µs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Used {
    /// All CPUs.
    busy_usec: Option<i64>,
    /// Accounts.
    accounts_usec: Option<i64>,
    /// Everything that is no account.
    system_usec: Option<i64>,
    /// What neither explains, signed; never billed.
    remainder_usec: Option<i64>,
}

/// An account and what it used.
#[derive(Debug, Serialize, ToSchema)]
pub struct Noisy {
    /// `shop@web1`
    account: String,
    /// In the meter's base unit.
    quantity: i64,
}

/// The fleet at a glance
#[utoipa::path(
    get, path = "/v1/fleet", tag = "usage", params(FleetParams),
    responses((status = 200, description = "The fleet", body = Fleet))
)]
pub async fn show_fleet(
    State(app): State<AppState>,
    Reader(caller): Reader,
    Params(p): Params<FleetParams>,
) -> Result<Json<Fleet>, Problem> {
    let now_ms = app.now_ms();
    let to_ms = time("to", p.to.as_deref(), now_ms)?;
    let from_ms = time("from", p.from.as_deref(), to_ms.saturating_sub(HOUR_MS))?;
    let name = p.meter.as_deref().unwrap_or(Meter::CpuUsec.name());
    let meter = Meter::from_name(name)
        .ok_or_else(|| Problem::invalid(format!("`meter`: no meter is called {name:?}")))?;
    let scope = caller.scope();
    let found = app.query(move |conn, store| fleet::fleet(conn, store, scope, from_ms, to_ms, meter)).await?;
    let mut states = BTreeMap::new();
    for host in &found.hosts {
        let n: &mut usize = states.entry(host.state.clone()).or_default();
        *n = n.saturating_add(1);
    }
    let hosts = found.hosts.into_iter().zip(found.sums).map(|(h, s)| FleetHost {
        host: Host::new(h, now_ms),
        used: Used {
            busy_usec: s.busy_usec,
            accounts_usec: s.accounts_usec,
            system_usec: s.system_usec,
            remainder_usec: s.remainder_usec,
        },
    });
    let noisy = |(account, quantity)| Noisy { account, quantity };
    Ok(Json(Fleet {
        from: rfc3339(from_ms),
        to: rfc3339(to_ms),
        states,
        accounts: found.accounts,
        hosts: hosts.collect(),
        noisiest: found.noisiest.into_iter().map(noisy).collect(),
    }))
}

/// Which alerts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlertParams {
    /// Also those that are over.
    #[serde(default)]
    all: bool,
}

/// Alerts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alerts {
    /// At most 1000.
    alerts: Vec<Alert>,
}

/// One alert.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alert {
    /// What kind, for example `fork`.
    kind: String,
    /// Whom it concerns: a host, an account, a customer.
    subject: String,
    /// What happened and what to do.
    detail: String,
    /// When it was raised.
    raised: String,
    /// When it was over; null: it stands.
    cleared: Option<String>,
}

/// List alerts
#[utoipa::path(
    get, path = "/v1/alerts", tag = "admin", params(AlertParams),
    responses((status = 200, description = "Newest first", body = Alerts))
)]
pub async fn list_alerts(
    State(app): State<AppState>,
    Reader(caller): Reader,
    Params(p): Params<AlertParams>,
) -> Result<Json<Alerts>, Problem> {
    let scope = caller.scope();
    let found = app.db.read(move |conn| alerts::list(conn, scope, !p.all)).await?;
    let alerts = found.into_iter().map(|a| Alert {
        kind: a.kind,
        subject: a.subject,
        detail: a.detail,
        raised: rfc3339(a.raised_ms),
        cleared: a.cleared_ms.map(rfc3339),
    });
    Ok(Json(Alerts { alerts: alerts.collect() }))
}
