//! `hostmeter-executor run`: configuration, records, socket, lanes, then wait for the end.

use super::config::{self, Config};
use super::engine::{Engine, EngineError};
use super::limits::{CLOCK_SAVE_EVERY, STOP_WAIT, TICK};
use super::server::{Server, ServerError};
use super::{driver, engine};
use hostmeter_core::config::ConfigError;
use sd_notify::NotifyState;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// Why the executor does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Records or trust.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The socket.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// What the driver needs is not there.
    #[error("driver {name} cannot work here:\n  {}", .faults.join("\n  "))]
    Driver {
        /// The driver.
        name: &'static str,
        /// Every fault.
        faults: Vec<String>,
    },
    /// A thread or a signal handler could not be made.
    #[error("starting: {0}")]
    Start(#[source] std::io::Error),
    /// A lane ended by itself.
    #[error("an action stopped unexpectedly; what is open is finished at the next start")]
    LaneEnded,
}

/// Reads the configuration file.
pub fn read_config(path: &Path) -> Result<Config, RunError> {
    let read = |source| RunError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(read)?;
    Ok(config::read(&path.display().to_string(), &text)?)
}

/// Runs until SIGTERM or SIGINT.
pub fn run(path: &Path) -> Result<(), RunError> {
    let config = read_config(path)?;
    let driver = driver::open(&config);
    let faults = driver.check();
    if !faults.is_empty() {
        return Err(RunError::Driver { name: driver.name(), faults });
    }
    let engine = Arc::new(Engine::open(config.clone(), driver)?);
    let server = Server::open(&config)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Start)?;
    let lanes = engine::LANES.map(|lane| {
        let engine = Arc::clone(&engine);
        std::thread::spawn(move || engine.work(lane))
    });
    let serving = Arc::clone(&engine);
    std::thread::spawn(move || server.serve(&serving));
    tracing::info!(socket = %config.socket.display(), "ready");
    notify(&[NotifyState::Ready]);
    runtime.block_on(until_stopped(&engine, lanes))?;
    notify(&[NotifyState::Stopping]);
    if !engine.stop(STOP_WAIT) {
        tracing::warn!("an action still runs; it is finished at the next start");
    }
    Ok(())
}

type Lane = JoinHandle<Result<(), EngineError>>;

/// Waits for a signal; meanwhile feeds the watchdog, looks after the lanes and writes down the clock.
async fn until_stopped(engine: &Engine, lanes: [Lane; 2]) -> Result<(), RunError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).map_err(RunError::Start)?;
    let mut int = signal(SignalKind::interrupt()).map_err(RunError::Start)?;
    let mut tick = tokio::time::interval(TICK);
    let mut saved = Instant::now();
    loop {
        tokio::select! {
            _ = term.recv() => return Ok(()),
            _ = int.recv() => return Ok(()),
            _ = tick.tick() => {}
        }
        if lanes.iter().any(JoinHandle::is_finished) {
            return lane_error(lanes);
        }
        engine.give_up_late()?;
        if saved.elapsed() >= CLOCK_SAVE_EVERY {
            engine.save_clock()?;
            saved = Instant::now();
        }
        notify(&[NotifyState::Watchdog]);
    }
}

fn lane_error(lanes: [Lane; 2]) -> Result<(), RunError> {
    for lane in lanes.into_iter().filter(JoinHandle::is_finished) {
        if let Ok(Err(e)) = lane.join() {
            return Err(e.into());
        }
    }
    Err(RunError::LaneEnded)
}

fn notify(state: &[NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    drop(sd_notify::notify(state));
}
