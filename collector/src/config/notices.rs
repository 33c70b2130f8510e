//! `[notices]`, `[smtp]`, `[[webhook]]` and `[telegram]`: how notices and alerts leave the collector.

use crate::limits::{CHANNEL_TIMEOUT_MAX_MS, CHANNEL_TIMEOUT_MIN_MS, SECRET_FILE_MAX_BYTES, WEBHOOKS_MAX};
use hostmeter_core::config::{Faults, Table};
use hostmeter_core::wire::webhook::Secret;
use hostmeter_panel::text::Language;
use lettre::Address;
use lettre::message::Mailbox;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A secret of the configuration. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// The secret.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// Every channel of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// `[notices] language`: of customers that chose none, and of alerts.
    pub language: Language,
    /// `[smtp]`
    pub smtp: Option<Smtp>,
    /// `[[webhook]]`
    pub webhooks: Vec<Webhook>,
    /// `[telegram]`
    pub telegram: Option<Telegram>,
}

/// `[smtp] tls`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Plain at first, then STARTTLS, without which nothing is sent.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None: for a mail server on this machine.
    None,
}

/// `[smtp]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Name of the mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// User and password.
    pub login: Option<(String, Hidden)>,
    /// Sender.
    pub from: Mailbox,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
    /// Who gets alerts.
    pub alerts_to: Vec<Address>,
    /// Trust these authorities (PEM) beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// How long each step may take.
    pub timeout: Duration,
}

/// One `[[webhook]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its name, in the channel `webhook:NAME`.
    pub name: String,
    /// Where it is sent.
    pub url: String,
    /// What it is signed with; several while they are rotated.
    pub secrets: Vec<Hidden>,
    /// It gets notices to customers.
    pub customers: bool,
    /// What it accepted counts as handed over to the customer.
    pub hands_over: bool,
    /// It gets alerts.
    pub alerts: bool,
    /// Trust these authorities (PEM) instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long a request may take.
    pub timeout: Duration,
}

/// `[telegram]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telegram {
    /// The bot's token.
    pub token: Hidden,
    /// The API.
    pub base_url: String,
    /// The chat that gets alerts.
    pub alerts_chat: Option<String>,
    /// How long a request may take.
    pub timeout: Duration,
}

const TIMEOUT_MS: i64 = 10_000;

/// Reads every table; faults are named, and what stands in for them is never used.
pub(super) fn read(root: &Table<'_>, faults: &mut Faults) -> Notices {
    let table = root.table("notices", &["language"], faults);
    let language = table.and_then(|t| t.read("language", faults, Language::parse)).unwrap_or_default();
    Notices {
        language,
        smtp: smtp(root, faults),
        webhooks: webhooks(root, faults),
        telegram: telegram(root, faults),
    }
}

fn need(table: &Table<'_>, name: &str, what: &str, faults: &mut Faults) {
    if table.value(name).is_none() {
        table.fault(name, format!("is missing; {what}"), faults);
    }
}

fn timeout(table: &Table<'_>, faults: &mut Faults) -> Duration {
    let ms = table.duration_ms("timeout", CHANNEL_TIMEOUT_MIN_MS, CHANNEL_TIMEOUT_MAX_MS, faults);
    Duration::from_millis(u64::try_from(ms.unwrap_or(TIMEOUT_MS)).unwrap_or_default())
}

/// A secret by value, or by a file of its own that only the collector's user reads. The value is never repeated.
fn secret(table: &Table<'_>, name: &str, faults: &mut Faults) -> Option<Hidden> {
    let by_file = format!("{name}_file");
    match (table.value(name), table.value(&by_file)) {
        (Some(_), Some(_)) => {
            faults.add(&table.key(&by_file), "", format!("stands beside {name}; keep one of the two"));
            None
        }
        (Some(value), None) => match value.as_str() {
            Some(text) if !text.is_empty() => Some(Hidden(text.to_owned())),
            _ => {
                faults.add(&table.key(name), "", "must be a string in quotes that is not empty");
                None
            }
        },
        (None, _) => table.read(&by_file, faults, |text| from_file(Path::new(text))),
    }
}

fn from_file(path: &Path) -> Result<Hidden, String> {
    if !path.is_absolute() {
        return Err("must be an absolute path".to_owned());
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    let read = file.take(SECRET_FILE_MAX_BYTES.saturating_add(1)).read_to_string(&mut text);
    match read.map_err(|e| format!("cannot be read: {e}"))? {
        n if u64::try_from(n).unwrap_or(u64::MAX) > SECRET_FILE_MAX_BYTES => {
            Err(format!("is larger than {SECRET_FILE_MAX_BYTES} bytes, so it is no file with a secret"))
        }
        _ if text.trim().is_empty() => Err("is empty".to_owned()),
        _ => Ok(Hidden(text.trim().to_owned())),
    }
}

fn mailbox(text: &str) -> Result<Mailbox, &'static str> {
    text.parse().map_err(|_| "must be an address, like \"Hosting <billing@example.com>\"")
}

