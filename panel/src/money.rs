//! Pages of money: what staff books by hand.

use crate::error::PanelError;
use crate::pages::{Base, Nav, render};
use crate::view::MoneyView;
use askama::Template;

#[derive(Template)]
#[template(path = "money.html")]
struct Money<'a> {
    base: &'a Base<'a>,
    v: &'a MoneyView,
}

/// The admin's page of refunds and adjustments of one customer.
///
/// # Errors
/// Only if rendering itself fails.
pub fn money_page(v: &MoneyView) -> Result<String, PanelError> {
    let base = &Base::new(Some(&v.frame), &format!("Money of {}", v.name), Nav::Customers);
    render("money", &Money { base, v })
}
