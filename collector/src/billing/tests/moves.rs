//! Accounts that move between hosts and customers in the middle of a month, and months replayed under another plan.

use crate::billing::customers::FROM_START;
use crate::billing::replay::replay;
use crate::billing::testing::{CENT, PLAN, START, World};
use crate::billing::{Rates, accounts, pending};
use hostmeter_core::ids::{AccountId, HostName};
use hostmeter_core::meter::Meter;
use hostmeter_core::plan::parse_toml;
use hostmeter_core::rating::BillingMonth;
use hostmeter_core::units::UtcHour;

fn hour(n: i64) -> UtcHour {
    UtcHour(START.0 + n)
}

fn move_to(w: &World, account: &str, host: &str) -> String {
    let (id, host, now_ms) = (AccountId::parse(account).unwrap(), HostName::parse(host).unwrap(), w.now_ms);
    let moved = w.write(move |tx| accounts::move_to_host(tx, &accounts::get(tx, &id)?, &host, now_ms));
    moved.map_or_else(
        |e| e.code().to_owned(),
        |(there, from)| {
            let from = if from == FROM_START { "always".to_owned() } else { (from.0 - START.0).to_string() };
            format!("{} {from}", there.id)
        },
    )
}

/// A month's first CPU-hour is free; 0.24 a day.
fn plan() -> String {
    let free = PLAN.replacen("per = \"3600000000\"", &format!("per = \"3600000000\"\nfree = \"{CENT}\""), 1);
    free.replacen("[[price]]", "base_per_day = \"0.24\"\n[[price]]", 1)
}

fn world() -> World {
    let mut w = World::new();
    w.sql("DELETE FROM price_version");
    w.plan(&plan()).unwrap();
    w.rules.lifecycle.grace_ms = i64::MAX;
    w.rules.lifecycle.overdraft = hostmeter_core::money::Money::MAX;
    for c in ["c-1", "c-2"] {
        w.add_customer(c);
        w.topup(c, "100", c);
    }
    w.account(1, "shop@web1", Some("c-1"));
    w
}

#[test]
fn the_bill_goes_on_at_another_host() {
    let mut w = world();
    w.uses(1, hour(0), Meter::CpuUsec, CENT / 2);
    assert_eq!(move_to(&w, "shop@web1", "web1"), "account_move");
    assert_eq!(move_to(&w, "shop@web1", "web2"), "shop@web2 1");
    assert_eq!(move_to(&w, "shop@web1", "web2"), "shop@web2 1", "again changes nothing");
    let there = w.one("SELECT id FROM account WHERE name = 'shop@web2'").parse().unwrap();
    // Both hosts report for a while; what web1 sends late belongs to the same month.
    for h in 0..3 {
        w.uses(there, hour(h), Meter::CpuUsec, CENT);
        w.uses(1, hour(h), Meter::CpuUsec, CENT / 4);
    }
    w.now_ms = hour(3).start_ms();
    let open = w.read(|c| pending(c, &mut Rates::default(), w.customer("c-1").row)).amount;
    let (_, paid) = w.charge();
    // Hour 0 at web2 is nobody's: 0.5 + 3 × 0.25 + 2 CPU-hours, one of which is free; and one day.
    assert_eq!((open.to_string(), paid.to_string()), ("0.022500".to_owned(), "0.262500".to_owned()));
    w.sound();
    w.uses(1, hour(1), Meter::CpuUsec, CENT);
    w.charge();
    assert_eq!(w.balance("c-1"), "99.727500");
    // Deleted at the old host, the day is the new one's.
    w.sql("INSERT INTO account_state VALUES (1, 0, 'deleted')");
    w.now_ms = hour(14).start_ms();
    w.charge();
    assert_eq!(w.balance("c-1"), "99.487500");
    assert_eq!(w.one("SELECT group_concat(account || ':' || date) FROM base_fee"), "1:20261121,1:20261122");
    // And back again.
    assert_eq!(move_to(&w, "shop@web2", "web1"), "shop@web1 always");
}

#[test]
fn two_bills_do_not_become_one() {
    let w = world();
    w.account(2, "shop@web2", Some("c-2"));
    w.account(3, "nobodys@web1", None);
    w.account(4, "nobodys@web2", None);
    assert_eq!(move_to(&w, "shop@web1", "web2"), "account_move");
    assert_eq!(move_to(&w, "nobodys@web1", "web2"), "account_move", "there is no bill to go on");
    assert_eq!(move_to(&w, "shop@web1", "web3"), "shop@web3 1");
    assert_eq!(move_to(&w, "shop@web3", "web4"), "shop@web4 1");
    assert_eq!(w.one("SELECT group_concat(billing) FROM account WHERE billing IS NOT NULL"), "1,1");
}

#[test]
fn a_month_replayed_under_its_own_plan_is_what_was_paid() {
    let mut w = world();
    move_to(&w, "shop@web1", "web2");
    let there = w.one("SELECT id FROM account WHERE name = 'shop@web2'").parse().unwrap();
    w.account(1_030, "b@cloud", Some("c-2"));
    for h in 1..30 {
        w.uses(1, hour(h), Meter::CpuUsec, CENT / 7 + h);
        w.uses(there, hour(h), Meter::NetTxBytes, 99_999_999 * h);
        w.uses(1_030, hour(h), Meter::CpuUsec, CENT * h);
    }
    w.now_ms = hour(10).start_ms();
    let (id, now_ms, to) = (AccountId::parse("b@cloud").unwrap(), w.now_ms, w.customer("c-1"));
    w.write(move |tx| accounts::assign(tx, &accounts::get(tx, &id)?, &to, now_ms)).unwrap();
    w.now_ms = hour(24 * 20).start_ms();
    w.charge();
    w.sound();
    let month = BillingMonth::parse("2026-11").unwrap();
    let own = w.read(|c| replay(c, &parse_toml(&plan()).unwrap(), month));
    assert_eq!(own.paid, own.would_pay);
    assert_eq!(own.customers.len(), 2);
    for one in &own.customers {
        assert_eq!(one.paid, one.would_pay, "{}", one.customer);
        assert!(one.paid.micros() > 240_000);
    }
    // Twice the base fee, and nothing else changed: 10 days of two accounts more.
    let dear = w.read(|c| replay(c, &parse_toml(&plan().replace("0.24", "0.48")).unwrap(), month));
    assert_eq!(dear.paid, own.paid);
    assert_eq!(dear.would_pay.micros() - own.would_pay.micros(), 20 * 240_000);
    let none = w.read(|c| replay(c, &parse_toml(&plan()).unwrap(), BillingMonth::parse("2026-10").unwrap()));
    assert_eq!((none.customers.len(), none.would_pay.micros()), (0, 0));
}
