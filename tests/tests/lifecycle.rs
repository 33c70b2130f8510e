//! A balance driven through grace, suspension, top-up, resume and deletion by the `linux` driver on a throw-away user,
//! with each step visible in API, panel and ledger.

use anyhow::{Context, Result};
use hostmeter_core::units::UtcHour;
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack, run_ok};
use hostmeter_tests::users::{Homes, TempUser, is_root};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(3);
const DELETE_AFTER: Duration = Duration::from_secs(3);

/// A hash as in `/etc/shadow` that no password has: an account without one is locked from the start.
const HASH: &str = "$6$hostmeter$nobody.has.this.password";
const CRONTAB: &str = "0 4 * * * true\n";

/// The user's line in /etc/shadow.
fn shadow(user: &str) -> Result<String> {
    let text = std::fs::read_to_string("/etc/shadow")?;
    let line = text.lines().find(|l| l.split(':').next() == Some(user));
    Ok(line.with_context(|| format!("{user} in /etc/shadow"))?.to_owned())
}

fn processes_of(uid: u32) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir("/proc")? {
        let status = std::fs::read_to_string(entry?.path().join("status")).unwrap_or_default();
        let uid_line = status.lines().find(|l| l.starts_with("Uid:"));
        let real = uid_line.and_then(|l| l.split_whitespace().nth(1)).and_then(|u| u.parse().ok());
        let dead = status.lines().any(|l| l.starts_with("State:") && (l.contains('Z') || l.contains('X')));
        count += usize::from(real == Some(uid) && !dead);
    }
    Ok(count)
}

struct Case<'a> {
    stack: &'a Stack,
    user: &'a TempUser,
}

impl Case<'_> {
    fn account(&self) -> String {
        format!("{}@{HOST}", self.user.name)
    }

    fn balance(&self) -> Result<Value> {
        self.stack.api.get("/v1/customers/c-1/balance")?.ok()
    }

    /// Waits until the customer is in a state, as the API says it.
    fn until(&self, state: &str) -> Result<()> {
        wait_for(&format!("the customer to be {state}"), LIMIT, || {
            Ok((self.balance()?["state"] == state).then_some(()))
        })
    }

    /// Waits until the newest command with this action is done.
    fn until_done(&self, action: &str) -> Result<Value> {
        let last = std::cell::RefCell::new(Value::Null);
        wait_for(&format!("{action} to be done"), LIMIT, || {
            let list = self.stack.api.get(&format!("/v1/commands?account={}", self.account()))?.ok()?;
            last.replace(list.clone());
            let rows = list["commands"].as_array().context("commands")?;
            let newest = rows.iter().filter(|c| c["action"] == action).max_by_key(|c| c["id"].as_i64());
            Ok(newest.filter(|c| c["state"] == "done").cloned())
        })
        .with_context(|| format!("commands: {}", last.borrow()))
    }

    fn crontab(&self, homes: &Path) -> Option<String> {
        std::fs::read_to_string(homes.join("cron").join(&self.user.name)).ok()
    }

    /// Usage of an hour that is over, worth about 2 EUR, then a charge.
    fn use_up(&self, key: &str) -> Result<()> {
        let ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let hour = UtcHour(UtcHour::from_ms(i64::try_from(ms)?).0 - 1);
        let rows = json!([{"account": self.account(), "meter": "cpu_usec", "hour": hour, "quantity": 200 * 3_600_000_000_i64}]);
        self.stack.api.post("/v1/usage-import", &json!({"source": "test", "rows": rows}), Some(key))?.ok()?;
        self.stack.hostmeter_ok(&["charge"])?;
        Ok(())
    }

    fn top_up(&self, amount: &str, payment: &str) -> Result<()> {
        let body = json!({"amount": amount, "gateway": "manual", "payment": payment});
        self.stack.api.post("/v1/customers/c-1/topups", &body, Some(payment))?.ok()?;
        Ok(())
    }
}

fn settings(homes: &Path) -> Settings {
    let (quarantine, archive, cron) = (homes.join("quarantine"), homes.join("archive"), homes.join("cron"));
    Settings {
        interval: "300ms",
        billing: format!(
            "default_plan = \"basic\"\ngrace = \"{}s\"\ndelete_after = \"{}s\"\nfinal_notice = \"1s\"\noverdraft = \"100.00\"",
            GRACE.as_secs(),
            DELETE_AFTER.as_secs()
        ),
        executor: Some(format!(
            "driver = \"linux\"\nmin_suspended = \"1s\"\n[linux]\nhome_roots = [{homes:?}]\nquarantine_dir = {quarantine:?}\narchive_dir = {archive:?}\ncrontab_dir = {cron:?}\nkill_grace = \"500ms\""
        )),
        ..Settings::default()
    }
}

/// A home with a file, a crontab and a password: something to take away and to give back.
fn furnish(user: &TempUser, homes: &Path) -> Result<()> {
    std::fs::write(user.home.join("index.html"), "the site")?;
    std::fs::create_dir(homes.join("cron"))?;
    std::fs::write(homes.join("cron").join(&user.name), CRONTAB)?;
    run_ok(Command::new("usermod").args(["--password", HASH, &user.name]))?;
    Ok(())
}

