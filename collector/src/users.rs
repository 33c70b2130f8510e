//! Users, tokens and sessions: making them, checking passwords. Passwords are argon2id, tokens and cookies SHA-256.

use crate::api::{AppState, Problem};
use crate::audit;
use crate::auth::{Caller, Role};
use crate::db::{Connection, DbError, OptionalExtension, Transaction, params};
use crate::keys::{KeysError, random};
use crate::limits::{LABEL_MAX_CHARS, PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS, SESSION_LIFE_MS};
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use hostmeter_core::wire::key::{hex, sha256};

/// A user to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// Login name.
    pub login: String,
    /// argon2id of the password, as a PHC string.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// Whose accounts they see, by id; for the roles customer and reseller only.
    pub customer: Option<String>,
}

/// Checks a password's form. Longer ones than argon2 should hash are refused, not cut.
pub fn check_password(password: &str) -> Result<(), Problem> {
    if password.chars().count() < PASSWORD_MIN_CHARS || password.len() > PASSWORD_MAX_BYTES {
        let why = format!(
            "a password has {PASSWORD_MIN_CHARS} characters or more, and at most {PASSWORD_MAX_BYTES} bytes"
        );
        return Err(Problem::invalid(why));
    }
    Ok(())
}

/// Hashes a password. CPU and memory: off the async threads.
pub fn hash_password(password: &str) -> Result<String, Problem> {
    let salt = random::<16>().map_err(|e| Problem::internal(&e))?;
    let salt = SaltString::encode_b64(&salt).map_err(|e| Problem::internal(&e))?;
    let hash =
        Argon2::default().hash_password(password.as_bytes(), &salt).map_err(|e| Problem::internal(&e))?;
    Ok(hash.to_string())
}

/// Whether the password is the one that was hashed. CPU and memory: off the async threads.
pub fn verify_password(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    password.len() <= PASSWORD_MAX_BYTES
        && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Checks and hashes a password off the async threads, a few at a time.
pub async fn hash(app: &AppState, password: String) -> Result<String, Problem> {
    check_password(&password)?;
    let _turn = app.hashes.acquire().await.map_err(|e| Problem::internal(&e))?;
    let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await;
    hash.map_err(|e| Problem::internal(&e))?
}

/// The user of a login and password, or `None`. It takes as long for a login that does not exist.
pub async fn log_in(app: &AppState, login: String, password: String) -> Result<Option<Caller>, Problem> {
    let found = app.db.read(move |conn| password_of(conn, &login)).await?;
    let _turn = app.hashes.acquire().await.map_err(|e| Problem::internal(&e))?;
    let checked = tokio::task::spawn_blocking(move || match found {
        Some((caller, hash)) => Ok(verify_password(&password, &hash).then_some(caller)),
        None => hash_password(&password).map(|_| None),
    });
    checked.await.map_err(|e| Problem::internal(&e))?
}

/// Makes a user and returns the row.
pub fn create(tx: &Transaction<'_>, user: &NewUser, actor: &str, now_ms: i64) -> Result<i64, Problem> {
    check_label("login", &user.login)?;
    if matches!(user.role, Role::Customer | Role::Reseller) != user.customer.is_some() {
        let why = "a user of role customer or reseller names its `customer`; no other role does";
        return Err(Problem::invalid(why));
    }
    let row = user.customer.as_deref().map(|id| customer_row(tx, id)).transpose()?;
    let (customer, reseller) = match user.role {
        Role::Reseller => (None, row),
        _ => (row, None),
    };
    if let Some(row) = reseller
        && !tx.query_row("SELECT resells FROM customer WHERE id = ?1", [row], |r| r.get::<_, bool>(0))?
    {
        let why = "the customer is no reseller; `hostmeter reseller make` makes it one";
        return Err(Problem::invalid(why));
    }
    let taken: bool =
        tx.query_row("SELECT EXISTS (SELECT 1 FROM user WHERE login = ?1)", [&user.login], |r| r.get(0))?;
    if taken {
        return Err(Problem::conflict("login_exists", format!("login {:?} exists already", user.login)));
    }
    tx.execute(
        "INSERT INTO user (login, password, role, customer, reseller, made_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![user.login, user.password_hash, user.role.as_str(), customer, reseller, now_ms],
    )?;
    let row = tx.last_insert_rowid();
    audit::write(tx, actor, "user.add", &user.login, user.role.as_str(), now_ms)?;
    Ok(row)
}

fn check_label(what: &str, text: &str) -> Result<(), Problem> {
    let len = text.chars().count();
    if len == 0 || len > LABEL_MAX_CHARS || text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!(
            "{what} has 1 to {LABEL_MAX_CHARS} characters, none of them a control character"
        )));
    }
    Ok(())
}

