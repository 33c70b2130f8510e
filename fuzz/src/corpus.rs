//! The committed corpora, `corpus/TARGET/`: what the encoders wrote (`seed-NN`) and what was found.

use crate::Target;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a target's corpus.
pub fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// Every committed input of a target, by file name.
pub fn inputs(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder(target))?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    paths.sort_unstable();
    paths.into_iter().map(|path| std::fs::read(&path).map(|bytes| (path, bytes))).collect()
}

/// Writes the seeds that are missing or other; returns how many there were.
pub fn write_seeds(target: &Target) -> io::Result<usize> {
    let dir = folder(target);
    std::fs::create_dir_all(&dir)?;
    let mut written = 0_usize;
    for (i, seed) in (target.seeds)().iter().enumerate() {
        let path = dir.join(format!("seed-{i:02}"));
        if std::fs::read(&path).ok().as_ref() != Some(seed) {
            std::fs::write(&path, seed)?;
            written = written.saturating_add(1);
        }
    }
    Ok(written)
}