/// A plan, a customer, and its account before the host reports it.
fn open_account(stack: &Stack, user: &TempUser) -> Result<()> {
    let plan = json!({"id": "basic", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z",
        "price": [{"meter": "cpu_usec", "amount": "0.01", "per": "3600000000"}]});
    stack.api.put("/v1/plans/basic", &plan)?.ok()?;
    let customer = json!({"id": "c-1", "name": "Shop", "plan": "basic", "billing_zone": "Europe/Riga"});
    assert_eq!(stack.api.post("/v1/customers", &customer, None)?.status, 201);
    let account = json!({"id": format!("{}@{HOST}", user.name), "customer": "c-1"});
    stack.api.post("/v1/accounts", &account, None)?.ok()?;
    Ok(())
}

#[test]
fn from_a_negative_balance_to_a_deletion_and_back_on_a_real_user() -> Result<()> {
    if !is_root() {
        skip(
            "from_a_negative_balance_to_a_deletion_and_back_on_a_real_user",
            "needs root to make and suspend a user",
        );
        return Ok(());
    }
    let homes = Homes::new()?;
    let user = TempUser::new(homes.path())?;
    furnish(&user, homes.path())?;
    let before = shadow(&user.name)?;
    let mut stack = Stack::new(&settings(homes.path()))?;
    open_account(&stack, &user)?;
    stack.enroll_and_start()?;
    let mut sleeper = homes.command_as(&user, "burner")?;
    let _sleeper = Running::start("sleeper", sleeper.args(["0.1", "--linger", "300"]), homes.path())?;
    let case = Case { stack: &stack, user: &user };
    wait_for("the account to be seen by its host", LIMIT, || {
        let row = stack.api.get(&format!("/v1/accounts/{}", case.account()))?.ok()?;
        Ok((row["uid"] == json!(user.uid)).then_some(()))
    })?;

    case.top_up("1.00", "p-1")?;
    assert_eq!(case.balance()?["state"], "active");
    let negative = Instant::now();
    case.use_up("u-1")?;
    let balance = case.balance()?;
    assert_eq!((&balance["balance"], &balance["state"]), (&json!("-1.000000"), &json!("grace")));
    assert_eq!(processes_of(user.uid)?, 1, "accounts run during the grace");
    case.until("suspended")?;
    assert!(negative.elapsed() >= GRACE, "suspended {:?} after the balance fell", negative.elapsed());
    let done = case.until_done("suspend")?;
    assert!(
        done["surfaces"].as_array().is_some_and(|s| !s.is_empty() && s.iter().all(|s| s["ok"] == true)),
        "{done}"
    );
    assert_eq!(processes_of(user.uid)?, 0, "no process of a suspended account lives");
    let locked = shadow(&user.name)?;
    let fields: Vec<&str> = locked.split(':').collect();
    assert_eq!((fields[1], fields[7]), (format!("!{HASH}").as_str(), "1"), "locked and expired: {locked}");
    assert_eq!(case.crontab(homes.path()), None, "the crontab is parked");

    case.top_up("5.00", "p-2")?;
    assert_eq!(case.balance()?["state"], "active", "a credit acts at once");
    case.until_done("resume")?;
    assert_eq!(shadow(&user.name)?, before, "exactly the previous state");
    assert_eq!(case.crontab(homes.path()).as_deref(), Some(CRONTAB));

    let negative = Instant::now();
    case.use_up("u-2")?;
    case.use_up("u-3")?;
    case.use_up("u-4")?;
    case.until("deleted")?;
    let least = GRACE + DELETE_AFTER;
    assert!(negative.elapsed() >= least, "deleted {:?} after the balance fell", negative.elapsed());
    let done = case.until_done("delete")?;
    assert!(!user.home.exists(), "the home is in the quarantine");
    let archive = homes.path().join("archive").join(done["archive"].as_str().context("archive")?);
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--to-stdout", "./index.html", "--file"]).arg(archive);
    assert_eq!(run_ok(&mut tar)?, "the site", "the archive holds the home");

    case.top_up("20.00", "p-3")?;
    case.until("active")?;
    case.until_done("undelete")?;
    assert_eq!(std::fs::read_to_string(user.home.join("index.html"))?, "the site");
    assert_eq!(shadow(&user.name)?, before, "exactly the previous state");
    every_step_is_visible(&stack, &case)
}

fn every_step_is_visible(stack: &Stack, case: &Case<'_>) -> Result<()> {
    let ledger = stack.api.get("/v1/customers/c-1/ledger")?.ok()?;
    let kinds: Vec<&str> =
        ledger["entries"].as_array().context("entries")?.iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|k| **k == "topup").count(), 3, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|k| **k == "charge").count(), 4, "{kinds:?}");
    let events = stack.api.get("/v1/customers/c-1/events")?.ok()?;
    let text = events.to_string();
    for kind in [
        "balance.negative",
        "account.suspend",
        "account.resume",
        "delete.scheduled",
        "account.deleted",
        "account.undelete",
    ] {
        assert!(text.contains(kind), "{kind} is missing in {text}");
    }
    stack.hostmeter_ok(&["ledger", "verify"])?;
    let page = stack.panel("/admin/customers/c-1")?;
    let balance = case.balance()?["balance"].as_str().context("balance")?.to_owned();
    // The page sets the digits below a hundredth smaller.
    let (front, rest) = balance.split_at(balance.len() - 4);
    let balance = format!(">{front}<small>{rest}</small>");
    for word in ["account.suspend", "account.deleted", "5.00", &case.account(), &balance] {
        assert!(page.contains(word), "the customer's page does not show {word}");
    }
    Ok(())
}
