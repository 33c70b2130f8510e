//! Whose CPU it was: short processes of twenty uids at once, whose CPU the kernel itself counts, under every tier of
//! our agent, psutil and prometheus-process-exporter at the same time.
//!
//! Each case lies between two quiet moments: what a tool credits between them is held against what the control group
//! of each uid was charged between them.

mod report;
mod tool;

use anyhow::{Context, Result, ensure};
use hostmeter_tests::credit::now_ms;
use hostmeter_tests::storm::{Ending, Fleet, PROCESSES_MAX, Shape, THREADS_MAX};
use hostmeter_tests::users::is_root;
use report::Outcome;
use std::io::Write;
use std::time::Duration;
use tool::{Credited, Exporter, Hostmeter, MARK_MS, Psutil, Tool};

/// Uids that work at once; none of them is in passwd. One more does nothing.
const UIDS: u32 = 20;
const FIRST_UID: u32 = 41_000;
/// From the last exit to the reading.
const QUIET_MS: u32 = 3_000;
const _: () = assert!(QUIET_MS > MARK_MS);

/// Which cases are run; all of them without arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Bursts of CPU, µs
    #[arg(long, value_delimiter = ',', default_values_t = [0, 200, 500, 2_000, 10_000, 50_000, 200_000])]
    bursts: Vec<u64>,
    /// Threads of each process
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4])]
    threads: Vec<u32>,
    /// How the processes end: reaped, ignored (SIGCHLD), leader-first
    #[arg(long, value_delimiter = ',', default_values = ["reaped", "ignored", "leader-first"])]
    endings: Vec<Ending>,
}

/// One load.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    shape: Shape,
}

impl Case {
    /// Processes of all uids together.
    fn processes(self) -> u32 {
        self.shape.processes * UIDS
    }

    /// Which table it stands in.
    fn block(self) -> (u32, Ending) {
        (self.shape.threads, self.shape.ending)
    }
}

/// An ending as a heading says it.
fn words(ending: Ending) -> &'static str {
    match ending {
        Ending::Reaped => "reaped by the parent",
        Ending::Ignored => "the parent ignores SIGCHLD",
        Ending::LeaderFirst => "the first thread ends first",
    }
}

/// Processes of one uid: many short ones, few long ones, so that a case is a few seconds on two CPUs.
fn processes(burst_usec: u64) -> u32 {
    match burst_usec {
        0..=2_000 => 20,
        2_001..=10_000 => 10,
        10_001..=50_000 => 4,
        _ => 2,
    }
}
const _: () = assert!(PROCESSES_MAX >= 20);

fn cases(args: &Args) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for ending in &args.endings {
        for threads in &args.threads {
            ensure!((1..=THREADS_MAX).contains(threads), "--threads {threads}: 1 to {THREADS_MAX}");
            for burst_usec in &args.bursts {
                ensure!(*burst_usec <= 1_000_000, "--bursts {burst_usec}: at most 1000000 µs");
                let (processes, burst_usec) = (processes(*burst_usec), *burst_usec);
                let shape = Shape { processes, burst_usec, threads: *threads, ending: *ending };
                cases.push(Case { shape });
            }
        }
    }
    Ok(cases)
}

/// A tool's name, and itself or why it is not here.
pub(crate) type Named = (&'static str, Result<Box<dyn Tool>>);

fn say(line: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{line}");
}

fn tools() -> Vec<Named> {
    fn boxed<T: Tool + 'static>(started: Result<T>) -> Result<Box<dyn Tool>> {
        started.map(|tool| Box::new(tool) as Box<dyn Tool>)
    }
    let all = [
        ("Hostmeter, eBPF", boxed(Hostmeter::start("ebpf"))),
        ("Hostmeter, /proc every 1 s", boxed(Hostmeter::start("proc"))),
        ("psutil every 1 s", boxed(Psutil::start())),
        ("process-exporter every 1 s", boxed(Exporter::start())),
    ];
    all.into()
}

