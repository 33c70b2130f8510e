//! Batches: counted once, refused with a reason, and nothing that was acknowledged is lost.

use crate::testing::{Host, T0, World, batch, cpu, stamp};
use axum::http::{Method, StatusCode};
use hostmeter_core::ids::HostId;
use hostmeter_core::limits::ENVELOPE_MAX_BYTES;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::batch::AccountUsage;
use hostmeter_core::wire::command::{Action, Outcome, Status};
use hostmeter_core::wire::envelope::{Domain, header_hash, seal};
use hostmeter_core::wire::key::{SigningKey, sha256};
use serde_json::json;

const HOUR: &str = "SELECT coalesce(sum(cpu_usec), 0) FROM usage_hour";

#[tokio::test]
async fn a_batch_sent_twice_counts_once() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let bytes = web1.next(&batch(0, 10, vec![cpu(1001, "shop", 100), cpu(1002, "blog", 7)]));
    for _ in 0..2 {
        let ack = world.send(&bytes).await.unwrap();
        assert_eq!((ack.durable_seq, ack.archived_seq, ack.state), (1, 1, HostState::Live));
        assert_eq!(ack.durable_hash.0, header_hash(&bytes));
        assert_eq!(ack.collector_ms, T0);
    }
    assert_eq!(world.sql(HOUR), "107");
    // What is acknowledged is seen at once.
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 100);
    assert_eq!(world.total("blog@web1", "cpu_usec").await, 7);
    let accounts = world.get("/v1/accounts").await;
    assert_eq!(
        accounts,
        json!({"accounts": [
            {"id": "blog@web1", "uid": 1002, "customer": null, "state": "active", "last_seen": "2026-11-21T10:00:10Z"},
            {"id": "shop@web1", "uid": 1001, "customer": null, "state": "active", "last_seen": "2026-11-21T10:00:10Z"},
        ], "next": null})
    );
    let mut host = world.get("/v1/hosts/web1").await;
    let fingerprint = web1.key.public().fingerprint();
    assert_eq!(host["fingerprint"].take(), json!(fingerprint));
    let id = web1.key.public().id().to_string();
    assert_eq!(
        host["keys"].take(),
        json!([{"id": id, "fingerprint": fingerprint, "state": "current", "since": "2026-11-21T10:00:00Z"}])
    );
    assert_eq!(
        host,
        json!({"id": "web1", "state": "live", "agent": {"version": "0.1.0", "tier": "proc", "interval_s": 10, "limited": ""},
            "epoch": 1, "durable_seq": 1, "lag_s": 0, "watermark": "2026-11-21T10:00:10Z", "last_seen": "2026-11-21T10:00:00Z",
            "coverage": {"cpu": 0.9996}, "accounts": 2,
            "degraded": {"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T10:00:10Z", "lasted_s": 10, "tier": "proc",
                "coverage": {"cpu": 0.9996}, "why": "metered by /proc: the last moments of short processes are not seen"},
             "fingerprint": null, "keys": null,
            "remainder": {"cpu_usec": 20, "busy_usec": 157, "from": "2026-11-21T10:00:00Z", "to": "2026-11-21T10:00:10Z"}})
    );
}

#[tokio::test]
async fn what_is_refused_leaves_no_trace() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let web2 = world.host("web2", true).await;
    let payload = batch(0, 10, vec![cpu(1001, "shop", 100)]).encode().unwrap();
    let good = web1.at(1, 1, [0; 32], &payload);
    let change = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bad
    };
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    let sealed =
        |domain, host, key: &SigningKey| seal(&stamp(domain, host, 1, 1, [0; 32]), &payload, key).unwrap();
    let table = [
        ("signature", change(200), "401 bad_signature"),
        ("signed header", change(44), "401 bad_signature"),
        ("payload", change(good.len() - 1), "400 bad_envelope"),
        ("cut header", good[..100].to_vec(), "400 bad_envelope"),
        ("cut payload", good[..good.len() - 1].to_vec(), "400 bad_envelope"),
        ("trailing byte", [good.as_slice(), b"x"].concat(), "400 bad_envelope"),
        ("no envelope", vec![b'x'; 500], "400 bad_envelope"),
        ("nothing", vec![], "400 bad_envelope"),
        ("unknown key", sealed(Domain::Batch, web1.id, &stranger), "401 unknown_key"),
        ("another host's name", sealed(Domain::Batch, web2.id, &web1.key), "401 wrong_host"),
        ("nobody's name", sealed(Domain::Batch, HostId([3; 16]), &web1.key), "401 wrong_host"),
        ("another domain", sealed(Domain::Ack, web1.id, &web1.key), "400 bad_envelope"),
        ("larger than any envelope", vec![0; ENVELOPE_MAX_BYTES + 1], "413 too_large"),
        ("inflates further than stated", inflating(&web1), "400 bad_envelope"),
    ];
    for (name, bytes, want) in table {
        assert_eq!(world.send_code(&bytes).await, Err(want.to_owned()), "{name}");
    }
    assert_eq!(world.sql("SELECT count(*) FROM envelope"), "0");
    assert_eq!(world.sql("SELECT count(*) FROM account"), "0");
    assert_eq!(world.send_code(&web1.next_raw(&payload)).await, Ok(1), "the good one still counts");
    assert_eq!(world.sql(HOUR), "100");
}

