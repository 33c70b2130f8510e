//! The exported ledger: every entry once in each form, in pages; and hledger's balances are the ledger's own.

use crate::billing::export::{Format, last_txn, page};
use crate::billing::testing::{CENT, START, World};
use hostmeter_core::meter::Meter;
use hostmeter_core::units::UtcHour;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// A ledger with a few kinds.
fn world() -> World {
    let w = World::new();
    w.add_customer("c-1");
    w.add_customer("c-2");
    w.account(1, "a@cloud", Some("c-1"));
    w.account(2, "b@cloud", Some("c-2"));
    w.topup("c-1", "10.5", "p;1,\"x\"");
    w.topup("c-2", "0.000001", "p-2");
    for back in 1..6 {
        w.uses(1, UtcHour(START.0 - back), Meter::CpuUsec, back * CENT + 7);
        w.uses(2, UtcHour(START.0 - back), Meter::NetTxBytes, back << 29);
    }
    w.charge();
    w
}

fn export(w: &World, format: Format, rows: usize) -> String {
    let last = w.read(last_txn);
    let (mut out, mut after) = (format.head("EUR"), 0);
    loop {
        let found = w.read(|c| page(c, after, last, rows));
        let Some(end) = found.last() else { return out };
        after = end.txn;
        for row in &found {
            format.put(&mut out, row, "EUR");
        }
    }
}

#[test]
fn pages_of_any_size_are_the_same_text() {
    let w = world();
    for format in [Format::Csv, Format::Jsonl, Format::Hledger] {
        let whole = export(&w, format, 1_000);
        for rows in [1, 2, 3] {
            assert_eq!(export(&w, format, rows), whole, "{format:?}");
        }
        let name = format!("{format:?}");
        insta::assert_snapshot!(name, whole.replace('\r', ""));
    }
    let entries: usize = w.one("SELECT count(*) FROM entry").parse().unwrap();
    assert_eq!(export(&w, Format::Csv, 2).matches("\r\n").count(), entries + 1);
    for line in export(&w, Format::Jsonl, 2).lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let sum: f64 = object["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["amount"].as_str().unwrap().parse::<f64>().unwrap())
            .sum();
        assert!(sum.abs() < 1e-9, "{line}");
    }
}

/// hledger itself reads the journal and adds it up. `packaging/deps test` installs it.
#[test]
fn hledger_comes_to_the_same_balances() {
    let w = world();
    let args = ["-f", "-", "balance", "--flat", "--empty", "--no-total", "--layout=bare", "-O", "csv"];
    let mut hledger = Command::new("hledger")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .env("LC_ALL", "C.UTF-8")
        .spawn()
        .expect("hledger is needed: run packaging/deps test");
    hledger.stdin.take().unwrap().write_all(export(&w, Format::Hledger, 3).as_bytes()).unwrap();
    let out = hledger.wait_with_output().unwrap();
    assert!(out.status.success(), "hledger refused the journal");
    let text = String::from_utf8(out.stdout).unwrap();
    let got: BTreeMap<String, String> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|f| f.trim_matches('"').to_owned()).collect::<Vec<_>>())
        .map(|f| (f[0].rsplit(':').next().unwrap().to_owned(), f[2].clone()))
        .collect();
    let want: BTreeMap<String, String> = w.read(|c| {
        let mut stmt = c.prepare("SELECT a.name, b.amount FROM balance b JOIN ledger_account a ON a.id = b.account WHERE b.amount <> 0")?;
        let rows = stmt.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?)))?;
        Ok(rows
            .map(|r| r.unwrap())
            .map(|(name, micros)| {
                let name = name.rsplit(':').next().unwrap().to_owned();
                (name, hostmeter_core::money::Money::from_micros(-micros).to_string())
            })
            .collect())
    });
    assert_eq!(got, want, "{text}");
    assert!(want.len() >= 4, "{want:?}");
}
