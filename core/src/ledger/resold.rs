//! Money of a reseller's customers: the reseller's business, in accounts of its own. The company neither holds nor owes
//! any of it.

use super::{Entry, IdemKey, LedgerAccount, LedgerError, Txn};
use crate::ids::CustomerId;

impl Txn {
    /// The same movement in a reseller's books: cash is `cash:reseller:ID`, whatever is given, given up or corrected is
    /// `reseller:ID`, and the key is the reseller's own, so that two resellers may use the same reference.
    ///
    /// # Errors
    /// None for a movement between a customer and one other account; others may name an account twice.
    pub fn of_reseller(&self, reseller: &CustomerId) -> Result<Self, LedgerError> {
        let account = |account: &LedgerAccount| match account {
            LedgerAccount::Cash(_) => LedgerAccount::ResellerCash(reseller.clone()),
            LedgerAccount::Revenue(_)
            | LedgerAccount::Tax
            | LedgerAccount::Promo
            | LedgerAccount::Referral
            | LedgerAccount::BadDebt => LedgerAccount::Reseller(reseller.clone()),
            LedgerAccount::Customer(_) | LedgerAccount::Reseller(_) | LedgerAccount::ResellerCash(_) => {
                account.clone()
            }
        };
        let entries = self.entries().iter();
        let entries = entries.map(|e| Entry { account: account(&e.account), amount: e.amount }).collect();
        let key = self.idem_key().map(|key| key.of_reseller(reseller));
        Self::new(self.kind(), key, self.effective_at_ms(), entries)
    }
}

impl IdemKey {
    /// The key of the same thing in a reseller's books: `topup:GATEWAY:PAYMENT` becomes `topup@RESELLER:GATEWAY:PAYMENT`.
    /// No kind of key has an `@` before its first colon, and no customer's id has a colon.
    pub fn of_reseller(&self, reseller: &CustomerId) -> Self {
        let (kind, rest) = self.as_str().split_once(':').unwrap_or((self.as_str(), ""));
        Self::stored(&format!("{kind}@{reseller}:{rest}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::ids::CustomerId;
    use crate::ledger::{
        ChargeBatch, Gateway, LedgerAccount, Payer, PaymentRef, Txn, adjustment, promo, refund, topup,
        write_off,
    };
    use crate::meter::Meter;
    use crate::money::Money;
    use crate::plan::PriceVersionId;
    use crate::rating::{Item, Line};

    fn id(text: &str) -> CustomerId {
        CustomerId::parse(text).unwrap()
    }

    fn shown(txn: &Txn) -> String {
        let entries = txn.entries().iter().map(|e| format!("{} {}", e.account, e.amount.micros()));
        format!("{}: {}", txn.idem_key().map_or("", |k| k.as_str()), entries.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn movements_in_a_resellers_books() {
        let check = |txn: Txn, want: &str| {
            assert_eq!(shown(&txn.of_reseller(&id("r-1")).unwrap()), want);
            for entry in txn.of_reseller(&id("r-1")).unwrap().entries() {
                assert_eq!(LedgerAccount::parse(&entry.account.to_string()).unwrap(), entry.account);
            }
        };
        let (c, ten) = (id("c-1"), Money::from_micros(10));
        let (gateway, at) = (Gateway::parse("manual").unwrap(), 0);
        let reference = PaymentRef::parse("p-1").unwrap();
        let paid = "topup@r-1:manual:p-1: customer:c-1 10, cash:reseller:r-1 -10";
        check(topup(&c, ten, &gateway, &reference, at).unwrap(), paid);
        let back = "refund@r-1:manual:p-1: customer:c-1 -10, cash:reseller:r-1 10";
        check(refund(&c, ten, &gateway, &reference, at).unwrap(), back);
        let given = "promo@r-1:p-1: customer:c-1 10, reseller:r-1 -10";
        check(promo(&c, ten, &reference, at).unwrap(), given);
        let lost = "write-off@r-1:p-1: customer:c-1 10, reseller:r-1 -10";
        check(write_off(&c, ten, &reference, at).unwrap(), lost);
        let revenue = LedgerAccount::Revenue(Item::Base);
        let mended = "adjust@r-1:p-1: customer:c-1 10, reseller:r-1 -10";
        check(adjustment(&c, ten, revenue, &reference, at).unwrap(), mended);
    }

    #[test]
    fn retail_is_the_resellers_and_wholesale_the_companys() {
        let line = |meter, micros| Line {
            meter,
            quantity_before: 0,
            quantity_after: 1,
            price_version: PriceVersionId {
                plan: crate::ids::PlanId::parse("basic").unwrap(),
                valid_from: crate::units::UtcHour(0),
            },
            amount: Money::from_micros(micros),
        };
        let mut batch = ChargeBatch::default();
        let retail = [line(Meter::CpuUsec, 50), line(Meter::NetTxBytes, 7)];
        batch.add(&Payer::Resold { customer: id("c-1"), reseller: id("r-1") }, &retail);
        batch.add(&Payer::Customer(id("r-1")), &[line(Meter::CpuUsec, 20)]);
        let txn = batch.finish(0).unwrap().unwrap();
        let want = ": customer:c-1 -57, customer:r-1 -20, revenue:cpu_usec 20, reseller:r-1 57";
        assert_eq!(shown(&txn), want);
    }
}
