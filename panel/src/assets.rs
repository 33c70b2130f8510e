//! Static files, embedded. Their addresses carry a hash of their content, so they may be cached for ever.

/// One embedded file.
#[derive(Debug, Clone, Copy)]
pub struct StaticFile {
    name: &'static str,
    ext: &'static str,
    hash: u64,
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The content.
    pub bytes: &'static [u8],
}

/// Folder of all static files in addresses.
pub const STATIC_PREFIX: &str = "/static/";

/// Every static file.
pub const STATIC: &[StaticFile] = &[STYLE, ICON];

pub(crate) const STYLE: StaticFile =
    file("hostmeter", "css", "text/css; charset=utf-8", include_bytes!("../static/hostmeter.css"));
pub(crate) const ICON: StaticFile =
    file("icon", "svg", "image/svg+xml", include_bytes!("../static/icon.svg"));

const fn file(
    name: &'static str,
    ext: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
) -> StaticFile {
    StaticFile { name, ext, hash: fnv1a(bytes), content_type, bytes }
}

/// FNV-1a, 64 bits: tells versions apart; no protection is built on it.
const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        rest = tail;
    }
    hash
}

impl StaticFile {
    /// Its address, e.g. `/static/hostmeter.0123456789abcdef.css`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{STATIC_PREFIX}{}.{:016x}.{}", self.name, self.hash, self.ext)
    }
}

/// The file at an address such as `/static/hostmeter.0123456789abcdef.css`; `None` also for an old hash.
/// Answer with `Cache-Control: public, max-age=31536000, immutable`.
#[must_use]
pub fn static_file(path: &str) -> Option<&'static StaticFile> {
    STATIC.iter().find(|f| f.url() == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_hash_only() {
        for f in STATIC {
            assert_eq!(static_file(&f.url()).map(|g| g.bytes), Some(f.bytes));
        }
        assert!(
            static_file(&STYLE.url().replace(&format!("{:016x}", STYLE.hash), "0123456789abcdef")).is_none()
        );
        assert!(static_file("/static/hostmeter.css").is_none());
        assert!(static_file("/static/../Cargo.toml").is_none());
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8); // from the reference tables of FNV
    }
}
