//! What was found before: a run that was broken off goes on where it stopped, and what did not change is not tried again.
//!
//! A file with a line for each finding: the hash of all that it depends on, the finding, and a name for people. It depends
//! on the mutation, on the test, and on every file of the test's package and of those of ours that it uses.

use super::Mutant;
use anyhow::{Context, Result};
use hostmeter_core::wire::key::{hex, sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What every package depends on, too; `packaging` is read by some of them.
const COMMON: [&str; 4] = ["Cargo.toml", "Cargo.lock", "packaging", "docs"];

/// The file of results.
pub(super) struct Known {
    tree: PathBuf,
    file: File,
    found: BTreeMap<String, String>,
    sources: BTreeMap<String, [u8; 32]>,
}

impl Known {
    /// Reads it.
    pub(super) fn open(path: &Path, tree: &Path, is_fresh: bool) -> Result<Self> {
        let was = if is_fresh { String::new() } else { std::fs::read_to_string(path).unwrap_or_default() };
        let words = |line: &str| {
            let mut words = line.split(' ');
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        };
        // The last line may be torn.
        let whole = was.rfind('\n').map_or("", |end| was.get(..=end).unwrap_or_default());
        let found = whole.lines().filter_map(words).collect();
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
        file.write_all(whole.as_bytes())?;
        Ok(Self { tree: tree.to_owned(), file, found, sources: BTreeMap::new() })
    }

    /// A finding.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.found.get(key).map(String::as_str)
    }

    /// Keeps a finding.
    pub(super) fn add(&mut self, key: &str, word: &str, of: &str) -> Result<()> {
        writeln!(self.file, "{key} {word} {of}")?;
        self.found.insert(key.to_owned(), word.to_owned());
        Ok(())
    }

    /// Names the finding about a mutation's test without it.
    pub(super) fn without(&mut self, mutant: &Mutant) -> Result<String> {
        let source = hex(&self.source(&mutant.package)?);
        let test = mutant.test.as_deref().unwrap_or_default();
        Ok(hex(&sha256([source.as_str(), &mutant.package, test, &mutant.case].join("\n").as_bytes())))
    }

    /// Names the finding about a mutation.
    pub(super) fn with(&mut self, mutant: &Mutant) -> Result<String> {
        let without = self.without(mutant)?;
        Ok(hex(&sha256(
            [without.as_str(), &mutant.file, &mutant.find, &mutant.replace].join("\n").as_bytes(),
        )))
    }

    /// The hash of every file that a package is made of.
    fn source(&mut self, package: &str) -> Result<[u8; 32]> {
        if let Some(known) = self.sources.get(package) {
            return Ok(*known);
        }
        let mut folders = BTreeSet::new();
        uses(&self.tree, package, &mut folders)?;
        folders.extend(COMMON.map(str::to_owned));
        let mut all = Vec::new();
        for folder in folders {
            hash_files(&self.tree, &self.tree.join(folder), &mut all)?;
        }
        let hash = sha256(&all);
        self.sources.insert(package.to_owned(), hash);
        Ok(hash)
    }
}

/// Folders of a package and of those of ours that it uses.
fn uses(tree: &Path, package: &str, folders: &mut BTreeSet<String>) -> Result<()> {
    let folder = package.strip_prefix("hostmeter-").unwrap_or(package);
    if !folders.insert(folder.to_owned()) {
        return Ok(());
    }
    let path = tree.join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let table: toml::Table = toml::from_str(&text)?;
    for list in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let names = table.get(list).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
        for name in names.filter(|n| n.starts_with("hostmeter-")) {
            uses(tree, name, folders)?;
        }
    }
    Ok(())
}

/// Adds names and hashes, in the order of the names. The table of mutations is no source: each is a key by itself.
fn hash_files(tree: &Path, at: &Path, all: &mut Vec<u8>) -> Result<()> {
    if at == tree.join(super::TABLE) {
        return Ok(());
    }
    if !at.is_dir() {
        all.extend(at.strip_prefix(tree)?.as_os_str().as_encoded_bytes());
        all.extend(sha256(&std::fs::read(at).with_context(|| at.display().to_string())?));
        return Ok(());
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(at)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    paths.sort();
    paths.iter().try_for_each(|path| hash_files(tree, path, all))
}
