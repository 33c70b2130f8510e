//! The table of targets.

mod accounts;
mod config;
mod envelope;
mod executor;
mod http;
mod maze;
mod payload;
mod proc;
mod spool;
mod text;

use crate::Target;

const MANY: u32 = 4_000;
const SOME: u32 = 600;
const FEW: u32 = 200;

/// Every target. `maze` is no decoder: it shows that the fuzzer follows coverage.
pub const TARGETS: &[Target] = &[
    Target { name: "envelope", run: envelope::any, seeds: envelope::seeds, tries: MANY },
    Target { name: "changed-envelope", run: envelope::changed, seeds: envelope::changed_seeds, tries: SOME },
    Target { name: "batch", run: payload::batch, seeds: payload::batch_seeds, tries: MANY },
    Target { name: "ack", run: payload::ack, seeds: payload::ack_seeds, tries: MANY },
    Target { name: "command", run: payload::command, seeds: payload::command_seeds, tries: MANY },
    Target { name: "enroll", run: payload::enroll, seeds: payload::enroll_seeds, tries: MANY },
    Target { name: "keys", run: payload::keys, seeds: payload::keys_seeds, tries: MANY },
    Target { name: "text", run: text::any, seeds: text::seeds, tries: MANY },
    Target { name: "name", run: text::name, seeds: text::name_seeds, tries: MANY },
    Target { name: "proc", run: proc::any, seeds: proc::seeds, tries: MANY },
    Target { name: "accounts", run: accounts::any, seeds: accounts::seeds, tries: SOME },
    Target { name: "executor", run: executor::any, seeds: executor::seeds, tries: MANY },
    Target { name: "segment", run: spool::segment, seeds: spool::segment_seeds, tries: SOME },
    Target { name: "spool", run: spool::story, seeds: spool::story_seeds, tries: SOME },
    Target { name: "config", run: config::any, seeds: config::seeds, tries: MANY },
    Target { name: "plan", run: config::plan, seeds: config::plan_seeds, tries: MANY },
    Target { name: "http", run: http::any, seeds: http::seeds, tries: FEW },
    Target { name: "maze", run: maze::any, seeds: maze::seeds, tries: 0 },
];
