//! A host's key is replaced: both signed, both are accepted for a while, then the old one for nothing new.

use crate::testing::{Host, T0, World, batch, cpu, stamp};
use axum::http::{Method, StatusCode};
use hostmeter_core::limits::ROTATION_OVERLAP_MS;
use hostmeter_core::wire::envelope::{Domain, header_hash, open, seal};
use hostmeter_core::wire::key::{Hash, SigningKey};
use hostmeter_core::wire::keys::{KeyEnd, Rotate, Rotated};
use serde_json::{Value, json};

const HOUR: &str = "SELECT coalesce(sum(cpu_usec), 0) FROM usage_hour";

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

fn end(host: &Host) -> Option<KeyEnd> {
    Some(KeyEnd { epoch: host.epoch, seq: host.seq, hash: Hash(host.prev) })
}

fn request(host: &Host, new: &SigningKey, end: Option<KeyEnd>) -> Vec<u8> {
    let rotate = Rotate::new(host.id, &host.key.public(), new, end);
    let stamp = stamp(Domain::Keys, host.id, host.epoch, 0, [0; 32]);
    seal(&stamp, &rotate.encode().unwrap(), &host.key).unwrap()
}

/// The answer's bytes and what it says, or status and code.
async fn send(world: &World, bytes: &[u8]) -> Result<(Vec<u8>, Rotated), String> {
    let (status, answer) = world.raw(Method::POST, "/v1/keys", None, bytes.to_vec()).await;
    if status != StatusCode::OK {
        let problem: Value = serde_json::from_slice(&answer).unwrap();
        return Err(format!("{} {}", status.as_u16(), problem["code"].as_str().unwrap()));
    }
    let (_, payload) = open(&answer, Domain::Keys, &world.app.keys.identity.public()).unwrap();
    let rotated = Rotated::decode(&payload).unwrap();
    assert_eq!(rotated.request_hash.0, header_hash(bytes));
    Ok((answer, rotated))
}

async fn rotate(world: &World, host: &Host, new: &SigningKey, end: Option<KeyEnd>) -> Result<(), String> {
    send(world, &request(host, new, end)).await.map(drop)
}

async fn keys(world: &World) -> Vec<String> {
    let shown = world.get("/v1/hosts/web1").await;
    shown["keys"].as_array().unwrap().iter().map(|k| k["state"].as_str().unwrap().to_owned()).collect()
}

fn usage(host: &mut Host, usec: i64) -> Vec<u8> {
    let from = i64::try_from(host.seq).unwrap() * 10;
    host.next(&batch(from, from + 10, vec![cpu(1001, "shop", usec)]))
}

#[tokio::test]
async fn both_keys_are_accepted_for_a_while_and_the_backlog_for_ever() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    world.send(&usage(&mut web1, 100)).await.unwrap();
    let asked = request(&web1, &key(1), None);
    let (first, said) = send(&world, &asked).await.unwrap();
    assert_eq!((said.new_key, said.since_ms), (key(1).public(), T0));
    assert_eq!(said.old_until_ms, T0 + ROTATION_OVERLAP_MS);
    // Sealed by the old key while the host was away; it comes late.
    let late = [usage(&mut web1, 20), usage(&mut web1, 3)];
    let told = request(&web1, &key(1), end(&web1));
    web1.key = key(1);
    let new = usage(&mut web1, 4_000);
    assert_eq!(world.send_code(&new).await, Err("409 want".to_owned()), "the new key is known at once");
    assert_eq!(keys(&world).await, ["current", "overlap"]);
    world.app.clock.set(T0 + ROTATION_OVERLAP_MS);
    assert_eq!(keys(&world).await, ["current", "replaced"]);
    assert_eq!(world.send_code(&late[0]).await, Err("401 key_replaced".to_owned()), "no end is known");
    assert_eq!(send(&world, &told).await.unwrap().1.old_until_ms, said.old_until_ms, "no longer than before");
    for (n, bytes) in (2..).zip(late.iter().chain([&new])) {
        assert_eq!(world.send_code(bytes).await, Ok(n));
        assert_eq!(world.send_code(bytes).await.unwrap(), n, "again");
    }
    assert_eq!(world.sql(HOUR), "4123");
    world.app.clock.set(T0 + 10 * ROTATION_OVERLAP_MS);
    assert_eq!(send(&world, &asked).await.unwrap().0, first, "the same answer for ever");
    assert_eq!(world.sql("SELECT count(*) FROM key_rotation"), "1");
    assert_eq!(world.sql("SELECT count(*) FROM audit WHERE action = 'host.rotate-key'"), "1");
    assert_eq!(world.get("/v1/hosts/web1").await["keys"][1]["end"], json!({"epoch": 1, "seq": 3}));
}

