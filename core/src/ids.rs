//! Identifiers. Each is parsed once at the border and trusted afterwards.

use crate::name::{self, NameError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Why a text is not an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// Empty or longer than allowed.
    #[error("{kind} {text:?} has {len} characters; 1 to {max} are allowed")]
    Length {
        /// Which identifier.
        kind: &'static str,
        /// The text given.
        text: String,
        /// Its length in characters.
        len: usize,
        /// The most allowed.
        max: usize,
    },
    /// A character that is not allowed.
    #[error("{kind} {text:?} holds {bad:?}; allowed are {allowed}")]
    Character {
        /// Which identifier.
        kind: &'static str,
        /// The text given.
        text: String,
        /// The first character that is not allowed.
        bad: char,
        /// What is allowed, in words.
        allowed: &'static str,
    },
    /// An account without `@`.
    #[error("account {0:?} has no '@'; write it as user@host, for example shop@web1")]
    NoHost(String),
    /// Not 32 hexadecimal digits (hyphens aside).
    #[error("{0:?} is not a UUID; write it as 8-4-4-4-12 hexadecimal digits")]
    NotAUuid(String),
    /// The user part of an account is not an escaped name.
    #[error(transparent)]
    Name(#[from] NameError),
}

fn check_text(
    kind: &'static str,
    text: &str,
    max: usize,
    allowed: &'static str,
    ok: fn(char) -> bool,
) -> Result<(), IdError> {
    let len = text.chars().count();
    if len == 0 || len > max {
        return Err(IdError::Length { kind, text: text.to_owned(), len, max });
    }
    match text.chars().find(|c| !ok(*c)) {
        Some(bad) => Err(IdError::Character { kind, text: text.to_owned(), bad, allowed }),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $allowed:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);
        impl $name {
            /// Reads and checks the text.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check_text($kind, text, $max, $allowed, $ok)?;
                Ok(Self(text.to_owned()))
            }
            /// The text as it is written everywhere.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        string_impls!($name);
    };
}

macro_rules! string_impls {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

fn id_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

text_id!(
    /// A host's name as the admin gave it, for example `web1`.
    HostName, "host name", 63, "lower-case letters, digits, '-' and '.'",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.')
);
text_id!(
    /// A customer's id, for example `c-1`.
    CustomerId, "customer id", 64, "letters, digits, '-', '_' and '.'", id_char
);
text_id!(
    /// A price plan's id, for example `basic`.
    PlanId, "plan id", 64, "letters, digits, '-', '_' and '.'", id_char
);

/// An account on every surface: `user@host`, the user part escaped by [`name::escape`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    text: String,
    at: usize,
}

impl AccountId {
    /// From a user part that is escaped already, and a host.
    pub fn new(user: &str, host: &HostName) -> Result<Self, IdError> {
        name::check(user)?;
        Ok(Self { text: format!("{user}@{host}"), at: user.len() })
    }

    /// Reads `user@host`.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (user, host) = text.split_once('@').ok_or_else(|| IdError::NoHost(text.to_owned()))?;
        Self::new(user, &HostName::parse(host)?)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The escaped user part.
    pub fn user(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The host's name.
    pub fn host(&self) -> &str {
        self.text.get(self.at.saturating_add(1)..).unwrap_or_default()
    }
}
string_impls!(AccountId);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);
        impl $name {
            /// Reads a UUID with or without hyphens.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(&self.0, f)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_id!(
    /// A host's identity, given at enrolment; a UUID.
    HostId
);
uuid_id!(
    /// The kernel's boot id (`/proc/sys/kernel/random/boot_id`); a UUID.
    BootId
);

fn parse_uuid(text: &str) -> Result<[u8; 16], IdError> {
    let bad = || IdError::NotAUuid(text.to_owned());
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| *b != b'-')
        .map(|b| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or_else(bad))
        .collect::<Result<_, _>>()?;
    if digits.len() != 32 {
        return Err(bad());
    }
    let mut out = [0_u8; 16];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |n, d| (n << 4) | d);
    }
    Ok(out)
}

fn write_uuid(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, b) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{b:02x}")?;
    }
    Ok(())
}

/// First 8 bytes of SHA-256 of a public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let check = |got: Result<String, IdError>, want: &str| {
            assert_eq!(got.unwrap_or_else(|e| e.to_string()), want);
        };
        check(AccountId::parse("shop@web1").map(|a| a.to_string()), "shop@web1");
        check(AccountId::parse("shop@web1").map(|a| format!("{}|{}", a.user(), a.host())), "shop|web1");
        check(
            AccountId::parse("shop").map(|a| a.to_string()),
            "account \"shop\" has no '@'; write it as user@host, for example shop@web1",
        );
        check(
            AccountId::parse("s@Web").map(|a| a.to_string()),
            "host name \"Web\" holds 'W'; allowed are lower-case letters, digits, '-' and '.'",
        );
        check(
            CustomerId::parse("").map(|a| a.to_string()),
            "customer id \"\" has 0 characters; 1 to 64 are allowed",
        );
        let uuid = "00112233-4455-6677-8899-aabbccddeeff";
        check(HostId::parse(uuid).map(|h| h.to_string()), uuid);
        check(
            HostId::parse("0011").map(|h| h.to_string()),
            "\"0011\" is not a UUID; write it as 8-4-4-4-12 hexadecimal digits",
        );
    }
}
