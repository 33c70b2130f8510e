//! Fuzz targets: one for every decoder that meets foreign bytes, each with what must hold for any input.
//!
//! A target takes bytes and panics if a rule is broken. The same targets run in three ways: with libFuzzer, guided by
//! coverage (`make fuzz SECONDS=60`); as an ordinary test over the committed corpora and a bounded number of changed
//! inputs (`tests/corpora.rs`); and on one file (`hostmeter-fuzz TARGET FILE`).
//!
//! ```
//! let envelope = hostmeter_fuzz::TARGETS.iter().find(|t| t.name == "envelope");
//! assert!(envelope.is_some_and(|t| !(t.seeds)().is_empty()));
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a target reports, and nothing here is part of a program that is shipped"
)]

pub mod corpus;
pub mod mutate;
mod targets;

pub use targets::TARGETS;

/// One decoder, or a few of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the folder of its corpus, too.
    pub name: &'static str,
    /// Decodes and checks; panics if a rule is broken.
    pub run: fn(&[u8]),
    /// Inputs made by the real encoders.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many changed inputs the ordinary test tries; slow targets take fewer.
    pub tries: u32,
}

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|t| t.name == name)
}
