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
/// Pages that the writer keeps in memory (64 MiB): a run of charging touches every account.
pub const WRITER_CACHE_PAGES: i64 = 8_192;
/// Pages that the usage store's writer keeps in memory (64 MiB): each account's newest rows lie on a page of their own.
pub const STORE_CACHE_PAGES: i64 = 8_192;
/// Bytes of a database page.
pub const PAGE_BYTES: i64 = 8_192;
/// What a client is told to wait after "overloaded", in seconds.
pub const RETRY_AFTER_SEC: u64 = 2;

/// Largest record of the journal, compressed: a run of the lifecycle over all customers fits.
pub const JOURNAL_RECORD_MAX_BYTES: usize = 256 * 1024 * 1024;
/// Largest record of the journal, inflated.
pub const JOURNAL_INFLATED_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// A segment of the journal that is this large gets no further record.
pub const JOURNAL_SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Largest file that is read as a segment.
pub const JOURNAL_FILE_MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Pages copied in one step of a backup; the collector's own work goes on in between.
pub const BACKUP_STEP_PAGES: i32 = 4_096;
/// Pause between the steps of a backup.
pub const BACKUP_PAUSE: Duration = Duration::from_millis(2);
/// Steps that may find the database locked.
pub const BACKUP_BUSY_MAX: u32 = 10_000;
/// Bytes read at once to sum a file.
pub const COPY_BUFFER_BYTES: usize = 1024 * 1024;
/// Largest manifest, and largest list of sums, of a backup.
pub const MANIFEST_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How often it is looked whether a backup is due, and what others made.
pub const BACKUP_LOOK: Duration = Duration::from_secs(5);
/// After a backup that failed, the next is tried after this, milliseconds.
pub const BACKUP_RETRY_MS: i64 = 600_000;
/// Most backups that are kept.
pub const BACKUP_KEEP_MAX: u32 = 10_000;

const _: () = assert!(
    JOURNAL_SEGMENT_BYTES + (JOURNAL_RECORD_MAX_BYTES as u64) < JOURNAL_FILE_MAX_BYTES,
    "a last large record fits"
);

/// Largest JSON body of a request.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// Largest request to enrol, in bytes.
pub const ENROLL_MAX_BYTES: usize = 8 * 1024;
/// Largest request to replace a key, in bytes.
pub const ROTATE_MAX_BYTES: usize = 4 * 1024;
/// Keys of one host that are accepted at a time: its own, and those of which the overlap is not over.
pub const HOST_KEYS_MAX: i64 = 8;
/// Keys of one host that are shown, the newest.
pub const HOST_KEYS_SHOWN_MAX: i64 = 32;
/// Batches that one request releases or discards.
pub const HELD_ACT_MAX: i64 = 1_000;
/// Of them, those of one transaction: each may be as large as an envelope can be.
pub const HELD_STEP: i64 = 50;
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
const _: () = assert!(ENROLL_MAX_BYTES < ENVELOPE_MAX_BYTES && ROTATE_MAX_BYTES < ENVELOPE_MAX_BYTES);
const _: () = assert!(HELD_ACT_MAX % HELD_STEP == 0);
const _: () = assert!(HOST_KEYS_MAX <= HOST_KEYS_SHOWN_MAX, "every key that is accepted is shown");

