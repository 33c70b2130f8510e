//! Every kind of notice in every language.

use crate::notices::kinds::{ALERT_CLEARED, ALERT_RAISED, KINDS};
use crate::notices::outbox::{AlertData, Data};
use crate::notices::render::{Notice, Style, json, words};
use crate::testing::T0;
use hostmeter_core::ids::AccountId;
use hostmeter_core::lifecycle::{Budget, Cap, EventKind, Span, Threshold};
use hostmeter_core::money::Money;
use hostmeter_panel::text::Language;
use std::fmt::Write;

const DAY_MS: i64 = 86_400_000;

fn notice(kind: &str) -> Notice {
    let data = Data {
        balance: Some(Money::parse("-1234.567891").unwrap()),
        currency: Some("EUR".to_owned()),
        deadline_ms: Some(T0 + 3 * DAY_MS),
        amount: None,
        percent: (kind == "budget.reached").then_some(80),
        accounts: if kind.starts_with("account.") || kind == "budget.reached" {
            vec!["shop@web1".to_owned()]
        } else {
            Vec::new()
        },
        count: kind.starts_with("account.").then_some(1),
        days: None,
        alert: None,
    };
    let (key, customer) = ("notice:c-1:1:x:1".to_owned(), Some("c-1".to_owned()));
    Notice {
        key,
        kind: kind.to_owned(),
        episode: 1,
        at_ms: T0,
        data,
        customer,
        title: "Example Ltd".to_owned(),
    }
}

fn style(language: Language) -> Style {
    Style { language, zone: "Europe/Riga".to_owned() }
}

fn shown(notice: &Notice, language: Language) -> String {
    let (subject, text) = words(notice, &style(language));
    assert!(!subject.is_empty() && !subject.contains('\n'), "{}: {subject:?}", notice.kind);
    assert!(!text.trim().is_empty() && !text.contains(['{', '}', '\u{2068}']), "{}: {text:?}", notice.kind);
    for part in text.split("\n\n") {
        assert!(
            !part.trim().is_empty() && !part.contains("  ") && !part.contains(" ."),
            "{}: {part:?}",
            notice.kind
        );
    }
    format!("{subject}\n{text}")
}

#[test]
fn every_kind_in_every_language() {
    for language in Language::ALL {
        let mut out = String::new();
        for kind in KINDS {
            writeln!(out, "== {} ==\n{}", kind.name, shown(&notice(kind.name), language)).unwrap();
        }
        insta::assert_snapshot!(language.as_str(), out);
    }
}

#[test]
fn plurals_thresholds_and_many_accounts() {
    let mut out = String::new();
    for language in Language::ALL {
        for days in [1, 2, 5, 21] {
            let mut low = notice("balance.low");
            low.data.days = Some(days);
            writeln!(out, "{}", words(&low, &style(language)).0).unwrap();
        }
        let mut low = notice("balance.low");
        low.data.amount = Some(Money::parse("5").unwrap());
        writeln!(out, "{}", words(&low, &style(language)).0).unwrap();
        for count in [2, 5, 21, 24] {
            let mut many = notice("account.suspend");
            many.data.accounts = (1..=count.min(20)).map(|n| format!("a{n}@web1")).collect();
            many.data.count = Some(count);
            let (subject, text) = words(&many, &style(language));
            writeln!(out, "{subject}\n{}", text.lines().nth(2).unwrap()).unwrap();
        }
        let mut paid = notice("account.suspend");
        paid.data.balance = Some(Money::ZERO);
        writeln!(out, "{}", shown(&paid, language)).unwrap();
        writeln!(out, "{}", shown(&notice("something.new"), language)).unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn alerts_in_words() {
    let mut out = String::new();
    for kind in [ALERT_RAISED, ALERT_CLEARED] {
        let alert = AlertData {
            rule: "fork".to_owned(),
            subject: "web1".to_owned(),
            detail: "two copies of web1 send".to_owned(),
            raised_ms: T0,
        };
        let mut told = notice(kind);
        (told.customer, told.data) = (None, Data { alert: Some(alert), ..Data::default() });
        for language in Language::ALL {
            writeln!(out, "{}", shown(&told, language)).unwrap();
        }
        writeln!(out, "{}", String::from_utf8(json(&told, &style(Language::En))).unwrap()).unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn for_programs() {
    let body = json(&notice("balance.negative"), &style(Language::En));
    insta::assert_snapshot!(String::from_utf8(body).unwrap());
}

/// Every event that the lifecycle can store has texts of its own.
#[test]
fn no_event_is_without_texts() {
    let id = || AccountId::parse("shop@web1").unwrap();
    let all = [
        EventKind::CustomerOpened,
        EventKind::BalanceNegative { deadline_ms: 0 },
        EventKind::BalanceReminder { reminder: 1, deadline_ms: 0 },
        EventKind::BalanceFloor,
        EventKind::BalanceRecovered,
        EventKind::AccountSuspend(id()),
        EventKind::AccountResume(id()),
        EventKind::DeleteNotice { delete_at_ms: 0 },
        EventKind::DeleteScheduled,
        EventKind::AccountDelete(id()),
        EventKind::DeleteCancelled,
        EventKind::AccountDeleted { account: id(), archive: None },
        EventKind::AccountUndelete(id()),
        EventKind::HoldSet,
        EventKind::HoldCleared,
        EventKind::BalanceLow { threshold: Threshold::Time(0), left_ms: None },
        EventKind::BalanceOk,
        EventKind::PromiseOpened { until_ms: 0 },
        EventKind::PromiseKept,
        EventKind::PromiseBroken,
        EventKind::CapReached(Cap { span: Span::Day, period: 0, suspends: true, until_ms: 0 }),
        EventKind::BudgetReached(Budget { account: id(), month: 0, percent: 80 }),
        EventKind::AbuseSet,
        EventKind::AbuseCleared,
        EventKind::ProviderSuspended,
        EventKind::ProviderResumed,
        EventKind::Parked,
        EventKind::Unparked,
        EventKind::CustomerClosing,
        EventKind::CustomerClosed,
        EventKind::CustomerReopened,
        EventKind::WrittenOff,
        EventKind::AccountPurge(id()),
        EventKind::AccountPurged(id()),
    ];
    let missing: Vec<_> =
        all.iter().map(EventKind::name).filter(|n| KINDS.iter().all(|k| k.name != *n)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// The page for those who receive notices lists each kind where it belongs.
#[test]
fn the_page_lists_every_kind() {
    let page = include_str!("../../../../docs/notices.md");
    let (_, kinds) = page.split_once("Mailed to the customer:").unwrap();
    let (mailed, shown) = kinds.split_once("Shown in the panel").unwrap();
    for kind in KINDS {
        let named = format!("`{}`", kind.name);
        let place = if kind.is_mailed { mailed } else { shown };
        assert!(place.contains(&named), "{named}");
    }
    let named = kinds.split_once("Accounts to which").unwrap().0.matches('`').count() / 2;
    assert_eq!(named, KINDS.len(), "a kind on the page that is not there any more");
}
