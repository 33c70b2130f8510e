//! The settings that billing and lifecycle go by, taken from the configuration once.

use crate::config::{Breaker, Config};
use hostmeter_core::ids::PlanId;
use hostmeter_core::ledger::Ppm;
use hostmeter_core::lifecycle::Settings;
use hostmeter_core::money::{Currency, Money};

/// Settings of billing and lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The currency of the books.
    pub currency: Currency,
    /// Plan of a customer that names none.
    pub default_plan: PlanId,
    /// An hour of a silent host closes after this, milliseconds.
    pub close_lag_ms: i64,
    /// Durations and amounts of the lifecycle.
    pub lifecycle: Settings,
    /// Customers are told below this, unless they set another amount.
    pub low_below: Option<Money>,
    /// What a referrer gets of the payments of whom it brought.
    pub referral: Ppm,
    /// How long after a payment the referrer gets it, milliseconds.
    pub referral_delay_ms: i64,
    /// The tax in all prices.
    pub tax: Ppm,
    /// What statements call it.
    pub tax_name: String,
    /// How many suspensions and deletions a day are too many.
    pub breaker: Breaker,
}

impl Rules {
    /// From the collector's settings.
    pub fn new(config: &Config) -> Self {
        let b = &config.billing;
        let lifecycle = Settings {
            grace_ms: b.grace_ms,
            delete_after_ms: b.delete_after_ms,
            overdraft: b.overdraft,
            final_notice_ms: b.final_notice_ms,
            trust_month_ms: b.trust_month_ms,
            trust_max_ms: b.trust_max_ms,
            promise_trust_ms: b.promise_trust_ms,
            promise_ms: b.promise_ms,
            promise_every_ms: b.promise_every_ms,
            retention_ms: b.retention_ms,
            ..Settings::default()
        };
        Self {
            currency: b.currency,
            default_plan: b.default_plan.clone(),
            close_lag_ms: b.close_lag_ms,
            lifecycle,
            low_below: b.low_below,
            referral: b.referral,
            referral_delay_ms: b.referral_delay_ms,
            tax: b.tax,
            tax_name: b.tax_name.clone(),
            breaker: config.breaker,
        }
    }
}
