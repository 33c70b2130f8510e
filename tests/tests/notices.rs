//! Notices from the real collector to a real mail server and a receiver of webhooks that the reference implementation
//! verifies: each once over kills, suspensions that wait for them, and what staff sees when one cannot be delivered.

use anyhow::{Context, Result};
use hostmeter_core::units::UtcHour;
use hostmeter_tests::receivers::{Receivers, python};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::{CERT, KEY, Settings, Stack};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(60);
const SECRETS: [&str; 2] =
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="];
const PASSWORD: &str = "a password for the mail server";

/// A collector with `[smtp]` by STARTTLS and a login, and one webhook; the receivers do not run yet.
struct Case {
    stack: Stack,
    receivers: Receivers,
    // Before the stack's own directory exists, its settings name these files.
    _dir: tempfile::TempDir,
}

impl Case {
    fn new(python: std::path::PathBuf) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(at("cert.pem"), CERT)?;
        std::fs::write(at("key.pem"), KEY)?;
        std::fs::write(at("password"), PASSWORD)?;
        let (cert, key) = (at("cert.pem"), at("key.pem"));
        let [old, new] = SECRETS;
        let arguments =
            ["--cert", &cert, "--key", &key, "--password", PASSWORD, "--secret", old, "--secret", new];
        let receivers = Receivers::new(python, dir.path(), &arguments)?;
        let channels = format!(
            "default_plan = \"basic\"\ngrace = \"2s\"\ndelete_after = \"1d\"\noverdraft = \"100.00\"\n\
             [smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"starttls\"\nca_file = {cert:?}\nuser = \"sender\"\n\
             password_file = {:?}\nfrom = \"Hosting <billing@example.com>\"\nalerts_to = [\"ops@example.com\"]\n\
             [[webhook]]\nname = \"crm\"\nurl = \"http://127.0.0.1:{}/hook\"\nsecrets = {SECRETS:?}\nhands_over = false\n",
            receivers.smtp,
            at("password"),
            receivers.hooks
        );
        let stack = Stack::new(&Settings { billing: channels, ..Settings::default() })?;
        let case = Self { stack, receivers, _dir: dir };
        case.open()?;
        Ok(case)
    }

    fn open(&self) -> Result<()> {
        let plan = json!({"id": "basic", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z",
            "price": [{"meter": "cpu_usec", "amount": "0.01", "per": "3600000000"}]});
        self.stack.api.put("/v1/plans/basic", &plan)?.ok()?;
        let customer = json!({"id": "c-1", "name": "Example Ltd", "billing_zone": "Europe/Riga"});
        self.stack.api.post("/v1/customers", &customer, None)?.ok()?;
        self.stack.hostmeter_ok(&[
            "customer",
            "set",
            "c-1",
            "--email",
            "jane@example.com",
            "--language",
            "ru",
        ])?;
        self.stack.api.post("/v1/accounts", &json!({"id": "shop@api", "customer": "c-1"}), None)?.ok()?;
        Ok(())
    }

    fn adjust(&self, amount: &str, key: &str) -> Result<()> {
        let body = json!({"amount": amount, "reason": "test"});
        self.stack.api.post("/v1/customers/c-1/adjustments", &body, Some(key))?.ok()?;
        Ok(())
    }

    /// Usage worth 2 EUR, charged.
    fn use_up(&self) -> Result<()> {
        let ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let hour = UtcHour(UtcHour::from_ms(i64::try_from(ms)?).0 - 1);
        let rows = json!([{"account": "shop@api", "meter": "cpu_usec", "hour": hour, "quantity": 200 * 3_600_000_000_i64}]);
        self.stack
            .api
            .post("/v1/usage-import", &json!({"source": "test", "rows": rows}), Some("u-1"))?
            .ok()?;
        self.stack.hostmeter_ok(&["charge"])?;
        Ok(())
    }

    fn state(&self) -> Result<String> {
        let balance = self.stack.api.get("/v1/customers/c-1/balance")?.ok()?;
        Ok(balance["state"].as_str().context("state")?.to_owned())
    }

    fn notices(&self) -> Result<Vec<Value>> {
        let page = self.stack.api.get("/v1/customers/c-1/notices?limit=1000")?.ok()?;
        Ok(page["notices"].as_array().context("notices")?.clone())
    }

    /// Waits until no delivery to the customer is pending.
    fn until_settled(&self) -> Result<Vec<Value>> {
        wait_for("every notice to be settled", LIMIT, || {
            let all = self.notices()?;
            let waits = all
                .iter()
                .flat_map(|n| n["deliveries"].as_array())
                .flatten()
                .any(|d| d["state"] == "pending");
            Ok((!waits).then_some(all))
        })
    }

    fn restart(&mut self) -> Result<()> {
        if let Some(mut collector) = self.stack.collector.take() {
            collector.kill();
        }
        self.stack.start_collector()
    }
}

