//! Every limit of the collector, by name, with the relations between them held at compile time.

use hostmeter_core::limits::ENVELOPE_MAX_BYTES;
use std::time::Duration;

/// Writes that may wait for the writer; beyond it callers get "overloaded".
pub const WRITE_QUEUE_MAX: usize = 1_024;
/// Writes that share one commit.
pub const WRITE_GROUP_MAX: usize = 128;
/// A group takes no further writes once it is this old.
pub const WRITE_GROUP_TIME: Duration = Duration::from_millis(50);
/// Read connections kept open.
pub const READERS: usize = 4;
/// Reads that may wait for a connection; beyond it callers get "overloaded".
pub const READ_QUEUE_MAX: usize = 1_024;
/// How long SQLite waits for another process's lock (a backup, an admin's shell).
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept by each connection.
pub const STATEMENT_CACHE: usize = 256;
/// Pages in the write-ahead log before it is folded into the database.
pub const WAL_AUTOCHECKPOINT_PAGES: i64 = 4_000;
/// Bytes of a database page.
pub const PAGE_BYTES: i64 = 8_192;
/// What a client is told to wait after "overloaded", in seconds.
pub const RETRY_AFTER_SEC: u64 = 2;

/// Largest JSON body of a request.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// Largest request to enrol, in bytes.
pub const ENROLL_MAX_BYTES: usize = 8 * 1024;
/// Rows of one page of a list.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// Rows of a page when the request does not say.
pub const PAGE_ROWS_DEFAULT: usize = 200;
/// Longest label, login or title, in characters.
pub const LABEL_MAX_CHARS: usize = 128;
/// Shortest password, in characters.
pub const PASSWORD_MIN_CHARS: usize = 10;
/// Longest password, in bytes: argon2 need not hash a novel.
pub const PASSWORD_MAX_BYTES: usize = 256;

const _: () = assert!(WRITE_GROUP_MAX <= WRITE_QUEUE_MAX);
const _: () = assert!(READERS <= READ_QUEUE_MAX);
const _: () = assert!(PAGE_ROWS_DEFAULT <= PAGE_ROWS_MAX);
const _: () = assert!(ENROLL_MAX_BYTES < ENVELOPE_MAX_BYTES);
