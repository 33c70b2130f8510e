//! Envelopes: the header's limits, the bound of inflation, and that not one byte can be changed.

use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::limits::{
    ENVELOPE_HEADER_BYTES, ENVELOPE_MAX_BYTES, PAYLOAD_INFLATED_MAX_BYTES, PAYLOAD_STORED_MAX_BYTES,
};
use hostmeter_core::wire::envelope::{
    Domain, OpenError, Stamp, header_hash, open, open_payload, peek, seal, verify_header,
};
use hostmeter_core::wire::key::SigningKey;

const DOMAINS: [Domain; 7] =
    [Domain::Batch, Domain::Gap, Domain::Ack, Domain::Command, Domain::Enroll, Domain::Resume, Domain::Keys];

pub(super) fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

pub(super) const HOST: HostId = HostId([7; 16]);

pub(super) fn stamp(domain: Domain, seq: u64, prev: [u8; 32]) -> Stamp {
    let boot = BootId([2; 16]);
    Stamp {
        domain,
        host: HOST,
        epoch: 1,
        seq,
        prev,
        boot,
        wall_ns: 1_763_700_000_000_000_000,
        boottime_ns: 55,
    }
}

/// Any bytes at all.
pub(super) fn any(bytes: &[u8]) {
    let header = match peek(bytes) {
        Ok(header) => header,
        Err(e) => {
            assert!(!e.to_string().is_empty());
            assert!(
                DOMAINS.iter().all(|d| open(bytes, *d, &key(1).public()).is_err()),
                "opened without a header"
            );
            return;
        }
    };
    assert!(bytes.len() >= 156 && header.hash == header_hash(bytes));
    assert!(
        header.stored_len <= PAYLOAD_STORED_MAX_BYTES && header.inflated_len <= PAYLOAD_INFLATED_MAX_BYTES
    );
    // Inflation ends at the stated length, whoever stated it: the signature is not looked at here.
    let inflated = open_payload(&header, bytes);
    if let Ok(payload) = &inflated {
        assert!(payload.len() == header.inflated_len, "{} of {}", payload.len(), header.inflated_len);
        assert!(
            bytes.len() == ENVELOPE_HEADER_BYTES + header.stored_len && bytes.len() <= ENVELOPE_MAX_BYTES
        );
    }
    for domain in DOMAINS {
        let verified = verify_header(bytes, domain, &key(1).public());
        assert!(verified.is_err() || domain == header.stamp.domain, "a signature holds in one domain only");
        match open(bytes, domain, &key(1).public()) {
            Ok((h, payload)) => assert!(verified == Ok(h) && inflated == Ok(payload) && h == header),
            Err(OpenError::Inflate(n)) => assert!(n == header.inflated_len && verified.is_ok()),
            Err(_) => {}
        }
        assert!(verify_header(bytes, domain, &key(3).public()).is_err(), "another key's signature");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let text = br#"{"v":1,"tier":"proc","coverage":{},"agent":{"version":"0.1.0","interval_ms":10000},"part":1,"parts":1,"intervals":[]}"#;
    let mut out: Vec<Vec<u8>> =
        DOMAINS.iter().map(|d| seal(&stamp(*d, 1, [0; 32]), text, &key(1)).unwrap()).collect();
    out.push(seal(&stamp(Domain::Batch, 2, [3; 32]), &vec![b'a'; 100_000], &key(1)).unwrap());
    out.push(seal(&stamp(Domain::Batch, 2, [3; 32]), b"", &key(1)).unwrap());
    out.push(seal(&stamp(Domain::Command, 9, [0; 32]), b"{}", &key(2)).unwrap());
    out
}

/// Two bytes say where, one says how, the rest is the payload: whatever is changed, the envelope does not open.
pub(super) fn changed(bytes: &[u8]) {
    let [a, b, how, payload @ ..] = bytes else { return };
    if payload.len() > 64 * 1024 {
        return;
    }
    let sealed = seal(&stamp(Domain::Command, 5, [9; 32]), payload, &key(1)).unwrap();
    assert_eq!(
        sealed,
        seal(&stamp(Domain::Command, 5, [9; 32]), payload, &key(1)).unwrap(),
        "sealing is stable"
    );
    let (header, got) = open(&sealed, Domain::Command, &key(1).public()).unwrap();
    assert!(got == payload && header.stamp == stamp(Domain::Command, 5, [9; 32]));
    if *how == 0 {
        return;
    }
    let mut bad = sealed;
    let at = usize::from(u16::from_be_bytes([*a, *b])) % bad.len();
    bad[at] ^= how;
    assert!(
        open(&bad, Domain::Command, &key(1).public()).is_err(),
        "byte {at} changed by {how:#x} and accepted"
    );
    bad[at] ^= how;
    bad.push(*how);
    assert_eq!(open(&bad, Domain::Command, &key(1).public()).unwrap_err(), OpenError::Trailing(1));
    bad.truncate(at);
    assert!(open(&bad, Domain::Command, &key(1).public()).is_err(), "cut at {at} and accepted");
}

pub(super) fn changed_seeds() -> Vec<Vec<u8>> {
    let with = |at: u16, how: u8, payload: &[u8]| [&at.to_be_bytes()[..], &[how], payload].concat();
    vec![with(0, 1, b"{}"), with(160, 0x80, &[b'x'; 300]), with(230, 4, &[b'x'; 300]), with(3, 0, b"")]
}
