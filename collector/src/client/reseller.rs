//! `hostmeter reseller …`

use super::table::Column;
use super::{Call, Show, encode, field};
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Subcommand)]
pub(super) enum Reseller {
    /// Let a customer have customers of its own
    Make {
        /// Customer's id
        id: String,
    },
    /// List resellers
    List,
    /// Give a customer to a reseller, or back to the company, with a plan of theirs
    ///
    /// From the next UTC hour on, or from the next billing month where allowance, tiers or cap are involved.
    Assign {
        /// Customer's id
        id: String,
        /// The reseller's id
        #[arg(
            long,
            value_name = "CUSTOMER",
            required_unless_present = "company",
            conflicts_with = "company"
        )]
        to: Option<String>,
        /// Back to the company
        #[arg(long)]
        company: bool,
        /// Plan of the reseller, or of the company
        #[arg(long)]
        plan: String,
    },
    /// Show what a reseller's customers were charged, what that cost it, and the difference, by month
    Margin {
        /// The reseller's id
        id: String,
        /// One month, for example 2026-11 (default: the last twelve)
        #[arg(long)]
        month: Option<String>,
    },
}

const RESELLERS: &[Column] =
    &[("RESELLER", "/id"), ("NAME", "/name"), ("CUSTOMERS", "/customers"), ("STATE", "/state")];

const MARGIN: &[Column] =
    &[("MONTH", "/month"), ("RETAIL", "/retail"), ("WHOLESALE", "/wholesale"), ("MARGIN", "/margin")];

impl Reseller {
    pub(super) fn call(self) -> (Call, Show) {
        match self {
            Self::Make { id } => {
                let made = |a: &Value| format!("{} is a reseller", field(a, "/id"));
                (Call::Post("/v1/resellers".to_owned(), json!({"customer": id}), None), Show::Line(made))
            }
            Self::List => (Call::Get("/v1/resellers".to_owned()), Show::Rows("resellers", RESELLERS)),
            Self::Assign { id, to, plan, .. } => {
                let path = format!("/v1/customers/{}/reseller", encode(&id));
                (Call::Put(path, json!({"reseller": to, "plan": plan})), Show::Object)
            }
            Self::Margin { id, month } => {
                let month = month.map(|m| format!("?month={}", encode(&m))).unwrap_or_default();
                let path = format!("/v1/resellers/{}/margin{month}", encode(&id));
                (Call::Get(path), Show::Rows("months", MARGIN))
            }
        }
    }
}
