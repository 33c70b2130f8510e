//! One table of the file: keys are taken out one by one, what is left over is a fault.

use std::fmt;
use toml::{Table, Value};

/// Characters of a faulty value that are shown.
const VALUE_MAX_CHARS: usize = 80;

/// One fault: where, what was found, what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key with its section, for example `billing.grace`.
    pub key: String,
    /// What stands there; empty where the key is missing.
    pub value: String,
    /// What would be right.
    pub want: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}", self.key, self.want)
        } else {
            write!(f, "{} = {}: {}", self.key, self.value, self.want)
        }
    }
}

/// A table of the file that is being read.
pub(super) struct Section {
    name: &'static str,
    table: Table,
    known: Vec<&'static str>,
}

impl Section {
    pub(super) fn root(table: Table) -> Self {
        Self { name: "", table, known: Vec::new() }
    }

    fn key(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn fault(&self, faults: &mut Vec<Fault>, key: &str, value: Option<&Value>, want: &str) {
        let value = value.map(|v| v.to_string().chars().take(VALUE_MAX_CHARS).collect());
        faults.push(Fault { key: self.key(key), value: value.unwrap_or_default(), want: want.to_owned() });
    }

    /// A text, or its default, read by `parse`, whose error says what would be right.
    pub(super) fn text<T>(
        &mut self,
        faults: &mut Vec<Fault>,
        key: &'static str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take(key).unwrap_or_else(|| Value::String(default.to_owned()));
        self.parsed(faults, key, &value, parse)
    }

    /// A text that must be there.
    pub(super) fn required<T>(
        &mut self,
        faults: &mut Vec<Fault>,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match self.take(key) {
            Some(value) => self.parsed(faults, key, &value, parse),
            None => {
                self.fault(faults, key, None, "is missing");
                None
            }
        }
    }

    fn parsed<T>(
        &self,
        faults: &mut Vec<Fault>,
        key: &str,
        value: &Value,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let result = value.as_str().ok_or_else(|| "wanted is a text in quotes".to_owned()).and_then(parse);
        result.map_err(|want| self.fault(faults, key, Some(value), &want)).ok()
    }

    /// A whole number from 0 to `max`.
    pub(super) fn count(
        &mut self,
        faults: &mut Vec<Fault>,
        key: &'static str,
        default: u32,
        max: u32,
    ) -> Option<u32> {
        let Some(value) = self.take(key) else { return Some(default) };
        let number = value.as_integer().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= max);
        if number.is_none() {
            self.fault(faults, key, Some(&value), &format!("wanted is a whole number from 0 to {max}"));
        }
        number
    }

    /// A section, if it is there.
    pub(super) fn table(&mut self, faults: &mut Vec<Fault>, key: &'static str) -> Option<Self> {
        match self.take(key)? {
            Value::Table(table) => Some(Self { name: key, table, known: Vec::new() }),
            value => {
                self.fault(faults, key, Some(&value), &format!("wanted is a section: [{key}]"));
                None
            }
        }
    }

    /// A section, or one without keys.
    pub(super) fn table_or_empty(&mut self, faults: &mut Vec<Fault>, key: &'static str) -> Self {
        self.table(faults, key).unwrap_or(Self { name: key, table: Table::new(), known: Vec::new() })
    }

    /// Whatever was not taken is not a setting.
    pub(super) fn finish(self, faults: &mut Vec<Fault>) {
        for (key, value) in &self.table {
            let want = format!("is not a setting; known here: {}", self.known.join(", "));
            self.fault(faults, key, Some(value), &want);
        }
    }
}
