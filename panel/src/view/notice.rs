//! View data of notices and of how a customer is spoken to.

use super::Frame;

/// What became of a notice on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits, or is tried again.
    Pending,
    /// The receiver has it.
    Accepted,
    /// It failed for good.
    Failed,
}

/// One channel of a notice.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// `smtp`, `telegram`, `webhook:NAME`.
    pub channel: String,
    /// What became of it.
    pub state: DeliveryState,
    /// When it was settled, or is tried next.
    pub at_ms: Option<i64>,
    /// The receiver's last answer, or empty.
    pub detail: String,
}

/// One notice.
#[derive(Debug, Clone)]
pub struct NoticeRow {
    /// Its number.
    pub id: i64,
    /// When it was written.
    pub at_ms: i64,
    /// `balance.negative`, …
    pub kind: String,
    /// Its subject in the customer's language.
    pub subject: String,
    /// The whole text in the customer's language.
    pub text: String,
    /// By channel; empty: the panel alone shows it.
    pub deliveries: Vec<DeliveryRow>,
}

/// How a customer is spoken to; empty: not chosen.
#[derive(Debug, Clone, Default)]
pub struct ContactView {
    /// `en` or `ru`.
    pub language: String,
    /// Mail address.
    pub email: String,
    /// Telegram chat.
    pub telegram: String,
    /// Zone of the times shown.
    pub zone: String,
}

/// A customer's notices, for the customer or an admin.
#[derive(Debug, Clone)]
pub struct NoticesView {
    /// Who looks.
    pub frame: Frame,
    /// Customer id, e.g. `c-1`.
    pub customer: String,
    /// The customer's name.
    pub name: String,
    /// Path of this page; forms go to `PATH/contact` and `PATH/{id}/resend`.
    pub path: String,
    /// Whether the visitor may change the contact.
    pub can_change: bool,
    /// Whether the visitor may have a notice sent again.
    pub can_resend: bool,
    /// How the customer is spoken to.
    pub contact: ContactView,
    /// Newest first.
    pub notices: Vec<NoticeRow>,
    /// Whether there are older ones.
    pub has_more: bool,
}

impl NoticeRow {
    /// Whether a channel has it not.
    pub fn is_open(&self) -> bool {
        self.deliveries.iter().any(|d| d.state != DeliveryState::Accepted)
    }
}
