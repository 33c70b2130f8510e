//! A control.db in a temporary directory, with the steps that tests take.

use super::charge::{charge_block, next_block};
use super::commands::{self, Polled};
use super::customers::{self, Customer, NewCustomer};
use super::topup::{self, Outcome, Payment};
use super::verify::verify;
use super::{BillingError, Rules, accounts, ledger, lifecycle, plans, record_outcome, resellers};
use crate::config::Config;
use crate::db::{Connection, Db, DbError, Transaction, params};
use hostmeter_core::ids::{AccountId, CustomerId, PlanId};
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::plan::{PlanChange, parse_toml};
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::command::{Command, Outcome as Report, Status};
use hostmeter_core::wire::envelope::{Domain, open};
use hostmeter_core::wire::key::SigningKey;
use std::fmt::Write;

/// 2026-11-21T10:00:00Z
pub(super) const START: UtcHour = UtcHour(498_682);
/// One CPU-hour costs 0.01.
pub(super) const PLAN: &str = "id = \"basic\"\ncurrency = \"EUR\"\nvalid_from = \"2026-11-01T00:00:00Z\"\n\
    [[price]]\nmeter = \"cpu_usec\"\namount = \"0.01\"\nper = \"3600000000\"\n\
    [[price]]\nmeter = \"net_tx_bytes\"\namount = \"0.01\"\nper = \"1073741824\"\n";
/// CPU time that costs 0.01.
pub(super) const CENT: i64 = 3_600_000_000;

/// How many cases a property has, unless `PROPTEST_CASES` says so (`make props`).
pub(super) fn cases(usual: u32) -> proptest::prelude::ProptestConfig {
    let mut config = proptest::prelude::ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = usual;
    }
    config
}

pub(super) struct World {
    dir: tempfile::TempDir,
    pub(super) db: Db,
    pub(super) rules: Rules,
    pub(super) now_ms: i64,
}

