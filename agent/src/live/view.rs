//! What one refresh shows: the difference of two readings, by the same rules as an interval that is shipped.

use super::column::Column;
use crate::interval::{self, Baseline};
use crate::reading::Reading;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{AccountUsage, Gap, HostTotals, TopCommand};
use std::collections::BTreeMap;

/// One line of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// User name, escaped; the uid where passwd has no name for it.
    pub account: String,
    /// Command, escaped; empty in the table by account.
    pub command: String,
    /// By column; what was not measured is absent.
    pub figures: BTreeMap<Column, i64>,
}

/// Everything that a refresh shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// `ebpf` or `proc`.
    pub tier: String,
    /// What is not seen and why; empty if all is seen.
    pub limited: String,
    /// Why figures are missing, each reason once.
    pub missing: Vec<String>,
    /// Share of the CPUs' busy time that was seen at some process, millionths.
    pub cpu_ppm: Option<u32>,
    /// Time since the refresh before, µs.
    pub over_usec: i64,
    /// The host; CPU times since the refresh before, µs.
    pub host: HostTotals,
    /// Accounts that are there or used something.
    pub accounts: Vec<Row>,
    /// Their commands.
    pub commands: Vec<Row>,
    /// Everything that is no account.
    pub system: Row,
    /// What the CPUs were busy with and nobody was seen to use; below 0 if more was counted than they were busy.
    pub remainder: Row,
}

impl View {
    /// What was used between two readings of one source.
    pub(super) fn between(before: &Baseline, now: &Reading) -> Self {
        let over_usec = interval::passed_usec(before, now).max(1);
        let used = interval::between(before, now);
        let host = used.host.unwrap_or_default();
        let of_host = |name: &str, usec: Option<i64>| Row {
            account: name.to_owned(),
            command: String::new(),
            figures: usec.map(|v| (Column::Cpu, per_second(v, 1, over_usec))).into_iter().collect(),
        };
        let mut missing: Vec<String> = used.gaps.iter().map(reason).collect();
        missing.sort_unstable();
        missing.dedup();
        Self {
            tier: now.source.tier.clone(),
            limited: now.limited.clone(),
            missing,
            cpu_ppm: now.coverage.cpu_ppm,
            over_usec,
            system: of_host("(system)", host.system_usec),
            remainder: of_host("(remainder)", host.remainder_usec),
            host,
            accounts: used.accounts.iter().map(|a| account(a, &used.gaps, over_usec)).collect(),
            commands: used
                .accounts
                .iter()
                .flat_map(|a| a.top.iter().map(move |t| command(a, t, over_usec)))
                .collect(),
        }
    }

    /// A CPU time of the host as µs per second.
    pub(super) fn cpu_of_host(&self, usec: Option<i64>) -> Option<i64> {
        usec.map(|usec| per_second(usec, 1, self.over_usec))
    }
}

fn reason(gap: &Gap) -> String {
    format!("{}: {}", gap.meter.as_str(), gap.reason)
}

fn name(account: &AccountUsage) -> String {
    account.user.clone().unwrap_or_else(|| account.uid.to_string())
}

/// `times` as much in a second.
fn per_second(amount: i64, times: i64, over_usec: i64) -> i64 {
    let all = i128::from(amount) * i128::from(times) * 1_000_000;
    i64::try_from(all.checked_div(i128::from(over_usec)).unwrap_or(0)).unwrap_or(i64::MAX)
}

fn account(account: &AccountUsage, gaps: &[Gap], over_usec: i64) -> Row {
    // A figure with a gap is too low by nobody knows how much.
    let has_gap = |meter: Meter| {
        gaps.iter().any(|gap| gap.meter.covers(meter) && gap.uid.is_none_or(|uid| uid == account.uid))
    };
    let known = |meter: Meter| account.values.get(meter).filter(|_| !has_gap(meter));
    let rate = |meter: Meter, times: i64| known(meter).map(|v| per_second(v, times, over_usec));
    let figures = [
        (Column::Uid, Some(i64::from(account.uid))),
        (Column::Cpu, rate(Meter::CpuUsec, 1)),
        (Column::Memory, rate(Meter::MemoryKibSec, 1)),
        (Column::Read, rate(Meter::IoReadBytes, 1)),
        (Column::Written, rate(Meter::IoWriteBytes, 1)),
        (Column::Received, rate(Meter::NetRxBytes, 1)),
        (Column::Sent, rate(Meter::NetTxBytes, 1)),
        (Column::Processes, known(Meter::Processes)),
        (Column::Starts, rate(Meter::ProcessStarts, 1_000)),
        // Who cannot tell the time of sessions cannot tell all that are open.
        (Column::Sessions, known(Meter::Sessions).filter(|_| !has_gap(Meter::SessionSec))),
    ];
    let figures = figures.into_iter().filter_map(|(column, figure)| Some((column, figure?))).collect();
    Row { account: name(account), command: String::new(), figures }
}

fn command(account: &AccountUsage, command: &TopCommand, over_usec: i64) -> Row {
    let figures = BTreeMap::from([
        (Column::Uid, i64::from(account.uid)),
        (Column::Cpu, per_second(command.cpu_usec, 1, over_usec)),
        (Column::Memory, per_second(command.memory_kib_sec, 1, over_usec)),
        (Column::Processes, command.processes),
    ]);
    Row { account: name(account), command: command.command.clone(), figures }
}
