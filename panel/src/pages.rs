//! One function a page: view data in, a whole HTML document out.

use crate::assets;
use crate::error::PanelError;
use crate::parts::{self, Accounts, Balance, Banner, Chart, Commands, Ledger, RangeSwitch, Standing, Tile};
use crate::ui::Ui;
use crate::view::{
    AccountListView, AccountView, AlertsView, CustomerListView, CustomerView, ErrorView, Frame, HostListView,
    HostState, HostView, LoginView, OverviewView, Role, TopRow,
};
use askama::Template;

/// Which entry of the navigation is current.
#[derive(PartialEq, Eq)]
pub(crate) enum Nav {
    Overview,
    Hosts,
    Accounts,
    Customers,
    Alerts,
    Nothing,
}

/// What the base template needs.
pub(crate) struct Base<'a> {
    pub(crate) title: String,
    pub(crate) css: String,
    pub(crate) icon: String,
    pub(crate) frame: Option<&'a Frame>,
    pub(crate) nav: Nav,
    pub(crate) ui: Ui,
}

impl<'a> Base<'a> {
    pub(crate) fn new(frame: Option<&'a Frame>, title: &str, nav: Nav) -> Self {
        let ui =
            frame.map_or_else(|| Ui::new("UTC", 0, Role::Customer), |f| Ui::new(&f.zone, f.now_ms, f.role));
        Self { title: title.to_owned(), css: assets::STYLE.url(), icon: assets::ICON.url(), frame, nav, ui }
    }
}

pub(crate) fn render(page: &'static str, template: &impl Template) -> Result<String, PanelError> {
    template.render().map_err(|source| PanelError::Render { page, source })
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    base: Base<'a>,
    v: &'a LoginView,
}

/// The login form.
///
/// # Errors
/// Only if rendering itself fails; so for all pages without charts.
pub fn login_page(v: &LoginView) -> Result<String, PanelError> {
    render("login", &Login { base: Base::new(None, "Log in", Nav::Nothing), v })
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    base: Base<'a>,
    v: &'a ErrorView,
}

/// The page for an error; the collector sends it with the same status.
///
/// # Errors
/// Only if rendering itself fails.
pub fn error_page(v: &ErrorView) -> Result<String, PanelError> {
    let title = format!("Error {}", v.status);
    render("error", &ErrorPage { base: Base::new(v.frame.as_ref(), &title, Nav::Nothing), v })
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    base: &'a Base<'a>,
    v: &'a OverviewView,
    balance: Balance<'a>,
    banner: Banner<'a>,
    standing: Standing<'a>,
    accounts: Accounts<'a>,
    ledger: Ledger<'a>,
}

/// The customer's first page.
///
/// # Errors
/// Only if rendering itself fails.
pub fn overview_page(v: &OverviewView) -> Result<String, PanelError> {
    let base = &Base::new(Some(&v.frame), "Overview", Nav::Overview);
    let (ui, b) = (&base.ui, &v.balance);
    let currency = b.currency.as_str();
    let page = Overview {
        base,
        v,
        balance: Balance { ui, b },
        banner: Banner { ui, b },
        standing: Standing { ui, s: &v.standing, csrf: &v.frame.csrf, currency },
        accounts: Accounts {
            ui,
            rows: &v.accounts,
            when: "today",
            currency: Some(currency),
            show_customer: false,
        },
        ledger: Ledger { ui, rows: &v.ledger, currency, name_account: true },
    };
    render("overview", &page)
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    base: &'a Base<'a>,
    v: &'a AccountView,
    range: RangeSwitch<'a>,
    tiles: Vec<Tile>,
    charts: Vec<Chart<'a>>,
    top: &'a [TopRow],
    ledger: Ledger<'a>,
    commands: Commands<'a>,
}

/// The page of one account, for customers and admins.
///
/// # Errors
/// When a chart cannot be drawn: wrong times, too many points, series or gaps.
pub fn account_page(v: &AccountView) -> Result<String, PanelError> {
    let nav = if v.frame.role == Role::Admin { Nav::Accounts } else { Nav::Overview };
    let base = &Base::new(Some(&v.frame), &v.id, nav);
    let ui = &base.ui;
    let page = Account {
        base,
        v,
        range: RangeSwitch {
            ui,
            range: v.range,
            path: ui.account_url(&v.id),
            from_ms: v.from_ms,
            to_ms: v.to_ms,
        },
        tiles: parts::tiles(&v.charts),
        charts: parts::charts(&v.charts, ui)?,
        top: &v.top,
        ledger: Ledger { ui, rows: &v.ledger, currency: &v.currency, name_account: false },
        commands: Commands { ui, rows: &v.commands, name_account: false, csrf: &v.frame.csrf },
    };
    render("account", &page)
}

