-- Step 10: notices to customers and alerts to administrators, and what became of each on each channel.

-- How and in what words a customer is spoken to. NULL: the collector's language; no address; the billing zone.
ALTER TABLE customer ADD COLUMN language TEXT;
ALTER TABLE customer ADD COLUMN email TEXT;
ALTER TABLE customer ADD COLUMN telegram TEXT;
ALTER TABLE customer ADD COLUMN zone TEXT;

-- The channels of the configuration, written at every start, so that whoever writes a notice knows them.
CREATE TABLE channel (
  name TEXT PRIMARY KEY,                -- smtp, telegram, webhook:NAME
  kind TEXT NOT NULL CHECK (kind IN ('smtp', 'telegram', 'webhook')),
  to_customers INTEGER NOT NULL,        -- 1: carries notices to customers
  hands_over INTEGER NOT NULL,          -- 1: what it accepted counts as handed over to the customer
  alerts INTEGER NOT NULL               -- 1: carries alerts to administrators
) STRICT, WITHOUT ROWID;

-- A row for each notice, written by the transaction that stores its event
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  dedupe_key TEXT NOT NULL UNIQUE,      -- notice:CUSTOMER:EPISODE:KIND:THRESHOLD, alert:RAISED:WORD:KEY
  customer INTEGER REFERENCES customer (id), -- NULL: to administrators
  kind TEXT NOT NULL,                   -- balance.negative, …, alert.raised, alert.cleared
  episode INTEGER NOT NULL DEFAULT 0,
  at_ms INTEGER NOT NULL,
  data TEXT NOT NULL                    -- JSON: what the texts are made from
) STRICT;
CREATE INDEX outbox_by_customer ON outbox (customer, id);

-- What became of a notice on a channel
CREATE TABLE delivery (
  notice INTEGER NOT NULL REFERENCES outbox (id),
  channel TEXT NOT NULL,                -- not a reference: a channel may be gone from the configuration
  hands_over INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'accepted', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_ms INTEGER NOT NULL,             -- not tried again before
  settled_ms INTEGER,                   -- when it was accepted, or failed for good
  detail TEXT NOT NULL DEFAULT '',      -- the last answer
  resends INTEGER NOT NULL DEFAULT 0,   -- how often staff had it sent anew: each has an id of its own
  PRIMARY KEY (notice, channel),
  CHECK ((state = 'pending') = (settled_ms IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (channel, notice, next_ms) WHERE state = 'pending';
