//! Short texts from people and programs: what is read prints as something that is read as the same.

use hostmeter_agent::http::Base;
use hostmeter_core::ids::{AccountId, BootId, CustomerId, HostId, HostName, PlanId};
use hostmeter_core::ledger::{Gateway, LedgerAccount, PaymentRef};
use hostmeter_core::lifecycle::Phase;
use hostmeter_core::limits::NAME_MAX_CHARS;
use hostmeter_core::meter::Meter;
use hostmeter_core::money::{Currency, Money};
use hostmeter_core::plan::PriceVersionId;
use hostmeter_core::rating::BillingMonth;
use hostmeter_core::units::{UtcHour, parse_rfc3339_ms, rfc3339};
use hostmeter_core::wire::batch::GapMeter;
use hostmeter_core::wire::enroll::Token;
use hostmeter_core::wire::key::{PublicKey, hex, unhex};
use hostmeter_core::{duration, name};
use std::fmt::{Debug, Display};

/// parse(print(parse(text))) == parse(text), printing again gives the same text, and errors stay short.
fn round<T: PartialEq + Debug, E: Display>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    print: impl Fn(&T) -> String,
) {
    match parse(text) {
        Ok(value) => {
            let printed = print(&value);
            let again = parse(&printed).unwrap_or_else(|e| panic!("{text:?} prints as {printed:?}: {e}"));
            assert_eq!(again, value, "{text:?} prints as {printed:?}");
            assert_eq!(print(&again), printed);
        }
        Err(e) => assert!(!e.to_string().is_empty()),
    }
}

fn shown<T: PartialEq + Debug + Display, E: Display>(text: &str, parse: impl Fn(&str) -> Result<T, E>) {
    round(text, parse, T::to_string);
}

/// Every reader of short texts.
pub(super) fn any(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    shown(text, Token::parse);
    shown(text, PublicKey::parse);
    shown(text, HostName::parse);
    shown(text, CustomerId::parse);
    shown(text, PlanId::parse);
    shown(text, AccountId::parse);
    shown(text, HostId::parse);
    shown(text, BootId::parse);
    shown(text, Money::parse);
    shown(text, Currency::parse);
    shown(text, Gateway::parse);
    shown(text, PaymentRef::parse);
    shown(text, LedgerAccount::parse);
    shown(text, PriceVersionId::parse);
    shown(text, BillingMonth::parse);
    shown(text, UtcHour::parse);
    shown(text, Phase::parse);
    round(text, Base::parse, |base| base.as_str().to_owned());
    round(text, duration::parse, |ms| duration::format(*ms));
    round(text, parse_rfc3339_ms, |ms| rfc3339(*ms));
    if let Some(half) = unhex::<16>(text) {
        assert_eq!(hex(&half), text.to_ascii_lowercase());
    }
    if let Some(meter) = Meter::from_name(text) {
        assert_eq!(meter.name(), text);
    }
    if let Some(meter) = GapMeter::from_word(text) {
        assert_eq!(meter.as_str(), text);
    }
    if let Ok(account) = AccountId::parse(text) {
        assert_eq!(format!("{}@{}", account.user(), account.host()), text);
        assert!(name::check(account.user()).is_ok() && HostName::parse(account.host()).is_ok());
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let key = super::envelope::key(1).public();
    let token = Token { fingerprint: key.fingerprint(), secret: [0xab; 16] };
    let texts = [
        token.to_string(),
        key.to_string(),
        "shop~1042@web1.example.org".to_owned(),
        "-12345.678901".to_owned(),
        "EUR".to_owned(),
        "customer:c-1".to_owned(),
        "revenue:cpu_usec".to_owned(),
        "basic@2026-12-01T00:00:00Z".to_owned(),
        "2026-11".to_owned(),
        "1970-01-01T02:00:00.5+02:00".to_owned(),
        "suspended".to_owned(),
        "https://collector.example.org:8443".to_owned(),
        "http://[::1]:8080/".to_owned(),
        "1500ms".to_owned(),
        HostId([7; 16]).to_string(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

/// Names of users and commands: escaped, they hold nothing that means something in an id, a URL, a log or a page.
pub(super) fn name(bytes: &[u8]) {
    let text = name::escape(bytes);
    assert_eq!(name::check(&text), Ok(()));
    assert!(!text.is_empty() && text.len() <= NAME_MAX_CHARS);
    assert!(!text.bytes().any(|b| !b.is_ascii_graphic() || matches!(b, b'@' | b'/' | b'~')), "{text}");
    // What was not cut can be read back, so that no two names look the same.
    let raw = unescape(&text);
    assert!(bytes.starts_with(&raw) || bytes.is_empty(), "{text}");
    assert!(raw.len() == bytes.len() || bytes.is_empty() || text.len() + 3 > NAME_MAX_CHARS, "{text}");
    if let Ok(given) = std::str::from_utf8(bytes)
        && name::check(given).is_ok()
    {
        assert!(given.bytes().all(|b| b.is_ascii_graphic()) && given.len() <= NAME_MAX_CHARS);
        AccountId::new(given, &HostName::parse("web1").unwrap()).unwrap();
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [a, b, tail @ ..]) => {
                let pair = [*a, *b];
                out.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
                rest = tail;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

pub(super) fn name_seeds() -> Vec<Vec<u8>> {
    let names: [&[u8]; 5] = [b"shop", b"x) R 0 0\n", b"100%@~/", b"\xff\x00<script>", b"shop~1042"];
    names.iter().map(|n| n.to_vec()).collect()
}
