//! The back-test of the forecast "about 12 days left": histories are replayed hour by hour, and what was forecast is held
//! against when the credit really ran out. `make bench-forecast` runs it.

use hostmeter_core::forecast::{Spent, WINDOW_DAYS, left_ms, spent};
use std::io::{Result, Write};

const HOUR_MS: i64 = 3_600_000;
const DAY_HOURS: usize = 24;
/// Days of each history.
const DAYS: usize = 120;
/// Customers of each kind.
const CUSTOMERS: u64 = 20;
/// How long the credit really lasts, days.
const TRUE_DAYS: [usize; 4] = [1, 3, 7, 14];

/// Numbers that look like chance and are the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `below` − 1.
    fn under(&mut self, below: u64) -> u64 {
        self.next() % below.max(1)
    }
}

/// A kind of customer: what an hour costs, micro-units.
struct Kind {
    name: &'static str,
    hour: fn(day: u64, hour: u64, chance: &mut Chance) -> u64,
}

/// By day and night, with a tenth of noise.
fn daily(hour: u64, chance: &mut Chance) -> u64 {
    let base = if (8..22).contains(&hour) { 1_500 } else { 500 };
    base * (95 + chance.under(11)) / 100
}

const KINDS: [Kind; 7] = [
    Kind { name: "steady", hour: |_, hour, chance| daily(hour, chance) },
    Kind {
        name: "weekends at a third",
        hour: |day, hour, chance| if day % 7 >= 5 { daily(hour, chance) / 3 } else { daily(hour, chance) },
    },
    Kind {
        name: "one night job",
        hour: |_, hour, chance| if hour == 3 { 20_000 } else { 50 + chance.under(20) },
    },
    Kind { name: "grows 1 % a day", hour: |day, hour, chance| daily(hour, chance) * (100 + day) / 100 },
    Kind {
        name: "falls 0.5 % a day",
        hour: |day, hour, chance| daily(hour, chance) * 200_u64.saturating_sub(day) / 200,
    },
    Kind {
        name: "a burst of 5× on one day in ten",
        hour: |day, hour, chance| daily(hour, chance) * if day % 10 == 4 { 5 } else { 1 },
    },
    Kind {
        name: "changes to another level every 20 days",
        hour: |day, hour, chance| daily(hour, chance) * (1 + (day / 20 * 7) % 5),
    },
];

/// A way to forecast: what was spent, and in which time.
struct Way {
    name: &'static str,
    spent: fn(hours: &[u64], now: usize) -> Option<Spent>,
}

/// Ours, as the collector asks for it: amounts by day, and the time of day.
fn ours(hours: &[u64], now: usize) -> Option<Spent> {
    let amount = |from: usize, to: usize| i64::try_from(hours.get(from..to)?.iter().sum::<u64>()).ok();
    let (today, into) = (now / DAY_HOURS, now % DAY_HOURS);
    let first = today.saturating_sub(usize::try_from(WINDOW_DAYS).ok()?);
    let mut days = Vec::new();
    for day in first..=today {
        let start = day * DAY_HOURS;
        days.push((i64::try_from(day).ok()?, amount(start, (start + DAY_HOURS).min(now))?));
    }
    let ms = |hours: usize| i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(HOUR_MS);
    spent(&days, 0, i64::try_from(today).ok()?, ms(into), ms(now))
}

/// The mean of so many hours.
fn mean(hours: &[u64], now: usize, over: usize) -> Option<Spent> {
    let used: u64 = hours.get(now.saturating_sub(over)..now)?.iter().sum();
    let over_ms = i64::try_from(over.min(now)).ok()?.saturating_mul(HOUR_MS);
    Some(Spent { micros: i128::from(used), over_ms })
}

const WAYS: [Way; 3] = [
    Way { name: "7 days (ours)", spent: ours },
    Way { name: "last 24 hours", spent: |hours, now| mean(hours, now, DAY_HOURS) },
    Way { name: "last 28 days", spent: |hours, now| mean(hours, now, 28 * DAY_HOURS) },
];

/// Errors in permille of the true time; above zero: the forecast was too long.
fn errors(kind: &Kind, way: &Way, true_days: usize) -> Vec<i64> {
    let mut out = Vec::new();
    for customer in 0..CUSTOMERS {
        let mut chance = Chance(customer + 1);
        let hours: Vec<u64> = (0..DAYS * DAY_HOURS)
            .map(|at| {
                let at = u64::try_from(at).unwrap_or(u64::MAX);
                (kind.hour)(at / 24, at % 24, &mut chance)
            })
            .collect();
        let span = true_days * DAY_HOURS;
        // Every 31 hours: all times of day and days of the week come up.
        for now in (28 * DAY_HOURS..hours.len().saturating_sub(span)).step_by(31) {
            let left: u64 = hours.get(now..now + span).unwrap_or_default().iter().sum();
            let said = (way.spent)(&hours, now).and_then(|s| left_ms(i128::from(left), s));
            let truth = i64::try_from(span).unwrap_or(i64::MAX).saturating_mul(HOUR_MS);
            if let Some(said) = said {
                out.push((said - truth).saturating_mul(1_000) / truth);
            }
        }
    }
    out
}

fn permille(sorted: &[i64], at: usize) -> i64 {
    sorted.get((sorted.len().saturating_sub(1)) * at / 1_000).copied().unwrap_or_default()
}

fn percent(permille: i64) -> String {
    format!("{}{}.{} %", if permille < 0 { "−" } else { "" }, permille.abs() / 10, permille.abs() % 10)
}

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{CUSTOMERS} customers a kind, {DAYS} days each; error of the forecast in percent of the true time, over credit \
         that lasts {TRUE_DAYS:?} days: median of its size, p90 of its size, and how long it is on average beyond the \
         truth.\n"
    )?;
    write!(out, "| use |")?;
    for way in &WAYS {
        write!(out, " {} |", way.name)?;
    }
    writeln!(out, "\n| --- |{}", " --- |".repeat(WAYS.len()))?;
    for kind in &KINDS {
        write!(out, "| {} |", kind.name)?;
        for way in &WAYS {
            let all: Vec<i64> = TRUE_DAYS.iter().flat_map(|days| errors(kind, way, *days)).collect();
            let count = i64::try_from(all.len()).unwrap_or(i64::MAX).max(1);
            let bias = all.iter().sum::<i64>() / count;
            let mut sizes: Vec<i64> = all.iter().map(|e| e.abs()).collect();
            sizes.sort_unstable();
            write!(
                out,
                " {} / {} / {} |",
                percent(permille(&sizes, 500)),
                percent(permille(&sizes, 900)),
                percent(bias)
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}
