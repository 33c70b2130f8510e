//! Listing and reading with trees of our own.

use super::*;
use std::fs;

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, ProcRoot) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = ProcRoot::open(dir.path()).unwrap();
    (dir, root)
}

#[test]
fn only_numbers_are_processes() {
    let files =
        [("1/x", ""), ("22/x", ""), ("3a/x", ""), ("self/x", ""), ("99999999999/x", ""), ("-4/x", "")];
    let (dir, mut root) = tree(&files);
    let mut pids = Vec::new();
    assert!(root.pids(&mut pids).unwrap());
    pids.sort_unstable();
    assert_eq!(pids, [1, 22]);
    fs::remove_dir(dir.path().join("22")).unwrap_err();
    fs::remove_file(dir.path().join("22/x")).unwrap();
    fs::remove_dir(dir.path().join("22")).unwrap();
    assert!(root.pids(&mut pids).unwrap());
    assert_eq!(pids, [1], "a second listing starts from the beginning");
}

#[test]
fn why_a_file_gives_nothing() {
    let long = "x".repeat(PROC_FILE_MAX_BYTES + 1);
    let fits = "y".repeat(PROC_FILE_MAX_BYTES - 1);
    let (_dir, mut root) = tree(&[("1/stat", "garbage"), ("1/long", &long), ("1/fits", &fits)]);
    let mut check = |path: &str, want: Result<usize, Unread>| {
        assert_eq!(root.parse(format_args!("{path}"), |b| Ok(b.len())), want, "{path}");
    };
    check("1/stat", Ok(7));
    check("1/fits", Ok(fits.len()));
    check("2/stat", Err(Unread::Gone));
    check("1/long", Err(Unread::Fault(format!("/proc/1/long: longer than {PROC_FILE_MAX_BYTES} bytes"))));
    check("1", Err(Unread::Fault("/proc/1: Is a directory (os error 21)".into())));
    let got = stat::read(&mut root, 1);
    assert_eq!(got, Err(Unread::Fault("/proc/1/stat: no '(' before the name".into())));
}

#[test]
fn a_missing_root_is_named() {
    let err = ProcRoot::open("/nonexistent/proc".as_ref()).unwrap_err().to_string();
    assert!(err.starts_with("/nonexistent/proc cannot be opened"), "{err}");
}
