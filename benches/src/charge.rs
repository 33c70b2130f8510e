//! Accounts charged per second, through the running collector, on a database that holds hours of all of them already;
//! and how large an hour of an account is in it.

use crate::table::Table;
use anyhow::{Context, Result, ensure};
use hostmeter_core::units::UtcHour;
use hostmeter_tests::api::Api;
use hostmeter_tests::stack::{Settings, Stack};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SENDERS: usize = 16;
/// Meters of every hour, and about what an account uses of each.
const METERS: [(&str, i64); 8] = [
    ("cpu_usec", 90_000_000),
    ("memory_kib_sec", 368_000_000),
    ("io_read_bytes", 40_000_000),
    ("io_write_bytes", 90_000_000),
    ("disk_kib_sec", 3_600_000_000),
    ("net_tx_bytes", 60_000_000),
    ("web_tx_bytes", 30_000_000),
    ("db_cpu_usec", 20_000_000),
];

/// How much.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Accounts
    #[arg(long, default_value_t = 10_000)]
    accounts: usize,
    /// Accounts of one customer
    #[arg(long, default_value_t = 10)]
    per_customer: usize,
    /// Hours that are charged before the one that is measured
    #[arg(long, default_value_t = 2)]
    history: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { accounts: 10_000, per_customer: 10, history: 2 }
    }
}

