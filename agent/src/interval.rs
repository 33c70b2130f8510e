//! From two readings to intervals: differences of counters, cut at UTC hours so that the parts add up.
//!
//! Figures of different sources are never subtracted from each other: the hole between them is named as a gap.

use crate::limits::{GAP_REASON_MAX_BYTES, HOLE_MAX_MS, SLEW_MAX_MS, WIDEN_MAX_MS};
use crate::reading::{AccountReading, HostReading, Reading, Source};
use hostmeter_core::counter::{Change, change};
use hostmeter_core::interval::{next_cut_ms, part_within};
use hostmeter_core::limits::GAPS_MAX;
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::units::{UtcHour, rfc3339};
use hostmeter_core::wire::batch::{AccountUsage, Gap, GapMeter, HostTotals, Interval};
use std::collections::BTreeMap;

/// What a reading is compared with: where the last durable interval ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Boot-time clock of the reading, nanoseconds.
    pub boottime_ns: u64,
    /// Where the figures come from.
    pub source: Source,
    /// By uid.
    pub accounts: BTreeMap<u32, AccountReading>,
    /// The host.
    pub host: HostReading,
}

impl Baseline {
    /// The part of a reading that the next one is compared with.
    pub fn of(reading: &Reading) -> Self {
        Self {
            boottime_ns: reading.boottime_ns,
            source: reading.source.clone(),
            accounts: reading.accounts.clone(),
            host: reading.host.clone(),
        }
    }
}

impl From<Reading> for Baseline {
    fn from(reading: Reading) -> Self {
        let Reading { boottime_ns, source, accounts, host, .. } = reading;
        Self { boottime_ns, source, accounts, host }
    }
}

/// Which homes the collector knows: sent when first seen, when changed, and once an hour.
#[derive(Clone, Debug, Default)]
pub struct Homes(BTreeMap<u32, (UtcHour, String, Option<u64>)>);

impl Homes {
    fn is_due(&self, uid: u32, hour: UtcHour, home: &str, inode: Option<u64>) -> bool {
        self.0.get(&uid).is_none_or(|(h, path, ino)| *h != hour || path != home || *ino != inode)
    }

    /// Remembers what durable intervals hold.
    pub fn mark(&mut self, intervals: &[Interval]) {
        for interval in intervals {
            for account in &interval.accounts {
                if let Some(home) = &account.home {
                    let hour = UtcHour::from_ms(interval.from_ms);
                    self.0.insert(account.uid, (hour, home.clone(), account.home_inode));
                }
            }
        }
    }
}

/// Intervals without usage over `[from_ms, to_ms)` with one gap of everything. A hole longer than
/// [`HOLE_MAX_MS`] is named only so far back.
pub fn hole(from_ms: i64, to_ms: i64, why: &str) -> Vec<Interval> {
    let from_ms = from_ms.max(to_ms.saturating_sub(HOLE_MAX_MS));
    let reason = format!("{why}: usage between {} and {} was not seen", rfc3339(from_ms), rfc3339(to_ms));
    let gap = Gap { meter: GapMeter::All, uid: None, reason };
    hours(from_ms, to_ms)
        .map(|(from_ms, to_ms)| Interval {
            from_ms,
            to_ms,
            host: None,
            accounts: Vec::new(),
            gaps: vec![gap.clone()],
        })
        .collect()
}

/// What was used between two readings of one source, as intervals that cover `[from_ms, to_ms)`.
///
/// If that is much longer than the time that really passed (the clock was stepped), the usage stands at its end and
/// the time before is a hole.
pub fn build(base: &Baseline, new: &Reading, from_ms: i64, to_ms: i64, homes: &Homes) -> Vec<Interval> {
    let passed_usec = passed_usec(base, new);
    let passed_ms = passed_usec / 1_000;
    let length_ms = to_ms.saturating_sub(from_ms);
    let mut used_from_ms = from_ms;
    let mut out = Vec::new();
    if length_ms.saturating_sub(passed_ms) > SLEW_MAX_MS {
        used_from_ms = to_ms.saturating_sub(passed_ms.max(1));
        out = hole(from_ms, used_from_ms, "the clock was stepped");
    } else if length_ms > WIDEN_MAX_MS {
        used_from_ms = to_ms.saturating_sub(WIDEN_MAX_MS);
    }
    let whole = Whole::between(base, new, passed_usec);
    let span = (used_from_ms, to_ms);
    if hours(used_from_ms, to_ms).eq([span]) {
        out.push(whole.undivided(span, homes));
    } else {
        out.extend(hours(used_from_ms, to_ms).map(|part| whole.part(span, part, homes)));
    }
    out
}