/// How often each id came.
fn counted<'a>(ids: impl Iterator<Item = &'a Value>) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for id in ids.filter_map(Value::as_str) {
        *out.entry(id.to_owned()).or_insert(0) += 1;
    }
    out
}

fn case(test: &str) -> Result<Option<Case>> {
    let Some(python) = python() else {
        skip(test, "aiosmtpd and standardwebhooks cannot be had here (packaging/test-peers)");
        return Ok(None);
    };
    Case::new(python).map(Some)
}

#[test]
fn a_suspension_waits_for_the_mail_and_the_mail_is_right() -> Result<()> {
    let Some(mut case) = case("a_suspension_waits_for_the_mail_and_the_mail_is_right")? else {
        return Ok(());
    };
    case.use_up()?;
    assert_eq!(case.state()?, "grace");
    // The grace of two seconds is long over, and nobody could be told.
    wait_for("a failed attempt", LIMIT, || {
        let all = case.notices()?;
        // The first notice fails, and the others wait behind it.
        let tried = all.iter().flat_map(|n| n["deliveries"].as_array()).flatten();
        let tried = tried.filter(|d| d["channel"] == "smtp").any(|d| d["detail"] != "");
        Ok((tried && all.len() == 2).then_some(()))
    })?;
    std::thread::park_timeout(Duration::from_secs(4));
    assert_eq!(case.state()?, "grace", "a mail that was not accepted suspends nobody");
    case.receivers.start()?;
    wait_for("the suspension", LIMIT, || Ok((case.state()? == "suspended").then_some(())))?;
    case.until_settled()?;

    let mails = case.receivers.mails()?;
    let mail =
        mails.iter().find(|m| m["headers"]["X-Hostmeter-Kind"] == "balance.negative").context("mail")?;
    let headers = &mail["headers"];
    assert_eq!((&mail["sender"], &mail["to"]), (&json!("billing@example.com"), &json!(["jane@example.com"])));
    assert_eq!(
        (&mail["tls"], &mail["login"]),
        (&json!(true), &json!("sender")),
        "by STARTTLS, with the login"
    );
    assert_eq!(
        (&headers["Subject"], &headers["Auto-Submitted"]),
        (&json!("Баланс ниже нуля"), &json!("auto-generated"))
    );
    let id = headers["Message-ID"].as_str().context("Message-ID")?;
    assert!(
        id.starts_with('<') && id.ends_with("@example.com>") && id.len() == 32 + "<@example.com>".len(),
        "{id}"
    );
    let text = mail["text"].as_str().context("text")?;
    for part in [
        "Здравствуйте, Example Ltd!",
        "не менее чем на 2,00\u{a0}EUR",
        "Ваш баланс: -2,00\u{a0}EUR",
        "(Europe/Riga)",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let hooks = case.receivers.came()?;
    assert!(hooks.iter().all(|h| h["verified"] == json!([true, true]) && h["path"] == "/hook"), "{hooks:?}");
    let kinds: Vec<_> = hooks.iter().map(|h| h["body"]["type"].as_str().unwrap_or_default()).collect();
    for kind in ["customer.opened", "balance.negative", "account.suspend"] {
        assert_eq!(kinds.iter().filter(|k| **k == kind).count(), 1, "{kind} in {kinds:?}");
    }
    let page = case.stack.panel("/admin/customers/c-1/notices")?;
    for word in ["Баланс ниже нуля", "smtp", "webhook:crm", "accepted"] {
        assert!(page.contains(word), "{word} is not on the customer's page");
    }
    Ok(())
}

#[test]
fn each_notice_once_over_kills_of_the_collector() -> Result<()> {
    let Some(mut case) = case("each_notice_once_over_kills_of_the_collector")? else { return Ok(()) };
    case.receivers.start()?;
    let swings = 24;
    for n in 0..swings {
        let amount = if n % 2 == 0 { "-1.00" } else { "1.00" };
        // The same request again is the same booking, and the same event.
        case.adjust(amount, &format!("swing-{n}"))?;
        case.adjust(amount, &format!("swing-{n}"))?;
        std::thread::park_timeout(Duration::from_millis(37 * n % 150));
        case.restart()?;
        if n % 8 == 5 {
            case.receivers.kill();
            case.receivers.start()?;
        }
    }
    let notices = case.until_settled()?;
    let count = |kind: &str| notices.iter().filter(|n| n["kind"] == kind).count();
    // Who was told may be suspended before the money comes; it is resumed then.
    let ended = count("balance.recovered") + count("account.resume");
    assert_eq!((count("balance.negative"), ended), (12, 12), "one for each event");
    let (mails, hooks) = (case.receivers.mails()?, case.receivers.came()?);
    let by_mail = counted(mails.iter().map(|m| &m["headers"]["Message-ID"]));
    let by_hook = counted(hooks.iter().map(|h| &h["id"]));
    assert_eq!(
        (by_mail.len(), by_hook.len()),
        (notices.len(), notices.len()),
        "each came, under an id of its own"
    );
    let twice = by_mail.values().chain(by_hook.values()).map(|n| n - 1).sum::<usize>();
    // One message can be between acceptance and commit on each channel when the collector is killed.
    assert!(twice <= 2 * usize::try_from(swings)?, "{twice} came again");
    assert!(hooks.iter().all(|h| h["verified"] == json!([true, true])), "{hooks:?}");
    eprintln!(
        "{} notices on 2 channels, {swings} kills, 0 lost, {twice} again under the same id",
        notices.len()
    );
    Ok(())
}

#[test]
fn an_address_that_is_refused_is_told_mended_and_sent_again() -> Result<()> {
    let Some(mut case) = case("an_address_that_is_refused_is_told_mended_and_sent_again")? else {
        return Ok(());
    };
    case.receivers.start()?;
    case.until_settled()?;
    let set = |email: &str| case.stack.hostmeter_ok(&["customer", "set", "c-1", "--email", email]);
    set("nobody@example.com")?;
    case.adjust("-1.00", "a-1")?;
    case.until_settled()?;
    let list = case.stack.hostmeter_ok(&["customer", "notices", "c-1"])?;
    assert!(list.contains("smtp failed, webhook:crm accepted"), "{list}");
    let alert = wait_for("the alert by mail", LIMIT, || {
        let mails = case.receivers.mails()?;
        Ok(mails.into_iter().find(|m| m["headers"]["X-Hostmeter-Kind"] == "alert.raised"))
    })?;
    assert_eq!(alert["to"], json!(["ops@example.com"]));
    let text = alert["text"].as_str().context("text")?;
    assert!(
        text.contains("550") && text.contains("no such user here") && text.contains("customer resend c-1"),
        "{text}"
    );

    // The first notice of the episode goes to the new address by itself.
    set("jane@example.com")?;
    case.until_settled()?;
    let newest = case.notices()?.into_iter().find(|n| n["kind"] == "balance.negative").context("notice")?;
    assert_eq!(newest["channels"], "smtp accepted, webhook:crm accepted");
    wait_for("the end of the alert by mail", LIMIT, || {
        let mails = case.receivers.mails()?;
        Ok(mails.into_iter().find(|m| m["headers"]["X-Hostmeter-Kind"] == "alert.cleared"))
    })?;
    let id = newest["id"].to_string();
    let again = case.stack.hostmeter_ok(&["customer", "resend", "c-1", &id])?;
    assert_eq!(again.trim(), "sent again on 0 channels", "what was accepted is not sent again");
    Ok(())
}
