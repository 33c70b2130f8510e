//! The thread with a machine that is made up: what is sealed adds up to what the counters say, whatever fails.

use super::*;
use crate::fault::{arm, disarm};
use crate::limits::SPOOL_MIN_BYTES;
use crate::reading::{AccountReading, HostReading, Source};
use crate::status;
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Batch, Coverage, Gap, GapMeter};
use hostmeter_core::wire::command::{Action, Outcome, Status as Done};
use hostmeter_core::wire::envelope::{Domain, open as open_envelope};
use hostmeter_core::wire::key::SigningKey;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const HOST: HostId = HostId([1; 16]);

fn key() -> SigningKey {
    SigningKey::from_seed(&[2; 32]).unwrap()
}

/// A machine whose one account uses a little more with each sweep; every seventh sweep fails.
fn machine(used: Arc<AtomicU64>, map_id: u64, tier: &'static str) -> Sweep {
    let mut sweeps = 0;
    Box::new(move |_| {
        sweeps += 1;
        let cpu = used.fetch_add(sweeps * 7 % 11, Ordering::SeqCst) + sweeps * 7 % 11;
        if sweeps % 7 == 0 {
            return Err("nothing could be read".to_owned());
        }
        let account = AccountReading {
            counters: [(Meter::CpuUsec, cpu)].into(),
            alive: true,
            ..AccountReading::default()
        };
        Ok(Reading {
            boottime_ns: os::boottime_ns(),
            source: Source { boot: BootId([3; 16]), tier: tier.to_owned(), map_id },
            accounts: [(1001, account)].into(),
            host: HostReading { cpus: 1, ..HostReading::default() },
            coverage: Coverage::default(),
            limited: String::new(),
            gaps: vec![Gap { meter: GapMeter::One(Meter::IoOps), uid: None, reason: "not seen".to_owned() }],
            top: Default::default(),
        })
    })
}

/// So many appends fail, each at another step. Fail points count on the thread that sweeps.
const FAILED: u64 = 12;

fn failing(mut sweep: Sweep, failed: Arc<AtomicU64>) -> Sweep {
    const EIO: i32 = 5;
    const POINTS: [&str; 3] = ["spool.write", "spool.write.torn", "spool.sync"];
    let (mut sweeps, mut is_armed) = (0_usize, false);
    Box::new(move |with_top| {
        if std::mem::take(&mut is_armed) && !disarm() {
            failed.fetch_add(1, Ordering::SeqCst);
        }
        sweeps += 1;
        if sweeps.is_multiple_of(2) && failed.load(Ordering::SeqCst) < FAILED {
            arm(POINTS[sweeps / 2 % POINTS.len()], EIO);
            is_armed = true;
        }
        sweep(with_top)
    })
}

struct Runs {
    dir: tempfile::TempDir,
    interval_ms: i64,
    used: Arc<AtomicU64>,
    /// Appends that failed; `None`: none shall.
    failed: Option<Arc<AtomicU64>>,
}

