//! Every limit of the executor, by name, with the relations between them held at compile time.

use hostmeter_core::limits::{ENVELOPE_MAX_BYTES, TEXT_MAX_BYTES};
use std::time::Duration;

/// Longest request on the socket, in bytes, newline included: a deliver with the largest envelope in base64.
pub const REQUEST_MAX_BYTES: usize = 512 * 1024;
/// Longest reply on the socket, in bytes, newline included.
pub const REPLY_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Outcomes in one reply; ask again for the rest.
pub const REPLY_OUTCOMES_MAX: usize = 64;
/// Outcomes kept until the agent forgets them. At this many, new commands are turned away and nothing is lost.
pub const OUTCOMES_MAX: usize = 4_096;
/// Connections served at once.
pub const CONNECTIONS_MAX: usize = 8;
/// Longest wait for an outcome that a request may ask for.
pub const WAIT_MAX: Duration = Duration::from_secs(30);
/// A peer that sends or takes nothing for this long is cut off.
pub const PEER_IDLE_MAX: Duration = Duration::from_secs(300);
/// Accounts that the executor keeps a record of.
pub const ACCOUNTS_MAX: usize = 20_000;
/// Largest file of the executor's own records.
pub const RECORD_MAX_BYTES: u64 = 256 * 1024;
/// Numbers in one `begun_acked`.
pub const ACKED_NUMBERS_MAX: usize = 1_024;
/// Uids in one `disk`; ask again for the rest.
pub const QUOTA_UIDS_MAX: usize = 1_024;
/// File systems whose quotas are looked at.
pub const FILE_SYSTEMS_MAX: usize = 64;
/// Surfaces in one outcome.
pub const SURFACES_MAX: usize = 32;
/// Longest text of a driver that is kept, in bytes: an outcome's detail, or one surface's.
pub const DETAIL_MAX_BYTES: usize = 1_024;
/// Longest output of a program that is read; the rest is read and thrown away.
pub const OUTPUT_MAX_BYTES: usize = 64 * 1024;
/// Time limit of usermod, userdel and the like.
pub const TOOL_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit for writing, and again for reading, one archive.
pub const ARCHIVE_TIMEOUT: Duration = Duration::from_secs(6 * 3_600);
/// Rounds of freezing and killing before the driver says that processes are left.
pub const KILL_ROUNDS_MAX: usize = 50;
/// Looks for newly forked processes within one round.
pub const FREEZE_LOOKS_MAX: usize = 20;
/// Directories that a walk holds open; deeper ones are moved up and walked from there.
pub const WALK_DEPTH_MAX: usize = 128;
/// Entries that one walk visits.
pub const WALK_ENTRIES_MAX: u64 = 200_000_000;
/// Directories too deep to hold open that a count keeps by name.
pub const WALK_WAITING_MAX: usize = 100_000;
/// Mounts named in a message.
pub const MOUNTS_SHOWN_MAX: usize = 5;
/// Largest system file that is read (passwd, shadow, mountinfo).
pub const SYSTEM_FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How often the running clock is written down, so that a crash loses at most this much of it.
pub const CLOCK_SAVE_EVERY: Duration = Duration::from_secs(300);
/// How often the main thread looks at the watchdog, the lanes and deletions that nobody acknowledged.
pub const TICK: Duration = Duration::from_secs(5);
/// How long a stop waits for actions that run.
pub const STOP_WAIT: Duration = Duration::from_secs(60);
/// Window of `max_suspensions_per_hour`, in milliseconds of the executor's clock.
pub const HOUR_MS: i64 = 3_600_000;
/// Window of `max_deletions_per_day`, in milliseconds of the executor's clock.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// Highest setting of either window's limit.
pub const WINDOW_LIMIT_MAX: i64 = 10_000;

const _: () =
    assert!(REQUEST_MAX_BYTES > ENVELOPE_MAX_BYTES.div_ceil(3) * 4 + 64, "an envelope fits a request");
const _: () = assert!(
    REPLY_MAX_BYTES > REPLY_OUTCOMES_MAX * 6 * (SURFACES_MAX + 2) * DETAIL_MAX_BYTES / 2,
    "a reply of outcomes fits"
);
const _: () = assert!(REPLY_MAX_BYTES > ACCOUNTS_MAX * 320, "a status fits");
const _: () = assert!(REQUEST_MAX_BYTES > QUOTA_UIDS_MAX * 11 + 64, "a request of uids fits");
const _: () =
    assert!(REPLY_MAX_BYTES > FILE_SYSTEMS_MAX * (QUOTA_UIDS_MAX * 55 + 1_024), "a reply of quotas fits");
const _: () = assert!(DETAIL_MAX_BYTES <= TEXT_MAX_BYTES, "a detail may cross the wire");
const _: () = assert!(REPLY_OUTCOMES_MAX <= OUTCOMES_MAX);
const _: () = assert!(FREEZE_LOOKS_MAX <= KILL_ROUNDS_MAX);