/// Sealed honestly by the right key, but the payload inflates to 3 MB where the header states 100 kB.
fn inflating(host: &Host) -> Vec<u8> {
    let packed = zstd::bulk::compress(&vec![0_u8; 3_000_000], 3).unwrap();
    let mut bytes = host.at(1, 1, [0; 32], &vec![0_u8; 100_000]);
    bytes.truncate(156);
    bytes[116..120].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_be_bytes());
    bytes[124..156].copy_from_slice(&sha256(&packed));
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&host.seed).unwrap();
    let signature = pair.sign(&bytes).as_ref().to_vec();
    [bytes, signature, packed].concat()
}

/// Without a Content-Length the size shows only while it comes in: no more is read than the header announces.
#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start().await;
    let web1 = world.host("web1", true).await;
    let envelope = web1.at(1, 1, [0; 32], b"{}");
    let mut stream = tokio::net::TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    let head = "POST /v1/batches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = |data: &[u8]| [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
    stream.write_all(&chunk(&envelope)).await.unwrap();
    let mut sent = 0;
    // It answers long before a megabyte is through; then writing fails or the answer is there.
    while sent < 200 && stream.write_all(&chunk(&[b'x'; 10_000])).await.is_ok() {
        sent += 1;
    }
    let mut answer = vec![0; 12];
    let read = stream.read_exact(&mut answer).await;
    assert!(read.is_err() || answer == b"HTTP/1.1 400", "{:?}", String::from_utf8_lossy(&answer));
    assert_eq!(world.sql("SELECT count(*) FROM envelope"), "0");
    assert_eq!(world.app.metrics.refused.get(), 1);
}

#[tokio::test]
async fn holes_epochs_and_forks() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let payload = |n: i64| batch(n * 10, n * 10 + 10, vec![cpu(1001, "shop", 10)]).encode().unwrap();
    let first = web1.next_raw(&payload(0));
    let second = web1.next_raw(&payload(1));
    let (status, problem) = world.send(&second).await.unwrap_err();
    assert_eq!((status, &problem["code"], &problem["want"]), (409, &json!("want"), &json!(1)));
    let future = web1.at(2, 1, [0; 32], &payload(0));
    assert_eq!(world.send_code(&future).await, Err("409 resume".into()));
    let huge = web1.at(1, u64::MAX, [0; 32], &payload(0));
    assert_eq!(world.send_code(&huge).await, Err("409 want".into()));
    assert_eq!(world.send_code(&first).await, Ok(1));
    assert_eq!(world.send_code(&second).await, Ok(2));
    assert_eq!(
        world.send_code(&first).await,
        Ok(2),
        "an old one is acknowledged with where the chain stands"
    );

    // The same number with other bytes: two copies of the host.
    let copy = web1.at(1, 2, header_hash(&first), &payload(5));
    assert_eq!(world.send_code(&copy).await, Err("409 fork".into()));
    assert_eq!(world.send_code(&copy).await, Err("409 fork".into()));
    assert_eq!(world.sql("SELECT count(*) FROM forked"), "1");
    assert_eq!(world.get("/v1/hosts/web1").await["state"], "frozen");
    let alerts = world.get("/v1/alerts").await;
    assert_eq!(alerts["alerts"][0]["kind"], "fork", "{alerts}");
    assert_eq!(alerts["alerts"].as_array().unwrap().len(), 1);

    // Stored and acknowledged, but not billed, until it is thawed.
    let third = web1.next_raw(&payload(2));
    let ack = world.send(&third).await.unwrap();
    assert_eq!((ack.durable_seq, ack.state), (3, HostState::Frozen));
    assert_eq!(world.sql(HOUR), "20");
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 20);
    let (status, host) = world.post("/v1/hosts/web1/thaw", json!(null)).await;
    assert_eq!((status, &host["state"]), (200, &json!("live")));
    assert_eq!(world.sql(HOUR), "30");
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 30);
    assert_eq!(world.get("/v1/alerts").await["alerts"], json!([]));
    assert_eq!(world.send_code(&web1.next_raw(&payload(3))).await, Ok(4));

    // The right number on another past.
    let elsewhere = web1.at(1, 5, [7; 32], &payload(4));
    assert_eq!(world.send_code(&elsewhere).await, Err("409 fork".into()));
}

