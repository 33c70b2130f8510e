//! Which tables are journalled: what nobody could send again.
//!
//! Every table of the schema stands here once; a test holds that, and a journal is not begun with a table that is
//! missing. A new table is [`Kind::Journalled`], unless everything in it follows from envelopes that agents keep until a
//! backup holds them.

/// What becomes of a table's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every write is in the journal, those of the columns named here aside: agents send them again.
    Journalled {
        /// Columns that follow from envelopes.
        refilled: &'static [&'static str],
    },
    /// Follows from envelopes: agents send again what no backup holds.
    Refilled,
    /// The journal's own.
    Own,
}

const WHOLE: Kind = Kind::Journalled { refilled: &[] };

/// Every table of control.db.
pub(super) const TABLES: &[(&str, Kind)] = &[
    (
        "host",
        Kind::Journalled {
            refilled: &[
                "high_seq",
                "high_hash",
                "watermark_ms",
                "last_seen_ms",
                "agent_version",
                "tier",
                "limited",
                "interval_ms",
                "cpu_ppm",
                "io_ppm",
                "memory_ppm",
                "spoke_ms",
                "behind_ms",
                // A restore's own.
                "refill_ms",
            ],
        },
    ),
    ("host_key", WHOLE),
    ("key_rotation", WHOLE),
    ("enrol_token", WHOLE),
    ("forked", WHOLE),
    ("account", Kind::Journalled { refilled: &["last_seen_ms"] }),
    ("account_owner", WHOLE),
    ("import", WHOLE),
    ("import_total", WHOLE),
    ("customer", WHOLE),
    ("plan", WHOLE),
    ("price_version", WHOLE),
    ("customer_plan", WHOLE),
    ("customer_zone", WHOLE),
    ("customer_reseller", WHOLE),
    ("account_state", WHOLE),
    ("base_fee", WHOLE),
    ("ledger_account", WHOLE),
    ("txn", WHOLE),
    ("entry", WHOLE),
    ("idem_request", WHOLE),
    ("balance", WHOLE),
    ("charge", WHOLE),
    ("rated", WHOLE),
    ("wholesale", WHOLE),
    ("wholesale_fee", WHOLE),
    ("late_wholesale", WHOLE),
    ("referred", WHOLE),
    ("referral", WHOLE),
    ("statement_period", WHOLE),
    ("statement", WHOLE),
    ("late_charge", WHOLE),
    ("payment_event", WHOLE),
    ("lifecycle_event", WHOLE),
    ("parked", WHOLE),
    ("spend", WHOLE),
    ("command", WHOLE),
    ("meta", WHOLE),
    ("alert", WHOLE),
    ("user", WHOLE),
    ("token", WHOLE),
    ("session", WHOLE),
    ("audit", WHOLE),
    ("backup", WHOLE),
    ("archived", WHOLE),
    ("epoch", WHOLE),
    ("held_decision", WHOLE),
    // What was handed over is not handed over again after a restore.
    ("channel", WHOLE),
    ("outbox", WHOLE),
    ("delivery", WHOLE),
    ("envelope", Kind::Refilled),
    ("gap", Kind::Refilled),
    ("forward", Kind::Refilled),
    ("counted", Kind::Refilled),
    // What imports added is added again by a restore, from `import_total`.
    ("usage_hour", Kind::Refilled),
    ("degraded", Kind::Refilled),
    ("journal_state", Kind::Own),
    ("journal_tail", Kind::Own),
];

/// What becomes of a table's writes; `None`: it is not in the list.
pub(super) fn kind(table: &str) -> Option<Kind> {
    TABLES.iter().find(|(name, _)| *name == table).map(|(_, kind)| *kind)
}
