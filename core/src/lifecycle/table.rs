//! The table of transitions: one row each, with the reason why it does not apply.

use super::Step;
use super::blocked::Blocked;
use super::event::EventKind;
use super::facts::{Deletion, Facts, Host, Settings};
use super::flags::{self, not_stopped};
use super::state::{CustomerState, Desired, Phase};
use super::{caps, leaving, low, promise};

/// What a row looks at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The state so far.
    pub state: &'a CustomerState,
    /// What is known.
    pub facts: &'a Facts,
    /// The configuration.
    pub settings: &'a Settings,
    /// The time, in milliseconds since the epoch.
    pub now_ms: i64,
}

/// One transition.
#[derive(Debug)]
pub struct Row {
    /// The event that it is known by.
    pub name: &'static str,
    /// From which phases.
    pub from: &'static [Phase],
    /// To which phase; `None`: the phase stays.
    pub to: Option<Phase>,
    /// Whether it applies, or why not.
    pub check: fn(&View<'_>) -> Result<(), Blocked>,
    pub(super) act: fn(&View<'_>, &mut Step),
}

/// A row and whether it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The row's name.
    pub row: &'static str,
    /// Where it leads; `None`: the phase stays.
    pub to: Option<Phase>,
    /// Why not, if it does not apply.
    pub blocked: Option<Blocked>,
}

/// Every transition from the customer's phase with the reason why it does not apply: for queues and pages. The state
/// must come from a step with the same facts.
pub fn explain(view: &View<'_>) -> Vec<Verdict> {
    let rows = TABLE.iter().filter(|row| row.from.contains(&view.state.phase));
    rows.map(|row| Verdict { row: row.name, to: row.to, blocked: (row.check)(view).err() }).collect()
}

/// All transitions. The first row that applies is taken: what staff asks for, then what helps the customer, then the
/// rest.
pub static TABLE: &[Row] = &[
    Row { name: "hold.set", from: ALL, to: None, check: flags::hold_asked, act: flags::set_hold },
    Row { name: "hold.cleared", from: ALL, to: None, check: flags::hold_unasked, act: flags::clear_hold },
    Row { name: "abuse.set", from: ALL, to: None, check: flags::abuse_asked, act: flags::set_abuse },
    Row { name: "abuse.cleared", from: ALL, to: None, check: flags::abuse_unasked, act: flags::clear_abuse },
    Row {
        name: "provider.suspended",
        from: ALL,
        to: None,
        check: flags::provider_stopped,
        act: flags::set_provider,
    },
    Row {
        name: "provider.resumed",
        from: ALL,
        to: None,
        check: flags::provider_back,
        act: flags::clear_provider,
    },
    Row { name: "billing.parked", from: ALL, to: None, check: flags::broken, act: flags::park },
    Row { name: "billing.unparked", from: ALL, to: None, check: flags::mended, act: flags::unpark },
    Row {
        name: "account.undelete",
        from: &[Phase::Deleted],
        to: Some(Phase::Active),
        check: undelete_due,
        act: activate,
    },
    Row {
        name: "delete.cancelled",
        from: &[Phase::Deleting],
        to: Some(Phase::Active),
        check: cancel_due,
        act: |view, step| {
            step.emit(EventKind::DeleteCancelled);
            activate(view, step);
        },
    },
    Row {
        name: "delete.cancelled",
        from: &[Phase::Deleting],
        to: Some(Phase::Suspended),
        check: halt_due,
        act: |view, step| {
            step.emit(EventKind::DeleteCancelled);
            step.state.enter(Phase::Suspended, view.now_ms);
        },
    },
    Row {
        name: "balance.recovered",
        from: &[Phase::Grace],
        to: Some(Phase::Active),
        check: not_negative,
        act: |view, step| {
            step.emit(EventKind::BalanceRecovered);
            activate(view, step);
        },
    },
    Row {
        name: "promise.kept",
        from: &[Phase::Promised],
        to: Some(Phase::Active),
        check: not_negative,
        act: promise::keep,
    },
    Row {
        name: "account.resume",
        from: &[Phase::Suspended],
        to: Some(Phase::Active),
        check: may_run,
        act: activate,
    },
    Row {
        name: "customer.opened",
        from: &[Phase::New],
        to: Some(Phase::Active),
        check: has_business,
        act: open,
    },
    Row {
        name: "customer.opened",
        from: &[Phase::Purged],
        to: Some(Phase::Active),
        check: leaving::has_new_account,
        act: open,
    },
    Row {
        name: "customer.reopened",
        from: &[Phase::Closing, Phase::Closed],
        to: Some(Phase::Active),
        check: leaving::reopen_asked,
        act: leaving::reopen,
    },
    Row {
        name: "customer.closing",
        from: &[Phase::New, Phase::Active, Phase::Low],
        to: Some(Phase::Closing),
        check: leaving::close_asked,
        act: leaving::begin_closing,
    },
    Row {
        name: "customer.closed",
        from: &[Phase::Closing],
        to: Some(Phase::Closed),
        check: leaving::close_due,
        act: leaving::close,
    },
    Row {
        name: "balance.negative",
        from: &[Phase::Active, Phase::Low],
        to: Some(Phase::Grace),
        check: crossed,
        act: open_grace,
    },
    Row {
        name: "promise.opened",
        from: &[Phase::Grace],
        to: Some(Phase::Promised),
        check: promise::allowed,
        act: promise::open,
    },
    Row {
        name: "promise.broken",
        from: &[Phase::Promised],
        to: Some(Phase::Grace),
        check: promise::expired,
        act: promise::break_it,
    },
    Row { name: "cap.reached", from: RUNNING, to: None, check: caps::reached, act: caps::tell },
    Row {
        name: "budget.reached",
        from: RUNNING,
        to: None,
        check: caps::budget_reached,
        act: caps::tell_budget,
    },
    Row {
        name: "balance.floor",
        from: &[Phase::Active, Phase::Low],
        to: None,
        check: floor_notice_due,
        act: warn_of_floor,
    },
    Row {
        name: "balance.recovered",
        from: &[Phase::Active, Phase::Low],
        to: None,
        check: floor_recovered,
        act: |_, step| {
            step.emit(EventKind::BalanceRecovered);
            step.state.notice_ms = None;
        },
    },
    Row {
        name: "account.suspend",
        from: RUNNING,
        to: Some(Phase::Suspended),
        check: suspension_due,
        act: |view, step| {
            step.state.trust.late |= view.facts.balance.is_negative();
            step.state.enter(Phase::Suspended, view.now_ms);
        },
    },
    Row { name: "balance.reminder", from: &[Phase::Grace], to: None, check: reminder_due, act: remind },
    Row {
        name: "balance.low",
        from: &[Phase::Active, Phase::Low],
        to: Some(Phase::Low),
        check: low::due,
        act: low::warn,
    },
    Row { name: "balance.ok", from: &[Phase::Low], to: Some(Phase::Active), check: low::over, act: low::end },
    Row {
        name: "delete.notice",
        from: &[Phase::Suspended],
        to: None,
        check: final_notice_due,
        act: warn_of_deletion,
    },
    Row {
        name: "delete.scheduled",
        from: &[Phase::Suspended],
        to: Some(Phase::Deleting),
        check: deletion_due,
        act: schedule_deletion,
    },
    Row {
        name: "account.deleted",
        from: &[Phase::Deleting],
        to: Some(Phase::Deleted),
        check: deletion_done,
        act: finish_deletion,
    },
    Row {
        name: "account.purge",
        from: &[Phase::Deleted],
        to: Some(Phase::Purged),
        check: leaving::purge_due,
        act: leaving::purge,
    },
    Row { name: "account.purged", from: ALL, to: None, check: leaving::purged, act: leaving::tell_purged },
];

const ALL: &[Phase] = Phase::ALL;
/// The phases in which the accounts run.
const RUNNING: &[Phase] = &[Phase::Active, Phase::Low, Phase::Grace, Phase::Promised];

pub(super) fn require(holds: bool, otherwise: Blocked) -> Result<(), Blocked> {
    if holds { Ok(()) } else { Err(otherwise) }
}

pub(super) fn not_before(view: &View<'_>, until_ms: i64) -> Result<(), Blocked> {
    require(view.now_ms >= until_ms, Blocked::TooEarly { until_ms })
}

fn activate(view: &View<'_>, step: &mut Step) {
    step.state.enter(Phase::Active, view.now_ms);
}

fn open(view: &View<'_>, step: &mut Step) {
    step.emit(EventKind::CustomerOpened);
    activate(view, step);
}

/// What somebody may be billed for.
fn has_business(view: &View<'_>) -> Result<(), Blocked> {
    if view.facts.resells { Ok(()) } else { has_account(view) }
}

fn has_account(view: &View<'_>) -> Result<(), Blocked> {
    require(!view.facts.accounts.is_empty(), Blocked::NoAccount)
}

pub(super) fn negative(view: &View<'_>) -> Result<(), Blocked> {
    require(view.facts.balance.is_negative(), Blocked::NotNegative)
}

pub(super) fn not_negative(view: &View<'_>) -> Result<(), Blocked> {
    require(!view.facts.balance.is_negative(), Blocked::Negative)
}

fn may_run(view: &View<'_>) -> Result<(), Blocked> {
    not_negative(view)?;
    require(!view.facts.below_floor(view.settings), Blocked::BelowFloor)?;
    require(!view.facts.capped(), Blocked::Capped)
}

/// No account is held by staff on its own.
pub(super) fn none_held(view: &View<'_>) -> Result<(), Blocked> {
    require(!view.facts.accounts.iter().any(|a| a.hold), Blocked::Hold)
}

fn none_begun(view: &View<'_>) -> Result<(), Blocked> {
    match view.facts.accounts.iter().find(|a| a.has_begun()) {
        Some(account) => Err(Blocked::Begun(account.id.clone())),
        None => Ok(()),
    }
}

fn undelete_due(view: &View<'_>) -> Result<(), Blocked> {
    if view.facts.undelete { Ok(()) } else { may_run(view) }
}

fn cancel_due(view: &View<'_>) -> Result<(), Blocked> {
    may_run(view)?;
    none_begun(view)
}

/// No deletion under a hold, of a parked customer, nor of one who owes nothing, even where the accounts may not run yet.
fn halt_due(view: &View<'_>) -> Result<(), Blocked> {
    require(not_stopped(view).is_err() || !view.facts.balance.is_negative(), Blocked::Negative)?;
    none_begun(view)
}

/// What a parked customer's balance says may be wrong: nobody is told anything by it.
fn crossed(view: &View<'_>) -> Result<(), Blocked> {
    negative(view)?;
    flags::not_parked(view)
}

fn open_grace(view: &View<'_>, step: &mut Step) {
    // A posting before the phase began, or after now, cannot be the crossing.
    let crossing = view.facts.crossing_ms.unwrap_or(view.now_ms).max(view.state.since_ms).min(view.now_ms);
    let grace_ms = view.settings.grace_ms.saturating_add(view.state.trust.grace_ms(view.settings));
    let deadline_ms = crossing.saturating_add(grace_ms);
    step.state.enter(Phase::Grace, view.now_ms);
    step.state.since_ms = crossing;
    step.state.grace_until_ms = Some(deadline_ms);
    step.state.open_episode(view.now_ms);
    step.emit(EventKind::BalanceNegative { deadline_ms });
}

fn floor_notice_due(view: &View<'_>) -> Result<(), Blocked> {
    require(view.facts.below_floor(view.settings), Blocked::AboveFloor)?;
    flags::not_parked(view)?;
    require(view.state.notice_ms.is_none(), Blocked::AlreadyTold)
}

fn warn_of_floor(view: &View<'_>, step: &mut Step) {
    step.state.open_episode(view.now_ms);
    step.emit(EventKind::BalanceFloor);
}

fn floor_recovered(view: &View<'_>) -> Result<(), Blocked> {
    require(view.state.notice_ms.is_some(), Blocked::NoEpisode)?;
    may_run(view)
}

fn suspension_due(view: &View<'_>) -> Result<(), Blocked> {
    if !view.facts.below_floor(view.settings) && !view.facts.capped() {
        match view.state.grace_ends_ms() {
            Some(end) => not_before(view, end)?,
            None => return Err(Blocked::AboveFloor),
        }
    }
    not_stopped(view)?;
    let accounts = &view.facts.accounts;
    require(accounts.is_empty() || accounts.iter().any(|a| !a.hold), Blocked::Hold)?;
    let fresh = |a: &super::AccountFacts| !a.hold && a.is_fresh(view.settings, view.now_ms);
    require(accounts.is_empty() || accounts.iter().any(fresh), Blocked::Stale)?;
    let notices = &view.facts.notices;
    let accepted = notices.first.is_some_and(|n| n.episode == view.state.episode && n.at_ms <= view.now_ms);
    let handed = view.state.notice_ms.is_some() && (accepted || !notices.channel);
    require(handed, Blocked::NotHandedOver { notice: "first" })
}

/// Reminders whose time has come. Where several have, the customer gets one.
fn reminders_due(view: &View<'_>) -> usize {
    let age = view.now_ms.saturating_sub(view.state.since_ms).saturating_sub(view.state.outage_ms);
    view.settings.reminders_ms.iter().filter(|after| **after <= age).count()
}

fn reminder_due(view: &View<'_>) -> Result<(), Blocked> {
    flags::not_parked(view)?;
    if let Some(end) = view.state.grace_ends_ms() {
        // Past the deadline, there is nothing to be reminded of.
        require(view.now_ms < end, Blocked::AlreadyTold)?;
    }
    let next = view.settings.reminders_ms.get(view.state.reminders).ok_or(Blocked::AlreadyTold)?;
    not_before(view, view.state.since_ms.saturating_add(*next).saturating_add(view.state.outage_ms))
}

fn remind(view: &View<'_>, step: &mut Step) {
    step.state.reminders = reminders_due(view);
    let deadline_ms = view.state.grace_ends_ms().unwrap_or(view.now_ms);
    step.emit(EventKind::BalanceReminder { reminder: step.state.reminders, deadline_ms });
}

/// What both the final notice and the deletion need.
fn deletion_possible(view: &View<'_>) -> Result<(), Blocked> {
    negative(view)?;
    not_stopped(view)?;
    none_held(view)?;
    // What was paid to a reseller in trouble may not be booked: nothing is deleted meanwhile.
    require(!view.state.provider, Blocked::Provider)?;
    has_account(view)?;
    let ready = |desired| matches!(desired, Desired::Suspended | Desired::Purged);
    match view.state.accounts.iter().find(|(_, a)| !ready(a.desired)) {
        Some((id, _)) => Err(Blocked::NotSuspended(id.clone())),
        None => Ok(()),
    }
}

fn final_notice_due(view: &View<'_>) -> Result<(), Blocked> {
    deletion_possible(view)?;
    require(view.state.final_notice_ms.is_none(), Blocked::AlreadyTold)?;
    let ahead = view.settings.final_notice();
    not_before(view, view.state.delete_at_ms(view.settings).saturating_sub(ahead))
}

fn warn_of_deletion(view: &View<'_>, step: &mut Step) {
    step.state.final_notice_ms = Some(view.now_ms);
    step.state.outage_before_notice_ms = step.state.outage_ms;
    let delete_at_ms = step.state.delete_at_ms(view.settings);
    step.emit(EventKind::DeleteNotice { delete_at_ms });
}

fn deletion_due(view: &View<'_>) -> Result<(), Blocked> {
    deletion_possible(view)?;
    let given = view.state.final_notice_ms.ok_or(Blocked::NoFinalNotice)?;
    not_before(view, view.state.delete_at_ms(view.settings))?;
    let notices = &view.facts.notices;
    if notices.channel {
        let accepted = notices.last.filter(|n| n.episode == view.state.episode && n.at_ms >= given);
        let at_ms = accepted.ok_or(Blocked::NotHandedOver { notice: "final" })?.at_ms;
        not_before(view, view.state.notice_over_ms(at_ms, view.settings))?;
    }
    Ok(())
}

fn schedule_deletion(view: &View<'_>, step: &mut Step) {
    step.state.enter(Phase::Deleting, view.now_ms);
    step.emit(EventKind::DeleteScheduled);
    for (id, before) in &view.state.accounts {
        if before.desired == Desired::Purged {
            continue;
        }
        if let Some(account) = step.state.accounts.get_mut(id) {
            account.desired = Desired::Deleted;
            account.since_ms = view.now_ms;
            account.restoring = false;
        }
        step.emit(EventKind::AccountDelete(id.clone()));
    }
}

fn named_for_deletion<'a>(view: &View<'a>) -> impl Iterator<Item = &'a super::AccountFacts> {
    let state = view.state;
    view.facts.accounts.iter().filter(|a| state.desired(&a.id) == Desired::Deleted)
}

fn deletion_done(view: &View<'_>) -> Result<(), Blocked> {
    for account in named_for_deletion(view).filter(|a| a.host != Host::Gone) {
        match &account.deletion {
            Deletion::Confirmed { archive: Some(_) } | Deletion::Purged => {}
            Deletion::Confirmed { archive: None } => return Err(Blocked::NoArchive(account.id.clone())),
            Deletion::Begun | Deletion::NotBegun => return Err(Blocked::NotConfirmed(account.id.clone())),
        }
    }
    Ok(())
}

fn finish_deletion(view: &View<'_>, step: &mut Step) {
    step.state.enter(Phase::Deleted, view.now_ms);
    for account in named_for_deletion(view) {
        let archive = match &account.deletion {
            Deletion::Confirmed { archive } => archive.clone(),
            Deletion::Begun | Deletion::NotBegun | Deletion::Purged => None,
        };
        step.emit(EventKind::AccountDeleted { account: account.id.clone(), archive });
    }
}
