//! The bytes of a transaction and the hash that ties it to the one before.

use super::Txn;
use ring::digest::{Context, SHA256, digest};

/// What stands in the place of a previous hash for the first transaction.
pub const GENESIS: [u8; 32] = [0; 32];

/// First bytes of every transaction's canonical form.
const MAGIC: &[u8] = b"hostmeter-txn-1";

impl Txn {
    /// The canonical bytes that the chain covers: magic, kind, key, effective time, then each entry in the order of
    /// accounts, then each of `attached`: what is stored with the transaction and must not change either (who acted,
    /// what it reverses, the lines of its charges). Texts and attachments follow their length (u32, little endian);
    /// numbers are little endian. When it was recorded belongs in no attachment, so that a second run leaves the same
    /// chain.
    pub fn canonical_bytes(&self, attached: &[&[u8]]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        self.put_payload(&mut out);
        out.extend_from_slice(&self.effective_at_ms().to_le_bytes());
        for bytes in attached {
            out.extend_from_slice(&length(bytes.len()));
            out.extend_from_slice(bytes);
        }
        out
    }

    /// SHA-256 of what was asked for (kind, key, entries), without any time: a repeated request is the same if this
    /// is.
    pub fn payload_hash(&self) -> [u8; 32] {
        let mut out = MAGIC.to_vec();
        self.put_payload(&mut out);
        sized(digest(&SHA256, &out).as_ref())
    }

    fn put_payload(&self, out: &mut Vec<u8>) {
        put_text(out, self.kind().as_str());
        match self.idem_key() {
            // A key is never empty, so that its absence is told apart.
            None => put_text(out, ""),
            Some(key) => put_text(out, key.as_str()),
        }
        out.extend_from_slice(&length(self.entries().len()));
        for entry in self.entries() {
            put_text(out, &entry.account.to_string());
            out.extend_from_slice(&entry.amount.micros().to_le_bytes());
        }
    }
}

/// SHA-256 of the previous hash and the canonical bytes of a transaction.
pub fn chain_hash(previous: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(bytes);
    sized(context.finish().as_ref())
}

fn sized(hash: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(hash) {
        *to = *from;
    }
    out
}

/// Lengths are bounded far below 2^32 by the limits on entries and texts.
fn length(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&length(text.len()));
    out.extend_from_slice(text.as_bytes());
}
