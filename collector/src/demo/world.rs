//! What the demo puts into the collector: a plan, a customer with some money, two logins, this machine's users.

use crate::client::Client;
use anyhow::{Context, Result};
use hostmeter_core::ids::HostName;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::key::hex;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CUSTOMER: &str = "demo";
const FIRST_TOP_UP: &str = "10.00";
/// Users of this machine that the demo lists, at most.
const USERS_MAX: usize = 500;
const PASSWD: &str = "/etc/passwd";
const UID_MIN: u32 = 1_000;
const UID_MAX: u32 = 60_000;

/// Somebody who can log in.
pub(super) struct Login {
    /// Login name.
    pub(super) login: String,
    /// Password, made for this run.
    pub(super) password: String,
}

/// The demo's side of the API.
pub(super) struct World {
    client: Client,
    host: HostName,
    known: BTreeSet<String>,
    /// Sees everything.
    pub(super) admin: Login,
    /// Sees its own accounts.
    pub(super) customer: Login,
}

impl World {
    /// With the first admin's client.
    pub(super) fn new(client: Client, host: HostName) -> Self {
        let nobody = || Login { login: String::new(), password: String::new() };
        Self { client, host, known: BTreeSet::new(), admin: nobody(), customer: nobody() }
    }

    /// A plan with the default prices, a customer with some money, a login for each role.
    pub(super) fn furnish(&mut self, first_admin: &str) -> Result<()> {
        let prices: Vec<Value> = Meter::ALL
            .iter()
            .filter_map(|m| {
                m.info().price.map(|(amount, per)| json!({"meter": m, "amount": amount, "per": per}))
            })
            .collect();
        let plan =
            json!({"id": "demo", "currency": "EUR", "valid_from": "2026-01-01T00:00:00Z", "price": prices});
        self.client.put("/v1/plans/demo", &plan).context("the demo's plan")?;
        let customer =
            json!({"id": CUSTOMER, "name": "Demo customer", "plan": "demo", "billing_zone": "UTC"});
        self.client.post("/v1/customers", &customer, None).context("the demo's customer")?;
        let topup = json!({"amount": FIRST_TOP_UP, "gateway": "manual", "payment": "demo-1"});
        let path = format!("/v1/customers/{CUSTOMER}/topups");
        self.client.post(&path, &topup, Some("demo-1")).context("the first top-up")?;
        let admin = if first_admin == "admin" { "demo-admin" } else { "admin" };
        self.admin = self.login(admin, json!({"role": "admin"}))?;
        self.customer = self.login("customer", json!({"role": "customer", "customer": CUSTOMER}))?;
        Ok(())
    }

    fn login(&self, login: &str, mut body: Value) -> Result<Login> {
        let mut random = [0_u8; 9];
        getrandom::fill(&mut random).context("randomness")?;
        let password = hex(&random);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("login".to_owned(), login.into());
            fields.insert("password".to_owned(), password.as_str().into());
        }
        self.client.post("/v1/users", &body, None).with_context(|| format!("login {login}"))?;
        Ok(Login { login: login.to_owned(), password })
    }

    /// A single-use token for this machine.
    pub(super) fn host_token(&self) -> Result<String> {
        let body = json!({"host": self.host, "approve": true});
        let made = self.client.post("/v1/enrolment-tokens", &body, None)?;
        Ok(made.get("token").and_then(Value::as_str).context("the enrolment token")?.to_owned())
    }

    /// Gives this machine's users to the demo's customer. Made by the API, the assignment holds from their first
    /// hour; later it would hold from the next hour only.
    pub(super) fn adopt_users(&mut self) -> Result<()> {
        let own = rustix::process::getuid().as_raw();
        let passwd = std::fs::read(PASSWD).unwrap_or_default();
        for line in passwd.split(|b| *b == b'\n') {
            let mut fields = line.split(|b| *b == b':');
            let (Some(name), Some(uid)) = (fields.next(), fields.nth(1)) else { continue };
            let uid: Option<u32> = std::str::from_utf8(uid).ok().and_then(|u| u.parse().ok());
            let listed = uid.is_some_and(|u| u == own || (UID_MIN..=UID_MAX).contains(&u));
            let id = format!("{}@{}", hostmeter_core::name::escape(name), self.host);
            if !listed || self.known.len() >= USERS_MAX || !self.known.insert(id.clone()) {
                continue;
            }
            // The agent may have seen the user first; then it is assigned, which is all that is left to do.
            let made = self.client.post("/v1/accounts", &json!({"id": id, "customer": CUSTOMER}), None);
            if made.is_err() {
                self.client.put(&format!("/v1/accounts/{id}/customer"), &json!({"customer": CUSTOMER}))?;
            }
        }
        Ok(())
    }

    /// Charges what is closed.
    pub(super) fn charge(&self) -> Result<()> {
        self.client.post("/v1/charge-runs", &json!({}), None)?;
        Ok(())
    }
}
