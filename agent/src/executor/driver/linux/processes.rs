//! Surface `processes`: everything that runs as the uid is ended, by pidfd, after a second look at the uid.
//!
//! A number alone could belong to another process by the time the signal is sent; a pidfd cannot. Facts of a process
//! come from `/proc/PID/status` (proc_pid_status(5)).

use crate::executor::driver::DriverError;
use crate::executor::limits::{FREEZE_LOOKS_MAX, KILL_ROUNDS_MAX};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Pause between two looks, so that signals get delivered.
const PAUSE: Duration = Duration::from_millis(5);

/// A process of the uid, held by its pidfd.
struct Held {
    pid: Pid,
    fd: OwnedFd,
    stopped: bool,
}

/// Ends every process of the uid: first politely, then, after `grace`, by freezing all of them and killing them, again
/// and again until none is left, so that one that forks cannot outrun it.
pub(super) fn end(uid: u32, grace: Duration) -> Result<(), DriverError> {
    let asked = look(uid)?;
    if asked.is_empty() {
        return Ok(());
    }
    if !grace.is_zero() {
        for held in &asked {
            send(held, Signal::TERM)?;
            // A stopped process takes no notice of TERM.
            send(held, Signal::CONT)?;
        }
        wait_for_end(&asked, grace)?;
    }
    for _ in 0..KILL_ROUNDS_MAX {
        let held = freeze(uid)?;
        if held.is_empty() {
            return Ok(());
        }
        held.iter().try_for_each(|h| send(h, Signal::KILL))?;
        wait_for_end(&held, Duration::from_secs(1))?;
    }
    Ok(())
}

/// What is left.
pub(super) fn verify_none(uid: u32) -> Result<String, DriverError> {
    let left = look(uid)?;
    if left.is_empty() {
        return Ok("none".to_owned());
    }
    let pids: Vec<String> = left.iter().take(10).map(|h| h.pid.as_raw_nonzero().to_string()).collect();
    Err(DriverError::failed(format!("{} still run, among them {}", left.len(), pids.join(", "))))
}

/// How many run.
pub(super) fn count(uid: u32) -> Result<usize, DriverError> {
    Ok(look(uid)?.len())
}

/// Stops every process of the uid, and looks again until no running one is found. Bounded: what still forks then is
/// caught in the next round.
fn freeze(uid: u32) -> Result<Vec<Held>, DriverError> {
    let mut held = look(uid)?;
    for _ in 0..FREEZE_LOOKS_MAX {
        let running: Vec<&Held> = held.iter().filter(|h| !h.stopped).collect();
        if running.is_empty() {
            break;
        }
        running.into_iter().try_for_each(|h| send(h, Signal::STOP))?;
        pause(PAUSE)?;
        held = look(uid)?;
    }
    Ok(held)
}

/// Every living process of the uid.
fn look(uid: u32) -> Result<Vec<Held>, DriverError> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir("/proc").map_err(|e| DriverError::io("/proc", e))? {
        let name = entry.map_err(|e| DriverError::io("/proc", e))?.file_name();
        let pid = name.to_str().and_then(|n| n.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { continue };
        if facts(pid).is_none_or(|f| !f.is_of(uid)) {
            continue;
        }
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(Errno::SRCH) => continue,
            Err(e) => return Err(DriverError::io(format!("pidfd_open of {}", pid.as_raw_nonzero()), e)),
        };
        // The second look: now the number cannot pass to another process any more.
        if let Some(facts) = facts(pid).filter(|f| f.is_of(uid)) {
            out.push(Held { pid, fd, stopped: facts.stopped });
        }
    }
    Ok(out)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Facts {
    real: u32,
    effective: u32,
    saved: u32,
    stopped: bool,
    dead: bool,
}

impl Facts {
    /// A daemon of root that acts as the user for a moment (effective uid alone) is not the user's.
    fn is_of(&self, uid: u32) -> bool {
        !self.dead && (self.real == uid || (self.effective == uid && self.saved == uid))
    }
}

fn facts(pid: Pid) -> Option<Facts> {
    let pid = pid.as_raw_nonzero();
    let status = std::fs::read(format!("/proc/{pid}/status")).ok()?;
    let mut facts = parse(&String::from_utf8_lossy(&status))?;
    // A leader that has ended while its threads run looks like a zombie.
    facts.dead = facts.dead && std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count) <= 1;
    Some(facts)
}

/// A process' name cannot break a line here: the kernel escapes newlines in `Name:`.
fn parse(status: &str) -> Option<Facts> {
    let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name));
    let state = field("State:")?.trim_start().chars().next()?;
    let mut uids = field("Uid:")?.split_ascii_whitespace().map(|t| t.parse().ok());
    Some(Facts {
        real: uids.next()??,
        effective: uids.next()??,
        saved: uids.next()??,
        stopped: matches!(state, 'T' | 't'),
        dead: matches!(state, 'Z' | 'X' | 'x'),
    })
}

fn send(held: &Held, signal: Signal) -> Result<(), DriverError> {
    match pidfd_send_signal(&held.fd, signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(e) => Err(DriverError::io(format!("signal to process {}", held.pid.as_raw_nonzero()), e)),
    }
}

/// Until all have ended or the time is over.
fn wait_for_end(held: &[Held], limit: Duration) -> Result<(), DriverError> {
    let deadline = Instant::now().checked_add(limit);
    for h in held {
        let left = deadline.map_or(limit, |d| d.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break;
        }
        wait_on(&mut [PollFd::new(&h.fd, PollFlags::IN)], left)?;
    }
    Ok(())
}

fn pause(time: Duration) -> Result<(), DriverError> {
    wait_on(&mut [], time)
}

fn wait_on(fds: &mut [PollFd<'_>], time: Duration) -> Result<(), DriverError> {
    let timeout = Timespec::try_from(time).map_err(|e| DriverError::failed(e.to_string()))?;
    match poll(fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(e) => Err(DriverError::io("poll", e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_process_it_is() {
        let check = |uids: &str, state: &str, want: bool| {
            let text = format!("Name:\tx\\nUid:\t7\nState:\t{state} (x)\nUid:\t{uids}\n");
            assert_eq!(parse(&text).unwrap().is_of(1001), want, "{uids} {state}");
        };
        check("1001\t1001\t1001\t1001", "S", true);
        check("1001\t0\t0\t0", "R", true); // a setuid program that the user started
        check("0\t1001\t0\t1001", "S", false); // a daemon that acts as the user
        check("1002\t1001\t1001\t1001", "S", true); // another's run of the user's setuid program
        check("0\t0\t0\t1001", "S", false);
        check("1001\t1001\t1001\t1001", "Z", false);
        assert_eq!(parse("Name:\tx\n"), None);
    }
}
