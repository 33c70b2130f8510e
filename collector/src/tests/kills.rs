//! `kill -9` at every fail point of storing, journal, counting and forwarding: what was acknowledged is there once, in
//! control.db, in the hour totals, in the usage store, and what was answered is in the journal alone.
//!
//! The test runs itself again as a child. What the host holds and what it was told are files, so that they outlive the
//! child. `HOSTMETER_FAULTS=N` runs N kills instead of a few of each kind.

use crate::billing::topup::{Payment, top_up};
use crate::billing::{customers, verify};
use crate::clock::Clock;
use crate::db::testing::dump;
use crate::db::{Connection, Db, DbError, params, replay};
use crate::fault::POINTS as ALL_POINTS;
use crate::ingest::chain::{self, Outcome};
use crate::ingest::counting::Counter;
use crate::ingest::{HostKeys, Received, verify as verify_header};
use crate::store::forward::{Forwarder, last_serial};
use crate::store::sqlite::SqliteStore;
use crate::store::{UsageStore, forward};
use crate::testing::{T0, batch, cpu, stamp};
use hostmeter_core::ids::{CustomerId, HostId};
use hostmeter_core::money::Money;
use hostmeter_core::wire::envelope::{Domain, header_hash, seal};
use hostmeter_core::wire::key::SigningKey;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

const HOST: HostId = HostId([1; 16]);
const CHILD: &str = "HOSTMETER_KILLED_CHILD";
/// Batches and payments of one life.
const LIFE: u64 = 8;
const SIGKILL: i32 = 9;
const LIMIT: Duration = Duration::from_secs(60);

fn key() -> SigningKey {
    SigningKey::from_seed(&[2; 32]).unwrap()
}

/// A number in a file: what the other side was told. One write of eight bytes is old or new for whoever is killed.
struct Told(File);

impl Told {
    fn open(path: &Path) -> Self {
        Self(OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap())
    }

    fn get(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, 0).map_or(0, |()| u64::from_le_bytes(bytes))
    }

    fn set(&self, n: u64) {
        self.0.write_all_at(&n.to_le_bytes(), 0).unwrap();
    }
}

/// What the account used in the second of batch `n`.
fn usec(n: u64) -> i64 {
    i64::try_from(n * 7 % 100 + 1).unwrap()
}

/// Batch `n`, the same bytes however often it is made.
fn sealed(n: u64, prev: [u8; 32]) -> Vec<u8> {
    let at = i64::try_from(n).unwrap();
    let payload = batch(at, at + 1, vec![cpu(1001, "shop", usec(n))]).encode().unwrap();
    seal(&stamp(Domain::Batch, HOST, 1, n, prev), &payload, &key()).unwrap()
}

fn control(dir: &Path) -> PathBuf {
    dir.join("control.db")
}

/// The newest directory of the journal; `fresh` begins another.
fn journal(dir: &Path, fresh: bool) -> PathBuf {
    let at = |n: u32| dir.join(format!("journal{n}"));
    let next = (0..).find(|n| !at(*n).exists()).unwrap();
    at(if fresh { next } else { next.saturating_sub(1) })
}

/// One life of the collector, with a host that sends on until it is told, and somebody who pays.
fn live(dir: &Path) {
    let fresh = std::env::var("HOSTMETER_FAULT").is_ok_and(|f| f.starts_with("journal.segment"));
    let db = Db::open_with(&control(dir), Some(&journal(dir, fresh))).unwrap();
    let store: Arc<dyn UsageStore> = Arc::new(SqliteStore::open(&dir.join("usage.db")).unwrap());
    let (clock, behind) = (Clock::manual(T0 + 24 * 3_600_000), Arc::default());
    let forwarder = Forwarder::start(db.clone(), store, clock.clone(), Arc::clone(&behind)).unwrap();
    let counter = Counter::start(db.clone(), clock, behind, forwarder.waker()).unwrap();
    let keys = db.read_blocking(HostKeys::load).unwrap();
    let (acked, paid) = (Told::open(&dir.join("acked")), Told::open(&dir.join("paid")));
    let mut prev = [0; 32];
    for n in 1..=acked.get() + LIFE {
        let bytes = sealed(n, prev);
        prev = header_hash(&bytes);
        if n > acked.get() {
            let (known, header) = verify_header(&bytes, Domain::Batch, &keys, T0).unwrap();
            let received = Received::open(known, header, bytes).unwrap();
            let stored = db.write_blocking(move |tx| {
                chain::store(tx, &received, |_, _, _, _| Ok::<_, DbError>(()), T0 + 24 * 3_600_000)
            });
            match stored.unwrap() {
                Outcome::Stored(standing, _) | Outcome::Again(standing) => {
                    assert_eq!(standing.durable_seq, n);
                }
                other => panic!("{n}: {other:?}"),
            }
            acked.set(n);
            counter.wake();
            pay(&db, paid.get() + 1);
            paid.set(paid.get() + 1);
        }
    }
    let last = db.read_blocking(last_serial).unwrap();
    assert!(counter.wait_blocking(last, LIMIT), "counted");
    forwarder.wake();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert!(runtime.block_on(forwarder.wait(last, LIMIT)), "forwarded");
}

/// The same key and payment however often it is asked.
fn pay(db: &Db, n: u64) {
    let booked = db.write_blocking(move |tx| {
        let customer = customers::get(tx, &CustomerId::parse("c-1").unwrap())?;
        let (payment, key) = (format!("payment-{n}"), format!("key-{n}"));
        let paid = Payment { amount: Money::from_micros(1), gateway: "manual", payment: &payment };
        top_up(tx, &customer, &paid, &key, "admin", T0)
    });
    booked.unwrap();
}

