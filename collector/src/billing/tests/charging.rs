//! Charging: once, whatever is repeated, killed or late.

use crate::billing::testing::{CENT, START, World};
use crate::billing::{Rates, pending};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;

fn hour(n: i64) -> UtcHour {
    UtcHour(START.0 + n)
}

/// Two customers with accounts in three blocks and usage in three hours.
fn world() -> World {
    let w = World::new();
    w.add_customer("c-1");
    w.add_customer("c-2");
    for (row, customer) in [(1, "c-1"), (2, "c-2"), (1_023, "c-1"), (1_024, "c-2"), (3_000, "c-1")] {
        w.account(row, &format!("u{row}@cloud"), Some(customer));
        for h in [-3, -2, -1] {
            w.uses(row, hour(h), Meter::CpuUsec, CENT * row + h);
            w.uses(row, hour(h), Meter::NetTxBytes, 777 * row);
            w.uses(row, hour(h), Meter::DbQueries, 5);
        }
    }
    w
}

#[test]
fn a_second_run_changes_nothing() {
    let w = world();
    let (hours, paid) = w.charge();
    assert_eq!(hours, 15);
    let once = w.digest();
    assert_eq!(w.charge(), (0, hostmeter_core::money::Money::ZERO));
    assert_eq!(w.digest(), once);
    w.sound();
    let owed: i64 = ["c-1", "c-2"]
        .map(|c| w.read(|conn| crate::billing::ledger::balance(conn, &w.customer(c).id)).micros())
        .iter()
        .sum();
    assert_eq!(owed, -paid.micros());
}

#[test]
fn killed_between_any_two_blocks_it_leaves_the_same_ledger() {
    let calm = world();
    calm.charge();
    let want = calm.digest();
    for k in 0..=9 {
        let w = world();
        w.charge_blocks(k);
        assert_eq!(w.digest() == want, k == 9, "after {k} blocks");
        let w = w.reopen();
        w.charge();
        assert_eq!(w.digest(), want, "killed after {k} blocks");
        w.sound();
    }
}

#[test]
fn late_usage_posts_the_difference() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.uses(1, hour(-1), Meter::CpuUsec, CENT);
    w.charge();
    assert_eq!(w.balance("c-1"), "-0.010000");
    w.uses(1, hour(-1), Meter::CpuUsec, CENT / 2);
    w.uses(1, hour(-1), Meter::NetTxBytes, 1_073_741_824);
    assert_eq!(w.charge().0, 1);
    assert_eq!(w.balance("c-1"), "-0.025000");
    w.uses(1, hour(-1), Meter::CpuUsec, -CENT);
    w.charge();
    assert_eq!(w.balance("c-1"), "-0.015000");
    assert_eq!(w.one("SELECT group_concat(rev || ':' || amount) FROM charge"), "0:10000,1:15000,2:-10000");
    assert_eq!(
        w.one("SELECT group_concat(idem_key, ' ') FROM txn"),
        "charge:2026-11-21T09:00:00Z:0:0 charge:2026-11-21T09:00:00Z:0:1 charge:2026-11-21T09:00:00Z:0:2"
    );
    w.sound();
}

#[test]
fn when_an_hour_closes() {
    let check = |watermark: Option<i64>, api: bool, now: i64, want: usize| {
        let mut w = World::new();
        w.add_customer("c-1");
        w.account(1, "a@web1", Some("c-1"));
        if !api {
            w.host(1, 1);
            let at = watermark.map_or("NULL".to_owned(), |ms| (START.end_ms() + ms).to_string());
            w.sql(&format!("UPDATE host SET watermark_ms = {at}"));
        }
        w.uses(1, START, Meter::CpuUsec, CENT);
        w.now_ms = START.end_ms() + now;
        assert_eq!(w.charge().0, want, "watermark {watermark:?}, api {api}, now {now}");
    };
    check(None, true, -1, 0);
    check(None, true, 0, 1);
    check(Some(-1), false, 1_000, 0);
    check(Some(0), false, 1_000, 1);
    // A watermark ahead of the clock does not close an hour that is not over.
    check(Some(5_000), false, -1, 0);
    check(None, false, 48 * 3_600_000 - 1, 0);
    check(None, false, 48 * 3_600_000, 1);
}

