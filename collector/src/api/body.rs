//! What the handlers of money and lifecycle share: reading bodies and cursors, and errors of billing as problems.

use super::Problem;
use crate::billing::{BillingError, ErrorClass};
use crate::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

impl From<BillingError> for Problem {
    fn from(e: BillingError) -> Self {
        let status = match (e.class(), e) {
            (_, BillingError::Db(db)) => return db.into(),
            (ErrorClass::Internal, e) => return Self::internal(&e),
            (ErrorClass::Missing, e) => (StatusCode::NOT_FOUND, e),
            (ErrorClass::Conflict, e) => (StatusCode::CONFLICT, e),
            (ErrorClass::Invalid, e) => (StatusCode::UNPROCESSABLE_ENTITY, e),
        };
        let (status, e) = status;
        Self::new(status, e.code(), e.to_string())
    }
}

/// Reads a JSON body. An empty one counts as `{}`.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => Problem::invalid(format!("the body: {e}")),
        _ => Problem::bad_request(format!("the body is not valid JSON: {e}")),
    })
}

/// The value of the Idempotency-Key header, if there is one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text =
        value.to_str().map_err(|_| Problem::bad_request("the Idempotency-Key is not printable ASCII"))?;
    Ok(Some(text.to_owned()))
}

/// The value of the Idempotency-Key header, which this request needs.
pub(super) fn need_idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    idempotency_key(headers)?.ok_or_else(|| {
        Problem::bad_request("send an Idempotency-Key header, so that a repeated request counts once")
    })
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows of the page, at most 1,000.
    pub limit: Option<usize>,
    /// `desc`: newest first (the ledger only; oldest first otherwise).
    pub order: Option<String>,
    /// Only what concerns this account (commands only).
    pub account: Option<String>,
    /// Only what is in this state (commands only).
    pub state: Option<String>,
}

impl PageQuery {
    /// Rows of the page.
    pub(super) fn rows(&self) -> usize {
        self.limit.unwrap_or(PAGE_ROWS_DEFAULT).clamp(1, PAGE_ROWS_MAX)
    }

    /// The cursor as a number.
    pub(super) fn number(&self) -> Result<Option<i64>, Problem> {
        let read = |text: &String| {
            text.parse().map_err(|_| {
                Problem::bad_request(format!(
                    "cursor {text:?} is none that this list gave; use `next` of the page before"
                ))
            })
        };
        self.cursor.as_ref().map(read).transpose()
    }
}