impl Runs {
    fn new(interval_ms: i64) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), interval_ms, used: Arc::default(), failed: None }
    }

    fn state(&self) -> &Path {
        self.dir.path()
    }

    /// One life of the thread, during which `with` happens. Returns what it returned.
    fn live(&self, map_id: u64, tier: &'static str, cap: u64, with: impl FnOnce(&Life)) -> u64 {
        let state = StateDir::open(self.state()).unwrap();
        let boot = BootId([3; 16]);
        let (spool, findings) = Spool::open(&state.spool(), HOST, 1, cap).unwrap();
        assert!(findings.missing.is_empty() && findings.damaged.is_empty());
        let now = os::now().unwrap();
        let mut clock = Clock::start(state.clock(), boot, now.wall_ms(), now.boottime_ms());
        clock.raise_floor(spool.tail().to_ms.unwrap_or(i64::MIN));
        let (inbox, inbox_out) = std::sync::mpsc::sync_channel(4);
        let (durable_in, durable) = crossbeam_channel::bounded(4);
        let (wake, woken) = watch::channel(Wake::default());
        let sweep = machine(Arc::clone(&self.used), map_id, tier);
        let sweep = match &self.failed {
            Some(failed) => failing(sweep, Arc::clone(failed)),
            None => sweep,
        };
        let parts = Parts {
            floor_ms: None,
            sweep,
            disk: None,
            spool,
            sealer: Arc::new(Sealer { host: HOST, epoch: 1, key: key(), boot }),
            clock: Arc::new(Mutex::new(clock)),
            inbox: inbox_out,
            wake,
            durable: Some(durable_in),
            report: Arc::default(),
            state,
            host: "web1".to_owned(),
            damage: String::new(),
            interval_ms: self.interval_ms,
            now: Box::new(os::now),
            ready: Box::new(|| ()),
        };
        let thread = std::thread::spawn(move || run(parts));
        with(&Life { inbox: inbox.clone(), durable, woken });
        inbox.send(Inbox::Stop).unwrap();
        let last = thread.join().unwrap().unwrap();
        // A life that began within the millisecond in which this one ended would have no hole to name.
        std::thread::park_timeout(Duration::from_millis(5));
        last
    }

    fn batches(&self) -> Vec<Batch> {
        let (spool, _) = Spool::open(&self.state().join("spool"), HOST, 1, SPOOL_MIN_BYTES).unwrap();
        let mut reader = spool.reader();
        let entries = std::iter::from_fn(|| reader.read_next().unwrap());
        entries
            .map(|e| {
                Batch::decode(&open_envelope(&e.envelope, Domain::Batch, &key().public()).unwrap().1).unwrap()
            })
            .collect()
    }

    /// Sum of all usage, after checking that intervals follow one another without a hole.
    fn sum(&self) -> (i64, Vec<Interval>) {
        let intervals: Vec<Interval> = self.batches().into_iter().flat_map(|b| b.intervals).collect();
        for pair in intervals.windows(2) {
            assert_eq!(pair[0].to_ms, pair[1].from_ms, "intervals follow one another");
        }
        let sum =
            intervals.iter().flat_map(|i| &i.accounts).filter_map(|a| a.values.get(Meter::CpuUsec)).sum();
        (sum, intervals)
    }
}

struct Life {
    inbox: std::sync::mpsc::SyncSender<Inbox>,
    durable: crossbeam_channel::Receiver<u64>,
    woken: watch::Receiver<Wake>,
}

