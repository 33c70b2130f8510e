//! `hostmeter-collector backup` and `restore`: arguments in, text out.

use super::{Made, Options, Restored, make, prune, record, restore};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::write_beside;
use anyhow::{Context, Result, ensure};
use clap::Args;
use hostmeter_core::units::rfc3339;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Directory in which the backup gets a directory of its own; without it `[backup] dir`
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup's own directory
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Directory of the journal; without it `journal_dir` of the configuration
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// Restore the backup alone: what was written since is lost
    #[arg(long, conflicts_with = "journal")]
    no_journal: bool,
    /// Leave out a last record of the journal that is cut short
    #[arg(long)]
    accept_torn_tail: bool,
    /// Restore a backup although agents may have forgotten what only a newer one holds
    #[arg(long)]
    accept_older: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Makes a backup, beside a running collector or without one.
pub fn run_backup(config: &Config, args: &BackupArgs) -> Result<()> {
    let configured = config.backup.as_ref();
    let to = args.to.as_ref().or_else(|| configured.map(|b| &b.dir));
    let to = to.context("give --to DIR, or set `dir` in [backup] of the configuration")?;
    ensure!(
        config.control_db().exists(),
        "{} is missing: there is nothing to back up in `data_dir`",
        config.control_db().display()
    );
    let made = make(config, config.file.as_deref(), to, Clock::System.now_ms())?;
    write_beside(&config.control_db(), config.journal_dir.is_some(), |tx| record(tx, &made))
        .context("the backup is good, but could not be noted, so that agents keep what it holds")?;
    if let Some(settings) = configured.filter(|b| b.dir == *to) {
        prune(&settings.dir, settings.keep, config.journal_dir.as_deref(), &made.path)?;
    }
    if args.json { print(&serde_json::to_string(&made)?) } else { print(&told(&made)) }
}

fn told(made: &Made) -> String {
    let m = &made.manifest;
    let bytes: u64 = m.files.iter().fold(0, |sum, f| sum.saturating_add(f.bytes));
    let mut out = format!(
        "Made and verified {}.\nBytes         {bytes}\nTransactions  {}\nJournal       up to serial {}\n",
        made.path.display(),
        m.transactions,
        m.serial
    );
    for c in &m.hosts {
        out.push_str(&format!("Host          {}, epoch {}, up to {}\n", c.name, c.epoch, c.seq));
    }
    out.push_str("It holds private keys and passwords' hashes: keep it as safe as the collector.");
    out
}

/// Restores into the empty `data_dir` of the configuration.
pub fn run_restore(config: &Config, args: &RestoreArgs) -> Result<()> {
    let journal = args.journal.clone().or_else(|| config.journal_dir.clone()).filter(|_| !args.no_journal);
    let options = Options {
        from: args.from.clone(),
        journal,
        accepts_torn: args.accept_torn_tail,
        accepts_older: args.accept_older,
    };
    let restored = restore(&options, &config.data_dir)?;
    if args.json { print(&serde_json::to_string(&restored)?) } else { print(&said(&restored)) }
}

fn said(restored: &Restored) -> String {
    let b = &restored.backup;
    let mut out = format!(
        "Restored {} from the backup of {}, made by version {}.\n",
        restored.data_dir.display(),
        rfc3339(b.made_ms),
        b.version
    );
    match &restored.replayed {
        None => out.push_str(
            "Journal       none: what was written since the backup by people and programs is lost\n",
        ),
        Some(r) => {
            let last = r
                .last_ms
                .map_or_else(|| "nothing newer".to_owned(), |ms| format!("the last of {}", rfc3339(ms)));
            out.push_str(&format!(
                "Journal       {} transactions with {} rows replayed, up to serial {}, {last}\n",
                r.records, r.rows, r.serial
            ));
            if let Some(torn) = &r.torn {
                out.push_str(&format!("Left out      a last record that is cut short: {torn}\n"));
            }
        }
    }
    out.push_str(&format!("Ledger        {} transactions, verified\n", restored.transactions));
    for c in &b.hosts {
        out.push_str(&format!(
            "Host          {}, epoch {}: its agent sends again what follows {}\n",
            c.name, c.epoch, c.seq
        ));
    }
    out.push_str("Start the collector now; agents go on by themselves.");
    out
}

fn print(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
