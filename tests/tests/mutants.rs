//! The table of mutations fits the source: each text stands where it is looked for, each test exists. `make mutants`
//! tries them.

use anyhow::{Context, Result};
use hostmeter_tests::mutants::{self, complete};
use hostmeter_tests::tidy::{source, tree};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_table_of_mutations_fits_the_source() -> Result<()> {
    let root = tree::root();
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in tree::text_files(&root)?.into_iter().filter(|f| f.path.ends_with(".rs")) {
        tests.insert(file.path.clone(), source::read(&file.text).with_context(|| file.path)?.tests);
    }
    let table = mutants::read(&root)?;
    let faults = mutants::faults(&root, &table, &tests);
    assert!(faults.is_empty(), "{} faults:\n{}\n", faults.len(), faults.join("\n"));
    assert!(table.mutant.len() > 60, "{} mutations: the table was not read", table.mutant.len());
    Ok(())
}

#[test]
fn every_sync_and_every_check_has_a_mutation() -> Result<()> {
    let root = tree::root();
    let missing = complete::uncovered(&mutants::read(&root)?, &tree::text_files(&root)?);
    assert!(missing.is_empty(), "add each to {}:\n{}\n", mutants::TABLE, missing.join("\n"));
    Ok(())
}
