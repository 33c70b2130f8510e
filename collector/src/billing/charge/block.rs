//! One block: the accounts `[1024·n, 1024·(n+1))` of one hour, charged in one transaction of the ledger.

use super::base::{self, BaseDraft};
use super::rate::{OpenHour, RatedHour, Side, month_so_far, rate};
use super::wholesale::{self, Resold};
use crate::alerts;
use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::billing::ledger::{self, Posting};
use crate::billing::pack::encode_values;
use crate::billing::rates::{Payer, Rates};
use crate::billing::rules::Rules;
use crate::billing::{lifecycle, parked, plans, spend, statement, usage};
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::CHARGE_BLOCK_ACCOUNTS;
use hostmeter_core::ids::AccountId;
use hostmeter_core::ledger::{ChargeBatch, IdemKey, Payer as LedgerPayer, Txn};
use hostmeter_core::meter::Values;
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::key::sha256;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::LazyLock;

/// Which accounts of which hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// The hour.
    pub hour: UtcHour,
    /// Rows of accounts divided by [`CHARGE_BLOCK_ACCOUNTS`].
    pub number: i64,
}

impl Block {
    /// Rows of its accounts, `[first, past)`.
    pub(super) const fn accounts(self) -> (i64, i64) {
        let first = self.number.saturating_mul(CHARGE_BLOCK_ACCOUNTS);
        (first, first.saturating_add(CHARGE_BLOCK_ACCOUNTS))
    }
}

/// What charging a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockDone {
    /// Rows of the accounts with an hour charged.
    pub accounts: Vec<i64>,
    /// What their customers paid, micro-units.
    pub amount: i64,
    /// Hosts with a new command: they are to be woken.
    pub wake: BTreeSet<i64>,
}

/// A charge on its way into the ledger.
struct Draft {
    account: i64,
    billing: i64,
    payer: Rc<Payer>,
    /// The account was deleted: nobody pays any more.
    bad_debt: bool,
    price: crate::billing::rates::Price,
    rated: RatedHour,
    /// What a reseller pays for the same usage, if the customer is one's.
    resold: Option<Box<Resold>>,
}

impl Draft {
    fn paid(&self) -> i64 {
        if self.bad_debt { 0 } else { self.rated.amount }
    }

    /// Whether it books anything: a correction may move revenue between meters at a sum of zero. What came after the
    /// deletion is no reseller's revenue.
    fn books(&self) -> bool {
        !(self.bad_debt && self.resold.is_some()) && self.rated.lines.iter().any(|l| !l.amount.is_zero())
    }
}

/// The first block after `after` that has usage not charged yet, or base fees not decided yet, in an hour before
/// `until`.
pub fn next_block(
    conn: &Connection,
    after: Option<Block>,
    until: UtcHour,
) -> Result<Option<Block>, BillingError> {
    let (hour, account) = match after {
        Some(b) => (b.hour.0, b.number.saturating_add(1).saturating_mul(CHARGE_BLOCK_ACCOUNTS)),
        None => (i64::MIN, i64::MIN),
    };
    let sql =
        "SELECT hour, account FROM usage_hour WHERE charged = 0 AND (hour, account) >= (?1, ?2) AND hour < ?3
               ORDER BY hour, account LIMIT 1";
    let found = conn
        .prepare_cached(sql)?
        .query_row(params![hour, account, until.0], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))
        .optional()?;
    let usage = found.map(|(hour, account)| Block {
        hour: UtcHour(hour),
        number: account.div_euclid(CHARGE_BLOCK_ACCOUNTS),
    });
    let base = base::next_block(conn, after, until)?;
    Ok([usage, base].into_iter().flatten().min())
}

