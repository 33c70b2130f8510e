//! Backups of a running collector, restored: nothing acknowledged is missing, and damage is named.

use super::*;
use crate::config::Config;
use crate::db::testing::dump;
use crate::db::{Connection, State, journal_state};
use crate::testing::{Host, T0, World, batch, cpu};
use axum::body::Bytes;
use axum::http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const PLAN: &str = "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-01T00:00:00Z\"\n\
    [[price]]\nmeter = \"cpu_usec\"\namount = \"0.01\"\nper = \"3600\"\n";

async fn send(w: &World, method: Method, path: &str, key: &str, body: String) -> Value {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder().method(method).uri(format!("{}{path}", w.url));
    let request =
        request.header("authorization", format!("Bearer {}", w.token)).header("idempotency-key", key);
    let kind = if path.starts_with("/v1/plans") { "application/toml" } else { "application/json" };
    let request = request.header("content-type", kind).body(Full::new(Bytes::from(body))).unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{path}: {status} {bytes:?}");
    serde_json::from_slice(&bytes).unwrap()
}

async fn post(w: &World, path: &str, key: &str, body: Value) -> Value {
    send(w, Method::POST, path, key, body.to_string()).await
}

/// A collector with a journal, a host, and an account that is billed.
async fn shop() -> (World, Host) {
    let w = World::start_with(|config, dir| config.journal_dir = Some(dir.join("journal"))).await;
    send(&w, Method::PUT, "/v1/plans/basic", "p", PLAN.to_owned()).await;
    post(&w, "/v1/customers", "c", json!({"id": "c-1", "name": "S", "plan": "basic", "billing_zone": "UTC"}))
        .await;
    post(&w, "/v1/accounts", "a", json!({"id": "shop@web1", "customer": "c-1"})).await;
    post(&w, "/v1/accounts", "b", json!({"id": "big@cloud", "customer": "c-1"})).await;
    let mut web1 = w.host("web1", true).await;
    w.send(&web1.next(&batch(0, 10, vec![cpu(1001, "shop", 100)]))).await.unwrap();
    (w, web1)
}

async fn back_up(w: &World) -> Made {
    let (config, to, now_ms) =
        (w.app.config.clone(), w.app.config.data_dir.with_file_name("backups"), w.app.now_ms());
    let made = make(&config, None, &to, now_ms).unwrap();
    let noted = made.clone();
    w.app.db.write(move |tx| record(tx, &noted)).await.unwrap();
    made
}

fn options(made: &Made, journal: &Path) -> Options {
    Options { from: made.path.clone(), journal: Some(journal.to_owned()), ..Options::default() }
}

async fn charge(w: &World) -> Value {
    post(w, "/v1/charge-runs", "x", json!({})).await
}

