//! `hostmeter customer …`

use super::standing::CustomerStanding;
use super::table::Column;
use super::{Call, Show, encode, field};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum Customer {
    /// Make a customer
    Add {
        /// Id, for example c-1
        id: String,
        /// Name, for people
        #[arg(long)]
        name: String,
        /// Price plan (default: the collector's; a reseller's customer is on one of the reseller's)
        #[arg(long)]
        plan: Option<String>,
        /// Reseller whose customer it is; a reseller's own login need not name it
        #[arg(long, value_name = "CUSTOMER")]
        reseller: Option<String>,
        /// Zone of the billing months
        #[arg(long, default_value = "UTC")]
        billing_zone: String,
        /// Customer that brought this one and gets a share of its payments
        #[arg(long, value_name = "CUSTOMER")]
        referred_by: Option<String>,
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
        /// What it is: a correction, credit that is given, or a debt that is given up
        #[arg(long, value_parser = ["adjustment", "promo", "write-off"], default_value = "adjustment")]
        kind: String,
        /// What a correction is booked against: promo, referral, bad-debt or revenue:METER
        #[arg(long, value_name = "ACCOUNT")]
        against: Option<String>,
    },
    /// Give unspent money back; the same refund is booked once, whatever is repeated
    Refund {
        /// Customer's id
        id: String,
        /// Amount, for example 4.00
        amount: String,
        /// Where it was paid
        #[arg(long, default_value = "manual")]
        gateway: String,
        /// Id of the payment there that goes back, or a part of it
        #[arg(long)]
        payment: String,
        /// The refund's id there
        #[arg(long)]
        refund: String,
        /// Why, shown to the customer
        #[arg(long)]
        reason: String,
    },
    /// List payments with what can still be given back
    Refundable {
        /// Customer's id
        id: String,
    },
    /// List what was charged and paid
    Ledger {
        /// Customer's id
        id: String,
    },
    /// Set language, mail address, Telegram chat or time zone; an empty text takes one away
    Set {
        /// Customer's id
        id: String,
        /// en or ru
        #[arg(long)]
        language: Option<String>,
        /// Where notices are mailed
        #[arg(long)]
        email: Option<String>,
        /// Chat's number, or @name of a channel, to which the bot writes
        #[arg(long, allow_hyphen_values = true)]
        telegram: Option<String>,
        /// Zone of the times in notices and on pages
        #[arg(long)]
        zone: Option<String>,
    },
    /// List what the customer was told, and what became of it on each channel
    Notices {
        /// Customer's id
        id: String,
    },
    /// Send a notice again, where it was not accepted
    Resend {
        /// Customer's id
        id: String,
        /// Notice's number, as `notices` lists it
        notice: i64,
    },
    /// List statements, or show one
    Statement {
        /// Customer's id
        id: String,
        /// Number of a statement; without it all are listed
        number: Option<i64>,
        /// As a table of figures, or as pages, in place of text
        #[arg(long, value_parser = ["csv", "pdf"], requires = "number")]
        format: Option<String>,
        /// Write to this file instead of standard output
        #[arg(long, short, value_name = "FILE", requires = "format")]
        output: Option<PathBuf>,
    },
    /// Explain what an account's hour cost: prices, the month's quantities, intervals
    Explain {
        /// Customer's id
        id: String,
        /// Account, for example shop@web1
        account: String,
        /// Start of the hour, RFC 3339, as in the ledger
        hour: String,
    },
    /// List what happened to the customer: notices, suspensions
    Events {
        /// Customer's id
        id: String,
    },
    #[command(flatten)]
    Standing(CustomerStanding),
}

const NOTICES: &[Column] = &[
    ("NOTICE", "/id"),
    ("AT", "/at"),
    ("KIND", "/kind"),
    ("SUBJECT", "/subject"),
    ("CHANNELS", "/channels"),
];
const LIST: &[Column] =
    &[("CUSTOMER", "/id"), ("NAME", "/name"), ("BALANCE", "/balance"), ("STATE", "/state")];
const LEDGER: &[Column] = &[
    ("AT", "/at"),
    ("KIND", "/kind"),
    ("ACCOUNT", "/account"),
    ("HOUR", "/hour"),
    ("AMOUNT", "/amount"),
    ("BALANCE", "/balance_after"),
    ("REASON", "/reason"),
];
const REFUNDABLE: &[Column] = &[
    ("GATEWAY", "/gateway"),
    ("PAYMENT", "/payment"),
    ("AMOUNT", "/amount"),
    ("REFUNDED", "/refunded"),
    ("REFUNDABLE", "/refundable"),
];
const STATEMENTS: &[Column] = &[
    ("NUMBER", "/number"),
    ("MONTH", "/month"),
    ("OPENING", "/opening"),
    ("USAGE", "/charged"),
    ("CLOSING", "/closing"),
];
const EVENTS: &[Column] = &[("AT", "/at"), ("KIND", "/kind"), ("DETAIL", "/detail")];

