//! Either side was restored, or a host lost batches: it goes on by itself, nothing counts twice, and two copies of a
//! host are frozen.

use crate::testing::{Host, T0, World, batch, cpu, stamp};
use axum::http::{Method, StatusCode};
use hostmeter_core::limits::{EPOCH_SILENT_MS, RESUME_FRESH_MS};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::envelope::{Domain, header_hash, open, seal};
use hostmeter_core::wire::gap::Lost;
use hostmeter_core::wire::key::Hash;
use hostmeter_core::wire::resume::{Held, Nonce, Resume, Resumed};
use serde_json::Value;

const HOUR: &str = "SELECT coalesce(sum(cpu_usec), 0) FROM usage_hour";

/// A host that remembers what it sealed.
struct Chain {
    host: Host,
    sealed: Vec<Vec<u8>>,
}

impl Chain {
    async fn start(world: &World, name: &str) -> Self {
        Self { host: world.host(name, true).await, sealed: Vec::new() }
    }

    /// Seals one interval of 10 s with `usec` of CPU time.
    fn seal(&mut self, usec: i64) -> Vec<u8> {
        let from = i64::try_from(self.sealed.len()).unwrap() * 10;
        let bytes = self.host.next(&batch(from, from + 10, vec![cpu(1001, "shop", usec)]));
        self.sealed.push(bytes.clone());
        bytes
    }

    fn held(&self, seqs: std::ops::RangeInclusive<u64>) -> Vec<Held> {
        let at = |seq: u64| &self.sealed[usize::try_from(seq).unwrap() - 1];
        seqs.map(|seq| Held { seq, hash: Hash(header_hash(at(seq))) }).collect()
    }

    /// The question as it is sent; `at_ms`: the time that the collector told.
    fn question(&self, nonce: u8, acked_seq: u64, held: Vec<Held>, at_ms: Option<i64>) -> Vec<u8> {
        let (nonce, has_older) = (Nonce([nonce; 16]), held.first().is_some_and(|h| h.seq > 1));
        let (before, next_seq) = (None, None);
        let asked = Resume { v: VERSION, nonce, acked_seq, held, has_older, before, next_seq, at_ms };
        let stamp = stamp(Domain::Resume, self.host.id, self.host.epoch, asked.last_seq(), [0; 32]);
        seal(&stamp, &asked.encode().unwrap(), &self.host.key).unwrap()
    }

    /// Asks, and again with the time that the collector tells.
    async fn ask(
        &self,
        world: &World,
        nonce: u8,
        acked_seq: u64,
        held: Vec<Held>,
    ) -> Result<Resumed, (String, Value)> {
        let mut bytes = self.question(nonce, acked_seq, held.clone(), None);
        let mut answer = post(world, "/v1/resume", bytes.clone()).await;
        if let Err((code, problem)) = &answer
            && code == "409 stale"
        {
            bytes = self.question(nonce, acked_seq, held, problem["collector_ms"].as_i64());
            answer = post(world, "/v1/resume", bytes.clone()).await;
        }
        let answer = answer?;
        let (header, payload) = open(&answer, Domain::Resume, &world.app.keys.identity.public()).unwrap();
        let resumed = Resumed::decode(&payload).unwrap();
        assert_eq!(resumed.request_hash.0, header_hash(&bytes));
        assert_eq!((header.stamp.host, header.stamp.epoch), (self.host.id, resumed.epoch));
        Ok(resumed)
    }

    /// The sealed word of lost numbers.
    fn word(&self, from_seq: u64, to_seq: u64, next_prev: [u8; 32]) -> Vec<u8> {
        let next_ms = Some(T0 + i64::try_from(to_seq).unwrap() * 10_000);
        let reason = "the disk was damaged".to_owned();
        let lost = Lost { v: VERSION, from_seq, to_seq, next_prev: Hash(next_prev), next_ms, reason };
        let stamp = stamp(Domain::Gap, self.host.id, self.host.epoch, to_seq, [0; 32]);
        seal(&stamp, &lost.encode().unwrap(), &self.host.key).unwrap()
    }

