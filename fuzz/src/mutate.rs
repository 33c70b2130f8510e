//! Changed inputs for the ordinary test: seeded, so that a failure repeats.

/// A repeatable sequence (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub const fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        usize::try_from((self.draw() >> 11).checked_rem(n).unwrap_or(0)).unwrap_or(0)
    }
}

/// Bytes on which parsers turn.
const SHARP: &[&[u8]] = &[
    b"",
    b"\0",
    b"\n",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"0",
    b"1e999",
    b"-0",
    b".",
    b"%",
    b"@",
    b"18446744073709551616",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"4294967295",
    b"null",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xc3\x28",
    b"\\u0000",
    b"\\ud800",
    b" ",
    b"\t",
    b"'",
    b"/../",
    b"&",
    b"=",
    b"+",
];

/// One to four changes of `input`, some of them taken from `other`. At most `max` bytes come back.
pub fn mutate(input: &[u8], other: &[u8], random: &mut Random, max: usize) -> Vec<u8> {
    let mut out = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(out.len().saturating_add(1));
        let to = at.saturating_add(random.below(16)).min(out.len());
        match random.below(7) {
            0 => flip(&mut out, random),
            1 => out.truncate(at),
            2 => drop(out.drain(at..to)),
            3 => put(&mut out, at..at, SHARP[random.below(SHARP.len())]),
            4 => put(&mut out, at..to, SHARP[random.below(SHARP.len())]),
            5 => {
                let piece = out[at..to].to_vec();
                put(&mut out, at..at, &piece);
            }
            _ => {
                let from = random.below(other.len().saturating_add(1));
                let end = from.saturating_add(random.below(64)).min(other.len());
                put(&mut out, at..to, &other[from..end]);
            }
        }
    }
    out.truncate(max);
    out
}

fn put(out: &mut Vec<u8>, at: std::ops::Range<usize>, what: &[u8]) {
    drop(out.splice(at, what.iter().copied()));
}

fn flip(out: &mut [u8], random: &mut Random) {
    let at = random.below(out.len());
    if let Some(byte) = out.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}