/// Writes what agents and admins would have: customers with a plan, accounts, and the hours' totals.
fn fill(stack: &mut Stack, args: &Args, first: UtcHour) -> Result<()> {
    let price =
        |meter: &str, usual: i64| json!({"meter": meter, "amount": "0.001", "per": usual.to_string()});
    let price: Vec<Value> = METERS.iter().map(|(meter, usual)| price(meter, *usual)).collect();
    let plan = json!({"id": "basic", "currency": "EUR", "valid_from": first, "price": price});
    stack.api.put("/v1/plans/basic", &plan)?.ok()?;
    stack.collector = None;
    let conn = open(stack)?;
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")?;
    let plan: i64 = conn.query_row("SELECT id FROM plan WHERE name = 'basic'", [], |r| r.get(0))?;
    let now_ms = first.start_ms();
    conn.execute_batch("BEGIN")?;
    let mut customer =
        conn.prepare("INSERT INTO customer (id, name, title, made_ms) VALUES (?1, 'c-' || ?1, 'Bench', ?2)")?;
    let mut of_plan =
        conn.prepare("INSERT INTO customer_plan (customer, from_hour, plan) VALUES (?1, ?2, ?3)")?;
    let mut account = conn.prepare(
        "INSERT INTO account (id, name, customer, made_ms) VALUES (?1, 'u' || ?1 || '@cloud', ?2, ?3)",
    )?;
    let mut owner =
        conn.prepare("INSERT INTO account_owner (account, from_hour, customer) VALUES (?1, ?2, ?3)")?;
    for n in 0..args.accounts {
        let row = i64::try_from(n)? + 1;
        let payer = i64::try_from(n / args.per_customer)? + 1;
        if n % args.per_customer == 0 {
            customer.execute(params![payer, now_ms])?;
            of_plan.execute(params![payer, i64::MIN, plan])?;
        }
        account.execute(params![row, payer, now_ms])?;
        owner.execute(params![row, i64::MIN, payer])?;
    }
    conn.execute_batch("COMMIT")?;
    let names = METERS.map(|(meter, _)| meter).join(", ");
    let mut usage = conn.prepare(&format!(
        "INSERT INTO usage_hour (account, hour, {names}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    ))?;
    let mut random = 1_u64;
    for hour in 0..=args.history {
        conn.execute_batch("BEGIN")?;
        for n in 0..args.accounts {
            let (row, hour) = (i64::try_from(n)? + 1, first.0 + i64::try_from(hour)?);
            let mut values = [row, hour, 0, 0, 0, 0, 0, 0, 0, 0];
            for (slot, (_, usual)) in values.iter_mut().skip(2).zip(METERS) {
                // A fixed sequence, so that every run has the same figures.
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *slot = usual / 100 * i64::try_from(random >> 57)? + 1;
            }
            usage.execute(rusqlite::params_from_iter(values))?;
        }
        conn.execute_batch("COMMIT")?;
    }
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    drop((customer, of_plan, account, owner, usage));
    conn.close().map_err(|(_, e)| e)?;
    stack.start_collector()?;
    in_parallel(stack, args.accounts.div_ceil(args.per_customer), |api, n| {
        let (path, key) = (format!("/v1/customers/c-{}/topups", n + 1), format!("bench-{n}"));
        let body = json!({"amount": "1000000", "gateway": "manual", "payment": key});
        api.post(&path, &body, Some(&key))?.ok().map(|_| ())
    })
}

fn open(stack: &Stack) -> Result<Connection> {
    Connection::open(stack.path("data").join("control.db")).context("control.db")
}

/// Runs `work` for 0..count from several senders, so that the collector can group commits.
fn in_parallel(stack: &Stack, count: usize, work: impl Fn(&Api, usize) -> Result<()> + Sync) -> Result<()> {
    std::thread::scope(|scope| {
        let work = &work;
        let senders: Vec<_> = (0..SENDERS)
            .map(|s| scope.spawn(move || (s..count).step_by(SENDERS).try_for_each(|n| work(&stack.api, n))))
            .collect();
        senders.into_iter().try_for_each(|s| s.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?)
    })
}

fn charge(stack: &Stack, until: UtcHour, want: usize) -> Result<Duration> {
    let start = Instant::now();
    let done = stack.api.post("/v1/charge-runs", &json!({"until": until}), None)?.ok()?;
    let took = start.elapsed();
    let charged = done["charged_hours"].as_u64().context("charged_hours")?;
    ensure!(charged == u64::try_from(want)?, "{charged} account hours were charged: {done}");
    Ok(took)
}

/// Bytes of the pages of these tables and indexes, for an account and hour, in tenths.
fn bytes_each(conn: &Connection, tables: &[&str], hours: i64) -> Result<String> {
    let list = tables.iter().map(|t| format!("'{t}'")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name WHERE m.tbl_name IN ({list})"
    );
    let pages: i64 = conn.query_row(&sql, [], |r| r.get(0))?;
    let tenths = pages * 10 / hours;
    Ok(format!("{}.{} bytes", tenths / 10, tenths % 10))
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table, args: &Args) -> Result<()> {
    let mut stack = Stack::new(&Settings::default())?;
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let last = UtcHour(UtcHour::from_ms(now_ms).0 - 1);
    let history = i64::try_from(args.history)?;
    fill(&mut stack, args, UtcHour(last.0 - history))?;
    for hour in 0..history {
        charge(&stack, UtcHour(last.0 - history + hour + 1), args.accounts)?;
    }
    let took = charge(&stack, last.next(), args.accounts)?;
    let ms = u64::try_from(took.as_millis())?.max(1);
    let (accounts, meters) = (args.accounts, METERS.len());
    table.row(
        &format!(
            "charge {accounts} accounts × {meters} meters × 1 hour, {} hours charged before",
            args.history
        ),
        format!("{} accounts/s ({ms} ms)", u64::try_from(accounts)? * 1_000 / ms),
        "–",
        "–",
    );
    let idle = charge(&stack, last.next(), 0)?;
    table.row("charge with nothing to do", format!("{} ms", idle.as_millis()), "–", "–");
    if accounts <= 10_000 {
        stack.hostmeter_ok(&["ledger", "verify"])?;
    }
    stack.collector = None;
    let conn = open(&stack)?;
    let hours = i64::try_from(accounts)? * (history + 1);
    for (what, tables) in [
        ("charges", vec!["charge"]),
        ("usage", vec!["usage_hour"]),
        ("the ledger's entries", vec!["txn", "entry"]),
    ] {
        let each = bytes_each(&conn, &tables, hours)?;
        table.row(&format!("{what}, an account and hour, indexes included"), each, "–", "–");
    }
    Ok(())
}
