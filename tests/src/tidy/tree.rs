//! Reads the project's text files.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Directories of builds and tools, which are no part of the project.
const SKIPPED: &[&str] = &["target", "node_modules", "__pycache__"];
/// Dot directories that are part of the project; the others are not read.
const DOT: &[&str] = &[".ci", ".config"];
/// No source file comes near this, so a larger one was put here by mistake.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A text file: its path relative to the root, with `/`, and its content.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// Relative path.
    pub path: String,
    /// Content.
    pub text: String,
}

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Every text file below `root`, sorted by path. Files that are not UTF-8 are left out, links are not followed.
///
/// # Errors
/// A directory or file cannot be read, or a file is above 4 MiB; the message names it.
pub fn text_files(root: &Path) -> io::Result<Vec<TextFile>> {
    let mut files = Vec::new();
    let mut queue = vec![root.to_path_buf()];
    while let Some(dir) = queue.pop() {
        let at = |error: io::Error, path: &Path| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        for entry in fs::read_dir(&dir).map_err(|error| at(error, &dir))? {
            let entry = entry.map_err(|error| at(error, &dir))?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let kind = entry.file_type().map_err(|error| at(error, &path))?;
            if kind.is_dir() {
                let hidden = name.starts_with('.') && !DOT.contains(&name.as_ref());
                if !hidden && !SKIPPED.contains(&name.as_ref()) {
                    queue.push(path);
                }
            } else if kind.is_file() {
                let bytes = entry.metadata().map_err(|error| at(error, &path))?.len();
                if bytes > FILE_BYTES_MAX {
                    return Err(at(io::Error::other(format!("{bytes} bytes is no source file")), &path));
                }
                if let Ok(text) = String::from_utf8(fs::read(&path).map_err(|error| at(error, &path))?) {
                    let relative = path.strip_prefix(root).unwrap_or(&path);
                    files.push(TextFile { path: relative.to_string_lossy().replace('\\', "/"), text });
                }
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Files that are compiled for tests alone, given every file with the modules that it declares under
/// `#[cfg(test)]`: those modules' files and what lies below them, and the `tests` folder of each package.
#[must_use]
pub fn test_files<'a>(files: impl Iterator<Item = (&'a str, &'a [String])> + Clone) -> BTreeSet<String> {
    let mut stems = Vec::new();
    for (path, modules) in files.clone() {
        let folder = match path.rsplit_once('/') {
            Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder.to_owned(),
            _ => path.trim_end_matches(".rs").to_owned(),
        };
        stems.extend(modules.iter().map(|module| format!("{folder}/{module}")));
    }
    let in_test = |path: &str| {
        // What a fuzzer runs is a test: a panic is what it looks for.
        let in_folder = path.split('/').nth(1) == Some("tests") || path.starts_with("fuzz/src/targets/");
        in_folder || stems.iter().any(|s| path == format!("{s}.rs") || path.starts_with(&format!("{s}/")))
    };
    files.map(|(path, _)| path).filter(|path| in_test(path)).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_output_hidden_folders_and_bytes_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in [
            ("a/b.rs", &b"x"[..]),
            ("target/c.rs", b"x"),
            (".git/d", b"x"),
            (".ci/run", b"x"),
            ("bin", b"\xff\xfe"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let found: Vec<_> = text_files(dir.path()).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(found, [".ci/run", "a/b.rs"]);
        assert!(text_files(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn modules_under_cfg_test_are_test_files() {
        let (tests, none) = (vec!["tests".to_owned(), "props".to_owned()], vec![]);
        let files = [
            ("core/src/money.rs", tests.as_slice()),
            ("core/src/money/tests.rs", none.as_slice()),
            ("core/src/money/tests/more.rs", &none),
            ("core/src/tests.rs", &none),
            ("core/src/lib.rs", &tests[1..]),
            ("core/src/props.rs", &none),
            ("core/tests/all.rs", &none),
            ("tests/src/lib.rs", &none),
        ];
        let found: Vec<_> = test_files(files.into_iter()).into_iter().collect();
        let expect = [
            "core/src/money/tests.rs",
            "core/src/money/tests/more.rs",
            "core/src/props.rs",
            "core/tests/all.rs",
        ];
        assert_eq!(found, expect);
    }
}
