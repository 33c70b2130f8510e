//! Rotation: both keys must have signed, for this host and this end, and every bit counts.

use super::*;
use crate::ids::BootId;
use crate::wire::envelope::{Domain, Stamp, open, seal};

const HOST: HostId = HostId([7; 16]);

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

fn end(seq: u64) -> KeyEnd {
    KeyEnd { epoch: 3, seq, hash: Hash([9; 32]) }
}

fn sealed(rotate: &Rotate) -> Vec<u8> {
    let stamp = Stamp {
        domain: Domain::Keys,
        host: HOST,
        epoch: 3,
        seq: 0,
        prev: [0; 32],
        boot: BootId([0; 16]),
        wall_ns: 0,
        boottime_ns: 0,
    };
    seal(&stamp, &rotate.encode().unwrap(), &key(1)).unwrap()
}

/// As the collector judges it.
fn accepts(bytes: &[u8], host: HostId, old: &PublicKey) -> bool {
    let opened = open(bytes, Domain::Keys, old).ok();
    opened
        .and_then(|(_, payload)| Rotate::decode(&payload).ok())
        .is_some_and(|rotate| rotate.is_proven(host, old))
}

#[test]
fn both_keys_sign_for_this_host_and_end() {
    let (old, new) = (key(1).public(), key(2));
    for end in [None, Some(end(8))] {
        let rotate = Rotate::new(HOST, &old, &new, end);
        assert_eq!(Rotate::decode(&rotate.encode().unwrap()).unwrap(), rotate);
        assert!(accepts(&sealed(&rotate), HOST, &old));
        assert!(!rotate.is_proven(HostId([8; 16]), &old), "another host");
        assert!(!rotate.is_proven(HOST, &key(3).public()), "another old key");
        let check = |bad: Rotate, what: &str| assert!(!accepts(&sealed(&bad), HOST, &old), "{what}");
        check(Rotate { new_key: key(3).public(), ..rotate.clone() }, "a key that did not sign");
        check(Rotate { end: Some(self::end(7)), ..rotate.clone() }, "another end");
        check(
            Rotate { end: end.is_none().then(|| self::end(8)), ..rotate.clone() },
            "with or without an end",
        );
        check(Rotate::new(HOST, &old, &key(1), end), "the same key again");
    }
}

#[test]
fn every_single_bit_flipped_is_refused() {
    let old = key(1).public();
    let rotate = Rotate::new(HOST, &old, &key(2), Some(end(8)));
    let whole = sealed(&rotate);
    for bit in 0..whole.len() * 8 {
        let mut bad = whole.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepts(&bad, HOST, &old), "bit {bit} of the envelope");
    }
    // Whoever has the old key alone can seal what they like, but not prove a key that is not theirs.
    for bit in 0..512 {
        let mut bad = rotate.clone();
        bad.proof.0[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepts(&sealed(&bad), HOST, &old), "bit {bit} of the proof");
    }
    for bit in 0..256 {
        let mut bad = rotate.clone();
        bad.new_key.0[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepts(&sealed(&bad), HOST, &old), "bit {bit} of the key");
    }
}

#[test]
fn ends_that_cannot_be() {
    let rotate = |end| Rotate::new(HOST, &key(1).public(), &key(2), Some(end));
    let check = |end, want: &str| {
        let error = rotate(end).encode().unwrap_err().to_string();
        assert_eq!(error, format!("rotation of keys: {want}"));
    };
    check(KeyEnd { epoch: 0, ..end(1) }, "no key ends in epoch 0, which there is not");
    check(end(u64::MAX), "numbers end at 2^63 - 1");
    check(end(0), "where nothing was sealed there is no hash");
    assert!(rotate(KeyEnd { hash: Hash([0; 32]), ..end(0) }).encode().is_ok());
}