/// Charges what is closed in a block, and takes the lifecycle steps of its customers.
pub fn charge_block(
    tx: &Transaction<'_>,
    block: Block,
    rules: &Rules,
    actor: &str,
    now_ms: i64,
) -> Result<BlockDone, BillingError> {
    let mut rates = Rates::default();
    let mut drafts = Vec::new();
    let mut owners = BTreeSet::new();
    let parked = parked::all(tx)?;
    let closed = closed(tx, block, rules, now_ms)?;
    let mut months = Months::new(&closed.hours);
    let mut settled = Settled { all: closed.all, accounts: Vec::with_capacity(closed.hours.len()) };
    for Closed { open, deleted, owner } in closed.hours {
        // Usage of an account without a customer, or without a passwd entry, is stored and shown, and never billed.
        let Some(owner) = owner else {
            settled.accounts.push(open.account);
            continue;
        };
        // Whose books are broken is not debited: the hour stays open.
        let reseller = rates.payer(tx, owner)?.reseller_at(open.hour);
        if parked.contains(&owner) || reseller.is_some_and(|r| parked.contains(&r)) {
            settled.all = false;
            continue;
        }
        owners.insert(owner);
        owners.extend(reseller);
        match draft(tx, &mut rates, &open, owner, deleted, &mut months) {
            Ok(draft) => {
                settled.accounts.push(open.account);
                drafts.push(draft);
            }
            // One account's impossible figures must not stop the others; the hour stays open and is named.
            Err(BillingError::Rating(e)) => {
                settled.all = false;
                alerts::raise(
                    tx,
                    &format!("rating:{}:{}", open.id, open.hour),
                    "rating",
                    open.id.as_str(),
                    &e.to_string(),
                    now_ms,
                )?;
            }
            Err(e) => return Err(e),
        }
    }
    settled.freeze(tx, block)?;
    let mut fees = base::drafts(tx, &mut rates, block, now_ms)?;
    // A day that begins while nothing may be debited costs nothing.
    for fee in fees.iter_mut().filter(|f| parked.contains(&f.payer.customer.row)) {
        (fee.version, fee.amount) = (None, 0);
    }
    owners.extend(fees.iter().map(|f| f.payer.customer.row).filter(|c| !parked.contains(c)));
    store(tx, block, &drafts, &fees, actor, now_ms)?;
    let paid = drafts.iter().map(|d| (d.payer.as_ref(), d.paid()));
    let paid = paid.chain(fees.iter().map(|f| (f.payer.as_ref(), f.amount)));
    let resold =
        drafts.iter().filter_map(|d| d.resold.as_ref().map(|r| (r.payer.as_ref(), r.paid(d.bad_debt))));
    spend::note(tx, block.hour, paid.chain(resold))?;
    let retail = fees.iter().filter(|f| f.side == Side::Retail);
    let amount = retail.fold(0, |sum: i64, f| sum.saturating_add(f.amount));
    let mut done = BlockDone { amount, ..BlockDone::default() };
    for draft in &drafts {
        done.accounts.push(draft.account);
        done.amount = done.amount.saturating_add(draft.paid());
    }
    note_plans(tx, block.hour, &drafts)?;
    for customer in owners {
        // A customer whose accounts span blocks takes its step with the last of them; a reseller's are its customers', too.
        let resells = rates.payer(tx, customer)?.customer.resells;
        let is_last = !has_more(tx, (customer, resells), block, rules, now_ms)?
            && !base::has_more(tx, &mut rates, customer, block, now_ms)?;
        if is_last {
            done.wake.extend(lifecycle::run(tx, &mut rates, customer, rules, now_ms)?);
        }
    }
    base::done(tx, block, now_ms)?;
    Ok(done)
}

/// No price of the plans that the hour was charged by may start before it ends.
fn note_plans(tx: &Transaction<'_>, hour: UtcHour, drafts: &[Draft]) -> Result<(), BillingError> {
    for draft in drafts {
        let wholesale = draft.resold.as_ref().and_then(|r| r.price.plan);
        for plan in draft.price.plan.into_iter().chain(wholesale) {
            plans::note_charged(tx, plan, hour)?;
        }
    }
    Ok(())
}

