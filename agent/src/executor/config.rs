//! Configuration of the executor: `executor.toml`, every fault reported at once.

use super::limits::WINDOW_LIMIT_MAX;
use hostmeter_core::config::{ConfigError, Faults, Table, parse};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the executor keeps its own records.
    pub state_dir: PathBuf,
    /// Where it listens.
    pub socket: PathBuf,
    /// Group that may connect, beside root.
    pub socket_group: Option<String>,
    /// Which driver acts, with its settings.
    pub driver: DriverConfig,
    /// No account is deleted before it was suspended for this long, in milliseconds.
    pub min_suspended_ms: i64,
    /// Suspensions in any hour; more are deferred.
    pub max_suspensions_per_hour: usize,
    /// Deletions in any day; more are deferred.
    pub max_deletions_per_day: usize,
    /// User names that are never acted on.
    pub protected: Vec<String>,
}

/// The chosen driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverConfig {
    /// Acts on passwd, crontab, processes and home by itself.
    Linux(LinuxConfig),
    /// Runs a program of the administrator.
    Exec(ExecConfig),
}

/// Settings of the `linux` driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinuxConfig {
    /// Where deleted homes wait for their purge; on the homes' file system.
    pub quarantine_dir: PathBuf,
    /// Where archives of deleted homes are written.
    pub archive_dir: PathBuf,
    /// Homes are only ever moved or removed below these.
    pub home_roots: Vec<PathBuf>,
    /// Between asking processes to end and killing them.
    pub kill_grace: Duration,
    /// Where cron keeps the users' crontabs.
    pub crontab_dir: PathBuf,
}

/// Settings of the `exec` driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecConfig {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// It is killed with its whole process group after this time.
    pub timeout: Duration,
}

const KEYS: &[&str] = &[
    "state_dir",
    "socket",
    "socket_group",
    "driver",
    "min_suspended",
    "max_suspensions_per_hour",
    "max_deletions_per_day",
    "protected",
    "linux",
    "exec",
];
const LINUX_KEYS: &[&str] = &["quarantine_dir", "archive_dir", "home_roots", "kill_grace", "crontab_dir"];
const EXEC_KEYS: &[&str] = &["program", "args", "timeout"];

const DAY_MS: i64 = 24 * 3_600_000;
const WANT_PATH: &str = "must be an absolute path without `..`, like \"/var/lib/hostmeter-executor\"";
const WANT_NAME: &str = "must be a user's name, like \"backup\"";

/// Reads the text of the file; `file` is its name in messages.
pub fn read(file: &str, text: &str) -> Result<Config, ConfigError> {
    let root = parse(file, text)?;
    let mut faults = Faults::default();
    let top = Table::new("", &root, KEYS, &mut faults);
    let state_dir = path(&top, "state_dir", "/var/lib/hostmeter-executor", &mut faults);
    let linux = top.table("linux", LINUX_KEYS, &mut faults);
    let exec = top.table("exec", EXEC_KEYS, &mut faults);
    // Both tables are read whichever driver is chosen, so that a fault in the other one is named too.
    let linux = read_linux(linux.as_ref(), &state_dir, &mut faults);
    let exec = exec.map(|table| read_exec(&table, &mut faults));
    let config = Config {
        socket: path(&top, "socket", "/run/hostmeter/executor.sock", &mut faults),
        socket_group: top.text("socket_group", &mut faults).map(ToOwned::to_owned),
        driver: choose(&top, linux, exec, &mut faults),
        min_suspended_ms: top
            .duration_ms("min_suspended", 0, 3_650 * DAY_MS, &mut faults)
            .unwrap_or(14 * DAY_MS),
        max_suspensions_per_hour: count(&top, "max_suspensions_per_hour", 10, &mut faults),
        max_deletions_per_day: count(&top, "max_deletions_per_day", 2, &mut faults),
        protected: top
            .list("protected", WANT_NAME, &mut faults, |v| {
                v.as_str().filter(|t| !t.is_empty()).map(Into::into)
            })
            .unwrap_or_default(),
        state_dir,
    };
    match faults.into_error(file) {
        Some(error) => Err(error),
        None => Ok(config),
    }
}

