//! Backups by the clock, and what acknowledgements say of them.

use super::make::{self, Made};
use super::{prune, refill};
use crate::alerts;
use crate::api::AppState;
use crate::config::Backup;
use crate::db::{Connection, DbError, OptionalExtension};
use crate::limits::{BACKUP_LOOK, BACKUP_RETRY_MS};

const ALERT: &str = "backup";

/// Looks for ever whether a backup is due, and reads what others made. The caller ends it by dropping it.
pub async fn background(app: &AppState) {
    let mut failed_ms: Option<i64> = None;
    loop {
        if let Err(e) = look(app).await {
            tracing::error!(error = %e, "what backups hold could not be read");
        }
        if let Some(settings) = &app.config.backup {
            let now_ms = app.now_ms();
            let waits = failed_ms.is_some_and(|at| now_ms.saturating_sub(at) < BACKUP_RETRY_MS);
            if !waits && is_due(app, settings, now_ms).await {
                failed_ms = run(app, settings, now_ms).await.then_some(()).map_or(Some(now_ms), |()| None);
                continue;
            }
        }
        tokio::time::sleep(BACKUP_LOOK).await;
    }
}

/// Reads what other programs noted of backups, and whether hosts have sent again what a restore lost.
pub async fn look(app: &AppState) -> Result<(), DbError> {
    let theirs = std::sync::Arc::clone(app);
    app.db.read(move |conn| theirs.archived.reload(conn)).await?;
    let waits = |conn: &Connection| -> Result<bool, DbError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM host WHERE refill_ms IS NOT NULL)";
        Ok(conn.prepare_cached(sql)?.query_row([], |r| r.get(0))?)
    };
    if app.db.read(waits).await? {
        let now_ms = app.now_ms();
        app.db.write(move |tx| refill::look(tx, now_ms)).await?;
    }
    Ok(())
}

/// Whether the newest backup is older than it may be. One from the future, by a clock that was set back, counts as old.
async fn is_due(app: &AppState, settings: &Backup, now_ms: i64) -> bool {
    let newest = |conn: &Connection| -> Result<Option<i64>, DbError> {
        let sql = "SELECT made_ms FROM backup ORDER BY id DESC LIMIT 1";
        Ok(conn.query_row(sql, [], |r| r.get(0)).optional()?)
    };
    match app.db.read(newest).await {
        Ok(Some(at)) => at > now_ms || now_ms.saturating_sub(at) >= settings.every_ms,
        Ok(None) => true,
        Err(e) => {
            tracing::error!(error = %e, "the time of the last backup could not be read");
            false
        }
    }
}

/// One backup; says whether it was made. A failure is an alert until one succeeds.
pub async fn run(app: &AppState, settings: &Backup, now_ms: i64) -> bool {
    let (config, to) = (app.config.clone(), settings.dir.clone());
    let made =
        tokio::task::spawn_blocking(move || make::make(&config, config.file.as_deref(), &to, now_ms)).await;
    let why = match made {
        Ok(Ok(made)) => match note(app, settings, made, now_ms).await {
            Ok(()) => return true,
            Err(e) => e.to_string(),
        },
        Ok(Err(e)) => e.to_string(),
        Err(e) => e.to_string(),
    };
    tracing::error!(why, "no backup was made");
    let detail = format!("no backup was made, and agents keep what none holds: {why}");
    let raised = app.db.write(move |tx| alerts::raise(tx, ALERT, ALERT, "collector", &detail, now_ms)).await;
    if let Err(e) = raised {
        tracing::error!(error = %e, "the alert could not be raised");
    }
    false
}

async fn note(app: &AppState, settings: &Backup, made: Made, now_ms: i64) -> Result<(), DbError> {
    tracing::info!(path = %made.path.display(), serial = made.manifest.serial, "a backup was made and verified");
    let path = made.path.clone();
    app.db
        .write(move |tx| -> Result<(), DbError> {
            make::record(tx, &made)?;
            alerts::clear(tx, ALERT, now_ms)
        })
        .await?;
    let theirs = std::sync::Arc::clone(app);
    app.db.read(move |conn| theirs.archived.reload(conn)).await?;
    let (settings, journal) = (settings.clone(), app.config.journal_dir.clone());
    let pruned =
        tokio::task::spawn_blocking(move || prune(&settings.dir, settings.keep, journal.as_deref(), &path))
            .await;
    match pruned.map_err(|e| e.to_string()).and_then(|p| p.map_err(|e| e.to_string())) {
        Ok(()) => {}
        Err(why) => tracing::error!(why, "old backups could not be removed"),
    }
    Ok(())
}