/// Batches of one host that may be on their way; agents send one at a time.
pub const HOST_ROOMS_MAX: usize = 4;
/// Bytes that all batches on their way may announce, in bytes; beyond it hosts get "overloaded".
pub const ROOMS_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of those that batches of a backlog and questions may take.
pub const ROOMS_BACKLOG_MAX_BYTES: usize = 48 * 1024 * 1024;
/// Fresh batches that are checked or stored at the same time; others wait for a turn.
pub const FRESH_IN_FLIGHT_MAX: usize = 128;
/// Batches of a backlog that are checked or stored at the same time; others wait for a turn.
pub const BACKLOG_IN_FLIGHT_MAX: usize = 128;
/// Questions where to go on that are read and answered at the same time; others wait for a turn. All of them wait for
/// the same commit.
pub const RESUMES_IN_FLIGHT_MAX: usize = 128;
/// A batch that was sealed no longer ago than this is fresh, milliseconds: three of the usual intervals.
pub const FRESH_MS: u64 = 180_000;
/// How long a request of a host waits for its turn; then the host gets "overloaded". Agents wait 30 s for an answer.
/// With turns of half a millisecond, ten thousand hosts that come at once are served within it.
pub const TURN_WAIT: Duration = Duration::from_secs(18);
/// How long a batch waits for room before that.
pub const ROOM_WAIT: Duration = Duration::from_secs(6);
/// Requests of hosts that wait for their turn; beyond it hosts get "overloaded".
pub const TURNS_WAITING_MAX: usize = 16_384;
/// Payloads that are no larger than this after inflation are decoded at once, without another thread, in bytes.
pub const DECODE_INLINE_BYTES: usize = 64 * 1024;
/// Larger payloads that are inflated and decoded at the same time: each may take [`hostmeter_core::limits::PAYLOAD_INFLATED_MAX_BYTES`].
pub const DECODES_MAX: usize = 4;
/// How long a body of an agent may take to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(30);
/// How long any body may take to arrive.
pub const BODY_TIME_ANY: Duration = Duration::from_secs(60);
/// Usage that is older than this when it arrives is quarantined, milliseconds.
pub const LATE_MAX_MS: i64 = 35 * 24 * 3_600_000;
/// Contradicting envelopes kept of one host; more are refused, not kept.
pub const FORKED_MAX: i64 = 100;
/// Names tried for an account whose name was used before.
pub const NAME_TRIES_MAX: u32 = 100;
/// Characters kept of an agent's version and tier.
pub const WORD_MAX_CHARS: usize = 64;
/// Characters kept of what an agent cannot see.
pub const NOTE_MAX_CHARS: usize = 1_000;
/// Coverage below this counts as not metered in full, millionths: the 1 % within which the busy time is conserved.
pub const COVERAGE_LOW_PPM: u32 = 990_000;
/// CPU time that an interval may miss for each CPU, µs: tasks run while they are looked at, and the kernel counts in ticks.
/// Of an interval of 10 s this is the same 1 %; shorter ones look worse than they are.
pub const CPU_MISSED_MIN_USEC: i64 = 100_000;
/// Two times of one reason that are no further apart are one stretch, milliseconds: what comes and goes fills no list.
pub const DEGRADED_JOIN_MS: i64 = 5 * 60_000;
/// Stretches kept of one host, the newest.
pub const DEGRADED_ROWS_MAX: i64 = 1_000;
/// How long a stretch is kept after its end, milliseconds.
pub const DEGRADED_KEEP_MS: i64 = RAW_KEEP_MS;
/// How often the figures of all hosts are looked at for alerts.
pub const WATCH_EVERY: Duration = Duration::from_secs(300);
/// The time that an alert on a host's figures is about, milliseconds.
pub const WATCH_SPAN_MS: i64 = 3_600_000;
/// With less measured than this in that time, nothing is said, milliseconds.
pub const WATCH_KNOWN_MIN_MS: i64 = 10 * 60_000;
/// Busy time that nobody is credited with raises an alert above this share of the busy time …
pub const REMAINDER_OVER_BUSY_PCT: i64 = 5;
/// … and above this share of all CPUs' time, percent.
pub const REMAINDER_OVER_ALL_PCT: i64 = 1;
/// More credited than was busy raises an alert above this share of the busy time, percent …
pub const REMAINDER_UNDER_BUSY_PCT: i64 = 1;
/// … and this for each CPU and interval: the kernel counts idle time in ticks, µs.
pub const REMAINDER_TICK_USEC: i64 = 10_000;
/// Life of an enrolment token, milliseconds.
pub const ENROL_TOKEN_LIFE_MS: i64 = 3_600_000;
/// Aside envelopes counted in one transaction when a host is approved or thawed.
pub const RELEASE_BATCH: i64 = 500;

