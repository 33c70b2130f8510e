//! Power cuts: a file system of its own in a file, cut off in the middle of writing.

use crate::raw;
use crate::run::{Running, program, wait_for};
use anyhow::{Context, Result, bail, ensure};
use hostmeter_agent::spool::Spool;
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::wire::envelope::{Domain, Stamp, header_hash, seal};
use hostmeter_core::wire::key::{SigningKey, hex};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Host of what is written.
pub const HOST: HostId = HostId([7; 16]);
/// Epoch of what is written.
pub const EPOCH: u64 = 1;
/// So small that segments come and go.
pub const CAP_BYTES: u64 = 512 * 1024;
const DISK_BYTES: u64 = 12 * 1024 * 1024;

/// One to three parts that go on from a number and its hash; their sizes follow from the number.
pub fn group(seq: u64, hash: [u8; 32]) -> Result<Vec<Vec<u8>>> {
    let key = SigningKey::from_seed(&[1; 32])?;
    let mut prev = hash;
    let mut out = Vec::new();
    for number in seq + 1..=seq + 1 + seq % 3 {
        let stamp = Stamp {
            domain: Domain::Batch,
            host: HOST,
            epoch: EPOCH,
            seq: number,
            prev,
            boot: BootId([2; 16]),
            wall_ns: 1,
            boottime_ns: 1,
        };
        let payload: Vec<u8> = (0..number * 37 % 5_000).map(|i| (i * i % 251).to_le_bytes()[0]).collect();
        let envelope = seal(&stamp, &payload, &key)?;
        prev = header_hash(&envelope);
        out.push(envelope);
    }
    Ok(out)
}

fn sh(program: &str, args: &[&Path]) -> Result<()> {
    let mut command = Command::new(program);
    for arg in args {
        // Options are written with their values, like `-o loop`.
        match arg.to_str().filter(|t| t.starts_with('-')) {
            Some(options) => command.args(options.split(' ')),
            None => command.arg(arg),
        };
    }
    let out = command.output().with_context(|| format!("run {program}"))?;
    ensure!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(())
}

/// A throw-away ext4 in a file.
#[derive(Debug)]
pub struct Disk {
    file: PathBuf,
    at: PathBuf,
    is_mounted: bool,
}

impl Disk {
    /// Makes it below `dir` and mounts it.
    pub fn new(dir: &Path) -> Result<Self> {
        let mut disk = Self { file: dir.join("disk.img"), at: dir.join("disk"), is_mounted: false };
        File::create(&disk.file)?.set_len(DISK_BYTES)?;
        std::fs::create_dir_all(&disk.at)?;
        sh("mkfs.ext4", &["-q -F".as_ref(), &disk.file])?;
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&mut self) -> Result<()> {
        sh("mount", &["-o loop".as_ref(), &self.file, &self.at])?;
        self.is_mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<()> {
        // Whoever still has a file open there ends in a moment.
        wait_for("the disk to be unmounted", Duration::from_secs(20), || Ok(sh("umount", &[&self.at]).ok()))?;
        self.is_mounted = false;
        Ok(())
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Cuts the power: from this moment on nothing reaches the disk, whatever lies in caches. The image is copied
    /// away and mounted in place of the disk.
    fn cut(&self) -> Result<()> {
        raw::shut_down(&File::open(&self.at)?).context("shut the file system down")
    }

    fn power_on(&mut self) -> Result<()> {
        self.unmount()?;
        let image = self.file.with_extension("copy");
        std::fs::copy(&self.file, &image)?;
        std::fs::rename(&image, &self.file)?;
        self.mount()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            let _unmounted = self.unmount();
        }
    }
}

/// What the writer said before the cut.
#[derive(Debug, Default)]
struct Said {
    durable: BTreeMap<u64, String>,
    acked: u64,
}

fn read_said(text: &str) -> Result<Said> {
    let mut said = Said::default();
    // A line that is not whole was not said.
    for line in text.split_inclusive('\n').filter_map(|l| l.strip_suffix('\n')) {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["d", seq, hash] => drop(said.durable.insert(seq.parse()?, (*hash).to_owned())),
            ["a", seq] => said.acked = seq.parse()?,
            other => bail!("the writer said {other:?}"),
        }
    }
    Ok(said)
}

/// One cut after `after`: every record that was durable is there, the chain has no hole, and the spool opens clean
/// the second time. Returns how many records had been made durable since the last cut.
pub fn cut_once(disk: &mut Disk, after: Duration, logs: &Path) -> Result<usize> {
    let dir = disk.path().join("spool");
    let mut writer = Command::new(program("spooler")?);
    let mut writer = Running::start("spooler", writer.arg(&dir).stdout(Stdio::piped()), logs)?;
    let mut out = writer.stdout().context("standard output")?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let reading = std::thread::spawn(move || {
        let mut chunk = [0_u8; 4_096];
        while let Ok(n @ 1..) = out.read(&mut chunk) {
            let mut all = ear.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(chunk.iter().take(n));
        }
    });
    std::thread::park_timeout(after);
    // What is said after the cut does not count: a kernel may take a sync that it met in the middle for a good one.
    let said = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    disk.cut()?;
    let status = writer.wait(Duration::from_secs(20))?;
    ensure!(!status.success(), "the writer noticed nothing: {}", writer.log_text());
    reading.join().map_err(|_| anyhow::anyhow!("the reader of what the writer said failed"))?;
    let said = read_said(std::str::from_utf8(&said)?)?;
    let acked = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let said = Said { acked: read_said(std::str::from_utf8(&acked)?)?.acked, ..said };
    disk.power_on()?;
    check(&dir, &said)?;
    Ok(said.durable.len())
}

fn check(dir: &Path, said: &Said) -> Result<()> {
    let (spool, findings) = Spool::open(dir, HOST, EPOCH, CAP_BYTES)?;
    ensure!(findings.damaged.is_empty() && findings.missing.is_empty(), "{findings:?}");
    let mut reader = spool.reader();
    let mut held = BTreeMap::new();
    while let Some(entry) = reader.read_next()? {
        held.insert(entry.seq, hex(&entry.hash));
    }
    let oldest = held.keys().next().copied().unwrap_or(1);
    ensure!(
        oldest <= said.acked.max(1) + 1 || said.acked == 0,
        "{oldest} is the oldest; {} was acknowledged",
        said.acked
    );
    for (seq, hash) in &said.durable {
        let is_removed = *seq < oldest && *seq <= said.acked;
        ensure!(held.get(seq) == Some(hash) || is_removed, "{seq} was durable and is lost: {findings:?}");
    }
    let last = held.keys().next_back().copied().unwrap_or(0);
    ensure!(held.is_empty() || held.len() as u64 == last - oldest + 1, "a hole between {oldest} and {last}");
    ensure!(spool.tail().seq == last, "the chain goes on from {}, not {last}", spool.tail().seq);
    drop(spool);
    let (_, findings) = Spool::open(dir, HOST, EPOCH, CAP_BYTES)?;
    ensure!(
        findings == hostmeter_agent::spool::Findings::default(),
        "the second start is clean: {findings:?}"
    );
    Ok(())
}
