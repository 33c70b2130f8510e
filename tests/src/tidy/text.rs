//! Words that no file of the project may hold: places and things that exist only on one developer's machine.

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
}
