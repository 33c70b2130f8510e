//! What each day of the month cost, as bars.

use super::paper::{FAINT, HEADING, Ink, LEFT, Paper, RIGHT};
use crate::billing::statement::body::Statement;
use hostmeter_core::money::Money;
use std::collections::HashMap;

const TALL: f32 = 96.0;
/// Room for the amounts at the left.
const AXIS: f32 = 64.0;

pub(super) fn days(paper: &mut Paper, s: &Statement) {
    let highest = s.days.iter().map(|d| d.amount.micros()).max().unwrap_or(0);
    if highest <= 0 {
        return;
    }
    paper.down(26.0, TALL + 30.0);
    paper.text(LEFT, HEADING, &format!("Cost by day, {}", s.currency));
    paper.down(12.0, TALL);
    let (top, base) = (paper.y, paper.y + TALL);
    let left = LEFT + AXIS;
    for (part, height) in [(0_i64, 0.0), (1, TALL / 2.0), (2, TALL)] {
        let y = base - height;
        paper.area(left, y, RIGHT - left, 0.5, Ink::Line);
        let amount = Money::from_micros(highest.saturating_mul(part).div_euclid(2));
        paper.y = y + 3.0;
        paper.text_to(left - 6.0, FAINT, &amount.rounded(4));
    }
    let by_date: HashMap<&str, i64> = s.days.iter().map(|d| (d.date.as_str(), d.amount.micros())).collect();
    let days = dates(s);
    let step = (RIGHT - left) / f32::from(u16::try_from(days.len()).unwrap_or(31).max(1));
    paper.y = base + 11.0;
    for (n, date) in (0_u16..).zip(&days) {
        let x = left + step * f32::from(n);
        let amount = by_date.get(date.as_str()).copied().unwrap_or(0).max(0);
        // In thousandths of the highest: finer than paper.
        let part = i128::from(amount).saturating_mul(1_000).div_euclid(i128::from(highest));
        let height = TALL * f32::from(u16::try_from(part).unwrap_or(1_000)) / 1_000.0;
        if amount > 0 {
            paper.area(x + step * 0.15, base - height.max(0.5), step * 0.7, height.max(0.5), Ink::Accent);
        }
        let day = n.saturating_add(1);
        if day == 1 || day.is_multiple_of(5) {
            let text = date.get(8..).unwrap_or_default();
            let width = paper.width(FAINT, text);
            paper.text(x + (step - width) / 2.0, FAINT, text);
        }
    }
    paper.y = top + TALL + 14.0;
}

/// Every day of the month, and those before it that a first statement may have.
fn dates(s: &Statement) -> Vec<String> {
    let first: Option<jiff::civil::Date> = format!("{}-01", s.month).parse().ok();
    let mut out: Vec<String> = Vec::with_capacity(31);
    if let Some(first) = first {
        let mut day = Some(first);
        while let Some(d) = day.filter(|d| d.month() == first.month()) {
            out.push(d.to_string());
            day = d.tomorrow().ok();
        }
    }
    out
}
