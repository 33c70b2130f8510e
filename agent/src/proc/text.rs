//! Small pieces for reading the kernel's texts as bytes.

/// A decimal number made of digits only; `None` if it is empty, holds anything else, or does not fit.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.checked_sub(b'0').filter(|d| *d <= 9)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The words of a line, parted by blanks and tabs.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty())
}

/// Lines `name: value …` as (name, rest).
pub fn fields(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    bytes.split(|b| *b == b'\n').filter_map(|line| {
        let colon = line.iter().position(|b| *b == b':')?;
        Some((line.get(..colon)?, line.get(colon.checked_add(1)?..)?))
    })
}

/// The first number of a field's rest.
pub fn first_number(rest: &[u8]) -> Option<u64> {
    words(rest).next().and_then(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let check = |text: &[u8], want| assert_eq!(number(text), want, "{text:?}");
        check(b"0", Some(0));
        check(b"18446744073709551615", Some(u64::MAX));
        check(b"18446744073709551616", None);
        check(b"", None);
        check(b"-1", None);
        check(b"1 ", None);
        check(b"0x1", None);
    }

    #[test]
    fn field_lines() {
        let text = b"Name:\ta:b\nUid:\t1\t2\nnothing\n:\n";
        let got: Vec<_> = fields(text).collect();
        assert_eq!(got, [(&b"Name"[..], &b"\ta:b"[..]), (b"Uid", b"\t1\t2"), (b"", b"")]);
        assert_eq!(first_number(b"\t1\t2"), Some(1));
        assert_eq!(first_number(b"  12 kB"), Some(12));
        assert_eq!(first_number(b" kB"), None);
    }
}