/// What the child does; nothing if this is no child.
#[test]
fn child() {
    if let Some(dir) = std::env::var_os(CHILD) {
        live(Path::new(&dir));
    }
}

fn spawn(dir: &Path, fault: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::kills::child"]).env(CHILD, dir).env_remove("HOSTMETER_FAULT");
    if let Some(fault) = fault {
        command.env("HOSTMETER_FAULT", fault);
    }
    command.stdout(std::process::Stdio::null()).spawn().unwrap()
}

/// Waits for the end; `true` if it was killed, `false` if it ended well.
fn was_killed(mut child: Child) -> bool {
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(SIGKILL), "{status}");
    status.signal().is_some()
}

/// A host and a customer, and a copy of control.db from before all else.
fn make(dir: &Path) {
    let db = Db::open_with(&control(dir), Some(&journal(dir, true))).unwrap();
    db.write_blocking(|tx| -> Result<(), DbError> {
        tx.execute(
            "INSERT INTO host (id, uuid, name, state, made_ms) VALUES (1, ?1, 'web1', 'live', 0)",
            [HOST.0],
        )?;
        let public = key().public();
        tx.execute("INSERT INTO host_key VALUES (?1, 1, ?2, 'good', 0)", params![public.id().0, public.0])?;
        tx.execute("INSERT INTO customer (id, name, title, made_ms) VALUES (1, 'c-1', '', 0)", [])?;
        Ok(())
    })
    .unwrap();
    drop(db);
    std::fs::copy(control(dir), dir.join("old.db")).unwrap();
}

/// Everything that was acknowledged is there once.
fn check(dir: &Path) -> (u64, u64) {
    let (acked, paid) = (Told::open(&dir.join("acked")).get(), Told::open(&dir.join("paid")).get());
    let conn = Connection::open(control(dir)).unwrap();
    let one = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    let n = i64::try_from(acked).unwrap();
    assert_eq!((one("SELECT count(*) FROM envelope"), one("SELECT max(seq) FROM envelope")), (n, n));
    let truth: i64 = (1..=acked).map(usec).sum();
    assert_eq!(one("SELECT sum(cpu_usec) FROM usage_hour"), truth, "hour totals of {acked} batches");
    let store = SqliteStore::open(&dir.join("usage.db")).unwrap();
    assert_eq!(store.position().unwrap(), forward::last_serial(&conn).unwrap());
    let rows = store.usage(1, 0, i64::MAX).unwrap();
    let shown: i64 = rows.iter().filter_map(|r| r.values.get(hostmeter_core::meter::Meter::CpuUsec)).sum();
    assert_eq!((shown, rows.len()), (truth, usize::try_from(acked).unwrap()), "the usage store");
    let sql = "SELECT b.amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE a.name = 'customer:c-1'";
    assert_eq!(one(sql), i64::try_from(paid).unwrap(), "payments");
    let report = verify::verify(&conn).unwrap();
    assert!(report.ok, "{report:?}");
    // What was answered, from the journal alone.
    std::fs::copy(dir.join("old.db"), dir.join("replayed.db")).unwrap();
    let mut replayed = Connection::open(dir.join("replayed.db")).unwrap();
    replayed.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF").unwrap();
    let journals = (0..).map(|n| dir.join(format!("journal{n}"))).take_while(|p| p.exists());
    for journal in journals.filter(|p| has_records(p)) {
        replay::replay(&mut replayed, &journal, true).unwrap();
    }
    let sorts = |mut tables: BTreeMap<String, Vec<String>>| {
        // Accounts are made by counting, whose rows are journalled as they come.
        tables.values_mut().for_each(|rows| rows.sort());
        tables
    };
    assert_eq!(sorts(dump(&replayed)), sorts(dump(&conn)), "the journal");
    (acked, paid)
}

/// A journal that was begun by a life that was killed before it wrote anything.
fn has_records(journal: &Path) -> bool {
    let segments = std::fs::read_dir(journal).unwrap().map(|e| e.unwrap().path());
    segments.filter(|p| p.extension().is_some_and(|e| e == "hmj")).any(|p| p.metadata().unwrap().len() > 100)
}

fn rounds(least: usize) -> usize {
    let asked =
        std::env::var("HOSTMETER_FAULTS").ok().map(|n| n.parse().expect("HOSTMETER_FAULTS is a number"));
    asked.unwrap_or(0).max(least)
}

#[test]
fn kills_at_every_point_lose_nothing_and_count_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    make(dir);
    // Those of notices have a test of their own, with receivers.
    let points: Vec<_> = ALL_POINTS.iter().copied().filter(|p| !p.starts_with("notice.")).collect();
    let (mut reached, mut kills) = (BTreeMap::new(), 0);
    for round in 0..rounds(2 * points.len()) {
        let point = points[round % points.len()];
        let turn = round / points.len();
        let mut child =
            spawn(dir, Some(&format!("{point}={}", if is_once(point) { 1 } else { 1 + turn % 5 })));
        // Every third time it dies at no point in particular.
        let is_random = turn % 3 == 2;
        if is_random {
            std::thread::park_timeout(Duration::from_millis(u64::try_from(round * 37 % 90).unwrap()));
            let _ended_already = child.kill();
        }
        let killed = was_killed(child);
        kills += u32::from(killed);
        *reached.entry(point).or_insert(0) += u32::from(killed && !is_random);
    }
    let missed: Vec<_> = points.iter().filter(|p| reached.get(*p).is_none_or(|n| *n == 0)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
    assert!(!was_killed(spawn(dir, None)));
    let (acked, paid) = check(dir);
    eprintln!("{kills} kills, {acked} batches, {paid} payments, 0 lost, 0 twice");
}

/// Passed once in a life.
fn is_once(point: &str) -> bool {
    point.starts_with("journal.cut") || point.starts_with("journal.segment") || point.starts_with("forward.")
}
