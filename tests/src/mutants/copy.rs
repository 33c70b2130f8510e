//! A copy of the checkout that can be changed: what git knows or would add, without what it ignores.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Brings `to` in line with the checkout. A file that is the same is not touched, so that only what changed since the
/// last time is built again.
pub fn bring_up_to_date(root: &Path, to: &Path) -> Result<()> {
    let listed = files(root)?;
    for file in &listed {
        let (from, copy) = (root.join(file), to.join(file));
        // Listed, and removed since.
        let Ok(meta) = std::fs::symlink_metadata(&from) else { continue };
        if meta.is_file() {
            write_if_changed(&copy, &std::fs::read(&from).with_context(|| from.display().to_string())?)?;
            std::fs::set_permissions(&copy, meta.permissions())?;
        }
    }
    remove_others(to, to, &listed)
}

/// Writes a file unless it is so already.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}

fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let out = Command::new("git").arg("-C").arg(root).args(list).output().context("run git")?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "mutations are tried on a copy of a git checkout: {said}");
    let names = out.stdout.split(|b| *b == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}

/// What is no file of the checkout any more would still be built.
fn remove_others(top: &Path, dir: &Path, listed: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(top, &path, listed)?;
        } else if !listed.contains(path.strip_prefix(top)?) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}
