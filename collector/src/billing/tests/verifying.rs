//! `ledger verify` names whatever was changed behind the program's back.

use crate::billing::testing::{CENT, START, World};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;

fn world() -> World {
    let w = World::new();
    w.add_customer("c-1");
    w.add_customer("c-2");
    w.account(1, "a@cloud", Some("c-1"));
    w.account(2, "b@cloud", Some("c-2"));
    w.topup("c-1", "10", "p-1");
    for h in [2, 1] {
        w.uses(1, UtcHour(START.0 - h), Meter::CpuUsec, CENT);
        w.uses(2, UtcHour(START.0 - h), Meter::CpuUsec, 2 * CENT);
    }
    w.charge();
    w.sound();
    for table in ["txn", "entry", "charge"] {
        w.sql(&format!("DROP TRIGGER {table}_no_update; DROP TRIGGER {table}_no_delete"));
    }
    w.sql("DROP TRIGGER price_no_update");
    w
}

#[test]
fn every_change_is_named() {
    let check = |sql: &str, want: &str| {
        let w = world();
        w.sql(&format!("PRAGMA defer_foreign_keys = ON; {sql}"));
        let found = w.differences().join("\n");
        assert!(found.contains(want), "{sql}\n{found}");
    };
    check("UPDATE entry SET amount = amount + 1 WHERE txn = 1 AND line = 0", "does not balance");
    check(
        "UPDATE entry SET amount = amount * 2, balance_after = balance_after * 2 WHERE txn = 1",
        "payload hash does not fit",
    );
    check("UPDATE entry SET balance_after = 0 WHERE txn = 2 AND line = 0", "balance after is 0.000000");
    check("UPDATE balance SET amount = amount + 1 WHERE account = 1", "its entries add up to");
    check("DELETE FROM balance WHERE account = 1", "have no balance");
    check("UPDATE txn SET actor = 'mallory' WHERE id = 1", "its hash does not fit what it holds");
    check("UPDATE txn SET reason = 'x' WHERE id = 2", "its hash does not fit what it holds");
    check("UPDATE txn SET prev_hash = zeroblob(32) WHERE id = 2", "previous hash");
    check("UPDATE txn SET effective_ms = 5 WHERE id = 3", "transaction 3: its hash does not fit");
    check("UPDATE txn SET kind = 'gift' WHERE id = 1", "unknown kind");
    check(
        "DELETE FROM entry WHERE txn = 2; DELETE FROM charge WHERE txn = 2; DELETE FROM txn WHERE id = 2",
        "transactions are missing",
    );
    check("DELETE FROM charge WHERE account = 1 AND hour = 498680", "hash does not fit");
    check("UPDATE charge SET amount = amount + 1 WHERE account = 1", "its lines add up to");
    check("UPDATE charge SET customer = 2 WHERE account = 1", "books");
    check("UPDATE charge SET txn = NULL WHERE account = 1", "its lines add up to 0");
    check("UPDATE usage_hour SET cpu_usec = cpu_usec + 1 WHERE account = 1", "charged,");
    check("DELETE FROM usage_hour WHERE account = 2", "its usage is gone");
    check("UPDATE rated SET quantities = x'01' WHERE account = 1", "the month's quantity is None");
    check("UPDATE price_version SET body = replace(body, '0.010000', '0.020000')", "rated again");
}

#[test]
fn the_ledger_refuses_change() {
    let w = World::new();
    w.add_customer("c-1");
    w.account(1, "a@cloud", Some("c-1"));
    w.uses(1, UtcHour(START.0 - 1), Meter::CpuUsec, CENT);
    w.charge();
    for sql in [
        "UPDATE txn SET actor = 'x'",
        "DELETE FROM txn",
        "UPDATE entry SET amount = 1",
        "DELETE FROM entry",
        "UPDATE charge SET amount = 1",
        "DELETE FROM charge",
        "UPDATE price_version SET body = ''",
    ] {
        let got = w.write(move |tx| Ok(tx.execute_batch(sql)?)).unwrap_err().to_string();
        assert!(got.contains("never changed"), "{sql}: {got}");
    }
}
