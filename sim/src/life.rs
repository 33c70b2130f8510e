//! One life of an agent: from its start to its stop or kill, with the agent's own sampling, spool and shipping.

use crate::disk::Disk;
use crate::kernel::{Kernel, Used};
use crate::net::Port;
use crate::seal::{self, Book};
use anyhow::{Context, Result};
use hostmeter_agent::batch::Sealer;
use hostmeter_agent::clock::Clock;
use hostmeter_agent::machine::Machine;
use hostmeter_agent::sampling::{Inbox, Parts, Sampling};
use hostmeter_agent::ship::{Left, Link, Shipper, Wake, lock};
use hostmeter_agent::spool::{Reader, Spool};
use hostmeter_agent::state::StateDir;
use hostmeter_agent::status::ShipStatus;
use hostmeter_agent::{epoch, fault};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Poll, Waker};
use std::time::Duration;
use tokio::sync::watch;

/// Length of an interval, ms.
pub(crate) const INTERVAL_MS: i64 = 30_000;
/// Cap of a spool: enough for all that no backup of the collector holds, as what is removed beyond it may be needed.
pub(crate) const SPOOL_BYTES: u64 = 1024 * 1024;
/// Bounds of the pause after a failure, as an agent has them by default.
const BACKOFF_MS: (i64, i64) = (2_000, 300_000);

/// What a life begins with.
pub(crate) struct Begin<'a> {
    /// The state directory.
    pub(crate) dir: &'a Path,
    /// Its disk.
    pub(crate) disk: &'a Disk,
    /// The machine.
    pub(crate) kernel: &'a Arc<Mutex<Kernel>>,
    /// The way out.
    pub(crate) port: Port,
    /// Whose it is.
    pub(crate) host: usize,
    /// When in an interval it speaks.
    pub(crate) phase: Duration,
}

/// A running agent.
pub(crate) struct Life {
    /// The way out.
    pub(crate) port: Port,
    host: usize,
    disk: Disk,
    kernel: Arc<Mutex<Kernel>>,
    sampling: Sampling,
    shipping: Pin<Box<dyn Future<Output = Left> + Send>>,
    report: Arc<Mutex<ShipStatus>>,
    eyes: Reader,
    base: Used,
    _inbox: std::sync::mpsc::SyncSender<Inbox>,
}

