//! Credit against truth, as Markdown.

use super::{Case, Named, QUIET_MS, UIDS};
use anyhow::Result;
use std::fmt::Write as _;
use std::io::Write;

/// What one tool credited in one case: (credited µs, truth ns) for each uid that worked.
pub(crate) type Cells = Vec<(u64, u64)>;

/// One case as it was run.
pub(crate) struct Outcome {
    /// What was done.
    pub(crate) case: Case,
    /// For each tool in order; `None` where it is not here.
    pub(crate) tools: Vec<Option<Cells>>,
    /// CPU of all processes of the case, and of the starters that forked them, µs by `getrusage`; `None` where the
    /// parents never heard of it.
    pub(crate) spent_usec: Option<(u64, u64)>,
    /// The truth of all uids, ns.
    pub(crate) truth_ns: u64,
}

/// Hundredths of a percent, rounded; `None` where there is no truth to compare with.
pub(crate) fn per_myriad(credited_usec: u64, truth_ns: u64) -> Option<u64> {
    let wide = u128::from(credited_usec) * 1_000 * 10_000;
    let truth = u128::from(truth_ns);
    u64::try_from((wide + truth / 2).checked_div(truth)?).ok()
}

/// Sum, and the uid that is furthest from 100 %, in hundredths of a percent.
pub(crate) fn summary(cells: &[(u64, u64)]) -> Option<(u64, u64)> {
    let sum = cells.iter().fold((0, 0), |s, c| (s.0 + c.0, s.1 + c.1));
    let each: Option<Vec<u64>> = cells.iter().map(|(c, t)| per_myriad(*c, *t)).collect();
    Some((per_myriad(sum.0, sum.1)?, each?.into_iter().max_by_key(|p| p.abs_diff(10_000))?))
}

fn percent(per_myriad: u64) -> String {
    format!("{}.{:02}", per_myriad / 100, per_myriad % 100)
}

fn cell(cells: Option<&Cells>) -> String {
    match cells.map(|c| summary(c)) {
        Some(Some((sum, worst))) => format!("{} ({})", percent(sum), percent(worst)),
        Some(None) => "no truth".to_owned(),
        None => "–".to_owned(),
    }
}

/// Milliseconds with up to one decimal.
pub(crate) fn burst(usec: u64) -> String {
    match usec % 1_000 / 100 {
        0 => format!("{}", usec / 1_000),
        tenths => format!("{}.{tenths}", usec / 1_000),
    }
}

/// One table: the cases of one number of threads and one ending.
fn block(tools: &[Named], cases: &[&Outcome]) -> String {
    let mut text = String::from("| burst, ms |");
    for outcome in cases {
        let _ = write!(text, " {} |", burst(outcome.case.shape.burst_usec));
    }
    let _ = write!(text, "\n| --- |{}\n", " --- |".repeat(cases.len()));
    for (i, (name, _)) in here(tools) {
        let _ = write!(text, "| {name} |");
        for outcome in cases {
            let _ = write!(text, " {} |", cell(outcome.tools.get(i).and_then(Option::as_ref)));
        }
        text.push('\n');
    }
    about_the_load(&mut text, cases);
    text
}

/// Rows about the load itself; what the parents never heard of is a dash.
fn about_the_load(text: &mut String, cases: &[&Outcome]) {
    type Row = fn(&Outcome) -> Option<String>;
    let rows: [(&str, Row); 4] = [
        ("processes", |o| Some(o.case.processes().to_string())),
        ("CPU of one, ms", |o| Some(ms(o.spent_usec?.0 / u64::from(o.case.processes()).max(1)))),
        ("in them, not in their parents", |o| per_myriad(o.spent_usec?.0, o.truth_ns).map(percent)),
        ("`getrusage` of parents and children", |o| {
            per_myriad(o.spent_usec.map(|(all, own)| all + own)?, o.truth_ns).map(percent)
        }),
    ];
    for (name, of) in rows {
        let _ = write!(text, "| *{name}* |");
        for outcome in cases {
            let _ = write!(text, " *{}* |", of(outcome).as_deref().unwrap_or("–"));
        }
        text.push('\n');
    }
}

fn ms(usec: u64) -> String {
    format!("{}.{:02}", usec / 1_000, usec % 1_000 / 10)
}

/// The tools that are here, with their places.
fn here(tools: &[Named]) -> impl Iterator<Item = (usize, &Named)> {
    tools.iter().enumerate().filter(|(_, (_, tool))| tool.is_ok())
}

/// Prints everything.
pub(crate) fn print(tools: &[Named], outcomes: &[Outcome], wrong: &[Option<u64>]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let cpus = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    writeln!(
        out,
        "CPU credited {} s after the last exit, in % of what the kernel charged: all {UIDS} uids together (the uid that \
         is furthest from 100).\nMeasured by `make bench-accuracy` on {cpus} CPUs, Linux {}.",
        QUIET_MS / 1_000,
        kernel.trim()
    )?;
    let mut blocks: Vec<_> = outcomes.iter().map(|o| o.case.block()).collect();
    blocks.dedup();
    for (threads, ending) in blocks {
        let cases: Vec<_> = outcomes.iter().filter(|o| o.case.block() == (threads, ending)).collect();
        let many = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        writeln!(out, "\n{many}, {}:\n\n{}", super::words(ending), block(tools, &cases).trim_end())?;
    }
    writeln!(
        out,
        "\n| over all cases | worst sum | worst uid | on uids that did nothing, µs |\n| --- | --- | --- | --- |"
    )?;
    for (i, (tool, _)) in here(tools) {
        let all: Vec<_> =
            outcomes.iter().filter_map(|o| summary(o.tools.get(i)?.as_ref()?.as_slice())).collect();
        let worst = |of: fn(&(u64, u64)) -> u64| {
            let found = all.iter().map(of).max_by_key(|p| p.abs_diff(10_000));
            found.map_or("–".to_owned(), percent)
        };
        let wrong = wrong.get(i).copied().flatten().map_or("–".to_owned(), |usec| usec.to_string());
        writeln!(out, "| {tool} | {} | {} | {wrong} |", worst(|s| s.0), worst(|s| s.1))?;
    }
    for (name, tool) in tools {
        if let Err(why) = tool {
            writeln!(out, "\n{name}: not here: {why:#}")?;
        }
    }
    writeln!(
        out,
        "\nThe truth is the cgroup's of each uid. `getrusage` lacks what each thread used after its end was told."
    )?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_uid_is_the_furthest_from_the_truth() {
        for (cells, expect) in [
            (&[(1_000, 1_000_000), (990, 1_000_000)][..], Some((9_950, 9_900))),
            (&[(1_030, 1_000_000), (990, 1_000_000)][..], Some((10_100, 10_300))),
            (&[(0, 1_000_000)][..], Some((0, 0))),
            (&[(5, 0)][..], None),
            (&[][..], None),
        ] {
            assert_eq!(summary(cells), expect, "{cells:?}");
        }
        assert_eq!(percent(9_907), "99.07");
        assert_eq!([0, 200, 2_000, 200_000].map(burst), ["0", "0.2", "2", "200"]);
    }
}
