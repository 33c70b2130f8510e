//! `hostmeter customer …`

use super::{Call, Show, encode, field};
use clap::Subcommand;
use serde_json::json;

#[derive(Subcommand)]
pub(super) enum Customer {
    /// Make a customer
    Add {
        /// Id, for example c-1
        id: String,
        /// Name, for people
        #[arg(long)]
        name: String,
        /// Price plan (default: the collector's)
        #[arg(long)]
        plan: Option<String>,
        /// Zone of the billing months
        #[arg(long, default_value = "UTC")]
        billing_zone: String,
    },
    /// List customers with their balances
    List,
    /// Show a customer's balance
    Show {
        /// Customer's id
        id: String,
    },
    /// Bill by another plan, from the next UTC hour; from the next billing month where allowance, tiers or cap are involved
    Plan {
        /// Customer's id
        id: String,
        /// Plan's id
        plan: String,
    },
    /// Count billing months in another zone, from the next month on
    Zone {
        /// Customer's id
        id: String,
        /// Zone, for example Europe/Riga
        zone: String,
    },
    /// Add a payment to the balance; the same payment is added once, whatever is repeated
    Topup {
        /// Customer's id
        id: String,
        /// Amount, for example 10.00
        amount: String,
        /// Where it was paid
        #[arg(long, default_value = "manual")]
        gateway: String,
        /// The payment's id there
        #[arg(long)]
        payment: String,
    },
    /// Correct the balance by an amount, with a reason
    Adjust {
        /// Customer's id
        id: String,
        /// Amount, for example -1.50
        #[arg(allow_hyphen_values = true)]
        amount: String,
        /// Why, shown to the customer
        #[arg(long)]
        reason: String,
        /// The same key is booked once
        #[arg(long)]
        key: String,
    },
    /// List what was charged and paid
    Ledger {
        /// Customer's id
        id: String,
    },
    /// List what happened to the customer: notices, suspensions
    Events {
        /// Customer's id
        id: String,
    },
}

impl Customer {
    pub(super) fn call(self) -> (Call, Show) {
        let at = |id: &str, rest: &str| format!("/v1/customers/{}{rest}", encode(id));
        match self {
            Self::Add { id, name, plan, billing_zone } => {
                let mut body = json!({"id": id, "name": name, "billing_zone": billing_zone});
                if let (Some(plan), Some(fields)) = (plan, body.as_object_mut()) {
                    fields.insert("plan".to_owned(), plan.into());
                }
                (Call::Post("/v1/customers".to_owned(), body, None), Show::Object)
            }
            Self::List => (
                Call::Get("/v1/customers".to_owned()),
                Show::Rows(
                    "customers",
                    &[("CUSTOMER", "/id"), ("NAME", "/name"), ("BALANCE", "/balance"), ("STATE", "/state")],
                ),
            ),
            Self::Show { id } => (Call::Get(at(&id, "/balance")), Show::Object),
            Self::Plan { id, plan } => (Call::Put(at(&id, "/plan"), json!({"plan": plan})), Show::Object),
            Self::Zone { id, zone } => {
                (Call::Put(at(&id, "/billing-zone"), json!({"billing_zone": zone})), Show::Object)
            }
            Self::Topup { id, amount, gateway, payment } => {
                let body = json!({"amount": amount, "gateway": gateway, "payment": payment});
                let key = format!("{gateway}:{payment}");
                let line = |a: &_| format!("balance {}", field(a, "/balance"));
                (Call::Post(at(&id, "/topups"), body, Some(key)), Show::Line(line))
            }
            Self::Adjust { id, amount, reason, key } => {
                let body = json!({"amount": amount, "reason": reason});
                (Call::Post(at(&id, "/adjustments"), body, Some(key)), Show::Object)
            }
            Self::Ledger { id } => (
                Call::Get(at(&id, "/ledger")),
                Show::Rows(
                    "entries",
                    &[
                        ("AT", "/at"),
                        ("KIND", "/kind"),
                        ("ACCOUNT", "/account"),
                        ("HOUR", "/hour"),
                        ("AMOUNT", "/amount"),
                        ("BALANCE", "/balance_after"),
                    ],
                ),
            ),
            Self::Events { id } => (
                Call::Get(at(&id, "/events")),
                Show::Rows("events", &[("AT", "/at"), ("KIND", "/kind"), ("DETAIL", "/detail")]),
            ),
        }
    }
}
