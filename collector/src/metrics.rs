//! What the collector did since its start, for `/metrics` (OpenMetrics text).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of batches.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Stored and counted.
    pub billed: Counter,
    /// Stored for later.
    pub aside: Counter,
    /// Stored, not understood or not plausible.
    pub quarantined: Counter,
    /// Stored before.
    pub again: Counter,
    /// Answered with 409.
    pub conflict: Counter,
    /// Refused before the database was asked.
    pub refused: Counter,
    /// Answered with 503.
    pub overloaded: Counter,
}

/// What is read from the databases for the same page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Hosts by state.
    pub hosts: Vec<(String, i64)>,
    /// Accounts.
    pub accounts: i64,
    /// Alerts that stand.
    pub alerts: i64,
    /// Age of the oldest watermark of a live host, milliseconds.
    pub lag_ms: Option<i64>,
    /// Stored envelopes that are not in the hour totals yet.
    pub count_behind: i64,
    /// Envelopes not in the usage store yet.
    pub forward_behind: i64,
    /// Requests of hosts that wait for their turn.
    pub turns_waiting: usize,
    /// What the writer did and what waits.
    pub writer: crate::db::WriteStats,
}

/// The page.
pub fn page(metrics: &Metrics, facts: &Facts) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
        let _cannot_fail = writeln!(out, "# TYPE {name} {kind}\n# HELP {name} {help}");
        let suffix = if kind == "counter" { "_total" } else { "" };
        for (labels, value) in samples {
            let _cannot_fail = writeln!(out, "{name}{suffix}{labels} {value}");
        }
    };
    let one = |value: String| [(String::new(), value)];
    let hosts: Vec<_> =
        facts.hosts.iter().map(|(state, n)| (format!("{{state=\"{state}\"}}"), n.to_string())).collect();
    family("hostmeter_hosts", "gauge", "Hosts by state.", &hosts);
    family("hostmeter_accounts", "gauge", "Accounts on all hosts.", &one(facts.accounts.to_string()));
    family("hostmeter_alerts", "gauge", "Alerts that stand.", &one(facts.alerts.to_string()));
    let batches: Vec<_> = [
        ("billed", &metrics.billed),
        ("aside", &metrics.aside),
        ("quarantined", &metrics.quarantined),
        ("again", &metrics.again),
        ("conflict", &metrics.conflict),
        ("refused", &metrics.refused),
        ("overloaded", &metrics.overloaded),
    ]
    .map(|(result, n)| (format!("{{result=\"{result}\"}}"), n.get().to_string()))
    .into();
    family("hostmeter_batches", "counter", "Batches received, by what became of them.", &batches);
    if let Some(lag_ms) = facts.lag_ms {
        let lag = format!("{}.{:03}", lag_ms / 1_000, lag_ms % 1_000);
        family("hostmeter_lag_seconds", "gauge", "Age of the oldest watermark of a live host.", &one(lag));
    }
    let w = &facts.writer;
    family("hostmeter_db_waiting", "gauge", "Writes that wait for control.db.", &one(w.waiting.to_string()));
    family("hostmeter_db_writes", "counter", "Writes to control.db.", &one(w.writes.to_string()));
    family(
        "hostmeter_db_commits",
        "counter",
        "Commits of control.db; writes share them.",
        &one(w.commits.to_string()),
    );
    let turns = one(facts.turns_waiting.to_string());
    family("hostmeter_turns_waiting", "gauge", "Requests of hosts that wait for their turn.", &turns);
    let behind = one(facts.count_behind.to_string());
    family(
        "hostmeter_count_behind",
        "gauge",
        "Stored envelopes that are not in the hour totals yet.",
        &behind,
    );
    let behind = one(facts.forward_behind.to_string());
    family("hostmeter_forward_behind", "gauge", "Envelopes that are not in the usage store yet.", &behind);
    out.push_str("# EOF\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_open_metrics() {
        let metrics = Metrics::default();
        metrics.billed.add();
        let facts = Facts { hosts: vec![("live".to_owned(), 2)], lag_ms: Some(1_005), ..Facts::default() };
        insta::assert_snapshot!(page(&metrics, &facts));
    }
}
