//! Every limit of the agent, by name, with the relations between them held at compile time. The executor has its own.

use hostmeter_core::limits::{ENVELOPE_MAX_BYTES, GAPS_MAX, TOP_MAX};
use hostmeter_core::units::HOUR_MS;
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
/// Sweeps that may do with the list of processes of an earlier one while the kernel counts no fork.
pub const LISTING_AGE_MAX_SWEEPS: u32 = 5;
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
/// Time in each sweep of the eBPF tier for proportional set sizes of accounts whose share is known, on average, in
/// microseconds: reading one takes some 100.
pub const SHARE_USEC: i64 = 30;
/// Of this, so much at most is saved up while there is nothing to read.
pub const SHARE_SAVED_MAX_USEC: i64 = 300;
/// The eBPF tier walks over all tasks at least once in this time; in between it looks at those that ran.
pub const WALK_EVERY: Duration = Duration::from_secs(600);
/// Processes whose share the eBPF tier still has to read; the kernel names further ones again later.
pub const SHARES_ASKED_MAX: usize = 1_024;
/// Command names kept for one account between two lists; further ones count as `other`.
pub const COMMANDS_MAX: usize = 256;
/// Commands listed by name; the rest is `other`.
pub const TOP_NAMED_MAX: usize = TOP_MAX - 1;
/// Gaps of single accounts that one reading names; more become one gap of all.
pub const READING_GAPS_MAX: usize = 48;
/// Longest passwd or login.defs file that is read.
pub const ACCOUNTS_FILE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Ranges of /etc/subuid that are used.
pub const SUBUID_RANGES_MAX: usize = 65_536;
/// Faults of /etc/subuid that are named.
pub const SUBUID_FAULTS_MAX: usize = 16;
/// Longest utmp file that is read.
pub const UTMP_FILE_MAX_BYTES: usize = 4 * 1024 * 1024;

// Disk.

/// Time between two counts of a home, unless configured, in milliseconds.
pub const DISK_EVERY_DEFAULT_MS: i64 = HOUR_MS;
/// Shortest time between two counts of a home that may be configured, in milliseconds.
pub const DISK_EVERY_MIN_MS: i64 = 1_000;
/// Longest time between two counts of a home that may be configured, in milliseconds.
pub const DISK_EVERY_MAX_MS: i64 = 7 * 24 * HOUR_MS;
/// Entries of a home that are looked at in one step.
pub const DISK_STEP_ENTRIES_MAX: u32 = 2_000;
/// A step ends after this time.
pub const DISK_STEP_TIME_MAX: Duration = Duration::from_millis(10);
/// After a step the walk rests this many times as long as the step took.
pub const DISK_REST_FACTOR: u32 = 3;
/// The walk rests at most so long.
pub const DISK_REST_MAX: Duration = Duration::from_secs(5);
/// Entries of one home that are counted; a larger one is counted in part, which is named.
pub const DISK_ENTRIES_MAX: u64 = 50_000_000;
/// Directories that a walk holds open; of those above them it keeps only where it stands.
pub const DISK_OPEN_MAX: usize = 32;
/// Levels of directories that a walk goes down; deeper ones are not counted, which is named.
pub const DISK_DEPTH_MAX: usize = 65_536;
/// Files with several names that one walk remembers; further ones are counted by their share.
pub const DISK_LINKS_MAX: usize = 65_536;
/// A level holds for at most this many times the time between two counts; then it is unknown.
pub const DISK_STALE_FACTOR: u64 = 4;
/// A level holds at least so long, in nanoseconds.
pub const DISK_STALE_MIN_NS: u64 = 120_000_000_000;
/// The disk counter of an account without processes moves once in this time, so that it makes no row in between, in
/// nanoseconds.
pub const DISK_SETTLE_NS: u64 = 300_000_000_000;
/// Disk gaps of single accounts that one reading names; more become one gap of all.
pub const DISK_GAPS_MAX: usize = 8;
/// Quotas are read once in this time.
pub const QUOTA_EVERY: Duration = Duration::from_secs(60);
/// Where reading quotas failed, it is tried again after this time.
pub const QUOTA_RETRY: Duration = Duration::from_secs(600);

