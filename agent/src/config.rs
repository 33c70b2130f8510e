//! The agent's configuration: `/etc/hostmeter/agent.toml`.

use crate::http::TlsFiles;
use crate::limits::{
    BACKOFF_MAX_MS, BACKOFF_MIN_MS, DISK_EVERY_DEFAULT_MS, DISK_EVERY_MAX_MS, DISK_EVERY_MIN_MS,
    INTERVAL_MAX_MS, INTERVAL_MIN_MS, SPOOL_DEFAULT_BYTES, SPOOL_MAX_BYTES, SPOOL_MIN_BYTES,
};
use hostmeter_core::config::{self, ConfigError, Faults, Table};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file that is read unless another is named.
pub const DEFAULT_FILE: &str = "/etc/hostmeter/agent.toml";

const TOP_KEYS: &[&str] =
    &["state_dir", "collector", "sample", "accounts", "meters", "executor", "spool", "ship"];
const INTERVAL_DEFAULT_MS: i64 = 10_000;
const BPFFS_DEFAULT: &str = "/sys/fs/bpf";
const STATE_DIR_DEFAULT: &str = "/var/lib/hostmeter-agent";

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where spool, key and enrolment are kept; mode 0700.
    pub state_dir: PathBuf,
    /// `[collector] url`; without it the address of the enrolment is used.
    pub collector_url: Option<String>,
    /// `[collector] ca_file`, `client_cert` and `client_key`.
    pub tls: TlsFiles,
    /// `[sample] interval`, milliseconds.
    pub interval_ms: i64,
    /// `[accounts]`.
    pub accounts: Accounts,
    /// `[meters] kernel`.
    pub kernel: KernelTier,
    /// `[meters] bpffs`: BPF file system in which figures of the eBPF tier outlive the agent; `None` if they need not.
    pub bpffs: Option<PathBuf>,
    /// `[meters.disk] every`, milliseconds; `None`: `[meters.disk] on` is false, and homes are not counted.
    pub disk_every_ms: Option<i64>,
    /// `[executor] socket`; without it this host takes no commands.
    pub executor_socket: Option<PathBuf>,
    /// `[spool] max`: most unacknowledged bytes.
    pub spool_max_bytes: u64,
    /// `[ship] backoff_min`, milliseconds.
    pub backoff_min_ms: i64,
    /// `[ship] backoff_max`, milliseconds.
    pub backoff_max_ms: i64,
}

/// Which uids are accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Lowest uid; without it `UID_MIN` of login.defs.
    pub uid_min: Option<u32>,
    /// Highest uid; without it `UID_MAX` of login.defs.
    pub uid_max: Option<u32>,
    /// Accounts too, though outside the range.
    pub include: Vec<UserRef>,
    /// No accounts, though inside the range.
    pub exclude: Vec<UserRef>,
}

/// A user by number or by name as passwd has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By number.
    Uid(u32),
    /// By name.
    Name(String),
}

/// Where the kernel's figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelTier {
    /// The best that this program and this kernel have.
    Auto,
    /// Adding up in the kernel by eBPF; the agent does not run where that cannot be.
    Ebpf,
    /// Reading /proc.
    Proc,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("{path}: cannot be read: {source}; give another file with --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is wrong; every fault is listed.
    #[error(transparent)]
    Faults(#[from] ConfigError),
}

/// Reads and checks a file.
pub fn load(path: &Path) -> Result<Config, LoadError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    Ok(parse(&path.display().to_string(), &text)?)
}

/// As [`load`], but nobody need have written [`DEFAULT_FILE`]: without it everything has its default.
pub fn load_if_there(path: &Path) -> Result<Config, LoadError> {
    match load(path) {
        Err(LoadError::Read { source, .. })
            if source.kind() == ErrorKind::NotFound && path == Path::new(DEFAULT_FILE) =>
        {
            Ok(parse(DEFAULT_FILE, "")?)
        }
        other => other,
    }
}

/// Checks the text of a file. Every fault is reported at once.
pub fn parse(file: &str, text: &str) -> Result<Config, ConfigError> {
    let root = config::parse(file, text)?;
    let mut faults = Faults::default();
    let top = Table::new("", &root, TOP_KEYS, &mut faults);
    let config = read(&top, &mut faults);
    match faults.into_error(file) {
        Some(error) => Err(error),
        None => Ok(config),
    }
}

