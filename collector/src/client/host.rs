//! `hostmeter host …`

use super::table::Column;
use super::{Call, Show, encode, field, post};
use clap::Subcommand;
use serde_json::json;

const DEGRADED: &[Column] = &[
    ("FROM", "/from"),
    ("TO", "/to"),
    ("LASTED_S", "/lasted_s"),
    ("TIER", "/tier"),
    ("CPU", "/coverage/cpu"),
    ("IO", "/coverage/io"),
    ("MEMORY", "/coverage/memory"),
    ("WHY", "/why"),
];

#[derive(Subcommand)]
pub(super) enum Host {
    /// Print a single-use token, valid for an hour, to enrol a host
    Add {
        /// Name of the host, for example web1
        name: String,
        /// Live at once; else it waits for `host approve`
        #[arg(long)]
        approve: bool,
        /// The host exists and gets a new key; its accounts go on
        #[arg(long)]
        replace: bool,
    },
    /// List hosts
    List,
    /// Show one host
    Show {
        /// Name of the host
        name: String,
    },
    /// When a host was not metered in full, and why
    Degraded {
        /// Name of the host
        name: String,
        /// From, RFC 3339 (default: as long as this is kept)
        #[arg(long)]
        from: Option<String>,
        /// To, RFC 3339 (default: now)
        #[arg(long)]
        to: Option<String>,
    },
    /// Let a pending host in, after its key's fingerprint was compared
    Approve {
        /// Name of the host
        name: String,
    },
    /// Refuse a host and all its keys from now on
    Revoke {
        /// Name of the host
        name: String,
    },
    /// Refuse a key that the host replaced, from now on; batches that only it signed and that did not come yet are lost
    RevokeKey {
        /// Name of the host
        name: String,
        /// Id of the key, as `host show` lists it
        key: String,
    },
    /// Let a host that was frozen go on
    Thaw {
        /// Name of the host
        name: String,
    },
}

impl Host {
    pub(super) fn call(self) -> (Call, Show) {
        let change =
            |name: &str, verb: &str| (post(format!("/v1/hosts/{}/{verb}", encode(name))), Show::Object);
        match self {
            Self::Add { name, approve, replace } => {
                let body = json!({"host": name, "approve": approve, "replace": replace});
                (
                    Call::Post("/v1/enrolment-tokens".to_owned(), body, None),
                    Show::Line(|a| field(a, "/token")),
                )
            }
            Self::List => (
                Call::Get("/v1/hosts".to_owned()),
                Show::Rows(
                    "hosts",
                    &[
                        ("HOST", "/id"),
                        ("STATE", "/state"),
                        ("VERSION", "/agent/version"),
                        ("TIER", "/agent/tier"),
                        ("COVERAGE", "/coverage/cpu"),
                        ("LAG_S", "/lag_s"),
                        ("SEQ", "/durable_seq"),
                    ],
                ),
            ),
            Self::Show { name } => (Call::Get(format!("/v1/hosts/{}", encode(&name))), Show::Object),
            Self::Degraded { name, from, to } => {
                let given = [("from", from), ("to", to)];
                let query: Vec<String> = given
                    .into_iter()
                    .filter_map(|(key, time)| Some(format!("{key}={}", encode(&time?))))
                    .collect();
                let path = format!("/v1/hosts/{}/degraded?{}", encode(&name), query.join("&"));
                (Call::Get(path), Show::Rows("degraded", DEGRADED))
            }
            Self::Approve { name } => change(&name, "approve"),
            Self::Revoke { name } => change(&name, "revoke"),
            Self::RevokeKey { name, key } => {
                (post(format!("/v1/hosts/{}/keys/{}/revoke", encode(&name), encode(&key))), Show::Object)
            }
            Self::Thaw { name } => change(&name, "thaw"),
        }
    }
}
