//! What the figures of hosts say of their own quality, looked at every few minutes: alerts where the busy time is not
//! explained by what was credited, and where too little is seen.

use crate::alerts;
use crate::api::AppState;
use crate::db::{Connection, Db, DbError, Transaction};
use crate::limits::{
    COVERAGE_LOW_PPM, REMAINDER_OVER_ALL_PCT, REMAINDER_OVER_BUSY_PCT, REMAINDER_TICK_USEC,
    REMAINDER_UNDER_BUSY_PCT, WATCH_EVERY, WATCH_KNOWN_MIN_MS, WATCH_SPAN_MS,
};
use crate::query::{QueryError, degraded};
use crate::store::{HostInterval, UsageStore};
use std::sync::Arc;

/// What is to become of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// It stands, with this text.
    Raise(String),
    /// It is over.
    Clear,
    /// Too little is known: it stays as it is.
    Keep,
}

/// A verdict on one host.
struct Finding {
    kind: &'static str,
    host: String,
    verdict: Verdict,
}

/// Looks at all hosts for ever. The caller ends it by dropping it. Failures are logged, and the next look tries again.
pub async fn background(app: &AppState) {
    loop {
        let (db, store, now_ms) = (app.db.clone(), Arc::clone(&app.store), app.now_ms());
        let looked = tokio::task::spawn_blocking(move || look(&db, store.as_ref(), now_ms)).await;
        match looked {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::error!(error = %e, "the figures of hosts could not be looked at"),
            Err(e) => tracing::error!(error = %e, "looking at the figures of hosts stopped"),
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// One look at all hosts: alerts are raised and cleared. It blocks.
pub fn look(db: &Db, store: &dyn UsageStore, now_ms: i64) -> Result<(), QueryError> {
    let mut findings = Vec::new();
    for host in db.read_blocking(hosts)? {
        let intervals = store.host(host.row, now_ms.saturating_sub(WATCH_SPAN_MS), now_ms)?;
        let sums = Sums::of(&intervals);
        let [remainder, coverage] = if host.is_live {
            let since = db.read_blocking(|c| degraded::now(c, host.row, host.watermark_ms))?;
            [remainder(&sums), coverage(host.seen_ppm, since.map(|s| s.lasted_ms))]
        } else {
            [Verdict::Clear, Verdict::Clear]
        };
        let finding = |kind, verdict| Finding { kind, host: host.name.clone(), verdict };
        findings.extend([finding("conservation", remainder), finding("coverage", coverage)]);
    }
    Ok(db.write_blocking(move |tx| apply(tx, &findings, now_ms))?)
}

/// A host as far as it is looked at.
struct Watched {
    row: i64,
    name: String,
    is_live: bool,
    watermark_ms: Option<i64>,
    /// Of I/O and memory.
    seen_ppm: [Option<u32>; 2],
}

fn hosts(conn: &Connection) -> Result<Vec<Watched>, DbError> {
    let sql = "SELECT id, name, state = 'live', watermark_ms, io_ppm, memory_ppm FROM host ORDER BY id";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([], |r| {
        let seen_ppm = [r.get(4)?, r.get(5)?];
        Ok(Watched { row: r.get(0)?, name: r.get(1)?, is_live: r.get(2)?, watermark_ms: r.get(3)?, seen_ppm })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn apply(tx: &Transaction<'_>, findings: &[Finding], now_ms: i64) -> Result<(), DbError> {
    for Finding { kind, host, verdict } in findings {
        let key = format!("{kind}:{host}");
        match verdict {
            Verdict::Raise(detail) => alerts::raise(tx, &key, kind, host, detail, now_ms)?,
            Verdict::Clear => alerts::clear(tx, &key, now_ms)?,
            Verdict::Keep => {}
        }
    }
    Ok(())
}

/// Sums over the intervals of which busy time and remainder are known.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    known_ms: i64,
    busy_usec: i64,
    remainder_usec: i64,
    /// Time of all CPUs.
    all_usec: i64,
    /// How far ticks may be off.
    ticks_usec: i64,
}

impl Sums {
    fn of(intervals: &[HostInterval]) -> Self {
        let mut out = Self::default();
        for interval in intervals {
            let Some(totals) = &interval.totals else { continue };
            let (Some(busy), Some(remainder)) = (totals.busy_usec, totals.remainder_usec) else { continue };
            let length_ms = interval.to_ms.saturating_sub(interval.from_ms);
            let cpus = i64::from(totals.cpus);
            out.known_ms = out.known_ms.saturating_add(length_ms);
            out.busy_usec = out.busy_usec.saturating_add(busy);
            out.remainder_usec = out.remainder_usec.saturating_add(remainder);
            let all_usec = length_ms.saturating_mul(1_000).saturating_mul(cpus);
            out.all_usec = out.all_usec.saturating_add(all_usec);
            out.ticks_usec = out.ticks_usec.saturating_add(cpus.saturating_mul(REMAINDER_TICK_USEC));
        }
        out
    }

    fn is_known(&self) -> bool {
        self.known_ms >= WATCH_KNOWN_MIN_MS
    }

    /// Much busy time is credited to nobody.
    fn is_short(&self) -> bool {
        self.is_known()
            && self.remainder_usec > part(self.busy_usec, REMAINDER_OVER_BUSY_PCT)
            && self.remainder_usec > part(self.all_usec, REMAINDER_OVER_ALL_PCT)
    }

    /// Much more is credited than the CPUs were busy.
    fn is_over(&self) -> bool {
        let bound = part(self.busy_usec, REMAINDER_UNDER_BUSY_PCT).saturating_add(self.ticks_usec);
        self.is_known() && self.remainder_usec.saturating_neg() > bound
    }
}

fn part(whole: i64, percent: i64) -> i64 {
    whole.saturating_mul(percent) / 100
}

/// Conservation: accounts and system against the busy time. The remainder is never billed, so this is no fault of bills
/// but of what they may miss.
fn remainder(sums: &Sums) -> Verdict {
    if !sums.is_known() {
        return Verdict::Keep;
    }
    let (minutes, busy) = (sums.known_ms / 60_000, seconds(sums.busy_usec));
    let off_usec = sums.remainder_usec.saturating_abs();
    let (off, share) = (seconds(off_usec), percent(off_usec, sums.busy_usec));
    if sums.is_short() {
        return Verdict::Raise(format!(
            "in the last {minutes} min {off} s of {busy} s of busy CPU time ({share} %) were seen at no process, and nobody \
             is billed for them: what is not the time of interrupts (`hi` and `si` in top) is of processes that the agent \
             does not see, and `hostmeter-agent status` on the host says why"
        ));
    }
    if sums.is_over() {
        return Verdict::Raise(format!(
            "in the last {minutes} min processes were credited {off} s more than the {busy} s for which the CPUs were busy \
             ({share} %): look at the stolen time (`st` in top) of the host, as what the hypervisor steals may be charged \
             to processes; if there is none, report this as a fault of the agent"
        ));
    }
    Verdict::Clear
}

/// Seconds with one digit behind the point.
fn seconds(usec: i64) -> String {
    let tenths = usec / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A share in percent with one digit behind the point; of nothing: all.
fn percent(part: i64, whole: i64) -> String {
    let permille = i128::from(part).saturating_mul(1_000).checked_div(i128::from(whole)).unwrap_or(1_000);
    format!("{}.{}", permille / 10, permille % 10)
}

/// Coverage of I/O and memory in the newest batch, if it has not been in full for a while. That of CPU goes up and down
/// with every interval; [`remainder`] says it of the whole time.
fn coverage(seen_ppm: [Option<u32>; 2], degraded_ms: Option<i64>) -> Verdict {
    let [io, memory] = seen_ppm;
    let parts = [(io, "of the processes gave their I/O"), (memory, "of the processes gave their memory")];
    let low = parts.into_iter().filter_map(|(ppm, what)| {
        let ppm = i64::from(ppm.filter(|p| *p < COVERAGE_LOW_PPM)?);
        Some(format!("{} % {what}", percent(ppm, 1_000_000)))
    });
    let low = low.collect::<Vec<_>>().join(", ");
    if low.is_empty() {
        return Verdict::Clear;
    }
    // A single interval is no news; the host's page lists it.
    if degraded_ms.is_none_or(|ms| ms < WATCH_KNOWN_MIN_MS) {
        return Verdict::Keep;
    }
    Verdict::Raise(format!(
        "only {low} in the newest interval: what was not seen is not billed, and the host's page says since when and why"
    ))
}

#[cfg(test)]
mod tests;
