//! From a plan file to a checked [`PriceVersion`], or to every fault at once.

use super::fault::{Faults, PlanError};
use super::price::{Price, Tier};
use super::tree::Node;
use super::{PriceVersion, PriceVersionId};
use crate::config::key_path;
use crate::ids::PlanId;
use crate::limits::{PLAN_FAULTS_MAX, PLAN_TEXT_MAX_BYTES};
use crate::meter::Meter;
use crate::money::{Currency, Money};
use crate::nearest::nearest;
use crate::units::UtcHour;

const PLAN_KEYS: &[&str] = &["id", "currency", "valid_from", "price", "base_per_day"];
const PRICE_KEYS: &[&str] = &["meter", "amount", "per", "free", "monthly_cap", "tiers"];
const TIER_KEYS: &[&str] = &["up_to", "amount", "per"];

/// Reads a plan file in TOML.
pub fn parse_toml(text: &str) -> Result<PriceVersion, PlanError> {
    let node = |t: &str| toml::from_str::<Node>(t).map_err(|e| e.to_string());
    parse(text, "TOML", node)
}

/// Reads the same content as JSON.
pub fn parse_json(text: &str) -> Result<PriceVersion, PlanError> {
    let node = |t: &str| serde_json::from_str::<Node>(t).map_err(|e| e.to_string());
    parse(text, "JSON", node)
}

fn parse(
    text: &str,
    format: &'static str,
    read: fn(&str) -> Result<Node, String>,
) -> Result<PriceVersion, PlanError> {
    if text.len() > PLAN_TEXT_MAX_BYTES {
        return Err(PlanError::TooLarge { len: text.len() });
    }
    let node =
        read(text).map_err(|message| PlanError::Syntax { format, message: message.trim_end().to_owned() })?;
    let mut faults = Faults::default();
    let version = read_plan(&node, &mut faults);
    let faults = faults.into_vec();
    match version {
        Some(version) if faults.is_empty() => Ok(version),
        _ => Err(PlanError::Faults(faults)),
    }
}

fn read_plan(node: &Node, faults: &mut Faults) -> Option<PriceVersion> {
    let plan = Fields::new("", node, PLAN_KEYS, faults)?;
    let id = plan.required("id", "the plan's id, like \"basic\"", faults, |t| {
        PlanId::parse(t).map_err(|e| e.to_string())
    });
    let currency = plan.required("currency", "three upper-case letters, like \"EUR\"", faults, |t| {
        Currency::parse(t).map_err(|e| e.to_string())
    });
    let valid_from =
        plan.required("valid_from", "the first hour, like \"2026-11-01T00:00:00Z\"", faults, |t| {
            UtcHour::parse(t).map_err(|e| e.to_string())
        });
    let base = plan.optional("base_per_day", faults, money);
    if let Some(fee) = base.flatten().filter(|fee| fee.is_negative()) {
        faults.add("base_per_day", fee, "a base fee is 0 or more");
    }
    let prices = read_prices(&plan, faults);
    let id = PriceVersionId { plan: id?, valid_from: valid_from? };
    let base_per_day = base?.unwrap_or_default();
    let version = PriceVersion { id, currency: currency?, base_per_day, prices };
    let from = version.id.valid_from;
    if !version.is_linear() && !starts_a_month(from) {
        let want = "a plan with free allowance, tiers or cap starts with a billing month: 00:00Z of the first, like \
                    \"2026-12-01T00:00:00Z\"";
        faults.add("valid_from", from, want);
    }
    Some(version)
}

fn starts_a_month(hour: UtcHour) -> bool {
    hour.to_string().ends_with("-01T00:00:00Z")
}

fn read_prices(plan: &Fields<'_>, faults: &mut Faults) -> Vec<(Meter, Price)> {
    let mut prices: Vec<(Meter, Price)> = Vec::new();
    let list = match plan.get("price") {
        None => return prices,
        Some(Node::List(list)) => list,
        Some(other) => {
            faults.add("price", other, "must be a list: write [[price]] in TOML, \"price\": [ … ] in JSON");
            return prices;
        }
    };
    for (i, node) in list.iter().enumerate() {
        let Some(fields) = Fields::new(&format!("price[{i}]"), node, PRICE_KEYS, faults) else { continue };
        let meter = fields.required("meter", "a meter's name, like \"cpu_usec\"", faults, meter);
        let price = read_price(&fields, faults);
        if let Some(m) = meter.filter(|m| prices.iter().any(|(known, _)| known == m)) {
            faults.add(&fields.key("meter"), m, "this meter has a price already; each meter has one");
        } else if let (Some(meter), Some(price)) = (meter, price) {
            prices.push((meter, price));
        }
    }
    prices.sort_by_key(|(meter, _)| *meter);
    prices
}

