//! Settings of the collector: TOML, every fault reported at once with file, key, value and what would be right.

use crate::limits::{BACKUP_KEEP_MAX, TAX_NAME_MAX_CHARS};
use hostmeter_core::config::{self, Fault, Faults, Table};
use hostmeter_core::duration;
use hostmeter_core::ids::PlanId;
use hostmeter_core::ledger::Ppm;
use hostmeter_core::money::{Currency, Money};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the file is looked for when nothing else is said.
pub const DEFAULT_PATH: &str = "/etc/hostmeter/collector.toml";

/// All settings, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Address to serve on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of databases and keys, mode 0700.
    pub data_dir: PathBuf,
    /// Directory of the journal, on another disk; absent: no journal is kept.
    pub journal_dir: Option<PathBuf>,
    /// `[backup]`; absent: agents forget what is stored here, whether a backup holds it or not.
    pub backup: Option<Backup>,
    /// The file that these settings are from.
    pub file: Option<PathBuf>,
    /// `[tls]`; absent: plain HTTP.
    pub tls: Option<Tls>,
    /// `[store]`
    pub store: StoreKind,
    /// `[billing]`
    pub billing: Billing,
    /// `[breaker]`
    pub breaker: Breaker,
}

/// `[tls]`: files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
    /// Authorities whose certificates agents need; absent: agents need none.
    pub client_ca: Option<PathBuf>,
}

/// `[backup]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Directory in which every backup gets its own.
    pub dir: PathBuf,
    /// From one to the next, milliseconds.
    pub every_ms: i64,
    /// How many are kept.
    pub keep: usize,
}

/// `[store] kind`: where time series for graphs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// SQLite, beside control.db.
    Sqlite,
}

/// `[billing]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    /// Of every balance and of new plans.
    pub currency: Currency,
    /// Plan of a new customer.
    pub default_plan: PlanId,
    /// From a negative balance to suspension, milliseconds.
    pub grace_ms: i64,
    /// From suspension to deletion, milliseconds.
    pub delete_after_ms: i64,
    /// How old the final notice must be before a deletion, milliseconds.
    pub final_notice_ms: i64,
    /// How far below zero a balance may fall before it is suspended within the grace.
    pub overdraft: Money,
    /// Customers are told when balance less pending falls below this; absent: only by how long it lasts.
    pub low_below: Option<Money>,
    /// What a month paid in time adds to the grace, milliseconds.
    pub trust_month_ms: i64,
    /// What all of them add at most, milliseconds.
    pub trust_max_ms: i64,
    /// So much trust allows a promise, milliseconds.
    pub promise_trust_ms: i64,
    /// By how much a promise extends the grace, milliseconds.
    pub promise_ms: i64,
    /// From one promise to the next, milliseconds.
    pub promise_every_ms: i64,
    /// From a deletion to the purge, milliseconds.
    pub retention_ms: i64,
    /// An hour of a silent host is closed after this, milliseconds.
    pub close_lag_ms: i64,
    /// What a referrer gets of the payments of whom it brought.
    pub referral: Ppm,
    /// How long after a payment the referrer gets it, milliseconds.
    pub referral_delay_ms: i64,
    /// The tax in all prices.
    pub tax: Ppm,
    /// What statements call it.
    pub tax_name: String,
}

/// `[breaker]`: when too many are hit at once within 24 hours, nothing more is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Suspensions that are always allowed.
    pub suspensions: u32,
    /// Suspensions allowed in percent of the accounts, where that is more.
    pub suspensions_percent: u32,
    /// Deletions that are always allowed.
    pub deletions: u32,
    /// Deletions allowed in percent of the accounts, where that is more.
    pub deletions_percent: u32,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {source}; write it, or name another with --config", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Readable, but wrong: every fault found.
    #[error(transparent)]
    Faults(#[from] config::ConfigError),
}

