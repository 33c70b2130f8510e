//! What is due on a channel, and writing down what became of it.

use super::render::{Notice, Style};
use super::sender::Outcome;
use crate::alerts;
use crate::db::{Connection, DbError, Transaction, params};
use crate::limits::{
    CHANNEL_DOWN_MS, CLEAN_ROWS, DELIVERY_AGE_MAX_MS, DELIVERY_BACKOFF_MAX_MS, DELIVERY_BACKOFF_MIN_MS,
    DELIVERY_BATCH, DELIVERY_DETAIL_MAX_CHARS, OUTBOX_ALERTS_KEEP_MS,
};
use hostmeter_core::units::rfc3339;
use hostmeter_panel::text::Language;

/// A delivery whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The row of the notice.
    pub(super) row: i64,
    /// Attempts so far.
    pub(super) attempts: i64,
    /// How often staff had it sent anew.
    pub(super) resends: i64,
    /// What was written.
    pub(super) notice: Notice,
    /// In which words.
    pub(super) style: Style,
    /// The customer's mail address.
    pub(super) email: Option<String>,
    /// The customer's chat.
    pub(super) telegram: Option<String>,
}

/// Deliveries of a channel that are due, in the order in which their notices were written.
pub(super) fn due(
    conn: &Connection,
    channel: &str,
    language: Language,
    now_ms: i64,
) -> Result<Vec<Due>, DbError> {
    let sql = "SELECT d.notice, d.attempts, d.resends, o.dedupe_key, o.kind, o.episode, o.at_ms, o.data, u.name,
                 coalesce(u.title, ''), u.language, coalesce(u.zone, u.billing_zone, 'UTC'), u.email, u.telegram
               FROM delivery d JOIN outbox o ON o.id = d.notice LEFT JOIN customer u ON u.id = o.customer
               WHERE d.channel = ?1 AND d.state = 'pending' AND d.next_ms <= ?2 ORDER BY d.notice LIMIT ?3";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![channel, now_ms, DELIVERY_BATCH], |r| {
        let notice = Notice {
            key: r.get(3)?,
            kind: r.get(4)?,
            episode: r.get(5)?,
            at_ms: r.get(6)?,
            data: super::outbox::Data::default(),
            customer: r.get(8)?,
            title: r.get(9)?,
        };
        let chosen: Option<String> = r.get(10)?;
        let language = chosen.and_then(|l| Language::parse(&l).ok()).unwrap_or(language);
        let style = Style { language, zone: r.get(11)? };
        let (row, attempts, resends) = (r.get(0)?, r.get(1)?, r.get(2)?);
        Ok((
            Due { row, attempts, resends, notice, style, email: r.get(12)?, telegram: r.get(13)? },
            r.get(7)?,
        ))
    })?;
    rows.map(|row| {
        let (mut due, data): (Due, String) = row?;
        due.notice.data = read_data(due.row, &data)?;
        Ok(due)
    })
    .collect()
}

/// What a notice's texts are made from.
pub(super) fn read_data(notice: i64, json: &str) -> Result<super::outbox::Data, DbError> {
    serde_json::from_str(json).map_err(|e| DbError::Damaged(format!("notice {notice}: {e}")))
}

/// The alert on a channel that does not work.
pub(super) fn down_key(channel: &str) -> String {
    format!("channel:{channel}")
}

/// The alert on a customer's notices that a channel did not deliver.
fn failed_key(customer: &str, channel: &str) -> String {
    format!("notice:{customer}:{channel}")
}

/// When to try again after so many attempts, milliseconds from now: doubling, up to an hour.
pub(super) fn backoff_ms(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 30)).unwrap_or_default();
    DELIVERY_BACKOFF_MIN_MS.saturating_mul(1_i64 << doublings).min(DELIVERY_BACKOFF_MAX_MS)
}

