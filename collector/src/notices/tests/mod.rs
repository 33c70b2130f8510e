//! Notices: texts, deliveries to real receivers on loopback, and kills between every step.

mod delivering;
mod kills;
mod receiver;
mod texts;
