//! Mutations of the source, each of which breaks one promise: a named test must notice. `make mutants` tries them.

mod bench;
pub mod complete;
pub mod copy;
mod known;
pub mod run;

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The table, from the root of the workspace.
pub const TABLE: &str = "tests/mutants.toml";

/// One mutation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Its name.
    pub name: String,
    /// The file that is changed, from the root of the workspace.
    pub file: String,
    /// What is replaced; stands in the file exactly once.
    pub find: String,
    /// By what.
    pub replace: String,
    /// Package of the test that must go red.
    pub package: String,
    /// File of integration tests that has it; absent: the unit tests of the package.
    pub test: Option<String>,
    /// Path of the test within that, as `cargo test -- --exact` takes it.
    pub case: String,
    /// The promise that is broken.
    pub breaks: String,
}

/// A place that looks like a promise and needs no mutation, or has none yet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exempt {
    /// The file, from the root of the workspace.
    pub file: String,
    /// What stands in it exactly once.
    pub find: String,
    /// Why.
    pub because: String,
}

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Mutations.
    pub mutant: Vec<Mutant>,
    /// Places without one.
    pub exempt: Vec<Exempt>,
}

impl Table {
    /// What is looked for in a file.
    pub(crate) fn finds<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a str> {
        let mutants = self.mutant.iter().map(|m| (&m.file, &m.find));
        let exempts = self.exempt.iter().map(|e| (&e.file, &e.find));
        mutants.chain(exempts).filter(move |(of, _)| *of == file).map(|(_, find)| find.as_str())
    }
}

/// Why the table is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The table, or a file that it names.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// No table.
    #[error("{TABLE}: {0}")]
    Form(#[from] toml::de::Error),
    /// The text to find is not there exactly once.
    #[error("{TABLE}: {name}: the text to find stands {found} times in {file}, and must stand there once")]
    Find {
        /// The mutation.
        name: String,
        /// Its file.
        file: String,
        /// How often.
        found: usize,
    },
}

/// Reads the table.
pub fn read(root: &Path) -> Result<Table, TableError> {
    let text = std::fs::read_to_string(root.join(TABLE)).map_err(|e| TableError::Io(TABLE.to_owned(), e))?;
    Ok(toml::from_str(&text)?)
}

/// The text of a file in which this stands exactly once.
fn once(root: &Path, name: &str, file: &str, find: &str) -> Result<String, TableError> {
    let text =
        std::fs::read_to_string(root.join(file)).map_err(|e| TableError::Io(format!("{name}: {file}"), e))?;
    match text.matches(find).count() {
        1 => Ok(text),
        found => Err(TableError::Find { name: name.to_owned(), file: file.to_owned(), found }),
    }
}

impl Mutant {
    /// The file's text with the mutation in it.
    pub fn apply(&self, root: &Path) -> Result<String, TableError> {
        let text = once(root, &self.name, &self.file, &self.find)?;
        Ok(text.replacen(&self.find, &self.replace, 1))
    }

    /// Whether a file, from the root of the workspace, may hold the test.
    fn may_be_in(&self, path: &str) -> bool {
        let folder = self.package.strip_prefix("hostmeter-").unwrap_or(&self.package);
        match &self.test {
            Some(test) => path == format!("{folder}/tests/{test}.rs"),
            None => path.starts_with(&format!("{folder}/src/")),
        }
    }
}

/// Everything that is wrong with the table, without building anything. `tests` names the tests in each file.
#[must_use]
pub fn faults(root: &Path, table: &Table, tests: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let (mut faults, mut names) = (Vec::new(), BTreeSet::new());
    for exempt in &table.exempt {
        faults.extend(once(root, "exempt", &exempt.file, &exempt.find).err().map(|e| e.to_string()));
        if exempt.because.trim().is_empty() {
            faults.push(format!("{TABLE}: {}: why has {:?} no mutation?", exempt.file, exempt.find));
        }
    }
    for mutant in &table.mutant {
        let name = &mutant.name;
        match mutant.apply(root) {
            Ok(_) if mutant.find == mutant.replace => faults.push(format!("{name}: changes nothing")),
            Ok(_) => {}
            Err(e) => faults.push(e.to_string()),
        }
        let case = mutant.case.rsplit("::").next().unwrap_or_default();
        if !tests.iter().any(|(path, tests)| mutant.may_be_in(path) && tests.contains(case)) {
            faults.push(format!("{TABLE}: {name}: there is no test {:?}", mutant.case));
        }
        if !names.insert(name) {
            faults.push(format!("{TABLE}: {name}: two mutations have this name"));
        }
        if mutant.breaks.trim().is_empty() {
            faults.push(format!("{TABLE}: {name}: which promise is broken?"));
        }
    }
    faults
}
