//! A balance driven through grace, suspension, top-up, resume and deletion by the `linux` driver on a throw-away user,
//! with each step visible in API, panel and ledger.

use anyhow::{Context, Result};
use hostmeter_core::units::UtcHour;
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{HOST, Settings, Stack, run, run_ok};
use hostmeter_tests::users::{Homes, TempUser, is_root, uid_of};
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
    settings_with(homes, "")
}

/// With more settings of `[billing]`.
fn settings_with(homes: &Path, billing: &str) -> Settings {
    let (quarantine, archive, cron) = (homes.join("quarantine"), homes.join("archive"), homes.join("cron"));
    Settings {
        interval: "300ms",
        billing: format!(
            "default_plan = \"basic\"\ngrace = \"{}s\"\ndelete_after = \"{}s\"\nfinal_notice = \"1s\"\noverdraft = \"100.00\"\n{billing}",
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
    assert_eq!(case.balance()?["state"], "low", "a credit acts at once; at this rate it lasts for hours");
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
    case.until("low")?;
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

impl Case<'_> {
    /// Waits until the newest command of the account is this one, and done.
    fn until_last_done(&self, action: &str) -> Result<Value> {
        wait_for(&format!("{action} to be the last and done"), LIMIT, || {
            let list = self.stack.api.get(&format!("/v1/commands?account={}", self.account()))?.ok()?;
            let rows = list["commands"].as_array().context("commands")?;
            let newest = rows.iter().max_by_key(|c| c["id"].as_i64());
            Ok(newest.filter(|c| c["action"] == action && c["state"] == "done").cloned())
        })
    }

    fn is_locked(&self) -> Result<bool> {
        Ok(shadow(&self.user.name)?.contains(&format!(":!{HASH}:")))
    }

    fn refused(&self, args: &[&str], want: &str) -> Result<()> {
        let out = run(&mut self.stack.hostmeter(args)?)?;
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && text.contains(want), "{args:?}: {text}");
        Ok(())
    }
}

#[test]
fn promise_abuse_leaving_and_purge_on_a_real_user() -> Result<()> {
    if !is_root() {
        skip("promise_abuse_leaving_and_purge_on_a_real_user", "needs root to make and suspend a user");
        return Ok(());
    }
    let homes = Homes::new()?;
    let user = TempUser::new(homes.path())?;
    furnish(&user, homes.path())?;
    let more = "promise_trust = \"0s\"\npromise = \"3s\"\nretention = \"2s\"";
    let mut stack = Stack::new(&settings_with(homes.path(), more))?;
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
    promised(&case)?;
    abused(&case)?;
    leaving(&case)?;
    purged(&case, homes.path())
}

/// A promise lengthens the grace, once.
fn promised(case: &Case<'_>) -> Result<()> {
    case.refused(&["customer", "promise", "c-1"], "while the balance is below zero")?;
    let negative = Instant::now();
    case.use_up("u-1")?;
    case.stack.hostmeter_ok(&["customer", "promise", "c-1"])?;
    assert_eq!(case.balance()?["state"], "promised");
    case.until("suspended")?;
    assert!(negative.elapsed() >= GRACE + Duration::from_secs(3), "after {:?}", negative.elapsed());
    case.until_last_done("suspend")?;
    assert_eq!((processes_of(case.user.uid)?, case.is_locked()?), (0, true));
    case.top_up("5.00", "p-2")?;
    case.until_last_done("resume")?;
    assert!(!case.is_locked()?);
    Ok(())
}

/// What staff suspends for abuse no payment lifts.
fn abused(case: &Case<'_>) -> Result<()> {
    case.stack.hostmeter_ok(&["customer", "hold", "c-1"])?;
    case.stack.hostmeter_ok(&["customer", "abuse", "c-1", "--reason", "sends spam"])?;
    case.until_last_done("suspend")?;
    assert!(case.is_locked()?);
    case.top_up("1.00", "p-3")?;
    assert!(case.stack.panel("/admin/customers/c-1")?.contains("sends spam"));
    case.refused(&["customer", "close", "c-1"], "customer abuse --off")?;
    case.stack.hostmeter_ok(&["customer", "abuse", "c-1", "--off"])?;
    case.until_last_done("resume")?;
    assert!(!case.is_locked()?);
    case.stack.hostmeter_ok(&["customer", "hold", "c-1", "--off"])?;
    Ok(())
}

/// Leaving stops the account and waits for its last hour; whoever has none gets the money back at once.
fn leaving(case: &Case<'_>) -> Result<()> {
    case.stack.hostmeter_ok(&["customer", "close", "c-1"])?;
    case.until_last_done("suspend")?;
    assert!(case.is_locked()?);
    let standing = case.stack.hostmeter_ok(&["--json", "customer", "standing", "c-1"])?;
    let standing: Value = serde_json::from_str(&standing)?;
    assert_eq!(standing["state"], "closing", "the hour that runs is not over");
    case.stack.hostmeter_ok(&["customer", "reopen", "c-1"])?;
    case.until_last_done("resume")?;
    assert!(!case.is_locked()?);

    let api = &case.stack.api;
    api.post("/v1/customers", &json!({"id": "c-2", "name": "Guest", "plan": "basic"}), None)?.ok()?;
    let paid = json!({"amount": "3.00", "gateway": "manual", "payment": "p-9"});
    api.post("/v1/customers/c-2/topups", &paid, Some("p-9"))?.ok()?;
    case.stack.hostmeter_ok(&["customer", "close", "c-2"])?;
    let ledger = api.get("/v1/customers/c-2/ledger")?.ok()?;
    assert_eq!(ledger["entries"][1]["kind"], "refund", "{ledger}");
    assert_eq!(ledger["entries"][1]["balance_after"], "0.000000", "{ledger}");
    Ok(())
}

/// Not paid, it is deleted, and when the retention is over nothing is left.
fn purged(case: &Case<'_>, homes: &Path) -> Result<()> {
    for key in ["u-2", "u-3", "u-4", "u-5"] {
        case.use_up(key)?;
    }
    case.until("purged")?;
    case.until_last_done("purge")?;
    let left: Vec<_> = std::fs::read_dir(homes.join("quarantine"))?.filter_map(Result::ok).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(uid_of(&case.user.name)?, None, "the user is gone from passwd");
    let balance = case.balance()?;
    assert_eq!((&balance["balance"], &balance["state"]), (&json!("0.000000"), &json!("purged")));
    wait_for("the purge to be told", LIMIT, || {
        let events = case.stack.api.get("/v1/customers/c-1/events")?.ok()?.to_string();
        Ok(events.contains("account.purged").then_some(()))
    })?;
    case.stack.hostmeter_ok(&["ledger", "verify"])?;
    Ok(())
}
