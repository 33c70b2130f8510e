//! Driver `exec`: a program of the administrator.
//!
//! It gets `{"action","account":{"uid","user","home","home_inode"},"generation","number"}` on standard input. Exit
//! code 0 means done, any other failed. It may print `{"surfaces":[{"surface","ok","detail"}],"archive":"…"}`.
//! After a crash of the executor it is called again with the same input, so it must be idempotent.

use super::{Driver, DriverError, Job, Report, cut, tool};
use crate::executor::config::ExecConfig;
use hostmeter_core::name::escape;
use hostmeter_core::wire::command::{Action, Surface};
use serde::Deserialize;
use serde_json::{Value, json};

/// The driver with its settings.
#[derive(Debug)]
pub struct Exec {
    settings: ExecConfig,
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    surfaces: Vec<Surface>,
    #[serde(default)]
    archive: Option<String>,
}

impl Exec {
    /// The driver with its settings.
    pub fn new(settings: ExecConfig) -> Self {
        Self { settings }
    }

    fn call(&self, action: Action, job: &Job) -> Result<Report, DriverError> {
        let account = &job.account;
        let input = json!({
            "action": action.as_str(),
            "account": {
                "uid": account.uid,
                "user": escape(account.login.as_bytes()),
                "home": account.home.to_string_lossy(),
                "home_inode": account.home_inode,
            },
            "generation": job.generation,
            "number": job.number,
        });
        let mut command = tool::command(&self.settings.program);
        command.args(&self.settings.args);
        let output = tool::run(command, format!("{input}\n").as_bytes(), self.settings.timeout)?;
        let name = self.settings.program.display();
        if !output.success() {
            let how = output.describe(self.settings.timeout);
            return Err(DriverError::failed(format!("{name} {}: {how}", action.as_str())));
        }
        let text = output.stdout.trim_ascii();
        let answer = if text.starts_with(b"{") {
            serde_json::from_slice(text).map_err(|e| {
                let long = if output.cut { " (its output was too long)" } else { "" };
                DriverError::failed(format!("{name} ended well, but its answer is not understood: {e}{long}"))
            })?
        } else {
            Answer::default()
        };
        let mut report = Report { archive: answer.archive.map(|a| cut(&a)), ..Report::default() };
        for s in answer.surfaces {
            report.add(&s.surface, if s.ok { Ok(s.detail) } else { Err(DriverError::Failed(s.detail)) });
        }
        if report.surfaces.is_empty() {
            report.add("program", Ok(cut(&String::from_utf8_lossy(&output.stderr))));
        }
        Ok(report)
    }
}

impl Driver for Exec {
    fn name(&self) -> &'static str {
        "exec"
    }

    /// The program keeps what it needs by itself.
    fn snapshot(&self, _: &Job, _: Option<&Value>) -> Result<Value, DriverError> {
        Ok(Value::Null)
    }

    fn inspect(&self, job: &Job) -> Result<Report, DriverError> {
        self.call(Action::Inspect, job)
    }

    fn suspend(&self, job: &Job) -> Result<Report, DriverError> {
        self.call(Action::Suspend, job)
    }

    fn resume(&self, job: &Job) -> Result<Report, DriverError> {
        self.call(Action::Resume, job)
    }

    fn delete(&self, job: &Job) -> Result<Report, DriverError> {
        self.call(Action::Delete, job)
    }

    fn undelete(&self, job: &Job) -> Result<Report, DriverError> {
        self.call(Action::Undelete, job)
    }

    fn purge(&self, job: &Job) -> Result<Report, DriverError> {
        self.call(Action::Purge, job)
    }

    fn check(&self) -> Vec<String> {
        use std::os::unix::fs::MetadataExt;
        let program = &self.settings.program;
        let unsafe_file = |meta: std::fs::Metadata| {
            if !meta.is_file() || meta.mode() & 0o111 == 0 {
                return Some(format!("exec.program: {} is not an executable file", program.display()));
            }
            let checked = crate::executor::files::check_owner(program, meta.uid(), meta.mode());
            checked.err().map(|e| format!("exec.program: {e}"))
        };
        match std::fs::metadata(program) {
            Ok(meta) => unsafe_file(meta).into_iter().collect(),
            Err(e) => vec![format!("exec.program: {}: {e}", program.display())],
        }
    }
}
