//! Every target over its committed corpus and a bounded number of changed inputs, without the fuzzing engine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests alone, and a failure names its input"
)]

use hostmeter_fuzz::mutate::{Random, mutate};
use hostmeter_fuzz::{TARGETS, Target, corpus, target};
use std::panic::{AssertUnwindSafe, catch_unwind};

const INPUT_MAX_BYTES: usize = 64 * 1024;
const CORPUS_MAX_BYTES: usize = 48 * 1024;

/// Runs one input; a panic names it so that it can be kept as a file of the corpus.
fn run(target: &Target, input: &[u8], whence: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        eprintln!("{}: {whence}: input {}", target.name, input.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

fn check(name: &str) {
    let target = target(name).unwrap();
    let inputs = corpus::inputs(target).unwrap();
    assert!(
        inputs.len() >= (target.seeds)().len(),
        "{name}: run UPDATE_CORPUS=1 cargo nextest run -p hostmeter-fuzz"
    );
    for (path, bytes) in &inputs {
        run(target, bytes, &path.display().to_string());
    }
    let mut random = Random::new(u64::from(target.tries));
    for n in 0..target.tries {
        let (one, other) = (random.below(inputs.len()), random.below(inputs.len()));
        let input = mutate(&inputs[one].1, &inputs[other].1, &mut random, INPUT_MAX_BYTES);
        run(target, &input, &format!("changed input {n} of {}", inputs[one].0.display()));
    }
}

/// One test for each target, so that they run side by side; the last one knows them all.
macro_rules! targets {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test] fn $test() { check($name); })*

        #[test]
        fn every_target_has_its_test() {
            let tested = [$($name),*];
            let untested: Vec<_> = TARGETS.iter().map(|t| t.name).filter(|n| !tested.contains(n)).collect();
            assert_eq!(untested, ["maze"], "which panics on purpose");
        }
    };
}

targets!(
    envelope: "envelope",
    changed_envelope: "changed-envelope",
    batch: "batch",
    ack: "ack",
    command: "command",
    enroll: "enroll",
    keys: "keys",
    text: "text",
    name: "name",
    proc: "proc",
    accounts: "accounts",
    executor: "executor",
    segment: "segment",
    spool: "spool",
    config: "config",
    plan: "plan",
    http: "http",
);

/// The committed seeds are what the encoders write today; `UPDATE_CORPUS=1` writes them anew.
#[test]
fn seeds_are_those_of_the_encoders() {
    for target in TARGETS {
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            corpus::write_seeds(target).unwrap();
        }
        for (i, seed) in (target.seeds)().iter().enumerate() {
            let path = corpus::folder(target).join(format!("seed-{i:02}"));
            let held = std::fs::read(&path).unwrap_or_default();
            assert!(
                held == *seed,
                "{}: not what the encoder writes; UPDATE_CORPUS=1 accepts it",
                path.display()
            );
        }
        let bytes: usize = corpus::inputs(target).unwrap().iter().map(|(_, b)| b.len()).sum();
        assert!(bytes <= CORPUS_MAX_BYTES, "{}: a corpus of {bytes} bytes", target.name);
    }
}

/// The planted fault is one that chance does not find, and one that is there.
#[test]
fn the_maze_ends_only_where_it_should() {
    let maze = target("maze").unwrap();
    let mut random = Random::new(1);
    for _ in 0..50_000 {
        let input = mutate(b"m4ze", b"m", &mut random, 32);
        run(maze, &input, "by chance");
    }
    assert!(catch_unwind(|| (maze.run)(b"m4zeout")).is_err(), "the planted fault");
}
