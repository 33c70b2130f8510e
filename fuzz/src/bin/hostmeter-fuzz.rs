//! libFuzzer on one target: `HOSTMETER_FUZZ_TARGET=envelope hostmeter-fuzz [libFuzzer's options] CORPUS`.
//!
//! `packaging/fuzz` builds it with the compiler's coverage counters and runs every target.

#![no_main]
#![allow(unsafe_code, reason = "the macro exports the functions that libFuzzer calls by name")]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("HOSTMETER_FUZZ_TARGET").unwrap_or_default();
        let Some(target) = hostmeter_fuzz::target(&name) else {
            let known: Vec<&str> = hostmeter_fuzz::TARGETS.iter().map(|t| t.name).collect();
            panic!("HOSTMETER_FUZZ_TARGET is {name:?}; known are {}", known.join(", "));
        };
        let _only_once = TARGET.set(target.run);
    },
    |bytes: &[u8]| {
        if let Some(run) = TARGET.get() {
            run(bytes);
        }
    }
);
