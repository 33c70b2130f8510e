//! Columns of the tables: what stands in them and how it is written.

use super::view::Row;
use std::cmp::{Ordering, Reverse};

/// What was not measured.
pub(super) const MISSING: &str = "–";
/// Units of bytes, each 1024 of the one before.
const UNITS: [&str; 6] = ["", "K", "M", "G", "T", "P"];

/// A column. Figures are whole numbers in the unit named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// User name, escaped.
    Account,
    /// Numeric id.
    Uid,
    /// Command name, escaped.
    Command,
    /// CPU time, µs per second: 1,000,000 is one CPU.
    Cpu,
    /// Memory, KiB, average since the last refresh.
    Memory,
    /// Bytes per second from storage.
    Read,
    /// Bytes per second to storage.
    Written,
    /// Bytes per second from the network.
    Received,
    /// Bytes per second to the network.
    Sent,
    /// Processes.
    Processes,
    /// Processes started, in 1,000 seconds.
    Starts,
    /// Open sessions.
    Sessions,
}

/// The table by account. What stands at its end goes first where the screen is narrow.
pub(super) const OF_ACCOUNTS: &[Column] = &[
    Column::Account,
    Column::Uid,
    Column::Cpu,
    Column::Memory,
    Column::Read,
    Column::Written,
    Column::Received,
    Column::Sent,
    Column::Processes,
    Column::Starts,
    Column::Sessions,
];
/// The table by command.
pub(super) const OF_COMMANDS: &[Column] =
    &[Column::Account, Column::Uid, Column::Command, Column::Cpu, Column::Memory, Column::Processes];

impl Column {
    /// The word at the top.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::Uid => "UID",
            Self::Command => "COMMAND",
            Self::Cpu => "CPU%",
            Self::Memory => "MEM MiB",
            Self::Read => "READ/s",
            Self::Written => "WRITE/s",
            Self::Received => "RECV/s",
            Self::Sent => "SENT/s",
            Self::Processes => "PROCS",
            Self::Starts => "NEW/s",
            Self::Sessions => "SESS",
        }
    }

    /// Characters that its heading and any usual figure need; a longer figure has more.
    pub(super) fn width(self) -> u16 {
        match self {
            Self::Account => 11,
            Self::Command => 16,
            Self::Uid | Self::Memory | Self::Written => 7,
            Self::Processes | Self::Starts => 5,
            Self::Sessions => 4,
            _ => 6,
        }
    }

    /// Whether it holds a name, which is written from the left.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Account | Self::Command)
    }

    /// What a row has in it.
    pub(super) fn of(self, row: &Row) -> String {
        match self {
            Self::Account => row.account.clone(),
            Self::Command => row.command.clone(),
            _ => row.figures.get(&self).map_or_else(|| MISSING.to_owned(), |figure| self.write(*figure)),
        }
    }

    fn write(self, figure: i64) -> String {
        match self {
            Self::Cpu => percent(figure),
            Self::Memory => mebibytes(figure),
            Self::Read | Self::Written | Self::Received | Self::Sent => bytes(figure),
            Self::Starts => tenths(figure, 100),
            _ => figure.to_string(),
        }
    }

    /// Names and uids upwards, figures from the most to the least, what is missing last.
    pub(super) fn order(self, a: &Row, b: &Row) -> Ordering {
        let figure = |row: &Row| row.figures.get(&self).copied();
        let first = match self {
            Self::Account => a.account.cmp(&b.account),
            Self::Command => a.command.cmp(&b.command),
            Self::Uid => figure(a).cmp(&figure(b)),
            _ => figure(a).map(Reverse).is_none().cmp(&figure(b).is_none()).then(figure(b).cmp(&figure(a))),
        };
        let uid = |row: &Row| row.figures.get(&Self::Uid).copied();
        first.then_with(|| uid(a).cmp(&uid(b))).then_with(|| a.command.cmp(&b.command))
    }
}

/// CPU time in µs per second, as percent of one CPU.
pub(super) fn percent(usec: i64) -> String {
    tenths(usec, 1_000)
}

/// KiB as MiB.
pub(super) fn mebibytes(kib: i64) -> String {
    if kib < 10_000 * 1_024 { tenths(kib.saturating_mul(10), 1_024) } else { (kib / 1_024).to_string() }
}

/// A number of which `per_tenth` make a tenth, rounded.
fn tenths(number: i64, per_tenth: i64) -> String {
    let half = per_tenth.unsigned_abs() / 2;
    let tenths =
        number.unsigned_abs().saturating_add(half).checked_div(per_tenth.unsigned_abs()).unwrap_or(0);
    let sign = if number < 0 && tenths > 0 { "-" } else { "" };
    format!("{sign}{}.{}", tenths / 10, tenths % 10)
}

/// Bytes in at most five characters.
fn bytes(count: i64) -> String {
    let (mut count, mut unit) = (count, 0);
    let mut last = 0;
    while count >= 1_000 && unit + 1 < UNITS.len() {
        last = count % 1_024;
        count /= 1_024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit > 0 && count < 10 {
        format!("{count}.{}{name}", last * 10 / 1_024)
    } else {
        format!("{count}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_in_few_characters() {
        let check = |column: Column, figure: i64, want: &str| {
            assert_eq!(column.write(figure), want, "{column:?} {figure}");
        };
        check(Column::Cpu, 0, "0.0");
        check(Column::Cpu, 499, "0.0");
        check(Column::Cpu, 500, "0.1");
        check(Column::Cpu, 999_600, "100.0");
        check(Column::Cpu, 64_000_000, "6400.0");
        check(Column::Cpu, -499, "0.0");
        check(Column::Cpu, -12_300, "-1.2");
        check(Column::Memory, 0, "0.0");
        check(Column::Memory, 512, "0.5");
        check(Column::Memory, 10_239_999, "10000.0");
        check(Column::Memory, 10_240_000, "10000");
        check(Column::Memory, i64::MAX, "9007199254740991");
        check(Column::Read, 0, "0");
        check(Column::Read, 999, "999");
        check(Column::Read, 1_000, "0.9K");
        check(Column::Read, 1_024, "1.0K");
        check(Column::Read, 10_239, "9.9K");
        check(Column::Read, 999 * 1_024, "999K");
        check(Column::Read, 1_000 * 1_024, "0.9M");
        check(Column::Read, i64::MAX, "8191P");
        check(Column::Starts, 49, "0.0");
        check(Column::Starts, 1_250, "1.3");
        check(Column::Processes, 7, "7");
    }
}
