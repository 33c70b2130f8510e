//! Ed25519 keys. Seeds come from the caller; nothing here makes randomness.

use crate::ids::KeyId;
use ring::digest;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Why bytes are not a key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The seed was refused.
    #[error("a signing key needs a seed of 32 bytes")]
    Seed,
    /// Not 64 hexadecimal digits.
    #[error("{0:?} is not a public key; it has 64 hexadecimal digits")]
    NotAPublicKey(String),
}

/// A private key that signs envelopes.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// The key of this seed (32 random bytes).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| KeyError::Seed)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let mut out = [0_u8; 32];
        for (to, from) in out.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(out)
    }

    /// Signs bytes (RFC 8032).
    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        let mut out = [0_u8; 64];
        for (to, from) in out.iter_mut().zip(self.0.sign(bytes).as_ref()) {
            *to = *from;
        }
        out
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

/// A public key that verifies envelopes; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// First 8 bytes of SHA-256 of the key, as in an envelope's header.
    pub fn id(&self) -> KeyId {
        let mut out = [0_u8; 8];
        for (to, from) in out.iter_mut().zip(sha256(&self.0)) {
            *to = from;
        }
        KeyId(out)
    }

    /// First 16 bytes of SHA-256 of the key in hexadecimal: what people compare and tokens pin.
    pub fn fingerprint(&self) -> String {
        hex(sha256(&self.0).get(..16).unwrap_or_default())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        unhex(text).map(Self).ok_or_else(|| KeyError::NotAPublicKey(text.to_owned()))
    }

    /// Whether the signature over the bytes is this key's.
    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0_u8; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 0xf]);
    out.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    out
}

/// Exactly `N` bytes from hexadecimal digits.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0_u8; N];
    if text.len() != N.checked_mul(2)? {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = (digit(high)? << 4) | digit(low)?;
    }
    Some(out)
}

/// A SHA-256 that is written as 64 hexadecimal digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// Reads it where it stands: a question where to go on holds a thousand.
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Hash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SHA-256 in hexadecimal")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Hash, E> {
                let why = || E::custom(format!("{text:?} is not a SHA-256 in hexadecimal"));
                unhex(text).map(Hash).ok_or_else(why)
            }
        }
        d.deserialize_str(Digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits() {
        let all: Vec<u8> = (0..=255).collect();
        for part in all.chunks_exact(16) {
            let text: String = part.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(hex(part), text);
            assert_eq!(unhex::<16>(&text).unwrap().as_slice(), part);
            assert_eq!(unhex::<16>(&text.to_uppercase()).unwrap().as_slice(), part);
        }
        for text in ["", "001", "00112", "001122", "00g0", "0x00", "+0+0", " 000", "0é0", "éé", "\0\0\0\0"]
        {
            assert_eq!(unhex::<2>(text), None, "{text:?}");
        }
    }
}
