//! Answers: a page, a page that says what went wrong, or the way to another page.

use crate::api::Problem;
use crate::limits::{NEXT_MAX_BYTES, REFRESH_SEC, RETRY_AFTER_SEC};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use hostmeter_panel::view::{ErrorView, Frame};
use hostmeter_panel::{PanelError, error_page};

/// Longest part of an address that is shown in a text, in characters.
const SHOWN_CHARS: usize = 80;

/// Renders a view off the async threads: charts take milliseconds.
pub(super) async fn answer<V: Send + 'static>(
    frame: Frame,
    found: Result<V, Problem>,
    render: fn(&V) -> Result<String, PanelError>,
) -> Response {
    let view = match found {
        Ok(view) => view,
        Err(e) => return problem(Some(frame), &e),
    };
    match tokio::task::spawn_blocking(move || render(&view)).await {
        Ok(Ok(html)) => Html(html).into_response(),
        Ok(Err(e)) => problem(Some(frame), &Problem::internal(&e)),
        Err(e) => problem(Some(frame), &Problem::internal(&e)),
    }
}

/// A problem of the API as a page.
pub(super) fn problem(frame: Option<Frame>, e: &Problem) -> Response {
    let mut chars = e.detail.chars();
    let detail = chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect());
    let mut response = error(frame, e.status, &format!("{}.", detail.trim_end_matches('.')));
    if e.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SEC));
    }
    response
}

/// A page that says what went wrong and what to do.
pub(super) fn error(frame: Option<Frame>, status: StatusCode, what: &str) -> Response {
    let todo = match status {
        StatusCode::NOT_FOUND => "Check the address, or start from the first page.",
        StatusCode::FORBIDDEN => "Go back, load the page again and try once more, or log in as another user.",
        StatusCode::SERVICE_UNAVAILABLE => "Wait a few seconds and load the page again.",
        StatusCode::INTERNAL_SERVER_ERROR => "Try again later, and tell the administrator if it stays so.",
        _ => "Go back and try it in another way.",
    };
    let view = ErrorView { frame, status: status.as_u16(), what: what.to_owned(), todo: todo.to_owned() };
    match error_page(&view) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(e) => {
            tracing::error!(error = %e, "the error page could not be rendered");
            (status, what.to_owned()).into_response()
        }
    }
}

/// 303: the browser goes on with GET.
pub(super) fn see_other(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// Lets the browser load the page again by itself after a while.
pub(super) fn refresh(headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("refresh"), HeaderValue::from(REFRESH_SEC));
}

/// A path that may be shown: not longer than a line.
pub(super) fn cut(path: &str) -> String {
    let mut text: String = path.chars().take(SHOWN_CHARS).collect();
    if path.chars().nth(SHOWN_CHARS).is_some() {
        text.push('…');
    }
    text
}

/// Whether an address to go on to is a page of this server: a path, and nothing that a browser takes for a host.
pub(super) fn is_local(next: &str) -> bool {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    next.starts_with('/')
        && !next.starts_with("//")
        && next.len() <= NEXT_MAX_BYTES
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !matches!(path, "/login" | "/logout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_addresses() {
        let check = |next: &str, want| assert_eq!(is_local(next), want, "{next:?}");
        check("/", true);
        check("/accounts/shop@web1?range=24h", true);
        check("/a//b", true);
        check("", false);
        check("accounts", false);
        check("//evil.example", false);
        check("/\\evil.example", false);
        check("/\t/evil.example", false);
        check("https://evil.example/", false);
        check("javascript:alert(1)", false);
        check("/a b", false);
        check("/é", false);
        check("/login?next=/", false);
        check("/logout", false);
        check(&format!("/{}", "a".repeat(NEXT_MAX_BYTES)), false);
    }

    #[test]
    fn long_paths_are_cut() {
        assert_eq!(cut("/abc"), "/abc");
        assert_eq!(cut(&"é".repeat(200)).chars().count(), SHOWN_CHARS + 1);
    }
}
