//! What a run of a seed came to.

use hostmeter_core::wire::key::{hex, sha256};
use std::fmt;

/// Everything that happened, in one hash.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: [u8; 32],
    /// The lines, if they are wanted.
    pub lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace; its lines are kept only if that is wanted.
    pub fn new(keeps_lines: bool) -> Self {
        Self { hash: [0; 32], lines: keeps_lines.then(Vec::new) }
    }

    /// Adds a line.
    pub fn add(&mut self, line: &fmt::Arguments<'_>) {
        let text = line.to_string();
        let mut bytes = self.hash.to_vec();
        bytes.extend_from_slice(text.as_bytes());
        self.hash = sha256(&bytes);
        if let Some(lines) = &mut self.lines {
            lines.push(text);
        }
    }

    /// The hash of all lines.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

/// Counts of a run, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Intervals that agents were told to be durable.
    pub acked: u64,
    /// Of those, not stored in the end.
    pub lost: u64,
    /// Stretches of time of a host that count twice.
    pub twice: u64,
    /// Envelopes that nobody sealed, and that count; answers that nobody gave, and that were believed.
    pub forged: u64,
    /// Forged envelopes that were tried.
    pub tried: u64,
    /// Things that went wrong, by what.
    pub faults: std::collections::BTreeMap<&'static str, u64>,
    /// The trace.
    pub trace: [u8; 32],
}

impl Report {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.acked += other.acked;
        self.lost += other.lost;
        self.twice += other.twice;
        self.forged += other.forged;
        self.tried += other.tried;
        for (what, n) in &other.faults {
            *self.faults.entry(what).or_insert(0) += n;
        }
        let both = [self.trace, other.trace].concat();
        self.trace = sha256(&both);
    }

    /// One line for many seeds.
    pub fn line(&self, seeds: u64) -> String {
        format!(
            "sim: {seeds} seeds, {} intervals, {} lost, {} twice, {} forged, trace {}",
            self.acked,
            self.lost,
            self.twice,
            self.forged,
            hex(self.trace.get(..8).unwrap_or_default())
        )
    }
}