#[tokio::test]
async fn what_cannot_count_is_kept_and_said() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    const DAY: i64 = 86_400;
    let late = -36 * DAY;
    let table: [(&str, Vec<u8>, &str); 4] = [
        ("ahead", batch(121, 131, vec![cpu(1001, "shop", 5)]).encode().unwrap(), "131 s in the future"),
        ("late", batch(late, late + 10, vec![cpu(1001, "shop", 5)]).encode().unwrap(), "36 days old"),
        ("newer", b"{\"v\":2}".to_vec(), "version 2"),
        ("no JSON", b"x".to_vec(), "expected value"),
    ];
    for (n, (name, payload, why)) in (1..).zip(table) {
        assert_eq!(world.send_code(&web1.next_raw(&payload)).await, Ok(n), "{name}");
        let alerts = world.get("/v1/alerts").await;
        let detail = alerts["alerts"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(why) && detail.contains(&format!("envelope {n} of")), "{name}: {detail}");
    }
    assert_eq!(
        world.sql("SELECT count(*) FROM envelope WHERE status = 'quarantined' AND length(bytes) > 220"),
        "4"
    );
    assert_eq!(world.sql("SELECT count(*) FROM usage_hour"), "0");
    assert_eq!(world.get("/v1/hosts/web1").await["watermark"], json!(null));
    // Exactly at the limit it counts.
    let edge = batch(110, 120, vec![cpu(1001, "shop", 5)]);
    assert_eq!(world.send_code(&web1.next(&edge)).await, Ok(5));
    assert_eq!(world.sql(HOUR), "5");
}

#[tokio::test]
async fn totals_that_do_not_fit_do_not_block_the_host() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    for n in 0..2 {
        let bytes = web1.next(&batch(n * 10, n * 10 + 10, vec![cpu(1001, "shop", i64::MAX)]));
        assert_eq!(world.send_code(&bytes).await, Ok(u64::try_from(n).unwrap() + 1));
    }
    assert_eq!(world.sql("SELECT group_concat(status) FROM envelope"), "billed,quarantined");
    assert_eq!(world.sql("SELECT memory_kib_sec FROM usage_hour"), "10", "nothing of the second stands");
    assert_eq!(world.send_code(&web1.next(&batch(20, 30, vec![cpu(1002, "blog", 1)]))).await, Ok(3));
}

#[tokio::test]
async fn who_is_who() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let (status, _) = world.post("/v1/accounts", json!({"id": "early@web1"})).await;
    assert_eq!(status, 201);
    let nobody = |uid| AccountUsage { user: None, ..cpu(uid, "", 1) };
    let steps = [
        (vec![cpu(1001, "shop", 1), nobody(3101)], "early@web1,shop@web1,uid3101@web1"),
        // Another user under that uid, and the old name under a new uid, are new accounts.
        (
            vec![cpu(1001, "blog", 1), cpu(1042, "shop", 1)],
            "blog@web1,early@web1,shop@web1,shop~1042@web1,uid3101@web1",
        ),
        // Back again: the old one.
        (vec![cpu(1001, "shop", 1)], "blog@web1,early@web1,shop@web1,shop~1042@web1,uid3101@web1"),
        // Made by the API before; a user who is called like a nameless uid; a name that looks made by us.
        (
            vec![cpu(1050, "early", 1), cpu(1051, "uid3101", 1), cpu(1042, "shop~1042", 1)],
            "blog@web1,early@web1,shop@web1,shop~1042@web1,shop~1042~1042@web1,uid3101@web1,uid3101~1051@web1",
        ),
    ];
    for (n, (accounts, want)) in (0..).zip(steps) {
        let bytes = web1.next(&batch(n * 10, n * 10 + 10, accounts));
        world.send(&bytes).await.unwrap();
        assert_eq!(
            world.sql("SELECT group_concat(name) FROM (SELECT name FROM account ORDER BY name)"),
            want
        );
    }
    assert_eq!(world.sql("SELECT uid FROM account WHERE name = 'early@web1'"), "1050");
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 2);
    assert_eq!(world.total("shop~1042@web1", "cpu_usec").await, 1);
}

