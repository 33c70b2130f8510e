//! The ranges that pages offer.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use hostmeter_core::units::HOUR_MS;
use hostmeter_panel::view::Range;

use super::page;
use crate::query::series::Grid;

/// `?range=1h|24h`; an hour if it is not given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked(pub(super) Range);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let query = parts.uri.query().unwrap_or_default();
        match query.split('&').find_map(|pair| pair.strip_prefix("range=")) {
            None | Some("1h") => Ok(Self(Range::Hour)),
            Some("24h") => Ok(Self(Range::Day)),
            Some(other) => {
                let what = format!("The range {:?} is not offered; there are 1h and 24h.", page::cut(other));
                Err(page::error(None, StatusCode::BAD_REQUEST, &what))
            }
        }
    }
}

/// Seconds in a bucket.
pub(super) const fn step_sec(range: Range) -> i64 {
    match range {
        Range::Hour => 10,
        Range::Day => 300,
    }
}

/// The range that ends now, in whole buckets but the last.
pub(super) fn grid(range: Range, now_ms: i64) -> Grid {
    let step_ms = step_sec(range).saturating_mul(1_000);
    let length_ms = match range {
        Range::Hour => HOUR_MS,
        Range::Day => 24 * HOUR_MS,
    };
    let grid = Grid { from_ms: now_ms.saturating_sub(length_ms), to_ms: now_ms, step_ms };
    Grid { from_ms: grid.start_ms(), ..grid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_start_at_a_bucket() {
        let grid = grid(Range::Hour, 7_205_001);
        assert_eq!((grid.from_ms, grid.to_ms, grid.step_ms, grid.len()), (3_600_000, 7_205_001, 10_000, 361));
        assert_eq!(super::grid(Range::Day, 86_400_000 * 2).len(), 288);
    }
}
