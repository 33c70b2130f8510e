//! Looking at a page of the panel without a browser: log in by its form, then GET.

use anyhow::{Context, Result, ensure};

/// The value of a hidden field of a form.
fn hidden<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let tag = html.split('<').find(|t| t.starts_with("input") && t.contains(&format!("name=\"{name}\"")))?;
    tag.split("value=\"").nth(1)?.split('"').next()
}

/// Logs in and returns the page's HTML.
pub fn page(url: &str, login: &str, password: &str, path: &str) -> Result<String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let mut form = agent.get(format!("{url}/login")).call()?;
    let mut cookies = cookies(&form);
    let html = form.body_mut().read_to_string()?;
    let csrf = hidden(&html, "csrf").context("the form's csrf field")?;
    let fields = [("user", login), ("password", password), ("csrf", csrf), ("next", "/")];
    let answer = agent
        .post(format!("{url}/login"))
        .header("cookie", cookies.join("; "))
        .header("origin", url)
        .send_form(fields)?;
    ensure!(answer.status() == 303, "login answered {}", answer.status());
    cookies.extend(self::cookies(&answer));
    let mut page = agent.get(format!("{url}{path}")).header("cookie", cookies.join("; ")).call()?;
    ensure!(page.status() == 200, "{path} answered {}", page.status());
    Ok(page.body_mut().read_to_string()?)
}

/// `name=value` of each cookie that an answer sets.
fn cookies(answer: &ureq::http::Response<ureq::Body>) -> Vec<String> {
    let set = answer.headers().get_all("set-cookie").into_iter();
    set.filter_map(|c| c.to_str().ok()?.split(';').next().map(str::to_owned)).collect()
}
