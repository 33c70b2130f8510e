//! Prints what a sweep costs: `sweep_cost PROCESSES SWEEPS [UID]` starts idle processes under a uid (0: its own), sweeps,
//! and writes the CPU time of each sweep and the memory of this process.

use hostmeter_agent::sampler::{Sampler, SamplerConfig};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u32>());
    let mut next = |default| args.next().unwrap_or(Ok(default));
    let (processes, sweeps, uid) = (next(1_000)?, next(20)?, next(3_101)?);
    let mut idle = Vec::new();
    for _ in 0..processes {
        let mut command = Command::new("/bin/sleep");
        command.arg("600");
        if uid != 0 {
            command.uid(uid);
        }
        idle.push(command.spawn()?);
    }
    let result = run(sweeps);
    idle.iter_mut().for_each(end);
    result
}

fn end(child: &mut Child) {
    // It may have ended already; then there is nothing to end.
    let _ = child.kill();
    let _ = child.wait();
}

fn run(sweeps: u32) -> anyhow::Result<()> {
    let (_keep, wait) = crossbeam_channel::bounded::<()>(0);
    let mut sampler = Sampler::new(&SamplerConfig::default())?;
    let mut out = std::io::stdout().lock();
    let mut total = Duration::ZERO;
    for i in 0..=sweeps {
        let (cpu, wall) = (cpu_time(), Instant::now());
        let reading = sampler.sweep(i % 6 == 0)?;
        let (cpu, wall) = (cpu_time().saturating_sub(cpu), wall.elapsed());
        if i > 0 {
            total = total.saturating_add(cpu);
        }
        if i < 3 || i == sweeps {
            writeln!(
                out,
                "sweep {i}: cpu {} us, wall {} us, {} processes, coverage {:?}, limited {:?}",
                cpu.as_micros(),
                wall.as_micros(),
                reading.host.processes.unwrap_or_default(),
                reading.coverage,
                reading.limited
            )?;
        }
        // Nothing is ever sent: this waits.
        let _ = wait.recv_timeout(Duration::from_millis(200));
    }
    let mean = total.checked_div(sweeps).unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let memory: Vec<&str> =
        status.lines().filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM")).collect();
    writeln!(out, "mean of {sweeps}: cpu {} us; {}", mean.as_micros(), memory.join(" "))?;
    Ok(())
}

fn cpu_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .map(Duration::from)
        .unwrap_or_default()
}