    async fn lose(
        &self,
        world: &World,
        from_seq: u64,
        to_seq: u64,
        next_prev: [u8; 32],
    ) -> Result<(), String> {
        let bytes = self.word(from_seq, to_seq, next_prev);
        post(world, "/v1/gaps", bytes).await.map(drop).map_err(|(code, _)| code)
    }
}

async fn post(world: &World, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>, (String, Value)> {
    let (status, answer) = world.raw(Method::POST, path, None, bytes).await;
    if status == StatusCode::OK {
        return Ok(answer);
    }
    let problem: Value = serde_json::from_slice(&answer).unwrap();
    Err((format!("{} {}", status.as_u16(), problem["code"].as_str().unwrap()), problem))
}

async fn three_sent(world: &World) -> Chain {
    let mut web1 = Chain::start(world, "web1").await;
    for usec in [100, 20, 3] {
        let bytes = web1.seal(usec);
        world.send(&bytes).await.unwrap();
    }
    web1
}

#[tokio::test]
async fn lost_numbers_are_named_and_the_chain_goes_on() {
    let world = World::start().await;
    let mut web1 = three_sent(&world).await;
    web1.seal(1_000);
    web1.seal(2_000);
    let sixth = web1.seal(5);
    world.app.clock.set(T0 + 60_000);
    let prev = header_hash(&web1.sealed[4]);
    assert_eq!(web1.lose(&world, 5, 5, prev).await, Err("409 want".to_owned()), "4 is missing, too");
    assert_eq!(world.send_code(&sixth).await, Err("409 want".to_owned()));
    assert_eq!(web1.lose(&world, 2, 5, prev).await, Ok(()), "what is stored stays");
    assert_eq!(world.send_code(&sixth).await, Ok(6));
    assert_eq!(world.sql(HOUR), "128");
    assert_eq!(web1.lose(&world, 4, 5, prev).await, Ok(()), "again");
    assert_eq!(world.send_code(&web1.sealed[3]).await, Err("409 fork".to_owned()), "it was said to be lost");
    assert_eq!(
        world.sql("SELECT from_seq || ' ' || to_seq || ' ' || reason FROM gap"),
        "4 5 the disk was damaged"
    );
    let shown = world.get("/v1/hosts/web1/degraded?from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z").await;
    let lost = shown["degraded"].as_array().unwrap().iter().find(|s| s["tier"] == "none").unwrap();
    assert_eq!(lost["from"], "2026-11-21T10:00:30Z", "{shown}");
    assert_eq!(lost["to"], "2026-11-21T10:00:50Z");
    assert_eq!(lost["why"], "batches 4 to 5 of epoch 1 are lost: the disk was damaged");
}

#[tokio::test]
async fn a_host_with_older_state_goes_on_in_a_new_epoch() {
    let world = World::start().await;
    let mut web1 = three_sent(&world).await;
    assert_eq!(web1.ask(&world, 1, 3, web1.held(1..=3)).await.unwrap().stored_seq, 3, "in step");
    // The host is as it was after its second batch.
    let (code, problem) = web1.ask(&world, 2, 2, web1.held(1..=2)).await.unwrap_err();
    assert_eq!((code.as_str(), &problem["wait_ms"]), ("409 wait", &Value::from(EPOCH_SILENT_MS)));
    world.app.clock.set(T0 + EPOCH_SILENT_MS);
    // As if its third batch waited to be counted: how far its usage is known is open.
    world.change("UPDATE counted SET serial = serial - 1").await;
    let (code, problem) = web1.ask(&world, 3, 2, web1.held(1..=2)).await.unwrap_err();
    assert_eq!((code.as_str(), &problem["wait_ms"]), ("409 wait", &Value::from(2_000)));
    world.change("UPDATE counted SET serial = serial + 1").await;
    let granted = web1.ask(&world, 3, 2, web1.held(1..=2)).await.unwrap();
    assert_eq!((granted.epoch, granted.stored_seq, granted.watermark_ms), (2, 2, Some(T0 + 30_000)));
    let again = web1.ask(&world, 3, 2, web1.held(1..=2)).await.unwrap();
    assert_eq!(Resumed { request_hash: granted.request_hash, ..again }, granted, "the same question");
    assert_eq!(world.sql("SELECT count(*) FROM epoch"), "1");
    (web1.host.epoch, web1.host.seq, web1.host.prev) = (2, 0, [0; 32]);
    let bytes = web1.host.next(&batch(40, 50, vec![cpu(1001, "shop", 7)]));
    assert_eq!(world.send_code(&bytes).await, Ok(1));
    assert_eq!(world.sql(HOUR), "130");
    assert_eq!(world.sql("SELECT state FROM host"), "live");
    // The old epoch speaks again: somebody else has a copy.
    let (id, prev) = (web1.host.id, header_hash(&web1.sealed[2]));
    let payload = batch(40, 50, vec![cpu(1001, "shop", 9)]).encode().unwrap();
    let old = seal(&stamp(Domain::Batch, id, 1, 4, prev), &payload, &web1.host.key).unwrap();
    assert_eq!(world.send_code(&old).await, Err("409 fork".to_owned()));
    assert_eq!(world.sql("SELECT state FROM host"), "frozen");
    assert_eq!(world.sql(HOUR), "130");
}

#[tokio::test]
async fn a_copy_that_asks_while_the_host_speaks_freezes_both() {
    let world = World::start().await;
    let mut web1 = three_sent(&world).await;
    let held = web1.held(1..=2);
    world.app.clock.set(T0 + 1_000);
    assert_eq!(web1.ask(&world, 1, 2, held.clone()).await.unwrap_err().0, "409 wait");
    world.app.clock.set(T0 + 2_000);
    let bytes = web1.seal(4);
    world.send(&bytes).await.unwrap();
    assert_eq!(web1.ask(&world, 2, 2, held).await.unwrap_err().0, "409 fork");
    let bytes = web1.seal(5);
    assert_eq!(world.send_code(&bytes).await, Ok(5), "stored and acknowledged");
    assert_eq!(world.sql(HOUR), "127", "not billed");
    let (status, _) = world.post("/v1/hosts/web1/thaw", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(world.sql(HOUR), "132");
    assert_eq!(web1.ask(&world, 3, 5, web1.held(1..=5)).await.unwrap().stored_seq, 5, "the host itself");
}

#[tokio::test]
async fn a_collector_that_was_restored_gets_all_again() {
    let world = World::start().await;
    let mut web1 = three_sent(&world).await;
    // As if it had been restored from before the third batch.
    let hash = header_hash(&web1.sealed[1]).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let sql = format!(
        "DELETE FROM forward WHERE seq = 3; DELETE FROM envelope WHERE seq = 3;
         UPDATE host SET high_seq = 2, high_hash = x'{hash}'; UPDATE usage_hour SET cpu_usec = 120"
    );
    world.change(Box::leak(sql.into_boxed_str())).await;
    web1.seal(4);
    let resumed = web1.ask(&world, 1, 3, web1.held(2..=4)).await.unwrap();
    assert_eq!((resumed.epoch, resumed.stored_seq), (1, 2));
    assert_eq!(world.send_code(&web1.sealed[3]).await, Err("409 want".to_owned()));
    for (n, bytes) in (3..).zip(&web1.sealed[2..]) {
        assert_eq!(world.send_code(bytes).await, Ok(n));
    }
    assert_eq!(world.sql(HOUR), "127");
    // As if it had been restored from before the epoch was granted.
    (web1.host.epoch, web1.host.seq, web1.host.prev) = (3, 0, [0; 32]);
    let first = web1.host.next(&batch(40, 50, vec![cpu(1001, "shop", 500)]));
    assert_eq!(world.send_code(&first).await, Err("409 resume".to_owned()));
    let held = vec![Held { seq: 1, hash: Hash(header_hash(&first)) }];
    let resumed = web1.ask(&world, 2, 0, held).await.unwrap();
    assert_eq!((resumed.epoch, resumed.stored_seq), (3, 0));
    assert_eq!(world.send_code(&first).await, Ok(1));
    assert_eq!(world.sql(HOUR), "627");
}

#[tokio::test]
async fn questions_that_cannot_be_are_refused() {
    let world = World::start().await;
    let web1 = three_sent(&world).await;
    let web2 = Chain::start(&world, "web2").await;
    let stranger = Chain { host: Host { id: web2.host.id, ..copy(&web1.host) }, sealed: vec![] };
    assert_eq!(stranger.ask(&world, 1, 0, vec![]).await.unwrap_err().0, "401 wrong_host");
    let older = vec![Held { seq: 3, hash: Hash([9; 32]) }];
    assert_eq!(web1.ask(&world, 1, 0, older).await.unwrap_err().0, "409 older");
    let payload = b"{\"v\":1}";
    for (domain, path) in [(Domain::Gap, "/v1/gaps"), (Domain::Resume, "/v1/resume")] {
        let bytes = seal(&stamp(domain, web1.host.id, 1, 4, [0; 32]), payload, &web1.host.key).unwrap();
        assert_eq!(post(&world, path, bytes).await.unwrap_err().0, "400 bad_envelope");
        let batch = web1.host.at(1, 4, [0; 32], payload);
        assert_eq!(post(&world, path, batch).await.unwrap_err().0, "400 bad_envelope");
    }
    assert_eq!(world.sql("SELECT state FROM host WHERE name = 'web1'"), "live");
}

/// Word of lost batches, and a question that would bring a new epoch, with one bit changed or by another key.
#[tokio::test]
async fn words_of_others_are_refused() {
    let world = World::start().await;
    let web1 = three_sent(&world).await;
    let mut now_ms = T0;
    let other = hostmeter_core::wire::key::SigningKey::from_seed(&[9; 32]).unwrap();
    let stranger = Chain { host: Host { key: other, ..copy(&web1.host) }, sealed: vec![] };
    let held = web1.held(1..=2);
    // The time at the second round.
    let told = Some(now_ms + 2 * EPOCH_SILENT_MS);
    for (path, good, forged) in [
        ("/v1/gaps", web1.word(4, 9, [7; 32]), stranger.word(4, 9, [7; 32])),
        ("/v1/resume", web1.question(1, 2, held.clone(), told), stranger.question(1, 2, held, told)),
    ] {
        // Silent for long enough since what came before.
        now_ms += EPOCH_SILENT_MS;
        world.app.clock.set(now_ms);
        for at in [40, 130, 160, 219] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(post(&world, path, bad).await.unwrap_err().0, "401 bad_signature", "{path} {at}");
        }
        assert_eq!(post(&world, path, forged).await.unwrap_err().0, "401 unknown_key", "{path}");
        assert_eq!(world.sql("SELECT epoch || ' ' || high_seq || ' ' || state FROM host"), "1 3 live");
        post(&world, path, good).await.unwrap();
        world.change("UPDATE host SET high_seq = 3").await;
    }
}

fn copy(host: &Host) -> Host {
    let key = hostmeter_core::wire::key::SigningKey::from_seed(&host.seed).unwrap();
    Host { seed: host.seed, key, id: host.id, epoch: host.epoch, seq: host.seq, prev: host.prev }
}

#[tokio::test]
async fn a_question_that_somebody_kept_changes_nothing() {
    let world = World::start().await;
    let web1 = three_sent(&world).await;
    let first = web1.question(1, 1, web1.held(1..=1), None);
    let told = Some(world.app.now_ms());
    let kept = web1.question(2, 1, web1.held(1..=1), told);
    let lost = web1.question(3, 2, web1.held(1..=1), told);
    let state = "SELECT epoch || ' ' || state || ' ' || coalesce(behind_ms, '-') FROM host";
    for after_ms in [RESUME_FRESH_MS + 1, EPOCH_SILENT_MS + 1] {
        world.app.clock.set(T0 + after_ms);
        for bytes in [&first, &kept, &lost] {
            let refused = post(&world, "/v1/resume", bytes.clone()).await.unwrap_err();
            assert_eq!(
                (refused.0.as_str(), &refused.1["collector_ms"]),
                ("409 stale", &(T0 + after_ms).into())
            );
        }
        assert_eq!(world.sql(state), "1 live -");
    }
    let early = web1.question(4, 1, web1.held(1..=1), Some(world.app.now_ms() + 1));
    assert_eq!(
        post(&world, "/v1/resume", early).await.unwrap_err().0,
        "409 stale",
        "of a time that was not told"
    );
    let fresh = web1.question(2, 1, web1.held(1..=1), Some(world.app.now_ms()));
    post(&world, "/v1/resume", fresh).await.unwrap();
    assert_eq!(world.sql(state), "2 live -");
}