/// The counter looks for new envelopes no more often than this, unless somebody waits for it.
pub const FOLD_PAUSE: Duration = Duration::from_millis(20);
/// While envelopes keep coming, their sums are written this often: the longer, the more of them share a row.
pub const COUNT_PAUSE: Duration = Duration::from_secs(1);
/// Rows of hour totals that are added up before they are written: some tenths of a second of the writer's time. Rows
/// of many hosts lie on the same pages, which are written once for all of them.
pub const COUNT_ROWS_MAX: usize = 60_000;
/// Stored envelopes that are read at once to be counted.
pub const COUNT_BLOCK: usize = 256;
/// Envelopes counted in one transaction when their sum did not fit.
pub const COUNT_ONE_BY_ONE: usize = 64;
/// Rows of accounts that the counter keeps in memory by host, uid and user.
pub const COUNT_IDS_MAX: usize = 300_000;
/// Rows of decoded batches that wait in memory for the counter; others are read and decoded again.
pub const FRESH_ROWS_MAX: usize = 100_000;
/// Stored envelopes that wait to be counted; beyond it hosts get "overloaded".
pub const COUNT_BEHIND_MAX: i64 = 50_000;
/// Stored envelopes that wait to be counted; beyond it hosts get "overloaded" for what was sealed longer ago.
pub const COUNT_BEHIND_BACKLOG_MAX: i64 = 25_000;
/// How long a request waits until everything is counted that was acknowledged before it came.
pub const COUNT_WAIT: Duration = Duration::from_secs(3);
/// With more envelopes than this that wait to be counted, graphs give way to batches …
pub const FORWARD_YIELD: i64 = 256;
/// … by resting so many times as long as the last block took, unless somebody asks for a graph.
pub const FORWARD_REST: u32 = 9;
/// Graphs go on once so many have not waited for this long; several times as long as sums are added up.
pub const FORWARD_CALM: Duration = Duration::from_secs(4);

/// Envelopes forwarded to the usage store in one transaction.
pub const FORWARD_BLOCK: usize = 256;
/// How often the forwarder looks for work nobody told it of.
pub const FORWARD_IDLE: Duration = Duration::from_secs(5);
/// How long a query waits for the forwarder before it answers with what is there.
pub const FORWARD_WAIT: Duration = Duration::from_secs(3);
/// How long the bytes of a forwarded envelope are kept, milliseconds.
pub const ENVELOPE_KEEP_MS: i64 = 24 * 3_600_000;
/// How long intervals are kept in the usage store, milliseconds; after that the hour remains.
pub const RAW_KEEP_MS: i64 = 40 * 24 * 3_600_000;
/// How often what is too old is removed.
pub const CLEAN_EVERY: Duration = Duration::from_secs(600);
/// Rows removed in one transaction.
pub const CLEAN_ROWS: i64 = 5_000;

/// Points of one meter in one answer.
pub const POINTS_MAX: i64 = 11_000;
/// Points of all meters in one answer.
pub const POINTS_ALL_MAX: i64 = 60_000;
/// Points when the request does not name a step.
pub const POINTS_DEFAULT: i64 = 360;
/// Gaps listed in one answer.
pub const GAPS_SHOWN_MAX: usize = 1_000;
/// Commands listed by `top`.
pub const TOP_SHOWN_MAX: usize = 50;
/// Accounts listed as noisiest.
pub const NOISY_MAX: i64 = 20;
/// Longest span of one query, milliseconds.
pub const SPAN_MAX_MS: i64 = 400 * 24 * 3_600_000;

const _: () =
    assert!(HOST_ROOMS_MAX * ENVELOPE_MAX_BYTES * 16 <= ROOMS_MAX_BYTES, "no few hosts take it all");
const _: () = assert!(COUNT_ONE_BY_ONE <= COUNT_BLOCK && FOLD_PAUSE.as_millis() <= COUNT_PAUSE.as_millis());
const _: () = assert!(COUNT_PAUSE.as_millis() < COUNT_WAIT.as_millis());
const _: () = assert!(3 * COUNT_PAUSE.as_millis() < FORWARD_CALM.as_millis());
const _: () = assert!(LATE_MAX_MS < RAW_KEEP_MS, "late usage still finds its interval");
const _: () = assert!(LATE_MAX_MS < DEGRADED_KEEP_MS, "late usage still finds its stretch");
const _: () = assert!(WATCH_KNOWN_MIN_MS <= WATCH_SPAN_MS && WATCH_SPAN_MS < RAW_KEEP_MS);
const _: () = assert!(POINTS_DEFAULT <= POINTS_MAX && POINTS_MAX <= POINTS_ALL_MAX);
const _: () = assert!(DECODES_MAX <= FRESH_IN_FLIGHT_MAX && DECODES_MAX <= BACKLOG_IN_FLIGHT_MAX);
const _: () = assert!(
    2 * (FRESH_IN_FLIGHT_MAX + BACKLOG_IN_FLIGHT_MAX + RESUMES_IN_FLIGHT_MAX) <= WRITE_QUEUE_MAX,
    "hosts alone never overload the writer"
);
const _: () =
    assert!(ROOMS_BACKLOG_MAX_BYTES < ROOMS_MAX_BYTES && COUNT_BEHIND_BACKLOG_MAX < COUNT_BEHIND_MAX);
