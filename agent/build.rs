//! Compiles the programs of the eBPF tier (`bpf/`) with clang into one object, which the agent carries in itself.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=bpf");
    println!("cargo:rerun-if-env-changed=CLANG");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?).join("hostmeter.bpf.o");
    // libbpf's headers, which libbpf-sys builds with its copy of libbpf.
    let include = std::env::var_os("DEP_BPF_INCLUDE").ok_or("libbpf-sys told no folder of headers")?;
    let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let arch = match std::env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => "x86",
        "aarch64" => "arm64",
        other => return Err(format!("the eBPF tier is not known to work on {other}").into()),
    };
    let mut command = Command::new(&clang);
    command
        .args(["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror", "-c", "bpf/hostmeter.bpf.c"])
        .arg(format!("-D__TARGET_ARCH_{arch}"))
        .arg("-I")
        .arg(include)
        .arg("-o")
        .arg(&out);
    let status = command
        .status()
        .map_err(|e| format!("{clang} cannot be run ({e}); `make deps` installs it, or name one in CLANG"))?;
    if status.success() { Ok(()) } else { Err(format!("{clang} failed on bpf/hostmeter.bpf.c").into()) }
}
