//! Reading a configuration file: every fault at once, each with file, key, value and what would be right.
//!
//! ```
//! use hostmeter_core::config::{Faults, Table};
//! let mut faults = Faults::default();
//! let text = "state_dir = 5\nstate_dri = \"x\"";
//! let root: toml::Table = text.parse().unwrap_or_default();
//! let table = Table::new("", &root, &["state_dir"], &mut faults);
//! assert_eq!(table.text("state_dir", &mut faults), None);
//! let error = faults.into_error("agent.toml").map_or_else(String::new, |e| e.to_string());
//! assert!(error.contains("state_dir = 5: must be a string in quotes"));
//! assert!(error.contains("state_dri = \"x\": unknown key; did you mean state_dir?"));
//! ```

use crate::duration;
use crate::limits::{CONFIG_FAULTS_MAX, CONFIG_TEXT_MAX_BYTES, FAULT_VALUE_MAX_CHARS};
use crate::nearest::nearest;
use std::fmt;
use toml::Value;

/// One fault of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key with its table, for example `sample.interval`.
    pub key: String,
    /// What stands there, cut to a bounded length; empty where the key is missing.
    pub value: String,
    /// What is wrong, and what would be right.
    pub want: String,
}

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was given.
    pub file: String,
    /// Every fault found, in the order of reading.
    pub faults: Vec<Fault>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.faults.len();
        write!(f, "{}: {n} {}", self.file, if n == 1 { "fault" } else { "faults" })?;
        for fault in &self.faults {
            match (fault.key.is_empty(), fault.value.is_empty()) {
                (true, _) => write!(f, "\n  {}", fault.want)?,
                (false, true) => write!(f, "\n  {}: {}", fault.key, fault.want)?,
                (false, false) => write!(f, "\n  {} = {}: {}", fault.key, fault.value, fault.want)?,
            }
        }
        Ok(())
    }
}

/// Collects faults, up to a limit.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, key: &str, value: &str, want: impl Into<String>) {
        if self.0.len() < CONFIG_FAULTS_MAX {
            self.0.push(Fault { key: cut(key), value: cut(value), want: want.into() });
        }
    }

    /// The error for this file, if there is any fault.
    pub fn into_error(self, file: &str) -> Option<ConfigError> {
        (!self.0.is_empty()).then(|| ConfigError { file: file.to_owned(), faults: self.0 })
    }
}

fn cut(text: &str) -> String {
    let mut out: String = text.chars().take(FAULT_VALUE_MAX_CHARS).collect();
    if text.chars().nth(FAULT_VALUE_MAX_CHARS).is_some() {
        out.push('…');
    }
    out
}

/// Reads the text of a file as TOML; a text that is none is the only fault then.
pub fn parse(file: &str, text: &str) -> Result<toml::Table, ConfigError> {
    let fault = |want: String| {
        let faults = vec![Fault { key: String::new(), value: String::new(), want }];
        ConfigError { file: file.to_owned(), faults }
    };
    if text.len() > CONFIG_TEXT_MAX_BYTES {
        return Err(fault(format!("has {} bytes; at most {CONFIG_TEXT_MAX_BYTES} are allowed", text.len())));
    }
    text.parse().map_err(|e: toml::de::Error| {
        // One fault, one line; the parser's own picture of the line would spread over several.
        let line = e.span().map(|s| 1 + text.get(..s.start).unwrap_or(text).matches('\n').count());
        let at = line.map_or_else(String::new, |n| format!("line {n}: "));
        fault(format!("not valid TOML: {at}{}", e.message().replace('\n', "; ")))
    })
}

/// What the names of keys hold whose values are never repeated, also where the key is mistyped.
const SECRETS: &[&str] = &["pass", "secret", "token"];

/// One table of a configuration, with its path for messages.
#[derive(Debug)]
pub struct Table<'a> {
    path: String,
    table: &'a toml::Table,
}

