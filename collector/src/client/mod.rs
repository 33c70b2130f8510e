//! The `hostmeter` command: a client of the JSON API for admins and for the billing cron.
//!
//! One file a noun; each turns its arguments into a call and says how the answer is shown.

mod account;
mod command;
mod customer;
mod host;
mod http;
mod ledger;
mod payment;
mod plan;
mod reseller;
mod standing;
mod table;
mod usage;
mod user;

pub use http::{Client, ClientError};

use crate::demo::{self, DemoArgs};
use anyhow::{Context, Result, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use table::Column;

/// Pages of a listing that are read, at most.
const PAGES_MAX: usize = 10_000;

/// Meters hosting accounts, bills by use, acts on the balance.
#[derive(Parser)]
#[command(name = "hostmeter", version, about, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Where the collector is.
#[derive(Args)]
struct Global {
    /// Address of the collector
    #[arg(long, global = true, env = "HOSTMETER_URL", value_name = "URL")]
    url: Option<String>,
    /// File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Trust these certificates (PEM) instead of the public authorities
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the API's JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Show this machine metered: a collector, an agent and a page with graphs
    Demo(#[command(flatten)] DemoFlags),
    /// Hosts: add, approve, revoke
    #[command(subcommand)]
    Host(host::Host),
    /// Accounts: usage, assignment, suspension
    #[command(subcommand)]
    Account(account::Account),
    /// Customers: balance, top-ups, ledger
    #[command(subcommand)]
    Customer(customer::Customer),
    /// Resellers: customers that have customers of their own, and what they earn
    #[command(subcommand)]
    Reseller(reseller::Reseller),
    /// What payment gateways sent and nobody could be found for
    #[command(subcommand)]
    Payment(payment::Payment),
    /// Price plans
    #[command(subcommand)]
    Plan(plan::Plan),
    /// Charge every closed hour that is not charged yet
    Charge(ledger::Charge),
    /// The ledger as a whole
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Logins and tokens
    #[command(subcommand)]
    User(user::User),
    /// Usage metered elsewhere, and batches that do not count
    #[command(subcommand)]
    Usage(usage::Usage),
    /// Commands to hosts and what became of them
    #[command(subcommand)]
    Command(command::Command),
    /// The breaker that holds mass suspensions and deletions
    #[command(subcommand)]
    Breaker(standing::Breaker),
    /// What needs an admin's look
    Alerts,
}

/// `--json` is a global flag, so the demo takes the rest.
#[derive(Args)]
struct DemoFlags {
    /// Address of the page and the API; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: std::net::SocketAddr,
    /// Keep everything in this directory (default: a temporary one, removed in the end)
    #[arg(long)]
    data: Option<PathBuf>,
}

/// How an answer is shown.
enum Show {
    /// A listing below this key, with these columns; further pages follow by cursor.
    Rows(&'static str, &'static [Column]),
    /// One object.
    Object,
    /// One line made from fields of the answer.
    Line(fn(&Value) -> String),
}

/// What to ask the collector.
enum Call {
    Get(String),
    Post(String, Value, Option<String>),
    Put(String, Value),
    Patch(String, Value),
    PutToml(String, String),
    /// A text or file as it comes, to this file or to standard output.
    Save(String, Option<PathBuf>),
}

/// The definition of the command line, for man pages and completions.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs the command line of this process.
pub fn run() -> Result<()> {
    run_with(Cli::parse())
}

fn run_with(cli: Cli) -> Result<()> {
    let (call, show) = match cli.verb {
        Verb::Demo(DemoFlags { listen, data }) => {
            return demo::run(&DemoArgs { listen, data, json: cli.global.json });
        }
        Verb::Host(v) => v.call(),
        Verb::Account(v) => v.call(),
        Verb::Customer(v) => v.call(),
        Verb::Reseller(v) => v.call(),
        Verb::Payment(v) => v.call(),
        Verb::Plan(v) => v.call()?,
        Verb::Charge(v) => v.call(),
        Verb::Ledger(v) => v.call(),
        Verb::User(v) => v.call()?,
        Verb::Usage(v) => v.call()?,
        Verb::Command(v) => v.call(),
        Verb::Breaker(v) => v.call(),
        Verb::Alerts => alerts(),
    };
    if let Call::Save(path, out) = &call {
        return Ok(cli.global.client()?.save(path, out.as_deref())?);
    }
    let answer = ask(&cli.global.client()?, &call, &show)?;
    print(cli.global.json, &answer, &show)?;
    if answer.get("ok") == Some(&Value::Bool(false)) {
        bail!("the check found differences; they are listed above");
    }
    Ok(())
}

fn alerts() -> (Call, Show) {
    const COLUMNS: &[Column] = &[
        ("RAISED", "/raised"),
        ("KIND", "/kind"),
        ("SUBJECT", "/subject"),
        ("CLEARED", "/cleared"),
        ("DETAIL", "/detail"),
    ];
    (Call::Get("/v1/alerts".to_owned()), Show::Rows("alerts", COLUMNS))
}

impl Global {
    fn client(&self) -> Result<Client> {
        let url = self.url.as_deref().context("no collector given; use --url or set HOSTMETER_URL")?;
        let token = match &self.token_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("{}: cannot read the token", path.display()))?,
            None => std::env::var("HOSTMETER_TOKEN")
                .context("no token given; use --token-file or set HOSTMETER_TOKEN")?,
        };
        Ok(Client::with_ca(url, &token, self.ca_file.clone())?)
    }
}

