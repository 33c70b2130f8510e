//! A folder on a file system that lies on a block device: what is written in memory alone is no I/O.

use crate::stack::run_ok;
use anyhow::{Context, Result, ensure};
use rustix::fs::{major, stat};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Size of the file system that is made where there is none.
const IMAGE_BYTES: u64 = 1 << 30;

/// The folder, which every user may write into; removed when dropped.
#[derive(Debug)]
pub struct BlockDir {
    dir: tempfile::TempDir,
    /// Where an image was mounted.
    mounted: Option<PathBuf>,
}

impl BlockDir {
    /// Takes the folder for temporary files if it lies on a block device, and mounts an ext4 image otherwise. Needs root.
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut out = Self { dir, mounted: None };
        // File systems without a device of their own have major number 0.
        if major(stat(out.dir.path())?.st_dev) == 0 {
            out.mount()?;
        }
        std::fs::set_permissions(out.dir.path(), PermissionsExt::from_mode(0o755))?;
        std::fs::set_permissions(out.path(), PermissionsExt::from_mode(0o777))?;
        Ok(out)
    }

    fn mount(&mut self) -> Result<()> {
        let (image, place) = (self.dir.path().join("image"), self.dir.path().join("mounted"));
        std::fs::File::create(&image)?.set_len(IMAGE_BYTES)?;
        std::fs::create_dir(&place)?;
        run_ok(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        run_ok(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&place))
            .context("no file system on a block device here, and none could be made")?;
        self.mounted = Some(place.clone());
        ensure!(major(stat(&place)?.st_dev) != 0, "{} is on no device", place.display());
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.mounted.as_deref().unwrap_or(self.dir.path())
    }
}

impl Drop for BlockDir {
    fn drop(&mut self) {
        if let Some(place) = &self.mounted {
            let _unmounted = Command::new("umount").arg("--lazy").arg(place).status();
        }
    }
}
