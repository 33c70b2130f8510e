//! Holds this workspace against the rules of `hostmeter_tests::tidy`. Each failure lists every fault found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a panic is the failure"
)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{CargoOpt, DependencyKind, MetadataCommand};
use hostmeter_tests::tidy::{arrows, invariants, size, source, source::Facts, text, tree};

/// Every Rust file of the workspace with what it holds, by path.
fn sources() -> BTreeMap<String, Facts> {
    let mut sources = BTreeMap::new();
    for file in tree::text_files(&tree::root()).unwrap() {
        if file.path.ends_with(".rs") {
            let facts = source::read(&file.text).unwrap_or_else(|error| {
                panic!("{}:{}: {error}", file.path, error.span().start().line);
            });
            sources.insert(file.path, facts);
        }
    }
    assert!(sources.contains_key("core/src/lib.rs"), "the root of the workspace was not found");
    sources
}

fn test_files(sources: &BTreeMap<String, Facts>) -> BTreeSet<String> {
    tree::test_files(sources.iter().map(|(path, facts)| (path.as_str(), facts.test_modules.as_slice())))
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}\n", faults.len(), faults.join("\n"));
}

#[test]
fn import_arrows_hold() {
    let metadata = MetadataCommand::new()
        .manifest_path(tree::root().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(
            ["--offline", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
                .map(String::from)
                .to_vec(),
        )
        .exec()
        .unwrap();
    let name_of: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.to_string())).collect();
    let mut graph = arrows::Graph::new();
    for node in &metadata.resolve.as_ref().unwrap().nodes {
        let package = graph.entry(name_of[&node.id].clone()).or_default();
        for dep in &node.deps {
            package.any.insert(name_of[&dep.pkg].clone());
            if dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal) {
                package.normal.insert(name_of[&dep.pkg].clone());
            }
        }
    }
    assert!(graph["hostmeter-collector"].normal.contains("rusqlite"), "the graph was not read");
    none(&arrows::breaches(&graph, arrows::RULES));
}

#[test]
fn core_is_pure() {
    let sources = sources();
    let tests = test_files(&sources);
    let core = |path: &String| path.starts_with("core/src/") && !tests.contains(path);
    let faults: Vec<_> = sources
        .iter()
        .filter(|(path, _)| core(path))
        .flat_map(|(path, facts)| source::impurities(path, facts))
        .collect();
    none(&faults);
}

#[test]
fn files_have_docs_and_no_unwraps_ignored_tests_or_silent_allows() {
    let sources = sources();
    let tests = test_files(&sources);
    let faults: Vec<_> =
        sources.iter().flat_map(|(path, facts)| source::faults(path, facts, tests.contains(path))).collect();
    none(&faults);
}

#[test]
fn at_most_one_module_a_package_may_be_unsafe() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, facts) in sources() {
        let package = path.split('/').next().unwrap().to_owned();
        places.entry(package).or_default().extend(facts.unsafe_allowed.iter().map(|l| format!("{path}:{l}")));
    }
    let many: Vec<_> = places
        .into_iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(package, places)| {
            format!("{package}: unsafe code in {}; keep it in one module", places.join(", "))
        })
        .collect();
    none(&many);
}

#[test]
fn files_and_functions_are_short() {
    let (mut files, mut functions) = (Vec::new(), Vec::new());
    for (path, facts) in sources() {
        functions.extend(facts.functions.iter().map(|(name, line, n)| (format!("{path}:{line} {name}"), *n)));
        files.push((path, facts.lines));
    }
    none(&[size::file_faults(&files), size::function_faults(&functions)].concat());
}

#[test]
fn no_file_speaks_of_the_place_where_it_was_written() {
    let files = tree::text_files(&tree::root()).unwrap();
    let faults: Vec<_> = files.iter().flat_map(|file| text::word_faults(&file.path, &file.text)).collect();
    none(&faults);
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let tests: BTreeSet<String> = sources().into_values().flat_map(|facts| facts.tests).collect();
    for (name, heading) in [("ARCHITECTURE.md", "Invariants"), ("docs/threat-model.md", "")] {
        let page = std::fs::read_to_string(tree::root().join(name)).expect(name);
        none(&invariants::faults(name, &invariants::rows(&page, heading).expect(name), &tests));
    }
}

#[test]
fn the_documents_point_to_files_that_exist() {
    let root = tree::root();
    let documents = ["README.md", "ARCHITECTURE.md", "docs/threat-model.md"];
    let faults: Vec<_> = documents
        .iter()
        .flat_map(|name| {
            let page =
                std::fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            text::path_faults(name, &page, |path| root.join(path).exists())
        })
        .collect();
    none(&faults);
}
