//! A new key: told until it is heard, always in the same words, and never in the way of shipping.

use super::*;
use crate::rotation::{self, Step};
use crate::state::write_durable;
use hostmeter_core::wire::keys::{KeyEnd, Rotate, Rotated};

impl Collector {
    pub(super) fn rotate(&mut self, body: &[u8]) -> Option<(u16, Vec<u8>, Option<&'static str>)> {
        let old =
            [key(2), key(7)].into_iter().find(|k| open(body, Domain::Keys, &k.public()).is_ok()).unwrap();
        let (header, payload) = open(body, Domain::Keys, &old.public()).unwrap();
        let rotate = Rotate::decode(&payload).unwrap();
        assert!(rotate.is_proven(HOST, &old.public()), "both keys signed");
        self.rotations.push(body.to_vec());
        let mishap = self.mishaps.pop_front();
        if let Some(Mishap::Says(status, body, retry)) = mishap {
            return Some((status, body.into(), retry));
        }
        let (new_key, request_hash) = (rotate.new_key, Hash(header.hash));
        let answer = Rotated { v: VERSION, new_key, since_ms: 5, old_until_ms: 9, request_hash };
        let signer = if matches!(mishap, Some(Mishap::StrangerSigns)) { key(9) } else { key(3) };
        let sealed = seal(&stamp(Domain::Keys, 0, 0), &answer.encode().unwrap(), &signer).unwrap();
        (!matches!(mishap, Some(Mishap::LosesAnswer))).then_some((200, sealed, None))
    }
}

fn step(bench: &Bench) -> Step {
    rotation::read(bench.dir.path()).unwrap().unwrap().step
}

#[tokio::test]
async fn it_is_told_until_it_is_heard_and_always_the_same() {
    use Mishap::{LosesAnswer, Says, StrangerSigns};
    for mishap in [LosesAnswer, StrangerSigns, Says(500, "", None), Says(503, "{}", Some("0"))] {
        let mut bench = bench(2, 0, &[mishap]).await;
        rotation::ask(bench.dir.path(), HOST).unwrap();
        let shipper = bench.running.take().unwrap();
        let left = tokio::time::timeout(Duration::from_secs(20), shipper.run()).await.unwrap();
        assert_eq!(left, Left::NewKey);
        let collector = lock(&bench.collector);
        assert_eq!(collector.rotations.len(), 2, "{mishap:?}");
        assert_eq!(collector.rotations[0], collector.rotations[1]);
        let new_key = rotation::new_key(bench.dir.path()).unwrap().public();
        assert_eq!(step(&bench), Step::Registered { old_key: key(2).public(), new_key });
    }
}

#[tokio::test]
async fn a_refusal_is_written_down_and_changes_nothing() {
    for (code, is_kept) in [("key_replaced", true), ("key_known", false)] {
        let body = Box::leak(format!("{{\"code\":\"{code}\",\"detail\":\"because\"}}").into_boxed_str());
        let mut bench = bench(2, 0, &[Mishap::Says(409, body, None)]).await;
        rotation::ask(bench.dir.path(), HOST).unwrap();
        let before = rotation::new_key(bench.dir.path()).unwrap().public();
        bench.until(2).await;
        assert_eq!(
            step(&bench),
            Step::Refused { why: "the collector answered 409 Conflict: because".to_owned() }
        );
        assert_eq!(rotation::new_key(bench.dir.path()).unwrap().public() == before, is_kept, "{code}");
        assert_eq!(lock(&bench.collector).rotations.len(), 1);
    }
}

#[tokio::test]
async fn the_end_of_the_old_key_is_told_before_anything_is_shipped() {
    let mut bench = bench(2, 0, &[]).await;
    let end = KeyEnd { epoch: 1, seq: 2, hash: Hash([6; 32]) };
    let (old_key, new_key) = (key(7).public(), key(2).public());
    write_durable(&bench.dir.path().join("host.key.replaced"), &[7; 32]).unwrap();
    rotation::keep(bench.dir.path(), HOST, Step::Switched { old_key, new_key, end }).unwrap();
    bench.until(2).await;
    let told = lock(&bench.collector).rotations.clone();
    let (_, payload) = open(&told[0], Domain::Keys, &old_key).unwrap();
    assert_eq!((told.len(), Rotate::decode(&payload).unwrap().end), (1, Some(end)));
    assert_eq!(step(&bench), Step::Done { fingerprint: new_key.fingerprint(), old_until_ms: 9 });
}
