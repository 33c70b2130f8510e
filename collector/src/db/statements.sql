-- Step 9: refunds that name what they give back, referrals, statements, and what payment gateways sent.

CREATE INDEX txn_by_reverses ON txn (reverses) WHERE reverses IS NOT NULL;

-- Who brought a customer. Named once, when the customer is made.
CREATE TABLE referred (
  customer INTEGER PRIMARY KEY REFERENCES customer (id),
  referrer INTEGER NOT NULL REFERENCES customer (id),
  CHECK (customer <> referrer)
) STRICT;
CREATE INDEX referred_by_referrer ON referred (referrer);

-- The referrer's share of a payment: credited once it is due. The rate is the one of the day of the payment.
CREATE TABLE referral (
  topup INTEGER PRIMARY KEY REFERENCES txn (id),
  referrer INTEGER NOT NULL REFERENCES customer (id),
  rate_ppm INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'credited', 'void')),
  credited INTEGER REFERENCES txn (id), -- the credit; NULL: not due yet, or nothing was left to share
  CHECK ((state = 'credited') = (credited IS NOT NULL))
) STRICT;
CREATE INDEX referral_due ON referral (due_ms, topup) WHERE state = 'waiting';

-- The month that is open for a customer. It moves on when its statement is closed, or when nothing was in it.
CREATE TABLE statement_period (
  customer INTEGER PRIMARY KEY REFERENCES customer (id),
  from_hour INTEGER NOT NULL,           -- the smallest number: from the very beginning
  to_hour INTEGER NOT NULL,
  scan_txn INTEGER NOT NULL DEFAULT 0   -- all that was recorded up to here stands in statements
) STRICT;
CREATE INDEX statement_period_due ON statement_period (to_hour, customer);
CREATE INDEX statement_period_from ON statement_period (from_hour);

CREATE TABLE statement (
  number INTEGER PRIMARY KEY,           -- without gaps, over all customers
  customer INTEGER NOT NULL REFERENCES customer (id),
  month INTEGER NOT NULL,               -- year × 100 + month in the billing zone
  from_hour INTEGER NOT NULL,
  to_hour INTEGER NOT NULL,
  last_txn INTEGER NOT NULL,            -- the latest transaction when it was closed
  opening INTEGER NOT NULL,
  closing INTEGER NOT NULL,
  charged INTEGER NOT NULL,             -- what usage cost, micro-units
  closed_ms INTEGER NOT NULL,
  body TEXT NOT NULL,                   -- everything that it shows, JSON
  UNIQUE (customer, to_hour)
) STRICT;

-- Charges of hours whose statement was closed already: they stand in the next one.
CREATE TABLE late_charge (
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  customer INTEGER NOT NULL REFERENCES customer (id),
  statement INTEGER REFERENCES statement (number),
  PRIMARY KEY (account, hour, rev)
) STRICT, WITHOUT ROWID;
CREATE INDEX late_charge_open ON late_charge (customer, account, hour, rev) WHERE statement IS NULL;
CREATE INDEX late_charge_by_statement ON late_charge (statement, account, hour, rev) WHERE statement IS NOT NULL;

CREATE TRIGGER statement_no_update BEFORE UPDATE ON statement BEGIN SELECT RAISE(ABORT, 'a statement is never changed'); END;
CREATE TRIGGER statement_no_delete BEFORE DELETE ON statement BEGIN SELECT RAISE(ABORT, 'a statement is never changed'); END;

-- What payment gateways sent with a good signature, for ever: the same message again gets the same answer.
CREATE TABLE payment_event (
  id INTEGER PRIMARY KEY,
  gateway TEXT NOT NULL,
  message TEXT NOT NULL,                -- the gateway's id of the message
  payload_hash BLOB NOT NULL,
  body TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('booked', 'kept', 'assigned', 'dismissed')),
  why TEXT NOT NULL DEFAULT '',         -- why it could not be booked
  answer TEXT NOT NULL,                 -- JSON
  txn INTEGER REFERENCES txn (id),
  UNIQUE (gateway, message)
) STRICT;
CREATE INDEX payment_event_kept ON payment_event (id) WHERE state = 'kept';
