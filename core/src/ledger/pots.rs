//! What a customer's credit is made of: money that came in, and credit that was given. Only money can go back out.
//!
//! Given credit is spent before money, so that as much as possible can be paid out. A correction of usage gives back
//! what was spent last, to where it came from. The rules need the movements in the order in which they were recorded.

use super::TxnKind;
use crate::money::Money;

/// Where spent credit came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pot {
    Given,
    Cash,
    Debt,
}

/// A customer's credit by origin, after the movements applied so far.
///
/// ```
/// use hostmeter_core::ledger::{Pots, TxnKind};
/// use hostmeter_core::money::Money;
/// let mut pots = Pots::default();
/// pots.apply(TxnKind::Topup, Money::from_micros(10));
/// pots.apply(TxnKind::Promo, Money::from_micros(5));
/// pots.apply(TxnKind::Charge, Money::from_micros(-7));
/// assert_eq!((pots.given(), pots.cash(), pots.debt()), (Money::ZERO, Money::from_micros(8), Money::ZERO));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pots {
    given: i64,
    cash: i64,
    debt: i64,
    /// What usage was paid from, the last one at the end; neighbours differ.
    spent: Vec<(Pot, i64)>,
}

impl Pots {
    /// Unspent money that came in: what can be paid out at most.
    pub const fn cash(&self) -> Money {
        Money::from_micros(self.cash)
    }

    /// Unspent credit that was given: promotions, referrals, adjustments.
    pub const fn given(&self) -> Money {
        Money::from_micros(self.given)
    }

    /// What is owed.
    pub const fn debt(&self) -> Money {
        Money::from_micros(self.debt)
    }

    /// Applies what a transaction booked on the customer. Sums saturate at the range of an amount, which a ledger
    /// whose balances fit never reaches.
    pub fn apply(&mut self, kind: TxnKind, amount: Money) {
        let micros = amount.micros();
        match kind {
            TxnKind::Charge if micros >= 0 => self.give_back(micros),
            TxnKind::Topup => self.add(Pot::Cash, micros),
            TxnKind::Refund => self.pay_out(micros.saturating_neg()),
            _ if micros >= 0 => self.add(Pot::Given, micros),
            _ => self.spend(micros.saturating_neg(), kind == TxnKind::Charge),
        }
    }

    fn pot(&mut self, pot: Pot) -> &mut i64 {
        match pot {
            Pot::Given => &mut self.given,
            Pot::Cash => &mut self.cash,
            Pot::Debt => &mut self.debt,
        }
    }

    /// Credit first pays what is owed: that usage was paid from it, then.
    fn add(&mut self, pot: Pot, micros: i64) {
        let paid = self.debt.min(micros);
        self.debt = self.debt.saturating_sub(paid);
        // Usage that is still owed stays the last one.
        let owed = self.spent.pop_if(|(last, _)| *last == Pot::Debt).map_or(0, |(_, part)| part);
        self.note(pot, owed.min(paid));
        self.note(Pot::Debt, owed.saturating_sub(paid));
        let rest = micros.saturating_sub(paid);
        let pot = self.pot(pot);
        *pot = pot.saturating_add(rest);
    }

    fn spend(&mut self, micros: i64, is_usage: bool) {
        let given = self.given.min(micros);
        let cash = self.cash.min(micros.saturating_sub(given));
        let debt = micros.saturating_sub(given).saturating_sub(cash);
        self.given = self.given.saturating_sub(given);
        self.cash = self.cash.saturating_sub(cash);
        self.debt = self.debt.saturating_add(debt);
        if is_usage {
            for (pot, part) in [(Pot::Given, given), (Pot::Cash, cash), (Pot::Debt, debt)] {
                self.note(pot, part);
            }
        }
    }

    fn pay_out(&mut self, micros: i64) {
        let cash = self.cash.min(micros);
        self.cash = self.cash.saturating_sub(cash);
        self.spend(micros.saturating_sub(cash), false);
    }

