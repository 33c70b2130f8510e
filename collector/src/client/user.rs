//! `hostmeter user …`

use super::{Call, Show, field};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;
use std::io::BufRead;

#[derive(Subcommand)]
pub(super) enum User {
    /// Make a login; the password is read from standard input
    Add {
        /// Login name
        login: String,
        /// customer, reseller, admin or auditor
        #[arg(long)]
        role: String,
        /// The customer that the login belongs to
        #[arg(long)]
        customer: Option<String>,
    },
    /// Make a bearer token for a login and print it, once
    Token {
        /// Login name
        login: String,
        /// What it is for
        #[arg(long)]
        label: String,
    },
}

impl User {
    pub(super) fn call(self) -> Result<(Call, Show)> {
        Ok(match self {
            Self::Add { login, role, customer } => {
                let mut password = String::new();
                std::io::stdin().lock().read_line(&mut password).context("the password on standard input")?;
                let password = password.trim_end_matches(['\r', '\n']);
                if password.is_empty() {
                    bail!(
                        "no password on standard input; for example: printf %s \"$PASSWORD\" | hostmeter user add …"
                    );
                }
                let mut body = json!({"login": login, "password": password, "role": role});
                if let (Some(customer), Some(fields)) = (customer, body.as_object_mut()) {
                    fields.insert("customer".to_owned(), customer.into());
                }
                (Call::Post("/v1/users".to_owned(), body, None), Show::Object)
            }
            Self::Token { login, label } => {
                let body = json!({"login": login, "label": label});
                (Call::Post("/v1/tokens".to_owned(), body, None), Show::Line(|a| field(a, "/token")))
            }
        })
    }
}