fn read(top: &Table<'_>, faults: &mut Faults) -> Config {
    let mut config = Config {
        state_dir: absolute(top, "state_dir", faults).unwrap_or_else(|| PathBuf::from(STATE_DIR_DEFAULT)),
        collector_url: None,
        tls: TlsFiles::default(),
        interval_ms: INTERVAL_DEFAULT_MS,
        accounts: Accounts::default(),
        kernel: KernelTier::Auto,
        bpffs: Some(PathBuf::from(BPFFS_DEFAULT)),
        disk_every_ms: Some(DISK_EVERY_DEFAULT_MS),
        executor_socket: None,
        spool_max_bytes: SPOOL_DEFAULT_BYTES,
        backoff_min_ms: BACKOFF_MIN_MS,
        backoff_max_ms: BACKOFF_MAX_MS,
    };
    if let Some(t) = top.table("collector", &["url", "ca_file", "client_cert", "client_key"], faults) {
        config.collector_url =
            t.read("url", faults, |url| crate::http::Base::parse(url).map(|_| url.to_owned()));
        config.tls = read_tls(&t, faults);
    }
    if let Some(t) = top.table("sample", &["interval"], faults) {
        config.interval_ms = t
            .duration_ms("interval", INTERVAL_MIN_MS, INTERVAL_MAX_MS, faults)
            .unwrap_or(INTERVAL_DEFAULT_MS);
    }
    if let Some(t) = top.table("accounts", &["uid_min", "uid_max", "include", "exclude"], faults) {
        config.accounts = read_accounts(&t, faults);
    }
    if let Some(t) = top.table("meters", &["kernel", "bpffs", "disk"], faults) {
        config.kernel = t.read("kernel", faults, read_kernel).unwrap_or(KernelTier::Auto);
        if let Some(bpffs) = t.read("bpffs", faults, read_bpffs) {
            config.bpffs = bpffs;
        }
        if let Some(t) = t.table("disk", &["on", "every"], faults) {
            let every = t.duration_ms("every", DISK_EVERY_MIN_MS, DISK_EVERY_MAX_MS, faults);
            let is_on = t.flag("on", faults).unwrap_or(true);
            config.disk_every_ms = is_on.then(|| every.unwrap_or(DISK_EVERY_DEFAULT_MS));
        }
    }
    if let Some(t) = top.table("executor", &["socket"], faults) {
        config.executor_socket = absolute(&t, "socket", faults);
    }
    if let Some(t) = top.table("spool", &["max"], faults) {
        let (min, max) = (as_i64(SPOOL_MIN_BYTES), as_i64(SPOOL_MAX_BYTES));
        let bytes = t.integer("max", min, max, faults);
        config.spool_max_bytes = bytes.and_then(|n| u64::try_from(n).ok()).unwrap_or(SPOOL_DEFAULT_BYTES);
    }
    if let Some(t) = top.table("ship", &["backoff_min", "backoff_max"], faults) {
        read_ship(&t, &mut config, faults);
    }
    config
}

fn read_tls(t: &Table<'_>, faults: &mut Faults) -> TlsFiles {
    let ca_file = absolute(t, "ca_file", faults);
    let is_given = |name| t.value(name).is_some();
    match (is_given("client_cert"), is_given("client_key")) {
        (true, false) => t.fault("client_cert", "needs client_key, too", faults),
        (false, true) => t.fault("client_key", "needs client_cert, too", faults),
        _ => {}
    }
    let client = absolute(t, "client_cert", faults).zip(absolute(t, "client_key", faults));
    TlsFiles { ca_file, client }
}

fn read_ship(t: &Table<'_>, config: &mut Config, faults: &mut Faults) {
    if let Some(ms) = t.duration_ms("backoff_min", 1, BACKOFF_MAX_MS, faults) {
        config.backoff_min_ms = ms;
    }
    if let Some(ms) = t.duration_ms("backoff_max", 1, BACKOFF_MAX_MS, faults) {
        config.backoff_max_ms = ms;
    }
    if config.backoff_min_ms > config.backoff_max_ms {
        let max = hostmeter_core::duration::format(config.backoff_max_ms);
        t.fault("backoff_min", format!("must not be above backoff_max, which is {max}"), faults);
    }
}

fn read_accounts(t: &Table<'_>, faults: &mut Faults) -> Accounts {
    let uid = |name: &str, faults: &mut Faults| {
        t.integer(name, 0, i64::from(u32::MAX - 1), faults).and_then(|n| u32::try_from(n).ok())
    };
    let (uid_min, uid_max) = (uid("uid_min", faults), uid("uid_max", faults));
    if let (Some(min), Some(max)) = (uid_min, uid_max)
        && min > max
    {
        t.fault("uid_min", format!("must not be above uid_max, which is {max}"), faults);
    }
    let want = "must be a user name in quotes or a uid without quotes";
    let users = |name: &str, faults: &mut Faults| {
        t.list(name, want, faults, |item| match item {
            toml::Value::Integer(uid) => u32::try_from(*uid).ok().map(UserRef::Uid),
            toml::Value::String(user) if !user.is_empty() => Some(UserRef::Name(user.clone())),
            _ => None,
        })
        .unwrap_or_default()
    };
    Accounts { uid_min, uid_max, include: users("include", faults), exclude: users("exclude", faults) }
}

fn read_kernel(word: &str) -> Result<KernelTier, &'static str> {
    match word {
        "auto" => Ok(KernelTier::Auto),
        "proc" => Ok(KernelTier::Proc),
        "ebpf" => Ok(KernelTier::Ebpf),
        _ => Err("must be \"auto\", \"ebpf\" or \"proc\""),
    }
}

fn read_bpffs(text: &str) -> Result<Option<PathBuf>, &'static str> {
    match Path::new(text) {
        path if path.is_absolute() => Ok(Some(path.to_owned())),
        _ if text == "none" => Ok(None),
        _ => Err("must be an absolute path, like \"/sys/fs/bpf\", or \"none\""),
    }
}

fn absolute(t: &Table<'_>, name: &str, faults: &mut Faults) -> Option<PathBuf> {
    t.read(name, faults, |text| match Path::new(text) {
        path if path.is_absolute() => Ok(path.to_owned()),
        _ => Err("must be an absolute path, like \"/var/lib/hostmeter-agent\""),
    })
}

fn as_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
