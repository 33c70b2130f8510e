//! The parts of a statement on paper, from top to bottom.

use super::paper::{BODY, FAINT, HEADING, Ink, LEFT, Paper, RIGHT, STRONG, Style, TITLE};
use crate::billing::statement::body::Statement;
use hostmeter_core::money::Money;
use hostmeter_core::rating::Item;
use hostmeter_panel::{meter_label, quantity_text};

const ROW: f32 = 14.0;

/// A column: where it begins, or where it ends if it holds figures; how wide; its heading.
struct Column {
    at: f32,
    width: f32,
    figures: bool,
    head: &'static str,
}

const fn words(at: f32, width: f32, head: &'static str) -> Column {
    Column { at, width, figures: false, head }
}

const fn figures(at: f32, head: &'static str) -> Column {
    Column { at, width: 0.0, figures: true, head }
}

/// A table that goes on over pages, with its head again on each.
fn table(paper: &mut Paper, title: &str, columns: &[Column], rows: impl Iterator<Item = Vec<String>>) {
    paper.down(28.0, 4.0 * ROW);
    paper.text(LEFT, HEADING, title);
    paper.down(18.0, 3.0 * ROW);
    line(paper, columns, FAINT, columns.iter().map(|c| c.head));
    paper.rule();
    for row in rows {
        if paper.down(ROW, 0.0) {
            line(paper, columns, FAINT, columns.iter().map(|c| c.head));
            paper.rule();
            paper.down(ROW, 0.0);
        }
        line(paper, columns, BODY, row.iter().map(String::as_str));
    }
}

fn line<'a>(paper: &mut Paper, columns: &[Column], style: Style, cells: impl Iterator<Item = &'a str>) {
    for (column, cell) in columns.iter().zip(cells) {
        if column.figures {
            paper.text_to(column.at, style, cell);
        } else {
            paper.text_in(column.at, column.width, style, cell);
        }
    }
}

/// The sum below a table.
fn total(paper: &mut Paper, text: &str, amount: &str) {
    paper.rule();
    paper.down(ROW + 1.0, 0.0);
    paper.text(LEFT, STRONG, text);
    paper.text_to(RIGHT, STRONG, amount);
}

fn less(amount: Money) -> String {
    amount.checked_neg().unwrap_or_default().to_string()
}

/// The account, and of what a reseller pays for a customer, for whom.
fn account(name: Option<&String>, customer: Option<&String>) -> String {
    let name = name.map_or("all accounts", String::as_str);
    customer.map_or_else(|| name.to_owned(), |c| format!("{name} ({c})"))
}

fn label(item: Item) -> String {
    meter_label(item.name())
}

fn quantity(item: Item, quantity: i64) -> String {
    match item {
        Item::Meter(meter) => quantity_text(meter.name(), quantity),
        Item::Base => format!("{quantity} {}", item.unit()),
    }
}

/// Times are whole seconds: `2026-11-01 00:00 UTC`.
fn time(text: &str) -> String {
    format!("{} {} UTC", text.get(..10).unwrap_or(text), text.get(11..16).unwrap_or_default())
}

pub(super) fn head(paper: &mut Paper, s: &Statement) {
    paper.text(LEFT, TITLE, &format!("Statement {}", s.number));
    paper.text_to(RIGHT, HEADING, &s.month);
    paper.down(22.0, 0.0);
    let name = if s.name.is_empty() { &s.customer } else { &s.name };
    paper.text_in(LEFT, 300.0, STRONG, name);
    paper.text_to(RIGHT, FAINT, &format!("{} to {}", time(&s.from), time(&s.to)));
    paper.down(13.0, 0.0);
    let of = s.provider.as_ref().map(|p| format!(" of {p}")).unwrap_or_default();
    paper.text_in(LEFT, 300.0, FAINT, &format!("Customer {}{of}", s.customer));
    paper.text_to(RIGHT, FAINT, &format!("months of {}, closed {}", s.billing_zone, time(&s.closed)));
}