const _: () = assert!(READING_GAPS_MAX + DISK_GAPS_MAX < GAPS_MAX, "there is room for gaps of the caller");
const _: () =
    assert!(DISK_EVERY_MIN_MS <= DISK_EVERY_DEFAULT_MS && DISK_EVERY_DEFAULT_MS <= DISK_EVERY_MAX_MS);
const _: () = assert!(TOP_NAMED_MAX < TOP_MAX, "there is room for `other`");
const _: () = assert!(SHARE_READS_MAX <= SHARE_READS_FIRST_MAX);
const _: () = assert!(COMMAND_MAX_BYTES * 3 <= hostmeter_core::limits::NAME_MAX_CHARS);

/// Shortest interval that may be configured, in milliseconds.
pub const INTERVAL_MIN_MS: i64 = 100;
/// Longest interval that may be configured, in milliseconds.
pub const INTERVAL_MAX_MS: i64 = HOUR_MS;
/// Intervals are at least this long while the spool is more than half full.
pub const INTERVAL_HALF_FULL_MS: i64 = 60_000;
/// Intervals are at least this long while the spool is more than three quarters full.
pub const INTERVAL_NEARLY_FULL_MS: i64 = 600_000;
/// A sweep that ends this long after its tick still counts as on time: the interval ends with the tick.
pub const SNAP_MAX_MS: i64 = 250;
/// A hole in time (agent down, clock stepped) is named back to this long before its end.
pub const HOLE_MAX_MS: i64 = 31 * 24 * HOUR_MS;
/// Usage of an interval that stayed open longer than this is spread over its last part only.
pub const WIDEN_MAX_MS: i64 = 7 * 24 * HOUR_MS;
/// Longest reason of a gap, in bytes; longer ones are cut.
pub const GAP_REASON_MAX_BYTES: usize = 256;
/// Gaps kept from sweeps whose interval is still open.
pub const OPEN_GAPS_MAX: usize = GAPS_MAX;

/// Round trips longer than this teach nothing about the collector's time, in milliseconds.
pub const ROUND_TRIP_MAX_MS: i64 = 5_000;
/// Corrections up to this are slewed, larger ones are stepped, in milliseconds.
pub const SLEW_MAX_MS: i64 = 30_000;
/// How fast a correction is slewed: one part in this many of the time that passes.
pub const SLEW_DIVISOR: i64 = 20;

/// Default cap of unacknowledged bytes in the spool.
pub const SPOOL_DEFAULT_BYTES: u64 = 256 * 1024 * 1024;
/// Smallest cap that may be configured.
pub const SPOOL_MIN_BYTES: u64 = 64 * 1024;
/// Largest cap that may be configured.
pub const SPOOL_MAX_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// Largest segment; a spool with a small cap has smaller ones.
pub const SEGMENT_MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Smallest segment: one page of most file systems.
pub const SEGMENT_MIN_BYTES: u64 = 4_096;
/// A segment is at least this part of the cap, so that their number stays bounded.
pub const SEGMENTS_PER_CAP: u64 = 64;
/// Largest local trailer of a record.
pub const TRAILER_MAX_BYTES: usize = 8 * 1024 * 1024;
/// A longer trailer is compressed.
pub const TRAILER_PLAIN_MAX_BYTES: usize = 256 * 1024;
/// Largest trailer before compression: room for every account that is kept.
pub const TRAILER_INFLATED_MAX_BYTES: usize = ACCOUNTS_MAX * 2 * 1024;
/// Largest record of the spool.
pub const RECORD_MAX_BYTES: usize = ENVELOPE_MAX_BYTES + TRAILER_MAX_BYTES + 64;
/// Outcomes of commands in one batch; the rest goes with the next.
pub const OUTCOMES_PER_BATCH_MAX: usize = 16;
/// Messages that wait for the sampling thread.
pub const INBOX_MAX: usize = 16;

