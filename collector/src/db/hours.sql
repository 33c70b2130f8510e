-- Step 12: usage and charges lie hour by hour, in the order of their accounts. An hour of all accounts is then written and
-- charged in neighbouring pages, whatever the file holds already; by account first, each account's hour is on a page of its
-- own. One account's hours are found by their numbers. The meter columns of `usage_hour` follow in migrate.rs, which also
-- moves its rows.
DROP INDEX usage_hour_open;
DROP INDEX usage_hour_open_by_account;
ALTER TABLE usage_hour RENAME TO usage_hour_old;
CREATE TABLE usage_hour (
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,                -- hours since the epoch, UTC
  charged INTEGER NOT NULL DEFAULT 0,   -- 1: the totals are in the ledger; any change sets it to 0
  PRIMARY KEY (hour, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_hour_open ON usage_hour (hour, account) WHERE charged = 0;
CREATE INDEX usage_hour_open_by_account ON usage_hour (account, hour) WHERE charged = 0;

DROP TRIGGER price_no_update;
DROP INDEX charge_by_customer;
CREATE TABLE charge_new (
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  txn INTEGER REFERENCES txn (id),      -- NULL: amount is 0, nothing was posted
  customer INTEGER NOT NULL REFERENCES customer (id),
  amount INTEGER NOT NULL,              -- what the customer paid, micro-units
  lines BLOB NOT NULL,                  -- packed: meter, quantity before and after, price version, amount
  PRIMARY KEY (hour, account, rev)
) STRICT, WITHOUT ROWID;
INSERT INTO charge_new (account, hour, rev, txn, customer, amount, lines)
  SELECT account, hour, rev, txn, customer, amount, lines FROM charge ORDER BY hour, account, rev;
DROP TABLE charge;
ALTER TABLE charge_new RENAME TO charge;
CREATE INDEX charge_by_customer ON charge (customer, hour, account);
CREATE TRIGGER charge_no_update BEFORE UPDATE ON charge BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER charge_no_delete BEFORE DELETE ON charge BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;

-- The months' quantities, those of one month together.
CREATE TABLE rated_new (
  account INTEGER NOT NULL, customer INTEGER NOT NULL, month INTEGER NOT NULL, version INTEGER NOT NULL,
  quantities BLOB NOT NULL,
  PRIMARY KEY (month, account, customer, version)
) STRICT, WITHOUT ROWID;
INSERT INTO rated_new (account, customer, month, version, quantities)
  SELECT account, customer, month, version, quantities FROM rated ORDER BY month, account, customer, version;
DROP TABLE rated;
ALTER TABLE rated_new RENAME TO rated;
CREATE TRIGGER price_no_update BEFORE UPDATE ON price_version WHEN EXISTS (SELECT 1 FROM charge WHERE hour >= old.from_hour)
  AND EXISTS (SELECT 1 FROM rated WHERE version = old.id)
  BEGIN SELECT RAISE(ABORT, 'a price that was charged is never changed'); END;