/// Whether a later block of the same hour charges accounts of this customer, too. A run that is killed before it leaves
/// them to the next run.
fn has_more(
    conn: &Connection,
    (customer, resells): (i64, bool),
    block: Block,
    rules: &Rules,
    now_ms: i64,
) -> Result<bool, BillingError> {
    macro_rules! more_of {
        ($whose:literal) => {
            concat!(
                "SELECT EXISTS (SELECT 1 FROM account_owner o
                 CROSS JOIN usage_hour u ON u.account = o.account AND u.hour = ?2 AND u.charged = 0
                 CROSS JOIN account a ON a.id = o.account LEFT JOIN host h ON h.id = a.host
                 WHERE ", $whose, " AND o.account >= ?3 AND o.from_hour <= ?2
                   AND (a.host IS NULL OR (a.user IS NOT NULL AND (h.watermark_ms >= ?4 OR (?5 AND coalesce(h.refill_ms, 0) < ?4)))))"
            )
        };
    }
    let sql = match resells {
        false => more_of!("o.customer = ?1"),
        true => more_of!(
            "o.customer IN (SELECT ?1 UNION SELECT customer FROM customer_reseller WHERE reseller = ?1)"
        ),
    };
    let end_ms = block.hour.end_ms();
    let lagged = now_ms >= end_ms.saturating_add(rules.close_lag_ms);
    let past = block.number.saturating_add(1).saturating_mul(CHARGE_BLOCK_ACCOUNTS);
    Ok(conn
        .prepare_cached(sql)?
        .query_row(params![customer, block.hour.0, past, end_ms, lagged], |r| r.get(0))?)
}

/// Accounts whose hour is dealt with.
struct Settled {
    /// Whether those are all of the block that have open usage in the hour.
    all: bool,
    accounts: Vec<i64>,
}

impl Settled {
    /// What the totals hold now is in the ledger.
    fn freeze(&self, tx: &Transaction<'_>, block: Block) -> Result<(), BillingError> {
        if self.all {
            let (first, past) = block.accounts();
            let sql = "UPDATE usage_hour SET charged = 1 WHERE hour = ?1 AND account >= ?2 AND account < ?3 AND charged = 0";
            tx.prepare_cached(sql)?.execute([block.hour.0, first, past])?;
            return Ok(());
        }
        let mut one =
            tx.prepare_cached("UPDATE usage_hour SET charged = 1 WHERE hour = ?1 AND account = ?2")?;
        for account in &self.accounts {
            one.execute([block.hour.0, *account])?;
        }
        Ok(())
    }
}

/// An hour that is closed and not charged.
struct Closed {
    open: OpenHour,
    deleted: bool,
    /// Who pays; `None`: nobody.
    owner: Option<i64>,
}

/// The closed hours of a block.
struct ClosedHours {
    hours: Vec<Closed>,
    /// Whether no other hour of the block is open.
    all: bool,
}

