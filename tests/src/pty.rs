//! A program on a terminal of its own: what it writes, what is typed, the terminal's size and its settings.

use anyhow::{Context, Result};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, OutputModes, Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Both ends of a pseudo-terminal and the program on it.
#[derive(Debug)]
pub struct OnTerminal {
    child: Child,
    ours: File,
    theirs: OwnedFd,
    written: Arc<Mutex<Vec<u8>>>,
}

/// The settings that programs that fill the screen change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    local: LocalModes,
    output: OutputModes,
}

impl Settings {
    fn of(termios: &Termios) -> Self {
        Self { local: termios.local_modes, output: termios.output_modes }
    }

    /// Whether what is typed is collected line by line.
    pub fn is_by_line(self) -> bool {
        self.local.contains(LocalModes::ICANON)
    }
}

impl OnTerminal {
    /// Starts a program on a new terminal, in a session of its own.
    pub fn start(command: &Command, columns: u16, rows: u16) -> Result<Self> {
        let ours =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).context("openpt")?;
        grantpt(&ours).context("grantpt")?;
        unlockpt(&ours).context("unlockpt")?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let theirs = ioctl_tiocgptpeer(&ours, flags).context("the other end")?;
        tcsetwinsize(&ours, size(columns, rows)).context("size")?;
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(command.get_program())
            .args(command.get_args())
            .env("TERM", "xterm")
            .stdin(theirs.try_clone()?)
            .stdout(theirs.try_clone()?)
            .stderr(theirs.try_clone()?)
            .spawn()
            .context("setsid")?;
        let ours = File::from(ours);
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (ours.try_clone()?, Arc::clone(&written));
        std::thread::spawn(move || {
            let mut some = [0_u8; 4_096];
            // Ends with an error when the last one has closed the other end.
            while let Ok(n @ 1..) = from.read(&mut some) {
                let mut all = to.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend(some.iter().take(n));
            }
        });
        Ok(Self { child, ours, theirs, written })
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types.
    pub fn type_keys(&mut self, keys: &str) -> Result<()> {
        self.ours.write_all(keys.as_bytes()).context("typing")
    }

    /// Changes the size, of which the program hears by SIGWINCH.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        tcsetwinsize(&self.ours, size(columns, rows)).context("size")
    }

    /// The settings now.
    pub fn settings(&self) -> Result<Settings> {
        Ok(Settings::of(&tcgetattr(&self.theirs).context("settings")?))
    }

    /// Everything written so far.
    pub fn written(&self) -> String {
        let all = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Waits until something was written, and gives everything after `skip` bytes.
    pub fn wait_for_text(&self, text: &str, skip: usize, limit: Duration) -> Result<()> {
        let found = crate::run::wait_for(&format!("{text:?} on the terminal"), limit, || {
            Ok(self.written().get(skip..).is_some_and(|after| after.contains(text)).then_some(()))
        });
        found.with_context(|| format!("there is {:?}", self.written()))
    }

    /// Waits for the program's end.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        crate::run::wait_for("the program on the terminal to end", limit, || Ok(child.try_wait()?))
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // Ended already, usually.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
