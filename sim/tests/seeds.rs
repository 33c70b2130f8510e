//! 200 seeds, each twice; `make sim` runs more of them.

use hostmeter_sim::run;
use hostmeter_sim::template::Template;

const SEEDS: u64 = 200;
/// At a time: what a continuous integration machine has.
const THREADS: usize = 2;

#[test]
fn nothing_is_lost_nothing_counts_twice_nothing_is_forged() {
    let template = Template::make().unwrap();
    let all = run::many(&template, 1, SEEDS, THREADS, |_, _| ()).unwrap_or_else(|e| panic!("{e:#}"));
    assert_eq!((all.lost, all.twice, all.forged), (0, 0, 0));
    assert!(all.acked > 100 * SEEDS && all.tried > SEEDS, "{}", all.line(SEEDS));
    // Whatever can go wrong did.
    assert_eq!(all.faults.len(), run::FAULTS, "{:?}", all.faults);
}

#[test]
fn another_seed_is_another_story() {
    let template = Template::make().unwrap();
    let [a, b] = [1, 2].map(|n| run::seed(&template, n).unwrap_or_else(|e| panic!("{e:#}")));
    assert_ne!(a.trace, b.trace);
}
