//! Writes every page with fixture data into a directory: `cargo run -p hostmeter-panel --example gallery -- DIR`.
//! Open `index.html` there to look at them.

#[path = "../tests/fixtures/mod.rs"]
mod fixtures;

use hostmeter_panel as panel;
use hostmeter_panel::view::{LifecycleState, Range, Role};
use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name a directory: gallery DIR")?;
    fs::create_dir_all(dir.join("static"))?;
    for file in panel::STATIC {
        fs::write(dir.join(file.url().trim_start_matches('/')), file.bytes)?;
    }
    let mut index = String::from("<!doctype html><meta charset=\"utf-8\"><title>Gallery</title><ul>");
    for (name, page) in pages()? {
        let relative = page.replace("\"/static/", "\"static/");
        fs::write(dir.join(format!("{name}.html")), relative)?;
        index.push_str(&format!("<li><a href=\"{name}.html\">{name}</a>"));
    }
    fs::write(dir.join("index.html"), index)?;
    Ok(())
}

fn pages() -> Result<Vec<(&'static str, String)>, panel::PanelError> {
    use fixtures as f;
    Ok(vec![
        ("login", panel::login_page(&f::login())?),
        ("login-failed", panel::login_page(&f::login_failed())?),
        ("overview", panel::overview_page(&f::overview(LifecycleState::Active))?),
        ("overview-grace", panel::overview_page(&f::overview(LifecycleState::Grace))?),
        ("overview-suspended", panel::overview_page(&f::overview(LifecycleState::Suspended))?),
        ("account-1h", panel::account_page(&f::account(Role::Customer, Range::Hour))?),
        ("account-24h-admin", panel::account_page(&f::account(Role::Admin, Range::Day))?),
        ("account-empty", panel::account_page(&f::account_empty())?),
        ("hosts", panel::hosts_page(&f::hosts())?),
        ("host", panel::host_page(&f::host(Range::Hour))?),
        ("accounts", panel::accounts_page(&f::accounts())?),
        ("customers", panel::customers_page(&f::customers())?),
        ("customer", panel::customer_page(&f::customer())?),
        ("alerts", panel::alerts_page(&f::alerts())?),
        ("notices-customer", panel::notices_page(&f::notices(Role::Customer))?),
        ("notices-admin", panel::notices_page(&f::notices(Role::Admin))?),
        ("error", panel::error_page(&f::error(false))?),
        ("error-inside", panel::error_page(&f::error(true))?),
    ])
}
