//! The commands of an account that used most since the last list.
//!
//! Names are chosen by the processes themselves, so they are shown, and never decide whom to bill.

use crate::limits::{COMMANDS_MAX, TOP_NAMED_MAX};
use crate::meter::memory::{DoubleKibNs, kib_sec};
use crate::proc::command::Command;
use hostmeter_core::wire::batch::TopCommand;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Name of the line that holds the rest.
const OTHER: &str = "other";

/// What one command used since the last list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandUse {
    /// CPU time, nanoseconds.
    pub cpu_ns: u64,
    /// Memory over time, doubled.
    pub memory: DoubleKibNs,
    /// Processes seen by the last sweep.
    pub processes: u64,
}

impl CommandUse {
    fn add(&mut self, other: &Self) {
        self.cpu_ns = self.cpu_ns.saturating_add(other.cpu_ns);
        self.memory = self.memory.saturating_add(other.memory);
        self.processes = self.processes.saturating_add(other.processes);
    }

    fn listed(&self, command: String) -> TopCommand {
        let fit = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
        TopCommand {
            command,
            cpu_usec: fit(self.cpu_ns / 1_000),
            memory_kib_sec: fit(kib_sec(self.memory)),
            processes: fit(self.processes),
        }
    }
}

/// One account's commands since the last list.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    named: HashMap<Command, CommandUse>,
    other: CommandUse,
}

impl Commands {
    /// Begins a sweep: counts anew who is there.
    pub fn begin(&mut self) {
        self.named.values_mut().for_each(|c| c.processes = 0);
        self.other.processes = 0;
    }

    /// The use of a command; that of `other` once there are [`COMMANDS_MAX`] names.
    pub fn of(&mut self, command: Command) -> &mut CommandUse {
        if self.named.len() >= COMMANDS_MAX && !self.named.contains_key(&command) {
            return &mut self.other;
        }
        self.named.entry(command).or_default()
    }

    /// Gives the list and begins a new one: at most [`TOP_NAMED_MAX`] commands by CPU, then by memory, and `other`.
    /// Empty if the account used no CPU.
    pub fn take(&mut self) -> Vec<TopCommand> {
        let mut rows: Vec<(Command, CommandUse)> = self.named.drain().collect();
        let mut other = std::mem::take(&mut self.other);
        if other.cpu_ns == 0 && rows.iter().all(|(_, u)| u.cpu_ns == 0) {
            return Vec::new();
        }
        rows.sort_unstable_by_key(|(name, u)| (Reverse(u.cpu_ns), Reverse(u.memory), *name));
        let mut list = Vec::new();
        for (command, used) in rows {
            let name = command.escaped();
            // A process that calls itself `other` must not look like the rest.
            if list.len() < TOP_NAMED_MAX && name != OTHER {
                list.push(used.listed(name));
            } else {
                other.add(&used);
            }
        }
        if other != CommandUse::default() {
            list.push(other.listed(OTHER.to_owned()));
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(commands: &mut Commands, name: &str, cpu_usec: u64, kib_sec: u128) {
        let of = commands.of(Command::new(name.as_bytes()));
        of.cpu_ns += cpu_usec * 1_000;
        of.memory += kib_sec * 2_000_000_000;
        of.processes += 1;
    }

    fn lines(list: &[TopCommand]) -> Vec<String> {
        let line =
            |t: &TopCommand| format!("{} {} {} {}", t.command, t.cpu_usec, t.memory_kib_sec, t.processes);
        list.iter().map(line).collect()
    }

    #[test]
    fn most_first_and_the_rest_in_one_line() {
        let mut c = Commands::default();
        for i in 0..12 {
            used(&mut c, &format!("c{i:02}"), 10 + i, 1);
        }
        used(&mut c, "other", 1_000, 0);
        used(&mut c, "big", 21, 50);
        used(&mut c, ") R 0\n", 30, 0);
        let list = c.take();
        let got = lines(&list);
        let first = [")%20R%200%0A 30 0 1", "big 21 50 1", "c11 21 1 1", "c10 20 1 1"];
        assert_eq!(got.get(..4).unwrap(), first);
        assert_eq!(got.last().unwrap(), "other 1046 4 5");
        assert_eq!(list.len(), TOP_NAMED_MAX + 1);
        assert_eq!(c.take(), [], "a list begins anew");
    }

    #[test]
    fn an_idle_account_has_no_list() {
        let mut c = Commands::default();
        used(&mut c, "sleep", 0, 500);
        assert_eq!(c.take(), []);
    }

    #[test]
    fn names_are_bounded_and_nothing_is_lost() {
        let mut c = Commands::default();
        let names = u64::try_from(COMMANDS_MAX).unwrap() + 50;
        for i in 0..names {
            used(&mut c, &format!("n{i}"), 7, 0);
        }
        c.begin();
        assert_eq!(c.named.len(), COMMANDS_MAX);
        let list = c.take();
        assert_eq!(list.iter().map(|t| t.cpu_usec).sum::<i64>(), i64::try_from(names * 7).unwrap());
        assert!(list.iter().all(|t| t.processes == 0));
    }
}
