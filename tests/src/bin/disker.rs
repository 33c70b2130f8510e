//! A load on storage with a known size, as the uid it was started under.
//!
//! `disker OPERATION FILE BYTES` writes or reads so much in one file, and prints what the kernel counted for it:
//! `read_bytes write_bytes cancelled_write_bytes` of `/proc/self/io`. With `--linger` it lives until a line comes from its
//! standard input.
//!
//! `disker OPERATION FILE BYTES --children N` has children do that, each in `FILE.0`, `FILE.1` …, and prints
//! `reaped` when they have ended. Started as root, it gives them the uid `--child-uid` and then takes the uid `--become-uid`.

use anyhow::Result;
use clap::Parser;

fn main() -> Result<()> {
    hostmeter_tests::disker::run(&hostmeter_tests::disker::Args::parse())
}
