//! Extractors: who looks at a page. Without a session they lead to the login.

use super::cookie::Jar;
use super::page;
use crate::api::AppState;
use crate::auth::{Caller, Role, Scope};
use crate::db::{Connection, OptionalExtension};
use crate::users;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use hostmeter_panel::view::{Frame, Role as Shown};

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// Who.
    pub(super) caller: Caller,
    /// The session's token, which forms send back.
    pub(super) csrf: String,
    /// Zone of the times shown: the one that a customer chose, else its billing zone.
    zone: String,
}

impl Visitor {
    /// What they may see.
    pub(super) const fn scope(&self) -> Scope {
        self.caller.scope()
    }

    /// Whether they see everything.
    pub(super) fn is_staff(&self) -> bool {
        matches!(self.caller.role, Role::Admin | Role::Auditor)
    }

    /// The frame of their pages.
    pub(super) fn frame(&self, now_ms: i64) -> Frame {
        Frame {
            user: self.caller.login.clone(),
            role: if self.is_staff() { Shown::Admin } else { Shown::Customer },
            csrf: self.csrf.clone(),
            zone: self.zone.clone(),
            now_ms,
            notices: Vec::new(),
        }
    }
}

/// Somebody who is logged in and may see what concerns everybody.
#[derive(Clone, Debug)]
pub(super) struct Staff(pub(super) Visitor);

impl FromRequestParts<AppState> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        let Some(cookie) = Jar::Session.read(&parts.headers, app.config.tls.is_some()) else {
            return Err(to_login(parts));
        };
        let now_ms = app.now_ms();
        let found = app.db.read(move |conn| find(conn, &cookie, now_ms)).await;
        match found {
            Ok(Some(visitor)) => Ok(visitor),
            Ok(None) => Err(to_login(parts)),
            Err(e) => Err(page::problem(None, &e)),
        }
    }
}

fn find(conn: &Connection, cookie: &str, now_ms: i64) -> Result<Option<Visitor>, crate::api::Problem> {
    let Some((caller, csrf)) = users::session(conn, cookie, now_ms)? else { return Ok(None) };
    let sql = "SELECT coalesce(zone, billing_zone) FROM customer WHERE id = ?1";
    let zone = conn.prepare_cached(sql)?.query_row([caller.customer], |r| r.get(0)).optional()?;
    Ok(Some(Visitor { caller, csrf, zone: zone.unwrap_or_else(|| "UTC".to_owned()) }))
}

fn to_login(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let leads_back = parts.method == Method::GET && wanted != "/" && page::is_local(wanted);
    if leads_back {
        page::see_other(&format!("/login?next={}", escape(wanted)))
    } else {
        page::see_other("/login")
    }
}

/// A value of a query string: everything but RFC 3986 unreserved characters and `/` is percent-encoded.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

impl FromRequestParts<AppState> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        if visitor.is_staff() {
            return Ok(Self(visitor));
        }
        let frame = visitor.frame(app.now_ms());
        Err(page::error(Some(frame), StatusCode::FORBIDDEN, "This page is for administrators."))
    }
}

/// The name in the address.
#[derive(Clone, Debug)]
pub(super) struct Named(pub(super) String);

impl FromRequestParts<AppState> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(e) => Err(page::error(None, e.status(), "The address cannot be read.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn addresses_in_a_query_string() {
        assert_eq!(escape("/accounts/shop@web1?range=24h&x"), "/accounts/shop%40web1%3Frange%3D24h%26x");
    }
}
