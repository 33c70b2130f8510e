//! What goes wrong, and what people do about it.

use crate::host::Host;
use crate::net::Request;
use crate::template::{CUSTOMER, name};
use crate::world::{Event, World};
use anyhow::{Context, Result, ensure};
use hostmeter_core::wire::envelope::{open_payload, peek, seal};
use hostmeter_core::wire::key::SigningKey;
use serde_json::json;

/// A fault every so often, ms.
const EVERY_MS: i64 = 240_000;
/// How often people and timers look after the collector, ms.
const CHORE_MS: i64 = 300_000;
/// Every so many chores a backup.
const BACKUP_CHORES: u64 = 8;

/// Kinds of faults.
pub(crate) const COUNT: usize = FAULTS.len();

/// Lets something go wrong with a host.
type Run = fn(&mut World, usize) -> Result<()>;

/// What can go wrong, and how often one is it among the others.
const FAULTS: &[(&str, u32, Run)] = &[
    ("kill", 4, |w, h| w.stop_agent(h, false)),
    ("power cut", 4, |w, h| w.stop_agent(h, true)),
    ("kill in a step", 4, |w, h| w.stop_in_step(h, false)),
    ("power cut in a step", 4, |w, h| w.stop_in_step(h, true)),
    ("network cut", 3, World::cut_off),
    ("disk full", 2, World::fill_disk),
    ("failed sync", 3, World::fail_sync),
    ("wall clock stepped", 2, World::step_clock),
    ("collector killed", 3, |w, _| w.kill_collector()),
    ("collector lost", 1, |w, _| w.lose_collector()),
    ("collector's power cut", 3, |w, _| w.cut_collector()),
    ("collector's clock stepped", 2, |w, _| w.step_collector()),
    ("agent restored", 1, World::restore_agent),
    ("host copied", 1, World::copy_host),
];

impl World {
    /// Everybody starts, and faults begin.
    pub(crate) fn begin(&mut self) -> Result<()> {
        for host in 0..self.hosts.len() {
            let ms = self.rng.i64(1..30_000);
            self.after(ms, Event::Start { host, reboots: false });
        }
        self.after(CHORE_MS, Event::Chore);
        self.after(EVERY_MS, Event::Fault);
        Ok(())
    }

