//! Every limit of the agent and the executor, by name, with the relations between them held at compile time.

use hostmeter_core::limits::{GAPS_MAX, TOP_MAX};
use std::time::Duration;

// Sampling.

/// Processes that are followed at once; further ones are not measured and are named as not seen.
pub const PROCESSES_MAX: usize = 200_000;
/// Accounts that are kept at once; processes of further ones count as system.
pub const ACCOUNTS_MAX: usize = 65_536;
/// Threads of one process whose I/O is read.
pub const THREADS_MAX: usize = 4_096;
/// Looking at processes ends after this time; what was not looked at is counted by the next sweep.
pub const SWEEP_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest file of /proc about one process or thread that is read.
pub const PROC_FILE_MAX_BYTES: usize = 256 * 1024;
/// Longest file of /proc about the host that is read.
pub const PROC_HOST_FILE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Longest command name that is kept, in bytes; the kernel's own limit for programs is 15.
pub const COMMAND_MAX_BYTES: usize = 15;
/// Reads of the proportional set size in one sweep.
pub const SHARE_READS_MAX: usize = 16;
/// Reads of the proportional set size in the first sweep, when no share is known.
pub const SHARE_READS_FIRST_MAX: usize = 2_048;
/// Reading proportional set sizes ends after this time in one sweep.
pub const SHARE_TIME_MAX: Duration = Duration::from_micros(400);
/// Reading proportional set sizes ends after this time in the first sweep.
pub const SHARE_TIME_FIRST_MAX: Duration = Duration::from_millis(100);
/// Command names kept for one account between two lists; further ones count as `other`.
pub const COMMANDS_MAX: usize = 256;
/// Commands listed by name; the rest is `other`.
pub const TOP_NAMED_MAX: usize = TOP_MAX - 1;
/// Gaps of single accounts that one reading names; more become one gap of all.
pub const READING_GAPS_MAX: usize = 48;
/// Longest passwd or login.defs file that is read.
pub const ACCOUNTS_FILE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest utmp file that is read.
pub const UTMP_FILE_MAX_BYTES: usize = 4 * 1024 * 1024;

const _: () = assert!(TOP_NAMED_MAX < TOP_MAX, "there is room for `other`");
const _: () = assert!(READING_GAPS_MAX < GAPS_MAX, "there is room for gaps of the caller");
const _: () = assert!(SHARE_READS_MAX <= SHARE_READS_FIRST_MAX);
const _: () = assert!(COMMAND_MAX_BYTES * 3 <= hostmeter_core::limits::NAME_MAX_CHARS);
