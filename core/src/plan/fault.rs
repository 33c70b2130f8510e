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