pub(super) fn summary(paper: &mut Paper, s: &Statement) {
    let moved = Money::checked_sum(s.movements.iter().map(|m| m.amount)).unwrap_or_default();
    paper.down(18.0, 90.0);
    paper.area(LEFT, paper.y, RIGHT - LEFT, 4.0 * 17.0 + 12.0, Ink::Shade);
    paper.down(4.0, 0.0);
    let rows = [
        ("Opening balance", s.opening.to_string(), BODY),
        ("Payments, refunds and credits", moved.to_string(), BODY),
        ("Usage", less(s.charged), BODY),
        ("Closing balance", s.closing.to_string(), STRONG),
    ];
    for (text, amount, style) in rows {
        paper.down(15.5, 0.0);
        paper.text(LEFT + 12.0, style, text);
        paper.text_to(RIGHT - 12.0, style, &format!("{amount} {}", s.currency));
    }
    paper.down(14.0, 0.0);
}

pub(super) fn charges(paper: &mut Paper, s: &Statement) {
    const COLUMNS: [Column; 4] = [
        words(LEFT, 180.0, "Account"),
        words(LEFT + 190.0, 130.0, "What"),
        figures(RIGHT - 90.0, "Quantity"),
        figures(RIGHT, "Amount"),
    ];
    let rows = s.charges.iter().map(|c| {
        let quantity = quantity(c.meter, c.quantity);
        vec![account(c.account.as_ref(), c.customer.as_ref()), label(c.meter), quantity, less(c.amount)]
    });
    table(paper, "Usage of the month", &COLUMNS, rows);
    let sum = Money::checked_sum(s.charges.iter().map(|c| c.amount)).unwrap_or_default();
    total(paper, "Usage of the month", &less(sum));
}

pub(super) fn corrections(paper: &mut Paper, s: &Statement) {
    const COLUMNS: [Column; 5] = [
        words(LEFT, 50.0, "Month"),
        words(LEFT + 56.0, 150.0, "Account"),
        words(LEFT + 214.0, 120.0, "What"),
        figures(RIGHT - 90.0, "Quantity"),
        figures(RIGHT, "Amount"),
    ];
    if s.corrections.is_empty() {
        return;
    }
    let rows = s.corrections.iter().map(|c| {
        let quantity = quantity(c.meter, c.quantity);
        vec![
            c.month.clone(),
            account(c.account.as_ref(), c.customer.as_ref()),
            label(c.meter),
            quantity,
            less(c.amount),
        ]
    });
    table(paper, "Late usage of months closed before", &COLUMNS, rows);
    let sum = Money::checked_sum(s.corrections.iter().map(|c| c.amount)).unwrap_or_default();
    total(paper, "Late usage", &less(sum));
}

pub(super) fn movements(paper: &mut Paper, s: &Statement) {
    const COLUMNS: [Column; 4] = [
        words(LEFT, 110.0, "When"),
        words(LEFT + 114.0, 70.0, "What"),
        words(LEFT + 188.0, 230.0, "Text"),
        figures(RIGHT, "Amount"),
    ];
    if s.movements.is_empty() {
        return;
    }
    let rows = s.movements.iter().map(|m| {
        let when = m.at.as_deref().map(time).unwrap_or_default();
        vec![when, m.kind.clone(), m.text.clone(), m.amount.to_string()]
    });
    table(paper, "Payments, refunds and credits", &COLUMNS, rows);
    let sum = Money::checked_sum(s.movements.iter().map(|m| m.amount)).unwrap_or_default();
    total(paper, "Payments, refunds and credits", &sum.to_string());
}

pub(super) fn tax(paper: &mut Paper, s: &Statement) {
    const COLUMNS: [Column; 4] = [
        words(LEFT, 180.0, "What"),
        figures(RIGHT - 200.0, "Without tax"),
        figures(RIGHT - 100.0, "Tax"),
        figures(RIGHT, "With tax"),
    ];
    if s.tax.tax.is_zero() {
        return;
    }
    let rows = s
        .tax
        .lines
        .iter()
        .map(|l| vec![label(l.meter), l.net.to_string(), l.tax.to_string(), l.gross.to_string()]);
    table(
        paper,
        &format!("{} {} %, contained in the amounts above", s.tax.name, s.tax.percent),
        &COLUMNS,
        rows,
    );
    paper.rule();
    paper.down(ROW + 1.0, 0.0);
    let sums = [(RIGHT - 200.0, s.tax.net), (RIGHT - 100.0, s.tax.tax), (RIGHT, s.tax.gross)];
    paper.text(LEFT, STRONG, "Together");
    for (at, sum) in sums {
        paper.text_to(at, STRONG, &sum.to_string());
    }
}