fn hours(conn: &Connection) -> String {
    let sql = "SELECT group_concat(account || ' ' || hour || ' ' || coalesce(cpu_usec, '-'), ', ')
        FROM (SELECT * FROM usage_hour ORDER BY account, hour)";
    conn.query_row(sql, [], |r| r.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_collector_knows_every_write_and_charges_nothing_twice() {
    let (w, mut web1) = shop().await;
    let made = back_up(&w).await;
    assert_eq!(made.manifest.hosts.iter().map(|c| (c.epoch, c.seq)).collect::<Vec<_>>(), [(1, 1)]);
    // What comes after the backup, of every kind.
    w.app.clock.set(T0 + 3_700_000);
    post(&w, "/v1/customers/c-1/topups", "t1", json!({"amount": "5", "gateway": "manual", "payment": "p1"}))
        .await;
    let later = [
        web1.next(&batch(10, 3_600, vec![cpu(1001, "shop", 50), cpu(1002, "blog", 7)])),
        web1.next(&batch(3_600, 3_610, vec![cpu(1002, "blog", 1)])),
    ];
    for bytes in &later {
        w.send(bytes).await.unwrap();
    }
    send(&w, Method::PUT, "/v1/accounts/blog@web1/customer", "o", json!({"customer": "c-1"}).to_string())
        .await;
    let row = json!({"account": "big@cloud", "meter": "cpu_usec", "hour": "2026-11-21T10:00:00Z", "quantity": 72_000});
    post(&w, "/v1/usage-import", "i1", json!({"source": "cloud-a", "rows": [row]})).await;
    let charged = charge(&w).await;
    assert!(charged["charged_hours"].as_u64().unwrap() >= 2, "{charged}");
    post(&w, "/v1/customers/c-1/hold", "h", json!({"hold": true})).await;

    let mut lost: Option<(std::collections::BTreeMap<String, Vec<String>>, String)> = None;
    let journal = w.app.config.journal_dir.clone().unwrap();
    let w = w
        .restart(|data| {
            let conn = Connection::open(data.join("control.db")).unwrap();
            lost = Some((dump(&conn), hours(&conn)));
            drop(conn);
            std::fs::rename(data, data.with_file_name("lost")).unwrap();
            let restored = restore(&options(&made, &journal), data).unwrap();
            assert!(restored.replayed.unwrap().records >= 6);
            let conn = Connection::open(data.join("control.db")).unwrap();
            assert_eq!(dump(&conn), lost.as_ref().unwrap().0);
        })
        .await;
    let (_, lost_hours) = lost.unwrap();
    let verify = w.get("/v1/ledger/verify").await;
    assert_eq!(verify["ok"], json!(true), "{verify}");
    let again = post(
        &w,
        "/v1/customers/c-1/topups",
        "t1",
        json!({"amount": "5", "gateway": "manual", "payment": "p1"}),
    )
    .await;
    let balance = w.get("/v1/customers/c-1/balance").await;
    // Far beyond the time after which a silent host's hours are closed: its usage has to come first.
    w.app.clock.set(T0 + 30 * 24 * 3_600_000);
    assert_eq!(charge(&w).await["amount"], json!("0.000000"), "nothing is given back, nothing charged again");
    assert_eq!(w.sql("SELECT refill_ms IS NOT NULL FROM host"), "1");
    // The agent goes back to what the collector has.
    assert_eq!(w.send_code(&web1.at(1, 4, [0; 32], b"x")).await.unwrap_err(), "409 want");
    for bytes in &later {
        w.send(bytes).await.unwrap();
    }
    assert_eq!(charge(&w).await["amount"], json!("0.000000"));
    let now_ms = w.app.now_ms();
    w.app.db.write(move |tx| refill::look(tx, now_ms)).await.unwrap();
    assert_eq!(w.sql("SELECT refill_ms IS NULL FROM host"), "1");
    let conn = Connection::open(w.app.config.control_db()).unwrap();
    assert_eq!(hours(&conn), lost_hours, "every interval counted once");
    assert_eq!(w.get("/v1/ledger/verify").await["ok"], json!(true));
    assert_eq!(w.get("/v1/customers/c-1/balance").await["balance"], balance["balance"], "{again}");
    assert_eq!(w.total("shop@web1", "cpu_usec").await, 150);
    assert_eq!(w.total("blog@web1", "cpu_usec").await, 8);
}

/// A backup outside of any collector.
fn plain() -> (tempfile::TempDir, Config, Made) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::parse("c.toml", "").unwrap();
    config.data_dir = dir.path().join("data");
    crate::init::init(&config, T0).unwrap();
    drop(crate::store::sqlite::SqliteStore::open(&config.usage_db()).unwrap());
    let made = make(&config, None, &dir.path().join("backups"), T0).unwrap();
    (dir, config, made)
}

fn restore_error(made: &Made, target: &Path) -> String {
    let options = Options { from: made.path.clone(), ..Options::default() };
    let text = restore(&options, target).unwrap_err().to_string();
    assert!(std::fs::read_dir(target).map_or(true, |mut d| d.next().is_none()), "nothing is left: {text}");
    text
}

#[test]
fn damage_of_a_backup_is_found_and_named() {
    let (dir, _, made) = plain();
    let target = dir.path().join("new");
    let mut names: Vec<String> = made.manifest.files.iter().map(|f| f.name.clone()).collect();
    assert_eq!(names, ["control.db", "usage.db", "keys/identity.seed", "keys/command.seed"]);
    names.extend(["manifest.json".to_owned(), "SHA256SUMS".to_owned()]);
    for name in names {
        let path = made.path.join(&name);
        let good = std::fs::read(&path).unwrap();
        let step = (good.len() / 40).max(1);
        for at in (0..good.len()).step_by(step) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            std::fs::write(&path, &bad).unwrap();
            let text = restore_error(&made, &target);
            assert!(text.contains(made.path.to_str().unwrap()), "{name}, byte {at}: {text}");
        }
        for cut in [0, good.len() / 2, good.len() - 1] {
            std::fs::write(&path, &good[..cut]).unwrap();
            // A last line without its end is as good.
            if name != "SHA256SUMS" || cut != good.len() - 1 {
                restore_error(&made, &target);
            }
        }
        std::fs::remove_file(&path).unwrap();
        assert!(restore_error(&made, &target).contains(path.to_str().unwrap()), "{name} is missing");
        std::fs::write(&path, &good).unwrap();
    }
    let options = Options { from: made.path, ..Options::default() };
    restore(&options, &target).unwrap();
    let again = restore(&options, &target).unwrap_err().to_string();
    assert!(again.contains("is not empty"), "{again}");
}

