//! View data of the account page.

use super::{ChartView, Frame, LedgerEntry, LifecycleState};

/// The page of one account, for its customer and for admins.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// Who looks.
    pub frame: Frame,
    /// `shop@web1`.
    pub id: String,
    /// Numeric user id on the host; `None`: no host has reported the account.
    pub uid: Option<i64>,
    /// Host name.
    pub host: String,
    /// Who pays, if anybody: customer id.
    pub customer: Option<String>,
    /// Where the account stands.
    pub state: LifecycleState,
    /// What the account shall be, and how far that has got.
    pub desired: Option<DesiredView>,
    /// End of the newest interval stored, if there is one.
    pub last_seen_ms: Option<i64>,
    /// The range that charts and `top` cover.
    pub range: Range,
    /// Start of the range.
    pub from_ms: i64,
    /// End of the range.
    pub to_ms: i64,
    /// ISO 4217 code of the amounts.
    pub currency: String,
    /// Totals of today in the billing zone.
    pub today: UsageTotals,
    /// Exact cost of today so far, posted and pending (positive); `None`: not billed.
    pub cost: Option<String>,
    /// CPU, memory, I/O.
    pub charts: Vec<ChartView>,
    /// Commands that used most within the range, most CPU first; the rest as `other`.
    pub top: Vec<TopRow>,
    /// The account's newest ledger entries, newest first.
    pub ledger: Vec<LedgerEntry>,
    /// Commands sent to the host for this account, newest first.
    pub commands: Vec<CommandView>,
    /// Staff holds suspension and deletion of this account back.
    pub hold: bool,
}

impl AccountView {
    /// What staff can do with the account: the word of the form and of its button.
    pub(crate) fn acts(&self) -> Vec<(&'static str, &'static str)> {
        let hold = if self.hold { ("unhold", "Clear the hold") } else { ("hold", "Hold") };
        let state = match self.state {
            LifecycleState::Deleting | LifecycleState::Deleted => ("undelete", "Bring back"),
            LifecycleState::Suspended => ("resume", "Lift staff’s suspension"),
            _ => ("suspend", "Suspend"),
        };
        vec![hold, state]
    }
}

/// A range that the page offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// `?range=1h`.
    Hour,
    /// `?range=24h`.
    Day,
}

/// What an account shall be, as told to its host.
#[derive(Debug, Clone)]
pub struct DesiredView {
    /// `active`, `suspended` or `deleted`.
    pub state: String,
    /// Rises with every change; a host never goes back.
    pub generation: i64,
    /// Since when it is desired.
    pub since_ms: Option<i64>,
    /// True once the host reported that it is so.
    pub reached: bool,
}

/// One command to a host and what came of it.
#[derive(Debug, Clone)]
pub struct CommandView {
    /// Command id.
    pub id: String,
    /// `suspend`, `resume`, `delete`, `undelete`, `purge`.
    pub action: String,
    /// The account, e.g. `shop@web1`.
    pub account: String,
    /// Generation that it brings about.
    pub generation: i64,
    /// When it was issued.
    pub issued_ms: i64,
    /// When its outcome arrived.
    pub finished_ms: Option<i64>,
    /// How it stands.
    pub status: CommandStatus,
    /// What the host reported, one a surface.
    pub surfaces: Vec<SurfaceOutcome>,
}

/// How a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandStatus {
    /// Not fetched by the host yet.
    Waiting,
    /// Fetched; no outcome yet.
    Running,
    /// Done and verified on every surface.
    Done,
    /// At least one surface failed or still answers.
    Failed,
    /// Overtaken by a newer generation.
    Stale,
}

/// The outcome on one surface.
#[derive(Debug, Clone)]
pub struct SurfaceOutcome {
    /// `web`, `ssh`, `cron`, `processes`, `database`, or the driver's name.
    pub surface: String,
    /// Done and verified.
    pub ok: bool,
    /// What the driver says, may be empty.
    pub detail: String,
}

/// One command name in the list of what used most.
#[derive(Debug, Clone)]
pub struct TopRow {
    /// Name as the process gives it: hostile text.
    pub command: String,
    /// µs of CPU within the range.
    pub cpu_usec: i64,
    /// KiB·s of memory within the range.
    pub memory_kib_sec: Option<i64>,
    /// Most processes of that name at once.
    pub processes: Option<i64>,
}

/// Totals of one account over a time, in base units; `None`: not measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageTotals {
    /// µs of CPU.
    pub cpu_usec: Option<i64>,
    /// KiB·s of memory.
    pub memory_kib_sec: Option<i64>,
    /// Bytes read from storage.
    pub io_read_bytes: Option<i64>,
    /// Bytes written to storage.
    pub io_write_bytes: Option<i64>,
}
