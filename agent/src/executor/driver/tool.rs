//! Running a program: no shell, clean environment, time limit, bounded output.

use super::{DriverError, cut};
use crate::executor::limits::OUTPUT_MAX_BYTES;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Where programs of the system are looked for; nothing else is, whatever `PATH` says.
const TOOL_DIRS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What a program left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended; `None` if it was killed at its time limit.
    pub status: Option<ExitStatus>,
    /// The beginning of its standard output.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub stderr: Vec<u8>,
    /// Whether it said more than is kept.
    pub cut: bool,
}

impl Output {
    /// Whether it ended with exit code 0.
    pub fn success(&self) -> bool {
        self.status.is_some_and(|s| s.success())
    }

    /// How it ended and what it said, in one line.
    pub fn describe(&self, timeout: Duration) -> String {
        let said = [&self.stderr, &self.stdout].into_iter().find(|b| !b.trim_ascii().is_empty());
        let said = said.map(|b| format!(": {}", cut(&String::from_utf8_lossy(b)))).unwrap_or_default();
        match self.status {
            Some(status) => format!("{status}{said}"),
            None => format!("killed after {} s, its time limit{said}", timeout.as_secs_f32()),
        }
    }
}

/// A system program's absolute path.
pub fn find(name: &str) -> Result<PathBuf, DriverError> {
    let candidates = TOOL_DIRS.iter().map(|dir| Path::new(dir).join(name));
    candidates.into_iter().find(|p| p.is_file()).ok_or_else(|| {
        DriverError::failed(format!("{name} is not installed (looked in {})", TOOL_DIRS.join(", ")))
    })
}

/// A command with nothing of this process's environment and its own process group.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", TOOL_DIRS.join(":"))
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a system program and wants exit code 0.
pub fn must<S: AsRef<OsStr>>(name: &str, args: &[S], timeout: Duration) -> Result<Output, DriverError> {
    let mut command = command(&find(name)?);
    command.args(args);
    let output = run(command, b"", timeout)?;
    if output.success() {
        return Ok(output);
    }
    Err(DriverError::failed(format!("{name}: {}", output.describe(timeout))))
}

/// Runs a command made by [`command`], feeding `input`, which must be small enough for a pipe (64 KiB).
pub fn run(command: Command, input: &[u8], timeout: Duration) -> Result<Output, DriverError> {
    run_counting_lines(command, input, timeout).map(|(output, _)| output)
}

/// As [`run`], and says how many lines came on standard output, also of those that were not kept.
pub fn run_counting_lines(
    mut command: Command,
    input: &[u8],
    timeout: Duration,
) -> Result<(Output, u64), DriverError> {
    let name = command.get_program().to_string_lossy().into_owned();
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(|e| DriverError::io(format!("starting {name}"), e))?;
    drop(command);
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input is free to do so.
        match stdin.write_all(input) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => {
                kill_group(&mut child);
                return Err(DriverError::io(format!("writing to {name}"), e));
            }
            _ => {}
        }
    }
    let watched = watch(&mut child, timeout);
    if watched.is_err() {
        kill_group(&mut child);
    }
    watched.map_err(|e| DriverError::io(format!("watching {name}"), e))
}

/// Reads until the child ends or its time is over.
fn watch(child: &mut Child, timeout: Duration) -> std::io::Result<(Output, u64)> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let (mut out, mut err) = (Sink::new(child.stdout.take())?, Sink::new(child.stderr.take())?);
    let deadline = Instant::now().checked_add(timeout);
    let status = loop {
        let left = deadline.map_or(timeout, |d| d.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            kill_group(child);
            break None;
        }
        if wait(&pidfd, &out, &err, left)? {
            break Some(child.wait()?);
        }
        out.drain()?;
        err.drain()?;
    };
    // What it wrote just before its end. A grandchild that keeps a pipe open is not waited for.
    out.drain()?;
    err.drain()?;
    let lines = out.lines;
    Ok((Output { status, cut: out.cut || err.cut, stdout: out.kept, stderr: err.kept }, lines))
}

/// Waits for the end of the child (`true`) or for output.
fn wait(
    pidfd: &impl AsFd,
    out: &Sink<impl AsFd>,
    err: &Sink<impl AsFd>,
    left: Duration,
) -> std::io::Result<bool> {
    let mut fds = vec![PollFd::new(pidfd, PollFlags::IN)];
    for pipe in [out.open(), err.open()].into_iter().flatten() {
        fds.push(PollFd::from_borrowed_fd(pipe, PollFlags::IN));
    }
    let timeout = Timespec::try_from(left).map_err(std::io::Error::other)?;
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    Ok(fds.first().is_some_and(|f| !f.revents().is_empty()))
}

/// Kills the child with all of its process group, and reaps it.
fn kill_group(child: &mut Child) {
    // Both can only fail if it is gone already.
    let _gone = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _reaped = child.wait();
}

/// A pipe that is read without waiting, its beginning kept.
struct Sink<R> {
    pipe: Option<R>,
    kept: Vec<u8>,
    cut: bool,
    lines: u64,
}

impl<R: Read + AsFd> Sink<R> {
    fn new(pipe: Option<R>) -> std::io::Result<Self> {
        if let Some(pipe) = &pipe {
            rustix::fs::fcntl_setfl(pipe, OFlags::NONBLOCK)?;
        }
        Ok(Self { pipe, kept: Vec::new(), cut: false, lines: 0 })
    }

    fn drain(&mut self) -> std::io::Result<()> {
        let mut buffer = [0_u8; 8192];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(n) => {
                    let room = OUTPUT_MAX_BYTES.saturating_sub(self.kept.len()).min(n);
                    self.kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
                    self.cut |= room < n;
                    let lines = buffer.iter().take(n).filter(|b| **b == b'\n').count();
                    self.lines = self.lines.saturating_add(u64::try_from(lines).unwrap_or(u64::MAX));
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl<R: AsFd> Sink<R> {
    fn open(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::testing::until;

    fn sh(script: &str, input: &[u8], timeout_ms: u64) -> (Output, Duration) {
        let mut cmd = command(Path::new("/bin/sh"));
        cmd.arg("-c").arg(script);
        let begun = Instant::now();
        let output = run(cmd, input, Duration::from_millis(timeout_ms)).unwrap();
        (output, begun.elapsed())
    }

    #[test]
    fn output_is_bounded_and_the_environment_clean() {
        let (output, _) = sh("cat; env; head -c 200000 /dev/zero >&2; exit 3", b"hello\n", 10_000);
        assert_eq!(output.status.and_then(|s| s.code()), Some(3));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("hello\n"), "{text}");
        let names: Vec<_> = text.lines().skip(1).filter_map(|l| l.split('=').next()).collect();
        assert!(
            names.iter().all(|n| ["PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"].contains(n)),
            "{names:?}"
        );
        assert_eq!(output.stderr.len(), OUTPUT_MAX_BYTES);
        assert!(output.cut);
    }

    #[test]
    fn the_time_limit_kills_the_group() {
        let (output, took) = sh("sleep 98765 & echo $!; wait", b"", 300);
        assert!(output.status.is_none() && took < Duration::from_secs(5), "{took:?}");
        let pid = String::from_utf8(output.stdout).unwrap();
        let path = format!("/proc/{}/stat", pid.trim());
        until("the grandchild ends", || {
            let state = std::fs::read_to_string(&path).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        });
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_is_not_waited_for() {
        let (output, took) = sh("sleep 3 & echo done", b"", 10_000);
        assert!(output.success() && took < Duration::from_secs(2), "{took:?}");
        assert_eq!(output.stdout, b"done\n");
    }
}
