//! The whole ledger as text: CSV, JSON lines, or a journal for hledger. Read in pages of transactions, so that memory is
//! bounded; as nothing is ever changed, pages of a ledger that grows are still one snapshot.

pub(in crate::billing) mod csv;
mod hledger;
mod jsonl;
mod page;

pub use page::{Row, last_txn, page};

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A row for each entry.
    Csv,
    /// A JSON object for each transaction, one a line.
    Jsonl,
    /// A journal for hledger.
    Hledger,
}

impl Format {
    /// The type of the text, for HTTP.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/jsonl",
            Self::Hledger => "text/plain; charset=utf-8",
        }
    }

    /// What stands before the first transaction.
    pub fn head(self, currency: &str) -> String {
        match self {
            Self::Csv => csv::head(),
            Self::Jsonl => String::new(),
            Self::Hledger => hledger::head(currency),
        }
    }

    /// Appends a transaction.
    pub fn put(self, out: &mut String, row: &Row, currency: &str) {
        match self {
            Self::Csv => csv::put(out, row, currency),
            Self::Jsonl => jsonl::put(out, row, currency),
            Self::Hledger => hledger::put(out, row, currency),
        }
    }
}