#[tokio::test]
async fn a_charged_hour_is_open_again_if_it_changed() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    world.send(&web1.next(&batch(0, 10, vec![cpu(1001, "shop", 5)]))).await.unwrap();
    world.change("UPDATE usage_hour SET charged = 1").await;
    let mut idle = cpu(1001, "shop", 0);
    idle.values.set(Meter::MemoryKibSec, 0);
    world.send(&web1.next(&batch(10, 20, vec![idle]))).await.unwrap();
    assert_eq!(world.sql("SELECT charged FROM usage_hour"), "1");
    world.send(&web1.next(&batch(20, 30, vec![cpu(1001, "shop", 1)]))).await.unwrap();
    assert_eq!(
        world.sql("SELECT charged || ' ' || cpu_usec || ' ' || (io_ops IS NULL) FROM usage_hour"),
        "0 6 1"
    );
}

#[tokio::test]
async fn outcomes_of_commands_reach_billing_in_the_same_transaction() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let mut b = batch(0, 10, vec![]);
    b.outcomes.push(Outcome {
        number: 77,
        generation: 1,
        action: Action::Suspend,
        uid: 1001,
        status: Status::Failed,
        at_ms: T0,
        detail: "on purpose".into(),
        surfaces: vec![],
        archive: None,
    });
    world.send(&web1.next(&b)).await.unwrap();
    let alerts = world.get("/v1/alerts").await;
    let detail = alerts["alerts"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("command 77"), "{detail}");
}

#[tokio::test]
async fn many_hosts_at_once() {
    let world = World::start().await;
    world.app.clock.set(T0 + 200_000);
    let mut hosts = Vec::new();
    for n in 0..8 {
        hosts.push(world.host(&format!("web{n}"), true).await);
    }
    let sending = hosts.iter_mut().map(|host| {
        let world = &world;
        async move {
            for n in 0..20 {
                let bytes =
                    host.next(&batch(n * 10, n * 10 + 10, vec![cpu(1001, "shop", 3), cpu(1002, "blog", 4)]));
                world.send(&bytes).await.unwrap();
                if n % 5 == 0 {
                    world.send(&bytes).await.unwrap();
                }
            }
        }
    });
    let mut all: Vec<_> = sending.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        all.retain_mut(|f| std::future::Future::poll(f.as_mut(), cx).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(world.sql(HOUR), (8 * 20 * 7).to_string());
    for n in 0..8 {
        assert_eq!(world.total(&format!("shop@web{n}"), "cpu_usec").await, 60);
    }
    let (status, page) = world.raw(Method::GET, "/metrics", None, vec![]).await;
    let page = String::from_utf8(page).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("hostmeter_batches_total{result=\"billed\"} 160\n"), "{page}");
    assert!(page.contains("hostmeter_batches_total{result=\"again\"} 32\n"), "{page}");
    assert!(page.contains("hostmeter_forward_behind 0\n"), "{page}");
}

#[tokio::test]
async fn a_restart_loses_nothing_and_a_lost_usage_store_is_filled_again() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let first = web1.next(&batch(0, 10, vec![cpu(1001, "shop", 5)]));
    world.send(&first).await.unwrap();
    let world = world.restart(|_| {}).await;
    assert_eq!(world.send_code(&first).await, Ok(1));
    assert_eq!(world.send_code(&web1.next(&batch(10, 20, vec![cpu(1001, "shop", 6)]))).await, Ok(2));
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 11);
    let world = world
        .restart(|dir| {
            for name in ["usage.db", "usage.db-wal", "usage.db-shm"] {
                let _ = std::fs::remove_file(dir.join(name));
            }
        })
        .await;
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 11);
    assert_eq!(world.sql(HOUR), "11");
}

#[tokio::test]
async fn a_damaged_envelope_hides_no_other() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    for n in 0..3 {
        world.send(&web1.next(&batch(n * 10, n * 10 + 10, vec![cpu(1001, "shop", 5)]))).await.unwrap();
    }
    world.change("UPDATE envelope SET bytes = zeroblob(300) WHERE seq = 2").await;
    let world = world
        .restart(|dir| {
            for name in ["usage.db", "usage.db-wal", "usage.db-shm"] {
                let _ = std::fs::remove_file(dir.join(name));
            }
        })
        .await;
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 10);
    let alerts = world.get("/v1/alerts").await;
    assert_eq!(alerts["alerts"][0]["kind"], "damaged", "{alerts}");
}
