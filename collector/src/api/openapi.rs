//! The API's description, made from the handlers.

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hostmeter",
        description = "Usage, bills and lifecycle of hosting accounts. Amounts are decimal strings, times RFC 3339 in UTC, errors application/problem+json with a stable `code`."
    ),
    paths(
        super::batches::enroll,
        super::batches::batches,
        super::resume::gaps,
        super::resume::resume,
        super::keys::rotate,
        super::accounts::list,
        super::accounts::get,
        super::imports::add_account,
        super::imports::assign_account,
        super::imports::import_usage,
        super::held::list_held,
        super::held::release,
        super::held::discard,
        super::usage::usage_of,
        super::usage::top_of,
        super::fleet::show_fleet,
        super::fleet::list_alerts,
        super::hosts::make_token,
        super::hosts::list,
        super::hosts::get,
        super::degraded::degraded,
        super::hosts::approve,
        super::hosts::thaw,
        super::hosts::revoke,
        super::keys::revoke_key,
        super::users::create,
        super::users::list,
        super::users::set_password,
        super::users::disable,
        super::users::make_token,
        super::money::add_customer,
        super::money::list_customers,
        super::money::show_customer,
        super::money::show_balance,
        super::money::show_ledger,
        super::money::change_plan,
        super::money::top_up,
        super::money::adjust,
        super::refunds::refund,
        super::refunds::show_refundable,
        super::payments::take_message,
        super::payments::list_payments,
        super::payments::assign,
        super::payments::dismiss,
        super::statements::list_statements,
        super::statements::show_statement,
        super::statements::list_corrections,
        super::explain::list_charges,
        super::explain::explain_charge,
        super::export::export_ledger,
        super::money::list_plans,
        super::money::show_plan,
        super::money::set_plan,
        super::money::make_quote,
        super::money::charge_run,
        super::money::verify_ledger,
        super::rating::change_zone,
        super::rating::move_account,
        super::rating::replay_plan,
        super::lifecycle::suspend,
        super::lifecycle::resume,
        super::lifecycle::delete,
        super::lifecycle::undelete,
        super::lifecycle::hold,
        super::lifecycle::events,
        super::notices::list_notices,
        super::notices::resend,
        super::notices::show_contact,
        super::notices::set_contact,
        super::lifecycle::show_breaker,
        super::lifecycle::breaker_reset,
        super::standing::show,
        super::standing::promise,
        super::standing::close,
        super::standing::reopen,
        super::standing::abuse,
        super::standing::unpark_customer,
        super::standing::caps,
        super::standing::hold,
        super::standing::budget,
        super::commands::commands_or_list,
        super::commands::show_command,
        super::commands::retry_command,
        super::resellers::list,
        super::resellers::make,
        super::resellers::show_margin,
        super::resellers::assign,
        super::ops::healthz,
        super::ops::readyz,
        super::ops::metrics,
        super::ops::openapi,
    ),
    security(("token" = [])),
    modifiers(&Tokens)
)]
struct Description;

struct Tokens;

impl utoipa::Modify for Tokens {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        api.components.get_or_insert_with(Default::default).add_security_scheme("token", bearer);
    }
}

/// The description as it is served.
pub fn text() -> String {
    // Strings and maps with string keys only: this cannot fail.
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    /// After a change that is meant: `UPDATE_OPENAPI=1 cargo test -p hostmeter-collector openapi`, then read the diff.
    #[test]
    fn the_golden_file_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let text = super::text();
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap();
        assert!(text == golden, "the API changed: run this test with UPDATE_OPENAPI=1 and read the diff");
    }
}
