//! Tests of billing on a real control.db.

mod base;
mod charging;
mod documented;
mod explaining;
mod exporting;
mod http;
mod kills;
mod kinds;
mod lifecycle;
mod money;
mod moves;
mod notices;
mod payments;
mod plans;
mod random;
mod resold;
mod resold_random;
mod standing;
mod statements;
mod verifying;
