//! `kill -9` after each SQL statement of charging, posting and closing: whatever is cut off, the next run leaves the same
//! ledger as a run that was not killed.
//!
//! The test runs itself again as a child. `HOSTMETER_FAULTS=N` runs N kills, spread over all statements, instead of a
//! few.

use super::resold::{BULK, SHOP};
use crate::billing::adjust::{Adjustment, adjust};
use crate::billing::charge::{RunLock, run};
use crate::billing::refund::{Refund, refund};
use crate::billing::testing::{CENT, START, World, digest_of};
use crate::billing::topup::{Payment, receive};
use crate::billing::{BillingError, Rules, customers, referral, verify};
use crate::db::{Connection, Db};
use crate::fault::STATEMENT;
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::{LedgerAccount, TxnKind};
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::units::{UtcHour, parse_rfc3339_ms};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

const CHILD: &str = "HOSTMETER_CHARGED_CHILD";
const SIGKILL: i32 = 9;

/// Three customers, four accounts in two blocks, usage of two months, and who brought whom; a reseller with a customer.
fn make(dir: &Path) {
    let w = World::new();
    for id in ["c-1", "c-2", "c-3"] {
        w.add_customer(id);
    }
    let (brought, referrer) = (w.customer("c-2"), CustomerId::parse("c-1").unwrap());
    w.write(move |tx| referral::refer(tx, &brought, &referrer)).unwrap();
    w.add_reseller("r-1", BULK, SHOP);
    w.add_resold("c-4", "r-1", "shop");
    for (row, name, customer) in [
        (1, "a@x", "c-1"),
        (2, "b@x", "c-2"),
        (3, "c@x", "c-3"),
        (4, "e@x", "c-4"),
        (1030, "d@x", "c-1"),
        (1031, "f@x", "c-4"),
    ] {
        w.account(row, name, Some(customer));
        for (n, hour) in [START.0 - 3, START.0 - 2, START.0 + 100, START.0 + 300].into_iter().enumerate() {
            w.uses(row, UtcHour(hour), Meter::CpuUsec, CENT * i64::try_from(n + 1).unwrap() + row);
            w.uses(row, UtcHour(hour), Meter::NetTxBytes, 1 << 29);
        }
    }
    w.copy_to(&dir.join("made.db"));
}

fn at(time: &str) -> i64 {
    parse_rfc3339_ms(time).unwrap()
}

fn rules() -> Rules {
    let config = crate::config::Config::parse(
        "collector.toml",
        "[billing]\nreferral_percent = \"10\"\nreferral_delay = \"1d\"\ntax_percent = \"21\"",
    )
    .unwrap();
    Rules::new(&config)
}

/// Account, hour, and its total of CPU time.
type Late = (i64, i64, i64);

/// Late usage, as counting leaves it: once.
fn count_late(tx: &Connection, usage: &[Late]) -> Result<(), BillingError> {
    let sql = "UPDATE usage_hour SET cpu_usec = ?3, charged = 0 WHERE account = ?1 AND hour = ?2 AND cpu_usec <> ?3";
    for late in usage {
        tx.execute(sql, *late)?;
    }
    Ok(())
}

