//! View data of lists and of the admin's pages.

use super::{
    BalanceView, BreakerView, ChartView, CommandView, Frame, LedgerEntry, LifecycleState, Range,
    StandingView, UsageTotals,
};

/// All hosts.
#[derive(Debug, Clone)]
pub struct HostListView {
    /// Who looks.
    pub frame: Frame,
    /// Hosts by name.
    pub hosts: Vec<HostRow>,
}

/// One host in a list, and the head of its page.
#[derive(Debug, Clone)]
pub struct HostRow {
    /// Host name.
    pub name: String,
    /// How it stands.
    pub state: HostState,
    /// Version of its agent.
    pub agent_version: Option<String>,
    /// `ebpf` or `proc`.
    pub tier: Option<String>,
    /// Length of an interval in ms.
    pub interval_ms: Option<i64>,
    /// Part of the CPU time that was credited by name, in parts per million (1,000,000 = all).
    pub coverage_ppm: Option<i64>,
    /// Age of the newest stored interval in seconds.
    pub lag_s: Option<i64>,
    /// Highest sequence number stored durably.
    pub durable_seq: Option<i64>,
    /// Signed CPU µs that neither an account nor the system explains, over the last hour.
    pub remainder_usec: Option<i64>,
    /// Busy CPU µs over the same time, to judge the remainder by.
    pub busy_usec: Option<i64>,
    /// Number of accounts seen.
    pub accounts: i64,
    /// Why the agent sees less than all, e.g. "sees only some of /proc: it does not run with CAP_SYS_PTRACE".
    pub limited: Option<String>,
    /// Whether its newest usage was not metered in full.
    pub is_degraded: bool,
}

/// A stretch of time in which a host was not metered in full, for one reason.
#[derive(Debug, Clone)]
pub struct DegradedRow {
    /// Start.
    pub from_ms: i64,
    /// End; `None`: it goes on.
    pub to_ms: Option<i64>,
    /// Seconds of it in which this was so; fewer than its length where it came and went.
    pub lasted_s: i64,
    /// `ebpf` or `proc`.
    pub tier: String,
    /// Lowest coverage of CPU, I/O and memory in it, in parts per million.
    pub lowest_ppm: [Option<i64>; 3],
    /// Why.
    pub why: String,
}

/// A key of a host.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// What people compare.
    pub fingerprint: String,
    /// `current`, `overlap`, `replaced` or `revoked`.
    pub state: &'static str,
    /// Accepted since.
    pub since_ms: i64,
    /// Until when it is accepted, if another took its place.
    pub until_ms: Option<i64>,
}

/// How a host stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostState {
    /// Enrolled, waits for approval.
    Waiting,
    /// Reports.
    Live,
    /// Has not reported for longer than it should.
    Silent,
    /// Frozen until an admin thaws it.
    Frozen,
    /// No longer trusted.
    Revoked,
}

/// One host.
#[derive(Debug, Clone)]
pub struct HostView {
    /// Who looks.
    pub frame: Frame,
    /// The host.
    pub host: HostRow,
    /// The range that the charts cover.
    pub range: Range,
    /// Start of the range.
    pub from_ms: i64,
    /// End of the range.
    pub to_ms: i64,
    /// CPU: accounts and system stacked, busy and remainder as lines; others as they come.
    pub charts: Vec<ChartView>,
    /// When it was not metered in full, newest first.
    pub degraded: Vec<DegradedRow>,
    /// There are older stretches than these.
    pub has_more_degraded: bool,
    /// Its keys, the one that it seals with first.
    pub keys: Vec<KeyRow>,
    /// Accounts on this host; `usage` is of the range.
    pub accounts: Vec<AccountRow>,
}

/// All accounts.
#[derive(Debug, Clone)]
pub struct AccountListView {
    /// Who looks.
    pub frame: Frame,
    /// Accounts by id; `usage` is of the last hour.
    pub accounts: Vec<AccountRow>,
}

/// One account in a list.
#[derive(Debug, Clone)]
pub struct AccountRow {
    /// `shop@web1`.
    pub id: String,
    /// Numeric user id; `None`: no host has reported the account.
    pub uid: Option<i64>,
    /// Where the account stands.
    pub state: LifecycleState,
    /// Customer id, if it has one.
    pub customer: Option<String>,
    /// End of the newest interval stored.
    pub last_seen_ms: Option<i64>,
    /// Totals of the page's time.
    pub usage: UsageTotals,
    /// Exact cost of the page's time (positive); `None`: not billed or not known.
    pub cost: Option<String>,
}

/// All customers.
#[derive(Debug, Clone)]
pub struct CustomerListView {
    /// Who looks.
    pub frame: Frame,
    /// Customers by id.
    pub customers: Vec<CustomerRow>,
}

/// One customer in the list.
#[derive(Debug, Clone)]
pub struct CustomerRow {
    /// Customer id, e.g. `c-1`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Plan id.
    pub plan: String,
    /// Money and state.
    pub balance: BalanceView,
    /// Number of accounts.
    pub accounts: i64,
}

/// One customer, for admins.
#[derive(Debug, Clone)]
pub struct CustomerView {
    /// Who looks.
    pub frame: Frame,
    /// Id, name, plan, balance.
    pub customer: CustomerRow,
    /// IANA name of the billing zone.
    pub billing_zone: String,
    /// Where the customer stands, and what can be done about it.
    pub standing: StandingView,
    /// Accounts; `usage` and `cost` are of today in the billing zone.
    pub accounts: Vec<AccountRow>,
    /// Ledger entries with lines, newest first.
    pub ledger: Vec<LedgerEntry>,
    /// Lifecycle events, newest first.
    pub events: Vec<LifecycleEvent>,
    /// Commands for the customer's accounts, newest first.
    pub commands: Vec<CommandView>,
}

/// One lifecycle event.
#[derive(Debug, Clone)]
pub struct LifecycleEvent {
    /// When it happened.
    pub at_ms: i64,
    /// E.g. `balance.negative`, `account.suspend`.
    pub event: String,
    /// The account, if it concerns one.
    pub account: Option<String>,
    /// More words, may be empty.
    pub detail: String,
}

/// All alerts.
#[derive(Debug, Clone)]
pub struct AlertsView {
    /// Who looks.
    pub frame: Frame,
    /// Alerts: open ones first, then newest first.
    pub alerts: Vec<AlertRow>,
    /// How far the breaker is.
    pub breaker: BreakerView,
}

/// One alert.
#[derive(Debug, Clone)]
pub struct AlertRow {
    /// When it was raised.
    pub at_ms: i64,
    /// When it was over, if it is.
    pub recovered_ms: Option<i64>,
    /// How bad it is.
    pub severity: Severity,
    /// Rule, e.g. `command.failed`.
    pub rule: String,
    /// Host, account or customer that it is about.
    pub subject: String,
    /// What happened and what to do.
    pub text: String,
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Needs a look.
    Warning,
    /// Needs action now.
    Critical,
}