fn at(id: &str, rest: &str) -> String {
    format!("/v1/customers/{}{rest}", encode(id))
}

const fn balance() -> Show {
    Show::Line(|a| format!("balance {}", field(a, "/balance")))
}

impl Customer {
    pub(super) fn call(self) -> (Call, Show) {
        match self {
            Self::Standing(verb) => verb.call(),
            Self::Add { id, name, plan, reseller, billing_zone, referred_by } => {
                let mut body = json!({"id": id, "name": name, "billing_zone": billing_zone});
                set(&mut body, "plan", plan);
                set(&mut body, "referred_by", referred_by);
                set(&mut body, "reseller", reseller);
                (Call::Post("/v1/customers".to_owned(), body, None), Show::Object)
            }
            Self::List => (Call::Get("/v1/customers".to_owned()), Show::Rows("customers", LIST)),
            Self::Show { id } => (Call::Get(at(&id, "/balance")), Show::Object),
            Self::Plan { id, plan } => (Call::Put(at(&id, "/plan"), json!({"plan": plan})), Show::Object),
            Self::Zone { id, zone } => {
                (Call::Put(at(&id, "/billing-zone"), json!({"billing_zone": zone})), Show::Object)
            }
            Self::Topup { id, amount, gateway, payment } => {
                let body = json!({"amount": amount, "gateway": gateway, "payment": payment});
                let key = format!("{gateway}:{payment}");
                (Call::Post(at(&id, "/topups"), body, Some(key)), balance())
            }
            Self::Adjust { id, amount, reason, key, kind, against } => {
                let mut body = json!({"amount": amount, "reason": reason, "kind": kind});
                set(&mut body, "against", against);
                (Call::Post(at(&id, "/adjustments"), body, Some(key)), Show::Object)
            }
            Self::Refund { id, amount, gateway, payment, refund, reason } => {
                let key = format!("refund:{gateway}:{refund}");
                let body = json!({"amount": amount, "gateway": gateway, "payment": payment, "refund": refund,
                    "reason": reason});
                (Call::Post(at(&id, "/refunds"), body, Some(key)), balance())
            }
            Self::Refundable { id } => {
                (Call::Get(at(&id, "/refundable")), Show::Rows("payments", REFUNDABLE))
            }
            Self::Ledger { id } => (Call::Get(at(&id, "/ledger")), Show::Rows("entries", LEDGER)),
            Self::Statement { id, number: None, .. } => {
                (Call::Get(at(&id, "/statements")), Show::Rows("statements", STATEMENTS))
            }
            Self::Statement { id, number: Some(number), format, output } => {
                let path = at(&id, &format!("/statements/{number}"));
                match format {
                    Some(format) => (Call::Save(format!("{path}.{format}"), output), Show::Object),
                    None => (Call::Get(path), Show::Object),
                }
            }
            Self::Explain { id, account, hour } => {
                let path = at(&id, &format!("/charges/{}?account={}", encode(&hour), encode(&account)));
                (Call::Get(path), Show::Object)
            }
            Self::Set { id, language, email, telegram, zone } => {
                let given =
                    [("language", language), ("email", email), ("telegram", telegram), ("zone", zone)];
                let given =
                    given.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
                (Call::Patch(at(&id, "/contact"), Value::Object(given.collect())), Show::Object)
            }
            Self::Notices { id } => (Call::Get(at(&id, "/notices")), Show::Rows("notices", NOTICES)),
            Self::Resend { id, notice } => {
                let line = |a: &_| format!("sent again on {} channels", field(a, "/channels"));
                (Call::Post(at(&id, &format!("/notices/{notice}/resend")), json!({}), None), Show::Line(line))
            }
            Self::Events { id } => (Call::Get(at(&id, "/events")), Show::Rows("events", EVENTS)),
        }
    }
}

/// Sets a field of a body where there is a value.
fn set(body: &mut Value, name: &str, value: Option<String>) {
    if let (Some(value), Some(fields)) = (value, body.as_object_mut()) {
        fields.insert(name.to_owned(), value.into());
    }
}