fn smtp(root: &Table<'_>, faults: &mut Faults) -> Option<Smtp> {
    let known = [
        "host",
        "port",
        "tls",
        "user",
        "password",
        "password_file",
        "from",
        "reply_to",
        "alerts_to",
        "ca_file",
        "timeout",
    ];
    let t = root.table("smtp", &known, faults)?;
    need(&t, "host", "it names the mail server", faults);
    need(&t, "from", "it names the sender, like \"Hosting <billing@example.com>\"", faults);
    let host = t.read("host", faults, |s| match s {
        "" => Err("must be the name of a mail server"),
        s if s.contains(char::is_whitespace) => Err("must be the name of a mail server, without blanks"),
        s => Ok(s.to_owned()),
    });
    let tls = t.read("tls", faults, |s| match s {
        "starttls" => Ok(SmtpTls::StartTls),
        "implicit" => Ok(SmtpTls::Implicit),
        "none" => Ok(SmtpTls::None),
        _ => Err("must be \"starttls\", \"implicit\" or \"none\""),
    });
    let tls = tls.unwrap_or(SmtpTls::StartTls);
    let usual = match tls {
        SmtpTls::StartTls => 587,
        SmtpTls::Implicit => 465,
        SmtpTls::None => 25,
    };
    let port = t.integer("port", 1, i64::from(u16::MAX), faults).and_then(|n| u16::try_from(n).ok());
    let user = t.text("user", faults);
    let password = secret(&t, "password", faults);
    if user.is_some() && t.value("password").is_none() && t.value("password_file").is_none() {
        t.fault("user", "needs password or password_file", faults);
    }
    if user.is_none() && password.is_some() {
        faults.add(&t.key("user"), "", "is missing beside the password");
    }
    if tls == SmtpTls::None && password.is_some() && host.as_deref().is_some_and(|h| !is_own(h)) {
        t.fault("tls", "must not be \"none\" with a password, unless the server is on this machine", faults);
    }
    let from = t.read("from", faults, mailbox);
    let reply_to = t.read("reply_to", faults, mailbox);
    let alerts_to = t.list("alerts_to", "must be an address, like \"ops@example.com\"", faults, |v| {
        v.as_str().and_then(|s| s.parse().ok())
    });
    let ca_file = t.read("ca_file", faults, certificates);
    let timeout = timeout(&t, faults);
    Some(Smtp {
        host: host?,
        port: port.unwrap_or(usual),
        tls,
        login: user.map(str::to_owned).zip(password),
        from: from?,
        reply_to,
        alerts_to: alerts_to.unwrap_or_default(),
        ca_file,
        timeout,
    })
}

fn certificates(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if !path.is_absolute() {
        return Err("must be an absolute path".to_owned());
    }
    match std::fs::read(&path) {
        Ok(pem) if pem.windows(27).any(|w| w == b"-----BEGIN CERTIFICATE-----") => Ok(path),
        Ok(_) => Err("holds no certificate in PEM".to_owned()),
        Err(e) => Err(format!("cannot be read: {e}")),
    }
}

/// Whether a host is this machine itself.
fn is_own(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// https anywhere, plain http on this machine alone: what is sent names customers and balances.
fn url(text: &str) -> Result<String, &'static str> {
    const WANT: &str = "must be an https address, like \"https://crm.example.com/hooks/hostmeter\" (http only to this machine)";
    let uri: axum::http::Uri = text.parse().map_err(|_| WANT)?;
    let host = uri.host().filter(|h| !h.is_empty()).ok_or(WANT)?;
    let has_login = uri.authority().is_some_and(|a| a.as_str().contains('@'));
    match uri.scheme_str() {
        _ if has_login => Err("must not hold a user or password; receivers know the sender by the signature"),
        Some("https") => Ok(text.trim_end_matches('/').to_owned()),
        Some("http") if is_own(host) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(WANT),
    }
}

/// An address; one that holds a login is not repeated.
fn read_url(t: &Table<'_>, name: &str, faults: &mut Faults) -> Option<String> {
    let text = t.text(name, faults)?;
    url(text)
        .map_err(|why| {
            let shown = if text.contains('@') { String::new() } else { format!("{text:?}") };
            faults.add(&t.key(name), &shown, why);
        })
        .ok()
}

