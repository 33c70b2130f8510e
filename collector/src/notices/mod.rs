//! Notices to customers and alerts to administrators.
//!
//! Who stores an event writes its notice in the same transaction ([`outbox`]), with a row for each channel that is to
//! carry it. A thread for each channel ([`worker`]) sends what is due and writes down what became of it, one notice at
//! a time: between the acceptance by a receiver and the commit that notes it lies a moment in which a kill leads to a
//! second attempt, under the same Message-ID or webhook-id, by which receivers recognise it. Telegram knows no such id.
//!
//! What was accepted is what the lifecycle goes by ([`facts`]): nothing is suspended before the first notice was handed
//! over, where there is a channel that could.

pub mod contact;
pub mod facts;
mod http;
pub mod kinds;
pub mod list;
pub mod outbox;
mod render;
mod sender;
mod settle;
mod smtp;
mod telegram;
mod webhook;
pub mod worker;

pub use worker::Channels;

#[cfg(test)]
mod tests;
