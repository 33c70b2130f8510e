//! Where a host goes on after its start: what the collector answers to a host that says what it holds.
//!
//! Either side may have been restored from a backup. The chain of hashes tells what both have: if the highest envelope
//! that both hold is the last of one of them, that one is behind, and only then does the other simply go on.

use crate::ingest::Chain;
use crate::limits::EPOCH_SILENT_MS;
use crate::wire::ack::HostState;
use crate::wire::resume::Resume;

/// What the collector knows beside the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// When the epoch in force last brought something new, or was granted; milliseconds since the epoch.
    pub spoke_ms: i64,
    /// When the host first came with older state than the epoch in force, and was told to wait.
    pub behind_ms: Option<i64>,
    /// The collector's clock.
    pub now_ms: i64,
    /// The newest grant, if this very question brought it: the highest number stored of the epoch before.
    pub granted: Option<u64>,
    /// The question names a time that the collector told just now, so that nobody kept it and sends it again.
    pub is_fresh: bool,
}

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on in the same epoch; everything up to `stored_seq` is stored.
    GoOn {
        /// Highest number stored.
        stored_seq: u64,
    },
    /// The collector was restored and does not know this epoch: take it up, nothing of it is stored.
    TakeUp,
    /// A new epoch, granted now.
    Grant {
        /// Highest number of the host's epoch that is stored as the host holds it.
        stored_seq: u64,
    },
    /// The same answer as before.
    GrantAgain {
        /// As it was.
        stored_seq: u64,
    },
    /// Nothing named is stored: name older ones.
    Older,
    /// The old epoch spoke too recently: ask again after so many milliseconds.
    Wait(i64),
    /// It may be an old question that somebody kept: the host asks again and names the collector's time.
    Stale,
    /// Two copies of one host, or both sides lost what the other had acknowledged: freeze it.
    Fork,
}

