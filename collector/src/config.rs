//! Settings of the collector: TOML, every fault reported at once with file, key, value and what would be right.

mod section;

use hostmeter_core::duration;
use hostmeter_core::ids::PlanId;
use hostmeter_core::money::{Currency, Money};
pub use section::Fault;
use section::Section;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where the file is looked for when nothing else is said.
pub const DEFAULT_PATH: &str = "/etc/hostmeter/collector.toml";

/// All settings, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Address to serve on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of databases and keys, mode 0700.
    pub data_dir: PathBuf,
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
    /// An hour of a silent host is closed after this, milliseconds.
    pub close_lag_ms: i64,
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
    /// Not TOML.
    #[error("{path}: not valid TOML: {message}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser said, with the place.
        message: String,
    },
    /// Readable, but wrong: every fault found.
    #[error("{path}: {n} fault(s):{list}", path = path.display(), n = faults.len(), list = Listed(faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// Every fault, in the order of the file's sections.
        faults: Vec<Fault>,
    },
}

struct Listed<'a>(&'a [Fault]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Config {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Checks the text of a file; `path` is only for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax {
            path: path.to_owned(),
            message: e.to_string(),
        })?;
        let mut faults = Vec::new();
        match read(Section::root(table), &mut faults) {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigError::Faults { path: path.to_owned(), faults }),
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

fn read(mut root: Section, faults: &mut Vec<Fault>) -> Option<Config> {
    let listen = root.text(faults, "listen", "127.0.0.1:8080", |s| {
        s.parse().map_err(|_| {
            "wanted is an address and a port, for example \"127.0.0.1:8080\" or \"[::]:8443\"".to_owned()
        })
    });
    let data_dir = root.text(faults, "data_dir", "/var/lib/hostmeter-collector", absolute);
    let tls = match root.table(faults, "tls") {
        Some(section) => read_tls(section, faults).map(Some),
        None => Some(None),
    };
    let store = root.table_or_empty(faults, "store");
    let store = read_store(store, faults);
    let billing = root.table_or_empty(faults, "billing");
    let billing = read_billing(billing, faults);
    let breaker = root.table_or_empty(faults, "breaker");
    let breaker = read_breaker(breaker, faults);
    root.finish(faults);
    Some(Config {
        listen: listen?,
        data_dir: data_dir?,
        tls: tls?,
        store: store?,
        billing: billing?,
        breaker: breaker?,
    })
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("wanted is an absolute path".to_owned()) }
}

fn read_tls(mut s: Section, faults: &mut Vec<Fault>) -> Option<Tls> {
    let cert = s.required(faults, "cert", absolute);
    let key = s.required(faults, "key", absolute);
    s.finish(faults);
    Some(Tls { cert: cert?, key: key? })
}

fn read_store(mut s: Section, faults: &mut Vec<Fault>) -> Option<StoreKind> {
    let kind = s.text(faults, "kind", "sqlite", |word| match word {
        "sqlite" => Ok(StoreKind::Sqlite),
        _ => Err("wanted is \"sqlite\", the only store of this version".to_owned()),
    });
    s.finish(faults);
    kind
}

fn read_billing(mut s: Section, faults: &mut Vec<Fault>) -> Option<Billing> {
    let currency = s.text(faults, "currency", "EUR", |t| Currency::parse(t).map_err(|e| e.to_string()));
    let default_plan =
        s.text(faults, "default_plan", "basic", |t| PlanId::parse(t).map_err(|e| e.to_string()));
    let overdraft = s.text(faults, "overdraft", "5.00", |t| match Money::parse(t) {
        Ok(m) if m >= Money::ZERO => Ok(m),
        Ok(_) => Err("wanted is an amount that is not negative, for example \"5.00\"".to_owned()),
        Err(e) => Err(e.to_string()),
    });
    let grace_ms = s.text(faults, "grace", "7d", milliseconds);
    let delete_after_ms = s.text(faults, "delete_after", "30d", milliseconds);
    let final_notice_ms = s.text(faults, "final_notice", "7d", milliseconds);
    let close_lag_ms = s.text(faults, "close_lag", "48h", milliseconds);
    s.finish(faults);
    Some(Billing {
        currency: currency?,
        default_plan: default_plan?,
        grace_ms: grace_ms?,
        delete_after_ms: delete_after_ms?,
        final_notice_ms: final_notice_ms?,
        overdraft: overdraft?,
        close_lag_ms: close_lag_ms?,
    })
}

fn milliseconds(text: &str) -> Result<i64, String> {
    duration::parse(text)
        .map_err(|_| "wanted is a whole number and a unit: 500ms, 10s, 15m, 48h, 7d".to_owned())
}

fn read_breaker(mut s: Section, faults: &mut Vec<Fault>) -> Option<Breaker> {
    let suspensions = s.count(faults, "suspensions", 10, u32::MAX);
    let suspensions_percent = s.count(faults, "suspensions_percent", 5, 100);
    let deletions = s.count(faults, "deletions", 3, u32::MAX);
    let deletions_percent = s.count(faults, "deletions_percent", 1, 100);
    s.finish(faults);
    Some(Breaker {
        suspensions: suspensions?,
        suspensions_percent: suspensions_percent?,
        deletions: deletions?,
        deletions_percent: deletions_percent?,
    })
}

#[cfg(test)]
mod tests;