impl Life {
    /// Starts as `hostmeter-agent run` does.
    pub(crate) fn begin(with: Begin<'_>, book: &mut Book) -> Result<Self> {
        let Begin { dir, disk, kernel, port, host, phase } = with;
        fault::watch(Some(Box::new(disk.clone())));
        let state = StateDir::open(dir)?;
        let (enrolment, key) = state.identity()?;
        let (boot, now) = (lock(kernel).id(), port.clocks());
        let (enrolment, floor_ms) = epoch::settle(&state, enrolment, boot, SPOOL_BYTES, now)?;
        let sealer = Arc::new(Sealer { host: enrolment.host_id, epoch: enrolment.epoch, key, boot });
        let (spool, _) = Spool::open(&state.spool(), enrolment.host_id, enrolment.epoch, SPOOL_BYTES)?;
        let tail = spool.tail().clone();
        let mut clock = Clock::start(state.clock(), boot, now.wall_ms(), now.boottime_ms());
        if let Some(to_ms) = tail.to_ms {
            clock.raise_floor(to_ms);
        }
        let report = Arc::new(Mutex::new(ShipStatus::default()));
        let name = enrolment.name.to_string();
        let link = Arc::new(Link {
            machine: Arc::new(port.clone()),
            enrolment,
            sealer: Arc::clone(&sealer),
            clock: Arc::new(Mutex::new(clock)),
            report: Arc::clone(&report),
            backoff_ms: BACKOFF_MS,
            state_dir: dir.to_owned(),
        });
        let (wake_in, wake_out) = watch::channel(Wake::default());
        let (acked, _) = watch::channel(0);
        let mut eyes = spool.reader();
        let shipper = Shipper::new(Arc::clone(&link), spool.reader(), wake_out, acked, phase);
        let (inbox_in, inbox) = std::sync::mpsc::sync_channel(1);
        let (machine, clocks) = (Arc::clone(kernel), port.clone());
        let ticking = port.clone();
        for entry in seal::new_entries(&mut eyes)? {
            if !book.contains_key(&entry.hash) {
                let mut found = seal::found(&entry, host, &lock(kernel), book)?;
                if found.used.is_none() && entry.hash == tail.hash {
                    found.used = seal::kept(&tail, &lock(kernel));
                }
                book.insert(entry.hash, found);
            }
        }
        let parts = Parts {
            sweep: Box::new(move |_| {
                let mut kernel = lock(&machine);
                kernel.work();
                Ok(kernel.reading(clocks.clocks().boottime_ns))
            }),
            disk: None,
            spool,
            sealer,
            clock: Arc::clone(&link.clock),
            inbox,
            wake: wake_in,
            durable: None,
            report: Arc::clone(&report),
            state,
            host: name,
            damage: String::new(),
            floor_ms,
            interval_ms: INTERVAL_MS,
            now: Box::new(move || ticking.now()),
            ready: Box::new(|| ()),
        };
        let mut sampling = Sampling::begin(parts)?;
        sampling.aim()?;
        fault::watch(None);
        let known = book.get(&tail.hash).filter(|s| s.boot == boot && tail.to_ms >= floor_ms);
        let base = known.and_then(|s| s.used.clone()).unwrap_or_else(|| lock(kernel).used().clone());
        let shipping = Box::pin(shipper.run());
        let (disk, kernel) = (disk.clone(), Arc::clone(kernel));
        Ok(Self { port, host, disk, kernel, sampling, shipping, report, eyes, base, _inbox: inbox_in })
    }

    fn watched<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        fault::watch(Some(Box::new(self.disk.clone())));
        let done = f(self);
        fault::watch(None);
        done
    }

    /// How long until the next sweep, ms; 0 or less: it is due.
    pub(crate) fn left_ms(&mut self) -> Result<i64> {
        Ok(self.sampling.left_ms()?)
    }

    /// A sweep, and a seal if one is due; what was sealed must be the truth.
    pub(crate) fn sweep(&mut self, is_last: bool, book: &mut Book) -> Result<()> {
        self.watched(|life| life.sampling.step(is_last, is_last))?;
        self.sampling.aim()?;
        let entries = seal::new_entries(&mut self.eyes)?;
        if entries.is_empty() {
            return Ok(());
        }
        let used = lock(&self.kernel).used().clone();
        seal::check(&entries, &self.base, &used)?;
        for entry in &entries {
            book.insert(entry.hash, seal::sealed(entry, self.host, Some(used.clone()))?);
        }
        self.base = used;
        Ok(())
    }

    /// Lets shipping go on as far as it can; `Some`: it ended.
    pub(crate) fn ship(&mut self) -> Option<Left> {
        self.watched(|life| match life.shipping.as_mut().poll(&mut Task::from_waker(Waker::noop())) {
            Poll::Ready(left) => Some(left),
            Poll::Pending => None,
        })
    }

    /// Whether shipping stopped until somebody does something.
    pub(crate) fn is_stopped(&self) -> bool {
        !lock(&self.report).stopped.is_empty()
    }

    /// Number and hash of the newest envelope in the spool, and how far all is acknowledged.
    pub(crate) fn standing(&mut self) -> Result<(u64, u64)> {
        let (_, last) = self.eyes.range().unwrap_or((0, 0));
        Ok((last, lock(&self.report).durable_seq.unwrap_or(0)))
    }

    /// What shipping says of itself.
    pub(crate) fn complaint(&self) -> String {
        let report = lock(&self.report);
        format!("{} {}", report.error, report.stopped)
    }
}

/// A failure to begin is a finding, and says where.
pub(crate) fn begun(life: Result<Life>, host: usize) -> Result<Life> {
    fault::watch(None);
    life.with_context(|| format!("the agent of host {host} does not start"))
}
