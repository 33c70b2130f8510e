//! Replays a scenario of `tests/oracle` through the collector's own code and databases, and holds the bill that its API
//! shows against the oracle's, which was written from the rules of billing without a look at this code.

mod bill;
mod event;
mod host;
pub mod oracle;

pub use bill::Compared;

use crate::collector::Collector;
use anyhow::{Context, Result, bail, ensure};
use event::{At, Event, Expect, ImportRow};
use host::Host;
use hostmeter_core::units::UtcHour;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The collector as a scenario left it.
pub struct Replay {
    collector: Collector,
    hosts: BTreeMap<String, Host>,
    default_plan: String,
    customers: Vec<String>,
}

impl Replay {
    /// Replays a scenario in a new collector with its files in `dir`.
    pub fn run(scenario: &Path, dir: &Path) -> Result<Self> {
        let mut lines = BufReader::new(File::open(scenario)?).lines();
        let first: Event = serde_json::from_str(&lines.next().context("the scenario is empty")??)?;
        let Event::Scenario { start_ms, close_lag_ms, default_plan, currency } = first else {
            bail!("the first line is no scenario: {first:?}");
        };
        let (collector, _) = Collector::init(dir, start_ms)?;
        let billing = &collector.app()?.config.billing;
        ensure!(billing.close_lag_ms == close_lag_ms && currency == "EUR", "other settings are wanted");
        let mut replay = Self { collector, hosts: BTreeMap::new(), default_plan, customers: Vec::new() };
        for (line, number) in lines.zip(2_u64..) {
            let line = line?;
            let event = serde_json::from_str(&line).with_context(|| format!("line {number}: {line}"))?;
            let at: At = serde_json::from_str(&line)?;
            if let Event::End { events: want } = event {
                // The first line is no event, and neither is this one.
                let came = number.saturating_sub(2);
                ensure!(want == came, "{want} events are announced, and {came} came");
                return Ok(replay);
            }
            let at_ms = at.at_ms.with_context(|| format!("line {number} has no time"))?;
            replay.collector.set_ms(at_ms);
            replay.step(event, at_ms).with_context(|| format!("line {number}: {line}"))?;
        }
        bail!("the scenario has no end")
    }

    fn step(&mut self, event: Event, at_ms: i64) -> Result<()> {
        let api = &mut self.collector;
        match event {
            Event::Host { host } => {
                let made = Host::enroll(api, &host, self.hosts.len())?;
                self.hosts.insert(host, made);
                Ok(())
            }
            Event::Batch { host, seq, intervals } => {
                let from = self.hosts.get_mut(&host).context("an unknown host")?;
                from.deliver(api, (seq, at_ms), intervals)
            }
            Event::Again { host, seq } => self.hosts.get(&host).context("an unknown host")?.again(api, seq),
            Event::Customer { customer, plan, zone } => {
                let plan = plan.unwrap_or_else(|| self.default_plan.clone());
                let body = json!({"id": customer, "name": customer, "plan": plan, "billing_zone": zone});
                self.customers.push(customer);
                api.post("/v1/customers", &body, None)?.ok().map(drop)
            }
            Event::Account { account, customer } => {
                let body = json!({"id": account, "customer": customer});
                api.post("/v1/accounts", &body, None)?.ok().map(drop)
            }
            Event::Assign { account, customer } => {
                let path = format!("/v1/accounts/{account}/customer");
                api.put(&path, &json!({"customer": customer})).map(drop)
            }
            Event::PlanSwitch { customer, plan } => {
                api.put(&format!("/v1/customers/{customer}/plan"), &json!({"plan": plan})).map(drop)
            }
            Event::Zone { customer, zone } => {
                let path = format!("/v1/customers/{customer}/billing-zone");
                api.put(&path, &json!({"billing_zone": zone})).map(drop)
            }
            Event::Plan { file, expect } => {
                let id = file["id"].as_str().context("a plan without id")?;
                let (status, answer) = api.try_put(&format!("/v1/plans/{id}"), &file)?;
                answered(expect, status, &answer, 409)
            }
            Event::Import { key, source, rows, expect } => {
                let body = json!({"source": source, "rows": rows.iter().map(row).collect::<Vec<_>>()});
                let made = api.post("/v1/usage-import", &body, Some(&key))?;
                answered(expect, made.0, &made.1, 422)
            }
            Event::Topup { customer, gateway, payment, amount, expect } => {
                let body = json!({"amount": amount, "gateway": gateway, "payment": payment});
                let path = format!("/v1/customers/{customer}/topups");
                let made = api.post(&path, &body, Some(&format!("{gateway}:{payment}")))?;
                answered(expect, made.0, &made.1, 409)
            }
            Event::Charge { .. } => api.post("/v1/charge-runs", &json!({}), None)?.ok().map(drop),
            Event::Scenario { .. } | Event::End { .. } => bail!("it stands in the middle"),
        }
    }

    /// Whether the ledger agrees with itself.
    pub fn verify(&mut self) -> Result<()> {
        let report = self.collector.get("/v1/ledger/verify")?;
        ensure!(report["ok"] == true, "the ledger does not agree with itself: {report}");
        Ok(())
    }

    /// Holds the bill against the oracle's answer and its lines.
    pub fn compare(&mut self, answer: &Path, lines: &Path) -> Result<Compared> {
        bill::compare(&mut self.collector, &self.customers, answer, lines)
    }
}

fn answered(expect: Expect, status: u16, answer: &Value, refusal: u16) -> Result<()> {
    let is_right = match expect {
        Expect::Ok | Expect::Same => (200..300).contains(&status),
        Expect::Refused => status == refusal,
    };
    ensure!(is_right, "{expect:?} was expected, and the answer is {status}: {answer}");
    Ok(())
}

fn row(row: &ImportRow) -> Value {
    let hour = UtcHour::from_ms(row.hour_ms).to_string();
    json!({"account": row.account, "meter": row.meter, "hour": hour, "quantity": row.quantity})
}
