//! Small pieces of HTML that templates use everywhere: times, quantities, amounts, badges, links.
//! Each escapes what it is given, and says in words what it also says by colour.

use crate::number;
use crate::time::{Clock, span};
use crate::view::{CommandStatus, HostState, LifecycleState, Quantity, Role, Severity, Tone};
use askama::filters::Safe;

/// Ready HTML.
pub(crate) type Html = Safe<String>;

/// What is shown where nothing is known.
const UNKNOWN: &str = "<span class=\"none\" title=\"not known\">–</span>";

/// The pieces for one page.
#[derive(Clone)]
pub(crate) struct Ui {
    pub(crate) clock: Clock,
    pub(crate) role: Role,
}

impl Ui {
    pub(crate) fn new(zone: &str, now_ms: i64, role: Role) -> Self {
        Self { clock: Clock::new(zone, now_ms), role }
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// A point in time.
    pub(crate) fn time(&self, ms: &i64) -> Html {
        self.tag(*ms, &self.clock.short(*ms))
    }

    pub(crate) fn maybe_time(&self, ms: &Option<i64>) -> Html {
        ms.map_or_else(unknown, |ms| self.time(&ms))
    }

    /// An age; the exact time is in the tooltip.
    pub(crate) fn ago(&self, ms: &Option<i64>) -> Html {
        ms.map_or_else(unknown, |ms| self.tag(ms, &self.clock.ago(ms)))
    }

    /// The hour that starts at `ms`.
    pub(crate) fn hour(&self, ms: &i64) -> Html {
        self.tag(*ms, &self.clock.hour(*ms))
    }

    /// From one time to another; the day is named once where both are on it.
    pub(crate) fn period(&self, from_ms: &i64, to_ms: &i64) -> Html {
        let same = self.clock.local(*from_ms, "%F") == self.clock.local(*to_ms, "%F");
        let end = if same { self.clock.local(*to_ms, "%H:%M") } else { self.clock.short(*to_ms) };
        Safe(format!("{} – {}", self.time(from_ms), self.tag(*to_ms, &end)))
    }

    /// A ledger entry's kind for people; an unknown one as it is.
    pub(crate) fn kind(&self, kind: &str) -> String {
        let names = [
            ("charge", "Usage"),
            ("topup", "Top-up"),
            ("adjustment", "Adjustment"),
            ("refund", "Refund"),
            ("promo", "Promotion"),
            ("referral", "Referral credit"),
            ("tax", "Tax"),
            ("write-off", "Write-off"),
        ];
        names.into_iter().find(|(k, _)| *k == kind).map_or(kind, |(_, name)| name).to_owned()
    }

    /// RFC 3339 in UTC.
    pub(crate) fn utc(&self, ms: &i64) -> String {
        Clock::utc(*ms)
    }

    fn tag(&self, ms: i64, text: &str) -> Html {
        let utc = Clock::utc(ms);
        Safe(format!("<time datetime=\"{utc}\" title=\"{utc}\">{text}</time>"))
    }

    /// A total for people, exact in the tooltip.
    pub(crate) fn total(&self, quantity: &Quantity, value: &Option<i64>) -> Html {
        let Some(value) = *value else { return unmeasured() };
        let (exact, text) = (number::exact(*quantity, value), number::total(*quantity, value));
        Safe(format!("<span title=\"{exact}\">{text}</span>"))
    }

    pub(crate) fn cpu(&self, value: &Option<i64>) -> Html {
        self.total(&Quantity::CpuUsec, value)
    }

    /// CPU that was certainly measured.
    pub(crate) fn cpu_used(&self, value: &i64) -> Html {
        self.cpu(&Some(*value))
    }

    pub(crate) fn cpu_exact(&self, value: &Option<i64>) -> String {
        self.exact(&Quantity::CpuUsec, value)
    }

    pub(crate) fn memory(&self, value: &Option<i64>) -> Html {
        self.total(&Quantity::KibSec, value)
    }

    pub(crate) fn bytes(&self, value: &Option<i64>) -> Html {
        self.total(&Quantity::Bytes, value)
    }

    /// An exact total with its unit.
    pub(crate) fn exact(&self, quantity: &Quantity, value: &Option<i64>) -> String {
        value.map_or_else(|| "not measured".to_owned(), |v| number::exact(*quantity, v))
    }

    /// The exact quantity of a ledger line, with unit.
    pub(crate) fn line_exact(&self, meter: &str, value: &i64) -> String {
        number::exact(number::quantity_of(meter), *value)
    }

    /// A ledger line's quantity for people.
    pub(crate) fn line_total(&self, meter: &str, value: &i64) -> String {
        number::total(number::quantity_of(meter), *value)
    }

    pub(crate) fn meter(&self, meter: &str) -> String {
        number::meter_label(meter)
    }

    pub(crate) fn count(&self, value: &i64) -> String {
        number::group(i128::from(*value))
    }

    pub(crate) fn maybe_count(&self, value: &Option<i64>) -> Html {
        value.map_or_else(unknown, |v| Safe(number::group(i128::from(v))))
    }

    /// A number that is a name: not grouped.
    pub(crate) fn maybe_plain(&self, value: &Option<i64>) -> Html {
        value.map_or_else(unknown, |v| Safe(v.to_string()))
    }

    pub(crate) fn seconds(&self, value: &Option<i64>) -> Html {
        value.map_or_else(unknown, |v| Safe(span(v)))
    }

    /// A length of time in seconds that is known.
    pub(crate) fn length(&self, seconds: &i64) -> String {
        span(*seconds)
    }

    /// A length of time: whole seconds where they are whole.
    pub(crate) fn interval(&self, ms: &i64) -> String {
        if ms % 1_000 == 0 { span(ms / 1_000) } else { format!("{} ms", number::group(i128::from(*ms))) }
    }

    pub(crate) fn coverage(&self, ppm: &Option<i64>) -> Html {
        ppm.map_or_else(unknown, |ppm| {
            let class = if ppm < 990_000 { "warn-text" } else { "" };
            Safe(format!("<span class=\"{class}\">{}</span>", number::percent_ppm(ppm)))
        })
    }

    /// An exact amount; a negative one gets a true minus.
    pub(crate) fn amount(&self, amount: &str) -> Html {
        let class = if amount.starts_with('-') { "amount neg" } else { "amount" };
        Safe(format!("<span class=\"{class}\">{}</span>", escape(&minus(amount))))
    }

    /// A change of the balance: always signed, with six decimals so that they line up.
    pub(crate) fn change(&self, amount: &str) -> Html {
        let credit = !amount.starts_with('-') && amount.chars().any(|c| ('1'..='9').contains(&c));
        let (class, sign) = if credit { ("amount pos", "+") } else { ("amount", "") };
        Safe(format!("<span class=\"{class}\">{sign}{}</span>", escape(&pad(&minus(amount)))))
    }

    pub(crate) fn maybe_amount(&self, amount: &Option<String>) -> Html {
        amount.as_ref().map_or_else(unknown, |a| self.amount(a))
    }

    /// A large amount: units and hundredths in front, the exact rest smaller. No digit is dropped.
    pub(crate) fn big_amount(&self, amount: &str) -> Html {
        let text = minus(amount);
        let cut = text.find('.').map_or(text.len(), |dot| (dot + 3).min(text.len()));
        let (head, rest) = text.split_at_checked(cut).unwrap_or((&text, ""));
        let class = if amount.starts_with('-') { "big-amount neg" } else { "big-amount" };
        let rest = if rest.is_empty() { String::new() } else { format!("<small>{}</small>", escape(rest)) };
        Safe(format!("<span class=\"{class}\">{}{rest}</span>", escape(head)))
    }

    pub(crate) fn state(&self, state: &LifecycleState) -> Html {
        let (tone, word) = state_words(*state);
        badge(tone, word)
    }

    pub(crate) fn host_state(&self, state: &HostState) -> Html {
        let (tone, word) = match state {
            HostState::Waiting => (Tone::Info, "Waits for approval"),
            HostState::Live => (Tone::Good, "Live"),
            HostState::Silent => (Tone::Bad, "Silent"),
            HostState::Frozen => (Tone::Warn, "Frozen"),
            HostState::Revoked => (Tone::Info, "Revoked"),
        };
        badge(tone, word)
    }

    /// A mark where a host is not metered in full.
    pub(crate) fn degraded(&self, is_degraded: &bool) -> Html {
        if *is_degraded { badge(Tone::Warn, "Not in full") } else { Safe(String::new()) }
    }

    pub(crate) fn command(&self, status: &CommandStatus) -> Html {
        let (tone, word) = match status {
            CommandStatus::Waiting => (Tone::Info, "Waiting"),
            CommandStatus::Running => (Tone::Info, "Running"),
            CommandStatus::Done => (Tone::Good, "Done"),
            CommandStatus::Failed => (Tone::Bad, "Failed"),
            CommandStatus::Stale => (Tone::Info, "Overtaken"),
        };
        badge(tone, word)
    }

    pub(crate) fn outcome(&self, ok: &bool) -> Html {
        if *ok { badge(Tone::Good, "ok") } else { badge(Tone::Bad, "failed") }
    }

    pub(crate) fn severity(&self, severity: &Severity) -> Html {
        let (tone, word) = match severity {
            Severity::Info => (Tone::Info, "Info"),
            Severity::Warning => (Tone::Warn, "Warning"),
            Severity::Critical => (Tone::Bad, "Critical"),
        };
        badge(tone, word)
    }

    /// Class of a tone.
    pub(crate) fn tone(&self, tone: &Tone) -> &'static str {
        tone_class(*tone)
    }

