//! Envelopes: round trips, and every single bit flipped is refused.

use super::*;
use proptest::prelude::*;

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

fn stamp(domain: Domain) -> Stamp {
    Stamp {
        domain,
        host: HostId([7; 16]),
        epoch: 3,
        seq: 9,
        prev: [1; 32],
        boot: BootId([2; 16]),
        wall_ns: 1_763_700_000_000_000_000,
        boottime_ns: 55_000_000_000,
    }
}

#[test]
fn every_single_bit_flipped_is_refused() {
    for (domain, payload) in
        [(Domain::Batch, b"{\"v\":1} ".repeat(40)), (Domain::Command, b"{\"v\":1}".to_vec())]
    {
        let sealed = seal(&stamp(domain), &payload, &key(1)).unwrap();
        assert!(open(&sealed, domain, &key(1).public()).is_ok());
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&bad, domain, &key(1).public()).is_err(), "bit {bit} of {domain:?}");
        }
    }
}

#[test]
fn refusals() {
    let sealed = seal(&stamp(Domain::Batch), &[b'x'; 1000], &key(1)).unwrap();
    let check = |bytes: &[u8], domain, n, want: &str| {
        let got = open(bytes, domain, &key(n).public()).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(got, Err(want.to_owned()));
    };
    check(&sealed[..100], Domain::Batch, 1, "envelope has 100 bytes where 220 are needed");
    check(&sealed[..156], Domain::Batch, 1, "envelope has 156 bytes where 220 are needed");
    check(
        &sealed[..221],
        Domain::Batch,
        1,
        &format!("envelope has 221 bytes where {} are needed", sealed.len()),
    );
    check(&sealed, Domain::Ack, 1, "envelope is of kind Batch where Ack is expected");
    let (got, want) = (key(1).public().id(), key(2).public().id());
    check(&sealed, Domain::Batch, 2, &format!("envelope is signed by key {got}, not by key {want}"));
    check(&[sealed.as_slice(), b"x"].concat(), Domain::Batch, 1, "envelope has 1 bytes after its payload");
    check(&[0; 300], Domain::Batch, 1, "these bytes are not an envelope: unknown magic");
}

#[test]
fn a_payload_that_inflates_further_than_stated_is_refused() {
    // Sealed honestly by the right key, but the header understates what the payload inflates to.
    let packed = zstd::bulk::compress(&vec![0_u8; 3_000_000], 3).unwrap();
    let mut bytes = seal(&stamp(Domain::Batch), &vec![0_u8; 100_000], &key(1)).unwrap();
    bytes.truncate(ENVELOPE_SIGNED_BYTES);
    bytes[116..120].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_be_bytes());
    bytes[124..156].copy_from_slice(&sha256(&packed));
    let signature = key(1).sign(&bytes);
    bytes.extend(signature);
    bytes.extend(packed);
    assert_eq!(open(&bytes, Domain::Batch, &key(1).public()).unwrap_err(), OpenError::Inflate(100_000));
}

#[test]
fn an_empty_payload_needs_a_whole_header() {
    let sealed = seal(&stamp(Domain::Batch), b"", &key(1)).unwrap();
    for len in 156..220 {
        let cut = &sealed[..len];
        let want = OpenError::Short { got: len, want: 220 };
        assert_eq!(open_payload(&peek(cut).unwrap(), cut), Err(want));
    }
    assert_eq!(open_payload(&peek(&sealed).unwrap(), &sealed), Ok(Vec::new()));
}

#[test]
fn payloads_above_the_limits_are_not_sealed() {
    let err = seal(&stamp(Domain::Batch), &vec![0; PAYLOAD_INFLATED_MAX_BYTES + 1], &key(1)).unwrap_err();
    assert!(err.to_string().contains("split it into parts"), "{err}");
}

proptest! {
    #[test]
    fn round_trip(payload in proptest::collection::vec(any::<u8>(), 0..2_000), seq in any::<u64>()) {
        let stamp = Stamp { seq, ..stamp(Domain::Batch) };
        let sealed = seal(&stamp, &payload, &key(1)).unwrap();
        let (header, got) = open(&sealed, Domain::Batch, &key(1).public()).unwrap();
        prop_assert_eq!(got, payload);
        prop_assert_eq!(header.stamp, stamp);
        prop_assert_eq!(header.hash, header_hash(&sealed));
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut with_magic = b"HMBATCH1\x00\x01\x00\x01".to_vec();
        with_magic.extend(&bytes);
        prop_assert!(open(&bytes, Domain::Batch, &key(1).public()).is_err());
        prop_assert!(open(&with_magic, Domain::Batch, &key(1).public()).is_err());
    }
}