const _: () = assert!(
    ROOM_WAIT.as_millis() + TURN_WAIT.as_millis() + 5_000 < BODY_TIME.as_millis(),
    "agents wait so long for an answer, and a commit is in it"
);

/// Receivers of webhooks.
pub const WEBHOOKS_MAX: usize = 16;
/// Largest file with one secret.
pub const SECRET_FILE_MAX_BYTES: u64 = 4 * 1024;
/// Shortest and longest time that a step of sending may take, milliseconds.
pub const CHANNEL_TIMEOUT_MIN_MS: i64 = 100;
/// See [`CHANNEL_TIMEOUT_MIN_MS`].
pub const CHANNEL_TIMEOUT_MAX_MS: i64 = 60_000;
/// Deliveries of one channel that are read at once.
pub const DELIVERY_BATCH: i64 = 64;
/// How often a channel looks for new deliveries.
pub const DELIVERY_LOOK: Duration = Duration::from_millis(500);
/// Pause after a first failure; it doubles with each further one, milliseconds.
pub const DELIVERY_BACKOFF_MIN_MS: i64 = 15_000;
/// Longest pause between two attempts, milliseconds.
pub const DELIVERY_BACKOFF_MAX_MS: i64 = 3_600_000;
/// A delivery that has not succeeded by then failed for good, milliseconds after its notice.
pub const DELIVERY_AGE_MAX_MS: i64 = 14 * 24 * 3_600_000;
/// A channel that failed for this long raises an alert, milliseconds.
pub const CHANNEL_DOWN_MS: i64 = 900_000;
/// How long alerts that were told are kept in the outbox, milliseconds; the list of alerts has them for ever.
pub const OUTBOX_ALERTS_KEEP_MS: i64 = 90 * 24 * 3_600_000;
/// Longest answer that is kept of a delivery, in characters.
pub const DELIVERY_DETAIL_MAX_CHARS: usize = 300;
/// Largest answer that is read of a receiver, in bytes.
pub const DELIVERY_ANSWER_MAX_BYTES: u64 = 16 * 1024;
/// Accounts that are named in one notice; the others are counted.
pub const NOTICE_ACCOUNTS_MAX: usize = 20;
/// Longest text to Telegram, in characters (Bot API: sendMessage).
pub const TELEGRAM_TEXT_MAX_CHARS: usize = 4_096;
/// Longest address of a customer, in bytes (RFC 5321).
pub const EMAIL_MAX_BYTES: usize = 254;

const _: () = assert!(CHANNEL_TIMEOUT_MIN_MS < CHANNEL_TIMEOUT_MAX_MS);
const _: () = assert!(
    DELIVERY_BACKOFF_MIN_MS < DELIVERY_BACKOFF_MAX_MS && DELIVERY_BACKOFF_MAX_MS < DELIVERY_AGE_MAX_MS
);

