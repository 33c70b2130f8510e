//! View data: what a page shows, as plain values. The collector fills these structs; the panel only formats.
//!
//! Conventions: times are milliseconds since the Unix epoch, UTC (`_ms`). Quantities are integers in the
//! meter's base unit, the same totals that are billed. Amounts of money are exact decimal strings such as
//! `"12.345678"`, without currency. `None` means *not known*; it is shown as a dash and never as zero.
//! Text may come from hostile users: everything is escaped when rendered.

mod account;
mod admin;
mod chart;
mod money;
mod notice;
mod standing;
mod statement;

pub use account::{
    AccountView, CommandStatus, CommandView, DesiredView, Range, SurfaceOutcome, TopRow, UsageTotals,
};
pub use admin::{
    AccountListView, AccountRow, AlertRow, AlertsView, CustomerListView, CustomerRow, CustomerView,
    DegradedRow, HostListView, HostRow, HostState, HostView, KeyRow, LifecycleEvent, Severity,
};
pub use chart::{ChartView, GapView, PointView, Quantity, SeriesStyle, SeriesView};
pub use money::{BalanceView, LedgerEntry, LedgerLine, LifecycleState, MoneyView, PaymentRow};
pub use notice::{ContactView, DeliveryRow, DeliveryState, NoticeRow, NoticesView};
pub use standing::{BreakerView, CapView, StandingView};
pub use statement::{
    ChargedHourRow, ChargesView, ExplainCharge, ExplainLine, ExplainView, MeasuredInterval, StatementLine,
    StatementListView, StatementMovement, StatementRow, StatementView,
};

/// What every page behind the login carries: who looks, and the token that its forms send back.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Login name of who is logged in.
    pub user: String,
    /// Decides the navigation.
    pub role: Role,
    /// CSRF token of the session; every form sends it back as the field `csrf`.
    pub csrf: String,
    /// IANA name of the display zone, e.g. `Europe/Riga`; an unknown one is shown as UTC.
    pub zone: String,
    /// The time at which the view was read; ages such as "3 s ago" are counted from it.
    pub now_ms: i64,
    /// Lines shown above the page's content, e.g. the outcome of a form.
    pub notices: Vec<Notice>,
}

/// Whose pages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees the own customer's accounts, balance and ledger.
    Customer,
    /// Sees everything.
    Admin,
}

/// One line above the content.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Decides the colour and the word before the text.
    pub tone: Tone,
    /// One or two plain sentences.
    pub text: String,
}

/// How good or bad something is; shown as colour and always as a word too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Neither good nor bad.
    Info,
    /// Needs a look.
    Warn,
    /// Needs action.
    Bad,
}

/// The login page: `POST /login` with `user`, `password`, `csrf` and, where set, `next`.
#[derive(Debug, Clone)]
pub struct LoginView {
    /// CSRF token of the visitor before the login (bound to a cookie).
    pub csrf: String,
    /// What the visitor typed as user name the last time, or empty.
    pub user: String,
    /// Why the last try failed, e.g. "User name or password is wrong."
    pub error: Option<String>,
    /// A hint below the form, for the demo: which login to use.
    pub hint: Option<String>,
    /// Path to go to after the login; must be checked by the collector to be local.
    pub next: Option<String>,
}

/// The customer's first page.
#[derive(Debug, Clone)]
pub struct OverviewView {
    /// Who looks.
    pub frame: Frame,
    /// Customer id, e.g. `c-1`.
    pub customer: String,
    /// The customer's name.
    pub name: String,
    /// Balance and lifecycle state.
    pub balance: BalanceView,
    /// Where the customer stands, and what can be done about it.
    pub standing: StandingView,
    /// The customer's accounts; `usage` and `cost` are of today in the billing zone.
    pub accounts: Vec<AccountRow>,
    /// The newest ledger entries, newest first.
    pub ledger: Vec<LedgerEntry>,
}

/// A page that says what went wrong.
#[derive(Debug, Clone)]
pub struct ErrorView {
    /// The frame of a logged-in visitor; `None` shows the page without navigation.
    pub frame: Option<Frame>,
    /// HTTP status, e.g. 404.
    pub status: u16,
    /// What happened and where, e.g. "There is no account shop@web9."
    pub what: String,
    /// What the visitor can do now.
    pub todo: String,
}