impl Life {
    /// Until the spool has this number.
    fn until(&self, seq: u64) {
        let limit = Instant::now() + Duration::from_secs(20);
        while self.woken.borrow().seq < seq {
            assert!(Instant::now() < limit, "batch {seq} was not made");
            std::thread::yield_now();
        }
        // A stop within the millisecond in which that batch ended would leave no interval to seal.
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn intervals_add_up_to_the_counters() {
    let runs = Runs::new(100);
    let last = runs.live(1, "proc", SPOOL_MIN_BYTES, |life| life.until(12));
    assert!(last >= 13, "the last interval is sealed at the end: {last}");
    let (sum, intervals) = runs.sum();
    // The first sweep is the baseline; it used 7.
    assert_eq!(sum, i64::try_from(runs.used.load(Ordering::SeqCst)).unwrap() - 7);
    assert!(intervals.iter().all(|i| i.gaps.len() == 1 && i.gaps[0].reason == "not seen"));
    let aligned = intervals.iter().filter(|i| i.to_ms % 100 == 0).count();
    assert!(aligned * 2 > intervals.len(), "intervals end with ticks: {aligned} of {}", intervals.len());
    let status = status::read(runs.state()).unwrap().unwrap();
    assert_eq!((status.spool.last_seq, status.sample.tier.as_str()), (last, "proc"));
}

#[test]
fn a_restart_goes_on_or_names_the_hole() {
    for (tier, map_id, is_same) in [("proc", 2, false), ("ebpf", 1, true), ("ebpf", 2, false)] {
        let runs = Runs::new(100);
        runs.live(1, tier, SPOOL_MIN_BYTES, |life| life.until(3));
        let between = runs.used.load(Ordering::SeqCst);
        runs.live(map_id, tier, SPOOL_MIN_BYTES, |life| life.until(6));
        let (sum, intervals) = runs.sum();
        let holes: Vec<&Gap> =
            intervals.iter().flat_map(|i| &i.gaps).filter(|g| g.meter == GapMeter::All).collect();
        let all = i64::try_from(runs.used.load(Ordering::SeqCst)).unwrap() - 7;
        assert!(between > 0);
        if is_same {
            assert_eq!((sum, holes.len()), (all, 0), "{tier}");
        } else {
            // The first sweep of the new life used 7 that no baseline covers.
            assert_eq!((sum, holes.len()), (all - 7, 1), "{tier}");
            assert!(holes[0].reason.starts_with("agent restarted: usage between "), "{:?}", holes[0]);
        }
    }
}

#[test]
fn an_append_that_failed_leaves_the_interval_open() {
    let failed = Arc::new(AtomicU64::new(0));
    let runs = Runs { failed: Some(Arc::clone(&failed)), ..Runs::new(10) };
    runs.live(1, "proc", SPOOL_MIN_BYTES, |life| {
        let limit = Instant::now() + Duration::from_secs(60);
        while failed.load(Ordering::SeqCst) < FAILED {
            assert!(Instant::now() < limit, "{failed:?} appends failed");
            std::thread::yield_now();
        }
        let sealed = life.woken.borrow().seq;
        life.until(sealed + 2);
        // In the millisecond in which the last interval ended none begins.
        std::thread::park_timeout(Duration::from_millis(5));
    });
    let (sum, intervals) = runs.sum();
    assert_eq!(
        sum,
        i64::try_from(runs.used.load(Ordering::SeqCst)).unwrap() - 7,
        "{} intervals",
        intervals.len()
    );
}

#[test]
fn a_full_spool_widens_the_interval() {
    let runs = Runs::new(10);
    let last = runs.live(1, "proc", SPOOL_MIN_BYTES, |life| {
        // Nobody acknowledges: it fills, and intervals get longer than this test.
        let limit = Instant::now() + Duration::from_secs(60);
        let usage = || status::read(runs.state()).unwrap().unwrap_or_default();
        while usage().sample.interval_ms < 60_000 {
            assert!(Instant::now() < limit, "{:?}", usage().spool);
            std::thread::yield_now();
        }
        let held = life.woken.borrow().seq;
        let swept = runs.used.load(Ordering::SeqCst);
        while runs.used.load(Ordering::SeqCst) < swept + 50 {
            std::thread::yield_now();
        }
        assert!(life.woken.borrow().seq <= held + 1, "sweeps go on, seals wait");
    });
    let (sum, _) = runs.sum();
    assert_eq!(sum, i64::try_from(runs.used.load(Ordering::SeqCst)).unwrap() - 7, "last batch {last}");
}

#[test]
fn outcomes_are_sealed_at_once_and_told() {
    let runs = Runs::new(100);
    let outcome = |number| Outcome {
        number,
        generation: 1,
        action: Action::Suspend,
        uid: 1001,
        status: Done::Done,
        at_ms: 1,
        detail: String::new(),
        surfaces: Vec::new(),
        archive: None,
    };
    runs.live(1, "proc", SPOOL_MIN_BYTES, |life| {
        let list = (1..=20).map(|n| Numbered { serial: n + 100, outcome: outcome(n) }).collect();
        life.inbox.send(Inbox::Outcomes(list)).unwrap();
        let mut durable = 0;
        while durable < 120 {
            durable = life.durable.recv_timeout(Duration::from_secs(5)).unwrap();
        }
    });
    let told: Vec<u64> = runs.batches().iter().flat_map(|b| &b.outcomes).map(|o| o.number).collect();
    assert_eq!(told, (1..=20).collect::<Vec<_>>());
    assert!(runs.batches().iter().all(|b| b.outcomes.len() <= OUTCOMES_PER_BATCH_MAX));
}
