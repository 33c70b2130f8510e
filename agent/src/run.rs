//! `hostmeter-agent run`: the sampling thread, shipping beside it, and an orderly end.

use crate::batch::Sealer;
use crate::clock::Clock;
use crate::config::Config;
use crate::disk::{Disk, DiskError};
use crate::epoch::{self, EpochError};
use crate::http::{Base, Client, HttpError};
use crate::limits::{INBOX_MAX, PHASE_MAX_MS, STOP_SHIP_MAX};
use crate::machine::Real;
use crate::os::{self, OsError};
use crate::sampler::SampleError;
use crate::sampling::{self, Inbox, Parts, SamplingError};
use crate::ship::{Left, Link, Shipper, Wake, lock};
use crate::spool::{Findings, Spool, SpoolError};
use crate::state::{Enrolment, StateDir, StateError};
use crate::status::ShipStatus;
use crate::{commands, control, rotation, tier};
use crossbeam_channel::Sender;
use hostmeter_core::ids::HostId;
use std::path::PathBuf;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

/// Why the agent does not run or ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// State.
    #[error(transparent)]
    State(#[from] StateError),
    /// Spool.
    #[error("spool: {0}")]
    Spool(#[from] SpoolError),
    /// A new epoch could not be begun.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// The way to the collector.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Sampling could not be set up.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// Disk use could not be set up.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Sampling ended with an error.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The machine did not tell something.
    #[error(transparent)]
    Os(#[from] OsError),
    /// Threads, signals or the runtime.
    #[error("the system gave no thread, signal or timer: {0}")]
    System(#[from] std::io::Error),
    /// A bug.
    #[error("the sampling thread ended unexpectedly; what is durable is in the spool")]
    Panicked,
}

/// Runs until SIGTERM or SIGINT.
pub fn run(config: &Config) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::catch() })?;
    let done = loop {
        match run_epoch(config, &runtime, &mut signals) {
            Ok(Left::NewEpoch) => tracing::info!("beginning again in a new epoch"),
            Ok(Left::NewKey) => tracing::info!("beginning again with a new key"),
            Ok(Left::Alone) => break Ok(()),
            Err(e) => break Err(e),
        }
    };
    // Calls that block (a socket, a name look-up) must not hold up the end.
    runtime.shutdown_background();
    done
}

/// What ends the agent; also between two epochs.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

fn run_epoch(config: &Config, runtime: &Runtime, signals: &mut Signals) -> Result<Left, RunError> {
    let state = StateDir::open(&config.state_dir)?;
    let (enrolment, key) = state.identity()?;
    let boot = os::boot_id()?;
    let (enrolment, floor_ms) = epoch::settle(&state, enrolment, boot, config.spool_max_bytes, os::now()?)?;
    let (host, epoch) = (enrolment.host_id, enrolment.epoch);
    let (spool, findings) = Spool::open(&state.spool(), host, epoch, config.spool_max_bytes)?;
    let key = rotation::settle(&state, &enrolment, key, spool.tail())?;
    let sealer = Arc::new(Sealer { host, epoch, key, boot });
    let name = enrolment.name.to_string();
    let client = client(config, &enrolment)?;
    let link = Arc::new(link(config, &state, enrolment, &client, &sealer, &spool)?);
    let url = client.base().as_str();
    tracing::info!(host = name, collector = url, batch = spool.tail().seq, "hostmeter-agent starts");
    let (wake_in, wake_out) = watch::channel(Wake::default());
    let (acked_in, acked_out) = watch::channel(0);
    let phase = phase(host, config.interval_ms);
    let shipper = Shipper::new(Arc::clone(&link), spool.reader(), wake_out, acked_in, phase);
    let (inbox_in, inbox_out) = mpsc::sync_channel(INBOX_MAX);
    let durable = outcomes(config, &inbox_in)?;
    let parts = Parts {
        sweep: tier::sweep(config)?,
        disk: Disk::of_host(config)?,
        spool,
        sealer,
        clock: Arc::clone(&link.clock),
        inbox: inbox_out,
        wake: wake_in.clone(),
        durable,
        report: Arc::clone(&link.report),
        state,
        host: name,
        damage: told(&findings),
        now: Box::new(os::now),
        floor_ms,
        interval_ms: config.interval_ms,
        ready: Box::new(|| {
            let _no_manager = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        }),
    };
    let socket = config.executor_socket.clone();
    runtime.block_on(async {
        let ways = Ways { link, client, shipper, socket, inbox: inbox_in, wake: wake_in, acked: acked_out };
        ways.serve(start_sampling(parts)?, signals).await
    })
}

fn client(config: &Config, enrolment: &Enrolment) -> Result<Client, HttpError> {
    let url = config.collector_url.as_ref().unwrap_or(&enrolment.url);
    Client::new(Base::parse(url)?, &config.tls)
}

fn link(
    config: &Config,
    state: &StateDir,
    enrolment: Enrolment,
    client: &Client,
    sealer: &Arc<Sealer>,
    spool: &Spool,
) -> Result<Link, RunError> {
    let now = os::now()?;
    let mut clock = Clock::start(state.clock(), sealer.boot, now.wall_ms(), now.boottime_ms());
    if let Some(to_ms) = spool.tail().to_ms {
        clock.raise_floor(to_ms);
    }
    let url = client.base().as_str().to_owned();
    Ok(Link {
        machine: Arc::new(Real(client.clone())),
        enrolment,
        sealer: Arc::clone(sealer),
        clock: Arc::new(Mutex::new(clock)),
        report: Arc::new(Mutex::new(ShipStatus { url, ..ShipStatus::default() })),
        backoff_ms: (config.backoff_min_ms, config.backoff_max_ms),
        state_dir: state.path().to_owned(),
    })
}