/// Writes down what became of an attempt. A delivery that was settled meanwhile stays as it is.
pub(super) fn settle(
    tx: &Transaction<'_>,
    channel: &str,
    due: &Due,
    outcome: &Outcome,
    now_ms: i64,
) -> Result<(), DbError> {
    let is_old = now_ms.saturating_sub(due.notice.at_ms) >= DELIVERY_AGE_MAX_MS;
    let (state, why) = match outcome {
        Outcome::Accepted(said) => ("accepted", said.clone()),
        Outcome::Failed(why) => ("failed", why.clone()),
        Outcome::Later(why) | Outcome::Down(why, _) | Outcome::Broken(why, _) => {
            match is_old && due.resends == 0 {
                true => ("failed", format!("given up, as the notice is old: {why}")),
                false => ("pending", why.clone()),
            }
        }
    };
    let detail: String =
        why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DELIVERY_DETAIL_MAX_CHARS).collect();
    // Where the channel is at fault, the message is due as soon as the channel is, so that the order stays.
    let pause_ms = if matches!(outcome, Outcome::Down(..)) { 0 } else { backoff_ms(due.attempts) };
    let next_ms = now_ms.saturating_add(pause_ms);
    let settled_ms = (state != "pending").then_some(now_ms);
    let sql =
        "UPDATE delivery SET state = ?3, attempts = attempts + 1, next_ms = ?4, settled_ms = ?5, detail = ?6
               WHERE notice = ?1 AND channel = ?2 AND state = 'pending'";
    tx.prepare_cached(sql)?.execute(params![due.row, channel, state, next_ms, settled_ms, detail])?;
    let kind = &due.notice.kind;
    tracing::info!(channel, notice = due.row, kind, state, detail, "delivery");
    match (state, &due.notice.customer) {
        ("accepted", customer) => {
            alerts::clear(tx, &down_key(channel), now_ms)?;
            if let Some(customer) = customer {
                clear_failed(tx, customer, channel, now_ms)?;
            }
        }
        ("failed", Some(customer)) => {
            let text = format!(
                "{kind} of {at} could not be delivered by {channel}: {detail}; correct the address with `hostmeter \
                 customer set {customer}`, then send it again with `hostmeter customer resend {customer} {row}`",
                at = rfc3339(due.notice.at_ms),
                row = due.row
            );
            alerts::raise(tx, &failed_key(customer, channel), "notice", customer, &text, now_ms)?;
        }
        // An alert that a channel refuses: said on the others.
        ("failed", None) => down(tx, channel, &detail, now_ms)?,
        _ => {}
    }
    Ok(())
}

/// Ends the alert on a customer's notices if none of those that failed is newer than what was accepted now.
fn clear_failed(tx: &Transaction<'_>, customer: &str, channel: &str, now_ms: i64) -> Result<(), DbError> {
    let key = failed_key(customer, channel);
    let sql = "SELECT EXISTS (SELECT 1 FROM alert WHERE key = ?1 AND cleared_ms IS NULL AND NOT EXISTS (
                 SELECT 1 FROM delivery d JOIN outbox o ON o.id = d.notice JOIN customer u ON u.id = o.customer
                 WHERE u.name = ?2 AND d.channel = ?3 AND d.state = 'failed' AND d.settled_ms >= alert.raised_ms))";
    if tx.prepare_cached(sql)?.query_row(params![key, customer, channel], |r| r.get(0))? {
        alerts::clear(tx, &key, now_ms)?;
    }
    Ok(())
}

/// Raises the alert on a channel.
pub(super) fn down(tx: &Transaction<'_>, channel: &str, why: &str, now_ms: i64) -> Result<(), DbError> {
    let text = format!(
        "{channel} takes no notices: {why}; they wait, and accounts whose owners could not be told are not suspended"
    );
    alerts::raise(tx, &down_key(channel), "channel", channel, &text, now_ms)
}

/// Whether a channel has failed for long enough to say so.
pub(super) const fn is_down_for_long(since_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(since_ms) >= CHANNEL_DOWN_MS
}

/// Removes alerts that were told long ago. Notices to customers stay: they say what a customer was told.
pub(super) fn prune(tx: &Transaction<'_>, now_ms: i64) -> Result<(), DbError> {
    let old = "SELECT id FROM outbox WHERE customer IS NULL AND at_ms < ?1 ORDER BY id LIMIT ?2";
    let bounds = [now_ms.saturating_sub(OUTBOX_ALERTS_KEEP_MS), CLEAN_ROWS];
    tx.prepare_cached(&format!("DELETE FROM delivery WHERE notice IN ({old})"))?.execute(bounds)?;
    tx.prepare_cached(&format!("DELETE FROM outbox WHERE id IN ({old})"))?.execute(bounds)?;
    Ok(())
}