/// Decides on a question asked in `epoch`. `stored` gives the header hash stored under a number of that epoch.
pub fn decide(
    chain: &Chain,
    known: &Known,
    epoch: u64,
    asked: &Resume,
    stored: impl Fn(u64) -> Option<[u8; 32]>,
) -> Verdict {
    if let Some(stored_seq) = known.granted {
        return Verdict::GrantAgain { stored_seq };
    }
    if epoch > chain.epoch {
        return if known.is_fresh { Verdict::TakeUp } else { Verdict::Stale };
    }
    let is_stored = |h: &&crate::wire::resume::Held| stored(h.seq) == Some(h.hash.0);
    // What was acknowledged and removed from the host's spool is stored as well.
    let both = asked.held.iter().rev().chain(&asked.before).find(is_stored).map(|h| h.seq);
    let last_seq = asked.last_seq();
    if epoch == chain.epoch {
        let reaches = last_seq >= chain.high_seq || asked.next_seq.is_some_and(|next| next > chain.high_seq);
        let mut known_here = asked.held.iter().filter(|h| h.seq <= chain.high_seq).peekable();
        let at_the_edge = asked.before.filter(|before| before.seq == chain.high_seq);
        let is_compared = known_here.peek().is_some();
        if reaches && known_here.all(|h| is_stored(&h)) {
            match at_the_edge {
                Some(before) if !is_compared && before.hash.0 != chain.high_hash => {}
                // Nothing was compared yet, and the host holds what can be.
                None if !is_compared && asked.has_older && chain.high_seq > 0 => return Verdict::Older,
                _ => return Verdict::GoOn { stored_seq: chain.high_seq },
            }
        }
    }
    let Some(stored_seq) = both.or((!asked.has_older).then_some(0)) else { return Verdict::Older };
    // From here on something changes.
    if !known.is_fresh {
        return Verdict::Stale;
    }
    // The collector has more than that in this epoch or a later one; the host was told that it has more, too.
    let is_frozen = chain.state == HostState::Frozen;
    if asked.acked_seq > stored_seq || is_frozen {
        return Verdict::Fork;
    }
    let silent_ms = known.now_ms.saturating_sub(known.spoke_ms);
    if silent_ms >= EPOCH_SILENT_MS {
        return Verdict::Grant { stored_seq };
    }
    if known.behind_ms.is_some_and(|behind_ms| known.spoke_ms > behind_ms) {
        return Verdict::Fork;
    }
    Verdict::Wait(EPOCH_SILENT_MS.saturating_sub(silent_ms.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::VERSION;
    use crate::wire::key::Hash;
    use crate::wire::resume::{Held, Nonce};

    const NOW_MS: i64 = 100 * EPOCH_SILENT_MS;

    fn hash(seq: u64) -> [u8; 32] {
        [u8::try_from(seq).unwrap(); 32]
    }

    /// What the host holds: numbers whose envelopes are the collector's, then numbers whose envelopes are others.
    fn asked(
        same: std::ops::RangeInclusive<u64>,
        other: std::ops::RangeInclusive<u64>,
        acked_seq: u64,
    ) -> Resume {
        let same = same.map(|seq| Held { seq, hash: Hash(hash(seq)) });
        let other = other.map(|seq| Held { seq, hash: Hash([0xee; 32]) });
        let held: Vec<Held> = same.chain(other).collect();
        let nonce = Nonce([1; 16]);
        let (before, next_seq, at_ms) = (None, None, None);
        Resume { v: VERSION, nonce, acked_seq, held, has_older: false, before, next_seq, at_ms }
    }

    #[expect(clippy::reversed_empty_ranges, reason = "nothing is held")]
    const NONE: std::ops::RangeInclusive<u64> = 1..=0;

    #[test]
    fn one_row_for_each_way_back() {
        let chain = Chain { epoch: 2, high_seq: 9, high_hash: hash(9), state: HostState::Live };
        let silent = Known { spoke_ms: 0, behind_ms: None, now_ms: NOW_MS, granted: None, is_fresh: true };
        let stored = |seq: u64| (1..=9).contains(&seq).then(|| hash(seq));
        let check = |name: &str, chain: &Chain, known: &Known, epoch: u64, asked: &Resume, want| {
            assert_eq!(decide(chain, known, epoch, asked, stored), want, "{name}");
        };
        let go_on = Verdict::GoOn { stored_seq: 9 };
        check("in step", &chain, &silent, 2, &asked(1..=9, NONE, 9), go_on);
        check("new ones are held", &chain, &silent, 2, &asked(7..=9, 10..=12, 9), go_on);
        check("the collector was restored", &chain, &silent, 2, &asked(8..=9, 10..=20, 20), go_on);
        check("all held are new", &chain, &silent, 2, &asked(NONE, 12..=20, 11), go_on);
        let fresh = Chain { high_seq: 0, high_hash: [0; 32], ..chain };
        check("nothing yet", &fresh, &silent, 2, &asked(NONE, NONE, 0), Verdict::GoOn { stored_seq: 0 });
        check("a later epoch", &chain, &silent, 3, &asked(NONE, 1..=4, 4), Verdict::TakeUp);
        check(
            "the host is behind",
            &chain,
            &silent,
            2,
            &asked(3..=6, NONE, 6),
            Verdict::Grant { stored_seq: 6 },
        );
        check(
            "it went another way",
            &chain,
            &silent,
            2,
            &asked(3..=6, 7..=8, 6),
            Verdict::Grant { stored_seq: 6 },
        );
        check("further, too", &chain, &silent, 2, &asked(3..=6, 7..=12, 6), Verdict::Grant { stored_seq: 6 });
        check(
            "its spool is gone",
            &chain,
            &silent,
            2,
            &asked(NONE, NONE, 0),
            Verdict::Grant { stored_seq: 0 },
        );
        check("an old epoch", &chain, &silent, 1, &asked(3..=4, NONE, 0), Verdict::Grant { stored_seq: 4 });
        let older = Resume { has_older: true, ..asked(NONE, 7..=12, 2) };
        check("what both have is older", &chain, &silent, 2, &older, Verdict::Older);
        check("both lost", &chain, &silent, 2, &asked(3..=6, 7..=8, 7), Verdict::Fork);
        let frozen = Chain { state: HostState::Frozen, ..chain };
        check("frozen and behind", &frozen, &silent, 2, &asked(3..=6, NONE, 6), Verdict::Fork);
        check("frozen and in step", &frozen, &silent, 2, &asked(3..=9, NONE, 9), go_on);
        let removed = asked(NONE, 7..=12, 6);
        check("what both have is removed, unnamed", &chain, &silent, 1, &removed, Verdict::Fork);
        let before = |hash| Some(Held { seq: 6, hash: Hash(hash) });
        let named = Resume { before: before(hash(6)), ..removed.clone() };
        check("and named", &chain, &silent, 1, &named, Verdict::Grant { stored_seq: 6 });
        let other = Resume { before: before([7; 32]), ..removed };
        check("and another", &chain, &silent, 1, &other, Verdict::Fork);
        let kept = Known { is_fresh: false, ..silent };
        check("kept, and in step", &chain, &kept, 2, &asked(1..=9, NONE, 9), go_on);
        check("kept, and behind", &chain, &kept, 2, &asked(3..=6, NONE, 6), Verdict::Stale);
        check("kept, and both lost", &chain, &kept, 2, &asked(3..=6, 7..=8, 7), Verdict::Stale);
        check("kept, of a later epoch", &chain, &kept, 3, &asked(NONE, 1..=4, 4), Verdict::Stale);
    }

    /// More is held than can be named at once: nobody goes on before a hash was compared, where one can be.
    #[test]
    fn what_is_held_is_named_page_by_page() {
        let chain = Chain { epoch: 2, high_seq: 9, high_hash: hash(9), state: HostState::Live };
        let silent = Known { spoke_ms: 0, behind_ms: None, now_ms: NOW_MS, granted: None, is_fresh: true };
        let stored = |seq: u64| (1..=9).contains(&seq).then(|| hash(seq));
        let check = |name: &str, asked: &Resume, want| {
            assert_eq!(decide(&chain, &silent, 2, asked, stored), want, "{name}");
        };
        let go_on = Verdict::GoOn { stored_seq: 9 };
        let above = Resume { has_older: true, ..asked(NONE, 12..=20, 11) };
        check("all named are new, and older ones are held", &above, Verdict::Older);
        let paged = |asked: Resume, next| Resume { next_seq: Some(next), has_older: true, ..asked };
        check("then those are named", &paged(asked(5..=9, 10..=11, 9), 12), go_on);
        check("with a hole where it ends", &paged(asked(5..=7, NONE, 9), 12), go_on);
        let diverged = paged(asked(3..=6, 7..=11, 6), 12);
        check("and it went another way", &diverged, Verdict::Grant { stored_seq: 6 });
        let below = paged(asked(3..=6, NONE, 6), 7);
        check("below where it went", &below, Verdict::Grant { stored_seq: 6 });
        let edge =
            |hash| Resume { before: Some(Held { seq: 9, hash: Hash(hash) }), ..asked(NONE, 10..=12, 9) };
        check("held from the edge on", &edge(hash(9)), go_on);
        check("held from another edge on", &edge([7; 32]), Verdict::Fork);
    }

    #[test]
    fn an_epoch_that_speaks_is_not_replaced() {
        let chain = Chain { epoch: 2, high_seq: 9, high_hash: hash(9), state: HostState::Live };
        let stored = |seq: u64| (1..=9).contains(&seq).then(|| hash(seq));
        let behind = asked(3..=6, NONE, 6);
        let check = |ago_ms: i64, behind_ago_ms: Option<i64>, want| {
            let behind_ms = behind_ago_ms.map(|ms| NOW_MS - ms);
            let known =
                Known { spoke_ms: NOW_MS - ago_ms, behind_ms, now_ms: NOW_MS, granted: None, is_fresh: true };
            assert_eq!(decide(&chain, &known, 2, &behind, stored), want);
        };
        check(1_000, None, Verdict::Wait(EPOCH_SILENT_MS - 1_000));
        check(1_000, Some(500), Verdict::Wait(EPOCH_SILENT_MS - 1_000));
        check(1_000, Some(2_000), Verdict::Fork);
        check(-5_000, None, Verdict::Wait(EPOCH_SILENT_MS));
        check(EPOCH_SILENT_MS - 1, None, Verdict::Wait(1));
        check(EPOCH_SILENT_MS, None, Verdict::Grant { stored_seq: 6 });
        check(EPOCH_SILENT_MS, Some(EPOCH_SILENT_MS + 1), Verdict::Grant { stored_seq: 6 });
        let granted =
            Known { spoke_ms: NOW_MS, behind_ms: None, now_ms: NOW_MS, granted: Some(4), is_fresh: false };
        assert_eq!(decide(&chain, &granted, 1, &behind, stored), Verdict::GrantAgain { stored_seq: 4 });
    }
}
