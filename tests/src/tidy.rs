//! Rules about the source itself, as functions from text to faults, so that each can be shown to fail.
//!
//! `tests/tests/tidy.rs` applies them to this workspace. A fault says where, what, and what to do.

pub mod arrows;
pub mod invariants;
pub mod size;
pub mod source;
pub mod text;
pub mod tree;

/// One `path:line: what is wrong` a fault; `line` 0 leaves the line out.
#[must_use]
pub fn fault(path: &str, line: usize, what: &str) -> String {
    if line == 0 { format!("{path}: {what}") } else { format!("{path}:{line}: {what}") }
}