fn choose(
    top: &Table<'_>,
    linux: LinuxConfig,
    exec: Option<ExecConfig>,
    faults: &mut Faults,
) -> DriverConfig {
    const WANT: &str = "must be \"linux\" or \"exec\"";
    match (top.text("driver", faults), exec) {
        (Some("exec"), Some(exec)) => return DriverConfig::Exec(exec),
        (Some("exec"), None) => {
            faults.add("exec.program", "", "is missing; driver = \"exec\" needs [exec] program = \"/…\"");
        }
        (Some("linux"), _) => {}
        (Some(_), _) => top.fault("driver", WANT, faults),
        (None, _) if top.value("driver").is_none() => faults.add("driver", "", format!("is missing; {WANT}")),
        (None, _) => {}
    }
    DriverConfig::Linux(linux)
}

fn read_linux(table: Option<&Table<'_>>, state_dir: &Path, faults: &mut Faults) -> LinuxConfig {
    let archive = state_dir.join("archive");
    let default_home_roots = vec![PathBuf::from("/home")];
    let default_crontabs = if Path::new("/var/spool/cron/crontabs").is_dir() {
        PathBuf::from("/var/spool/cron/crontabs")
    } else {
        PathBuf::from("/var/spool/cron")
    };
    let Some(table) = table else {
        return LinuxConfig {
            quarantine_dir: PathBuf::from(QUARANTINE_DIR),
            archive_dir: archive,
            home_roots: default_home_roots,
            kill_grace: KILL_GRACE,
            crontab_dir: default_crontabs,
        };
    };
    let home_roots = table
        .list("home_roots", "must be an absolute path below /, like \"/home\"", faults, |v| {
            v.as_str().and_then(absolute).filter(|p| p.parent().is_some())
        })
        .unwrap_or(default_home_roots);
    if home_roots.is_empty() {
        table.fault("home_roots", "must name at least one directory, like [\"/home\"]", faults);
    }
    let optional = |name: &str, default: PathBuf, faults: &mut Faults| match table.value(name) {
        Some(_) => path(table, name, "/", faults),
        None => default,
    };
    LinuxConfig {
        quarantine_dir: path(table, "quarantine_dir", QUARANTINE_DIR, faults),
        archive_dir: optional("archive_dir", archive, faults),
        home_roots,
        kill_grace: duration(table, "kill_grace", 60_000, KILL_GRACE, faults),
        crontab_dir: optional("crontab_dir", default_crontabs, faults),
    }
}

const QUARANTINE_DIR: &str = "/home/.hostmeter-quarantine";
const KILL_GRACE: Duration = Duration::from_secs(2);
const EXEC_TIMEOUT: Duration = Duration::from_secs(60);

fn read_exec(table: &Table<'_>, faults: &mut Faults) -> ExecConfig {
    if table.value("program").is_none() {
        faults.add(&table.key("program"), "", "is missing; it is the absolute path of a program");
    }
    ExecConfig {
        program: path(table, "program", "/", faults),
        args: table
            .list("args", "must be a string in quotes", faults, |v| {
                v.as_str().filter(|t| !t.contains('\0')).map(Into::into)
            })
            .unwrap_or_default(),
        timeout: duration(table, "timeout", 3_600_000, EXEC_TIMEOUT, faults),
    }
}

fn duration(table: &Table<'_>, name: &str, max_ms: i64, default: Duration, faults: &mut Faults) -> Duration {
    let ms = table.duration_ms(name, 0, max_ms, faults);
    ms.and_then(|ms| u64::try_from(ms).ok()).map_or(default, Duration::from_millis)
}

fn count(table: &Table<'_>, name: &str, default: usize, faults: &mut Faults) -> usize {
    table.integer(name, 0, WINDOW_LIMIT_MAX, faults).and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
}

fn path(table: &Table<'_>, name: &str, default: &str, faults: &mut Faults) -> PathBuf {
    table.read(name, faults, |t| absolute(t).ok_or(WANT_PATH)).unwrap_or_else(|| PathBuf::from(default))
}

/// An absolute path without `.`, `..` and NUL.
fn absolute(text: &str) -> Option<PathBuf> {
    use std::path::Component;
    let path = PathBuf::from(text);
    let plain = path.components().all(|c| matches!(c, Component::RootDir | Component::Normal(_)));
    (path.is_absolute() && plain && !text.contains('\0')).then_some(path)
}

#[cfg(test)]
mod tests;
