-- Step 13: resellers: customers of the company that have customers of their own, with prices of their own.
ALTER TABLE customer ADD COLUMN resells INTEGER NOT NULL DEFAULT 0;      -- 1: it may have customers of its own
ALTER TABLE customer ADD COLUMN reseller INTEGER REFERENCES customer (id); -- whose customer it is, as named last; NULL: the company's
-- 1: `customer_reseller` has rows of it; customers without a reseller are charged without a look there.
ALTER TABLE customer ADD COLUMN resold INTEGER NOT NULL DEFAULT 0;
CREATE INDEX customer_by_reseller ON customer (reseller, name) WHERE reseller IS NOT NULL;

-- Whose customer it is from `from_hour` on; before the first row the company's.
CREATE TABLE customer_reseller (
  customer INTEGER NOT NULL REFERENCES customer (id),
  from_hour INTEGER NOT NULL,
  reseller INTEGER REFERENCES customer (id), -- NULL: the company's
  PRIMARY KEY (customer, from_hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_reseller_by_reseller ON customer_reseller (reseller, customer) WHERE reseller IS NOT NULL;

ALTER TABLE plan ADD COLUMN reseller INTEGER REFERENCES customer (id);   -- whose price list it is on; NULL: the company's
ALTER TABLE user ADD COLUMN reseller INTEGER REFERENCES customer (id) CHECK (reseller IS NULL OR role = 'reseller');

-- What a reseller pays for an hour of an account of one of its customers; revisions of its own beside those of `charge`.
CREATE TABLE wholesale (
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  txn INTEGER REFERENCES txn (id),      -- NULL: nothing was posted
  reseller INTEGER NOT NULL REFERENCES customer (id),
  amount INTEGER NOT NULL,              -- what the reseller paid, micro-units
  lines BLOB NOT NULL,                  -- packed as those of `charge`
  PRIMARY KEY (hour, account, rev)
) STRICT, WITHOUT ROWID;
CREATE INDEX wholesale_by_reseller ON wholesale (reseller, hour, account);
CREATE TRIGGER wholesale_no_update BEFORE UPDATE ON wholesale BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER wholesale_no_delete BEFORE DELETE ON wholesale BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;

-- The base fee that a reseller pays for an account's day, by the reseller's billing zone; as `base_fee`.
CREATE TABLE wholesale_fee (
  date INTEGER NOT NULL,
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,
  reseller INTEGER NOT NULL REFERENCES customer (id),
  version INTEGER REFERENCES price_version (id), -- NULL: no price held
  amount INTEGER NOT NULL,              -- micro-units
  txn INTEGER REFERENCES txn (id),      -- NULL: amount is 0, nothing was posted
  PRIMARY KEY (date, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX wholesale_fee_by_reseller ON wholesale_fee (reseller, hour, account);
CREATE TRIGGER wholesale_fee_no_update BEFORE UPDATE ON wholesale_fee BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER wholesale_fee_no_delete BEFORE DELETE ON wholesale_fee BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;

-- Wholesale charges of hours whose statement of the reseller was closed already; as `late_charge`.
CREATE TABLE late_wholesale (
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  reseller INTEGER NOT NULL REFERENCES customer (id),
  statement INTEGER REFERENCES statement (number),
  PRIMARY KEY (account, hour, rev)
) STRICT, WITHOUT ROWID;
CREATE INDEX late_wholesale_open ON late_wholesale (reseller, account, hour, rev) WHERE statement IS NULL;
CREATE INDEX late_wholesale_by_statement ON late_wholesale (statement, account, hour, rev) WHERE statement IS NOT NULL;

-- A price that only a reseller was charged by is never changed either.
DROP TRIGGER price_no_update;
CREATE TRIGGER price_no_update BEFORE UPDATE ON price_version
  WHEN (EXISTS (SELECT 1 FROM charge WHERE hour >= old.from_hour) OR EXISTS (SELECT 1 FROM wholesale WHERE hour >= old.from_hour))
  AND EXISTS (SELECT 1 FROM rated WHERE version = old.id)
  BEGIN SELECT RAISE(ABORT, 'a price that was charged is never changed'); END;