    fn give_back(&mut self, micros: i64) {
        let mut left = micros;
        while left > 0 {
            let Some((pot, part)) = self.spent.pop() else { break };
            let back = part.min(left);
            self.note(pot, part.saturating_sub(back));
            left = left.saturating_sub(back);
            if pot == Pot::Debt {
                self.debt = self.debt.saturating_sub(back);
            } else {
                self.add(pot, back);
            }
        }
        self.add(Pot::Given, left);
    }

    fn note(&mut self, pot: Pot, micros: i64) {
        if micros <= 0 {
            return;
        }
        match self.spent.last_mut().filter(|(last, _)| *last == pot) {
            Some((_, sum)) => *sum = sum.saturating_add(micros),
            None => self.spent.push((pot, micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `topup 10`, `charge -3`, …; then given, cash and debt.
    fn check(movements: &str, want: (i64, i64, i64)) {
        let mut pots = Pots::default();
        for movement in movements.split(", ") {
            let (kind, amount) = movement.split_once(' ').unwrap();
            pots.apply(TxnKind::from_name(kind).unwrap(), Money::from_micros(amount.parse().unwrap()));
        }
        assert_eq!((pots.given, pots.cash, pots.debt), want, "{movements}");
    }

    #[test]
    fn what_can_be_paid_out() {
        check("topup 10", (0, 10, 0));
        check("topup 10, promo 5", (5, 10, 0));
        check("topup 10, promo 5, charge -3", (2, 10, 0));
        check("topup 10, promo 5, charge -12", (0, 3, 0));
        // Money that was spent before the promotion came does not come back by it.
        check("topup 10, charge -10, promo 5", (5, 0, 0));
        check("charge -4, topup 10", (0, 6, 0));
        check("charge -4, promo 3, topup 10", (0, 9, 0));
        check("topup 10, refund -4", (0, 6, 0));
        check("topup 10, promo 5, refund -10", (5, 0, 0));
        check("topup 3, charge -5, write-off 2", (0, 0, 0));
        check("topup 10, referral 2, referral -2", (0, 10, 0));
        check("topup 10, referral 2, charge -2, referral -2", (0, 8, 0));
        check("topup 10, adjustment -3", (0, 7, 0));
        // A correction gives back what was spent last.
        check("topup 10, charge -10, charge 4", (0, 4, 0));
        check("topup 10, charge -10, promo 5, charge -5, charge 5", (5, 0, 0));
        check("topup 10, promo 5, charge -7, charge 4", (2, 10, 0));
        check("topup 1, charge -5, charge 4", (0, 0, 0));
        check("topup 1, charge -5, charge 5", (0, 1, 0));
        check("topup 1, charge -5, topup 4, charge 5", (0, 5, 0));
        check("topup 1, charge -5, promo 4, charge 5", (4, 1, 0));
        check("charge 3", (3, 0, 0));
    }

    proptest! {
        #[test]
        fn pots_make_up_the_balance_and_never_more_cash_than_came_in(
            movements in proptest::collection::vec((0_usize..5, 1_i64..50), 0..60),
        ) {
            let (mut pots, mut balance, mut came) = (Pots::default(), 0, 0);
            for (what, amount) in movements {
                let (kind, micros) = match what {
                    0 => (TxnKind::Topup, amount),
                    1 => (TxnKind::Promo, amount),
                    2 => (TxnKind::Charge, amount / 3),
                    3 => (TxnKind::Refund, -amount.min(pots.cash)),
                    _ => (TxnKind::Charge, -amount),
                };
                pots.apply(kind, Money::from_micros(micros));
                balance += micros;
                came += if matches!(kind, TxnKind::Topup | TxnKind::Refund) { micros } else { 0 };
                prop_assert_eq!(pots.given + pots.cash - pots.debt, balance);
                prop_assert!(pots.debt == 0 || pots.given + pots.cash == 0);
                prop_assert!(pots.given >= 0 && (0..=came).contains(&pots.cash) && pots.debt >= 0);
            }
        }
    }
}