/// What was used between two readings of one source as one interval, for people who look on. It begins at 0 and ends
/// with the milliseconds that passed, and is not cut at hours.
pub fn between(base: &Baseline, new: &Reading) -> Interval {
    let passed_usec = passed_usec(base, new);
    let span = (0, (passed_usec / 1_000).max(1));
    Whole::between(base, new, passed_usec).undivided(span, &Homes::default())
}

/// Time between two readings by the boot-time clock, µs.
pub fn passed_usec(base: &Baseline, new: &Reading) -> i64 {
    i64::try_from(new.boottime_ns.saturating_sub(base.boottime_ns) / 1_000).unwrap_or(i64::MAX)
}

/// `[from_ms, to_ms)` cut at UTC hours.
fn hours(from_ms: i64, to_ms: i64) -> impl Iterator<Item = (i64, i64)> {
    let mut at = from_ms;
    std::iter::from_fn(move || {
        let start = at;
        at = next_cut_ms(start).min(to_ms);
        (start < at).then_some((start, at))
    })
}

/// Everything used between two readings, not cut yet.
struct Whole<'a> {
    accounts: Vec<(&'a AccountReading, AccountUsage)>,
    host: HostTotals,
    gaps: Vec<Gap>,
}

impl<'a> Whole<'a> {
    fn between(base: &Baseline, new: &'a Reading, passed_usec: i64) -> Self {
        let mut gaps = new.gaps.clone();
        let mut accounts = Vec::with_capacity(new.accounts.len());
        for (uid, now) in &new.accounts {
            let named = gaps.len();
            let before = base.accounts.get(uid);
            let usage = difference(*uid, before, now, &mut gaps);
            let top = new.top.get(uid).cloned().unwrap_or_default();
            let is_quiet = || {
                before.is_some_and(|b| b.gauges == now.gauges && b.user == now.user)
                    && usage.iter().all(|(m, v)| v == 0 || !m.is_flow())
                    && gaps.len() == named
                    && top.is_empty()
            };
            if now.alive || !is_quiet() {
                let user = now.user.clone();
                accounts
                    .push((now, AccountUsage { uid: *uid, user, values: usage, top, ..Default::default() }));
            }
        }
        Self { accounts, host: host_totals(&base.host, &new.host, passed_usec), gaps: bounded(gaps) }
    }

    /// All of it.
    fn undivided(self, (from_ms, to_ms): (i64, i64), homes: &Homes) -> Interval {
        let hour = UtcHour::from_ms(from_ms);
        let mut accounts = Vec::with_capacity(self.accounts.len());
        for (now, mut whole) in self.accounts {
            (whole.home, whole.home_inode) = home(now, whole.uid, hour, homes);
            accounts.push(whole);
        }
        Interval { from_ms, to_ms, host: Some(self.host), accounts, gaps: self.gaps }
    }

    /// The part of it that falls into one hour. Levels and commands stand with the end.
    fn part(&self, span: (i64, i64), (from_ms, to_ms): (i64, i64), homes: &Homes) -> Interval {
        let cut = |q: i64| part_within(q, span.0, span.1, from_ms, to_ms);
        let is_last = to_ms == span.1;
        let hour = UtcHour::from_ms(from_ms);
        let accounts = self.accounts.iter().map(|(now, whole)| {
            let of_part = |(m, v): (Meter, i64)| (m, if m.is_flow() { cut(v) } else { v });
            let values = whole.values.iter().map(of_part).collect();
            let top = if is_last { whole.top.clone() } else { Vec::new() };
            let (home, home_inode) = home(now, whole.uid, hour, homes);
            AccountUsage { uid: whole.uid, user: whole.user.clone(), home, home_inode, values, top }
        });
        let host = &self.host;
        let (busy, accounts_usec, system) =
            (host.busy_usec.map(cut), host.accounts_usec.map(cut), host.system_usec.map(cut));
        let host = HostTotals {
            busy_usec: busy,
            accounts_usec,
            system_usec: system,
            remainder_usec: remainder(busy, accounts_usec, system),
            ..host.clone()
        };
        Interval { from_ms, to_ms, host: Some(host), accounts: accounts.collect(), gaps: self.gaps.clone() }
    }
}

