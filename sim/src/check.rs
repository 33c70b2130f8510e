//! What must hold in the end, whatever went wrong before.

use crate::seal::{batch, used_in};
use crate::template::{CUSTOMER, PAID, name};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use hostmeter_collector::db::{Connection, DbError};
use hostmeter_core::limits::FUTURE_MAX_MS;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::header_hash;
use std::collections::{BTreeMap, BTreeSet};

/// An envelope that is stored.
struct Stored {
    host: usize,
    epoch: i64,
    seq: i64,
    received_ms: i64,
    status: String,
    hash: [u8; 32],
    batch: Batch,
}

type Row = (String, i64, i64, i64, String, Option<Vec<u8>>);

fn rows(conn: &Connection) -> Result<Vec<Row>, DbError> {
    let sql = "SELECT h.name, e.epoch, e.seq, e.received_ms, e.status, e.bytes FROM envelope e JOIN host h ON h.id = e.host \
               ORDER BY h.name, e.epoch, e.seq";
    let mut stmt = conn.prepare(sql)?;
    let rows =
        stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn gaps(conn: &Connection) -> Result<Vec<(String, i64, i64, i64)>, DbError> {
    let sql = "SELECT h.name, g.epoch, g.from_seq, g.to_seq FROM gap g JOIN host h ON h.id = g.host";
    let mut stmt = conn.prepare(sql)?;
    let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl World {
    /// Agents sweep a last time and only ship from now on.
    pub(crate) fn rest(&mut self) -> Result<()> {
        self.is_over = true;
        for number in 0..self.hosts.len() {
            self.sweep(number, true)?;
            self.pump(number)?;
        }
        Ok(())
    }

    /// Everything that must hold.
    pub(crate) fn judge(&mut self) -> Result<()> {
        let stored = self.stored()?;
        self.all_arrived()?;
        self.nothing_forged(&stored)?;
        self.nothing_lost(&stored)?;
        self.chains_are_whole(&stored)?;
        let billed: Vec<&Stored> = stored.iter().filter(|s| s.status == "billed").collect();
        self.nothing_twice(&stored)?;
        self.totals_are_what_was_sealed(&billed)?;
        self.ledger_is_the_usage()
    }

    fn stored(&mut self) -> Result<Vec<Stored>> {
        ensure!(self.collector.is_up(), "the collector is down");
        let rows = self.collector.app()?.db.read_blocking(rows)?;
        let mut out = Vec::new();
        for (host, epoch, seq, received_ms, status, bytes) in rows {
            let host =
                (0..crate::template::HOSTS_MAX).find(|n| name(*n) == host).context("an unknown host")?;
            let bytes = bytes.with_context(|| format!("{host}/{epoch}/{seq}: its bytes are gone already"))?;
            out.push(Stored {
                host,
                epoch,
                seq,
                received_ms,
                status,
                hash: header_hash(&bytes),
                batch: batch(&bytes)?,
            });
        }
        Ok(out)
    }

    /// Every host that is there ships, and is acknowledged to its last envelope.
    fn all_arrived(&mut self) -> Result<()> {
        for number in 0..self.hosts.len() {
            let host = self.host(number)?;
            if host.is_gone {
                continue;
            }
            let life = host.life.as_mut().with_context(|| format!("host {number} does not run"))?;
            let (last, acked) = life.standing()?;
            let why = life.complaint();
            ensure!(last == acked, "host {number} has {last} envelopes, {acked} are acknowledged: {why}");
        }
        Ok(())
    }

    fn nothing_forged(&mut self, stored: &[Stored]) -> Result<()> {
        for s in stored {
            let known = self.book.get(&s.hash).is_some_and(|sealed| sealed.host == s.host);
            if !known {
                self.report.forged += 1;
            }
            ensure!(known, "envelope {}/{} of host {} was never sealed by it", s.epoch, s.seq, s.host);
        }
        Ok(())
    }

    fn nothing_lost(&mut self, stored: &[Stored]) -> Result<()> {
        let there: BTreeSet<[u8; 32]> = stored.iter().map(|s| s.hash).collect();
        let mut which = Vec::new();
        for (hash, intervals) in &self.acked {
            self.report.acked += intervals;
            if !there.contains(hash) {
                self.report.lost += intervals;
                which.extend(self.book.get(hash).map(|s| (s.host, s.place)));
            }
        }
        which.sort_unstable();
        let lost = self.report.lost;
        ensure!(lost == 0, "{lost} acknowledged intervals are not stored: (host, (epoch, number)) {which:?}");
        // A host whose clock was set wrong while it was off measures in the future until the collector answers it: that
        // is named, and waits for an admin.
        let is_early = |s: &Stored| s.batch.intervals.iter().any(|i| i.to_ms > s.received_ms + FUTURE_MAX_MS);
        let aside =
            stored.iter().find(|s| s.status != "billed" && !(s.status == "quarantined" && is_early(s)));
        if let Some(s) = aside {
            let alerts = self.collector.get("/v1/alerts")?;
            anyhow::bail!("envelope {}/{} of host {} stays {}: {alerts}", s.epoch, s.seq, s.host, s.status);
        }
        Ok(())
    }

    /// In each epoch every number from 1 on, or a gap with a name.
    fn chains_are_whole(&mut self, stored: &[Stored]) -> Result<()> {
        let gaps = self.collector.app()?.db.read_blocking(gaps)?;
        let mut last: BTreeMap<(usize, i64), i64> = BTreeMap::new();
        for s in stored {
            let at = last.entry((s.host, s.epoch)).or_insert(0);
            let is_named = |from: i64, to: i64| {
                (from..=to).all(|seq| {
                    gaps.iter().any(|(host, epoch, a, b)| {
                        *host == name(s.host) && *epoch == s.epoch && (*a..=*b).contains(&seq)
                    })
                })
            };
            ensure!(
                s.seq == *at + 1 || is_named(*at + 1, s.seq - 1),
                "numbers {} to {} of host {}, epoch {}, are missing without a gap",
                *at + 1,
                s.seq - 1,
                s.host,
                s.epoch
            );
            *at = s.seq;
        }
        Ok(())
    }

    /// No time of a host counts twice, and where nothing old came back, none is left out.
    fn nothing_twice(&mut self, stored: &[Stored]) -> Result<()> {
        let mut times: BTreeMap<usize, Vec<(i64, i64, i64, i64)>> = BTreeMap::new();
        for s in stored {
            let is_tainted = self.hosts.iter().any(|h| h.identity == s.host && h.is_tainted);
            // Of a copy whose clock was wrong, what is set aside may be of a time that the other measured, too.
            if is_tainted && s.status != "billed" {
                continue;
            }
            let of = times.entry(s.host).or_default();
            of.extend(s.batch.intervals.iter().map(|i| (i.from_ms, i.to_ms, s.epoch, s.seq)));
        }
        for (host, mut of) in times {
            of.sort_unstable();
            for pair in of.windows(2) {
                let [before, (from, to, epoch, seq)] = pair else { continue };
                let end = &before.1;
                if from < end {
                    self.report.twice += 1;
                }
                ensure!(
                    from >= end,
                    "host {host}: {from} to {to} of {epoch}/{seq} overlaps {} to {end} of {}/{}",
                    before.0,
                    before.2,
                    before.3
                );
                let is_tainted = self.hosts.iter().any(|h| h.identity == host && h.is_tainted);
                ensure!(is_tainted || from == end, "host {host}: nothing is said of {end} to {from}");
            }
        }
        Ok(())
    }

    fn totals_are_what_was_sealed(&mut self, billed: &[&Stored]) -> Result<()> {
        let mut want: BTreeMap<(usize, u32), i64> = BTreeMap::new();
        for s in billed {
            for (uid, used) in used_in(&s.batch) {
                *want.entry((s.host, uid)).or_insert(0) += used;
            }
        }
        for ((host, uid), want) in want {
            let account = format!("u{uid}@{}", name(host));
            let path = format!(
                "/v1/accounts/{account}/usage?from=2026-11-21T00:00:00Z&to=2026-11-23T00:00:00Z&step=3600&meters=cpu_usec"
            );
            let shown = self.collector.get(&path)?;
            let got = shown["meters"]["cpu_usec"]["total"].as_i64();
            ensure!(got == Some(want), "{account}: {got:?} µs are shown, and {want} were acknowledged");
        }
        Ok(())
    }

    /// What was paid and not used up is there: a µs costs a millionth.
    fn ledger_is_the_usage(&mut self) -> Result<()> {
        self.set_collector_clock();
        self.collector.post("/v1/charge-runs", &serde_json::json!({}), None)?.ok()?;
        self.collector.get("/v1/ledger/verify")?;
        let sql = "SELECT coalesce(sum(u.cpu_usec), 0) FROM usage_hour u JOIN account_owner o \
                   ON o.account = u.account AND o.from_hour <= u.hour WHERE u.charged = 1";
        let charged =
            self.collector.app()?.db.read_blocking(|conn: &Connection| -> Result<i64, DbError> {
                Ok(conn.query_row(sql, [], |r| r.get(0))?)
            })?;
        let shown = self.collector.get(&format!("/v1/customers/{CUSTOMER}/balance"))?;
        let balance = shown["balance"].as_str().context("balance")?;
        let micros: i64 = balance.replace('.', "").parse().with_context(|| balance.to_owned())?;
        ensure!(
            micros == PAID * 1_000_000 - charged,
            "the balance is {balance}, {PAID} were paid and {charged} µs were charged"
        );
        ensure!(charged > 0, "nothing was charged");
        Ok(())
    }
}