#[test]
fn until_is_the_end_of_the_last_hour() {
    let w = world();
    let until = hour(-2);
    let (rules, now_ms) = (w.rules.clone(), w.now_ms);
    let found = w.write(move |tx| {
        let mut hours = Vec::new();
        let mut after = None;
        while let Some(block) = crate::billing::charge::next_block(tx, after, until)? {
            crate::billing::charge::charge_block(tx, block, &rules, "cron", now_ms)?;
            hours.push((block.hour.0 - START.0, block.number));
            after = Some(block);
        }
        Ok(hours)
    });
    assert_eq!(found.unwrap(), [(-3, 0), (-3, 1), (-3, 2)]);
}

#[test]
fn who_pays() {
    let mut w = World::new();
    w.add_customer("c-1");
    w.add_customer("c-2");
    w.account(1, "api@cloud", Some("c-1"));
    w.account(2, "seen@web1", None);
    w.host(1, 2);
    for account in [1, 2] {
        w.uses(account, hour(-1), Meter::CpuUsec, CENT);
        w.uses(account, hour(0), Meter::CpuUsec, CENT);
        w.uses(account, hour(1), Meter::CpuUsec, CENT);
    }
    let assign = |w: &World, account: &str, customer: &str| {
        let id = hostmeter_core::ids::AccountId::parse(account).unwrap();
        let (customer, now_ms) = (w.customer(customer), w.now_ms);
        w.write(move |tx| {
            crate::billing::accounts::assign(tx, &crate::billing::accounts::get(tx, &id)?, &customer, now_ms)
        })
        .unwrap()
    };
    assert_eq!(assign(&w, "seen@web1", "c-1"), hour(1), "from the next UTC hour");
    assert_eq!(assign(&w, "seen@web1", "c-1"), hour(1), "the same again changes nothing");
    assert_eq!(assign(&w, "api@cloud", "c-2"), hour(1));
    w.now_ms = hour(2).start_ms();
    w.watermark();
    w.charge();
    // c-1: two hours of api@cloud and one of seen@web1; c-2: one hour of api@cloud; hours of nobody are not billed.
    assert_eq!((w.balance("c-1"), w.balance("c-2")), ("-0.030000".into(), "-0.010000".into()));
    assert_eq!(w.one("SELECT COUNT(*) FROM usage_hour WHERE charged = 0"), "0");
    w.sound();
}

#[test]
fn pending_is_only_the_owner_s() {
    let w = World::new();
    w.add_customer("c-1");
    w.add_customer("c-2");
    w.account(1, "a@cloud", Some("c-1"));
    let (id, customer, now_ms) =
        (hostmeter_core::ids::AccountId::parse("a@cloud").unwrap(), w.customer("c-2"), w.now_ms);
    w.write(move |tx| {
        crate::billing::accounts::assign(tx, &crate::billing::accounts::get(tx, &id)?, &customer, now_ms)
    })
    .unwrap();
    w.uses(1, hour(0), Meter::CpuUsec, CENT);
    w.uses(1, hour(1), Meter::CpuUsec, 2 * CENT);
    let of = |c: &str| w.read(|conn| pending(conn, &mut Rates::default(), w.customer(c).row)).amount.micros();
    assert_eq!((of("c-1"), of("c-2")), (10_000, 20_000));
}

#[test]
fn a_block_of_an_hour_that_is_not_over_charges_nothing() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.uses(1, hour(0), Meter::CpuUsec, CENT);
    let (rules, now_ms) = (w.rules.clone(), hour(1).start_ms() - 1);
    let block = crate::billing::charge::Block { hour: hour(0), number: 0 };
    let done =
        w.write(move |tx| crate::billing::charge::charge_block(tx, block, &rules, "cron", now_ms)).unwrap();
    assert_eq!(done.accounts, Vec::<i64>::new());
}

