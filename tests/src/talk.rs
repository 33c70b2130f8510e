//! A program that works on lines from its standard input and answers with lines.

use crate::run::wait_for;
use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// It must have ended so long after its input did.
const LIMIT: Duration = Duration::from_secs(60);

/// The running program. It ends with its input, when this is dropped.
#[derive(Debug)]
pub struct Talk {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Talk {
    /// Starts it.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("start {}", command.get_program().display()))?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Self { child, orders, answers })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its next answer.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(!line.is_empty(), "process {} failed; see its error above", self.child.id());
        Ok(line.trim().to_owned())
    }

    /// Its next answer, which must be this.
    pub fn expect(&mut self, answer: &str) -> Result<()> {
        let line = self.line()?;
        ensure!(line == answer, "process {} said {line:?}, not {answer:?}", self.child.id());
        Ok(())
    }

    /// Sends it a line.
    pub fn order(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.orders.as_mut().context("its input")?, "{line}")?)
    }

    /// Sends it an empty line.
    pub fn go_on(&mut self) -> Result<()> {
        self.order("")
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        drop(self.orders.take());
        if wait_for("the program to end", LIMIT, || Ok(self.child.try_wait()?)).is_err() {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}
