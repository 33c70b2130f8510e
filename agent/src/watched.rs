//! A small file that is read again when it was changed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified_s: i64,
    modified_ns: i64,
}

/// A file and the state in which it was read last.
#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    max_bytes: usize,
    stamp: Option<Stamp>,
}

impl WatchedFile {
    /// A file that was not read yet; longer than `max_bytes` it is refused.
    pub fn new(path: &Path, max_bytes: usize) -> Self {
        Self { path: path.to_owned(), max_bytes, stamp: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes, if it was changed since they were last given; an error gives them again next time.
    pub fn read_if_changed(&mut self) -> io::Result<Option<Vec<u8>>> {
        let meta = std::fs::metadata(&self.path)?;
        let stamp = Stamp {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified_s: meta.mtime(),
            modified_ns: meta.mtime_nsec(),
        };
        if self.stamp == Some(stamp) {
            return Ok(None);
        }
        let bytes = read_bounded(&self.path, self.max_bytes)?;
        self.stamp = Some(stamp);
        Ok(Some(bytes))
    }
}

/// Reads a whole file that is at most `max_bytes` long.
pub fn read_bounded(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes {
        return Err(io::Error::other(format!("longer than {max_bytes} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_changes_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut file = WatchedFile::new(&path, 4);
        assert_eq!(file.read_if_changed().unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&path, "one").unwrap();
        assert_eq!(file.read_if_changed().unwrap().unwrap(), b"one");
        assert_eq!(file.read_if_changed().unwrap(), None);
        fs::write(dir.path().join("new"), "two").unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        assert_eq!(file.read_if_changed().unwrap().unwrap(), b"two");
        fs::write(&path, "three").unwrap();
        assert_eq!(file.read_if_changed().unwrap_err().to_string(), "longer than 4 bytes");
        assert!(file.read_if_changed().is_err(), "an error is not forgotten");
    }
}
