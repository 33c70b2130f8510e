//! Every invariant and every claim of the threat model names tests, and each named test exists.

use std::collections::BTreeSet;

/// Names of tests in the sections whose headings hold `heading`, by their table rows and numbered lines.
///
/// A name is a path in backticks with `::`, such as `tests::e2e::name`; its last part is the test function.
///
/// # Errors
/// The section or its rows are missing.
pub fn rows(markdown: &str, heading: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut inside = false;
    let mut rows = Vec::new();
    for line in markdown.lines() {
        if line.starts_with('#') {
            inside = line.contains(heading);
            continue;
        }
        let line = line.trim();
        if inside && is_row(line) {
            let title: String = line.chars().take(60).collect();
            rows.push((title, names(line)));
        }
    }
    if rows.is_empty() {
        return Err(format!("no section `{heading}` has a row for each claim"));
    }
    Ok(rows)
}

/// A table row that starts with the invariant's number, or a numbered line.
fn is_row(line: &str) -> bool {
    let start = line.trim_start_matches(['|', ' ']);
    start.starts_with(|c: char| c.is_ascii_digit())
}

fn names(line: &str) -> Vec<String> {
    let is_name = |token: &&str| {
        token.contains("::")
            && token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
    };
    line.split('`').skip(1).step_by(2).filter(is_name).map(ToOwned::to_owned).collect()
}

/// Rows without a test, and names whose last part is no test function in `tests`.
#[must_use]
pub fn faults(page: &str, rows: &[(String, Vec<String>)], tests: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (row, names) in rows {
        if names.is_empty() {
            faults.push(format!("{page}: no test is named in `{row}`; name one that fails if it breaks"));
        }
        for name in names {
            let function = name.rsplit("::").next().unwrap_or(name);
            if !tests.contains(function) {
                faults.push(format!("{page}: `{name}` is no test of this workspace (in `{row}`)"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Map\n| 1 | `other::place` |\n## Invariants\n| no | test |\n| --- | --- |\n\
                        | 1 | exact | `money::tests::sums` and `core/src/money.rs` |\n| 2 | bounded | none |\n\
                        ## Recipes\n1. `not::here`\n";

    #[test]
    fn rows_and_names_are_read() {
        let rows = rows(PAGE, "Invariants").unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].1, ["money::tests::sums"]);
        assert!(super::rows("# Nothing\n", "Invariants").is_err());
        assert!(super::rows("## Invariants\ntext only\n", "Invariants").is_err());
    }

    #[test]
    fn a_missing_test_and_a_row_without_one_are_faults() {
        let rows = rows(PAGE, "Invariants").unwrap();
        let known = BTreeSet::from(["sums".to_owned()]);
        assert_eq!(faults("a page", &rows, &known).len(), 1);
        let none = faults("a page", &rows, &BTreeSet::new());
        assert_eq!(none.len(), 2);
        assert!(none[0].contains("`money::tests::sums` is no test"), "{none:?}");
        assert!(none[1].contains("no test is named"), "{none:?}");
    }
}