    /// Nothing goes wrong from now on, and what is broken is mended.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
        self.collector.wall_off_ms = 0;
        self.set_collector_clock();
        for host in &mut self.hosts {
            host.disk.ill(|ill| *ill = crate::disk::Ill::default());
            host.cut_until_ms = 0;
            if host.is_copy() {
                host.life = None;
                host.is_gone = true;
            }
        }
    }

    /// One of the faults.
    pub(crate) fn go_wrong(&mut self) -> Result<()> {
        if self.is_calm {
            return Ok(());
        }
        let all: u32 = FAULTS.iter().map(|f| f.1).sum();
        let mut drawn = self.rng.u32(..all);
        let host = self.rng.usize(..self.hosts.len());
        let fault = FAULTS.iter().find(|f| {
            let is_it = drawn < f.1;
            drawn = drawn.saturating_sub(f.1);
            is_it
        });
        let (what, _, run) = fault.context("no fault")?;
        self.note(&format_args!("fault: {what}, host {host}"));
        *self.report.faults.entry(what).or_insert(0) += 1;
        run(self, host)?;
        let ms = self.rng.i64(1..EVERY_MS * 2);
        self.after(ms, Event::Fault);
        Ok(())
    }

    fn stop_agent(&mut self, number: usize, is_cut: bool) -> Result<()> {
        let pause_ms = self.rng.i64(1_000..180_000);
        let host = self.host(number)?;
        if host.life.take().is_none() {
            return Ok(());
        }
        if is_cut {
            let left = host.disk.cut()?;
            host.disk.put(&left)?;
        }
        self.after(pause_ms, Event::Start { host: number, reboots: is_cut });
        Ok(())
    }

    fn stop_in_step(&mut self, number: usize, is_cut: bool) -> Result<()> {
        let steps = self.rng.u32(..24);
        self.host(number)?.disk.ill(|ill| ill.stops_at = Some((steps, is_cut)));
        Ok(())
    }

    fn cut_off(&mut self, number: usize) -> Result<()> {
        let until_ms = self.now_ms.saturating_add(self.rng.i64(10_000..2_400_000));
        self.host(number)?.cut_until_ms = until_ms;
        Ok(())
    }

    fn fill_disk(&mut self, number: usize) -> Result<()> {
        let ms = self.rng.i64(10_000..1_200_000);
        self.host(number)?.disk.ill(|ill| ill.is_full = true);
        self.after(ms, Event::Heal { host: number });
        Ok(())
    }

    fn fail_sync(&mut self, number: usize) -> Result<()> {
        self.host(number)?.disk.ill(|ill| ill.fails_sync = true);
        Ok(())
    }

    fn step_clock(&mut self, number: usize) -> Result<()> {
        let by_ms = self.rng.i64(-5_400_000..5_400_000);
        let host = self.host(number)?;
        host.wall_off_ms = host.wall_off_ms.saturating_add(by_ms);
        Ok(())
    }

    fn kill_collector(&mut self) -> Result<()> {
        if self.collector.is_up() {
            self.collector.kill()?;
            let ms = self.rng.i64(1_000..300_000);
            self.after(ms, Event::Serve);
        }
        Ok(())
    }

    /// Both sides may come back with older state, but not from the same time: what nobody has cannot come back.
    fn lose_collector(&mut self) -> Result<()> {
        if !self.collector.is_up() || self.backups == 0 || self.hosts.iter().any(|h| h.is_tainted) {
            return Ok(());
        }
        self.collector.lose_and_restore()?;
        let ms = self.rng.i64(1_000..600_000);
        self.after(ms, Event::Serve);
        self.is_restored = true;
        Ok(())
    }

    fn restore_agent(&mut self, number: usize) -> Result<()> {
        let at = self.rng.usize(..16);
        let is_restored = self.is_restored;
        let host = self.host(number)?;
        let Some(kept) = host.kept.get(at.min(host.kept.len().saturating_sub(1))).cloned() else {
            return Ok(());
        };
        if is_restored || host.is_copy() || host.life.take().is_none() {
            return Ok(());
        }
        host.is_tainted = true;
        host.disk.put(&kept)?;
        let ms = self.rng.i64(10_000..600_000);
        self.after(ms, Event::Start { host: number, reboots: true });
        Ok(())
    }

    fn copy_host(&mut self, number: usize) -> Result<()> {
        let (is_restored, now_ms, copies) = (self.is_restored, self.now_ms, self.hosts.len());
        let to = self.dir.path().join(format!("agent{copies}"));
        let host = self.host(number)?;
        if is_restored || host.is_copy() || host.life.is_none() || copies >= 8 {
            return Ok(());
        }
        host.is_tainted = true;
        let (tree, identity) = (crate::disk::tree(&host.dir)?, host.identity);
        crate::collector::copy_dir(&host.dir, &to)?;
        let mut copy = Host::new(identity, &to, &mut self.rng, now_ms)?;
        copy.disk.put(&tree)?;
        copy.become_copy();
        self.hosts.push(copy);
        let (begin_ms, end_ms) = (self.rng.i64(10_000..300_000), self.rng.i64(400_000..2_400_000));
        self.after(begin_ms, Event::Start { host: copies, reboots: true });
        self.after(end_ms, Event::SwitchOff { host: copies });
        Ok(())
    }

    /// Starts the collector.
    pub(crate) fn serve(&mut self) -> Result<()> {
        if self.collector.is_up() {
            return Ok(());
        }
        self.note(&format_args!("the collector starts"));
        self.collector.open()
    }

    /// What people and timers do: charge, back up, thaw hosts whose copy is gone, give accounts to their customer.
    pub(crate) fn chore(&mut self) -> Result<()> {
        self.after(CHORE_MS, Event::Chore);
        for number in 0..self.hosts.len() {
            let host = self.host(number)?;
            if host.life.is_some() && host.kept.len() < 16 {
                let tree = crate::disk::tree(&host.dir)?;
                host.kept.push(tree);
            }
        }
        if !self.collector.is_up() {
            return Ok(());
        }
        self.collector.look()?;
        self.assign()?;
        self.charge()?;
        self.chores = self.chores.saturating_add(1);
        if self.chores.is_multiple_of(BACKUP_CHORES) {
            self.collector.back_up()?;
            self.backups = self.backups.saturating_add(1);
            let count = self.backups;
            self.note(&format_args!("backup {count}"));
        }
        self.thaw()
    }

    fn assign(&mut self) -> Result<()> {
        let accounts = self.collector.get("/v1/accounts?limit=100")?;
        for account in accounts["accounts"].as_array().context("accounts")? {
            if account["customer"].is_null() {
                let id = account["id"].as_str().context("id")?;
                self.collector.put(&format!("/v1/accounts/{id}/customer"), &json!({"customer": CUSTOMER}))?;
            }
        }
        Ok(())
    }

    /// An admin who looks thaws a host once there is only one of it, and restarts its agent.
    fn thaw(&mut self) -> Result<()> {
        let list = self.collector.get("/v1/hosts?limit=100")?;
        for shown in list["hosts"].as_array().context("hosts")? {
            let Some(number) = self.hosts.iter().position(|h| shown["id"] == name(h.identity)) else {
                continue;
            };
            let has_copy = self.hosts.iter().any(|h| h.identity == number && h.is_copy() && !h.is_gone);
            if has_copy {
                continue;
            }
            if shown["state"] == "frozen" {
                self.collector.post(&format!("/v1/hosts/{}/thaw", name(number)), &json!({}), None)?.ok()?;
                self.note(&format_args!("host {number}: thawed"));
            }
            let host = self.host(number)?;
            if host.life.as_ref().is_some_and(crate::life::Life::is_stopped) {
                host.life = None;
                self.after(1_000, Event::Start { host: number, reboots: false });
            }
        }
        Ok(())
    }

    /// Somebody on the way tries to be a host, with what he saw and with a key of his own.
    pub(crate) fn forge(&mut self, number: usize, request: &Request) -> Result<()> {
        let mut body = request.body.clone();
        let mut path = request.path;
        match self.rng.u8(..4) {
            0 => {
                let bit = self.rng.usize(..body.len().saturating_mul(8));
                if let Some(byte) = body.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            1 => {
                // Another host's key, or nobody's, for this host.
                let stamp = peek(&body)?.stamp;
                let payload = open_payload(&peek(&body)?, &body)?;
                let other = u8::try_from(number)?.saturating_add(if self.rng.bool() { 2 } else { 100 });
                body = seal(&stamp, &payload, &SigningKey::from_seed(&[other; 32])?)?;
            }
            2 => body.truncate(self.rng.usize(..body.len())),
            _ => path = if path == "/v1/batches" { "/v1/gaps" } else { "/v1/batches" },
        }
        let answer = self.collector.deliver(path, body)?;
        self.report.tried += 1;
        if answer.status == 200 {
            self.report.forged += 1;
        }
        ensure!(answer.status != 200, "a forged {path} was taken");
        if !self.sent.is_empty() {
            // What was sent before, once more: it is nobody's forgery, and must change nothing.
            let (_, path, body) = self.sent[self.rng.usize(..self.sent.len())].clone();
            let _nothing_new = self.collector.deliver(path, body)?;
        }
        Ok(())
    }
}