fn customer_row(conn: &Connection, id: &str) -> Result<i64, Problem> {
    let row = conn.query_row("SELECT id FROM customer WHERE name = ?1", [id], |r| r.get(0)).optional()?;
    row.ok_or_else(|| Problem::invalid(format!("customer {id:?} does not exist; add it first")))
}

/// A user's row and argon2id hash; `None` if there is no such login or it is disabled.
pub fn password_of(conn: &Connection, login: &str) -> Result<Option<(Caller, String)>, DbError> {
    let sql = "SELECT id, login, role, coalesce(customer, reseller), password FROM user WHERE login = ?1 AND disabled = 0";
    let row = conn
        .prepare_cached(sql)?
        .query_row([login], |r| {
            let word: String = r.get(2)?;
            Ok((r.get(0)?, r.get(1)?, word, r.get(3)?, r.get(4)?))
        })
        .optional()?;
    Ok(row.and_then(|(user, login, word, customer, hash): (i64, String, String, Option<i64>, String)| {
        Role::from_word(&word).map(|role| (Caller { user, login, role, customer }, hash))
    }))
}

/// Sets another password and ends all sessions of the user.
pub fn set_password(
    tx: &Transaction<'_>,
    login: &str,
    password_hash: &str,
    actor: &str,
    now_ms: i64,
) -> Result<(), Problem> {
    let user = user_row(tx, login)?;
    tx.execute("UPDATE user SET password = ?2 WHERE id = ?1", params![user, password_hash])?;
    tx.execute("DELETE FROM session WHERE user = ?1", [user])?;
    Ok(audit::write(tx, actor, "user.passwd", login, "", now_ms)?)
}

/// Disables a user: tokens and sessions stop working at once.
pub fn disable(tx: &Transaction<'_>, login: &str, actor: &str, now_ms: i64) -> Result<(), Problem> {
    let user = user_row(tx, login)?;
    tx.execute("UPDATE user SET disabled = 1 WHERE id = ?1", [user])?;
    tx.execute("DELETE FROM session WHERE user = ?1", [user])?;
    Ok(audit::write(tx, actor, "user.disable", login, "", now_ms)?)
}

/// The row of a login.
pub fn user_row(conn: &Connection, login: &str) -> Result<i64, Problem> {
    let row = conn.query_row("SELECT id FROM user WHERE login = ?1", [login], |r| r.get(0)).optional()?;
    row.ok_or_else(|| Problem::not_found("user", login))
}

/// A random secret with a prefix that secret scanners can look for.
pub fn new_token() -> Result<String, KeysError> {
    Ok(format!("hmt_{}", hex(&random::<32>()?)))
}

/// Stores a bearer token of a user.
pub fn add_token(
    tx: &Transaction<'_>,
    user: i64,
    token: &str,
    label: &str,
    expires_ms: Option<i64>,
    now_ms: i64,
) -> Result<(), Problem> {
    check_label("label", label)?;
    tx.execute(
        "INSERT INTO token (hash, user, label, made_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![sha256(token.as_bytes()), user, label, now_ms, expires_ms],
    )?;
    Ok(())
}

/// A login of the panel: the cookie's value and the token that forms carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Secret value of the cookie; only its SHA-256 is stored.
    pub cookie: String,
    /// Stands in every form that changes something.
    pub csrf: String,
    /// When it ends, milliseconds since the epoch.
    pub expires_ms: i64,
}

/// Makes a session and removes those that are over.
pub fn create_session(tx: &Transaction<'_>, user: i64, now_ms: i64) -> Result<Session, Problem> {
    let secret = |r: Result<[u8; 32], KeysError>| r.map(|b| hex(&b)).map_err(|e| Problem::internal(&e));
    let session = Session {
        cookie: secret(random())?,
        csrf: secret(random())?,
        expires_ms: now_ms.saturating_add(SESSION_LIFE_MS),
    };
    tx.execute("DELETE FROM session WHERE expires_ms <= ?1", [now_ms])?;
    tx.execute(
        "INSERT INTO session (hash, user, csrf, made_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![sha256(session.cookie.as_bytes()), user, session.csrf, now_ms, session.expires_ms],
    )?;
    Ok(session)
}

/// The user of a cookie and the session's form token, if it is good at `now_ms`.
pub fn session(conn: &Connection, cookie: &str, now_ms: i64) -> Result<Option<(Caller, String)>, DbError> {
    let Some(caller) = crate::auth::by_session(conn, cookie, now_ms)? else { return Ok(None) };
    let sql = "SELECT csrf FROM session WHERE hash = ?1";
    let csrf = conn.prepare_cached(sql)?.query_row([sha256(cookie.as_bytes())], |r| r.get(0))?;
    Ok(Some((caller, csrf)))
}

/// Ends a session; one that is over already is no error.
pub fn end_session(tx: &Transaction<'_>, cookie: &str) -> Result<(), DbError> {
    tx.execute("DELETE FROM session WHERE hash = ?1", [sha256(cookie.as_bytes())])?;
    Ok(())
}