#[derive(Template)]
#[template(path = "hosts.html")]
struct Hosts<'a> {
    base: &'a Base<'a>,
    v: &'a HostListView,
}

/// The admin's list of hosts.
///
/// # Errors
/// Only if rendering itself fails.
pub fn hosts_page(v: &HostListView) -> Result<String, PanelError> {
    render("hosts", &Hosts { base: &Base::new(Some(&v.frame), "Hosts", Nav::Hosts), v })
}

#[derive(Template)]
#[template(path = "host.html")]
struct Host<'a> {
    base: &'a Base<'a>,
    v: &'a HostView,
    range: RangeSwitch<'a>,
    charts: Vec<Chart<'a>>,
    accounts: Accounts<'a>,
}

/// The admin's page of one host.
///
/// # Errors
/// When a chart cannot be drawn: wrong times, too many points, series or gaps.
pub fn host_page(v: &HostView) -> Result<String, PanelError> {
    let base = &Base::new(Some(&v.frame), &v.host.name, Nav::Hosts);
    let ui = &base.ui;
    let page = Host {
        base,
        v,
        range: RangeSwitch {
            ui,
            range: v.range,
            path: ui.host_url(&v.host.name),
            from_ms: v.from_ms,
            to_ms: v.to_ms,
        },
        charts: parts::charts(&v.charts, ui)?,
        accounts: Accounts {
            ui,
            rows: &v.accounts,
            when: "in this time",
            currency: None,
            show_customer: true,
        },
    };
    render("host", &page)
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountList<'a> {
    base: &'a Base<'a>,
    accounts: Accounts<'a>,
}

/// The admin's list of accounts.
///
/// # Errors
/// Only if rendering itself fails.
pub fn accounts_page(v: &AccountListView) -> Result<String, PanelError> {
    let base = &Base::new(Some(&v.frame), "Accounts", Nav::Accounts);
    let accounts = Accounts {
        ui: &base.ui,
        rows: &v.accounts,
        when: "in the last hour",
        currency: None,
        show_customer: true,
    };
    render("accounts", &AccountList { base, accounts })
}

#[derive(Template)]
#[template(path = "customers.html")]
struct CustomerList<'a> {
    base: &'a Base<'a>,
    v: &'a CustomerListView,
}

/// The admin's list of customers.
///
/// # Errors
/// Only if rendering itself fails.
pub fn customers_page(v: &CustomerListView) -> Result<String, PanelError> {
    render("customers", &CustomerList { base: &Base::new(Some(&v.frame), "Customers", Nav::Customers), v })
}

#[derive(Template)]
#[template(path = "customer.html")]
struct Customer<'a> {
    base: &'a Base<'a>,
    v: &'a CustomerView,
    balance: Balance<'a>,
    banner: Banner<'a>,
    standing: Standing<'a>,
    accounts: Accounts<'a>,
    ledger: Ledger<'a>,
    commands: Commands<'a>,
}

/// The admin's page of one customer.
///
/// # Errors
/// Only if rendering itself fails.
pub fn customer_page(v: &CustomerView) -> Result<String, PanelError> {
    let base = &Base::new(Some(&v.frame), &v.customer.name, Nav::Customers);
    let (ui, b) = (&base.ui, &v.customer.balance);
    let currency = b.currency.as_str();
    let page = Customer {
        base,
        v,
        balance: Balance { ui, b },
        banner: Banner { ui, b },
        standing: Standing { ui, s: &v.standing, csrf: &v.frame.csrf, currency },
        accounts: Accounts {
            ui,
            rows: &v.accounts,
            when: "today",
            currency: Some(currency),
            show_customer: false,
        },
        ledger: Ledger { ui, rows: &v.ledger, currency, name_account: true },
        commands: Commands { ui, rows: &v.commands, name_account: true, csrf: &v.frame.csrf },
    };
    render("customer", &page)
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts<'a> {
    base: &'a Base<'a>,
    v: &'a AlertsView,
}

/// The admin's list of alerts.
///
/// # Errors
/// Only if rendering itself fails.
pub fn alerts_page(v: &AlertsView) -> Result<String, PanelError> {
    render("alerts", &Alerts { base: &Base::new(Some(&v.frame), "Alerts", Nav::Alerts), v })
}
