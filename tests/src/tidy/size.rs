//! How long files and functions may be. The marks may only go down.

/// No file is longer than this, in lines.
pub const FILE_LINES_MAX: usize = 800;
/// Half of the files are at most this long.
pub const FILE_LINES_MEDIAN: usize = 200;
/// Nine of ten files are at most this long.
pub const FILE_LINES_P90: usize = 450;
/// The entry file of a program only wires things together.
pub const MAIN_LINES_MAX: usize = 150;
/// No function is longer than this, from signature to closing brace. (Clippy denies above 70 lines of code;
/// this one counts comments and blank lines too.)
pub const FUNCTION_LINES_MAX: usize = 110;
/// At most one function in a hundred is longer than this.
pub const FUNCTION_LINES_MARK: usize = 70;

const _: () = assert!(FILE_LINES_MEDIAN < FILE_LINES_P90 && FILE_LINES_P90 < FILE_LINES_MAX);
const _: () = assert!(FUNCTION_LINES_MARK < FUNCTION_LINES_MAX);

/// Faults in the lengths of `files`, given as (path, lines).
#[must_use]
pub fn file_faults(files: &[(String, usize)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, lines) in files {
        let main = path.ends_with("/main.rs") || (path.contains("/src/bin/") && path.ends_with(".rs"));
        let (max, advice) = if main {
            (MAIN_LINES_MAX, "move the work into the library")
        } else {
            (FILE_LINES_MAX, "split it along its parts")
        };
        if *lines > max {
            faults.push(format!("{path}: {lines} lines, at most {max}; {advice}"));
        }
    }
    let mut sorted: Vec<usize> = files.iter().map(|(_, lines)| *lines).collect();
    sorted.sort_unstable();
    for (name, percent, mark) in [("median", 50, FILE_LINES_MEDIAN), ("90th percentile", 90, FILE_LINES_P90)]
    {
        let value = percentile(&sorted, percent);
        if value > mark {
            faults.push(format!(
                "{name} of file lengths is {value} lines, at most {mark}; split the longest files"
            ));
        }
    }
    faults
}

/// Faults in the lengths of `functions`, given as (place, lines).
#[must_use]
pub fn function_faults(functions: &[(String, usize)]) -> Vec<String> {
    let mut faults = Vec::new();
    let long: Vec<_> = functions.iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MARK).collect();
    for (place, lines) in long.iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX) {
        faults.push(format!("{place}: a function of {lines} lines, at most {FUNCTION_LINES_MAX}; split it"));
    }
    if long.len() * 100 > functions.len() {
        let places: Vec<_> = long.iter().map(|(place, lines)| format!("{place} ({lines})")).collect();
        faults.push(format!(
            "{} of {} functions are longer than {FUNCTION_LINES_MARK} lines, at most one in a hundred: {}",
            long.len(),
            functions.len(),
            places.join(", ")
        ));
    }
    faults
}

/// The smallest value that at least `percent` of `sorted` do not exceed; 0 for an empty list.
fn percentile(sorted: &[usize], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(lines: &[usize]) -> Vec<(String, usize)> {
        lines.iter().enumerate().map(|(i, lines)| (format!("f{i}.rs"), *lines)).collect()
    }

    #[test]
    fn percentiles_are_members_of_the_list() {
        for (sorted, percent, expect) in [
            (&[][..], 50, 0),
            (&[7][..], 90, 7),
            (&[1, 2, 3, 4][..], 50, 2),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10][..], 90, 9),
        ] {
            assert_eq!(percentile(sorted, percent), expect, "{sorted:?} {percent}");
        }
    }

    #[test]
    fn long_files_are_faults() {
        assert!(file_faults(&named(&[800, 200, 10, 10])).iter().all(|fault| fault.contains("90th")));
        assert!(
            file_faults(&named(&[801, 10, 10, 10])).iter().any(|fault| fault.starts_with("f0.rs: 801 lines"))
        );
        assert!(file_faults(&named(&[201, 201, 10])).iter().any(|fault| fault.starts_with("median")));
        assert!(file_faults(&named(&[451])).iter().any(|fault| fault.starts_with("90th")));
        assert!(file_faults(&named(&[200, 100, 3])).is_empty());
        for path in ["agent/src/main.rs", "agent/src/bin/x.rs"] {
            let faults = file_faults(&[(path.to_owned(), 151), ("a.rs".to_owned(), 1)]);
            assert_eq!(faults, [format!("{path}: 151 lines, at most 150; move the work into the library")]);
        }
    }

    #[test]
    fn long_functions_are_faults() {
        let mut lines = vec![10; 99];
        lines.push(71);
        assert!(function_faults(&named(&lines)).is_empty());
        lines.push(72);
        let faults = function_faults(&named(&lines));
        assert!(faults.iter().any(|fault| fault.starts_with("2 of 101")), "{faults:?}");
        assert!(function_faults(&named(&[111])).iter().any(|fault| fault.contains("of 111 lines")));
    }
}
