//! From one key to the next, cut off at every place.

use super::*;
use crate::fault::{arm, disarm};
use hostmeter_core::ids::HostName;
use hostmeter_core::wire::VERSION;

const HOST: HostId = HostId([7; 16]);
const EIO: i32 = 5;

fn enrolment() -> Enrolment {
    Enrolment {
        v: VERSION,
        host_id: HOST,
        name: HostName::parse("web1").unwrap(),
        epoch: 3,
        identity_key: PublicKey([1; 32]),
        command_key: PublicKey([1; 32]),
        url: "http://127.0.0.1:1".to_owned(),
    }
}

struct Fixture {
    _dir: tempfile::TempDir,
    state: StateDir,
    old: PublicKey,
    new: PublicKey,
}

impl Fixture {
    /// A host whose new key the collector accepts.
    fn registered() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let old = state.key_to_enrol(false).unwrap().public();
        ask(dir.path(), HOST).unwrap();
        let new = new_key(dir.path()).unwrap().public();
        keep(dir.path(), HOST, Step::Registered { old_key: old, new_key: new }).unwrap();
        Self { _dir: dir, state, old, new }
    }

    fn start(&self, seq: u64) -> Result<PublicKey, StateError> {
        let tail = Tail { seq, hash: [9; 32], ..Tail::default() };
        let key = self.state.key().unwrap().unwrap();
        let key = settle(&self.state, &enrolment(), key, &tail)?.public();
        assert_eq!(self.state.key().unwrap().unwrap().public(), key, "what seals is what is kept");
        Ok(key)
    }

    fn step(&self) -> Step {
        read(self.state.path()).unwrap().unwrap().step
    }

    fn check_switched(&self, seq: u64, what: &str) {
        let end = KeyEnd { epoch: 3, seq, hash: Hash([9; 32]) };
        let (old_key, new_key) = (self.old, self.new);
        assert_eq!(self.step(), Step::Switched { old_key, new_key, end }, "{what}");
        assert_eq!(old_key_of(self), Some(self.old), "{what}");
    }
}

fn old_key_of(fixture: &Fixture) -> Option<PublicKey> {
    old_key(fixture.state.path()).unwrap().map(|k| k.public())
}

#[test]
fn a_switch_cut_off_anywhere_is_finished_at_the_next_start() {
    for point in ["state.write", "state.sync", "state.rename", "state.dir", "rotation.rename", "rotation.dir"]
    {
        let f = Fixture::registered();
        arm(point, EIO);
        assert!(f.start(4).is_err(), "{point}");
        assert!(!disarm(), "{point} was not reached");
        let is = f.state.key().unwrap().unwrap().public();
        assert!([f.old, f.new].contains(&is), "{point}: a key that the collector accepts");
        let is_switched = is == f.new;
        assert_eq!(f.start(4).unwrap(), f.new, "{point}");
        f.check_switched(4, point);
        // Later starts seal with it and keep where the old one ended.
        assert_eq!(f.start(9).unwrap(), f.new);
        f.check_switched(4, point);
        assert_eq!(is_switched, point == "rotation.dir");
    }
}

#[test]
fn what_is_asked_or_over_changes_no_key() {
    let f = Fixture::registered();
    for step in [
        Step::Asked,
        Step::Refused { why: "because".to_owned() },
        Step::Done { fingerprint: f.new.fingerprint(), old_until_ms: 1 },
    ] {
        keep(f.state.path(), HOST, step.clone()).unwrap();
        assert_eq!(f.start(4).unwrap(), f.old);
        ask(f.state.path(), HOST).unwrap();
        assert_eq!(f.step(), Step::Asked, "it may be asked again");
    }
    keep(f.state.path(), HOST, Step::Registered { old_key: f.old, new_key: f.new }).unwrap();
    ask(f.state.path(), HOST).unwrap();
    assert!(matches!(f.step(), Step::Registered { .. }), "it is under way");
}

#[test]
fn a_host_that_was_enrolled_anew_keeps_its_key() {
    let f = Fixture::registered();
    f.state.key_to_enrol(true).unwrap();
    f.state.promote_key().unwrap();
    let third = f.state.key().unwrap().unwrap().public();
    assert_eq!(f.start(4).unwrap(), third);
    assert!(matches!(f.step(), Step::Refused { .. }));
    assert_ne!(new_key(f.state.path()).unwrap().public(), f.new, "the next one is fresh");
}

#[test]
fn a_request_is_the_same_bytes_and_only_its_answer_counts() {
    let (old, new) = (SigningKey::from_seed(&[1; 32]).unwrap(), SigningKey::from_seed(&[2; 32]).unwrap());
    let asked = request(HOST, &old, &new, None).unwrap();
    assert_eq!(request(HOST, &old, &new, None).unwrap(), asked);
    let hash = hostmeter_core::wire::envelope::header_hash(&asked);
    let enrolment = Enrolment { identity_key: old.public(), ..enrolment() };
    let check = |host: HostId, named: PublicKey, answered: [u8; 32], signer: &SigningKey, ok: bool| {
        let answer = Rotated {
            v: VERSION,
            new_key: named,
            since_ms: 1,
            old_until_ms: 2,
            request_hash: Hash(answered),
        };
        let (prev, boot) = ([0; 32], BootId::default());
        let stamp =
            Stamp { domain: Domain::Keys, host, epoch: 0, seq: 0, prev, boot, wall_ns: 0, boottime_ns: 0 };
        let bytes = seal(&stamp, &answer.encode().unwrap(), signer).unwrap();
        assert_eq!(read_answer(&bytes, &enrolment, &new.public(), hash).is_ok(), ok);
    };
    check(HOST, new.public(), hash, &old, true);
    check(HostId([8; 16]), new.public(), hash, &old, false);
    check(HOST, old.public(), hash, &old, false);
    check(HOST, new.public(), [0; 32], &old, false);
    check(HOST, new.public(), hash, &new, false);
}