impl<'a> Table<'a> {
    /// A table whose keys must be among `known`. `path` is empty for the file itself.
    pub fn new(path: &str, table: &'a toml::Table, known: &[&str], faults: &mut Faults) -> Self {
        let out = Self { path: path.to_owned(), table };
        for (key, value) in table.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            let near = nearest(key, known.iter().copied()).first().copied();
            let want = match near {
                Some(near) => format!("unknown key; did you mean {near}?"),
                None => format!("unknown key; known here: {}", known.join(", ")),
            };
            let is_secret = SECRETS.iter().any(|s| key.contains(s) || near.is_some_and(|n| n.contains(s)));
            let value = if is_secret { String::new() } else { shown(value) };
            faults.add(&out.key(key), &value, want);
        }
        out
    }

    /// The path of one of its keys.
    pub fn key(&self, name: &str) -> String {
        key_path(&self.path, name)
    }

    /// The value as it stands.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.table.get(name)
    }

    /// Names a fault of one of its keys.
    pub fn fault(&self, name: &str, want: impl Into<String>, faults: &mut Faults) {
        let value = self.value(name).map(shown).unwrap_or_default();
        faults.add(&self.key(name), &value, want);
    }

    /// A string, read by `read`; `None` if absent or after naming the fault.
    pub fn read<T, E: fmt::Display>(
        &self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match read(self.text(name, faults)?) {
            Ok(value) => Some(value),
            Err(e) => {
                self.fault(name, e.to_string(), faults);
                None
            }
        }
    }

    /// A string.
    pub fn text(&self, name: &str, faults: &mut Faults) -> Option<&'a str> {
        self.typed(name, "must be a string in quotes", faults, Value::as_str)
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str, faults: &mut Faults) -> Option<bool> {
        self.typed(name, "must be true or false, without quotes", faults, Value::as_bool)
    }

    /// A whole number from `min` to `max`.
    pub fn integer(&self, name: &str, min: i64, max: i64, faults: &mut Faults) -> Option<i64> {
        let want = format!("must be a whole number from {min} to {max}, without quotes");
        self.typed(name, &want, faults, |v| v.as_integer().filter(|n| (min..=max).contains(n)))
    }

    /// A duration like `10s`, in milliseconds, from `min_ms` to `max_ms`.
    pub fn duration_ms(&self, name: &str, min_ms: i64, max_ms: i64, faults: &mut Faults) -> Option<i64> {
        let text = self.value(name)?.as_str().unwrap_or_default();
        let range = format!("from {} to {}", duration::format(min_ms), duration::format(max_ms));
        match duration::parse(text) {
            Ok(ms) if (min_ms..=max_ms).contains(&ms) => return Some(ms),
            Ok(_) => self.fault(name, format!("must be {range}"), faults),
            Err(_) => self.fault(
                name,
                format!(
                    "must be a duration {range}: a whole number and ms, s, m, h or d in quotes, like \"10s\""
                ),
                faults,
            ),
        }
        None
    }

    /// A list whose items `read` understands; faults name the item.
    pub fn list<T>(
        &self,
        name: &str,
        want: &str,
        faults: &mut Faults,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.typed(name, "must be a list: [ … ]", faults, Value::as_array)?;
        let mut out = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match read(item) {
                Some(value) => out.push(value),
                None => faults.add(&format!("{}[{i}]", self.key(name)), &shown(item), want),
            }
        }
        Some(out)
    }

    /// A table below this one.
    pub fn table(&self, name: &str, known: &[&str], faults: &mut Faults) -> Option<Table<'a>> {
        let want = format!("must be a table: [{}]", self.key(name));
        let table = self.typed(name, &want, faults, Value::as_table)?;
        Some(Table::new(&self.key(name), table, known, faults))
    }

    fn typed<T>(
        &self,
        name: &str,
        want: &str,
        faults: &mut Faults,
        cast: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let out = cast(self.value(name)?);
        if out.is_none() {
            self.fault(name, want, faults);
        }
        out
    }
}

/// The path of a key as TOML writes it: a key that is empty or holds blanks or line ends stands in quotes.
pub(crate) fn key_path(table: &str, name: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'[' | b']');
    let name = match name {
        n if !n.is_empty() && n.bytes().all(is_bare) => n.to_owned(),
        n => format!("{n:?}"),
    };
    if table.is_empty() { name } else { format!("{table}.{name}") }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => "{…}".to_owned(),
        Value::String(text) => format!("{:?}", cut(text)),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &[&str]) {
        let root = match parse("x.toml", text) {
            Ok(root) => root,
            Err(e) => return assert_eq!(e.to_string(), want.join("\n  "), "{text}"),
        };
        let mut faults = Faults::default();
        let top = Table::new("", &root, &["name", "count", "every", "list", "on", "sub"], &mut faults);
        top.read("name", &mut faults, |t| if t == "good" { Ok(()) } else { Err("must be \"good\"") });
        top.integer("count", 1, 9, &mut faults);
        top.flag("on", &mut faults);
        top.duration_ms("every", 1_000, 60_000, &mut faults);
        top.list("list", "must be a number", &mut faults, Value::as_integer);
        if let Some(sub) = top.table("sub", &["inner"], &mut faults) {
            sub.text("inner", &mut faults);
        }
        let got = faults.into_error("x.toml").map_or_else(String::new, |e| e.to_string());
        assert_eq!(got, want.join("\n  "), "{text}");
    }

    #[test]
    fn faults_are_named_all_at_once() {
        check("name = \"good\"\ncount = 3\nevery = \"10s\"\nlist = [1]\non = true\n[sub]\ninner = \"\"", &[]);
        check(
            "nmae = \"x\"\ncount = 10\nevery = \"1h\"\nlist = [1, \"b\"]\non = 1\n[sub]\nzzzzzzzzzz = 1",
            &[
                "x.toml: 6 faults",
                "nmae = \"x\": unknown key; did you mean name?",
                "count = 10: must be a whole number from 1 to 9, without quotes",
                "on = 1: must be true or false, without quotes",
                "every = \"1h\": must be from 1s to 1m",
                "list[1] = \"b\": must be a number",
                "sub.zzzzzzzzzz = 1: unknown key; known here: inner",
            ],
        );
        check(
            "\"\" = 1",
            &["x.toml: 1 fault", "\"\" = 1: unknown key; known here: name, count, every, list, on, sub"],
        );
        check(
            "[sub]\n\"a\\nb\" = 1",
            &["x.toml: 1 fault", "sub.\"a\\nb\" = 1: unknown key; known here: inner"],
        );
        check("name = \"bad\"", &["x.toml: 1 fault", "name = \"bad\": must be \"good\""]);
        check("sub = 1", &["x.toml: 1 fault", "sub = 1: must be a table: [sub]"]);
        check(
            "every = 10",
            &[
                "x.toml: 1 fault",
                "every = 10: must be a duration from 1s to 1m: a whole number and ms, s, m, h or d in quotes, like \"10s\"",
            ],
        );
        check("a = 1\nb = = 2", &["x.toml: 1 fault", "not valid TOML: line 2: extra `=`, expected nothing"]);
    }
}
