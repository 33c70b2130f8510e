//! `make mutants`: breaks one promise after the other in a copy of the source, and wants a test to go red each time.
//!
//! `mutants [NAME…]` tries those whose names hold one of the words; without any, all.

use hostmeter_tests::mutants::run;
use hostmeter_tests::tidy::tree;
use std::path::PathBuf;
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "a program of its own, whose output is the table")]
fn main() -> anyhow::Result<ExitCode> {
    let root = tree::root();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let all_caught = run::run(&root, &target, &wanted, &mut |line| println!("{line}"))?;
    Ok(if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