/// Back-off after a failure, unless configured: shortest, in milliseconds.
pub const BACKOFF_MIN_MS: i64 = 2_000;
/// Back-off after a failure, unless configured: longest, in milliseconds.
pub const BACKOFF_MAX_MS: i64 = 300_000;
/// The collector's own wish to be left alone (Retry-After) is followed up to this, in milliseconds.
pub const RETRY_AFTER_MAX_MS: i64 = 3_600_000;
/// Agents spread their requests over at most this long after a tick, in milliseconds.
pub const PHASE_MAX_MS: i64 = 5_000;
/// How often it is looked whether somebody wants a new key, and how soon a step of it is tried again.
pub const ROTATION_LOOK: Duration = Duration::from_secs(2);
/// How long `rotate-key` waits for the running agent.
pub const ROTATION_WAIT: Duration = Duration::from_secs(60);
/// Time to connect, in milliseconds.
pub const CONNECT_MAX_MS: u64 = 10_000;
/// Time for one request and its answer, in milliseconds.
pub const REQUEST_MAX_MS: u64 = 30_000;
/// A host that is told to wait for a new epoch asks again after this time at the latest.
pub const RESUME_WAIT_MAX_MS: i64 = 60_000;
/// How long the collector may hold a request for commands, in seconds.
pub const LONG_POLL_SEC: u64 = 25;
/// Time for a long poll and its answer, in milliseconds.
pub const LONG_POLL_MAX_MS: u64 = LONG_POLL_SEC * 1_000 + 15_000;
/// Largest answer of the collector.
pub const ANSWER_MAX_BYTES: usize = 1024 * 1024;
/// Largest file of certificates.
pub const CA_FILE_MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Largest small file of the state directory that is read (enrolment, clock, status).
pub const STATE_FILE_MAX_BYTES: u64 = 1024 * 1024;
/// A call to the executor ends after this time.
pub const EXECUTOR_CALL_MAX: Duration = Duration::from_secs(20);
/// How long the executor may hold a request for outcomes.
pub const OUTCOME_WAIT: Duration = Duration::from_secs(15);
/// Pause before the executor is tried again.
pub const EXECUTOR_RETRY: Duration = Duration::from_secs(2);
/// At the end, shipping what was sealed last is waited for so long.
pub const STOP_SHIP_MAX: Duration = Duration::from_secs(2);
/// Clock corrections smaller than this are not written to disk at once, in milliseconds.
pub const CLOCK_KEEP_MS: i64 = 50;
/// Tries of the sweep at the end.
pub const LAST_SWEEP_TRIES: u32 = 3;
/// Top commands are asked for once in this time, in milliseconds.
pub const TOP_EVERY_MS: i64 = 60_000;
/// Shortest time between two refreshes of `top`, in milliseconds.
pub const REFRESH_MIN_MS: i64 = 200;
/// Longest time between two refreshes of `top`, in milliseconds.
pub const REFRESH_MAX_MS: i64 = 60_000;
/// An answer to an enrolment may be this old, because the first one is given again; so long does a token live.
pub const ENROLL_ANSWER_AGE_MAX_MS: i64 = HOUR_MS;
/// The service manager hears of the sampling thread at least this often, in milliseconds.
pub const WATCHDOG_EVERY_MS: i64 = 10_000;

const _: () =
    assert!(INTERVAL_MIN_MS < INTERVAL_HALF_FULL_MS && INTERVAL_HALF_FULL_MS < INTERVAL_NEARLY_FULL_MS);
const _: () = assert!(INTERVAL_NEARLY_FULL_MS < INTERVAL_MAX_MS && SNAP_MAX_MS < INTERVAL_MAX_MS);
const _: () = assert!(WIDEN_MAX_MS <= HOLE_MAX_MS);
const _: () = assert!(SPOOL_MIN_BYTES <= SPOOL_DEFAULT_BYTES && SPOOL_DEFAULT_BYTES <= SPOOL_MAX_BYTES);
const _: () = assert!(SPOOL_DEFAULT_BYTES / SEGMENTS_PER_CAP <= SEGMENT_MAX_BYTES);
const _: () = assert!(SEGMENT_MIN_BYTES <= SEGMENT_MAX_BYTES && SEGMENT_MIN_BYTES * 8 <= SPOOL_MIN_BYTES);
const _: () = assert!(BACKOFF_MIN_MS < BACKOFF_MAX_MS && ROUND_TRIP_MAX_MS < SLEW_MAX_MS);
const _: () = assert!(TRAILER_PLAIN_MAX_BYTES <= TRAILER_MAX_BYTES);
const _: () = assert!(ROTATION_LOOK.as_secs() < ROTATION_WAIT.as_secs());
const _: () = assert!(OUTCOME_WAIT.as_secs() < EXECUTOR_CALL_MAX.as_secs());
const _: () = assert!(LONG_POLL_SEC * 1_000 < LONG_POLL_MAX_MS);
