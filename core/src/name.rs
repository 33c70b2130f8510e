//! Names that come from hostile users: user names and command names as the kernel holds them, any bytes.
//!
//! Everything but printable ASCII, and `%`, `@`, `/`, `~`, is written `%NN`, so that a name can stand in an id, a URL,
//! a log line or a page without meaning anything there.

use crate::limits::NAME_MAX_CHARS;

/// Why a text is not an escaped name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Empty or too long.
    #[error("name {0:?} has {1} characters; 1 to {NAME_MAX_CHARS} are allowed")]
    Length(String, usize),
    /// A character that must be escaped.
    #[error("name {0:?} holds {1:?}, which must be written %NN")]
    Unescaped(String, char),
    /// `%` without two upper-case hexadecimal digits.
    #[error("name {0:?} holds a '%' that is not followed by two upper-case hexadecimal digits")]
    BadEscape(String),
}

fn plain(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'%' | b'@' | b'/')
}

/// Escapes raw bytes, cut at [`NAME_MAX_CHARS`] characters without splitting an escape. Empty input gives `%00`,
/// so that no name is ever empty. `~` is escaped too: it separates a reused name from its uid.
pub fn escape(raw: &[u8]) -> String {
    if raw.is_empty() {
        return "%00".to_owned();
    }
    let mut out = String::with_capacity(raw.len());
    for byte in raw {
        let wide = if plain(*byte) && *byte != b'~' { 1 } else { 3 };
        if out.len().saturating_add(wide) > NAME_MAX_CHARS {
            break;
        }
        if wide == 1 {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Checks that a text could have come from [`escape`]; an unescaped `~` is allowed, as in `shop~1042`.
pub fn check(text: &str) -> Result<(), NameError> {
    let len = text.len();
    if len == 0 || len > NAME_MAX_CHARS {
        return Err(NameError::Length(text.to_owned(), len));
    }
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'A'..=b'F'));
            if !(hex(bytes.next()) && hex(bytes.next())) {
                return Err(NameError::BadEscape(text.to_owned()));
            }
        } else if !plain(byte) {
            let bad = text.chars().find(|c| !u8::try_from(*c).is_ok_and(|b| plain(b) || b == b'%'));
            return Err(NameError::Unescaped(text.to_owned(), bad.unwrap_or('?')));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        let check = |raw: &[u8], want: &str| assert_eq!(escape(raw), want);
        check(b"shop", "shop");
        check(b"a b", "a%20b");
        check(b"x) R 0 0\n", "x)%20R%200%200%0A");
        check(b"100%@~/", "100%25%40%7E%2F");
        check(b"\xff\x00", "%FF%00");
        check(b"", "%00");
        assert_eq!(super::check("a b"), Err(NameError::Unescaped("a b".into(), ' ')));
        assert_eq!(super::check("a%2"), Err(NameError::BadEscape("a%2".into())));
        assert_eq!(super::check("shop~1042"), Ok(()));
    }

    proptest! {
        #[test]
        fn escaped_names_pass_the_check(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
            let text = escape(&raw);
            prop_assert_eq!(super::check(&text), Ok(()));
            prop_assert!(text.len() <= NAME_MAX_CHARS);
        }
    }
}