/// Everything that moves money, in a fixed order and at fixed times. What was done before is not done again.
fn live(path: &Path) {
    let db = Db::open(path).unwrap();
    let rules = rules();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let charge = |now: &str| {
        let now_ms = at(now);
        let lock = RunLock::default();
        runtime.block_on(run(&db, &lock, &rules, "cron", now_ms, now_ms, |_| {})).unwrap();
    };
    let find = |tx: &Connection, id: &str| -> Result<_, BillingError> {
        customers::get(tx, &CustomerId::parse(id).unwrap())
    };
    let pay = |customer: &'static str, payment: &'static str, now: &str| {
        let (rules, now_ms) = (rules.clone(), at(now));
        db.write_blocking(move |tx| {
            let paid = Payment { amount: Money::from_micros(10_000_000), gateway: "manual", payment };
            receive(tx, &find(tx, customer)?, &paid, payment, "admin", &rules, now_ms)
        })
        .unwrap();
    };
    // Usage that comes late is counted in the same transaction: a run that is begun again after a kill would else charge it
    // before what happens between the two.
    let back = |amount: i64, reference: &'static str, now: &str, usage: &'static [Late]| {
        let now_ms = at(now);
        db.write_blocking(move |tx| {
            count_late(tx, usage)?;
            let (gateway, payment, reason) = ("manual", "p-2", "asked for");
            let amount = Money::from_micros(amount);
            let asked = Refund { amount, gateway, payment, refund: reference, reason };
            refund(tx, &find(tx, "c-2")?, &asked, reference, "admin", now_ms)
        })
        .unwrap();
    };
    let give = |kind: TxnKind, customer: &'static str, amount: i64, key: &'static str, now: &str| {
        let now_ms = at(now);
        db.write_blocking(move |tx| {
            let (amount, against) = (Money::from_micros(amount), LedgerAccount::Promo);
            let asked = Adjustment { kind, amount, against, reason: "because" };
            adjust(tx, &find(tx, customer)?, &asked, Some(key), "admin", now_ms)
        })
        .unwrap();
    };
    pay("c-1", "p-1", "2026-11-21T11:00:00Z");
    pay("c-2", "p-2", "2026-11-21T11:00:00Z");
    pay("c-4", "p-4", "2026-11-21T11:00:00Z");
    give(TxnKind::Promo, "c-1", 500_000, "promo", "2026-11-21T11:00:00Z");
    charge("2026-11-21T12:00:00Z");
    back(3_333_333, "r-1", "2026-11-21T13:00:00Z", &[(2, START.0 - 3, 9 * CENT)]);
    charge("2026-11-21T14:00:00Z");
    let (own, now_ms) = (rules.clone(), at("2026-11-22T11:00:00Z"));
    db.write_blocking(move |tx| referral::pay_due(tx, &own, now_ms)).unwrap();
    back(1_000_001, "r-2", "2026-11-22T12:00:00Z", &[]);
    give(TxnKind::WriteOff, "c-3", 10_000, "write-off", "2026-11-23T12:00:00Z");
    charge("2026-12-01T00:00:00Z");
    let usage = [(1030, START.0 - 2, CENT), (1031, START.0 - 2, CENT), (3, START.0 - 2, CENT / 2)];
    db.write_blocking(move |tx| count_late(tx, &usage)).unwrap();
    charge("2027-01-02T00:00:00Z");
}

/// What the child does; nothing if this is no child.
#[test]
fn child() {
    if let Some(path) = std::env::var_os(CHILD) {
        live(Path::new(&path));
    }
}

/// `true`: it was killed.
fn spawn(path: &Path, statement: Option<usize>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "billing::tests::kills::child"]).env(CHILD, path).env_remove(STATEMENT);
    if let Some(n) = statement {
        command.env(STATEMENT, n.to_string());
    }
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success() || status.signal() == Some(SIGKILL), "{status}");
    status.signal().is_some()
}

fn digest(path: &Path) -> String {
    let conn = Connection::open(path).unwrap();
    let report = verify::verify(&conn).unwrap();
    assert!(report.ok, "{:?}", report.differences);
    digest_of(&conn).unwrap()
}

#[test]
fn killed_after_any_statement_the_ledger_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let fresh = |name: &str| {
        let path = dir.path().join(name);
        for end in ["", "-wal", "-shm"] {
            let _missing = std::fs::remove_file(dir.path().join(format!("{name}{end}")));
        }
        std::fs::copy(dir.path().join("made.db"), &path).unwrap();
        path
    };
    let whole = fresh("whole.db");
    assert!(!spawn(&whole, None));
    let want = digest(&whole);
    for kind in ["charge", "topup", "refund", "promo", "referral", "tax", "write-off"] {
        assert!(want.contains(&format!(" {kind} ")), "no {kind} in {want}");
    }
    // How many statements there are: the first number that is not reached.
    let (mut low, mut high) = (1_usize, 2_usize);
    while spawn(&fresh("count.db"), Some(high)) {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        if spawn(&fresh("count.db"), Some(middle)) { low = middle } else { high = middle }
    }
    let asked: Option<usize> = std::env::var("HOSTMETER_FAULTS").ok().map(|n| n.parse().unwrap());
    let kills = asked.unwrap_or(24).clamp(1, low);
    for n in 0..kills {
        let statement = 1 + n * (low - 1) / kills.saturating_sub(1).max(1);
        let path = fresh("killed.db");
        assert!(spawn(&path, Some(statement)), "statement {statement} of {low} was not reached");
        assert!(!spawn(&path, None));
        assert_eq!(digest(&path), want, "killed after statement {statement} of {low}");
    }
    eprintln!("{kills} kills after {low} statements: the same ledger");
}
