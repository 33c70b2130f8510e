-- Step 7: what base fees rest on.
-- The zones of a customer's billing months, once they changed: the first row holds from the very beginning, each further
-- one from the start of a billing month. `customer.billing_zone` is the one named last. No row: it never changed.
CREATE TABLE customer_zone (
  customer INTEGER NOT NULL REFERENCES customer (id),
  from_hour INTEGER NOT NULL,
  zone TEXT NOT NULL,
  PRIMARY KEY (customer, from_hour)
) STRICT, WITHOUT ROWID;

-- What the lifecycle or staff wanted of an account from when on; before the first row it was active.
CREATE TABLE account_state (
  account INTEGER NOT NULL REFERENCES account (id),
  from_ms INTEGER NOT NULL,
  desired TEXT NOT NULL,
  PRIMARY KEY (account, from_ms)
) STRICT, WITHOUT ROWID;
INSERT INTO account_state (account, from_ms, desired) SELECT id, 0, desired FROM account WHERE desired <> 'active';

-- The base fee of an account's day, decided once: in the first hour of the day in which somebody owns the account and it
-- is not suspended or deleted. Rows are made as soon as any price version has a base fee.
CREATE TABLE base_fee (
  date INTEGER NOT NULL,                -- 20261121, by the customer's billing zone
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,                -- that first hour
  customer INTEGER NOT NULL REFERENCES customer (id),
  version INTEGER REFERENCES price_version (id), -- NULL: no price held
  amount INTEGER NOT NULL,              -- micro-units
  txn INTEGER REFERENCES txn (id),      -- NULL: amount is 0, nothing was posted
  PRIMARY KEY (date, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX base_fee_by_customer ON base_fee (customer, hour, account);
CREATE TRIGGER base_fee_no_update BEFORE UPDATE ON base_fee BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER base_fee_no_delete BEFORE DELETE ON base_fee BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
-- `meta`: base_from is the first hour for which base fees were decided, base_hour the first for which they were not yet.
