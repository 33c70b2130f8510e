//! Programs of others: installed, or unpacked by `packaging/bench-peers` below the build's folder.

use anyhow::{Context, Result, bail};
use hostmeter_tests::run::bin_dir;
use std::path::{Path, PathBuf};

/// Where programs lie below a root.
const FOLDERS: [&str; 2] = ["usr/bin", "usr/lib/netdata/plugins.d"];

/// Something that was unpacked, by its path in the package.
pub(crate) fn unpacked(path: &Path) -> Result<PathBuf> {
    Ok(bin_dir()?.parent().context("the build's folder")?.join("peers").join(path))
}

/// A program by its name.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let roots = [unpacked(Path::new(""))?, PathBuf::from("/")];
    let mut places = roots.iter().flat_map(|root| FOLDERS.map(|folder| root.join(folder).join(name)));
    match places.find(|p| p.is_file()) {
        Some(path) => Ok(path),
        None => bail!("{name} is neither installed nor unpacked; `packaging/bench-peers` does the latter"),
    }
}

/// Where the libraries of unpacked programs lie.
pub(crate) fn libraries() -> Result<PathBuf> {
    unpacked(Path::new(&format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH)))
}
