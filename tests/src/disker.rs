//! The program `disker`: a load on storage with a known size.

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use rustix::fs::{Advice, fadvise};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Bytes of one system call.
const BLOCK: usize = 1 << 20;
/// Direct transfers begin at such an address in memory.
const ALIGN: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// Through the page cache, then fsync.
    Write,
    /// With `O_DIRECT`.
    WriteDirect,
    /// Through the page cache, which is dropped before.
    Read,
    /// With `O_DIRECT`.
    ReadDirect,
    /// Into the page cache only.
    WriteDirty,
    /// Cuts the file off at 0; BYTES do not matter.
    Truncate,
    /// Into the page cache only, then cut off at 0.
    WriteTruncate,
}

/// What is ordered.
#[derive(Debug, Parser)]
pub struct Args {
    #[command(flatten)]
    work: Work,
    /// Have so many children do it, one after the other.
    #[arg(long)]
    children: Option<u32>,
    /// Uid of the children.
    #[arg(long)]
    child_uid: Option<u32>,
    /// Uid to take once the children have started.
    #[arg(long)]
    become_uid: Option<u32>,
    /// Live on until a line is read.
    #[arg(long)]
    linger: bool,
}

#[derive(Debug, clap::Args)]
struct Work {
    operation: Operation,
    file: PathBuf,
    bytes: usize,
}

/// A block of memory, and where in it a direct transfer may begin.
fn block(fill: u8) -> (Vec<u8>, usize) {
    let block = vec![fill; BLOCK + ALIGN];
    let start = block.as_ptr().align_offset(ALIGN);
    (block, start)
}

fn open(path: &Path, is_write: bool, is_direct: bool) -> Result<File> {
    let flags = if is_direct { nix::libc::O_DIRECT } else { 0 };
    let mut options = OpenOptions::new();
    options.read(!is_write).write(is_write).create(is_write).custom_flags(flags);
    options.open(path).with_context(|| path.display().to_string())
}

fn write(work: &Work, is_direct: bool) -> Result<File> {
    let mut file = open(&work.file, true, is_direct)?;
    let (block, start) = block(7);
    for _ in 0..work.bytes / BLOCK {
        file.write_all(&block[start..start + BLOCK])?;
    }
    Ok(file)
}

fn read(work: &Work, is_direct: bool) -> Result<()> {
    let mut file = open(&work.file, false, is_direct)?;
    if !is_direct {
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    let (mut block, start) = block(0);
    for _ in 0..work.bytes / BLOCK {
        file.read_exact(&mut block[start..start + BLOCK])?;
        ensure!(block[start] == 7, "{} holds something else", work.file.display());
    }
    Ok(())
}

fn carry_out(work: &Work) -> Result<()> {
    ensure!(work.bytes.is_multiple_of(BLOCK), "BYTES must be a multiple of {BLOCK}");
    match work.operation {
        Operation::Write => write(work, false)?.sync_all()?,
        Operation::WriteDirect => drop(write(work, true)?),
        Operation::Read => read(work, false)?,
        Operation::ReadDirect => read(work, true)?,
        Operation::WriteDirty => drop(write(work, false)?),
        Operation::Truncate => open(&work.file, true, false)?.set_len(0)?,
        Operation::WriteTruncate => write(work, false)?.set_len(0)?,
    }
    Ok(())
}

/// What the kernel counted for this process.
fn counted() -> Result<String> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let of = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).map(str::trim);
    let all = ["read_bytes:", "write_bytes:", "cancelled_write_bytes:"].map(of);
    let [Some(read), Some(written), Some(cancelled)] = all else { bail!("/proc/self/io: {text:?}") };
    Ok(format!("{read} {written} {cancelled}"))
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn wait_for_a_line() -> Result<()> {
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

fn start_child(args: &Args, number: u32) -> Result<Child> {
    let work = &args.work;
    let operation = work.operation.to_possible_value().context("operation")?;
    let mut file = work.file.clone().into_os_string();
    file.push(format!(".{number}"));
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(operation.get_name()).arg(file).arg(work.bytes.to_string());
    if args.linger {
        command.arg("--linger");
    }
    if let Some(uid) = args.child_uid {
        command.uid(uid);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    // Its figures say that its work is done; the line itself does not matter.
    BufReader::new(child.stdout.take().context("output")?).read_line(&mut String::new())?;
    Ok(child)
}

fn parent(args: &Args, children: u32) -> Result<()> {
    let children: Vec<Child> = (0..children).map(|n| start_child(args, n)).collect::<Result<_>>()?;
    if let Some(uid) = args.become_uid {
        nix::unistd::setuid(uid.into())?;
    }
    say("done")?;
    if args.linger {
        wait_for_a_line()?;
    }
    for mut child in children {
        drop(child.stdin.take());
        ensure!(child.wait()?.success(), "a child failed");
    }
    say("reaped")
}

/// Carries it out.
pub fn run(args: &Args) -> Result<()> {
    if let Some(children) = args.children {
        parent(args, children)?;
    } else {
        carry_out(&args.work)?;
        say(&counted()?)?;
    }
    if args.linger {
        wait_for_a_line()?;
    }
    Ok(())
}
