//! Which known names are close to what somebody wrote, for messages.

use crate::limits::FAULT_VALUE_MAX_CHARS;

/// Names close to what was written, best first, at most three.
pub fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let text: String = text.chars().take(FAULT_VALUE_MAX_CHARS).collect::<String>().to_ascii_lowercase();
    let mut scored: Vec<(usize, &str)> = names
        .map(|name| {
            let near = text.len() >= 3 && (name.contains(&text) || text.contains(name));
            (if near { 1 } else { distance(&text, name) }, name)
        })
        .filter(|(score, name)| *score <= name.len() / 2)
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for ca in a.chars() {
        let mut diagonal = row.first().copied().unwrap_or_default();
        let mut left = diagonal.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (slot, cb) in row.iter_mut().skip(1).zip(&b) {
            let swap = diagonal.saturating_add(usize::from(ca != *cb));
            diagonal = *slot;
            left = swap.min(diagonal.saturating_add(1)).min(left.saturating_add(1));
            *slot = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let check = |a: &str, b: &str, want: usize| assert_eq!(distance(a, b), want, "{a} {b}");
        check("", "", 0);
        check("", "abc", 3);
        check("abc", "", 3);
        check("kitten", "sitting", 3);
        check("cpu_sec", "cpu_usec", 1);
    }
}
