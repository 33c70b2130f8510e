//! `[[payment_gateway]]`: who may say that a payment came.

use super::absolute;
use crate::limits::{PAYMENT_GATEWAYS_MAX, PAYMENT_SECRETS_MAX};
use hostmeter_core::config::{Faults, Table};
use hostmeter_core::ledger::Gateway;
use std::path::PathBuf;

/// A payment gateway, or what translates for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentGateway {
    /// Its name in addresses and in the ledger.
    pub name: Gateway,
    /// Files with a secret each; several while secrets are replaced.
    pub secret_files: Vec<PathBuf>,
}

const NAME: &str = "payment_gateway";

pub(super) fn read(root: &Table<'_>, faults: &mut Faults) -> Vec<PaymentGateway> {
    let Some(value) = root.value(NAME) else { return Vec::new() };
    let tables: Option<Vec<&toml::Table>> =
        value.as_array().and_then(|list| list.iter().map(toml::Value::as_table).collect());
    let Some(tables) = tables.filter(|t| t.len() <= PAYMENT_GATEWAYS_MAX) else {
        root.fault(NAME, format!("must be up to {PAYMENT_GATEWAYS_MAX} tables: [[payment_gateway]]"), faults);
        return Vec::new();
    };
    let mut out: Vec<PaymentGateway> = Vec::new();
    for (n, table) in tables.into_iter().enumerate() {
        let t = Table::new(&format!("{NAME}[{n}]"), table, &["name", "secret_files"], faults);
        if t.value("name").is_none() {
            t.fault("name", "is missing; it stands in the address and in the ledger", faults);
        }
        let name = t.read("name", faults, Gateway::parse);
        let want = "must be the absolute path of a file with a secret";
        let files = t.list("secret_files", want, faults, |v| v.as_str().and_then(|s| absolute(s).ok()));
        let files = files.unwrap_or_default();
        if !(1..=PAYMENT_SECRETS_MAX).contains(&files.len()) {
            let want = format!("must name 1 to {PAYMENT_SECRETS_MAX} files, each with a secret (whsec_…)");
            t.fault("secret_files", want, faults);
        }
        let Some(name) = name else { continue };
        if out.iter().any(|g| g.name == name) {
            t.fault("name", "is another gateway's, too", faults);
        }
        out.push(PaymentGateway { name, secret_files: files });
    }
    out
}
