//! `hostmeter-agent top`: what accounts and commands use now, on the screen or as text.
//!
//! It sweeps by the same code as the running agent, with counters of its own: it pins nothing in the kernel, takes no
//! lock, and neither needs an agent nor changes what one counts. `view` is what a refresh shows, `state` what keys
//! make of it, `screen` and `text` the two ways to show it.

mod column;
mod screen;
mod state;
mod terminal;
mod text;
mod view;

use crate::cli::TopArgs;
use crate::config::Config;
use crate::interval::Baseline;
use crate::reading::Reading;
use crate::sampler::SampleError;
use crate::sampling::Sweep;
use crate::{os, tier};
use std::io::{self, ErrorKind, IsTerminal};
use view::View;

/// Why nothing is shown any more.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Sampling could not be set up.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// Nothing could be read.
    #[error("this machine could not be measured: {0}")]
    Sweep(String),
    /// The terminal cannot show a table.
    #[error("the terminal: {0}; print plain text with --batch 1")]
    Terminal(io::Error),
    /// Text could not be written.
    #[error("standard output: {0}")]
    Output(io::Error),
    /// Threads or signals.
    #[error("the system gave no thread, signal or timer: {0}")]
    System(io::Error),
    /// A bug.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

/// Shows until told to stop, or prints as many texts as are asked for.
pub fn run(config: &Config, args: &TopArgs) -> Result<(), LiveError> {
    // Figures of its own, that end with it: an agent that runs beside it keeps its own pins.
    let sweep = tier::sweep(&Config { bpffs: None, ..config.clone() })?;
    let host = os::machine_name();
    let times = args.batch.or_else(|| (!io::stdout().is_terminal()).then_some(1));
    match times {
        None => terminal::run(sweep, args.every, &host),
        Some(times) => match batch(sweep, args, times, &host) {
            // Whoever reads has seen enough, as `head` does.
            Err(LiveError::Output(e)) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        },
    }
}

fn batch(mut sweep: Sweep, args: &TopArgs, times: u32, host: &str) -> Result<(), LiveError> {
    let ticks = crossbeam_channel::tick(args.every);
    let mut follow = Follow::default();
    follow.take(sweep(true).map_err(LiveError::Sweep)?);
    for done in 0..times {
        ticks.recv().map_err(|_| LiveError::Ended("the timer"))?;
        let reading = sweep(true).map_err(LiveError::Sweep)?;
        if let Some(view) = follow.take(reading) {
            let mut out = io::stdout().lock();
            text::write(&mut out, &view, host, done > 0).map_err(LiveError::Output)?;
        }
    }
    Ok(())
}

/// Compares each reading with the one before.
#[derive(Debug, Default)]
struct Follow {
    before: Option<Baseline>,
}

impl Follow {
    /// `None` for the first reading of a source.
    fn take(&mut self, reading: Reading) -> Option<View> {
        let view = self
            .before
            .as_ref()
            .filter(|before| before.source == reading.source)
            .map(|before| View::between(before, &reading));
        self.before = Some(Baseline::from(reading));
        view
    }
}

#[cfg(test)]
mod tests;