    pub(crate) fn account_url(&self, id: &str) -> String {
        format!("/accounts/{}", path_segment(id))
    }

    pub(crate) fn host_url(&self, name: &str) -> String {
        format!("/admin/hosts/{}", path_segment(name))
    }

    pub(crate) fn customer_url(&self, id: &str) -> String {
        format!("/admin/customers/{}", path_segment(id))
    }
}

/// Tone and word of a lifecycle state.
pub(crate) fn state_words(state: LifecycleState) -> (Tone, &'static str) {
    match state {
        LifecycleState::Unassigned => (Tone::Info, "Not billed"),
        LifecycleState::Active => (Tone::Good, "Active"),
        LifecycleState::Low => (Tone::Warn, "Low balance"),
        LifecycleState::Grace => (Tone::Warn, "In grace"),
        LifecycleState::Promised => (Tone::Warn, "Payment promised"),
        LifecycleState::Suspended => (Tone::Bad, "Suspended"),
        LifecycleState::Deleting => (Tone::Bad, "Deleting"),
        LifecycleState::Deleted => (Tone::Bad, "Deleted"),
        LifecycleState::Purged => (Tone::Info, "Purged"),
        LifecycleState::Parked => (Tone::Warn, "Parked"),
        LifecycleState::Closed => (Tone::Info, "Closed"),
    }
}

