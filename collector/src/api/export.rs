//! The whole ledger as a stream of text.

use super::extract::Params;
use super::{AppState, Problem, Reader};
use crate::billing::BillingError;
use crate::billing::export::{Format, last_txn, page};
use crate::limits::{EXPORT_PAGE_TXNS, EXPORT_PAGES_AHEAD};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new().route("/v1/ledger/export", get(export_ledger))
}

/// Which part of the ledger, and how.
#[derive(Clone, Copy, Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskExport {
    /// `csv`, `jsonl` or `hledger`.
    #[param(value_type = String)]
    format: Format,
    /// Only transactions after this one: what was exported before.
    after: Option<i64>,
}

/// Text that is made while it is sent. It ends early, with an error, when the ledger cannot be read.
struct Pages(mpsc::Receiver<Result<Bytes, BillingError>>);

impl hyper::body::Body for Pages {
    type Data = Bytes;
    type Error = BillingError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BillingError>>> {
        self.0.poll_recv(cx).map(|page| page.map(|p| p.map(Frame::data)))
    }
}

/// The whole ledger, oldest first, as it stands now: CSV with a row an entry, JSON lines with an object a transaction,
/// or a journal for hledger.
#[utoipa::path(get, path = "/v1/ledger/export", tag = "money", params(AskExport), responses((status = 200, body = String)))]
pub async fn export_ledger(
    State(app): State<AppState>,
    _reader: Reader,
    Params(asked): Params<AskExport>,
) -> Result<Response, Problem> {
    let format = asked.format;
    let last = app.db.read(last_txn).await?;
    let (send, pages) = mpsc::channel(EXPORT_PAGES_AHEAD);
    tokio::spawn(async move {
        let currency = app.billing.rules.currency.to_string();
        if send.send(Ok(Bytes::from(format.head(&currency)))).await.is_err() {
            return;
        }
        let mut after = asked.after.unwrap_or(0);
        loop {
            let own = currency.clone();
            let found = app.db.read(move |conn| text(conn, after, last, format, &own)).await;
            let next = match found {
                Ok(None) => return,
                Ok(Some((next, text))) => send.send(Ok(text)).await.map(|()| next),
                Err(e) => {
                    tracing::error!(error = %e, "an export of the ledger ended early");
                    send.send(Err(e)).await.map(|()| last)
                }
            };
            // Whoever asked hung up.
            let Ok(next) = next else { return };
            after = next;
        }
    });
    let name = match format {
        Format::Csv => "attachment; filename=\"ledger.csv\"",
        Format::Jsonl => "attachment; filename=\"ledger.jsonl\"",
        Format::Hledger => "attachment; filename=\"ledger.journal\"",
    };
    let headers = [(CONTENT_TYPE, format.content_type()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::new(Pages(pages))).into_response())
}

/// The next page, and its last transaction.
fn text(
    conn: &crate::db::Connection,
    after: i64,
    last: i64,
    format: Format,
    currency: &str,
) -> Result<Option<(i64, Bytes)>, BillingError> {
    let rows = page(conn, after, last, EXPORT_PAGE_TXNS)?;
    let Some(end) = rows.last() else { return Ok(None) };
    let mut out = String::new();
    for row in &rows {
        format.put(&mut out, row, currency);
    }
    Ok(Some((end.txn, Bytes::from(out))))
}
