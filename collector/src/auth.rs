//! Who is calling, and what they may see.

use crate::db::{Connection, DbError, OptionalExtension};
use hostmeter_core::wire::key::sha256;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees and pays for own accounts.
    Customer,
    /// Sees and manages its own customers.
    Reseller,
    /// Does everything.
    Admin,
    /// Reads everything, changes nothing.
    Auditor,
}

impl Role {
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Reseller => "reseller",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// The role of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Customer, Self::Reseller, Self::Admin, Self::Auditor].into_iter().find(|r| r.as_str() == word)
    }
}

/// What a query may return. Every query function wants one, so that a handler cannot forget it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// What belongs to this customer (row id of table `customer`).
    Customer(i64),
    /// What belongs to this reseller, or to its customers as named last (row id of table `customer`).
    Reseller(i64),
}

impl Scope {
    /// For SQL of the form `(?1 IS NULL OR customer = ?1)`: NULL lets everything through. Of a reseller only what is its
    /// own; see [`Scope::sql`].
    pub const fn customer(self) -> Option<i64> {
        match self {
            Self::All => None,
            Self::Customer(id) | Self::Reseller(id) => Some(id),
        }
    }

    /// The reseller whose customers may be seen, too.
    pub const fn reseller(self) -> Option<i64> {
        match self {
            Self::All | Self::Customer(_) => None,
            Self::Reseller(id) => Some(id),
        }
    }

    /// The condition on a column with the row of an owner. `?own` stands for the parameter [`Scope::customer`], `?of` for
    /// [`Scope::reseller`].
    pub fn sql(column: &str, own: u8, of: u8) -> String {
        format!(
            "(?{own} IS NULL OR {column} = ?{own} OR {column} IN (SELECT id FROM customer WHERE reseller = ?{of}))"
        )
    }

    /// Whether something of this owner may be seen.
    pub fn sees(self, conn: &Connection, owner: Option<i64>) -> Result<bool, DbError> {
        let Some(owner) = owner else { return Ok(self == Self::All) };
        let sql = format!("SELECT {}", Self::sql("?1", 2, 3));
        let mut stmt = conn.prepare_cached(&sql)?;
        let seen: Option<bool> = stmt.query_row((owner, self.customer(), self.reseller()), |r| r.get(0))?;
        Ok(seen == Some(true))
    }
}

/// A user whose token or session was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Row id of table `user`.
    pub user: i64,
    /// Login name; the actor in ledger and audit.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// Row id of their customer; only for customers and resellers.
    pub customer: Option<i64>,
}

impl Caller {
    /// What they may see.
    pub const fn scope(&self) -> Scope {
        match (self.role, self.customer) {
            (Role::Admin | Role::Auditor, _) => Scope::All,
            (Role::Customer, Some(id)) => Scope::Customer(id),
            (Role::Reseller, Some(id)) => Scope::Reseller(id),
            // Nothing: no row has this id. The table's CHECK forbids the one; the other is a reseller's user of before there
            // were resellers.
            (Role::Customer | Role::Reseller, None) => Scope::Customer(-1),
        }
    }
}

/// The user of a bearer token, if it is good at `now_ms`.
pub fn by_token(conn: &Connection, token: &str, now_ms: i64) -> Result<Option<Caller>, DbError> {
    let sql = "SELECT u.id, u.login, u.role, coalesce(u.customer, u.reseller) FROM token t JOIN user u ON u.id = t.user
        WHERE t.hash = ?1 AND u.disabled = 0 AND (t.expires_ms IS NULL OR t.expires_ms > ?2)";
    caller(conn, sql, token, now_ms)
}

/// The user of a session cookie, if it is good at `now_ms`.
pub fn by_session(conn: &Connection, cookie: &str, now_ms: i64) -> Result<Option<Caller>, DbError> {
    let sql = "SELECT u.id, u.login, u.role, coalesce(u.customer, u.reseller) FROM session s JOIN user u ON u.id = s.user
        WHERE s.hash = ?1 AND u.disabled = 0 AND s.expires_ms > ?2";
    caller(conn, sql, cookie, now_ms)
}

fn caller(conn: &Connection, sql: &str, secret: &str, now_ms: i64) -> Result<Option<Caller>, DbError> {
    let mut stmt = conn.prepare_cached(sql)?;
    let row = stmt
        .query_row((sha256(secret.as_bytes()), now_ms), |r| {
            Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?, r.get(3)?))
        })
        .optional()?;
    let Some((user, login, word, customer)) = row else { return Ok(None) };
    // A role that this version does not know may do nothing.
    Ok(Role::from_word(&word).map(|role| Caller { user, login, role, customer }))
}