/// The block's hours that are closed and not charged.
fn closed(conn: &Connection, block: Block, rules: &Rules, now_ms: i64) -> Result<ClosedHours, BillingError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT u.account, a.name, a.deletion = 'done', coalesce(a.billing, u.account),
                    a.host IS NULL OR coalesce(h.watermark_ms >= ?4, 0) OR (?5 AND coalesce(h.refill_ms, 0) < ?4),
                    CASE WHEN a.host IS NULL OR a.user IS NOT NULL THEN
                      (SELECT o.customer FROM account_owner o WHERE o.account = u.account AND o.from_hour <= ?1
                       ORDER BY o.from_hour DESC LIMIT 1) END,
                    EXISTS (SELECT 1 FROM charge c WHERE c.hour = ?1 AND c.account = u.account), {}
             FROM usage_hour u JOIN account a ON a.id = u.account LEFT JOIN host h ON h.id = a.host
             WHERE u.charged = 0 AND u.hour = ?1 AND u.account >= ?2 AND u.account < ?3
             ORDER BY u.account",
            *usage::COLUMNS
        )
    });
    let end_ms = block.hour.end_ms();
    let mut out = ClosedHours { hours: Vec::new(), all: true };
    if now_ms < end_ms {
        return Ok(ClosedHours { all: false, ..out });
    }
    let (first, past) = block.accounts();
    let lagged = now_ms >= end_ms.saturating_add(rules.close_lag_ms);
    let mut stmt = conn.prepare_cached(&SQL)?;
    let mut rows = stmt.query(params![block.hour.0, first, past, end_ms, lagged])?;
    while let Some(r) = rows.next()? {
        if !r.get::<_, bool>(4)? {
            out.all = false;
            continue;
        }
        let account = r.get(0)?;
        let id = AccountId::parse(r.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)
            .map_err(|e| BillingError::damaged(format!("account {account}"), e))?;
        let open = OpenHour {
            account,
            billing: r.get(3)?,
            id,
            hour: block.hour,
            is_charged: r.get(6)?,
            total: usage::values(r, 7)?,
        };
        out.hours.push(Closed { open, deleted: r.get(2)?, owner: r.get(5)? });
    }
    Ok(out)
}

/// Account that is billed, customer, month, price version.
pub(super) type MonthKey = (i64, i64, i64, i64);

/// Quantities of months within a block: an account that moved to another host shares them with what it was before, and
/// both may be in the block.
pub(super) struct Months {
    moved: BTreeSet<i64>,
    latest: HashMap<MonthKey, Values>,
}

impl Months {
    fn new(closed: &[Closed]) -> Self {
        let moved = closed.iter().filter(|c| c.open.billing != c.open.account).map(|c| c.open.billing);
        Self { moved: moved.collect(), latest: HashMap::new() }
    }

    pub(super) fn so_far(&self, conn: &Connection, key: MonthKey) -> Result<Values, BillingError> {
        match self.latest.get(&key) {
            Some(month) => Ok(month.clone()),
            None => month_so_far(conn, key.0, key.1, key.2, key.3),
        }
    }

    pub(super) fn note(&mut self, key: MonthKey, month: &Values) {
        if self.moved.contains(&key.0) {
            self.latest.insert(key, month.clone());
        }
    }
}

fn draft(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    open: &OpenHour,
    owner: i64,
    bad_debt: bool,
    months: &mut Months,
) -> Result<Draft, BillingError> {
    let payer = rates.payer(tx, owner)?;
    let price = rates.price(tx, &payer, open.hour)?;
    let month = match &price.version {
        Some(v) => months.so_far(tx, (open.billing, owner, price.month, v.row))?,
        None => Values::new(),
    };
    let rated = rate(tx, open, &price, &month)?;
    if let Some(v) = &price.version {
        months.note((open.billing, owner, price.month, v.row), &rated.month);
    }
    let resold = match payer.reseller_at(open.hour) {
        Some(reseller) => Some(Box::new(wholesale::draft(tx, rates, open, reseller, months)?)),
        None => None,
    };
    Ok(Draft { account: open.account, billing: open.billing, payer, bad_debt, price, rated, resold })
}

