//! A refresh as plain text: the lines of the head, which the screen has too, and both tables in full.

use super::column::{Column, MISSING, OF_ACCOUNTS, OF_COMMANDS, mebibytes, percent};
use super::view::{Row, View};
use std::io::{self, Write};

/// Between two columns.
const GAP: &str = "  ";

/// The host as a whole, line by line.
pub(super) fn head(view: &View) -> Vec<String> {
    let host = &view.host;
    let cpu =
        |usec| view.cpu_of_host(usec).map_or_else(|| MISSING.to_owned(), |v| format!("{} %", percent(v)));
    let mib = |kib: Option<i64>| kib.map_or_else(|| MISSING.to_owned(), mebibytes);
    let coverage = view.cpu_ppm.map_or_else(
        || "not known".to_owned(),
        |ppm| format!("{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100),
    );
    let used_kib = host.memory_total_kib.zip(host.memory_available_kib).map(|(all, free)| all - free);
    let processes = host.processes.map_or_else(|| MISSING.to_owned(), |n| n.to_string());
    let mut lines = vec![
        format!("tier {}, coverage of CPU {coverage}, {processes} processes", view.tier),
        format!(
            "CPU: busy {}, accounts {}, system {}, remainder {}; {} CPUs",
            cpu(host.busy_usec),
            cpu(host.accounts_usec),
            cpu(host.system_usec),
            cpu(host.remainder_usec),
            host.cpus
        ),
        format!("memory: {} MiB used of {} MiB", mib(used_kib), mib(host.memory_total_kib)),
    ];
    if !view.limited.is_empty() {
        lines.push(plain(&format!("limited: {}", view.limited)));
    }
    lines.extend(view.missing.iter().map(|why| plain(&format!("missing: {why}"))));
    lines
}

/// Messages of the system are no names; nothing in them may move the cursor.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Writes a refresh, most CPU first; `again`: apart from the one before.
pub(super) fn write(out: &mut impl Write, view: &View, host: &str, again: bool) -> io::Result<()> {
    if again {
        writeln!(out)?;
    }
    let over_ms = view.over_usec / 1_000;
    writeln!(out, "hostmeter-agent top, host {host}, over {}.{:03} s", over_ms / 1_000, over_ms % 1_000)?;
    for line in head(view) {
        writeln!(out, "{line}")?;
    }
    let of_host = [&view.system, &view.remainder];
    writeln!(out)?;
    table(out, OF_ACCOUNTS, &view.accounts, &of_host)?;
    writeln!(out)?;
    table(out, OF_COMMANDS, &view.commands, &[])?;
    out.flush()
}

/// Cells of a line of the host's own, of which only the CPU time is known: other columns do not apply to it.
pub(super) fn of_host(columns: &[Column], row: &Row) -> Vec<String> {
    let applies = |column: Column| matches!(column, Column::Account | Column::Cpu);
    columns.iter().map(|c| if applies(*c) { c.of(row) } else { String::new() }).collect()
}

fn table(out: &mut impl Write, columns: &[Column], rows: &[Row], last: &[&Row]) -> io::Result<()> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| Column::Cpu.order(a, b));
    let mut lines = vec![columns.iter().map(|c| c.heading().to_owned()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|c| c.of(row)).collect()));
    lines.extend(last.iter().map(|row| of_host(columns, row)));
    let wide = |i: usize| lines.iter().filter_map(|l| l.get(i)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|i| wide(i).unwrap_or(0)).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).zip(columns).map(|((cell, width), column)| {
            if column.is_name() { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join(GAP).trim_end())?;
    }
    Ok(())
}
