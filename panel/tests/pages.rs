//! Every page from fixture views: snapshots, and what must hold for all of them.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests, too

mod fixtures;

use fixtures as f;
use hostmeter_panel as panel;
use hostmeter_panel::view::{LifecycleState, Range, Role};
use std::collections::{BTreeMap, BTreeSet};

fn pages() -> Vec<(&'static str, Result<String, panel::PanelError>)> {
    vec![
        ("login", panel::login_page(&f::login())),
        ("login_failed", panel::login_page(&f::login_failed())),
        ("overview_active", panel::overview_page(&f::overview(LifecycleState::Active))),
        ("overview_grace", panel::overview_page(&f::overview(LifecycleState::Grace))),
        ("overview_suspended", panel::overview_page(&f::overview(LifecycleState::Suspended))),
        ("overview_deleting", panel::overview_page(&f::overview(LifecycleState::Deleting))),
        ("account_customer", panel::account_page(&f::account_short(Role::Customer))),
        ("account_admin", panel::account_page(&f::account_short(Role::Admin))),
        ("account_empty", panel::account_page(&f::account_empty())),
        ("hosts", panel::hosts_page(&f::hosts())),
        ("host", panel::host_page(&f::host_short())),
        ("accounts", panel::accounts_page(&f::accounts())),
        ("customers", panel::customers_page(&f::customers())),
        ("customer", panel::customer_page(&f::customer())),
        ("money", panel::money_page(&f::money())),
        ("statements", panel::statements_page(&f::statements())),
        ("statement", panel::statement_page(&f::statement())),
        ("charges", panel::charges_page(&f::charges())),
        ("explain", panel::explain_page(&f::explain())),
        ("alerts", panel::alerts_page(&f::alerts())),
        ("notices_customer", panel::notices_page(&f::notices(Role::Customer))),
        ("notices_admin", panel::notices_page(&f::notices(Role::Admin))),
        ("error", panel::error_page(&f::error(false))),
        ("error_inside", panel::error_page(&f::error(true))),
    ]
}

/// Compares with the stored page; the hash of a static file may change freely.
fn check(name: &str, html: &str) {
    let mut stable = html.to_owned();
    for file in panel::STATIC {
        let url = file.url();
        let hash = url.rsplit('.').nth(1).unwrap();
        stable = stable.replace(hash, "HASH");
    }
    insta::assert_snapshot!(name, stable);
}

#[test]
fn pages_look_as_stored() {
    for (name, page) in pages() {
        check(name, &page.unwrap());
    }
}

/// One tag: its name and attributes, values as written.
struct Tag {
    name: String,
    attrs: BTreeMap<String, String>,
}

/// Tags of a page. Text is escaped, so every `<` opens a tag and no value holds `>`.
fn tags(html: &str) -> Vec<Tag> {
    let opened = html.split('<').skip(1).map(|part| part.split('>').next().unwrap());
    opened.map(tag).collect()
}

fn tag(text: &str) -> Tag {
    let (name, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut attrs = BTreeMap::new();
    while let Some((before, after)) = rest.split_once("=\"") {
        let key = before.split_whitespace().last().unwrap_or("").to_ascii_lowercase();
        let (value, next) = after.split_once('"').expect("a quoted value ends");
        assert!(attrs.insert(key, value.to_owned()).is_none(), "an attribute twice: <{text}>");
        rest = next;
    }
    Tag { name: name.trim_end_matches('/').to_ascii_lowercase(), attrs }
}

fn every_tag(test: impl Fn(&str, &Tag)) {
    for (name, page) in pages() {
        for tag in tags(&page.unwrap()) {
            test(name, &tag);
        }
    }
}

#[test]
fn no_page_holds_inline_style_or_script() {
    every_tag(|page, tag| {
        assert!(
            !["style", "script", "iframe", "object", "base"].contains(&tag.name.as_str()),
            "{page}: <{}>",
            tag.name
        );
        for (key, value) in &tag.attrs {
            assert!(key != "style" && !key.starts_with("on"), "{page}: <{} {key}={value:?}>", tag.name);
            assert!(!value.to_ascii_lowercase().contains("javascript:"), "{page}: {key}={value:?}");
        }
    });
}

#[test]
fn links_stay_on_this_site_and_static_files_exist() {
    every_tag(|page, tag| {
        for key in ["href", "src", "action"] {
            let Some(value) = tag.attrs.get(key) else { continue };
            let local = value.starts_with('#') || (value.starts_with('/') && !value.starts_with("//"));
            assert!(local, "{page}: {key}={value:?}");
            if value.starts_with(panel::STATIC_PREFIX) {
                assert!(panel::static_file(value).is_some(), "{page}: {value}");
            }
        }
    });
}

#[test]
fn every_form_posts_its_csrf_token() {
    let mut without = Vec::new();
    for (name, page) in pages() {
        let page = page.unwrap();
        let forms: Vec<&str> = page.split("<form").skip(1).collect();
        if forms.is_empty() {
            without.push(name);
        }
        for form in forms {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("method=\"post\""), "{name}: {form}");
            assert!(form.contains("<input type=\"hidden\" name=\"csrf\" value=\"tok-"), "{name}: {form}");
        }
    }
    // Every page has at least the one to log in or out.
    assert_eq!(without, ["error"], "only the error page without a frame has no form");
}