#[test]
fn a_restore_that_was_cut_off_begins_anew() {
    let (dir, config, made) = plain();
    let target = dir.path().join("new");
    std::fs::create_dir_all(target.join("keys")).unwrap();
    std::fs::write(target.join("control.db.restoring"), b"half").unwrap();
    std::fs::write(target.join("keys/identity.seed"), b"half").unwrap();
    restore(&Options { from: made.path, ..Options::default() }, &target).unwrap();
    for name in ["keys/identity.seed", "keys/command.seed"] {
        assert_eq!(
            std::fs::read(target.join(name)).unwrap(),
            std::fs::read(config.data_dir.join(name)).unwrap()
        );
    }
    let mut left: Vec<_> =
        std::fs::read_dir(&target).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["control.db", "keys", "usage.db"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_backup_is_refused_unless_asked_for() {
    let (w, _web1) = shop().await;
    let first = back_up(&w).await;
    w.app.clock.set(T0 + 1_000);
    let second = back_up(&w).await;
    let journal = w.app.config.journal_dir.clone().unwrap();
    let target = w.app.config.data_dir.with_file_name("new");
    let err = restore(&options(&first, &journal), &target).unwrap_err();
    assert!(matches!(&err, RestoreError::Older(p) if *p == second.path.display().to_string()), "{err}");
    // What counts is which was made later, not what the clock showed: it was set back since.
    w.app.clock.set(T0 - 3_600_000);
    let third = back_up(&w).await;
    let err = restore(&options(&second, &journal), &target).unwrap_err();
    assert!(matches!(&err, RestoreError::Older(p) if *p == third.path.display().to_string()), "{err}");
    restore(&options(&third, &journal), &w.app.config.data_dir.with_file_name("third")).unwrap();
    restore(&Options { accepts_older: true, ..options(&first, &journal) }, &target).unwrap();
    let conn = Connection::open(target.join("control.db")).unwrap();
    let State { serial, .. } = journal_state(&conn).unwrap().unwrap();
    assert_eq!(serial, first.manifest.serial + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_not_good_is_no_backup() {
    let (w, _web1) = shop().await;
    let to = w.app.config.data_dir.with_file_name("backups");
    post(&w, "/v1/customers/c-1/topups", "t1", json!({"amount": "5", "gateway": "manual", "payment": "p1"}))
        .await;
    w.change("UPDATE balance SET amount = amount + 1").await;
    let err = make(&w.app.config, None, &to, T0).unwrap_err().to_string();
    assert!(err.contains("the ledger differs") && err.contains("balance is"), "{err}");
    let left: Vec<PathBuf> = std::fs::read_dir(&to).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [to.join(".lock")]);
}

#[test]
fn old_backups_go() {
    let (dir, config, _) = plain();
    let to = dir.path().join("backups");
    let at = |second: i64| make(&config, None, &to, T0 + second * 1_000).unwrap().path;
    let check = |made: &Path, want: [&str; 2]| {
        prune(&to, 2, None, made).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(&to).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [".lock", want[0], want[1]]);
    };
    let made: Vec<PathBuf> = (1..4).map(at).collect();
    check(&made[2], ["hostmeter-20261121T100002Z", "hostmeter-20261121T100003Z"]);
    // The clock was set back: the newest has the oldest name.
    check(&at(0), ["hostmeter-20261121T100000Z", "hostmeter-20261121T100003Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_may_forget_what_a_verified_backup_holds() {
    let w = World::start_with(|config, dir| {
        // The first is made at the start, the next long after.
        config.backup =
            Some(crate::config::Backup { dir: dir.join("backups"), every_ms: 86_400_000, keep: 2 });
    })
    .await;
    let until = async |sql: &str, want: &str| {
        for _ in 0..2_000 {
            if w.sql(sql) == want {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{sql} never became {want}");
    };
    until("SELECT count(*) FROM backup", "1").await;
    let mut web1 = w.host("web1", true).await;
    let first = web1.next(&batch(0, 10, vec![cpu(1001, "shop", 100)]));
    let ack = w.send(&first).await.unwrap();
    assert_eq!((ack.durable_seq, ack.archived_seq), (1, 0), "no backup holds it");
    w.app.clock.set(T0 + 1_000);
    back_up(&w).await;
    let theirs = w.app.clone();
    w.app.db.read(move |conn| theirs.archived.reload(conn)).await.unwrap();
    let ack = w.send(&first).await.unwrap();
    assert_eq!((ack.durable_seq, ack.archived_seq), (1, 1));
    let ack = w.send(&web1.next(&batch(10, 20, vec![cpu(1001, "shop", 100)]))).await.unwrap();
    assert_eq!((ack.durable_seq, ack.archived_seq), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_collector_knows_which_keys_are_good() {
    use hostmeter_core::limits::ROTATION_OVERLAP_MS;
    use hostmeter_core::wire::envelope::{Domain, seal};
    use hostmeter_core::wire::key::{Hash, SigningKey};
    use hostmeter_core::wire::keys::{KeyEnd, Rotate};
    let (w, mut web1) = shop().await;
    let made = back_up(&w).await;
    // The host's first key is replaced, that one is too, and it is revoked.
    let late = web1.next(&batch(10, 20, vec![cpu(1001, "shop", 20)]));
    let key = |n: u8| SigningKey::from_seed(&[n; 32]).unwrap();
    let first = web1.key.public().id();
    let mut sealed = Vec::new();
    for n in [1, 2] {
        let end = KeyEnd { epoch: 1, seq: web1.seq, hash: Hash(web1.prev) };
        let rotate = Rotate::new(web1.id, &web1.key.public(), &key(n), Some(end));
        let stamp = crate::testing::stamp(Domain::Keys, web1.id, 1, 0, [0; 32]);
        let bytes = seal(&stamp, &rotate.encode().unwrap(), &web1.key).unwrap();
        assert_eq!(w.raw(Method::POST, "/v1/keys", None, bytes).await.0, 200);
        web1.key = key(n);
        let from = i64::from(n) * 10 + 10;
        sealed.push(web1.next(&batch(from, from + 10, vec![cpu(1001, "shop", 300)])));
    }
    let revoked = key(1).public().id();
    w.send(&late).await.unwrap();
    w.send(&sealed[0]).await.unwrap();
    w.send(&sealed[1]).await.unwrap();
    post(&w, &format!("/v1/hosts/web1/keys/{revoked}/revoke"), "r", json!({})).await;
    let journal = w.app.config.journal_dir.clone().unwrap();
    let w = w
        .restart(|data| {
            std::fs::rename(data, data.with_file_name("lost")).unwrap();
            restore(&options(&made, &journal), data).unwrap();
        })
        .await;
    w.app.clock.set(T0 + ROTATION_OVERLAP_MS);
    let keys = w.get("/v1/hosts/web1").await["keys"].clone();
    let states: Vec<&str> = keys.as_array().unwrap().iter().map(|k| k["state"].as_str().unwrap()).collect();
    assert_eq!((states, &keys[1]["id"]), (vec!["current", "replaced", "revoked"], &json!(first.to_string())));
    assert_eq!(w.send_code(&sealed[1]).await, Err("409 want".to_owned()), "the new key is known");
    assert_eq!(w.send_code(&late).await, Ok(2), "sealed by the first key, before it ended");
    assert_eq!(w.send_code(&sealed[0]).await, Err("401 unknown_key".to_owned()), "revoked is revoked");
}