fn ask(client: &Client, call: &Call, show: &Show) -> Result<Value, ClientError> {
    match call {
        Call::Get(path) => match show {
            Show::Rows(key, _) => all_pages(client, path, key),
            Show::Object | Show::Line(_) => client.get(path),
        },
        Call::Post(path, body, key) => client.post(path, body, key.as_deref()),
        Call::Put(path, body) => client.put(path, body),
        Call::Patch(path, body) => client.patch(path, body),
        Call::PutToml(path, body) => client.put_toml(path, body),
        Call::Save(path, out) => client.save(path, out.as_deref()).map(|()| Value::Null),
    }
}

/// Follows the cursor of a listing to its end.
fn all_pages(client: &Client, path: &str, key: &str) -> Result<Value, ClientError> {
    let mut first = client.get(path)?;
    let mut rows = Vec::new();
    let join = if path.contains('?') { '&' } else { '?' };
    let mut page = first.clone();
    for _ in 0..PAGES_MAX {
        if let Some(Value::Array(more)) = page.get_mut(key).map(Value::take) {
            rows.extend(more);
        }
        let Some(cursor) = page.get("next").and_then(Value::as_str).map(encode) else { break };
        page = client.get(&format!("{path}{join}cursor={cursor}"))?;
    }
    if let Some(fields) = first.as_object_mut() {
        fields.insert(key.to_owned(), Value::Array(rows));
        fields.insert("next".to_owned(), Value::Null);
    }
    Ok(first)
}

/// Escapes a text for a path or query.
fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'@' | b':');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn print(as_json: bool, answer: &Value, show: &Show) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match show {
        _ if as_json => writeln!(out, "{answer}")?,
        Show::Rows(key, columns) => {
            let empty = Vec::new();
            let rows = answer.get(key).and_then(Value::as_array).unwrap_or(&empty);
            table::write(&mut out, columns, rows)?;
        }
        Show::Object => table::write_object(&mut out, answer)?,
        Show::Line(line) => writeln!(out, "{}", line(answer))?,
    }
    Ok(out.flush()?)
}

/// A field as text, `-` where there is none.
fn field(answer: &Value, path: &str) -> String {
    match answer.pointer(path) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(s)) => s.clone(),
        Some(other) => other.to_string(),
    }
}

/// A POST without a body.
fn post(path: String) -> Call {
    Call::Post(path, json!({}), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn help_is_what_scripts_rely_on() {
        let mut texts = Vec::new();
        for verb in definition().get_subcommands() {
            let nouns: Vec<&str> = verb.get_subcommands().map(clap::Command::get_name).collect();
            texts.push(format!("{} {}", verb.get_name(), nouns.join("|")).trim_end().to_owned());
        }
        insta::assert_snapshot!(texts.join("\n"));
        assert_eq!(encode("a b%20@web1/é"), "a%20b%2520@web1%2F%C3%A9");
    }
}