impl Config {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let config = Self::parse(&path.display().to_string(), &text)?;
        Ok(Self { file: Some(path.to_owned()), ..config })
    }

    /// Checks the text of a file; `file` is only for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let root = config::parse(file, text)?;
        let mut faults = Faults::default();
        let config = read(&root, &mut faults);
        match (faults.into_error(file), config) {
            (None, Ok(config)) => Ok(config),
            (Some(faults), _) => Err(faults.into()),
            // A default that does not pass its own check: a test reads an empty file.
            (None, Err(fault)) => {
                Err(config::ConfigError { file: file.to_owned(), faults: vec![fault] }.into())
            }
        }
    }

    /// control.db.
    pub fn control_db(&self) -> PathBuf {
        self.data_dir.join("control.db")
    }

    /// The usage store's file.
    pub fn usage_db(&self) -> PathBuf {
        self.data_dir.join("usage.db")
    }
}

fn read(root: &toml::Table, faults: &mut Faults) -> Result<Config, Fault> {
    let known = ["listen", "data_dir", "journal_dir", "backup", "tls", "store", "billing", "breaker"];
    let root = Table::new("", root, &known, faults);
    let listen =
        or(root.read("listen", faults, |s| SocketAddr::from_str(s).map_err(|_| LISTEN)), "127.0.0.1:8080")?;
    let data_dir = root.read("data_dir", faults, absolute);
    let data_dir = data_dir.unwrap_or_else(|| PathBuf::from("/var/lib/hostmeter-collector"));
    let outside = |text: &str| match absolute(text)? {
        path if path.starts_with(&data_dir) => Err("must be outside of data_dir, best on another disk"),
        path => Ok(path),
    };
    let journal_dir = root.read("journal_dir", faults, outside);
    let backup = root.table("backup", &["dir", "every", "keep"], faults).map(|t| {
        if t.value("dir").is_none() {
            t.fault("dir", "is missing; it names the directory in which every backup gets its own", faults);
        }
        let dir = t.read("dir", faults, outside).unwrap_or_default();
        let every_ms = t.read("every", faults, at_least_a_second).unwrap_or(6 * 3_600_000);
        let keep = t.integer("keep", 1, i64::from(BACKUP_KEEP_MAX), faults).unwrap_or(7);
        Backup { dir, every_ms, keep: usize::try_from(keep).unwrap_or(1) }
    });
    let tls = root.table("tls", &["cert", "key", "client_ca"], faults).map(|t| read_tls(&t, faults));
    if let Some(store) = root.table("store", &["kind"], faults) {
        store.read("kind", faults, |word| {
            if word == "sqlite" { Ok(()) } else { Err("must be \"sqlite\", the only store of this version") }
        });
    }
    Ok(Config {
        listen,
        data_dir,
        journal_dir,
        backup,
        file: None,
        tls,
        store: StoreKind::Sqlite,
        billing: read_billing(&root, faults)?,
        breaker: read_breaker(&root, faults),
    })
}

const LISTEN: &str = "must be an address and a port, for example \"127.0.0.1:8080\" or \"[::]:8443\"";

/// What was read, or its default.
fn or<T: FromStr<Err: fmt::Display>>(read: Option<T>, default: &str) -> Result<T, Fault> {
    read.map_or_else(|| default.parse().map_err(|e: T::Err| fault(default, &e)), Ok)
}

fn fault(default: &str, why: &dyn fmt::Display) -> Fault {
    Fault { key: String::new(), value: default.to_owned(), want: why.to_string() }
}

fn absolute(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("must be an absolute path") }
}

