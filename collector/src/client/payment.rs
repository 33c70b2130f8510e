//! `hostmeter payment …`

use super::{Call, Show, field, post};
use clap::Subcommand;
use serde_json::json;

#[derive(Subcommand)]
pub(super) enum Payment {
    /// List what payment gateways sent and nobody could be found for
    List {
        /// Also what was booked, assigned or dismissed
        #[arg(long)]
        all: bool,
    },
    /// Book a kept payment as a top-up of a customer
    Assign {
        /// Number of the message, as listed
        id: i64,
        /// Customer's id
        customer: String,
        /// Amount in the currency of the books, where the message does not say it
        #[arg(long)]
        amount: Option<String>,
        /// The gateway's reference of the payment, where the message does not say it
        #[arg(long)]
        payment: Option<String>,
    },
    /// Put a kept message aside for good
    Dismiss {
        /// Number of the message, as listed
        id: i64,
    },
}

impl Payment {
    pub(super) fn call(self) -> (Call, Show) {
        match self {
            Self::List { all } => {
                let path = if all { "/v1/payments" } else { "/v1/payments?state=kept" };
                (
                    Call::Get(path.to_owned()),
                    Show::Rows(
                        "payments",
                        &[
                            ("ID", "/id"),
                            ("RECEIVED", "/received"),
                            ("GATEWAY", "/gateway"),
                            ("MESSAGE", "/message"),
                            ("STATE", "/state"),
                            ("WHY", "/why"),
                        ],
                    ),
                )
            }
            Self::Assign { id, customer, amount, payment } => {
                let body = json!({"customer": customer, "amount": amount, "payment": payment});
                let line = |a: &_| format!("balance {}", field(a, "/balance"));
                (Call::Post(format!("/v1/payments/{id}/assign"), body, None), Show::Line(line))
            }
            Self::Dismiss { id } => (post(format!("/v1/payments/{id}/dismiss")), Show::Object),
        }
    }
}
