//! Tests of billing on a real control.db.

mod charging;
mod http;
mod lifecycle;
mod money;
mod notices;
mod plans;
mod random;
mod verifying;
