//! A command's name as the kernel holds it: up to 15 bytes, any bytes, chosen by the process itself.

use crate::limits::COMMAND_MAX_BYTES;
use hostmeter_core::name;

/// A command's name. Never used to decide whom to bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command {
    bytes: [u8; COMMAND_MAX_BYTES],
    len: u8,
}

impl Command {
    /// Keeps the first [`COMMAND_MAX_BYTES`] bytes (names of kernel threads may be longer).
    pub fn new(raw: &[u8]) -> Self {
        let mut out = Self::default();
        for (to, from) in out.bytes.iter_mut().zip(raw) {
            *to = *from;
            out.len = out.len.saturating_add(1);
        }
        out
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The name, escaped for the wire.
    pub fn escaped(&self) -> String {
        name::escape(self.as_bytes())
    }

    /// Whether it is a name that the SSH server gives its processes (`sshd-session` since OpenSSH 9.8).
    pub fn is_sshd(&self) -> bool {
        matches!(self.as_bytes(), b"sshd" | b"sshd-session")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |raw: &[u8], want: &str| assert_eq!(Command::new(raw).escaped(), want);
        check(b"php-fpm", "php-fpm");
        check(b"x) R 0 0\n", "x)%20R%200%200%0A");
        check(b"", "%00");
        check(b"kworker/u8:1-events_unbound", "kworker%2Fu8:1-ev");
        assert!(Command::new(b"sshd-session").is_sshd());
        assert!(!Command::new(b"sshd-x").is_sshd());
    }
}