type Ended = oneshot::Receiver<Result<u64, SamplingError>>;

fn start_sampling(parts: Parts) -> Result<Ended, RunError> {
    let (tell, ended) = oneshot::channel();
    std::thread::Builder::new().name("sampling".to_owned()).spawn(move || {
        // If the thread panics, `tell` is dropped and the other end sees it.
        let _main_is_gone = tell.send(sampling::run(parts));
    })?;
    Ok(ended)
}

struct Ways {
    link: Arc<Link>,
    client: Client,
    shipper: Shipper,
    socket: Option<PathBuf>,
    inbox: SyncSender<Inbox>,
    wake: watch::Sender<Wake>,
    acked: watch::Receiver<u64>,
}

impl Ways {
    /// Ships and passes commands on until sampling ended, which a signal makes it do.
    async fn serve(self, mut ended: Ended, signals: &mut Signals) -> Result<Left, RunError> {
        let report = Arc::clone(&self.link.report);
        let mut shipping = tokio::spawn(self.shipper.run());
        let commands = self.socket.map(|socket| tokio::spawn(commands::run(self.link, self.client, socket)));
        if commands.is_none() {
            tracing::info!("no executor.socket is configured: this host takes no commands");
        }
        let (result, left) = tokio::select! {
            result = &mut ended => (result, Left::Alone),
            () = signals.any() => (stop(&self.inbox, ended).await, Left::Alone),
            Ok(left @ (Left::NewEpoch | Left::NewKey)) = &mut shipping => (stop(&self.inbox, ended).await, left),
        };
        if let Some(task) = commands {
            task.abort();
        }
        let last_seq = result.map_err(|_| RunError::Panicked)??;
        if left != Left::Alone {
            return Ok(left);
        }
        // The last batch is durable; if the collector is near, it may have it before we go.
        self.wake.send_replace(Wake { seq: last_seq, is_urgent: true });
        let mut acked = self.acked;
        // A collector that did not answer last time is not waited for.
        let pause = if lock(&report).error.is_empty() { STOP_SHIP_MAX } else { Duration::ZERO };
        let shipped = tokio::time::timeout(pause, acked.wait_for(|seq| *seq >= last_seq)).await;
        shipping.abort();
        tracing::info!(batch = last_seq, shipped = matches!(shipped, Ok(Ok(_))), "hostmeter-agent ends");
        Ok(left)
    }
}

async fn stop(
    inbox: &SyncSender<Inbox>,
    ended: Ended,
) -> Result<Result<u64, SamplingError>, oneshot::error::RecvError> {
    let _no_manager = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let inbox = inbox.clone();
    // The inbox may be full of outcomes; the sampling thread empties it.
    let _sent = tokio::task::spawn_blocking(move || inbox.send(Inbox::Stop)).await;
    ended.await
}

/// The thread that brings outcomes, if there is an executor.
fn outcomes(config: &Config, inbox: &SyncSender<Inbox>) -> Result<Option<Sender<u64>>, RunError> {
    let Some(socket) = &config.executor_socket else { return Ok(None) };
    let (tell, told) = crossbeam_channel::bounded(INBOX_MAX);
    control::start(socket.clone(), inbox.clone(), told)?;
    Ok(Some(tell))
}

/// Where in an interval this host speaks: spread by its id, so that a fleet does not speak all at once.
fn phase(host: HostId, interval_ms: i64) -> Duration {
    let most = u64::try_from(PHASE_MAX_MS.min(interval_ms / 2)).unwrap_or(0).max(1);
    let spread = host.0.iter().fold(0_u64, |n, b| n.wrapping_mul(31).wrapping_add(u64::from(*b)));
    Duration::from_millis(spread.checked_rem(most).unwrap_or(0))
}

/// Damage of the spool in words, also in the log; empty if there is none.
fn told(findings: &Findings) -> String {
    if findings.torn_bytes > 0 {
        tracing::info!("{} bytes of a torn write were cut off; they never counted", findings.torn_bytes);
    }
    if findings.damaged.is_empty() && findings.missing.is_empty() {
        return String::new();
    }
    let files: Vec<String> = findings.damaged.iter().map(|p| p.display().to_string()).collect();
    let missing: Vec<String> = findings.missing.iter().map(|(a, b)| format!("{a}..{b}")).collect();
    let text =
        format!("damage was set aside: [{}]; batches missing: [{}]", files.join(", "), missing.join(", "));
    tracing::error!("spool: {text}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_spread_and_bounded() {
        let phases: std::collections::BTreeSet<_> = (0..50).map(|n| phase(HostId([n; 16]), 10_000)).collect();
        assert!(phases.len() > 30, "{phases:?}");
        assert!(phases.iter().all(|p| *p < Duration::from_millis(5_000)));
        assert!(phase(HostId([9; 16]), 1_000) < Duration::from_millis(500));
        assert_eq!(phase(HostId([9; 16]), 1), Duration::ZERO);
    }
}
