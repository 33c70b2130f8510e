//! Enrolment: a single-use token, a host's fresh key, and the answer that pins ours.

use crate::api::{Problem, state::App};
use crate::audit;
use crate::db::{DbError, OptionalExtension, Transaction, params};
use crate::ingest::ack::stamp;
use crate::keys::random;
use crate::limits::{ENROL_TOKEN_LIFE_MS, ENROLL_MAX_BYTES};
use axum::http::StatusCode;
use hostmeter_core::ids::{HostId, HostName};
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::enroll::{EnrollAnswer, EnrollRequest, Token};
use hostmeter_core::wire::envelope::{Domain, open, open_payload, peek, seal};
use hostmeter_core::wire::key::{Hash, sha256, unhex};
use std::sync::Arc;

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Name of the host.
    pub host: HostName,
    /// Live at once.
    pub approve: bool,
    /// Gives a host that exists a new key.
    pub replace: bool,
}

/// Makes a token and stores its hash. Returns the token and when it expires, milliseconds since the epoch.
pub async fn invite(app: &App, invitation: Invitation, actor: String) -> Result<(Token, i64), Problem> {
    let secret = random::<16>().map_err(|e| Problem::internal(&e))?;
    let token = Token { fingerprint: app.keys.identity.public().fingerprint(), secret };
    let now_ms = app.now_ms();
    let expires_ms = now_ms.saturating_add(ENROL_TOKEN_LIFE_MS);
    app.db
        .write(move |tx| -> Result<(), Problem> {
            let name = invitation.host.as_str();
            let exists: bool =
                tx.query_row("SELECT EXISTS (SELECT 1 FROM host WHERE name = ?1)", [name], |r| r.get(0))?;
            if exists && !invitation.replace {
                let why = format!("host {name} is enrolled already; to give it a new key: hostmeter host add {name} --replace");
                return Err(Problem::conflict("host_exists", why));
            }
            tx.execute(
                "INSERT INTO enrol_token (hash, host_name, approve, replace, made_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![sha256(&secret), name, invitation.approve, invitation.replace, now_ms, expires_ms],
            )?;
            tx.execute("DELETE FROM enrol_token WHERE expires_ms < ?1", [now_ms.saturating_sub(ENROL_TOKEN_LIFE_MS)])?;
            Ok(audit::write(tx, &actor, "host.invite", name, "", now_ms)?)
        })
        .await?;
    Ok((token, expires_ms))
}

struct Asked {
    request: EnrollRequest,
    secret_hash: [u8; 32],
    request_hash: [u8; 32],
}

/// Answers a host's request: the sealed answer. The same token with the same key gets the first answer again.
pub async fn enroll(app: &Arc<App>, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let asked = read(bytes)?;
    let (now_ms, mine) = (app.now_ms(), Arc::clone(app));
    let answer =
        app.db.write(move |tx| -> Result<Vec<u8>, Problem> { accept(tx, &mine, &asked, now_ms) }).await?;
    let keys = Arc::clone(&app.host_keys);
    app.db.read(move |conn| keys.reload(conn)).await?;
    Ok(answer)
}

fn read(bytes: &[u8]) -> Result<Asked, Problem> {
    let bad =
        |e: &dyn std::fmt::Display| Problem::new(StatusCode::BAD_REQUEST, "bad_envelope", e.to_string());
    let header = peek(bytes).map_err(|e| bad(&e))?;
    if header.inflated_len > ENROLL_MAX_BYTES {
        return Err(bad(&format!("a request to enrol has at most {ENROLL_MAX_BYTES} bytes")));
    }
    // The key stands in the payload, so the payload is read before it can be trusted, and verified right after.
    let payload = open_payload(&header, bytes).map_err(|e| bad(&e))?;
    let request = EnrollRequest::decode(&payload).map_err(|e| bad(&e))?;
    open(bytes, Domain::Enroll, &request.public_key).map_err(|e| Problem::unauthorized(e.to_string()))?;
    let secret = unhex::<16>(&request.secret).ok_or_else(|| bad(&"the secret has 32 hexadecimal digits"))?;
    Ok(Asked { request, secret_hash: sha256(&secret), request_hash: header.hash })
}

fn token_problem(code: &'static str, why: &str) -> Problem {
    let detail = format!("{why}; make a new token with: hostmeter host add NAME");
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
}