impl World {
    /// With the plan `basic`, and the time half past `START`.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("control.db")).unwrap();
        let mut config = Config::parse("collector.toml", "").unwrap();
        config.billing.grace_ms = 10_000;
        config.billing.delete_after_ms = 30_000;
        config.billing.final_notice_ms = 5_000;
        config.billing.overdraft = Money::parse("5").unwrap();
        let mut rules = Rules::new(&config);
        // Tests that are about low credit set it again.
        rules.lifecycle.low_ms.clear();
        let world = Self { dir, db, rules, now_ms: START.start_ms() + 1_800_000 };
        world.plan(PLAN).unwrap();
        world
    }

    /// Closes the database as a kill would leave it, and opens it again.
    pub(super) fn reopen(self) -> Self {
        let Self { dir, db, rules, now_ms } = self;
        drop(db);
        let db = Db::open(&dir.path().join("control.db")).unwrap();
        Self { dir, db, rules, now_ms }
    }

    pub(super) fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Transaction<'_>) -> Result<T, BillingError> + Send + 'static,
    ) -> Result<T, BillingError> {
        self.db.write_blocking(f)
    }

    pub(super) fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T, BillingError>) -> T {
        self.db.read_blocking(f).unwrap()
    }

    pub(super) fn sql(&self, sql: &str) {
        let sql = sql.to_owned();
        self.write(move |tx| Ok(tx.execute_batch(&sql)?)).unwrap();
    }

    pub(super) fn one(&self, sql: &str) -> String {
        self.read(|c| {
            let value: rusqlite::types::Value = c.query_row(sql, [], |r| r.get(0))?;
            Ok(match value {
                rusqlite::types::Value::Null => "null".to_owned(),
                rusqlite::types::Value::Integer(n) => n.to_string(),
                rusqlite::types::Value::Text(t) => t,
                other => format!("{other:?}"),
            })
        })
    }

    pub(super) fn plan(&self, toml: &str) -> Result<PlanChange, BillingError> {
        let version = parse_toml(toml)?;
        let (currency, now_ms) = (self.rules.currency, self.now_ms);
        self.write(move |tx| plans::set(tx, &version.id().plan, &version, currency, now_ms))
    }

    /// A reseller that pays by the plan `bulk`, and sells by its own plan `shop`; its months are those of UTC.
    pub(super) fn add_reseller(&self, id: &str, bulk: &str, shop: &str) {
        let new = NewCustomer {
            id: CustomerId::parse(id).unwrap(),
            title: format!("Reseller {id}"),
            plan: Some(parse_toml(bulk).unwrap().id().plan.clone()),
            billing_zone: "UTC".to_owned(),
            reseller: None,
        };
        self.plan(bulk).unwrap();
        let (rules, now_ms, shop) = (self.rules.clone(), self.now_ms, parse_toml(shop).unwrap());
        self.write(move |tx| {
            let made = customers::create(tx, &new, None, rules.currency, now_ms)?;
            resellers::make(tx, &made)?;
            plans::set_of(tx, Some(made.row), &shop.id().plan, &shop, rules.currency, now_ms)?;
            lifecycle::run_alone(tx, made.row, &rules, now_ms)
        })
        .unwrap();
    }

    /// A customer of a reseller, on one of its plans.
    pub(super) fn add_resold(&self, id: &str, reseller: &str, plan: &str) {
        let new = NewCustomer {
            id: CustomerId::parse(id).unwrap(),
            title: format!("Customer {id}"),
            plan: Some(PlanId::parse(plan).unwrap()),
            billing_zone: "Europe/Riga".to_owned(),
            reseller: Some(CustomerId::parse(reseller).unwrap()),
        };
        let (rules, now_ms) = (self.rules.clone(), self.now_ms);
        self.write(move |tx| customers::create(tx, &new, None, rules.currency, now_ms)).unwrap();
    }

    pub(super) fn add_customer(&self, id: &str) {
        let new = NewCustomer {
            id: CustomerId::parse(id).unwrap(),
            title: format!("Customer {id}"),
            plan: None,
            billing_zone: "Europe/Riga".to_owned(),
            reseller: None,
        };
        let (rules, now_ms) = (self.rules.clone(), self.now_ms);
        self.write(move |tx| customers::create(tx, &new, Some(&rules.default_plan), rules.currency, now_ms))
            .unwrap();
    }

    pub(super) fn customer(&self, id: &str) -> Customer {
        self.read(|c| customers::get(c, &CustomerId::parse(id).unwrap()))
    }

    /// An account made by the API, in a row of its own choice.
    pub(super) fn account(&self, row: i64, name: &str, customer: Option<&str>) {
        let (id, now_ms, rules) = (AccountId::parse(name).unwrap(), self.now_ms, self.rules.clone());
        let owner = customer.map(|c| self.customer(c));
        self.write(move |tx| {
            let made = accounts::create(tx, &id, None, now_ms)?;
            tx.execute(
                "UPDATE account SET id = ?2, customer = ?3 WHERE id = ?1",
                params![made.row, row, owner.as_ref().map(|c| c.row)],
            )?;
            if let Some(owner) = owner {
                tx.execute(
                    "INSERT INTO account_owner VALUES (?1, ?2, ?3)",
                    params![row, i64::MIN, owner.row],
                )?;
                lifecycle::run_alone(tx, owner.row, &rules, now_ms)?;
            }
            Ok(())
        })
        .unwrap();
    }

    /// A live host whose usage is known up to now, and which reports the account.
    pub(super) fn host(&self, row: i64, account: i64) {
        let watermark = self.now_ms;
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO host (id, uuid, name, state, made_ms, watermark_ms) VALUES (?1, ?2, ?3, 'live', 0, ?4)
                 ON CONFLICT (id) DO NOTHING",
                params![row, [u8::try_from(row).unwrap(); 16], format!("web{row}"), watermark],
            )?;
            tx.execute(
                "UPDATE account SET host = ?1, uid = 1000 + id, user = 'user' || id, home = '/home/user' || id, home_inode = 7
                 WHERE id = ?2",
                params![row, account],
            )?;
            Ok(())
        })
        .unwrap();
    }

    pub(super) fn watermark(&self) {
        self.sql(&format!("UPDATE host SET watermark_ms = {}", self.now_ms));
    }

    /// Adds to an hour's total, as ingest does.
    pub(super) fn uses(&self, account: i64, hour: UtcHour, meter: Meter, quantity: i64) {
        let sql = format!(
            "INSERT INTO usage_hour (account, hour, {0}) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, hour) DO UPDATE SET {0} = coalesce({0}, 0) + ?3, charged = 0",
            meter.name()
        );
        self.write(move |tx| {
            tx.execute(&sql, params![account, hour.0, quantity])?;
            Ok(())
        })
        .unwrap();
    }

    /// Charges what is closed, at most so many blocks; returns the account hours and what was paid.
    pub(super) fn charge_blocks(&self, max: usize) -> (usize, Money) {
        let until = UtcHour::from_ms(self.now_ms);
        let (mut after, mut hours, mut paid) = (None, 0, 0);
        for _ in 0..max {
            let (rules, now_ms) = (self.rules.clone(), self.now_ms);
            let step = self.write(move |tx| {
                let Some(block) = next_block(tx, after, until)? else { return Ok(None) };
                Ok(Some((block, charge_block(tx, block, &rules, "cron", now_ms)?)))
            });
            let Some((block, done)) = step.unwrap() else { break };
            after = Some(block);
            hours += done.accounts.len();
            paid += done.amount;
        }
        (hours, Money::from_micros(paid))
    }

    pub(super) fn charge(&self) -> (usize, Money) {
        self.charge_blocks(usize::MAX)
    }

    pub(super) fn try_topup(
        &self,
        customer: &str,
        amount: &str,
        payment: &str,
        key: &str,
    ) -> Result<Outcome, BillingError> {
        let (customer, now_ms, rules) = (self.customer(customer), self.now_ms, self.rules.clone());
        let (amount, payment, key) = (Money::parse(amount).unwrap(), payment.to_owned(), key.to_owned());
        self.write(move |tx| {
            let paid = Payment { amount, gateway: "manual", payment: &payment };
            let outcome = topup::top_up(tx, &customer, &paid, &key, "admin", now_ms)?;
            lifecycle::run_alone(tx, customer.row, &rules, now_ms)?;
            Ok(outcome)
        })
    }

    pub(super) fn topup(&self, customer: &str, amount: &str, payment: &str) {
        assert!(self.try_topup(customer, amount, payment, payment).unwrap().new);
    }

    pub(super) fn balance(&self, customer: &str) -> String {
        self.read(|c| ledger::balance(c, &CustomerId::parse(customer).unwrap())).to_string()
    }

    /// Goes to a time after now, with every host up to date, and sweeps.
    pub(super) fn after(&mut self, seconds: i64) {
        self.now_ms += seconds * 1_000;
        self.watermark();
        self.sweep();
    }

    pub(super) fn sweep(&self) {
        let due = self.read(|c| lifecycle::due(c, i64::MIN, &self.rules, self.now_ms)).0;
        for customer in due {
            let (rules, now_ms) = (self.rules.clone(), self.now_ms);
            self.write(move |tx| lifecycle::run_alone(tx, customer, &rules, now_ms)).unwrap();
        }
    }

    pub(super) fn key() -> SigningKey {
        SigningKey::from_seed(&[9; 32]).unwrap()
    }

    /// What a host is told, with the commands opened.
    pub(super) fn poll(&self, host: i64) -> (Vec<Command>, Vec<i64>) {
        let Polled { commands, begun_acked } = self.poll_bytes(host);
        let open = |bytes: &Vec<u8>| {
            let (header, payload) = open(bytes, Domain::Command, &Self::key().public()).unwrap();
            let command = Command::decode(&payload).unwrap();
            assert_eq!((header.stamp.seq, header.stamp.epoch), (command.number, command.epoch));
            command
        };
        (commands.iter().map(open).collect(), begun_acked)
    }

    pub(super) fn poll_bytes(&self, host: i64) -> Polled {
        let (rules, now_ms) = (self.rules.clone(), self.now_ms);
        self.write(move |tx| commands::poll(tx, host, &Self::key(), &rules, now_ms)).unwrap()
    }

    /// As `poll`, in words: `suspend#1/1` is number 1, generation 1.
    pub(super) fn told(&self, host: i64) -> String {
        let (commands, begun) = self.poll(host);
        let words = commands.iter().map(|c| format!("{}#{}/{}", c.action.as_str(), c.number, c.generation));
        words.chain(begun.iter().map(|n| format!("begun#{n}"))).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn report(&self, host: i64, command: &Command, status: Status, archive: Option<&str>) {
        let report = Report {
            number: command.number,
            generation: command.generation,
            action: command.action,
            uid: command.account.uid,
            status,
            at_ms: self.now_ms,
            detail: String::new(),
            surfaces: Vec::new(),
            archive: archive.map(str::to_owned),
        };
        let now_ms = self.now_ms;
        self.db.write_blocking::<_, DbError, _>(move |tx| record_outcome(tx, host, &report, now_ms)).unwrap();
        self.sweep();
    }

    /// Keys, entries, charges and balances; times of recording aside.
    pub(super) fn digest(&self) -> String {
        self.read(digest_of)
    }

    pub(super) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// A copy of control.db as it stands.
    pub(super) fn copy_to(&self, path: &std::path::Path) {
        let conn = Connection::open(self.dir.path().join("control.db")).unwrap();
        conn.execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    }

    /// Differences that a verification finds.
    pub(super) fn differences(&self) -> Vec<String> {
        self.read(verify).differences
    }

    #[track_caller]
    pub(super) fn sound(&self) {
        assert_eq!(self.differences(), Vec::<String>::new());
    }
}