/// Accounts in one block of charges: one transaction of the database and of the ledger.
pub const CHARGE_BLOCK_ACCOUNTS: i64 = 1_024;
/// Shares of an account's budget that its customer is told of, percent, rising.
pub const BUDGET_PERCENTS: [u32; 3] = [50, 80, 100];
/// Every sweep looks at the books of one customer in so many: at one sweep a minute, of each about every four hours.
pub const BOOKS_SHARE: i64 = 256;
/// Customers that one read of the lifecycle's sweep looks at.
pub const SWEEP_CHUNK: i64 = 500;
/// The sweep runs at least this often.
pub const SWEEP_MAX: Duration = Duration::from_secs(60);
/// The sweep never runs more often than this.
pub const SWEEP_MIN: Duration = Duration::from_millis(200);
/// A larger jump of the collector's clock stops what goes by the time, milliseconds.
pub const CLOCK_JUMP_MAX_MS: i64 = 3_600_000;
/// Life of a command, milliseconds; a deletion's is shorter still.
pub const COMMAND_LIFE_MS: i64 = 3_600_000;
/// A command without an outcome is sent again after this, milliseconds.
pub const COMMAND_RESEND_MS: i64 = 30_000;
/// Commands in one answer to a host.
pub const COMMANDS_PER_POLL: i64 = 64;
/// How long a host may wait for commands, seconds.
pub const POLL_WAIT_MAX_SEC: u64 = 60;
/// How far the clock in a host's request for commands may be off, milliseconds.
pub const POLL_SKEW_MAX_MS: i64 = 120_000;
/// Largest header in which a host says who it is, in bytes.
pub const POLL_HEADER_MAX_BYTES: usize = 4 * 1024;
/// Longest Idempotency-Key, in bytes.
pub const IDEMPOTENCY_KEY_MAX_BYTES: usize = 255;
/// Longest reason of an adjustment or an order, in characters.
pub const REASON_MAX_CHARS: usize = 500;
/// Rows of one import.
pub const IMPORT_ROWS_MAX: usize = 20_000;
/// Largest body of an import.
pub const IMPORT_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Longest name of an import's source, in characters.
pub const IMPORT_SOURCE_MAX_CHARS: usize = 64;
/// Customers that the replay of a month lists; its sums count all.
pub const REPLAY_CUSTOMERS_MAX: usize = 10_000;
/// Hours that a quote on an account's history may cover.
pub const QUOTE_HOURS_MAX: i64 = 366 * 24;
/// Differences that a verification of the ledger lists; the others are counted.
pub const DIFFERENCES_MAX: usize = 100;

const _: () = assert!(COMMAND_LIFE_MS <= hostmeter_core::limits::COMMAND_LIFE_MAX_MS);
// A block's customers, the meters and bad debt fit one transaction of the ledger.
// Each account of a block may have a customer of its own, that a reseller of its own, which pays and earns.
const _: () =
    assert!(3 * 1_024 + hostmeter_core::meter::Meter::COUNT < hostmeter_core::limits::TXN_ENTRIES_MAX);
/// Customers of a reseller that take their step with its own, when it is suspended or runs again.
pub const RESELLER_STEP_CUSTOMERS: i64 = 1_000;
/// Months of a reseller's margin in one answer.
pub const MARGIN_MONTHS: usize = 12;
const _: () = assert!(CHARGE_BLOCK_ACCOUNTS == 1_024);
/// Passwords that are hashed or checked at the same time: each takes about 20 MiB for some 30 ms.
pub const HASHES_MAX: usize = 2;
/// Life of a login in the panel, milliseconds.
pub const SESSION_LIFE_MS: i64 = 12 * 3_600_000;
/// Connections open at the same time; a further one ends the stranger that has been quiet for longest.
pub const CONNECTIONS_MAX: usize = 24_576;
/// File descriptors kept for everything that is no connection.
pub const DESCRIPTORS_SPARE: u64 = 256;
/// Fewest connections that are worth starting with.
pub const CONNECTIONS_MIN: usize = 64;
/// What a connection reads ahead, in bytes.
pub const READ_AHEAD_BYTES: usize = 8 * 1024;
/// How often the files of `[tls]` are looked at again.
pub const TLS_LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long each part of a TLS handshake may take to arrive; up to a quarter less.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// In so many steps less, one connection after the other.
pub const HANDSHAKE_STEPS: u32 = 64;
/// TLS handshakes that use CPU time at once; others wait for a turn.
pub const HANDSHAKES_MAX: usize = 4;
/// New connections that the kernel keeps until they are accepted; `net.core.somaxconn` may allow fewer.
pub const LISTEN_BACKLOG: u32 = 4_096;
/// How long a connection may wait for the next request's whole header: longer than agents pause between batches.
pub const HEADER_TIME: Duration = Duration::from_secs(75);
/// How long requests may take to end after a signal to stop.
pub const DRAIN_TIME: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Largest form of the panel, in bytes.
pub const LOGIN_FORM_MAX_BYTES: usize = 8 * 1024;
/// Tries to log in as one user within [`LOGIN_WINDOW_MS`]; one that succeeds gives its own back.
pub const LOGIN_TRIES_PER_LOGIN: u32 = 5;
/// Tries to log in from one address within [`LOGIN_WINDOW_MS`].
pub const LOGIN_TRIES_PER_ADDRESS: u32 = 20;
/// The time in which tries to log in are counted, milliseconds.
pub const LOGIN_WINDOW_MS: i64 = 60_000;
/// Counters of tries to log in, for users and for addresses each; two that share one are counted together.
pub const LOGIN_COUNTERS: usize = 4_096;
/// Logins of one user in the panel at the same time; a further one ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 20;
/// Longest address that a login leads back to, in bytes.
pub const NEXT_MAX_BYTES: usize = 500;
/// Rows of a list on a page of the panel.
pub const PANEL_ROWS_MAX: usize = 100;
/// Movements of money, events and commands on a page of the panel.
pub const PANEL_ENTRIES_MAX: usize = 50;
/// Stretches of not metering in full on the page of a host.
pub const PANEL_DEGRADED_MAX: usize = 10;
/// Movements that are looked through for those of one account.
pub const PANEL_SCAN_MAX: usize = 2_000;
/// Intervals after which a host that sends nothing is shown as silent.
pub const SILENT_INTERVALS: i64 = 6;
/// A host is never shown as silent sooner, milliseconds.
pub const SILENT_MIN_MS: i64 = 60_000;
/// How often a page with the last hour loads itself again, seconds.
pub const REFRESH_SEC: u64 = 30;

