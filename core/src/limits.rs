//! Every limit of the domain, by name, with the relations between them held at compile time.

/// Length of an envelope's header in bytes, signature included.
pub const ENVELOPE_HEADER_BYTES: usize = 220;
/// Bytes of the header that the signature covers.
pub const ENVELOPE_SIGNED_BYTES: usize = 156;
/// Largest stored payload of an envelope.
pub const PAYLOAD_STORED_MAX_BYTES: usize = 256 * 1024;
/// Largest payload after inflation.
pub const PAYLOAD_INFLATED_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Smaller payloads are not compressed: acknowledgements would hardly shrink.
pub const COMPRESS_MIN_BYTES: usize = 512;
/// Largest envelope on the wire.
pub const ENVELOPE_MAX_BYTES: usize = ENVELOPE_HEADER_BYTES + PAYLOAD_STORED_MAX_BYTES;
/// Longest escaped name, in characters.
pub const NAME_MAX_CHARS: usize = 96;
/// Commands listed for one account in one interval, `other` included.
pub const TOP_MAX: usize = 11;
/// Accounts in one part of a batch.
pub const PART_ACCOUNTS_MAX: usize = 1_000;
/// Parts of one batch.
pub const PARTS_MAX: u32 = 128;
/// Intervals in one batch.
pub const BATCH_INTERVALS_MAX: usize = 64;
/// Gaps in one interval.
pub const GAPS_MAX: usize = 64;
/// Longest free text that crosses the wire (reason, driver output), in bytes.
pub const TEXT_MAX_BYTES: usize = 4 * 1024;
/// An interval that ends this far beyond the collector's clock is set aside.
pub const FUTURE_MAX_MS: i64 = 120_000;
/// Envelopes that one question where to go on may name.
pub const RESUME_HELD_MAX: usize = 1_024;
/// A host that comes back with older state gets a new epoch only if the old one was silent so long.
pub const EPOCH_SILENT_MS: i64 = 15 * 60_000;
/// How old the collector's time may be that a question where to go on names, ms: an older one may have been kept.
pub const RESUME_FRESH_MS: i64 = 60_000;
/// After a rotation the old key of a host is accepted for so long beside the new one.
pub const ROTATION_OVERLAP_MS: i64 = 7 * 24 * 3_600_000;
/// Longest life of a command, in milliseconds.
pub const COMMAND_LIFE_MAX_MS: i64 = 24 * 3_600_000;
/// Longest life of a `delete` command, in milliseconds.
pub const DELETE_LIFE_MAX_MS: i64 = 10 * 60_000;
/// No account below this uid is ever commanded.
pub const COMMAND_UID_MIN: u32 = 1_000;

/// How far the time of a webhook's attempt may be off, seconds.
pub const WEBHOOK_TOLERANCE_SEC: i64 = 300;
/// Shortest key of webhooks, bytes (Standard Webhooks).
pub const WEBHOOK_KEY_MIN_BYTES: usize = 24;
/// Longest key of webhooks, bytes (Standard Webhooks).
pub const WEBHOOK_KEY_MAX_BYTES: usize = 64;
/// Signatures of one webhook that are looked at: one for each secret while secrets are rotated.
pub const WEBHOOK_SIGNATURES_MAX: usize = 16;

const _: () = assert!(ENVELOPE_HEADER_BYTES == ENVELOPE_SIGNED_BYTES + 64);
const _: () = assert!(PAYLOAD_STORED_MAX_BYTES <= PAYLOAD_INFLATED_MAX_BYTES);
const _: () =
    assert!(EPOCH_SILENT_MS < ROTATION_OVERLAP_MS, "a restored host gets its epoch within the overlap");
const _: () = assert!(DELETE_LIFE_MAX_MS <= COMMAND_LIFE_MAX_MS);
const _: () = assert!(NAME_MAX_CHARS >= 3 * 32, "a Linux user name of 32 bytes fits escaped");

/// Longest text of an amount, in bytes: sign, 13 digits, point, 6 decimals, and some leading zeros.
pub const MONEY_TEXT_MAX_BYTES: usize = 32;
/// Largest plan file.
pub const PLAN_TEXT_MAX_BYTES: usize = 64 * 1024;
/// Faults of a plan file that are listed.
pub const PLAN_FAULTS_MAX: usize = 100;
/// Characters of a faulty value that are shown.
pub const FAULT_VALUE_MAX_CHARS: usize = 80;
/// Tiers of one price.
pub const TIERS_MAX: usize = 32;
/// Longest name of a payment gateway, in bytes.
pub const GATEWAY_MAX_BYTES: usize = 32;
/// Longest reference of a payment, in bytes.
pub const PAYMENT_MAX_BYTES: usize = 128;
/// Entries of one transaction: one per customer charged together, one per meter.
pub const TXN_ENTRIES_MAX: usize = 4_096;
/// Rows of the lifecycle table that one call may take. The longest way (three flags, opened, grace, caps, suspended)
/// takes about ten.
pub const LIFECYCLE_ROWS_MAX: usize = 24;
/// Largest configuration file.
pub const CONFIG_TEXT_MAX_BYTES: usize = 256 * 1024;
/// Faults of a configuration file that are listed.
pub const CONFIG_FAULTS_MAX: usize = 100;