fn read_price(fields: &Fields<'_>, faults: &mut Faults) -> Option<Price> {
    let free = fields.optional("free", faults, units);
    let cap = fields.optional("monthly_cap", faults, money);
    let tiers = match fields.get("tiers") {
        Some(node) => {
            for key in ["amount", "per"].into_iter().filter(|k| fields.get(k).is_some()) {
                faults.add(&fields.key(key), "", "leave it out: the `tiers` hold the amounts");
            }
            read_tiers(fields, node, faults)
        }
        None => read_tier(fields, faults).map(|tier| vec![tier]),
    };
    match Price::new(free?.unwrap_or(0), tiers?, cap?) {
        Ok(price) => Some(price),
        Err(list) => {
            for fault in list {
                faults.add(&fields.key(&fault.key), fault.value, fault.want);
            }
            None
        }
    }
}

fn read_tiers(fields: &Fields<'_>, node: &Node, faults: &mut Faults) -> Option<Vec<Tier>> {
    let Node::List(list) = node else {
        faults.add(
            &fields.key("tiers"),
            node,
            "must be a list: tiers = [{ up_to = …, amount = …, per = … }, …]",
        );
        return None;
    };
    // Every tier is read before the first missing one ends it, so that all faults are listed.
    let tiers: Vec<Option<Tier>> = list
        .iter()
        .enumerate()
        .take(PLAN_FAULTS_MAX)
        .map(|(i, node)| {
            let tier = Fields::new(&fields.key(&format!("tiers[{i}]")), node, TIER_KEYS, faults)?;
            let up_to = tier.optional("up_to", faults, units);
            let read = read_tier(&tier, faults);
            Some(Tier { up_to: up_to?, ..read? })
        })
        .collect();
    tiers.into_iter().collect()
}

fn read_tier(fields: &Fields<'_>, faults: &mut Faults) -> Option<Tier> {
    let amount = fields.required("amount", "the price, like \"0.01\"", faults, money);
    let per =
        fields.required("per", "base units that the amount pays for, like \"3600000000\"", faults, units);
    Some(Tier { up_to: None, amount: amount?, per: per? })
}

fn money(text: &str) -> Result<Money, String> {
    Money::parse(text).map_err(|e| e.to_string())
}

fn units(text: &str) -> Result<i64, String> {
    text.parse()
        .map_err(|_| "must be a whole number of base units below 2^63, like \"3600000000\"".to_owned())
}

fn meter(text: &str) -> Result<Meter, String> {
    match Meter::from_name(text) {
        Some(meter) if meter.is_flow() => Ok(meter),
        Some(_) => Err("this meter is a level, not an amount used; it cannot have a price".to_owned()),
        None => {
            let priced = || Meter::ALL.iter().filter(|m| m.is_flow()).map(|m| m.name());
            let near = nearest(text, priced());
            let (word, list) = match near.is_empty() {
                false => ("nearest", near),
                true => ("known", priced().collect()),
            };
            Err(format!("no meter is called so; {word}: {}", list.join(", ")))
        }
    }
}

/// The known keys of one table, with the path for messages.
struct Fields<'a> {
    path: String,
    table: &'a [(String, Node)],
}

impl<'a> Fields<'a> {
    fn new(path: &str, node: &'a Node, known: &[&str], faults: &mut Faults) -> Option<Self> {
        let Node::Table(table) = node else {
            faults.add(
                if path.is_empty() { "plan" } else { path },
                node,
                "must be a table of keys and values",
            );
            return None;
        };
        let fields = Self { path: path.to_owned(), table };
        for (i, (key, value)) in table.iter().enumerate() {
            if !known.contains(&key.as_str()) {
                let near = nearest(key, known.iter().copied());
                let list = if near.is_empty() { known.to_vec() } else { near };
                faults.add(&fields.key(key), value, format!("unknown key; known here: {}", list.join(", ")));
            } else if table.iter().take(i).any(|(earlier, _)| earlier == key) {
                faults.add(&fields.key(key), value, "stands twice; each key has one value");
            }
        }
        Some(fields)
    }

    fn key(&self, name: &str) -> String {
        key_path(&self.path, name)
    }

    fn get(&self, name: &str) -> Option<&'a Node> {
        self.table.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The value, or `None` after naming the fault.
    fn required<T>(
        &self,
        name: &str,
        what: &str,
        faults: &mut Faults,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match self.optional(name, faults, read)? {
            Some(value) => Some(value),
            None => {
                faults.add(&self.key(name), "", format!("is missing; write {what}"));
                None
            }
        }
    }

    /// `Some(None)` if the key is absent, `None` after naming the fault.
    fn optional<T>(
        &self,
        name: &str,
        faults: &mut Faults,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let result = match self.get(name) {
            None => return Some(None),
            Some(Node::Text(text)) => read(text),
            Some(Node::Other(text)) => Err(format!("must be a string in quotes: \"{text}\"")),
            Some(Node::List(_) | Node::Table(_)) => Err("must be a string in quotes".to_owned()),
        };
        match result {
            Ok(value) => Some(Some(value)),
            Err(want) => {
                if let Some(node) = self.get(name) {
                    faults.add(&self.key(name), node, want);
                }
                None
            }
        }
    }
}