/// Keys, entries, charges, balances, statements and shares; times of recording aside.
pub(super) fn digest_of(c: &Connection) -> Result<String, BillingError> {
    let mut out = String::new();
    for sql in [
        "SELECT id || ' ' || idem_key || ' ' || kind || ' ' || effective_ms || ' ' || hex(hash) FROM txn ORDER BY id",
        "SELECT txn || ' ' || line || ' ' || account || ' ' || amount || ' ' || balance_after FROM entry ORDER BY txn, line",
        "SELECT account || ' ' || hour || ' ' || rev || ' ' || coalesce(txn, '-') || ' ' || amount || ' ' || hex(lines)
           FROM charge ORDER BY account, hour, rev",
        "SELECT account || ' ' || customer || ' ' || month || ' ' || version || ' ' || hex(quantities)
           FROM rated ORDER BY account, customer, month, version",
        "SELECT account || ' ' || date || ' ' || hour || ' ' || customer || ' ' || amount || ' ' || coalesce(txn, '-')
           FROM base_fee ORDER BY account, date",
        "SELECT account || ' ' || hour || ' ' || rev || ' ' || coalesce(txn, '-') || ' ' || reseller || ' ' || amount || ' ' || hex(lines)
           FROM wholesale ORDER BY account, hour, rev",
        "SELECT account || ' ' || date || ' ' || hour || ' ' || reseller || ' ' || amount || ' ' || coalesce(txn, '-')
           FROM wholesale_fee ORDER BY account, date",
        "SELECT account || ' ' || amount FROM balance ORDER BY account",
        "SELECT number || ' ' || last_txn || ' ' || body FROM statement ORDER BY number",
        "SELECT account || ' ' || hour || ' ' || rev || ' ' || coalesce(statement, '-') FROM late_charge ORDER BY account, hour, rev",
        "SELECT account || ' ' || hour || ' ' || rev || ' ' || coalesce(statement, '-') FROM late_wholesale ORDER BY account, hour, rev",
        "SELECT customer || ' ' || from_hour || ' ' || to_hour || ' ' || scan_txn FROM statement_period ORDER BY customer",
        "SELECT topup || ' ' || state || ' ' || coalesce(credited, '-') FROM referral ORDER BY topup",
    ] {
        let mut stmt = c.prepare(sql)?;
        for row in stmt.query_map([], |r| r.get::<_, String>(0))? {
            writeln!(out, "{}", row?).unwrap();
        }
    }
    Ok(out)
}
