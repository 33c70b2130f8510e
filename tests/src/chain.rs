//! What a collector stored of the stack's host, looked at in its own file.

use crate::stack::Stack;
use anyhow::{Result, ensure};
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{Domain, Header, open_payload, peek};
use rusqlite::Connection;
use std::time::Duration;

/// control.db of the stack.
pub fn control(stack: &Stack) -> Result<Connection> {
    let db = Connection::open(stack.path("data/control.db"))?;
    db.busy_timeout(Duration::from_secs(10))?;
    Ok(db)
}

/// A stored batch.
#[derive(Debug)]
pub struct Stored {
    /// Its header.
    pub header: Header,
    /// The envelope as it came.
    pub bytes: Vec<u8>,
    /// What it says.
    pub batch: Batch,
}

/// Every batch that counts, in order. The chain of each epoch must be whole.
pub fn batches(stack: &Stack) -> Result<Vec<Stored>> {
    let db = control(stack)?;
    let mut stmt =
        db.prepare("SELECT epoch, seq, bytes FROM envelope WHERE status = 'billed' ORDER BY epoch, seq")?;
    let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let mut out = Vec::new();
    let mut chain = (0, 0, [0; 32]);
    for row in rows {
        let (epoch, seq, bytes): (i64, i64, Vec<u8>) = row?;
        let header = peek(&bytes)?;
        ensure!(header.stamp.domain == Domain::Batch, "{header:?}");
        if epoch != chain.0 {
            chain = (epoch, 0, [0; 32]);
        }
        ensure!(
            (seq, header.stamp.prev) == (chain.1 + 1, chain.2),
            "batch {seq} of epoch {epoch} does not follow"
        );
        chain = (epoch, seq, header.hash);
        let batch = Batch::decode(&open_payload(&header, &bytes)?)?;
        out.push(Stored { header, bytes, batch });
    }
    Ok(out)
}

/// Every interval that is stored: epoch, number, start and end. None may overlap another, and the chain of each epoch
/// is whole.
pub fn intervals(stack: &Stack) -> Result<Vec<(u64, u64, i64, i64)>> {
    let batches = batches(stack)?;
    let of = |s: &Stored| (s.header.stamp.epoch, s.header.stamp.seq);
    let out: Vec<(u64, u64, i64, i64)> = batches
        .iter()
        .flat_map(|s| s.batch.intervals.iter().map(move |i| (of(s).0, of(s).1, i.from_ms, i.to_ms)))
        .collect();
    let mut times: Vec<(i64, i64)> = out.iter().map(|i| (i.2, i.3)).collect();
    times.sort_unstable();
    let overlap = times.windows(2).find(|w| w[0].1 > w[1].0);
    ensure!(overlap.is_none(), "a time was counted twice: {overlap:?}");
    Ok(out)
}
