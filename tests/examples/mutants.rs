//! `make mutants`: breaks one promise after the other in a copy of the source, and wants a test to go red each time.
//!
//! `mutants [--fresh] [NAME…]` tries those whose names hold one of the words; without any, all. What was caught in the
//! same source before is not tried again, unless `--fresh`.

use hostmeter_tests::mutants::run;
use hostmeter_tests::tidy::tree;
use std::path::PathBuf;
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "a program of its own, whose output is the table")]
fn main() -> anyhow::Result<ExitCode> {
    let root = tree::root();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let (options, wanted): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|a| a.starts_with('-'));
    let is_fresh = options.iter().any(|o| o == "--fresh");
    anyhow::ensure!(
        options.iter().all(|o| o == "--fresh"),
        "mutants knows no option but --fresh: {options:?}"
    );
    let all_caught = run::run(&root, &target, &wanted, is_fresh, &mut |line| println!("{line}"))?;
    Ok(if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