/// Writes the block's transaction, its charges and the months' quantities.
fn store(
    tx: &Transaction<'_>,
    block: Block,
    drafts: &[Draft],
    fees: &[BaseDraft],
    actor: &str,
    now_ms: i64,
) -> Result<(), BillingError> {
    let mut batch = ChargeBatch::default();
    let mut digest = Vec::new();
    let blobs: Vec<Vec<u8>> = drafts.iter().map(|d| d.rated.packed.encode()).collect();
    for (draft, blob) in drafts.iter().zip(&blobs).filter(|(d, _)| d.books()) {
        let reseller = draft.resold.as_ref().map(|r| &r.payer.customer);
        let payer = match draft.bad_debt {
            true => LedgerPayer::BadDebt,
            false => ledger_payer(&draft.payer.customer, reseller),
        };
        batch.add(&payer, &draft.rated.lines);
        let rev = draft.rated.rev;
        put_digest(&mut digest, draft.account, block.hour, rev, draft.payer.customer.row, draft.paid(), blob);
    }
    base::put(&mut batch, &mut digest, fees, Side::Retail);
    let resold: Vec<_> =
        drafts.iter().filter_map(|d| Some((d.account, d.bad_debt, d.resold.as_deref()?))).collect();
    wholesale::put(&mut batch, &mut digest, block.hour, &resold);
    base::put(&mut batch, &mut digest, fees, Side::Wholesale);
    let txn = match batch.finish(block.hour.end_ms())? {
        Some(txn) => {
            let key = IdemKey::stored(&next_key(tx, block)?);
            let txn = Txn::new(txn.kind(), Some(key), txn.effective_at_ms(), txn.entries().to_vec())?;
            let charges = sha256(&digest);
            let posting = Posting { txn: &txn, actor, reason: "", charges: &charges };
            Some(ledger::post(tx, &posting, now_ms)?.txn)
        }
        None => None,
    };
    base::store(tx, block.hour, fees, txn)?;
    let mut charge = tx.prepare_cached(
        "INSERT INTO charge (account, hour, rev, txn, customer, amount, lines) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut rated = tx.prepare_cached(
        "INSERT INTO rated (account, customer, month, version, quantities) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (account, customer, month, version) DO UPDATE SET quantities = excluded.quantities",
    )?;
    let closed = statement::Closed::read(tx)?;
    wholesale::store(tx, block.hour, &resold, txn, closed)?;
    for (draft, blob) in drafts.iter().zip(&blobs).filter(|(d, _)| !d.rated.packed.lines.is_empty()) {
        let customer = draft.payer.customer.row;
        let txn = txn.filter(|_| draft.books());
        charge.execute(params![
            draft.account,
            block.hour.0,
            draft.rated.rev,
            txn,
            customer,
            draft.paid(),
            blob
        ])?;
        statement::Posting::Charge.note_late(
            tx,
            closed,
            customer,
            draft.account,
            (block.hour, draft.rated.rev),
        )?;
        if let Some(version) = &draft.price.version {
            let month = encode_values(&draft.rated.month);
            rated.execute(params![draft.billing, customer, draft.price.month, version.row, month])?;
        }
    }
    Ok(())
}

/// Who owes a charge to whom.
pub(super) fn ledger_payer(customer: &Customer, reseller: Option<&Customer>) -> LedgerPayer {
    let customer = customer.id.clone();
    match reseller {
        Some(reseller) => LedgerPayer::Resold { customer, reseller: reseller.id.clone() },
        None => LedgerPayer::Customer(customer),
    }
}

/// Appends a charge to what its transaction's hash covers.
pub(in crate::billing) fn put_digest(
    out: &mut Vec<u8>,
    account: i64,
    hour: UtcHour,
    rev: i64,
    customer: i64,
    amount: i64,
    lines: &[u8],
) {
    for number in [account, hour.0, rev, customer, amount] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&sha256(lines));
}

/// `charge:HOUR:BLOCK:N`, N counting the transactions of this block: late usage makes another.
fn next_key(conn: &Connection, block: Block) -> Result<String, BillingError> {
    let prefix = format!("charge:{}:{}:", block.hour, block.number);
    // ';' follows ':' in ASCII: all keys with this prefix, by the index.
    let past = format!("charge:{}:{};", block.hour, block.number);
    let sql = "SELECT COUNT(*) FROM txn WHERE idem_key >= ?1 AND idem_key < ?2";
    let n: i64 = conn.prepare_cached(sql)?.query_row([&prefix, &past], |r| r.get(0))?;
    Ok(format!("{prefix}{n}"))
}
