//! From a credit to the desired state at the agent, while batches of other hosts come in: a real collector, agent and
//! executor. The executor's driver is a program that notes when it was called, so that its start is in the figure.

use crate::ingest::sender::{self, request};
use crate::table::{Table, ms};
use anyhow::{Context, Result, anyhow, ensure};
use hostmeter_tests::fleet::Host;
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::stack::{HOST, Settings, Stack};
use hostmeter_tests::users::{Homes, TempUser, is_root};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Accounts in each batch of the other hosts.
const ACCOUNTS: u32 = 100;
/// Between two looks at what the program noted.
const LOOK: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(60);

/// How much is done.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Credits
    #[arg(long, default_value_t = 100)]
    credits: u32,
    /// Hosts that send batches meanwhile
    #[arg(long, default_value_t = 50)]
    hosts: u32,
    /// Pause of each of them between two batches, milliseconds
    #[arg(long, default_value_t = 250)]
    pause_ms: u64,
    /// Batches that each of them sends at most
    #[arg(long, default_value_t = 400)]
    batches: usize,
}

/// How often the program was called with this action.
fn calls(notes: &Path, action: &str) -> usize {
    let text = std::fs::read_to_string(notes).unwrap_or_default();
    text.lines().filter(|line| *line == action).count()
}

/// Waits for one more call, and returns when it was seen.
fn one_more(notes: &Path, action: &str, before: usize) -> Result<Instant> {
    let end = Instant::now() + LIMIT;
    loop {
        if calls(notes, action) > before {
            return Ok(Instant::now());
        }
        ensure!(Instant::now() < end, "no {action} within {LIMIT:?}");
        std::thread::park_timeout(LOOK);
    }
}

fn write_program(path: &Path, notes: &Path) -> Result<()> {
    let text = format!(
        "#!/bin/sh\nread -r line\ncase \"$line\" in\n*'\"action\":\"suspend\"'*) echo suspend >> {0};;\n\
         *'\"action\":\"resume\"'*) echo resume >> {0};;\nesac\n",
        notes.display()
    );
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

/// A plan, a customer with its account, and credit.
fn open_account(stack: &Stack, account: &str) -> Result<()> {
    let plan = json!({"id": "basic", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z",
        "price": [{"meter": "cpu_usec", "amount": "0.01", "per": "3600000000"}]});
    stack.api.put("/v1/plans/basic", &plan)?.ok()?;
    let customer = json!({"id": "c-1", "name": "Shop", "plan": "basic", "billing_zone": "UTC"});
    stack.api.post("/v1/customers", &customer, None)?.ok()?;
    stack.api.post("/v1/accounts", &json!({"id": account, "customer": "c-1"}), None)?.ok()?;
    credit(stack, "start")
}

fn credit(stack: &Stack, payment: &str) -> Result<()> {
    let body = json!({"amount": "1001.00", "gateway": "manual", "payment": payment});
    stack.api.post("/v1/customers/c-1/topups", &body, Some(payment))?.ok()?;
    Ok(())
}

/// Takes the credit away and gives it back; the time from the request to the program's call.
fn once(stack: &Stack, notes: &Path, number: u32) -> Result<Duration> {
    let (suspended, resumed) = (calls(notes, "suspend"), calls(notes, "resume"));
    let balance = stack.api.get("/v1/customers/c-1/balance")?.ok()?;
    let text = balance["balance"].as_str().context("balance")?;
    let whole = text.split('.').next().unwrap_or(text).trim_start_matches('-');
    let body = json!({"amount": format!("-{}", whole.parse::<i64>()? + 10), "reason": "bench"});
    stack.api.post("/v1/customers/c-1/adjustments", &body, Some(&format!("take-{number}")))?.ok()?;
    one_more(notes, "suspend", suspended).with_context(|| standing(stack))?;
    // The outcome is reported with a batch; a credit comes at any time after it.
    std::thread::park_timeout(Duration::from_millis(u64::from(number % 17) * 23));
    let begin = Instant::now();
    credit(stack, &format!("give-{number}"))?;
    Ok(one_more(notes, "resume", resumed).with_context(|| standing(stack))? - begin)
}

/// Where the customer and the commands stand, to find out why nothing happens.
fn standing(stack: &Stack) -> String {
    ["/v1/customers/c-1/standing", "/v1/commands"]
        .map(|path| stack.api.get(path).map_or_else(|e| e.to_string(), |r| r.body.to_string()))
        .join("\n")
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table, args: &Args) -> Result<()> {
    ensure!(is_root(), "needs root, to make a user");
    let homes = Homes::new()?;
    let user = TempUser::new(homes.path())?;
    let (program, notes) = (homes.path().join("driver"), homes.path().join("notes"));
    write_program(&program, &notes)?;
    let mut stack = Stack::new(&Settings {
        tls: true,
        interval: "1s",
        billing: "default_plan = \"basic\"\noverdraft = \"0\"\n[breaker]\nsuspensions = 1000000".to_owned(),
        executor: Some(format!(
            "driver = \"exec\"\nmin_suspended = \"0s\"\nmax_suspensions_per_hour = 10000\n[exec]\nprogram = {program:?}\n"
        )),
        ..Settings::default()
    })?;
    let account = format!("{}@{HOST}", user.name);
    open_account(&stack, &account)?;
    stack.enroll_and_start()?;
    let mut burner = homes.command_as(&user, "burner")?;
    let _burner = Running::start("burner", burner.args(["0.1", "--linger", "3600"]), homes.path())?;
    wait_for("the account to be seen by its host", LIMIT, || {
        let row: Value = stack.api.get(&format!("/v1/accounts/{account}"))?.ok()?;
        Ok((row["uid"] == json!(user.uid)).then_some(()))
    })?;
    let mut work = Vec::new();
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let from_ms = now_ms - i64::try_from(args.batches)? * 1_000;
    for number in 0..args.hosts {
        let mut host = Host::enroll(&stack, number, from_ms)?;
        let batch = |_| Ok(request("/v1/batches", "application/octet-stream", &host.next_batch(ACCOUNTS)?));
        work.push((0..args.batches).map(batch).collect::<Result<Vec<_>>>()?);
    }
    let address: SocketAddr = stack.url.trim_start_matches("https://").parse()?;
    let pause = Duration::from_millis(args.pause_ms);
    let load = std::thread::spawn(move || sender::send(address, &work, pause));
    let mut took = Vec::new();
    for number in 0..args.credits {
        if load.is_finished() {
            break;
        }
        took.push(once(&stack, &notes, number)?);
    }
    ensure!(!took.is_empty(), "the load ended before the first credit; raise --batches");
    let sent = load.join().map_err(|_| anyhow!("the load panicked"))??;
    took.sort_unstable();
    let at = |permille: usize| took.get((took.len() - 1) * permille / 1_000).copied().unwrap_or_default();
    let usec = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
    let batches = u64::try_from(args.batches)? * u64::from(args.hosts);
    let per_sec = batches * 1_000_000 / usec(sent.took).max(1);
    table.row(
        &format!(
            "credit → driver called, {} credits, {per_sec} batches/s of {ACCOUNTS} accounts meanwhile: median / p99 / max",
            took.len()
        ),
        format!("{} / {} / {}", ms(usec(at(500))), ms(usec(at(990))), ms(usec(at(1_000)))),
        "–",
        "–",
    );
    Ok(())
}