#[test]
fn without_a_passwd_entry_nothing_is_billed() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "uid3101@web1", Some("c-1"));
    w.host(1, 1);
    w.sql("UPDATE account SET user = NULL");
    w.uses(1, hour(-1), Meter::CpuUsec, CENT);
    assert_eq!(w.charge().0, 0);
    assert_eq!(w.balance("c-1"), "0.000000");
}

#[test]
fn usage_after_the_deletion_is_bad_debt() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.uses(1, hour(-2), Meter::CpuUsec, CENT);
    w.charge();
    w.sql("UPDATE account SET deletion = 'done'");
    w.uses(1, hour(-1), Meter::CpuUsec, CENT);
    w.charge();
    assert_eq!(w.balance("c-1"), "-0.010000");
    assert_eq!(w.one("SELECT b.amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE a.name = 'bad-debt'"), "-10000");
    w.sound();
}

#[test]
fn figures_that_cannot_be_rated_are_named_and_stop_nobody_else() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "bad@cloud", Some("c-1"));
    w.account(2, "good@cloud", Some("c-1"));
    w.uses(1, hour(-1), Meter::CpuUsec, -5);
    w.uses(2, hour(-1), Meter::CpuUsec, CENT);
    assert_eq!(w.charge().0, 1);
    assert_eq!(w.balance("c-1"), "-0.010000");
    assert!(w.one("SELECT detail FROM alert").contains("bad@cloud"));
    assert_eq!(w.one("SELECT account FROM usage_hour WHERE charged = 0"), "1");
    w.sound();
}

#[test]
fn pending_is_what_the_next_charge_takes() {
    let mut w = world();
    w.uses(1, hour(0), Meter::CpuUsec, CENT * 3 + 1);
    let of = |w: &World, c: &str| {
        w.read(|conn| pending(conn, &mut Rates::default(), w.customer(c).row)).amount.micros()
    };
    w.charge_blocks(4);
    w.uses(1, hour(-3), Meter::CpuUsec, 12_345);
    let before: Vec<i64> = ["c-1", "c-2"].iter().map(|c| of(&w, c)).collect();
    assert!(before.iter().all(|p| *p > 0), "{before:?}");
    w.now_ms = hour(1).start_ms();
    let balance =
        |w: &World, c: &str| w.read(|conn| crate::billing::ledger::balance(conn, &w.customer(c).id)).micros();
    let had: Vec<i64> = ["c-1", "c-2"].iter().map(|c| balance(&w, c)).collect();
    w.charge();
    for (i, c) in ["c-1", "c-2"].iter().enumerate() {
        assert_eq!(had[i] - balance(&w, c), before[i], "{c}");
        assert_eq!(of(&w, c), 0);
    }
    w.sound();
}

#[test]
fn a_customer_over_several_blocks_takes_its_step_with_the_last() {
    let make = || {
        let mut w = World::new();
        w.rules.lifecycle.overdraft = hostmeter_core::money::Money::MAX;
        for c in ["c-1", "c-2"] {
            w.add_customer(c);
            w.topup(c, "0.000001", c);
        }
        for (row, customer) in [(1, "c-1"), (2, "c-2"), (1_024, "c-2"), (3_000, "c-1")] {
            w.account(row, &format!("u{row}@cloud"), Some(customer));
            w.uses(row, hour(-1), Meter::CpuUsec, CENT);
        }
        w
    };
    let states =
        |w: &World| w.one("SELECT group_concat(state) FROM (SELECT state FROM customer ORDER BY id)");
    for (blocks, want) in
        [(0, "active,active"), (1, "active,active"), (2, "active,grace"), (3, "grace,grace")]
    {
        let w = make();
        w.charge_blocks(blocks);
        assert_eq!(states(&w), want, "after {blocks} blocks");
    }
    // An account in the last block that cannot be rated keeps nobody from the step.
    let w = make();
    w.uses(3_000, hour(-1), Meter::CpuUsec, -2 * CENT);
    w.charge();
    assert_eq!(states(&w), "grace,grace");
}