fn read(tools: &mut [Named], quiet_ms: i64) -> Result<Vec<Option<Credited>>> {
    tools
        .iter_mut()
        .map(|(name, tool)| {
            let credited = tool.as_mut().ok().map(|t| t.credited(quiet_ms)).transpose();
            credited.with_context(|| format!("figures of {name}"))
        })
        .collect()
}

/// What was credited between two readings.
fn between(before: &Credited, after: &Credited, uid: u32) -> Result<u64> {
    let at = |c: &Credited| c.get(&uid).copied().unwrap_or(0);
    at(after).checked_sub(at(before)).with_context(|| format!("the credit of uid {uid} fell"))
}

/// A moment when nobody works: the truth of each uid, and what each tool says.
struct Moment {
    truth_ns: Vec<u64>,
    credited: Vec<Option<Credited>>,
}

impl Moment {
    fn quiet(fleet: &Fleet, tools: &mut [Named]) -> Result<Self> {
        let quiet_ms = now_ms()?;
        std::thread::park_timeout(Duration::from_millis(QUIET_MS.into()));
        Ok(Self { truth_ns: fleet.truth_ns()?, credited: read(tools, quiet_ms)? })
    }
}

fn outcome(case: Case, uids: &[u32], moments: [&Moment; 2], spent: (u64, u64)) -> Result<Outcome> {
    let [before, after] = moments;
    let truth: Vec<u64> = after.truth_ns.iter().zip(&before.truth_ns).map(|(a, b)| a - b).collect();
    let working = usize::try_from(UIDS)?;
    let tools = before.credited.iter().zip(&after.credited).map(|pair| {
        let (Some(before), Some(after)) = pair else { return Ok(None) };
        let cells = uids.iter().zip(&truth).take(working);
        cells.map(|(uid, truth)| Ok((between(before, after, *uid)?, *truth))).collect::<Result<_>>().map(Some)
    });
    Ok(Outcome {
        case,
        tools: tools.collect::<Result<_>>()?,
        spent_usec: (case.shape.ending != Ending::Ignored).then_some(spent),
        truth_ns: truth.iter().take(working).sum(),
    })
}

/// Runs the cases and prints the tables.
pub(crate) fn measure(args: &Args) -> Result<()> {
    ensure!(is_root(), "this bench starts processes under many uids, so it needs root");
    let cases = cases(args)?;
    let uids: Vec<u32> = (FIRST_UID..=FIRST_UID + UIDS).collect();
    let mut tools = tools();
    let mut fleet = Fleet::start(&uids)?;
    let first = Moment::quiet(&fleet, &mut tools)?;
    let (mut before, mut outcomes) = (None, Vec::new());
    for (i, case) in cases.iter().enumerate() {
        let shape = case.shape;
        say(&format!(
            "{} of {}: {} processes of {} ms, {} threads, {}",
            i + 1,
            cases.len(),
            case.processes(),
            report::burst(shape.burst_usec),
            shape.threads,
            words(shape.ending)
        ));
        let spent = fleet.run(&shape, usize::try_from(UIDS)?)?;
        let spent = spent.iter().fold((0, 0), |s, one| (s.0 + one.children_usec, s.1 + one.own_usec));
        let after = Moment::quiet(&fleet, &mut tools)?;
        outcomes.push(outcome(*case, &uids, [before.as_ref().unwrap_or(&first), &after], spent)?);
        before = Some(after);
    }
    let last = before.unwrap_or(Moment::quiet(&fleet, &mut tools)?);
    let idle = FIRST_UID + UIDS;
    let idle_ns = last.truth_ns.last().zip(first.truth_ns.last()).map_or(0, |(a, b)| a - b);
    ensure!(idle_ns == 0, "uid {idle} was to do nothing and used {idle_ns} ns");
    let wrong = first.credited.iter().zip(&last.credited).map(|pair| {
        let (Some(before), Some(after)) = pair else { return Ok(None) };
        between(before, after, idle).map(Some)
    });
    report::print(&tools, &outcomes, &wrong.collect::<Result<Vec<_>>>()?)
}
