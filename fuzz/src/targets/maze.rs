//! A planted fault. Chance does not find seven given bytes; a fuzzer that follows coverage does, one by one.

use std::hint::black_box;

/// A branch of its own for each byte, so that each step on the way is new coverage.
macro_rules! way {
    ($bytes:ident, $at:expr;) => {
        panic!("the planted fault was found")
    };
    ($bytes:ident, $at:expr; $first:literal $($rest:literal)*) => {
        if $bytes.get($at).copied() == black_box(Some($first)) {
            way!($bytes, $at + 1; $($rest)*)
        }
    };
}

/// Panics with exactly these bytes at the start.
pub(super) fn any(bytes: &[u8]) {
    way!(bytes, 0; b'm' b'4' b'z' b'e' b'o' b'u' b't');
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    vec![b"m".to_vec()]
}
