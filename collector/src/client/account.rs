//! `hostmeter account …`

use super::standing::AccountStanding;
use super::{Call, Show, encode, post};
use clap::Subcommand;
use serde_json::json;

#[derive(Subcommand)]
pub(super) enum Account {
    /// List accounts
    List,
    /// Show one account
    Show {
        /// Account, user@host
        id: String,
    },
    /// Give an account to a customer, from the next UTC hour
    Assign {
        /// Account, user@host
        id: String,
        /// Customer's id
        customer: String,
    },
    /// Move an account to another customer, from the next UTC hour, or let its bill go on at another host
    Move {
        /// Account, user@host
        id: String,
        /// Customer's id
        #[arg(required_unless_present = "to_host", conflicts_with = "to_host")]
        customer: Option<String>,
        /// The host on which the same user goes on
        #[arg(long, value_name = "HOST")]
        to_host: Option<String>,
    },
    /// Usage of a time
    Usage {
        /// Account, user@host
        id: String,
        /// From, RFC 3339
        #[arg(long)]
        from: String,
        /// To, RFC 3339
        #[arg(long)]
        to: String,
        /// Length of a bucket in seconds
        #[arg(long, default_value_t = 3600)]
        step: u32,
        /// Meters, separated by commas
        #[arg(long, default_value = "cpu_usec,memory_kib_sec,io_read_bytes,io_write_bytes")]
        meters: String,
    },
    /// Commands that used most in a time
    Top {
        /// Account, user@host
        id: String,
        /// From, RFC 3339
        #[arg(long)]
        from: String,
        /// To, RFC 3339
        #[arg(long)]
        to: String,
    },
    /// Stop everything of the account
    Suspend {
        /// Account, user@host
        id: String,
    },
    /// Give back what was there before the suspension
    Resume {
        /// Account, user@host
        id: String,
    },
    /// Archive the account and move it into the quarantine
    Delete {
        /// Account, user@host
        id: String,
    },
    /// Bring the account back from the quarantine
    Undelete {
        /// Account, user@host
        id: String,
    },
    #[command(flatten)]
    Standing(AccountStanding),
}

impl Account {
    pub(super) fn call(self) -> (Call, Show) {
        let at = |id: &str, rest: &str| format!("/v1/accounts/{}{rest}", encode(id));
        let change = |id: &str, verb: &str| (post(at(id, verb)), Show::Object);
        match self {
            Self::Standing(verb) => verb.call(),
            Self::List => (
                Call::Get("/v1/accounts".to_owned()),
                Show::Rows(
                    "accounts",
                    &[
                        ("ACCOUNT", "/id"),
                        ("UID", "/uid"),
                        ("CUSTOMER", "/customer"),
                        ("STATE", "/state"),
                        ("LAST SEEN", "/last_seen"),
                    ],
                ),
            ),
            Self::Show { id } => (Call::Get(at(&id, "")), Show::Object),
            Self::Assign { id, customer } => {
                (Call::Put(at(&id, "/customer"), json!({"customer": customer})), Show::Object)
            }
            Self::Move { id, to_host: Some(host), .. } => {
                (Call::Post(at(&id, "/move"), json!({"host": host}), None), Show::Object)
            }
            Self::Move { id, customer, .. } => {
                (Call::Put(at(&id, "/customer"), json!({"customer": customer})), Show::Object)
            }
            Self::Usage { id, from, to, step, meters } => {
                let query = format!(
                    "/usage?from={}&to={}&step={step}&meters={}",
                    encode(&from),
                    encode(&to),
                    encode(&meters)
                );
                (Call::Get(at(&id, &query)), Show::Object)
            }
            Self::Top { id, from, to } => (
                Call::Get(at(&id, &format!("/top?from={}&to={}", encode(&from), encode(&to)))),
                Show::Rows(
                    "top",
                    &[
                        ("COMMAND", "/command"),
                        ("CPU_USEC", "/cpu_usec"),
                        ("MEMORY_KIB_SEC", "/memory_kib_sec"),
                        ("PROCESSES", "/processes"),
                    ],
                ),
            ),
            Self::Suspend { id } => change(&id, "/suspend"),
            Self::Resume { id } => change(&id, "/resume"),
            Self::Delete { id } => change(&id, "/delete"),
            Self::Undelete { id } => change(&id, "/undelete"),
        }
    }
}
