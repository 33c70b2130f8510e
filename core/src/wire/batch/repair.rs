//! A batch without what is known already: for a host that was restored and measured a time twice.

use super::{AccountUsage, Batch, HostTotals, Interval};
use crate::interval::part_within;

impl Batch {
    /// What the batch says of the time after `ms`. An interval that began before is split in proportion, so that its
    /// two parts add up. Its list of commands is left out, as it cannot be split. Outcomes stay.
    #[must_use]
    pub fn after(mut self, ms: i64) -> Self {
        self.intervals.retain(|i| i.to_ms > ms);
        self.intervals.iter_mut().filter(|i| i.from_ms < ms).for_each(|i| i.cut_before(ms));
        if self.intervals.is_empty() {
            (self.part, self.parts) = (1, 1);
        }
        self
    }
}

impl Interval {
    fn cut_before(&mut self, ms: i64) {
        let (from_ms, to_ms) = (self.from_ms, self.to_ms);
        let later = |quantity: i64| part_within(quantity, from_ms, to_ms, ms, to_ms);
        self.accounts.iter_mut().for_each(|a| a.keep(&later));
        if let Some(host) = &mut self.host {
            host.keep(&later);
        }
        self.from_ms = ms;
    }
}

impl AccountUsage {
    fn keep(&mut self, later: &impl Fn(i64) -> i64) {
        let cut = |(meter, value): (crate::meter::Meter, i64)| {
            (meter, if meter.is_flow() { later(value) } else { value })
        };
        self.values = self.values.iter().map(cut).collect();
        self.top.clear();
    }
}

impl HostTotals {
    fn keep(&mut self, later: &impl Fn(i64) -> i64) {
        let (busy, accounts, system) = (self.busy_usec, self.accounts_usec, self.system_usec);
        self.busy_usec = busy.map(later);
        self.accounts_usec = accounts.map(later);
        self.system_usec = system.map(later);
        // By the others, so that it stays their difference.
        let left = |busy: i64, accounts: i64, system| busy.checked_sub(accounts)?.checked_sub(system);
        if let (Some(busy), Some(accounts), Some(system)) =
            (self.busy_usec, self.accounts_usec, self.system_usec)
        {
            self.remainder_usec = self.remainder_usec.and(left(busy, accounts, system));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Meter;
    use crate::wire::VERSION;
    use crate::wire::batch::{AgentInfo, Coverage, TopCommand};

    fn interval(from_ms: i64, to_ms: i64) -> Interval {
        let top = TopCommand { command: "php".to_owned(), cpu_usec: 9, memory_kib_sec: 0, processes: 1 };
        let values = [(Meter::CpuUsec, 1_001), (Meter::Processes, 3)].into_iter().collect();
        Interval {
            from_ms,
            to_ms,
            host: Some(HostTotals {
                cpus: 2,
                busy_usec: Some(2_003),
                accounts_usec: Some(1_001),
                system_usec: Some(900),
                remainder_usec: Some(102),
                ..HostTotals::default()
            }),
            accounts: vec![AccountUsage { uid: 1_000, values, top: vec![top], ..AccountUsage::default() }],
            gaps: vec![],
        }
    }

    #[test]
    fn only_what_comes_after_stays() {
        let batch = Batch {
            v: VERSION,
            tier: "ebpf".to_owned(),
            coverage: Coverage::default(),
            agent: AgentInfo::default(),
            part: 1,
            parts: 1,
            outcomes: vec![],
            intervals: vec![interval(0, 1_000), interval(1_000, 2_000), interval(2_000, 3_000)],
        };
        let check = |ms: i64, want: &[(i64, i64, i64, i64)]| {
            let after = batch.clone().after(ms);
            let got = after.intervals.iter().map(|i| {
                let host = i.host.as_ref().unwrap();
                let sum =
                    host.accounts_usec.unwrap() + host.system_usec.unwrap() + host.remainder_usec.unwrap();
                assert_eq!(host.busy_usec.unwrap(), sum, "the remainder is the difference");
                assert_eq!(i.accounts[0].values.get(Meter::Processes), Some(3), "a level is no quantity");
                assert_eq!(i.accounts[0].top.is_empty(), i.from_ms == ms && ms % 1_000 != 0);
                (
                    i.from_ms,
                    i.to_ms,
                    i.accounts[0].values.get(Meter::CpuUsec).unwrap(),
                    host.accounts_usec.unwrap(),
                )
            });
            assert_eq!(got.collect::<Vec<_>>(), want, "{ms}");
            Batch::decode(&after.encode().unwrap()).unwrap();
        };
        let last = (2_000, 3_000, 1_001, 1_001);
        check(0, &[(0, 1_000, 1_001, 1_001), (1_000, 2_000, 1_001, 1_001), last]);
        check(1_000, &[(1_000, 2_000, 1_001, 1_001), last]);
        check(1_500, &[(1_500, 2_000, 501, 501), last]);
        check(1_999, &[(1_999, 2_000, 2, 2), last]);
        check(3_000, &[]);
    }
}