fn at_least_a_second(text: &str) -> Result<i64, String> {
    match duration::parse(text) {
        Ok(ms) if ms >= 1_000 => Ok(ms),
        Ok(_) => Err("must be a second or more, for example \"6h\"".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

fn read_tls(table: &Table<'_>, faults: &mut Faults) -> Tls {
    let mut file = |name| {
        if table.value(name).is_none() {
            table.fault(name, "is missing; it names a file in PEM", faults);
        }
        table.read(name, faults, absolute).unwrap_or_default()
    };
    let (cert, key) = (file("cert"), file("key"));
    Tls { cert, key, client_ca: table.read("client_ca", faults, absolute) }
}

fn read_billing(root: &Table<'_>, faults: &mut Faults) -> Result<Billing, Fault> {
    let known = [
        "currency",
        "default_plan",
        "grace",
        "delete_after",
        "final_notice",
        "overdraft",
        "close_lag",
        "low_below",
        "trust_month",
        "trust_max",
        "promise_trust",
        "promise",
        "promise_every",
        "retention",
        "referral_percent",
        "referral_delay",
        "tax_percent",
        "tax_name",
    ];
    let table = root.table("billing", &known, faults);
    let t = table.as_ref();
    let currency = t.and_then(|t| t.read("currency", faults, Currency::parse));
    let default_plan = t.and_then(|t| t.read("default_plan", faults, PlanId::parse));
    let overdraft = t.and_then(|t| t.read("overdraft", faults, not_negative));
    let low_below = t.and_then(|t| t.read("low_below", faults, not_negative));
    let referral = t.and_then(|t| t.read("referral_percent", faults, |s| Ppm::parse_percent(s, 100)));
    let tax = t.and_then(|t| t.read("tax_percent", faults, |s| Ppm::parse_percent(s, 100)));
    let tax_name = t.and_then(|t| t.read("tax_name", faults, tax_name));
    let mut ms = |name, days: i64| {
        let given = t.and_then(|t| t.read(name, faults, duration::parse));
        given.unwrap_or(days.saturating_mul(24 * 3_600_000))
    };
    Ok(Billing {
        currency: currency.map_or_else(|| Currency::parse("EUR").map_err(|e| fault("EUR", &e)), Ok)?,
        default_plan: default_plan
            .map_or_else(|| PlanId::parse("basic").map_err(|e| fault("basic", &e)), Ok)?,
        grace_ms: ms("grace", 7),
        delete_after_ms: ms("delete_after", 30),
        final_notice_ms: ms("final_notice", 7),
        overdraft: overdraft.unwrap_or(Money::from_micros(5_000_000)),
        low_below,
        trust_month_ms: ms("trust_month", 2),
        trust_max_ms: ms("trust_max", 14),
        promise_trust_ms: ms("promise_trust", 4),
        promise_ms: ms("promise", 7),
        promise_every_ms: ms("promise_every", 30),
        retention_ms: ms("retention", 14),
        close_lag_ms: ms("close_lag", 2),
        referral: referral.unwrap_or_default(),
        referral_delay_ms: ms("referral_delay", 14),
        tax: tax.unwrap_or_default(),
        tax_name: tax_name.unwrap_or_else(|| "VAT".to_owned()),
    })
}

fn tax_name(text: &str) -> Result<String, String> {
    let chars = text.chars().count();
    if (1..=TAX_NAME_MAX_CHARS).contains(&chars) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("must be 1 to {TAX_NAME_MAX_CHARS} characters, for example \"VAT\""))
}

fn not_negative(text: &str) -> Result<Money, String> {
    match Money::parse(text) {
        Ok(m) if m >= Money::ZERO => Ok(m),
        Ok(_) => Err("must be an amount that is not negative, for example \"5.00\"".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

fn read_breaker(root: &Table<'_>, faults: &mut Faults) -> Breaker {
    let known = ["suspensions", "suspensions_percent", "deletions", "deletions_percent"];
    let table = root.table("breaker", &known, faults);
    let mut count = |name, max: u32, default: u32| {
        let given = table.as_ref().and_then(|t| t.integer(name, 0, i64::from(max), faults));
        given.and_then(|n| u32::try_from(n).ok()).unwrap_or(default)
    };
    Breaker {
        suspensions: count("suspensions", u32::MAX, 10),
        suspensions_percent: count("suspensions_percent", 100, 5),
        deletions: count("deletions", u32::MAX, 3),
        deletions_percent: count("deletions_percent", 100, 1),
    }
}

#[cfg(test)]
mod tests;
