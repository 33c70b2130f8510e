//! `kill -9` of the collector between storing and counting, again and again, under load over TLS: everything
//! acknowledged is counted, once.

use anyhow::{Context, Result, anyhow, ensure};
use hostmeter_core::meter::Meter;
use hostmeter_tests::api::Api;
use hostmeter_tests::fleet::{Host, value};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::stack::{CERT, Settings, Stack};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KILLS: u64 = 40;
const HOSTS: u32 = 4;
const ACCOUNTS: u32 = 20;
/// At most so many seconds of usage for each host, a second each, so that none lies in the future.
const BATCHES_MAX: u64 = 3_000;

/// Sends batches until it is told to stop, each until it is acknowledged; how many.
fn send(mut host: Host, api: &Api, stop: &AtomicBool) -> Result<u64> {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) && sent < BATCHES_MAX {
        let batch = host.next_batch(ACCOUNTS)?;
        wait_for("an acknowledgement", Duration::from_secs(60), || {
            // No answer: killed just now. Whether it was stored before, only the next answer tells.
            let Ok(answer) = api.post_bytes("/v1/batches", &batch) else { return Ok(None) };
            match answer.status {
                200 => Ok(Some(())),
                503 => Ok(None),
                status => Err(anyhow!("status {status}: {}", answer.body)),
            }
        })?;
        sent += 1;
    }
    Ok(sent)
}

/// Envelopes that are stored and not counted.
fn waiting(stack: &Stack) -> Result<i64> {
    let db = rusqlite::Connection::open(stack.path("data/control.db"))?;
    let sql = "SELECT (SELECT coalesce(max(serial), 0) FROM forward) - serial FROM counted";
    Ok(db.query_row(sql, [], |r| r.get(0))?)
}

#[test]
fn kills_between_storing_and_counting_count_everything_once() -> Result<()> {
    let mut stack = Stack::new(&Settings { tls: true, ..Settings::default() })?;
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let from_ms = (now_ms / 1_000 - i64::try_from(BATCHES_MAX)?) * 1_000;
    let hosts: Vec<Host> = (0..HOSTS).map(|n| Host::enroll(&stack, n, from_ms)).collect::<Result<_>>()?;
    let stop = AtomicBool::new(false);
    let mut cut_off = 0;
    let sent: Vec<u64> = std::thread::scope(|scope| {
        let stop = &stop;
        let url = stack.url.clone();
        let senders: Vec<_> = hosts
            .into_iter()
            .map(|host| {
                let api = Api::trusting(&url, "", CERT);
                scope.spawn(move || send(host, &api?, stop))
            })
            .collect();
        let kills = (0..KILLS).try_for_each(|n| -> Result<()> {
            std::thread::park_timeout(Duration::from_millis(20 + n * 37 % 180));
            stack.collector.as_mut().context("collector")?.kill();
            cut_off += u64::from(waiting(&stack)? > 0);
            stack.start_collector()
        });
        stop.store(true, Ordering::Relaxed);
        let sent = senders.into_iter().map(|s| s.join().map_err(|_| anyhow!("a sender panicked"))?).collect();
        kills.and(sent)
    })?;
    ensure!(
        cut_off * 4 >= KILLS,
        "only {cut_off} of {KILLS} kills came before the counting; this shows nothing"
    );
    // The API answers once everything is counted.
    stack.api.get("/v1/hosts")?.ok()?;
    let db = rusqlite::Connection::open(stack.path("data/control.db"))?;
    for (host, sent) in sent.iter().enumerate() {
        for account in 0..ACCOUNTS {
            let truth: i64 = (1..=*sent).map(|seq| value(account, seq, Meter::CpuUsec)).sum();
            let counted: i64 = db.query_row(
                "SELECT sum(cpu_usec) FROM usage_hour u JOIN account a ON a.id = u.account WHERE a.name = ?1",
                [format!("user{account}@bench{host}")],
                |r| r.get(0),
            )?;
            assert_eq!(counted, truth, "user{account} of bench{host}, {sent} batches");
        }
    }
    let sql = "SELECT count(*), sum(status = 'billed') FROM envelope";
    let (stored, billed): (i64, i64) = db.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let all = i64::try_from(sent.iter().sum::<u64>())?;
    assert_eq!((stored, billed), (all, all));
    stack.api.get("/v1/ledger/verify")?.ok()?;
    Ok(())
}
