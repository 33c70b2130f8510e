//! What the text of any file may say: no places that exist only on one developer's machine, and no paths of this
//! tree that are not there.

use super::fault;

/// A word, and what to write in its place. They are written in two halves, so that this file passes.
const WORDS: &[(&str, &str)] = &[
    (concat!("../", "shared"), "say it in the project's own documents"),
    (concat!("shared", "/design"), "name the section of ARCHITECTURE.md"),
    (concat!("shared", "/peers"), "say it in the project's own documents"),
    (concat!("shared", "/style"), "say it in the project's own documents"),
    (concat!("design ", "page"), "name the section of ARCHITECTURE.md"),
    (concat!("/work", "/main"), "paths are relative to the root of the project"),
    (concat!("/work", "/notes"), "paths are relative to the root of the project"),
    (concat!("index.", "crates.io"), "the registry is cargo's business"),
    (concat!("pypi", ".org"), "the registry is pip's business"),
    (concat!("lorem", " ipsum"), "write the real text"),
];

/// Merge markers stand at the start of a line.
const MARKERS: &[&str] = &[concat!("<<<<", "<<< "), concat!(">>>>", ">>> ")];

/// Every line of `text` that holds a forbidden word, whatever its case.
#[must_use]
pub fn word_faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let lower = line.to_lowercase();
        for (word, instead) in WORDS {
            if lower.contains(word) {
                faults.push(fault(path, number, &format!("holds `{word}`; {instead}")));
            }
        }
        if MARKERS.iter().any(|marker| line.starts_with(marker)) {
            faults.push(fault(path, number, "a merge marker was left; finish the merge"));
        }
    }
    faults
}

/// Paths in backticks that begin with a folder of this tree and do not exist, as told by `exists`.
///
/// Paths with `*`, `<` or `…` are patterns and left alone.
#[must_use]
pub fn path_faults(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for token in line.split('`').skip(1).step_by(2) {
            let ours = FOLDERS.iter().any(|folder| token.starts_with(folder));
            let plain = token.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if ours && plain && !exists(token) {
                faults.push(fault(path, number, &format!("`{token}` does not exist; correct the path")));
            }
        }
    }
    faults
}

/// Folders that hold what the documents point to.
const FOLDERS: &[&str] = &[
    "core/",
    "agent/",
    "collector/",
    "panel/",
    "packaging/",
    "systemd/",
    "benches/",
    "tests/",
    "docs/",
    ".ci/",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_in_any_case() {
        assert!(word_faults("a", "network/maintenance\nshared/memory\n").is_empty());
        for (word, _) in WORDS {
            let text = format!("first\nsee {} here\n", word.to_uppercase());
            let faults = word_faults("doc.md", &text);
            assert!(
                faults.iter().any(|fault| fault.starts_with("doc.md:2: ") && fault.contains(word)),
                "{word}"
            );
        }
        for marker in MARKERS {
            assert_eq!(word_faults("a", &format!("{marker}HEAD")).len(), 1);
        }
    }

    #[test]
    fn a_path_that_is_not_there_is_a_fault() {
        let exists = |path: &str| path == "core/src/meter.rs";
        let text = "see `core/src/meter.rs` and `proc/x` and `core/src/*.rs`\n| `agent/src/none/` | core/nothing |\n";
        assert_eq!(
            path_faults("A.md", text, exists),
            ["A.md:2: `agent/src/none/` does not exist; correct the path"]
        );
    }
}