pub(crate) fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Info => "info",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
    }
}

fn badge(tone: Tone, word: &str) -> Html {
    Safe(format!("<span class=\"badge {}\">{word}</span>", tone_class(tone)))
}

fn unknown() -> Html {
    Safe(UNKNOWN.to_owned())
}

fn unmeasured() -> Html {
    Safe("<span class=\"none\" title=\"not measured\">–</span>".to_owned())
}

fn minus(amount: &str) -> String {
    amount.strip_prefix('-').map_or_else(|| amount.to_owned(), |rest| format!("−{rest}"))
}

/// Fills the decimals of an amount up to micro-units; text that is no amount stays as it is.
fn pad(amount: &str) -> String {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
    let number = whole.trim_start_matches('−');
    if number.is_empty() || !number.chars().chain(decimals.chars()).all(|c| c.is_ascii_digit()) {
        return amount.to_owned();
    }
    format!("{whole}.{decimals:0<6}")
}

/// Escapes text for HTML content and attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// One segment of a path: everything but RFC 3986 unreserved characters and `@` is percent-encoded.
pub(crate) fn path_segment(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ui() -> Ui {
        Ui::new("UTC", 1_795_262_700_000, Role::Customer)
    }

    #[test]
    fn amounts_keep_every_digit() {
        let rows = [
            ("12.345678", "<span class=\"big-amount\">12.34<small>5678</small></span>"),
            ("-0.5", "<span class=\"big-amount neg\">−0.5</span>"),
            ("7", "<span class=\"big-amount\">7</span>"),
            ("<b>", "<span class=\"big-amount\">&lt;b&gt;</span>"),
        ];
        for (amount, html) in rows {
            assert_eq!(ui().big_amount(amount).0, html);
        }
        assert_eq!(ui().amount("<b>").0, "<span class=\"amount\">&lt;b&gt;</span>");
        assert_eq!(ui().change("10.00").0, "<span class=\"amount pos\">+10.000000</span>");
        assert_eq!(ui().change("ten").0, "<span class=\"amount\">ten</span>");
        assert_eq!(ui().change("0.000000").0, "<span class=\"amount\">0.000000</span>");
        assert_eq!(ui().change("-0.001").0, "<span class=\"amount\">−0.001000</span>");
    }

    #[test]
    fn missing_is_not_zero() {
        assert!(ui().cpu(&None).0.contains("not measured"));
        assert_eq!(ui().cpu(&Some(0)).0, "<span title=\"0 µs\">0 s</span>");
        assert!(ui().maybe_count(&None).0.contains("not known"));
    }

    #[test]
    fn ids_are_safe_in_paths() {
        let rows = [
            ("shop@web1", "shop@web1"),
            ("a%2Fb@w", "a%252Fb@w"),
            ("../x?y#z", "..%2Fx%3Fy%23z"),
            ("é", "%C3%A9"),
        ];
        for (id, path) in rows {
            assert_eq!(path_segment(id), path);
        }
    }
}
