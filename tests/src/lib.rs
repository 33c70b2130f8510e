//! What the end-to-end tests share: starting the real programs, throw-away users, a client of the API, and the rules
//! of the tree (`tidy`).

pub mod api;
pub mod block;
pub mod bpffs;
pub mod browse;
pub mod chain;
pub mod credit;
pub mod demo;
pub mod disker;
pub mod fleet;
pub mod man;
pub mod mutants;
pub mod netns;
pub mod platter;
pub mod power;
pub mod pty;
mod raw;
pub mod receivers;
pub mod reconnect;
pub mod run;
pub mod skip;
pub mod stack;
pub mod storm;
pub mod talk;
pub mod tidy;
pub mod users;
