//! A plan file as a neutral tree, from TOML or JSON alike, in which no key is lost: JSON would silently keep the
//! last of two equal keys.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A value of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A string, or a TOML date-time, as written.
    Text(String),
    /// A number, a boolean or null, as it would be printed.
    Other(String),
    /// A list.
    List(Vec<Node>),
    /// A table with its keys in order, repeated ones included.
    Table(Vec<(String, Node)>),
}

/// How the `toml` crate hands over a date-time.
const TOML_DATETIME_KEY: &str = "$__toml_private_datetime";

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Other(text) => f.write_str(text),
            Self::List(_) => f.write_str("[…]"),
            Self::Table(_) => f.write_str("{…}"),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a plan")
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Node, E> {
        Ok(Node::Text(v.to_owned()))
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Other(v.to_string()))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Other(v.to_string()))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Other(v.to_string()))
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Node, E> {
        Ok(Node::Other(v.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Other("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = seq.next_element()? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut table = Vec::new();
        while let Some((key, node)) = map.next_entry::<String, Node>()? {
            table.push((key, node));
        }
        match table.as_slice() {
            [(key, Node::Text(time))] if key == TOML_DATETIME_KEY => Ok(Node::Text(time.clone())),
            _ => Ok(Node::Table(table)),
        }
    }
}
