//! `hostmeter command …`

use super::{Call, Show, encode, post};
use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List commands, newest first
    List {
        /// Only those of this account
        #[arg(long)]
        account: Option<String>,
    },
    /// Show a command with its surfaces
    Show {
        /// The command's id
        id: u64,
    },
    /// Try a failed command again, under a new number
    Retry {
        /// The command's id
        id: u64,
    },
}

impl Command {
    pub(super) fn call(self) -> (Call, Show) {
        match self {
            Self::List { account } => {
                let query = account.map_or_else(String::new, |a| format!("?account={}", encode(&a)));
                let columns = &[
                    ("ID", "/id"),
                    ("ACCOUNT", "/account"),
                    ("ACTION", "/action"),
                    ("GENERATION", "/generation"),
                    ("STATE", "/state"),
                    ("MADE", "/made"),
                    ("DETAIL", "/detail"),
                ];
                (Call::Get(format!("/v1/commands{query}")), Show::Rows("commands", columns))
            }
            Self::Show { id } => (Call::Get(format!("/v1/commands/{id}")), Show::Object),
            Self::Retry { id } => (post(format!("/v1/commands/{id}/retry")), Show::Object),
        }
    }
}
