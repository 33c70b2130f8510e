//! `hostmeter-collector init`: data directory, keys, database, first admin.

use crate::api::Problem;
use crate::auth::Role;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::keys::{Keys, KeysError, random};
use crate::users::{self, NewUser};
use hostmeter_core::wire::key::hex;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;

/// Login of the first admin.
pub const FIRST_ADMIN: &str = "admin";

/// What was made. Token and password are shown this once.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    /// Bearer token of the first admin.
    pub admin_token: String,
    /// Login of the first admin.
    pub admin_login: String,
    /// Password of the first admin.
    pub admin_password: String,
    /// Fingerprint of the collector's identity key: what hosts pin.
    pub fingerprint: String,
    /// Where everything is.
    pub data_dir: PathBuf,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is an admin already.
    #[error(
        "{path} is initialised already; log in as an admin, or make another token with: hostmeter user token",
        path = .0.display()
    )]
    Already(PathBuf),
    /// The directory could not be made.
    #[error("{path}: {source}", path = path.display())]
    Dir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The first admin.
    #[error("the first admin: {}", .0.detail)]
    Admin(Problem),
}

/// Makes everything that `serve` needs. If it was cut off, it can be run again; keys that stand are kept.
pub fn init(config: &Config, now_ms: i64) -> Result<Made, InitError> {
    let dir = &config.data_dir;
    let io = |source| InitError::Dir { path: dir.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    // A directory that was there may be open to others.
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(io)?;
    let keys = Keys::make(dir)?;
    let db = Db::open_with(&config.control_db(), config.journal_dir.as_deref())?;
    let (token, password) = (users::new_token()?, hex(&random::<9>()?));
    let hash = users::hash_password(&password).map_err(InitError::Admin)?;
    let (path, hashed) = (config.control_db(), token.clone());
    db.write_blocking(move |tx| -> Result<(), InitError> {
        let any: bool = tx
            .query_row("SELECT EXISTS (SELECT 1 FROM user WHERE role = 'admin')", [], |r| r.get(0))
            .map_err(DbError::from)?;
        if any {
            return Err(InitError::Already(path));
        }
        let admin =
            NewUser { login: FIRST_ADMIN.to_owned(), password_hash: hash, role: Role::Admin, customer: None };
        let user = users::create(tx, &admin, "init", now_ms).map_err(InitError::Admin)?;
        users::add_token(tx, user, &hashed, "init", None, now_ms).map_err(InitError::Admin)
    })?;
    Ok(Made {
        admin_token: token,
        admin_login: FIRST_ADMIN.to_owned(),
        admin_password: password,
        fingerprint: keys.identity.public().fingerprint(),
        data_dir: dir.clone(),
    })
}
