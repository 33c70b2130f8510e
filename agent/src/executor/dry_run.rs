//! `hostmeter-executor dry-run [ACTION USER]`: what would happen, in words; nothing is changed.

use super::config::Config;
use super::driver::{self, Job};
use super::files;
use super::identity::match_live;
use super::record::{Phase, Record};
use super::run::{RunError, read_config};
use super::trust;
use hostmeter_core::duration;
use hostmeter_core::limits::COMMAND_UID_MIN;
use hostmeter_core::name::escape;
use hostmeter_core::wire::command::{Action, Target};
use nix::unistd::User;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// One line: whether it is as it should be, and what.
type Line = (bool, String);

/// Writes what was found to `out`. `Ok(true)` if the executor could run here, and would carry out the action, if one
/// was given with its user.
pub fn dry_run(config: &Path, action: Option<(&str, &str)>, out: &mut impl Write) -> Result<bool, RunError> {
    let file = config.display().to_string();
    let config = read_config(config)?;
    let mut lines = vec![(true, format!("configuration {file}"))];
    let driver = driver::open(&config);
    let faults = driver.check();
    if faults.is_empty() {
        lines.push((true, format!("driver {}", driver.name())));
    }
    lines.extend(faults.into_iter().map(|fault| (false, format!("driver {}: {fault}", driver.name()))));
    lines.push(match trust::read(&config.state_dir) {
        Err(e) => (false, format!("trust: {e}")),
        Ok(trust) => {
            let key = trust.command_key.fingerprint();
            (true, format!("trust: host {}, epoch {}, command key {key}", trust.host_id, trust.epoch))
        }
    });
    if let Some((action, user)) = action {
        lines.extend(about(action, user, &config));
    }
    for (ok, line) in &lines {
        writeln!(out, "{} {line}", if *ok { "ok   " } else { "fault" }).map_err(RunError::Start)?;
    }
    Ok(lines.iter().all(|(ok, _)| *ok))
}

/// What this host's own rules say to the action, then what the driver sees of the account.
fn about(action: &str, login: &str, config: &Config) -> Vec<Line> {
    let Some(action) = Action::from_word(action) else {
        let words: Vec<_> = Action::ALL.iter().map(|a| a.as_str()).collect();
        return vec![(false, format!("{action:?} is no action; there are {}", words.join(", ")))];
    };
    let Some(user) = User::from_name(login).ok().flatten() else {
        return vec![(false, format!("user {login:?} is not known on this host"))];
    };
    let uid = user.uid.as_raw();
    let record: Option<Record> =
        match files::read_json(&config.state_dir.join("accounts").join(format!("{uid}.json"))) {
            Ok(record) => record,
            Err(e) => return vec![(false, e.to_string())],
        };
    let phase = record.as_ref().map_or(Phase::Active, |r| r.phase);
    let what = format!("{} {login} (uid {uid}, {})", action.as_str(), phase.as_str());
    let mut lines = Vec::new();
    if uid < COMMAND_UID_MIN {
        lines.push((false, format!("{what}: refused: uid below {COMMAND_UID_MIN}")));
    }
    if config.protected.iter().any(|p| p == login) {
        lines.push((false, format!("{what}: refused: the user is protected")));
    }
    if let Err(why) = phase_allows(phase, action, config) {
        lines.push((false, format!("{what}: {why}")));
    }
    let target = target_of(&user, record.as_ref());
    let account = match (&record, match_live(&target)) {
        (_, Ok(account)) => account,
        (Some(record), Err(_)) if record.quarantine.is_some() => record.account.clone(),
        (_, Err(e)) => {
            lines.push((false, format!("{what}: refused: {e}")));
            return lines;
        }
    };
    if lines.is_empty() {
        let steps = steps(action, config);
        lines.push((true, format!("{what}: would be carried out: {steps}")));
    }
    let job = Job {
        account,
        action: Action::Inspect,
        number: 0,
        generation: record.as_ref().map_or(0, |r| r.generation),
        phase,
        saved: record.as_ref().and_then(|r| r.saved.clone()),
        quarantine: record.as_ref().and_then(|r| r.quarantine.clone()),
    };
    match driver::open(config).inspect(&job) {
        Ok(report) => {
            lines.extend(
                report.surfaces.into_iter().map(|s| (s.ok, format!("now {}: {}", s.surface, s.detail))),
            );
        }
        Err(e) => lines.push((false, format!("now: {e}"))),
    }
    lines
}

/// The account as a correct command would name it.
fn target_of(user: &User, record: Option<&Record>) -> Target {
    let inode = std::fs::symlink_metadata(&user.dir).map(|m| m.ino());
    Target {
        uid: user.uid.as_raw(),
        user: escape(user.name.as_bytes()),
        home: user.dir.to_string_lossy().into_owned(),
        home_inode: inode.ok().or(record.map(|r| r.account.home_inode)).unwrap_or_default(),
    }
}

fn phase_allows(phase: Phase, action: Action, config: &Config) -> Result<(), String> {
    let min = duration::format(config.min_suspended_ms);
    match (phase, action) {
        (Phase::Active, Action::Delete) => Err(format!("deferred: not suspended; min_suspended = \"{min}\"")),
        (Phase::Active | Phase::Suspended, Action::Purge) => Err("refused: it is not deleted".to_owned()),
        (Phase::Deleted, Action::Suspend | Action::Resume) => {
            Err("refused: it is deleted; undelete it".to_owned())
        }
        _ => Ok(()),
    }
}

fn steps(action: Action, config: &Config) -> String {
    use super::config::DriverConfig;
    let linux = match &config.driver {
        DriverConfig::Exec(exec) => return format!("run {}", exec.program.display()),
        DriverConfig::Linux(linux) => linux,
    };
    let (quarantine, archive) = (linux.quarantine_dir.display(), linux.archive_dir.display());
    match action {
        Action::Suspend => "lock and expire the login, park the crontab, end the processes".to_owned(),
        Action::Resume => "give back crontab and login as they were".to_owned(),
        Action::Delete => format!("archive the home to {archive}, move it to {quarantine}"),
        Action::Undelete => format!("move the home back from {quarantine}, then resume"),
        Action::Purge => format!("remove the home from {quarantine} and the user from passwd"),
        Action::Inspect => "look, change nothing".to_owned(),
    }
}
