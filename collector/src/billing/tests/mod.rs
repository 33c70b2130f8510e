//! Tests of billing on a real control.db.

mod base;
mod charging;
mod http;
mod kinds;
mod lifecycle;
mod money;
mod moves;
mod plans;
mod random;
mod standing;
mod verifying;
