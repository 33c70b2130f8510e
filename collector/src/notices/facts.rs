//! What the lifecycle knows of notices.

use super::kinds::{FINAL, FIRST};
use crate::billing::customers::Customer;
use crate::db::{Connection, DbError, OptionalExtension, from_sql, params};
use hostmeter_core::lifecycle::{CustomerState, Notice, Notices, Phase};
use hostmeter_core::money::Money;

/// [`FINAL`] alone, as many times as there are places for kinds.
const LAST: [&str; 3] = [FINAL; 3];

/// A channel that could carry a notice to the customer `u` now.
const REACHES: &str =
    "c.to_customers = 1 AND (c.kind = 'webhook' OR (c.kind = 'smtp' AND u.email IS NOT NULL)
  OR (c.kind = 'telegram' AND u.telegram IS NOT NULL))";

/// What became of the notices that suspension and deletion wait for.
///
/// A notice that is out counts with the channels that it was given: where there was none, the panel's word is enough,
/// also if a channel came later. A channel that is gone, or an address that was taken away, is not waited for.
pub fn gather(
    conn: &Connection,
    customer: &Customer,
    state: &CustomerState,
    balance: Money,
) -> Result<Notices, DbError> {
    // The grace ends in this step, and with it the episode: what may come is a new one.
    let ends = matches!(state.phase, Phase::Grace | Phase::Promised) && !balance.is_negative();
    let out = match (state.final_notice_ms, state.notice_ms) {
        _ if ends => None,
        (Some(_), _) => Some(LAST),
        (None, Some(_)) if state.phase != Phase::Suspended => Some(FIRST),
        (None, _) => None,
    };
    let Some(kinds) = out else {
        return Ok(Notices { channel: is_reachable(conn, customer.row)?, ..Notices::default() });
    };
    let first = accepted(conn, customer.row, FIRST)?;
    let last = accepted(conn, customer.row, LAST)?;
    let is_handed = if kinds == FIRST { first } else { last }.is_some_and(|n| n.episode == state.episode);
    let channel = is_handed || waits(conn, customer.row, state.episode, kinds)?;
    Ok(Notices { channel, first, last })
}

/// Whether a notice of now would have a channel.
fn is_reachable(conn: &Connection, customer: i64) -> Result<bool, DbError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM channel c, customer u WHERE u.id = ?1 AND c.hands_over = 1 AND {REACHES})"
    );
    Ok(conn.prepare_cached(&sql)?.query_row([customer], |r| r.get(0))?)
}

/// When the newest notice that was accepted was accepted first.
fn accepted(conn: &Connection, customer: i64, kinds: [&str; 3]) -> Result<Option<Notice>, DbError> {
    let sql = "SELECT o.episode, MIN(d.settled_ms) FROM outbox o JOIN delivery d ON d.notice = o.id
               WHERE o.customer = ?1 AND o.kind IN (?2, ?3, ?4) AND d.state = 'accepted' AND d.hands_over = 1
               GROUP BY o.id ORDER BY o.id DESC LIMIT 1";
    let [a, b, c] = kinds;
    let row = conn
        .prepare_cached(sql)?
        .query_row(params![customer, a, b, c], |r| Ok((r.get::<_, i64>(0)?, r.get(1)?)))
        .optional()?;
    row.map(|(episode, at_ms)| Ok(Notice { episode: from_sql("episode", episode)?, at_ms })).transpose()
}

/// Whether a channel that is still there and still reaches the customer has yet to accept one of the episode's notices.
fn waits(conn: &Connection, customer: i64, episode: u64, kinds: [&str; 3]) -> Result<bool, DbError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM outbox o JOIN delivery d ON d.notice = o.id JOIN channel c ON c.name = d.channel
           JOIN customer u ON u.id = o.customer
         WHERE o.customer = ?1 AND o.episode = ?2 AND o.kind IN (?3, ?4, ?5) AND d.hands_over = 1 AND c.hands_over = 1
           AND d.state <> 'accepted' AND {REACHES})"
    );
    let [a, b, c] = kinds;
    let episode = crate::db::to_sql("episode", episode)?;
    Ok(conn.prepare_cached(&sql)?.query_row(params![customer, episode, a, b, c], |r| r.get(0))?)
}
