//! The panel in a real browser: log in, look at an account's graphs, on a desk and on a telephone.

use anyhow::{Context, Result, ensure};
use fantoccini::{Client, ClientBuilder, Locator};
use hostmeter_tests::demo::Demo;
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::skip::skip;
use hostmeter_tests::stack::free_port;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const DRIVER: &str = "/usr/bin/chromedriver";

/// Starts the browser's driver on a free port of loopback.
fn driver(dir: &Path) -> Result<(Running, String)> {
    let port = free_port()?;
    let mut command = Command::new(DRIVER);
    command.arg(format!("--port={port}")).stdout(std::process::Stdio::null());
    let driver = Running::start("chromedriver", &mut command, dir)?;
    wait_for("the browser's driver", Duration::from_secs(20), || {
        Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(|_| ()))
    })?;
    Ok((driver, format!("http://127.0.0.1:{port}")))
}

async fn browser(driver: &str, profile: &Path, dark: bool) -> Result<Client> {
    let mut args = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    if dark {
        args.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let caps = json!({"goog:chromeOptions": {"args": args}, "goog:loggingPrefs": {"browser": "ALL"}});
    let caps = caps.as_object().cloned().context("capabilities")?;
    ClientBuilder::new(hyper_util_connector())
        .capabilities(caps.into_iter().collect())
        .connect(driver)
        .await
        .context("browser")
}

fn hyper_util_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

async fn log_in(c: &Client, demo: &Demo) -> Result<()> {
    c.goto(&format!("{}/login", demo.url)).await?;
    let text = |key: &str| demo.ready[key].as_str().unwrap_or_default().to_owned();
    c.find(Locator::Css("input[name=user]")).await?.send_keys(&text("admin_login")).await?;
    c.find(Locator::Css("input[name=password]")).await?.send_keys(&text("admin_password")).await?;
    c.find(Locator::Css("main button[type=submit]")).await?.click().await?;
    // A password is slow to check; the page that comes then has a button to log out.
    let logged_in = Locator::Css("form[action='/logout']");
    c.wait().at_most(Duration::from_secs(20)).for_element(logged_in).await.context("logged in")?;
    Ok(())
}

/// No page may be wider than the window, at any width.
async fn fits(c: &Client, width: u32, height: u32) -> Result<()> {
    c.set_window_size(width, height).await?;
    let over = c.execute("return document.documentElement.scrollWidth - window.innerWidth", vec![]).await?;
    ensure!(
        over.as_i64().context("a number")? <= 0,
        "the page is {over} px wider than the window of {width} px"
    );
    Ok(())
}

async fn look(c: &Client, name: &str) -> Result<()> {
    let dir = hostmeter_tests::run::bin_dir()?.join("screenshots");
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join(format!("{name}.png")), c.screenshot().await?)?;
    Ok(())
}

/// How many things the page got from other servers.
async fn foreign(c: &Client) -> Result<i64> {
    let script = "return performance.getEntriesByType('resource').filter(r => !r.name.startsWith(location.origin)).length";
    c.execute(script, vec![]).await?.as_i64().context("a number")
}

async fn tour(c: &Client, demo: &Demo, account: &str, name: &str) -> Result<()> {
    log_in(c, demo).await?;
    for (page, must) in [
        ("/admin/hosts".to_owned(), demo.host.clone()),
        ("/admin/accounts".to_owned(), account.to_owned()),
        ("/admin/customers".to_owned(), "demo".to_owned()),
        (format!("/accounts/{account}?range=1h"), account.to_owned()),
    ] {
        c.goto(&format!("{}{page}", demo.url)).await?;
        let text = c.find(Locator::Css("main")).await?.text().await?;
        ensure!(text.contains(&must), "{page} does not show {must:?}: {text}");
        let slug = page.split('?').next().unwrap_or_default().replace(['/', '@', '%'], "_");
        fits(c, 390, 844).await.with_context(|| page.clone())?;
        look(c, &format!("{name}{slug}_390")).await?;
        fits(c, 1280, 1400).await.with_context(|| page.clone())?;
        look(c, &format!("{name}{slug}_1280")).await?;
        ensure!(foreign(c).await? == 0, "{page} asks another server for something");
    }
    let mut titles = Vec::new();
    for title in c.find_all(Locator::Css("main .chart h2")).await? {
        titles.push(title.text().await?);
    }
    ensure!(titles == ["CPU", "Memory", "Storage"], "charts: {titles:?}");
    let charts = c.find_all(Locator::Css("main svg")).await?.len();
    ensure!(charts >= 3, "CPU, memory and I/O as charts; there are {charts}");
    // The data table below a chart opens without JavaScript of ours.
    c.find(Locator::Css("main details summary")).await?.click().await?;
    let figures = "return [...document.querySelectorAll('main details[open] tbody td')].some(td => /\\d/.test(td.innerText))";
    ensure!(c.execute(figures, vec![]).await? == true, "the data table holds no figure");
    // What a hostile name would be if it were not escaped: the page's policy lets no script of a page run.
    let script = "const s = document.createElement('script'); s.textContent = 'window.ran = true'; \
                  document.body.append(s); return window.ran === true";
    ensure!(c.execute(script, vec![]).await? == false, "a script within the page runs");
    Ok(())
}

#[test]
fn an_admin_logs_in_and_sees_graphs_on_a_desk_and_on_a_telephone() -> Result<()> {
    if !Path::new(DRIVER).exists() {
        skip(
            "an_admin_logs_in_and_sees_graphs_on_a_desk_and_on_a_telephone",
            "chromium-driver is not installed",
        );
        return Ok(());
    }
    let demo = Demo::start()?;
    let account = demo.any_account(Duration::from_secs(10))?;
    std::thread::park_timeout(Duration::from_secs(12));
    let (_driver, address) = driver(demo.dir.path())?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        for (name, dark) in [("light", false), ("dark", true)] {
            let c = browser(&address, &demo.dir.path().join(name), dark).await?;
            let seen = tour(&c, &demo, &account, name).await;
            c.close().await?;
            seen.with_context(|| name.to_owned())?;
        }
        Ok(())
    })
}