#[test]
fn ids_are_unique_and_every_reference_has_its_target() {
    for (name, page) in pages() {
        let tags = tags(&page.unwrap());
        let mut ids = BTreeSet::new();
        for id in tags.iter().filter_map(|t| t.attrs.get("id")) {
            assert!(ids.insert(id.as_str()), "{name}: id {id} twice");
        }
        for tag in &tags {
            let fragment = tag.attrs.get("href").and_then(|h| h.strip_prefix('#'));
            let fill = tag.attrs.get("fill").and_then(|f| f.strip_prefix("url(#")?.strip_suffix(')'));
            let named =
                ["aria-labelledby", "aria-describedby", "for"].iter().filter_map(|k| tag.attrs.get(*k));
            for target in named.map(String::as_str).chain(fragment).chain(fill) {
                assert!(ids.contains(target), "{name}: <{}> names {target}", tag.name);
            }
        }
    }
}

#[test]
fn tables_have_captions_images_have_texts_and_one_heading_leads() {
    for (name, page) in pages() {
        let page = page.unwrap();
        assert_eq!(page.matches("<table").count(), page.matches("<caption").count(), "{name}");
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert_eq!(
            page.matches("<svg").count(),
            page.matches("role=\"img\" aria-label=\"").count(),
            "{name}"
        );
        assert!(tags(&page).iter().all(|t| t.name != "img" || t.attrs.contains_key("alt")), "{name}");
    }
}

#[test]
fn hostile_names_are_escaped() {
    let page = panel::account_page(&f::account(Role::Admin, Range::Hour)).unwrap();
    assert!(!page.contains("<script"), "markup of a command name came through");
    assert!(!page.contains("onmouseover=\""), "a quote of a command name came through");
    assert!(page.contains("&#60;script&#62;alert(&#39;x&#39;)"), "the name is still shown");
    let mut v = f::account_empty();
    v.id = "../x\"><svg onload=1>?a#b".into();
    let page = panel::account_page(&v).unwrap();
    assert!(page.contains("href=\"/accounts/..%2Fx%22%3E%3Csvg%20onload%3D1%3E%3Fa%23b?range=1h\""));
    assert!(!page.contains("<svg onload"));
}

#[test]
fn the_figures_shown_are_the_exact_integers() {
    let v = f::account(Role::Customer, Range::Hour);
    let page = panel::account_page(&v).unwrap();
    for chart in &v.charts {
        for series in &chart.series {
            let exact = grouped(series.total.unwrap());
            let found = page.matches(exact.as_str()).count();
            assert!(
                found >= 3,
                "{}: total {exact} stands in tile, tooltip and table, found {found}",
                series.label
            );
        }
    }
    let cell = grouped(v.charts[0].series[0].points[7].value.unwrap());
    assert!(page.contains(&format!("<td class=\"num\">{cell}</td>")), "{cell}");
}

fn grouped(n: i64) -> String {
    let digits: Vec<char> = n.to_string().chars().rev().collect();
    let parts: Vec<String> = digits.chunks(3).map(|c| c.iter().rev().collect()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

#[test]
fn gaps_are_shaded_listed_and_never_zero() {
    let page = panel::account_page(&f::account(Role::Customer, Range::Hour)).unwrap();
    assert_eq!(page.matches("class=\"c-gap\"").count(), 3 + 2 * 2, "each drawing of each chart shades it");
    let listed = "<li><strong>21 Nov, 13:40–13:46</strong> not measured, not billed: agent restarted</li>";
    assert_eq!(page.matches(listed).count(), 3);
    assert_eq!(page.matches("class=\"gap-row\"").count(), 3 * 6, "six minutes of three charts");
    let empty = panel::account_page(&f::account_empty()).unwrap();
    assert!(empty.contains("Nothing was measured in this time."));
    assert!(!empty.contains(">0 s<"), "what is not known must not be shown as zero");
}

#[test]
fn a_host_not_metered_in_full_is_marked_in_words() {
    let check = |page: Result<String, panel::PanelError>, texts: &[(&str, usize)]| {
        let page = page.unwrap();
        for (text, want) in texts {
            assert_eq!(page.matches(text).count(), *want, "{text:?} in {page}");
        }
    };
    let mark = "<span class=\"badge warn\">Not in full</span>";
    let full = "All that came was metered in full.";
    check(panel::hosts_page(&f::hosts()), &[(mark, 1)]);
    check(
        panel::host_page(&f::host_short()),
        &[
            (mark, 1),
            (full, 0),
            (" – <strong>now</strong>", 1),
            ("eBPF is not used: &#60;denied&#62;", 1),
            ("<td class=\"num\" data-label=\"Lasted\">70 s</td>", 1),
            ("<span class=\"warn-text\">0.40 %</span>", 1),
            ("<code>hostmeter host degraded web1</code>", 1),
        ],
    );
    check(panel::host_page(&f::host_in_full(false)), &[(mark, 0), (full, 1), ("hostmeter host degraded", 0)]);
    check(panel::host_page(&f::host_in_full(true)), &[(mark, 0), (full, 0), ("No usage has come yet.", 1)]);
}

#[test]
fn customers_see_no_admin_pages() {
    let page = panel::account_page(&f::account(Role::Customer, Range::Hour)).unwrap();
    assert!(!page.contains("/admin/"));
    let page = panel::overview_page(&f::overview(LifecycleState::Active)).unwrap();
    assert!(!page.contains("/admin/"));
}

#[test]
fn a_bad_chart_makes_an_error_and_no_page() {
    let mut v = f::account(Role::Customer, Range::Hour);
    v.charts[1].step_ms = 0;
    let error = panel::account_page(&v).unwrap_err().to_string();
    assert!(error.starts_with("chart memory: time from"), "{error}");
}
