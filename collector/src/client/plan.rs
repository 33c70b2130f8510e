//! `hostmeter plan …`

use super::{Call, Show, encode};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use hostmeter_core::plan::{PriceVersion, parse_toml};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(super) enum Plan {
    /// Set a price plan from a TOML file; the same file again changes nothing
    Set {
        /// The file
        file: PathBuf,
    },
    /// List plans
    List,
    /// Show a plan with its versions
    Show {
        /// Plan's id
        id: String,
    },
    /// What quantities would cost, or an account's own history
    Quote {
        /// Plan's id
        id: String,
        /// Quantities in base units, for example cpu_usec=3600000000
        #[arg(
            required_unless_present = "account",
            conflicts_with = "account",
            value_name = "METER=QUANTITY"
        )]
        quantities: Vec<String>,
        /// The account whose history is rated, user@host
        #[arg(long, requires = "from", requires = "to")]
        account: Option<String>,
        /// Start of the history, the start of a UTC hour, RFC 3339
        #[arg(long)]
        from: Option<String>,
        /// End of the history, the start of a UTC hour, RFC 3339
        #[arg(long)]
        to: Option<String>,
    },
    /// What every customer would have paid for a month under a plan file that is not in force
    Replay {
        /// The file
        file: PathBuf,
        /// The month, for example 2026-10 (default: the last one that is over)
        #[arg(long)]
        month: Option<String>,
    },
}

impl Plan {
    pub(super) fn call(self) -> Result<(Call, Show)> {
        Ok(match self {
            Self::Set { file } => {
                let (text, plan) = read(&file)?;
                let path = format!("/v1/plans/{}", encode(plan.id().plan.as_str()));
                (Call::PutToml(path, text), Show::Object)
            }
            Self::List => (
                Call::Get("/v1/plans".to_owned()),
                Show::Rows(
                    "plans",
                    &[("PLAN", "/id"), ("CURRENCY", "/currency"), ("VALID FROM", "/valid_from")],
                ),
            ),
            Self::Show { id } => (Call::Get(format!("/v1/plans/{}", encode(&id))), Show::Object),
            Self::Quote { id, quantities, account, from, to } => {
                let body = match account {
                    Some(account) => json!({"plan": id, "account": account, "from": from, "to": to}),
                    None => json!({"plan": id, "quantities": read_quantities(&quantities)?}),
                };
                (Call::Post("/v1/quote".to_owned(), body, None), Show::Object)
            }
            Self::Replay { file, month } => {
                let body = serde_json::from_str(&read(&file)?.1.canonical())?;
                let month = month.map(|m| format!("?month={}", encode(&m))).unwrap_or_default();
                (Call::Post(format!("/v1/plan-replay{month}"), body, None), Show::Object)
            }
        })
    }
}

/// Reads a plan file. All its faults are named here, before anything is sent.
fn read(file: &Path) -> Result<(String, PriceVersion)> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("{}: cannot be read", file.display()))?;
    let plan = parse_toml(&text).map_err(|faults| anyhow::anyhow!("{}: {faults}", file.display()))?;
    Ok((text, plan))
}

fn read_quantities(pairs: &[String]) -> Result<Map<String, Value>> {
    let mut out = Map::new();
    for pair in pairs {
        let Some((meter, quantity)) = pair.split_once('=') else {
            bail!("{pair:?} is not METER=QUANTITY, for example cpu_usec=3600000000");
        };
        let quantity: i64 = quantity
            .parse()
            .with_context(|| format!("{pair:?}: the quantity is a whole number of base units"))?;
        out.insert(meter.to_owned(), quantity.into());
    }
    Ok(out)
}
