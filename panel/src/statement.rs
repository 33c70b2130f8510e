//! Pages of statements, charged hours, and explanations.

use crate::error::PanelError;
use crate::pages::{Base, Nav, render};
use crate::view::{ChargesView, ExplainView, Frame, Role, StatementListView, StatementView};
use askama::Template;

fn base<'a>(frame: &'a Frame, title: &str) -> Base<'a> {
    let nav = if frame.role == Role::Admin { Nav::Customers } else { Nav::Overview };
    Base::new(Some(frame), title, nav)
}

#[derive(Template)]
#[template(path = "statements.html")]
struct Statements<'a> {
    base: &'a Base<'a>,
    v: &'a StatementListView,
}

/// A customer's statements.
///
/// # Errors
/// Only if rendering itself fails; so for all pages of this file.
pub fn statements_page(v: &StatementListView) -> Result<String, PanelError> {
    render("statements", &Statements { base: &base(&v.frame, "Statements"), v })
}

#[derive(Template)]
#[template(path = "statement.html")]
struct Statement<'a> {
    base: &'a Base<'a>,
    v: &'a StatementView,
}

/// One statement.
///
/// # Errors
/// Only if rendering itself fails.
pub fn statement_page(v: &StatementView) -> Result<String, PanelError> {
    let title = format!("Statement {}", v.row.number);
    render("statement", &Statement { base: &base(&v.frame, &title), v })
}

#[derive(Template)]
#[template(path = "charges.html")]
struct Charges<'a> {
    base: &'a Base<'a>,
    v: &'a ChargesView,
}

/// The hours that a line of a statement is the sum of.
///
/// # Errors
/// Only if rendering itself fails.
pub fn charges_page(v: &ChargesView) -> Result<String, PanelError> {
    render("charges", &Charges { base: &base(&v.frame, &format!("Charges of {}", v.account)), v })
}

#[derive(Template)]
#[template(path = "explain.html")]
struct Explain<'a> {
    base: &'a Base<'a>,
    v: &'a ExplainView,
}

/// What explains a charge.
///
/// # Errors
/// Only if rendering itself fails.
pub fn explain_page(v: &ExplainView) -> Result<String, PanelError> {
    render("explain", &Explain { base: &base(&v.frame, &format!("Charge of {}", v.account)), v })
}
