//! `kill -9` at every step of writing, sending and settling: each notice is there once, each is sent, and sent twice only
//! where the kill came between the receiver's acceptance and the commit, under the same id.
//!
//! The test runs itself again as a child; the receiver lives in the parent. `HOSTMETER_FAULTS=N` runs N kills.

use super::receiver::Receiver;
use crate::billing::{BillingError, customers};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Connection, Db, DbError};
use crate::fault::POINTS;
use crate::notices::Channels;
use crate::notices::outbox::fill;
use crate::testing::T0;
use hostmeter_core::ids::CustomerId;
use hostmeter_core::lifecycle::{Event, EventKind};
use hostmeter_core::money::Currency;
use hostmeter_core::wire::webhook::{Secret, verify};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CHILD: &str = "HOSTMETER_NOTICES_CHILD";
const RECEIVER: &str = "HOSTMETER_NOTICES_RECEIVER";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Events of one life.
const LIFE: u64 = 4;
const SIGKILL: i32 = 9;

/// One life: events are stored, again those of the life before, and everything is delivered.
fn live(dir: &Path, url: &str) {
    let db = Db::open(&dir.join("control.db")).unwrap();
    let text =
        format!("[[webhook]]\nname = \"r\"\nurl = \"{url}\"\nsecrets = [\"{SECRET}\"]\ntimeout = \"5s\"\n");
    let config = Config::parse("c.toml", &text).unwrap();
    let channels = Channels::start(&db, &config, &Clock::System).unwrap();
    let done: i64 = db
        .read_blocking(|c| Ok::<_, DbError>(c.query_row("SELECT count(*) FROM outbox", [], |r| r.get(0))?))
        .unwrap();
    let done = u64::try_from(done).unwrap();
    for number in done.saturating_sub(2).max(1)..=done + LIFE {
        let event = Event { episode: 1, number, kind: EventKind::BalanceFloor };
        db.write_blocking(move |tx| {
            let customer = customers::get(tx, &CustomerId::parse("c-1").unwrap())?;
            fill(tx, &customer, &[event], Currency::parse("EUR").unwrap(), T0)?;
            Ok::<_, BillingError>(())
        })
        .unwrap();
        channels.wakers().iter().for_each(crate::worker::Waker::wake);
    }
    let start = Instant::now();
    let pending = "SELECT EXISTS (SELECT 1 FROM delivery WHERE state = 'pending')";
    while db.read_blocking(|c| Ok::<bool, DbError>(c.query_row(pending, [], |r| r.get(0))?)).unwrap() {
        assert!(start.elapsed() < Duration::from_secs(30), "not everything was delivered");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// What the child does; nothing if this is no child.
#[test]
fn child() {
    if let (Some(dir), Ok(url)) = (std::env::var_os(CHILD), std::env::var(RECEIVER)) {
        live(Path::new(&dir), &url);
    }
}

/// Runs a life; whether it was killed.
fn run(dir: &Path, url: &str, fault: Option<&str>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "notices::tests::kills::child"]).env(CHILD, dir).env(RECEIVER, url);
    command.env_remove("HOSTMETER_FAULT").stdout(Stdio::null());
    if let Some(fault) = fault {
        command.env("HOSTMETER_FAULT", fault);
    }
    let status = command.status().unwrap();
    assert!(status.success() || status.signal() == Some(SIGKILL), "{status}");
    status.signal().is_some()
}

fn make(dir: &Path) {
    let db = Db::open(&dir.join("control.db")).unwrap();
    db.write_blocking(|tx| -> Result<(), DbError> {
        tx.execute("INSERT INTO customer (id, name, title, made_ms) VALUES (1, 'c-1', '', 0)", [])?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn each_notice_once_over_kills_between_every_step() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let receiver = Receiver::start();
    // A notice is written, sent and settled in the same commits as everything else.
    let points: Vec<_> =
        POINTS.iter().filter(|p| p.starts_with("notice.") || p.starts_with("write.")).collect();
    let rounds =
        std::env::var("HOSTMETER_FAULTS").map_or(0, |n| n.parse().expect("a number")).max(2 * points.len());
    let (mut killed, mut in_between) = (BTreeMap::new(), 0);
    for round in 0..rounds {
        let point = *points[round % points.len()];
        let nth = 1 + (round / points.len()) % 3;
        if run(dir.path(), &receiver.url, Some(&format!("{point}={nth}"))) {
            *killed.entry(point).or_insert(0) += 1;
            // From the acceptance to the end of the commit that notes it.
            in_between += usize::from(point == "notice.sent" || point.starts_with("write."));
        }
    }
    let missed: Vec<_> = points.iter().filter(|p| !killed.contains_key(**p)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
    assert!(!run(dir.path(), &receiver.url, None));

    let conn = Connection::open(dir.path().join("control.db")).unwrap();
    let one = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    let written = one("SELECT count(*) FROM outbox");
    assert_eq!(one("SELECT count(DISTINCT dedupe_key) FROM outbox"), written);
    assert_eq!(
        one(
            "SELECT max(CAST(substr(dedupe_key, length('notice:c-1:1:balance.floor:') + 1) AS INTEGER)) FROM outbox"
        ),
        written,
        "no number is missing"
    );
    assert_eq!(one("SELECT count(*) FROM delivery WHERE state = 'accepted'"), written);
    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    for request in receiver.came() {
        let [id, at, signed] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|h| request.header(h));
        let secret = [Secret::parse(SECRET).unwrap()];
        verify(&secret, id, at, signed, &request.body, at.parse().unwrap()).unwrap();
        *came.entry(id.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(i64::try_from(came.len()).unwrap(), written, "every notice came, and nothing else");
    let twice: usize = came.values().map(|n| n - 1).sum();
    assert!(twice <= in_between, "{twice} came twice, {in_between} kills were in between");
    assert!(
        twice > 0,
        "a kill between acceptance and commit must lead to a second attempt under the same id"
    );
    eprintln!(
        "{} kills, {written} notices, 0 lost, {twice} sent again under the same id",
        killed.values().sum::<i32>()
    );
}
