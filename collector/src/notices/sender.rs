//! What every kind of channel does: take a message, and say what became of it.

use std::time::Duration;

/// A notice in words, for one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The same for every attempt: receivers recognise a repetition by it. Hexadecimal digits.
    pub(super) id: String,
    /// `balance.negative`, `alert.raised`, …
    pub(super) kind: String,
    /// Now, milliseconds since the epoch.
    pub(super) now_ms: i64,
    /// To whom; webhooks know by themselves.
    pub(super) to: Vec<String>,
    /// One line.
    pub(super) subject: String,
    /// The whole text.
    pub(super) text: String,
    /// The same for programs.
    pub(super) json: Vec<u8>,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver has it, and said this.
    Accepted(String),
    /// Not now; this message is tried again.
    Later(String),
    /// Never: trying again would change nothing.
    Failed(String),
    /// The channel cannot be reached or refuses all: everything waits, in order, for this long if the receiver said so.
    Down(String, Option<Duration>),
    /// It broke off or failed in the middle: everything waits, and this message longest, as it may be the reason.
    Broken(String, Option<Duration>),
}

/// A channel.
pub(super) trait Sender: Send {
    /// One attempt. It blocks for a bounded time.
    fn send(&mut self, message: &Message) -> Outcome;

    /// Nothing more for now: connections may be closed.
    fn rest(&mut self) {}
}
