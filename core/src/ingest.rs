//! What the collector answers to an envelope whose signature is verified: the host's chain, row by row.

use crate::wire::ack::HostState;
use crate::wire::envelope::Header;

/// Where a host's chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The epoch in force.
    pub epoch: u64,
    /// Highest sequence number stored without a hole; 0 if none.
    pub high_seq: u64,
    /// Header hash of that envelope, zero at 0: the next one's `prev`.
    pub high_hash: [u8; 32],
    /// How the host is treated.
    pub state: HostState,
}

/// What to do with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Store it with the new high, then acknowledge. Bill it only if `billed`.
    Store {
        /// Whether it counts for hour totals now.
        billed: bool,
    },
    /// Stored before: acknowledge again, change nothing.
    AckAgain,
    /// Two copies of one host: keep the bytes aside, freeze the host, answer 409 FORK.
    Fork,
    /// A hole: answer 409 WANT with the number expected.
    Want(u64),
    /// An epoch that was never granted: answer 409 RESUME.
    Resume,
}

/// What to do with word of numbers that a host lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapVerdict {
    /// All after the highest number stored is lost up to the gap's end: the gap's `next_prev` is expected now.
    Fill,
    /// All of it is stored or was said to be lost before: acknowledge, change nothing.
    AckAgain,
    /// Numbers before it are missing, too: answer 409 WANT with the number expected.
    Want(u64),
    /// An epoch that was never granted: answer 409 RESUME.
    Resume,
    /// The old epoch of a host that goes on in a new one: keep the bytes aside, freeze the host, answer 409 FORK.
    Fork,
}

/// Decides on numbers `lost`, first and last. They never replace what is stored.
pub fn decide_gap(chain: &Chain, epoch: u64, lost: (u64, u64)) -> GapVerdict {
    let next = chain.high_seq.saturating_add(1);
    if epoch > chain.epoch || epoch == 0 {
        GapVerdict::Resume
    } else if epoch < chain.epoch {
        GapVerdict::Fork
    } else if lost.1 < next {
        GapVerdict::AckAgain
    } else if lost.0 > next {
        GapVerdict::Want(next)
    } else {
        GapVerdict::Fill
    }
}

/// Decides. `stored_hash` is the header hash stored under the envelope's epoch and number, if any.
pub fn decide(chain: &Chain, header: &Header, stored_hash: Option<[u8; 32]>) -> Verdict {
    let (epoch, seq) = (header.stamp.epoch, header.stamp.seq);
    if epoch > chain.epoch || epoch == 0 || seq == 0 {
        return Verdict::Resume;
    }
    match stored_hash {
        Some(hash) if hash == header.hash => return Verdict::AckAgain,
        Some(_) => return Verdict::Fork,
        None => {}
    }
    if epoch < chain.epoch || seq <= chain.high_seq {
        return Verdict::Fork;
    }
    let next = chain.high_seq.saturating_add(1);
    if seq > next {
        return Verdict::Want(next);
    }
    if header.stamp.prev != chain.high_hash {
        return Verdict::Fork;
    }
    Verdict::Store { billed: chain.state == HostState::Live }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BootId, HostId};
    use crate::wire::envelope::{Domain, Stamp, peek, seal};
    use crate::wire::key::SigningKey;

    fn header(epoch: u64, seq: u64, prev: [u8; 32]) -> Header {
        let stamp = Stamp {
            domain: Domain::Batch,
            host: HostId([1; 16]),
            epoch,
            seq,
            prev,
            boot: BootId([2; 16]),
            wall_ns: 1,
            boottime_ns: 1,
        };
        peek(&seal(&stamp, b"x", &SigningKey::from_seed(&[1; 32]).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn gaps_fill_only_what_is_not_stored() {
        let chain = Chain { epoch: 2, high_seq: 5, high_hash: [5; 32], state: HostState::Live };
        let check = |epoch: u64, lost: (u64, u64), want| assert_eq!(decide_gap(&chain, epoch, lost), want);
        check(2, (6, 9), GapVerdict::Fill);
        check(2, (4, 9), GapVerdict::Fill);
        check(2, (6, 6), GapVerdict::Fill);
        check(2, (1, 5), GapVerdict::AckAgain);
        check(2, (7, 9), GapVerdict::Want(6));
        check(1, (6, 9), GapVerdict::Fork);
        check(3, (1, 9), GapVerdict::Resume);
        check(0, (6, 9), GapVerdict::Resume);
    }

    #[test]
    fn one_row_for_each_row_of_the_table() {
        let live = Chain { epoch: 2, high_seq: 5, high_hash: [5; 32], state: HostState::Live };
        let check = |chain: Chain, h: Header, stored, want| assert_eq!(decide(&chain, &h, stored), want);
        let next = header(2, 6, [5; 32]);
        check(live, next, None, Verdict::Store { billed: true });
        check(Chain { state: HostState::Pending, ..live }, next, None, Verdict::Store { billed: false });
        check(Chain { state: HostState::Frozen, ..live }, next, None, Verdict::Store { billed: false });
        check(live, next, Some(next.hash), Verdict::AckAgain);
        check(live, next, Some([9; 32]), Verdict::Fork);
        check(live, header(2, 6, [4; 32]), None, Verdict::Fork);
        check(live, header(2, 5, [4; 32]), None, Verdict::Fork);
        check(live, header(2, 8, [5; 32]), None, Verdict::Want(6));
        check(live, header(3, 1, [0; 32]), None, Verdict::Resume);
        check(live, header(0, 1, [0; 32]), None, Verdict::Resume);
        check(live, header(2, 0, [5; 32]), None, Verdict::Resume);
        let old = header(1, 3, [2; 32]);
        check(live, old, Some(old.hash), Verdict::AckAgain);
        check(live, old, None, Verdict::Fork);
        // Also with a number that this epoch has not reached, and as if it continued this epoch.
        check(live, header(1, 9, [2; 32]), None, Verdict::Fork);
        check(live, header(1, 6, [5; 32]), None, Verdict::Fork);
        let fresh = Chain { epoch: 1, high_seq: 0, high_hash: [0; 32], state: HostState::Live };
        check(fresh, header(1, 1, [0; 32]), None, Verdict::Store { billed: true });
        check(fresh, header(1, 1, [1; 32]), None, Verdict::Fork);
    }
}
