//! Writes `packaging/man` and `packaging/completions`; `make man` runs it.

use std::fs;

use anyhow::Context;
use hostmeter_tests::{man, tidy::tree};

fn main() -> anyhow::Result<()> {
    let packaging = tree::root().join("packaging");
    for folder in ["man", "completions"] {
        fs::create_dir_all(packaging.join(folder)).context(folder)?;
    }
    for (name, text) in man::files(man::programs())? {
        let path = packaging.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
