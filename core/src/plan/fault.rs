//! What is wrong with a plan file: all faults at once.

use crate::limits::{FAULT_VALUE_MAX_CHARS, PLAN_FAULTS_MAX, PLAN_TEXT_MAX_BYTES};
use std::fmt;

/// One fault: where, what was found, what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFault {
    /// The key, for example `price[0].meter`.
    pub key: String,
    /// What stands there, cut to a bounded length; empty where the key is missing.
    pub value: String,
    /// What is wrong and what would be right.
    pub want: String,
}

impl fmt::Display for PlanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}", self.key, self.want)
        } else {
            write!(f, "{} = {}: {}", self.key, self.value, self.want)
        }
    }
}

/// Why a plan file was refused. Nothing of it is kept then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The text is larger than any plan.
    #[error("the plan has {len} bytes; at most {PLAN_TEXT_MAX_BYTES} are allowed")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
    },
    /// Not TOML or JSON at all.
    #[error("the plan is not valid {format}: {message}")]
    Syntax {
        /// `TOML` or `JSON`.
        format: &'static str,
        /// What the parser said, with the place.
        message: String,
    },
    /// Readable, but wrong: every fault found.
    #[error("the plan has {n} fault(s):{list}", n = .0.len(), list = Listed(.0))]
    Faults(Vec<PlanFault>),
}

impl PlanError {
    /// The faults by key; empty where the text could not be read at all.
    pub fn faults(&self) -> &[PlanFault] {
        match self {
            Self::Faults(list) => list,
            Self::TooLarge { .. } | Self::Syntax { .. } => &[],
        }
    }
}

struct Listed<'a>(&'a [PlanFault]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// Collects faults up to a limit.
#[derive(Default)]
pub(super) struct Faults(Vec<PlanFault>);

impl Faults {
    pub(super) fn add(&mut self, key: &str, value: impl fmt::Display, want: impl Into<String>) {
        if self.0.len() < PLAN_FAULTS_MAX {
            self.0.push(PlanFault { key: cut(key), value: cut(&value.to_string()), want: want.into() });
        }
    }

    pub(super) fn into_vec(self) -> Vec<PlanFault> {
        self.0
    }
}

fn cut(text: &str) -> String {
    let mut out: String = text.chars().take(FAULT_VALUE_MAX_CHARS).collect();
    if text.chars().nth(FAULT_VALUE_MAX_CHARS).is_some() {
        out.push('…');
    }
    out
}

/// Names close to what was written, best first, at most three.
pub(super) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let text: String = text.chars().take(FAULT_VALUE_MAX_CHARS).collect::<String>().to_ascii_lowercase();
    let mut scored: Vec<(usize, &str)> = names
        .map(|name| {
            let near = text.len() >= 3 && (name.contains(&text) || text.contains(name));
            (if near { 1 } else { distance(&text, name) }, name)
        })
        .filter(|(score, name)| *score <= name.len() / 2)
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for ca in a.chars() {
        let mut diagonal = row.first().copied().unwrap_or_default();
        let mut left = diagonal.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (slot, cb) in row.iter_mut().skip(1).zip(&b) {
            let swap = diagonal.saturating_add(usize::from(ca != *cb));
            diagonal = *slot;
            left = swap.min(diagonal.saturating_add(1)).min(left.saturating_add(1));
            *slot = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let check = |a: &str, b: &str, want: usize| assert_eq!(distance(a, b), want, "{a} {b}");
        check("", "", 0);
        check("", "abc", 3);
        check("abc", "", 3);
        check("kitten", "sitting", 3);
        check("cpu_sec", "cpu_usec", 1);
    }
}
