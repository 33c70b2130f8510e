//! Who may import whom: `agent → core ← collector → panel → core`.

use std::collections::{BTreeMap, BTreeSet};

/// A package's dependencies by name. `normal` is what a build of it contains; `any` adds those of its tests
/// and build scripts.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// Names of normal dependencies.
    pub normal: BTreeSet<String>,
    /// Names of dependencies of every kind.
    pub any: BTreeSet<String>,
}

/// All packages of the resolved graph by name.
pub type Graph = BTreeMap<String, Package>;

/// What one package of the workspace may hold.
#[derive(Debug)]
pub struct Rule {
    /// The package that the rule is about.
    pub package: &'static str,
    /// Packages of the workspace that it may depend on, in any way.
    pub may_import: &'static [&'static str],
    /// Packages that must not be reached over normal dependencies.
    pub never: &'static [&'static str],
    /// Why, shown with the fault.
    pub reason: &'static str,
}

/// The arrows. `hostmeter-tests`, `hostmeter-benches`, `hostmeter-fuzz` and `hostmeter-sim` may import all, and nobody
/// imports them.
pub const RULES: &[Rule] = &[
    Rule {
        package: "hostmeter-core",
        may_import: &[],
        never: &[
            "tokio", "hyper", "axum", "rusqlite", "nix", "rustix", "procfs", "rand", "tracing", "reqwest",
            "uuid",
        ],
        reason: "the core is pure: sockets, files, the clock and randomness stay outside and come in as \
                 arguments, so that one seed replays a whole fleet",
    },
    Rule {
        package: "hostmeter-panel",
        may_import: &["hostmeter-core"],
        never: &["tokio", "hyper", "axum", "rusqlite", "rustix", "nix"],
        reason: "the panel turns view data into pages; it knows no store and no socket",
    },
    Rule {
        package: "hostmeter-agent",
        may_import: &["hostmeter-core"],
        never: &["rusqlite", "axum", "askama", "plotters"],
        reason: "a host runs the agent and nothing of the collector; both speak only the wire format in core",
    },
    Rule {
        package: "hostmeter-collector",
        may_import: &["hostmeter-core", "hostmeter-panel"],
        never: &["procfs"],
        reason: "the collector never looks at a host by itself; both speak only the wire format in core",
    },
];

/// Every breach of `rules` in `graph`, with the way that leads to it.
#[must_use]
pub fn breaches(graph: &Graph, rules: &[Rule]) -> Vec<String> {
    let mut faults = Vec::new();
    for rule in rules {
        let Some(package) = graph.get(rule.package) else {
            faults.push(format!(
                "{}: no such package; correct the rule in tests/src/tidy/arrows.rs",
                rule.package
            ));
            continue;
        };
        for name in package.any.iter().filter(|name| name.starts_with("hostmeter-")) {
            if !rule.may_import.contains(&name.as_str()) {
                faults.push(format!("{} must not import {name}: {}", rule.package, rule.reason));
            }
        }
        let ways = reach(graph, rule.package);
        for never in rule.never {
            if let Some(way) = ways.get(*never) {
                faults.push(format!(
                    "{} must not reach {never} ({}): {}",
                    rule.package,
                    way.join(" → "),
                    rule.reason
                ));
            }
        }
    }
    faults
}

/// Every package that `from` reaches over normal dependencies, with the shortest way there.
fn reach(graph: &Graph, from: &str) -> BTreeMap<String, Vec<String>> {
    let mut ways = BTreeMap::from([(from.to_owned(), vec![from.to_owned()])]);
    let mut queue = std::collections::VecDeque::from([from.to_owned()]);
    while let Some(name) = queue.pop_front() {
        let way = ways.get(&name).cloned().unwrap_or_default();
        for next in graph.get(&name).into_iter().flat_map(|package| &package.normal) {
            if !ways.contains_key(next) {
                let mut longer = way.clone();
                longer.push(next.clone());
                ways.insert(next.clone(), longer);
                queue.push_back(next.clone());
            }
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        edges
            .iter()
            .map(|(name, deps)| {
                let normal: BTreeSet<String> = deps.iter().map(|dep| (*dep).to_owned()).collect();
                ((*name).to_owned(), Package { any: normal.clone(), normal })
            })
            .collect()
    }

    const RULE: &[Rule] = &[Rule {
        package: "hostmeter-x",
        may_import: &["hostmeter-core"],
        never: &["tokio"],
        reason: "because",
    }];

    #[track_caller]
    fn check(edges: &[(&str, &[&str])], expect: &[&str]) {
        assert_eq!(breaches(&graph(edges), RULE), expect);
    }

    #[test]
    fn breaches_are_named_with_the_way() {
        check(&[("hostmeter-x", &["hostmeter-core", "serde"]), ("hostmeter-core", &["ring"])], &[]);
        check(
            &[("hostmeter-x", &["hostmeter-panel"])],
            &["hostmeter-x must not import hostmeter-panel: because"],
        );
        check(
            &[("hostmeter-x", &["a"]), ("a", &["b", "hostmeter-x"]), ("b", &["tokio"])],
            &["hostmeter-x must not reach tokio (hostmeter-x → a → b → tokio): because"],
        );
        check(&[], &["hostmeter-x: no such package; correct the rule in tests/src/tidy/arrows.rs"]);
    }

    #[test]
    fn a_test_dependency_on_another_package_is_a_breach_too() {
        let mut graph = graph(&[("hostmeter-x", &[])]);
        if let Some(package) = graph.get_mut("hostmeter-x") {
            package.any.insert("hostmeter-collector".to_owned());
            package.any.insert("tokio".to_owned());
        }
        assert_eq!(breaches(&graph, RULE), ["hostmeter-x must not import hostmeter-collector: because"]);
    }
}