fn webhooks(root: &Table<'_>, faults: &mut Faults) -> Vec<Webhook> {
    let Some(value) = root.value("webhook") else { return Vec::new() };
    let tables: Option<Vec<&toml::Table>> =
        value.as_array().and_then(|a| a.iter().map(|v| v.as_table()).collect());
    let Some(tables) = tables else {
        root.fault("webhook", "must be written as [[webhook]], once for each receiver", faults);
        return Vec::new();
    };
    if tables.len() > WEBHOOKS_MAX {
        faults.add("webhook", &tables.len().to_string(), format!("there may be {WEBHOOKS_MAX} at most"));
    }
    let mut out: Vec<Webhook> = Vec::new();
    for (i, table) in tables.into_iter().take(WEBHOOKS_MAX).enumerate() {
        let known = [
            "name",
            "url",
            "secrets",
            "secret_files",
            "customers",
            "hands_over",
            "alerts",
            "ca_file",
            "timeout",
        ];
        let t = Table::new(&format!("webhook[{i}]"), table, &known, faults);
        let read = webhook(&t, faults);
        if let Some(same) = read.as_ref().filter(|w| out.iter().any(|o| o.name == w.name)) {
            t.fault(
                "name",
                format!("{:?} is taken by another [[webhook]]; names are unique", same.name),
                faults,
            );
        }
        out.extend(read);
    }
    out
}

fn webhook(t: &Table<'_>, faults: &mut Faults) -> Option<Webhook> {
    need(t, "name", "it tells the receiver in lists and alerts, like \"crm\"", faults);
    need(t, "url", "it says where to send", faults);
    let is_name = |s: &str| {
        (1..=32).contains(&s.len())
            && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let name = t.read("name", faults, |s| match is_name(s) {
        true => Ok(s.to_owned()),
        false => Err("must have 1 to 32 lower-case letters, digits and -"),
    });
    let url = read_url(t, "url", faults);
    let secrets = webhook_secrets(t, faults);
    let mut flag = |name| t.flag(name, faults).unwrap_or(true);
    let (customers, hands_over, alerts) = (flag("customers"), flag("hands_over"), flag("alerts"));
    let ca_file = t.read("ca_file", faults, certificates);
    let timeout = timeout(t, faults);
    Some(Webhook { name: name?, url: url?, secrets, customers, hands_over, alerts, ca_file, timeout })
}

fn webhook_secrets(t: &Table<'_>, faults: &mut Faults) -> Vec<Hidden> {
    let mut out: Vec<Hidden> = Vec::new();
    for (list, by_file) in [("secrets", false), ("secret_files", true)] {
        let Some(value) = t.value(list) else { continue };
        let texts: Option<Vec<&str>> = value.as_array().and_then(|a| a.iter().map(|v| v.as_str()).collect());
        let Some(texts) = texts else {
            faults.add(&t.key(list), "", "must be a list of strings: [\"…\"]");
            continue;
        };
        for (i, text) in texts.into_iter().enumerate() {
            let hidden = if by_file { from_file(Path::new(text)) } else { Ok(Hidden(text.to_owned())) };
            let checked =
                hidden.and_then(|h| Secret::parse(h.reveal()).map(|_| h).map_err(|e| e.to_string()));
            match checked {
                Ok(hidden) => out.push(hidden),
                // A path may be shown, a secret never.
                Err(why) => {
                    let shown = if by_file { format!("{text:?}") } else { String::new() };
                    faults.add(&format!("{}[{i}]", t.key(list)), &shown, why);
                }
            }
        }
    }
    let max = hostmeter_core::limits::WEBHOOK_SIGNATURES_MAX;
    if out.is_empty() && t.value("secrets").is_none() && t.value("secret_files").is_none() {
        t.fault(
            "secrets",
            "is missing; name secrets or secret_files, made by: openssl rand -base64 32",
            faults,
        );
    } else if out.len() > max {
        faults.add(&t.key("secrets"), "", format!("may hold {max} at most, those of files included"));
    }
    out
}

fn telegram(root: &Table<'_>, faults: &mut Faults) -> Option<Telegram> {
    let t = root.table("telegram", &["token", "token_file", "base_url", "alerts_chat", "timeout"], faults)?;
    if t.value("token").is_none() && t.value("token_file").is_none() {
        t.fault("token", "is missing; name token or token_file, as @BotFather gave it", faults);
    }
    let token = secret(&t, "token", faults);
    let is_token = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_'));
    if token.as_ref().is_some_and(|t| !is_token(t.reveal())) {
        faults.add(&t.key("token"), "", "holds characters that no token of a bot has");
    }
    let base_url = read_url(&t, "base_url", faults);
    let alerts_chat = t.read("alerts_chat", faults, |s| chat(s).map(|()| s.to_owned()));
    let timeout = timeout(&t, faults);
    let base_url = base_url.unwrap_or_else(|| "https://api.telegram.org".to_owned());
    Some(Telegram { token: token?, base_url, alerts_chat, timeout })
}

/// Whether a text is a chat of Telegram: its number, or the @name of a channel.
pub fn chat(text: &str) -> Result<(), &'static str> {
    let number = text.strip_prefix('-').unwrap_or(text);
    let is_number = (1..=20).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let is_name = text.strip_prefix('@').is_some_and(|n| {
        (5..=32).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    if is_number || is_name {
        Ok(())
    } else {
        Err("must be a chat's number, like \"123456789\", or a channel's @name")
    }
}

#[cfg(test)]
mod tests;
