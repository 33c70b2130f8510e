//! Statements: one a customer and billing month.

use super::body::PageQuery;
use super::extract::Params;
use super::money::visible;
use super::{AppState, Problem};
use crate::auth::Caller;
use crate::billing::statement::{self, Correction, Found, Statement};
use crate::db::Connection;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/customers/{id}/statements", get(list_statements))
        .route("/v1/customers/{id}/statements/{number}", get(show_statement))
        .route("/v1/customers/{id}/statements/{number}/corrections", get(list_corrections))
}

/// A page of a customer's statements.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct StatementPage {
    /// Newest first.
    statements: Vec<Found>,
    /// Cursor of the next page.
    next: Option<String>,
}

/// Lists a customer's statements, newest first.
#[utoipa::path(get, path = "/v1/customers/{id}/statements", tag = "money", params(PageQuery), responses((status = 200, body = StatementPage)))]
pub async fn list_statements(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Result<Json<StatementPage>, Problem> {
    let (before, rows) = (page.number()?, page.rows());
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            let mut statements = statement::list(conn, &customer, before, rows.saturating_add(1))?;
            let is_cut = statements.len() > rows;
            statements.truncate(rows);
            let next = statements.last().filter(|_| is_cut).map(|s| s.number.to_string());
            Ok(Json(StatementPage { statements, next }))
        })
        .await
}

/// How a statement is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Csv,
    Pdf,
}

/// `17`, `17.csv` or `17.pdf`.
pub(crate) fn form_of(text: &str) -> Option<(i64, Form)> {
    let (number, form) = match text.split_once('.') {
        None => (text, Form::Json),
        Some((number, "csv")) => (number, Form::Csv),
        Some((number, "pdf")) => (number, Form::Pdf),
        Some(_) => return None,
    };
    number.parse().ok().map(|number| (number, form))
}

pub(crate) fn find(
    conn: &Connection,
    caller: &Caller,
    id: &str,
    text: &str,
) -> Result<(Statement, Form), Problem> {
    let missing = || Problem::not_found("statement", text);
    let customer = visible(conn, caller, id)?;
    let (number, form) = form_of(text).ok_or_else(missing)?;
    let found = statement::find(conn, &customer, number)?.ok_or_else(missing)?;
    Ok((found, form))
}

/// A statement in the form that was asked for.
pub(crate) async fn answer(found: Statement, form: Form) -> Result<Response, Problem> {
    let name = format!("attachment; filename=\"statement-{}", found.number);
    Ok(match form {
        Form::Json => Json(found).into_response(),
        Form::Csv => {
            let headers = [
                (CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
                (CONTENT_DISPOSITION, format!("{name}.csv\"")),
            ];
            (headers, statement::csv(&found)).into_response()
        }
        Form::Pdf => {
            // Fonts are read and cut: some milliseconds.
            let made = tokio::task::spawn_blocking(move || statement::pdf(&found)).await;
            let bytes = made.map_err(|e| Problem::internal(&e))?.map_err(|e| Problem::internal(&e))?;
            let headers = [
                (CONTENT_TYPE, "application/pdf".to_owned()),
                (CONTENT_DISPOSITION, format!("{name}.pdf\"").replace("attachment", "inline")),
            ];
            (headers, bytes).into_response()
        }
    })
}

/// Shows a statement: as JSON, or as CSV or PDF if its number is followed by `.csv` or `.pdf`.
#[utoipa::path(get, path = "/v1/customers/{id}/statements/{number}", tag = "money", responses((status = 200, body = Statement)))]
pub async fn show_statement(
    State(app): State<AppState>,
    caller: Caller,
    Path((id, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (found, form) = app.db.read(move |conn| find(conn, &caller, &id, &number)).await?;
    answer(found, form).await
}

/// A page of the late charges of a statement.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct CorrectionPage {
    /// Each linked to its hour.
    corrections: Vec<Correction>,
    /// Cursor of the next page.
    next: Option<String>,
}

/// Lists the late charges of a statement: of hours whose own statement was closed before.
#[utoipa::path(get, path = "/v1/customers/{id}/statements/{number}/corrections", tag = "money", params(PageQuery), responses((status = 200, body = CorrectionPage)))]
pub async fn list_corrections(
    State(app): State<AppState>,
    caller: Caller,
    Path((id, number)): Path<(String, String)>,
    Params(page): Params<PageQuery>,
) -> Result<Json<CorrectionPage>, Problem> {
    let after = page.cursor.as_deref().map(cursor).transpose()?;
    let rows = page.rows();
    app.db
        .read(move |conn| {
            let (found, _) = find(conn, &caller, &id, &number)?;
            let (corrections, next) = statement::corrections(conn, found.number, after, rows)?;
            let next = next.map(|(account, hour, rev)| format!("{account}:{hour}:{rev}"));
            Ok(Json(CorrectionPage { corrections, next }))
        })
        .await
}

fn cursor(text: &str) -> Result<(i64, i64, i64), Problem> {
    let mut parts = text.split(':').map(str::parse);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(account)), Some(Ok(hour)), Some(Ok(rev)), None) => Ok((account, hour, rev)),
        _ => Err(Problem::bad_request(format!("cursor {text:?} is none that this list gave"))),
    }
}
