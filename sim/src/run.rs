//! One seed from its beginning to its end, and many of them.

use crate::report::Report;
use crate::template::Template;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Kinds of faults.
pub const FAULTS: usize = crate::fault::COUNT;
/// How long things go wrong, ms.
const FAULTS_MS: i64 = 10_800_000;
/// How long everything has to come right again, ms: longer than a host must be silent for a new epoch, than any pause after
/// failures, and than hosts wait after the collector's clock was set back. Only then do they seal, and notice what a
/// collector that was restored meanwhile does not have.
const CALM_MS: i64 = 5_400_000;
const _: () = assert!(CALM_MS > crate::jump::OFF_MAX_MS[1] + 900_000, "a host that waited ships again");
/// How long what is left in spools may take, ms.
const REST_MS: i64 = 1_200_000;

/// Runs a seed once.
fn once(template: &Template, seed: u64, keeps_lines: bool) -> (Result<Report>, Vec<String>) {
    let mut world = match World::new(template, seed, keeps_lines) {
        Ok(world) => world,
        Err(e) => return (Err(e), Vec::new()),
    };
    let done = whole(&mut world);
    let lines = world.trace.lines.take().unwrap_or_default();
    (done, lines)
}

fn whole(world: &mut World) -> Result<Report> {
    world.begin()?;
    world.run_until(FAULTS_MS)?;
    world.calm();
    world.run_until(FAULTS_MS + CALM_MS)?;
    world.rest()?;
    world.run_until(FAULTS_MS + CALM_MS + REST_MS)?;
    world.judge()?;
    let mut report = world.report.clone();
    report.trace = world.trace.hash();
    Ok(report)
}

/// Runs a seed twice; both runs must be the same.
///
/// # Errors
/// What was found, with the command that repeats it.
pub fn seed(template: &Template, seed: u64) -> Result<Report> {
    let again = || format!("seed {seed}; to repeat: make sim SEEDS=1 START={seed} ARGS=--lines");
    let (first, _) = once(template, seed, false);
    let first = first.with_context(again)?;
    let (second, _) = once(template, seed, false);
    let second = second.with_context(again)?;
    ensure!(first == second, "two runs differ: {first:?} and {second:?}: {}", again());
    Ok(first)
}

/// Runs a seed once and gives what happened, line by line.
pub fn lines(template: &Template, seed: u64) -> (Result<Report>, Vec<String>) {
    once(template, seed, true)
}

/// Runs seeds from `start` on, some at a time; `tell` is told of each.
///
/// # Errors
/// The lowest seed that failed.
pub fn many(
    template: &Template,
    start: u64,
    count: u64,
    threads: usize,
    tell: impl Fn(u64, &Result<Report>) + Sync,
) -> Result<Report> {
    let next = AtomicU64::new(0);
    let done: Mutex<Vec<(u64, Result<Report>)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    let number = start.saturating_add(n);
                    let report = seed(template, number);
                    tell(number, &report);
                    if let Ok(mut done) = done.lock() {
                        done.push((number, report));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(number, _)| *number);
    let mut all = Report::default();
    for (_, report) in done {
        all.add(&report?);
    }
    Ok(all)
}
