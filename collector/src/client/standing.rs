//! `hostmeter customer …` and `hostmeter account …`: where somebody stands, and the ways in and out.

use super::{Call, Show, encode, post};
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Subcommand)]
pub(super) enum CustomerStanding {
    /// Show where a customer stands, and why it is not elsewhere
    Standing {
        /// Customer's id
        id: String,
    },
    /// Extend the grace once because a payment was promised
    Promise {
        /// Customer's id
        id: String,
    },
    /// Hold suspension and deletion back until it is cleared
    Hold {
        /// Customer's id
        id: String,
        /// Clear it
        #[arg(long)]
        off: bool,
    },
    /// Suspend the accounts whatever the balance; only --off lifts it
    Abuse {
        /// Customer's id
        id: String,
        /// Why, kept for ever
        #[arg(long, required_unless_present = "off")]
        reason: Option<String>,
        /// Lift it
        #[arg(long)]
        off: bool,
    },
    /// Let the billing of a parked customer go on, after a look
    Unpark {
        /// Customer's id
        id: String,
        /// Go on although entries contradict each other
        #[arg(long)]
        accept: bool,
    },
    /// Stop the accounts, charge the last hours, and book unspent money back
    Close {
        /// Customer's id
        id: String,
    },
    /// Take back what was closed, or is about to be
    Reopen {
        /// Customer's id
        id: String,
    },
    /// Set what may be spent a day and a month; what is left out is off
    Caps {
        /// Customer's id
        id: String,
        /// Most for a day
        #[arg(long)]
        day: Option<String>,
        /// Most for a month
        #[arg(long)]
        month: Option<String>,
        /// Suspend when one is reached, instead of telling only
        #[arg(long)]
        suspend: bool,
        /// Tell when balance less pending falls below this amount
        #[arg(long)]
        low_below: Option<String>,
    },
}

impl CustomerStanding {
    pub(super) fn call(self) -> (Call, Show) {
        let at = |id: &str, rest: &str| format!("/v1/customers/{}{rest}", encode(id));
        let send = |path: String, body: Value| (Call::Post(path, body, None), Show::Object);
        match self {
            Self::Standing { id } => (Call::Get(at(&id, "/standing")), Show::Object),
            Self::Promise { id } => (post(at(&id, "/promise")), Show::Object),
            Self::Hold { id, off } => send(at(&id, "/hold"), json!({"hold": !off})),
            Self::Abuse { id, reason, off } => {
                send(at(&id, "/abuse"), json!({"abuse": !off, "reason": reason}))
            }
            Self::Unpark { id, accept } => send(at(&id, "/unpark"), json!({"accept": accept})),
            Self::Close { id } => (post(at(&id, "/close")), Show::Object),
            Self::Reopen { id } => (post(at(&id, "/reopen")), Show::Object),
            Self::Caps { id, day, month, suspend, low_below } => {
                let cap = |amount: Option<String>| amount.map(|a| json!({"amount": a, "suspend": suspend}));
                let body = json!({"day": cap(day), "month": cap(month), "low_below": low_below});
                (Call::Put(at(&id, "/caps"), body), Show::Object)
            }
        }
    }
}

#[derive(Subcommand)]
pub(super) enum AccountStanding {
    /// Hold suspension and deletion of this account back until it is cleared
    Hold {
        /// Account, user@host
        id: String,
        /// Clear it
        #[arg(long)]
        off: bool,
    },
    /// Tell the customer of shares of a monthly budget; without an amount there is none
    Budget {
        /// Account, user@host
        id: String,
        /// What it may cost a month
        amount: Option<String>,
    },
}

impl AccountStanding {
    pub(super) fn call(self) -> (Call, Show) {
        let at = |id: &str, rest: &str| format!("/v1/accounts/{}{rest}", encode(id));
        match self {
            Self::Hold { id, off } => {
                (Call::Post(at(&id, "/hold"), json!({"hold": !off}), None), Show::Object)
            }
            Self::Budget { id, amount } => {
                (Call::Put(at(&id, "/budget"), json!({"budget": amount})), Show::Object)
            }
        }
    }
}

#[derive(Subcommand)]
pub(super) enum Breaker {
    /// Show how many suspensions and deletions went out within 24 hours
    Show,
    /// Let held commands go out again, after a look
    Reset,
}

impl Breaker {
    pub(super) fn call(self) -> (Call, Show) {
        match self {
            Self::Show => (Call::Get("/v1/breaker".to_owned()), Show::Object),
            Self::Reset => (post("/v1/breaker/reset".to_owned()), Show::Object),
        }
    }
}