fn accept(tx: &Transaction<'_>, app: &App, asked: &Asked, now_ms: i64) -> Result<Vec<u8>, Problem> {
    let key = asked.request.public_key;
    let row = tx
        .query_row(
            "SELECT host_name, approve, replace, expires_ms, used_by, answer FROM enrol_token WHERE hash = ?1",
            [asked.secret_hash],
            |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?, r.get::<_, i64>(3)?, r.get(4)?, r.get(5)?)),
        )
        .optional()?;
    let Some((name, approve, replace, expires_ms, used_by, answer)) = row else {
        return Err(token_problem("token_unknown", "this token is not known here"));
    };
    if now_ms >= expires_ms {
        return Err(token_problem("token_expired", "this token has expired; it is good for one hour"));
    }
    let used_by: Option<[u8; 8]> = used_by;
    let answer: Option<Vec<u8>> = answer;
    match (used_by, answer) {
        (Some(by), Some(answer)) if by == key.id().0 => return Ok(answer),
        (Some(_), _) => {
            return Err(token_problem("token_used", "this token was used by another key already"));
        }
        (None, _) => {}
    }
    let name = HostName::parse(&name).map_err(|e| Problem::internal(&e))?;
    let (host_id, epoch, state) = admit(tx, &name, approve, replace, asked, now_ms)?;
    let sealed = answer_for(app, &name, host_id, epoch, state, asked, now_ms)?;
    tx.execute(
        "UPDATE enrol_token SET used_by = ?2, answer = ?3 WHERE hash = ?1",
        params![asked.secret_hash, key.id().0, sealed],
    )?;
    let detail = format!("key {}, {}", key.fingerprint(), state.as_str());
    audit::write(tx, "enrolment token", "host.enroll", name.as_str(), &detail, now_ms)?;
    Ok(sealed)
}

/// Makes the host, or gives it the new key: then its chain starts again in the next epoch, and its accounts go on.
fn admit(
    tx: &Transaction<'_>,
    name: &HostName,
    approve: bool,
    replace: bool,
    asked: &Asked,
    now_ms: i64,
) -> Result<(HostId, u64, HostState), Problem> {
    let state = if approve { HostState::Live } else { HostState::Pending };
    let key = asked.request.public_key;
    let known: bool =
        tx.query_row("SELECT EXISTS (SELECT 1 FROM host_key WHERE key_id = ?1)", [key.id().0], |r| r.get(0))?;
    if known {
        let why = format!("key {} was enrolled before; a host enrols with a fresh key", key.id());
        return Err(Problem::conflict("key_known", why));
    }
    let old = tx
        .query_row("SELECT id, uuid, epoch FROM host WHERE name = ?1", [name.as_str()], |r| {
            Ok((r.get::<_, i64>(0)?, r.get(1)?, r.get::<_, i64>(2)?))
        })
        .optional()?;
    let (host, uuid, epoch) = match old {
        Some(_) if !replace => {
            let why = format!(
                "host {name} was enrolled meanwhile; to give it a new key: hostmeter host add {name} --replace"
            );
            return Err(Problem::conflict("host_exists", why));
        }
        Some((host, uuid, epoch)) => {
            let epoch = epoch.saturating_add(1);
            tx.execute("UPDATE host_key SET state = 'revoked' WHERE host = ?1", [host])?;
            tx.execute(
                "UPDATE host SET state = ?2, epoch = ?3, high_seq = 0, high_hash = zeroblob(32) WHERE id = ?1",
                params![host, state.as_str(), epoch],
            )?;
            (host, uuid, epoch)
        }
        None => {
            let uuid = uuid::Uuid::new_v4().into_bytes();
            tx.execute(
                "INSERT INTO host (uuid, name, state, made_ms) VALUES (?1, ?2, ?3, ?4)",
                params![uuid, name.as_str(), state.as_str(), now_ms],
            )?;
            (tx.last_insert_rowid(), uuid, 1)
        }
    };
    tx.execute(
        "INSERT INTO host_key (key_id, host, public_key, state, added_ms) VALUES (?1, ?2, ?3, 'good', ?4)",
        params![key.id().0, host, key.0, now_ms],
    )?;
    let epoch = crate::db::from_sql("a host's epoch", epoch).map_err(|e: DbError| Problem::internal(&e))?;
    Ok((HostId(uuid), epoch, state))
}

fn answer_for(
    app: &App,
    name: &HostName,
    host_id: HostId,
    epoch: u64,
    state: HostState,
    asked: &Asked,
    now_ms: i64,
) -> Result<Vec<u8>, Problem> {
    let answer = EnrollAnswer {
        v: VERSION,
        host_id,
        name: name.clone(),
        epoch,
        state,
        identity_key: app.keys.identity.public(),
        command_key: app.keys.command.public(),
        collector_ms: now_ms,
        request_hash: Hash(asked.request_hash),
    };
    let payload = answer.encode().map_err(|e| Problem::internal(&e))?;
    let stamp = stamp(Domain::Enroll, host_id, epoch, 0, now_ms);
    seal(&stamp, &payload, &app.keys.identity).map_err(|e| Problem::internal(&e))
}
