//! Trying mutations: each test is green without, and red with its mutation.

use super::bench::{Bench, Said};
use super::known::Known;
use super::{Mutant, copy, read};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// What became of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Caught,
    /// The test did not end in time, which is red, too.
    Hung,
    Survived,
    /// The mutation is none.
    NotBuilt(String),
    /// The test is of no use here: red without the mutation, or skipped.
    NoTest(String),
}

/// Words of the file of results.
const GREEN: &str = "green";
const CAUGHT: &str = "caught";
const HUNG: &str = "hung";

/// Tries the mutations whose name holds one of `wanted`, or all. What was found of the same source before is not tried
/// again, unless `is_fresh`. Returns whether every one was caught.
pub fn run(
    root: &Path,
    target: &Path,
    wanted: &[String],
    is_fresh: bool,
    say: &mut dyn FnMut(&str),
) -> Result<bool> {
    let mut mutants = read(root)?.mutant;
    mutants.retain(|m| wanted.is_empty() || wanted.iter().any(|w| m.name.contains(w)));
    ensure!(!mutants.is_empty(), "no mutation has a name with {wanted:?}");
    // What depends on the core is built anew with it, so that mutations of one package are tried together.
    mutants.sort_by(|a, b| {
        (&a.package, &a.test, &a.file, &a.case).cmp(&(&b.package, &b.test, &b.file, &b.case))
    });
    let dir = target.join("mutants");
    let tree = dir.join("tree");
    std::fs::create_dir_all(&tree).with_context(|| tree.display().to_string())?;
    let lock = File::create(dir.join("lock"))?;
    ensure!(lock.try_lock().is_ok(), "{}: mutations are being tried there already", dir.display());
    copy::bring_up_to_date(root, &tree)?;
    let mut known = Known::open(&dir.join("results"), &tree, is_fresh)?;
    let bench = Bench::new(&dir);
    for group in mutants.chunk_by(|a, b| (&a.package, &a.test) == (&b.package, &b.test)) {
        try_all_without(&bench, &mut known, group)?;
    }
    let mut fates = Vec::new();
    for mutant in mutants {
        let begun = Instant::now();
        let fate = try_out(&bench, &mut known, &mutant)?;
        say(&line(&mutant, &fate, begun.elapsed()));
        fates.push(fate);
    }
    let count = |is: fn(&Fate) -> bool| fates.iter().filter(|f| is(f)).count();
    let caught = count(|f| matches!(f, Fate::Caught | Fate::Hung));
    let survived = count(|f| *f == Fate::Survived);
    let not_tried = fates.len() - caught - survived;
    let rest = if not_tried == 0 { String::new() } else { format!(", {not_tried} not tried") };
    say(&format!("mutants: {caught} caught, {survived} survived{rest}"));
    Ok(caught == fates.len())
}

/// The tests of one file without any mutation, all at once. Those that are not green here are looked at one by one.
fn try_all_without(bench: &Bench, known: &mut Known, group: &[Mutant]) -> Result<()> {
    let mut open = Vec::new();
    for mutant in group {
        let (without, with) = (known.without(mutant)?, known.with(mutant)?);
        if known.get(&without).is_none() && known.get(&with).is_none() {
            open.push(mutant);
        }
    }
    let green = bench.green(&open)?;
    for mutant in open.into_iter().filter(|m| green.contains(&m.case)) {
        let without = known.without(mutant)?;
        known.add(&without, GREEN, &mutant.case)?;
    }
    Ok(())
}

/// Only what is good is remembered: whatever else there is, is looked at again.
fn try_out(bench: &Bench, known: &mut Known, mutant: &Mutant) -> Result<Fate> {
    let (without, with) = (known.without(mutant)?, known.with(mutant)?);
    match known.get(&with) {
        Some(CAUGHT) => return Ok(Fate::Caught),
        Some(HUNG) => return Ok(Fate::Hung),
        _ => {}
    }
    if known.get(&without) != Some(GREEN) {
        if let Some(why) = useless(bench, mutant)? {
            return Ok(Fate::NoTest(why));
        }
        known.add(&without, GREEN, &mutant.case)?;
    }
    let fate = match bench.with(mutant)? {
        Said::NotBuilt(why) => Fate::NotBuilt(why),
        Said::Green => Fate::Survived,
        Said::Skipped => Fate::NoTest("the test skips itself".to_owned()),
        Said::Red(_) => Fate::Caught,
        Said::Hung => Fate::Hung,
    };
    match fate {
        Fate::Caught => known.add(&with, CAUGHT, &mutant.name)?,
        Fate::Hung => known.add(&with, HUNG, &mutant.name)?,
        _ => {}
    }
    Ok(fate)
}

/// Why the test cannot tell anything; `None`: it is green.
fn useless(bench: &Bench, mutant: &Mutant) -> Result<Option<String>> {
    Ok(match bench.run(mutant)? {
        Said::NotBuilt(why) => bail!("{}: does not compile without any mutation:\n{why}", mutant.package),
        Said::Skipped => Some("the test skips itself here; run it as root".to_owned()),
        Said::Green => None,
        Said::Red(text) => Some(format!("the test is red without the mutation:\n{text}")),
        Said::Hung => Some("the test hangs without the mutation".to_owned()),
    })
}

fn line(mutant: &Mutant, fate: &Fate, took: Duration) -> String {
    let (word, why) = match fate {
        Fate::Caught => ("caught", ""),
        Fate::Hung => ("hung", ""),
        Fate::Survived => ("SURVIVED", mutant.breaks.as_str()),
        Fate::NotBuilt(why) => ("NOT BUILT", why.as_str()),
        Fate::NoTest(why) => ("NOT TRIED", why.as_str()),
    };
    let line = format!("{word:<10} {:<44} {:>4} s  {}", mutant.name, took.as_secs(), mutant.case);
    if why.is_empty() { line } else { format!("{line}\n           {}", why.replace('\n', "\n           ")) }
}