#[tokio::test]
async fn a_stolen_old_key_is_named_and_then_worth_nothing() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    world.send(&usage(&mut web1, 100)).await.unwrap();
    rotate(&world, &web1, &key(1), end(&web1)).await.unwrap();
    let old = Host { key: SigningKey::from_seed(&web1.seed).unwrap(), ..web1 };
    let forged = old.at(1, 2, old.prev, &batch(10, 20, vec![cpu(1001, "shop", 9)]).encode().unwrap());
    // The thief's own key in its place, or another end: the new key does not sign that.
    assert_eq!(rotate(&world, &old, &key(9), None).await, Err("409 key_replaced".to_owned()));
    let alerts = world.get("/v1/alerts").await;
    assert!(alerts["alerts"][0]["detail"].as_str().unwrap().contains("asked to replace"), "{alerts}");
    rotate(&world, &old, &key(1), end(&old)).await.unwrap();
    let mut other = Rotate::new(old.id, &old.key.public(), &key(9), end(&old));
    other.new_key = key(1).public();
    let sealed = seal(&stamp(Domain::Keys, old.id, 1, 0, [0; 32]), &other.encode().unwrap(), &old.key);
    assert_eq!(send(&world, &sealed.unwrap()).await.unwrap_err(), "401 bad_signature");
    world.app.clock.set(T0 + ROTATION_OVERLAP_MS - 1);
    assert_eq!(world.get("/v1/alerts").await["alerts"], json!([]), "the host itself spoke");
    assert_eq!(world.send_code(&forged).await, Ok(2), "within the overlap");
    let alerts = world.get("/v1/alerts").await;
    assert_eq!(
        (&alerts["alerts"][0]["kind"], &alerts["alerts"][0]["subject"]),
        (&json!("old-key"), &json!("web1"))
    );
    world.app.clock.set(T0 + ROTATION_OVERLAP_MS);
    let next = old.at(1, 3, header_hash(&forged), &batch(20, 30, vec![]).encode().unwrap());
    for bytes in [&forged, &next] {
        assert_eq!(world.send_code(bytes).await, Err("401 key_replaced".to_owned()));
    }
    for domain in [Domain::Gap, Domain::Resume] {
        let bytes = seal(&stamp(domain, old.id, 1, 1, [0; 32]), b"{}", &old.key).unwrap();
        let path = if domain == Domain::Gap { "/v1/gaps" } else { "/v1/resume" };
        let (status, answer) = world.raw(Method::POST, path, None, bytes).await;
        let problem: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("key_replaced")), "{path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("not accepted since 2026-11-28T10:00:00Z"), "{detail}");
    }
}

#[tokio::test]
async fn a_number_below_the_end_must_lead_to_the_end() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    let first = usage(&mut web1, 1);
    let second = usage(&mut web1, 2);
    rotate(&world, &web1, &key(1), end(&web1)).await.unwrap();
    world.app.clock.set(T0 + ROTATION_OVERLAP_MS);
    assert_eq!(world.send_code(&first).await, Ok(1));
    let prev = header_hash(&first);
    let forged = web1.at(1, 2, prev, &batch(10, 20, vec![cpu(1001, "shop", 700)]).encode().unwrap());
    assert_eq!(world.send_code(&forged).await, Err("409 fork".to_owned()), "it is not what both keys named");
    assert_eq!(world.sql(HOUR), "1");
    assert_eq!(world.post("/v1/hosts/web1/thaw", Value::Null).await.0, 200);
    assert_eq!(world.send_code(&second).await, Ok(2));
    assert_eq!(world.sql(HOUR), "3");
}

#[tokio::test]
async fn revocation_ends_the_overlap_at_once() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    world.send(&usage(&mut web1, 100)).await.unwrap();
    let old_id = web1.key.public().id();
    let revoke =
        async |key: String| world.post(&format!("/v1/hosts/web1/keys/{key}/revoke"), Value::Null).await;
    let (status, problem) = revoke(old_id.to_string()).await;
    assert_eq!((status, &problem["code"]), (409, &json!("current_key")));
    rotate(&world, &web1, &key(1), None).await.unwrap();
    for _ in 0..2 {
        let (status, host) = revoke(old_id.to_string()).await;
        assert_eq!((status, &host["keys"][1]["state"]), (200, &json!("revoked")), "{host}");
    }
    assert_eq!(revoke(key(7).public().id().to_string()).await.0, 404);
    assert_eq!(revoke("nonsense".to_owned()).await.0, 404);
    assert_eq!(world.sql("SELECT count(*) FROM audit WHERE action = 'host.revoke-key'"), "1");
    let by_old = web1.at(1, 2, web1.prev, &batch(10, 20, vec![]).encode().unwrap());
    assert_eq!(world.send_code(&by_old).await, Err("401 unknown_key".to_owned()));
    for new in [1, 2] {
        let refused = rotate(&world, &web1, &key(new), end(&web1)).await;
        assert_eq!(refused, Err("401 unknown_key".to_owned()), "signed by a revoked key");
    }
    web1.key = key(1);
    assert_eq!(world.send_code(&usage(&mut web1, 20)).await, Ok(2));
    world.post("/v1/hosts/web1/revoke", Value::Null).await;
    assert_eq!(rotate(&world, &web1, &key(2), None).await, Err("401 unknown_key".to_owned()));
    assert_eq!(world.sql(HOUR), "120");
}

#[tokio::test]
async fn keys_that_cannot_follow() {
    let world = World::start().await;
    let (mut web1, web2) = (world.host("web1", true).await, world.host("web2", true).await);
    let taken = SigningKey::from_seed(&web2.seed).unwrap();
    assert_eq!(rotate(&world, &web1, &taken, None).await, Err("409 key_known".to_owned()));
    let elsewhere = Host { id: web2.id, key: SigningKey::from_seed(&web1.seed).unwrap(), ..web2 };
    assert_eq!(rotate(&world, &elsewhere, &key(1), None).await, Err("401 wrong_host".to_owned()));
    assert_eq!(send(&world, &[0; 5_000]).await.unwrap_err(), "413 too_large");
    for n in 1..8 {
        rotate(&world, &web1, &key(n), None).await.unwrap();
        web1.key = key(n);
    }
    assert_eq!(rotate(&world, &web1, &key(8), None).await, Err("409 too_many_keys".to_owned()));
    world.app.clock.set(T0 + ROTATION_OVERLAP_MS);
    rotate(&world, &web1, &key(8), None).await.unwrap();
    let fingerprint = world.get("/v1/hosts/web1").await["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(fingerprint, key(8).public().fingerprint());
}
