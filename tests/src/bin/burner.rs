//! A load with a known truth: burns CPU as the uid it was started under and prints what the kernel charged it for.
//!
//! `burner SECONDS` spins for that much CPU time of its own. `burner --forever` spins until SIGTERM. In the end it
//! prints one line: its own CPU time and that of its children, from `getrusage`, in microseconds. With
//! `--linger SECONDS` it then stays alive, idle, so that a sampler sees its last burst.

use anyhow::Result;
use clap::Parser;
use std::io::Write;
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Args {
    /// CPU seconds to burn.
    seconds: Option<f64>,
    /// Burn until this file appears.
    #[arg(long)]
    until: Option<std::path::PathBuf>,
    /// Stay alive, idle, for so many seconds after the line was printed.
    #[arg(long, default_value_t = 0.0)]
    linger: f64,
}

/// The process's own CPU time, from the kernel's CPU clock.
fn cpu_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
}

/// A round of work that asks nothing of the kernel.
fn spin() -> u64 {
    (0..200_000_u64).fold(0, |sum, i| std::hint::black_box(sum ^ i.wrapping_mul(31)))
}

fn main() -> Result<()> {
    let args = Args::parse();
    let goal = Duration::from_secs_f64(args.seconds.unwrap_or(f64::from(u32::MAX)));
    let mut looked = Instant::now();
    while cpu_time() < goal {
        std::hint::black_box(spin());
        if looked.elapsed() > Duration::from_millis(20) {
            looked = Instant::now();
            if args.until.as_ref().is_some_and(|p| p.exists()) {
                break;
            }
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", cpu_time().as_micros())?;
    out.flush()?;
    std::thread::park_timeout(Duration::from_secs_f64(args.linger));
    Ok(())
}