/// The home of an account and its inode, where the collector is to be told.
fn home(now: &AccountReading, uid: u32, hour: UtcHour, homes: &Homes) -> (Option<String>, Option<u64>) {
    let home = now.home.as_ref().filter(|h| homes.is_due(uid, hour, h, now.home_inode)).cloned();
    let inode = now.home_inode.filter(|_| home.is_some());
    (home, inode)
}

/// What one account used. A counter that fell, or that one of the readings lacks, is a gap and no value.
fn difference(
    uid: u32,
    before: Option<&AccountReading>,
    now: &AccountReading,
    gaps: &mut Vec<Gap>,
) -> Values {
    let mut found = Values::new();
    now.gauges.iter().for_each(|(meter, level)| found.set(*meter, (*level).max(0)));
    let mut gap = |meter: Meter, reason: &str| {
        let covered = |g: &Gap| g.meter.covers(meter) && g.uid.is_none_or(|u| u == uid);
        if !gaps.iter().any(covered) {
            gaps.push(Gap { meter: GapMeter::One(meter), uid: Some(uid), reason: reason.to_owned() });
        }
    };
    for (meter, count) in now.counters.iter() {
        // An account that the source did not know has used nothing of it before.
        let is_unknown = before.is_none_or(|b| b.is_unseen && *meter != Meter::DiskKibSec);
        let earlier = before.and_then(|b| b.counters.get(meter).copied()).or(is_unknown.then_some(0));
        match change(earlier, Some(*count)) {
            Change::Delta(used) => found.set(*meter, used),
            Change::Reset => gap(*meter, "the counter started again"),
            Change::Gap => gap(*meter, "the counter was not read at the start of the interval"),
        }
    }
    for meter in before.into_iter().flat_map(|b| b.counters.keys()) {
        if !now.counters.contains_key(meter) {
            gap(*meter, "the counter could not be read");
        }
    }
    found
}

fn host_totals(before: &HostReading, now: &HostReading, passed_usec: i64) -> HostTotals {
    let delta = |b, a| match change(b, a) {
        Change::Delta(used) => Some(used),
        Change::Reset | Change::Gap => None,
    };
    let wall_usec = passed_usec.saturating_mul(i64::from(now.cpus));
    // With a CPU added or removed in between, nobody knows for how long it was there.
    let not_busy = delta(before.not_busy_usec, now.not_busy_usec).filter(|_| before.cpus == now.cpus);
    let busy_usec = not_busy.map(|idle| wall_usec.saturating_sub(idle));
    let accounts_usec = delta(before.accounts_usec, now.accounts_usec);
    let system_usec = delta(before.system_usec, now.system_usec);
    HostTotals {
        cpus: now.cpus,
        busy_usec,
        accounts_usec,
        system_usec,
        remainder_usec: remainder(busy_usec, accounts_usec, system_usec),
        memory_total_kib: now.memory_total_kib,
        memory_available_kib: now.memory_available_kib,
        processes: now.processes,
    }
}

fn remainder(busy: Option<i64>, accounts: Option<i64>, system: Option<i64>) -> Option<i64> {
    Some(busy?.saturating_sub(accounts?).saturating_sub(system?))
}

/// At most [`GAPS_MAX`] gaps with bounded reasons. If there are more, those of single accounts become one for each
/// meter that covers every account: too much is named rather than too little.
fn bounded(mut gaps: Vec<Gap>) -> Vec<Gap> {
    for gap in &mut gaps {
        let end = gap.reason.floor_char_boundary(GAP_REASON_MAX_BYTES);
        gap.reason.truncate(end);
    }
    if gaps.len() <= GAPS_MAX {
        return gaps;
    }
    let mut merged: Vec<Gap> = Vec::new();
    for gap in gaps {
        match merged.iter_mut().find(|m| m.meter == gap.meter) {
            Some(known) => known.uid = None,
            None => merged.push(gap),
        }
    }
    merged
}

const _: () = assert!(Meter::COUNT < GAPS_MAX, "one gap for each meter and one of all fit");

#[cfg(test)]
mod tests;
