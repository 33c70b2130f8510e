//! Logging in and out.

use super::cookie::{Jar, same};
use super::page;
use super::throttle::Throttle;
use super::visitor::Visitor;
use crate::api::{AppState, Problem};
use crate::audit;
use crate::auth::Caller;
use crate::db::{Transaction, params};
use crate::keys::random;
use crate::limits::SESSIONS_PER_USER_MAX;
use crate::users::{self, Session};
use axum::Extension;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use hostmeter_core::wire::key::{hex, sha256};
use hostmeter_panel::login_page;
use hostmeter_panel::view::LoginView;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;

type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// Where a login leads to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Next {
    next: Option<String>,
}

/// The login form.
#[derive(Default, Deserialize)]
pub(super) struct LoginForm {
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    csrf: String,
    next: Option<String>,
}

/// A form with nothing but the session's token.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    csrf: String,
}

/// The login form. Its token is bound to a cookie of the visitor.
pub(super) async fn form(
    State(app): State<AppState>,
    headers: HeaderMap,
    asked: Result<Query<Next>, QueryRejection>,
) -> Response {
    let next = asked.ok().and_then(|Query(n)| n.next).filter(|n| page::is_local(n));
    show(&app, &headers, StatusCode::OK, String::new(), None, next)
}

fn show(
    app: &AppState,
    headers: &HeaderMap,
    status: StatusCode,
    user: String,
    error: Option<String>,
    next: Option<String>,
) -> Response {
    let tls = app.config.tls.is_some();
    // One that is there stays, so that two windows can both log in.
    let token = match Jar::Login.read(headers, tls) {
        Some(token) => token,
        None => match random::<32>() {
            Ok(bytes) => hex(&bytes),
            Err(e) => return page::problem(None, &Problem::internal(&e)),
        },
    };
    let view = LoginView { csrf: token.clone(), user, error, hint: None, next };
    match login_page(&view) {
        Ok(html) => with_cookies((status, Html(html)).into_response(), [Jar::Login.give(&token, tls)]),
        Err(e) => page::problem(None, &Problem::internal(&e)),
    }
}

fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The fields of a form; one without a form's content type has none.
pub(super) fn fields<T: Default>(sent: Result<Form<T>, FormRejection>) -> Result<T, StatusCode> {
    match sent {
        Ok(Form(fields)) => Ok(fields),
        Err(FormRejection::InvalidFormContentType(_)) => Ok(T::default()),
        Err(e) => Err(e.status()),
    }
}

/// Checks a login. What is wrong, the user or the password, is not told, and both take as long.
pub(super) async fn log_in(
    State(app): State<AppState>,
    Extension(throttle): Extension<Arc<Throttle>>,
    peer: Peer,
    headers: HeaderMap,
    sent: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let form = match fields(sent) {
        Ok(form) => form,
        Err(status) => return page::error(None, status, "The form could not be read."),
    };
    let tls = app.config.tls.is_some();
    let own = Jar::Login.read(&headers, tls).unwrap_or_default();
    if !same(&own, &form.csrf) {
        let what = "The form is too old, or your browser takes no cookies; load the login page again.";
        return page::error(None, StatusCode::FORBIDDEN, what);
    }
    let next = form.next.filter(|n| page::is_local(n));
    let (now_ms, address) = (app.now_ms(), peer.map(|Extension(ConnectInfo(a))| a.ip()));
    if let Err(left_ms) = throttle.take(address, &form.user, now_ms) {
        let left_sec = u64::try_from(left_ms).unwrap_or_default().div_ceil(1_000);
        let why = format!("Too many tries. Wait {left_sec} seconds, then try again.");
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = show(&app, &headers, status, form.user, Some(why), next);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(left_sec));
        return response;
    }
    match users::log_in(&app, form.user.clone(), form.password).await {
        Ok(Some(caller)) => {
            throttle.give_back(address, &form.user, now_ms);
            let from = address.map(|a| a.to_string()).unwrap_or_default();
            let old = Jar::Session.read(&headers, tls);
            open(&app, caller, old, from, next).await
        }
        Ok(None) => {
            let why = Some("User name or password is wrong.".to_owned());
            show(&app, &headers, StatusCode::UNAUTHORIZED, form.user, why, next)
        }
        Err(e) => page::problem(None, &e),
    }
}

async fn open(
    app: &AppState,
    caller: Caller,
    old: Option<String>,
    from: String,
    next: Option<String>,
) -> Response {
    let now_ms = app.now_ms();
    let made = app.db.write(move |tx| start(tx, &caller, old.as_deref(), &from, now_ms)).await;
    match made {
        Ok(session) => {
            let tls = app.config.tls.is_some();
            let to = next.unwrap_or_else(|| "/".to_owned());
            let cookies = [Jar::Session.give(&session.cookie, tls), Jar::Login.remove(tls)];
            with_cookies(page::see_other(&to), cookies)
        }
        Err(e) => page::problem(None, &e),
    }
}

/// A new session in place of the one that the browser had; the oldest ones end where there are too many.
fn start(
    tx: &Transaction<'_>,
    caller: &Caller,
    old: Option<&str>,
    from: &str,
    now_ms: i64,
) -> Result<Session, Problem> {
    if let Some(old) = old {
        users::end_session(tx, old)?;
    }
    let session = users::create_session(tx, caller.user, now_ms)?;
    let keep = i64::try_from(SESSIONS_PER_USER_MAX).unwrap_or(i64::MAX);
    let sql = "DELETE FROM session WHERE user = ?1 AND hash NOT IN
        (SELECT hash FROM session WHERE user = ?1 ORDER BY made_ms DESC, hash = ?3 DESC, hash LIMIT ?2)";
    let new = sha256(session.cookie.as_bytes());
    tx.prepare_cached(sql)?.execute(params![caller.user, keep, new])?;
    audit::write(tx, &caller.login, "session.open", &caller.login, from, now_ms)?;
    Ok(session)
}

/// Ends the session.
pub(super) async fn log_out(
    State(app): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    sent: Result<Form<Signed>, FormRejection>,
) -> Response {
    let form = match fields(sent) {
        Ok(form) => form,
        Err(status) => return page::error(None, status, "The form could not be read."),
    };
    if !same(&visitor.csrf, &form.csrf) {
        let frame = visitor.frame(app.now_ms());
        let what = "The form does not belong to this session; nothing was changed.";
        return page::error(Some(frame), StatusCode::FORBIDDEN, what);
    }
    let tls = app.config.tls.is_some();
    let cookie = Jar::Session.read(&headers, tls).unwrap_or_default();
    let ended = app.db.write(move |tx| users::end_session(tx, &cookie)).await;
    match ended {
        Ok(()) => with_cookies(page::see_other("/login"), [Jar::Session.remove(tls)]),
        Err(e) => page::problem(None, &e.into()),
    }
}
