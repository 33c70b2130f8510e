//! Signatures of webhooks against the example of the specification, and what is refused.

use super::*;
use proptest::prelude::*;

/// The example in the reference implementations of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const HEADER: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn secret(text: &str) -> Secret {
    Secret::parse(text).unwrap()
}

fn other() -> Secret {
    secret(&format!("whsec_{}", STANDARD.encode([7; 32])))
}

#[test]
fn the_specifications_example() {
    assert_eq!(signatures(&[secret(SECRET)], ID, AT, BODY), HEADER);
    assert_eq!(verify(&[secret(SECRET)], ID, &AT.to_string(), HEADER, BODY, AT), Ok(()));
}

#[test]
fn secrets() {
    let check = |text: &str, want: Result<(), SecretError>| {
        assert_eq!(Secret::parse(text).map(|_| ()), want, "{text:?}");
    };
    check(SECRET, Ok(()));
    check("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", Ok(()));
    check("whsec_", Err(SecretError::Length(0)));
    check("whsec_AAAA", Err(SecretError::Length(3)));
    check("whsec_not base64", Err(SecretError::Form));
    check(&STANDARD.encode([0; 65]), Err(SecretError::Length(65)));
    assert_eq!(format!("{:?}", secret(SECRET)), "Secret(…)");
}

#[test]
fn several_secrets_while_they_are_rotated() {
    let both = signatures(&[other(), secret(SECRET)], ID, AT, BODY);
    assert!(both.ends_with(HEADER) && both.split(' ').count() == 2, "{both}");
    for known in [other(), secret(SECRET)] {
        assert_eq!(verify(&[known], ID, &AT.to_string(), &both, BODY, AT), Ok(()));
    }
    assert_eq!(verify(&[secret(SECRET), other()], ID, &AT.to_string(), HEADER, BODY, AT), Ok(()));
}

#[test]
fn what_is_refused() {
    let check = |id: &str, at: &str, header: &str, body: &[u8], now: i64, want: Result<(), VerifyError>| {
        assert_eq!(verify(&[secret(SECRET)], id, at, header, body, now), want, "{id} {at} {header} {now}");
    };
    let (at, bad) = (AT.to_string(), Err(VerifyError::Signature));
    check(ID, &at, HEADER, b"{}", AT, bad.clone());
    check("msg_x", &at, HEADER, BODY, AT, bad.clone());
    check(ID, &(AT + 1).to_string(), HEADER, BODY, AT, bad.clone());
    check(ID, &at, "", BODY, AT, bad.clone());
    check(ID, &at, &HEADER.replace("v1,", "v2,"), BODY, AT, bad.clone());
    check(ID, &at, &signatures(&[other()], ID, AT, BODY), BODY, AT, bad.clone());
    check(ID, &at, "v1,", BODY, AT, bad.clone());
    let behind = format!("{}{HEADER}", "v1,AAAA ".repeat(WEBHOOK_SIGNATURES_MAX));
    check(ID, &at, &behind, BODY, AT, bad);
    check("", &at, HEADER, BODY, AT, Err(VerifyError::Id));
    check("msg.1", &at, HEADER, BODY, AT, Err(VerifyError::Id));
    check("msg\n", &at, HEADER, BODY, AT, Err(VerifyError::Id));
    check(ID, "+1614265330", HEADER, BODY, AT, Err(VerifyError::Timestamp));
    check(ID, "99999999999999999999", HEADER, BODY, AT, Err(VerifyError::Timestamp));
    check(ID, &at, HEADER, BODY, AT + 300, Ok(()));
    check(ID, &at, HEADER, BODY, AT - 300, Ok(()));
    check(ID, &at, HEADER, BODY, AT + 301, Err(VerifyError::Stale { off_sec: 301 }));
    check(ID, &at, HEADER, BODY, i64::MIN, Err(VerifyError::Stale { off_sec: AT.abs_diff(i64::MIN) }));
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_a_flipped_bit_does_not(
        body in proptest::collection::vec(any::<u8>(), 1..200), bit in any::<proptest::sample::Index>()
    ) {
        let header = signatures(&[other()], ID, AT, &body);
        prop_assert_eq!(verify(&[other()], ID, &AT.to_string(), &header, &body, AT), Ok(()));
        let mut flipped = body.clone();
        let bit = bit.index(body.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(
            verify(&[other()], ID, &AT.to_string(), &header, &flipped, AT),
            Err(VerifyError::Signature)
        );
    }

    #[test]
    fn headers_of_any_kind_are_no_panic(id in ".*", at in ".*", header in ".*", now in any::<i64>()) {
        prop_assert!(verify(&[other()], &id, &at, &header, b"", now).is_err());
    }
}
