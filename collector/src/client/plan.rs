//! `hostmeter plan …`

use super::{Call, Show, encode};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

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
    /// What quantities would cost
    Quote {
        /// Plan's id
        id: String,
        /// Quantities in base units, for example cpu_usec=3600000000
        #[arg(required = true, value_name = "METER=QUANTITY")]
        quantities: Vec<String>,
    },
}

impl Plan {
    pub(super) fn call(self) -> Result<(Call, Show)> {
        Ok(match self {
            Self::Set { file } => {
                let text = std::fs::read_to_string(&file)
                    .with_context(|| format!("{}: cannot be read", file.display()))?;
                // All faults of the file are named here, before anything is sent.
                let plan = hostmeter_core::plan::parse_toml(&text)
                    .map_err(|faults| anyhow::anyhow!("{}: {faults}", file.display()))?;
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
            Self::Quote { id, quantities } => {
                let body = json!({"plan": id, "quantities": read_quantities(&quantities)?});
                (Call::Post("/v1/quote".to_owned(), body, None), Show::Object)
            }
        })
    }
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