/// Longest name of the tax on statements, in characters.
pub const TAX_NAME_MAX_CHARS: usize = 16;
/// Referrers' shares that are credited in one transaction of the database.
pub const REFERRALS_MAX: usize = 100;
/// Lines of a statement's charges by account and meter, and of its corrections; beyond it accounts are added up.
pub const STATEMENT_LINES_MAX: usize = 10_000;
/// Movements that a statement lists one by one; beyond it they are added up by kind.
pub const STATEMENT_MOVEMENTS_MAX: usize = 10_000;
/// Customers whose first month is looked at in one write.
pub const FIRST_MONTHS_MAX: usize = 1_000;
/// Months that are closed in one write.
pub const STATEMENTS_PER_WRITE: usize = 16;
/// Pages of a statement as PDF.
pub const PDF_PAGES_MAX: usize = 500;
/// Transactions in one page of an export.
pub const EXPORT_PAGE_TXNS: usize = 500;
/// Pages of an export that are made before they are sent.
pub const EXPORT_PAGES_AHEAD: usize = 2;
/// Intervals of an hour that its explanation lists: one a second, and some.
pub const EXPLAIN_INTERVALS_MAX: usize = 4_000;
/// Payment gateways in the settings.
pub const PAYMENT_GATEWAYS_MAX: usize = 32;
/// Secrets of a payment gateway that count at the same time.
pub const PAYMENT_SECRETS_MAX: usize = 4;
/// Largest message of a payment gateway.
pub const PAYMENT_MESSAGE_MAX_BYTES: usize = 64 * 1024;
/// Longest id of a message of a payment gateway, in bytes. With the gateway's name it fits an idempotency key.
pub const PAYMENT_MESSAGE_ID_MAX_BYTES: usize = 200;
/// Top-ups of a customer that are listed as refundable, newest first.
pub const REFUNDABLE_MAX: usize = 1_000;

const _: () = assert!(PAYMENT_MESSAGE_ID_MAX_BYTES + 32 + 9 <= IDEMPOTENCY_KEY_MAX_BYTES);
const _: () = assert!(CONNECTIONS_MIN <= CONNECTIONS_MAX);
const _: () =
    assert!(LOGIN_TRIES_PER_LOGIN <= LOGIN_TRIES_PER_ADDRESS, "one user alone never uses up an address");
const _: () = assert!(PANEL_ENTRIES_MAX <= PANEL_SCAN_MAX && PANEL_ROWS_MAX <= PAGE_ROWS_MAX);
