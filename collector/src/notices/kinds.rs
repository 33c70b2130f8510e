//! Every kind of notice, and who gets it.

/// A kind and whether it goes to the customer's own mail and chat. Webhooks and the panel get all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The event's name.
    pub name: &'static str,
    /// Mailed to the customer.
    pub is_mailed: bool,
}

const fn mailed(name: &'static str) -> Kind {
    Kind { name, is_mailed: true }
}

/// Steps between others, or of staff alone: shown, but nothing to write a mail for.
const fn shown(name: &'static str) -> Kind {
    Kind { name, is_mailed: false }
}

/// Every kind that has texts of its own.
pub const KINDS: &[Kind] = &[
    mailed("customer.opened"),
    mailed("balance.low"),
    mailed("balance.ok"),
    mailed("balance.negative"),
    mailed("balance.reminder"),
    mailed("balance.floor"),
    mailed("balance.recovered"),
    mailed("promise.opened"),
    mailed("promise.kept"),
    mailed("promise.broken"),
    mailed("account.suspend"),
    mailed("account.resume"),
    shown("account.delete"),
    mailed("account.deleted"),
    mailed("account.undelete"),
    shown("account.purge"),
    mailed("account.purged"),
    mailed("delete.notice"),
    mailed("delete.scheduled"),
    mailed("delete.cancelled"),
    shown("hold.set"),
    shown("hold.cleared"),
    mailed("abuse.set"),
    mailed("abuse.cleared"),
    mailed("provider.suspended"),
    mailed("provider.resumed"),
    shown("billing.parked"),
    shown("billing.unparked"),
    mailed("customer.closing"),
    mailed("customer.closed"),
    mailed("customer.reopened"),
    mailed("cap.reached"),
    mailed("budget.reached"),
    shown("balance.written-off"),
];

/// The notices of which one must be handed over before a suspension: whatever opened the episode.
pub const FIRST: [&str; 3] = ["balance.negative", "balance.floor", "cap.reached"];
/// The notice that must be handed over before a deletion.
pub const FINAL: &str = "delete.notice";
/// An alert was raised.
pub const ALERT_RAISED: &str = "alert.raised";
/// An alert is over.
pub const ALERT_CLEARED: &str = "alert.cleared";

/// The kind of that name. One without texts of its own is mailed with a general text: better than silence.
pub fn kind(name: &str) -> Option<Kind> {
    KINDS.iter().copied().find(|k| k.name == name)
}

/// Whether it goes to the customer's own mail and chat.
pub fn is_mailed(name: &str) -> bool {
    kind(name).is_none_or(|k| k.is_mailed)
}
