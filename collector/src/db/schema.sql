-- control.db: everything that money and commands rest on. One file, because one transaction must hold
-- envelope, hour totals and sequence number. Times are milliseconds since the epoch unless the name says hour.
-- Amounts are micro-units of the currency. This is step 1; later steps are files of their own. The meter columns of usage_hour are added from the table of meters
-- at every start (see migrate.rs).

-- Hosts ------------------------------------------------------------------------------------------------------------
CREATE TABLE host (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
  name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('pending', 'live', 'frozen', 'revoked')),
  made_ms INTEGER NOT NULL,
  epoch INTEGER NOT NULL DEFAULT 1,
  high_seq INTEGER NOT NULL DEFAULT 0,
  high_hash BLOB NOT NULL DEFAULT (zeroblob(32)),
  watermark_ms INTEGER,                 -- usage is known up to here
  last_seen_ms INTEGER,                 -- last verified envelope
  agent_version TEXT, tier TEXT, limited TEXT NOT NULL DEFAULT '', interval_ms INTEGER,
  cpu_ppm INTEGER, io_ppm INTEGER, memory_ppm INTEGER,
  next_command INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE host_key (
  key_id BLOB PRIMARY KEY CHECK (length(key_id) = 8),
  host INTEGER NOT NULL REFERENCES host (id),
  public_key BLOB NOT NULL CHECK (length(public_key) = 32),
  state TEXT NOT NULL CHECK (state IN ('good', 'revoked')),
  added_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE enrol_token (
  hash BLOB PRIMARY KEY,                -- SHA-256 of the secret
  host_name TEXT NOT NULL,
  approve INTEGER NOT NULL,             -- 1: live at once
  replace INTEGER NOT NULL DEFAULT 0,   -- 1: gives a host that exists a new key
  made_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_by BLOB,                         -- key id that used it
  answer BLOB                           -- the first answer's envelope, given again to the same key
) STRICT, WITHOUT ROWID;

-- status: billed (in hour totals), aside (host not live), quarantined (payload not understood or too old)
CREATE TABLE envelope (
  host INTEGER NOT NULL REFERENCES host (id),
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  received_ms INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('billed', 'aside', 'quarantined')),
  bytes BLOB,                           -- the envelope as received; NULL once forwarded and archived
  PRIMARY KEY (host, epoch, seq)
) STRICT;

CREATE INDEX envelope_aside ON envelope (host, epoch, seq) WHERE status = 'aside';

-- Envelopes that count, in the order in which they began to: what the usage store is filled from. Its position is a
-- serial; serials are never used again.
CREATE TABLE forward (
  serial INTEGER PRIMARY KEY AUTOINCREMENT,
  host INTEGER NOT NULL REFERENCES host (id), epoch INTEGER NOT NULL, seq INTEGER NOT NULL
) STRICT;

CREATE TABLE forked (                   -- bytes that contradict the chain, kept for a look
  host INTEGER NOT NULL REFERENCES host (id),
  hash BLOB NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  received_ms INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (host, hash)
) STRICT;

-- Accounts and usage -----------------------------------------------------------------------------------------------
CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,            -- shop@web1
  host INTEGER REFERENCES host (id),    -- NULL: made by the API, its host never enrolled
  uid INTEGER, user TEXT,               -- user NULL: no passwd entry; never billed or commanded
  home TEXT, home_inode INTEGER,
  customer INTEGER REFERENCES customer (id),
  made_ms INTEGER NOT NULL,
  last_seen_ms INTEGER,
  -- what the lifecycle wants of it, and how far the host came
  desired TEXT NOT NULL DEFAULT 'active' CHECK (desired IN ('active', 'suspended', 'deleted')),
  generation INTEGER NOT NULL DEFAULT 0,
  done_generation INTEGER NOT NULL DEFAULT 0,
  archive TEXT,
  -- how far a deletion came on the host; 'none' again once it is brought back
  deletion TEXT NOT NULL DEFAULT 'none' CHECK (deletion IN ('none', 'begun', 'done')),
  -- what staff wants whatever the balance; NULL: the lifecycle decides alone
  manual TEXT CHECK (manual IN ('suspended', 'deleted', 'restoring'))
) STRICT;
CREATE UNIQUE INDEX account_by_uid ON account (host, uid, user);
CREATE INDEX account_by_customer ON account (customer);

-- Who pays for an account's hours from `from_hour` on; `account.customer` is the owner named last.
CREATE TABLE account_owner (
  account INTEGER NOT NULL REFERENCES account (id),
  from_hour INTEGER NOT NULL,
  customer INTEGER NOT NULL REFERENCES customer (id),
  PRIMARY KEY (account, from_hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_owner_by_customer ON account_owner (customer, account);

CREATE TABLE usage_hour (
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,                -- hours since the epoch, UTC
  charged INTEGER NOT NULL DEFAULT 0,   -- 1: the totals below are in the ledger; any change sets it to 0
  PRIMARY KEY (account, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_hour_open ON usage_hour (hour, account) WHERE charged = 0;
CREATE INDEX usage_hour_open_by_account ON usage_hour (account, hour) WHERE charged = 0;

-- Usage metered elsewhere (POST /v1/usage-import)
CREATE TABLE import (
  idem_key TEXT PRIMARY KEY, payload_hash BLOB NOT NULL, accepted INTEGER NOT NULL, at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE import_total (
  source TEXT NOT NULL, account INTEGER NOT NULL, meter TEXT NOT NULL, hour INTEGER NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  PRIMARY KEY (account, hour, meter, source)
) STRICT, WITHOUT ROWID;

-- Money ------------------------------------------------------------------------------------------------------------
CREATE TABLE customer (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,            -- c-1
  title TEXT NOT NULL,
  billing_zone TEXT NOT NULL DEFAULT 'UTC',
  made_ms INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'active', -- word of core::lifecycle
  lifecycle TEXT NOT NULL DEFAULT '{}', -- the whole state as JSON
  hold INTEGER NOT NULL DEFAULT 0,
  had_topup INTEGER NOT NULL DEFAULT 0, -- 1: money came in at least once
  undelete INTEGER NOT NULL DEFAULT 0   -- 1: staff wants deleted accounts back, whatever the balance
) STRICT;

CREATE TABLE plan (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  currency TEXT NOT NULL,
  last_charged INTEGER                  -- latest hour charged under it; no version starts before the hour after
) STRICT;
CREATE TABLE price_version (
  id INTEGER PRIMARY KEY,
  plan INTEGER NOT NULL REFERENCES plan (id),
  from_hour INTEGER NOT NULL,
  body TEXT NOT NULL,                   -- canonical JSON of the plan file
  UNIQUE (plan, from_hour)
) STRICT;
CREATE TABLE customer_plan (
  customer INTEGER NOT NULL REFERENCES customer (id),
  from_hour INTEGER NOT NULL,
  plan INTEGER NOT NULL REFERENCES plan (id),
  PRIMARY KEY (customer, from_hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT; -- customer:c-1, revenue:cpu_usec

CREATE TABLE txn (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  idem_key TEXT NOT NULL UNIQUE,
  payload_hash BLOB NOT NULL,
  effective_ms INTEGER NOT NULL,
  recorded_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  reverses INTEGER REFERENCES txn (id),
  prev_hash BLOB NOT NULL CHECK (length(prev_hash) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE entry (
  txn INTEGER NOT NULL REFERENCES txn (id),
  line INTEGER NOT NULL,
  account INTEGER NOT NULL REFERENCES ledger_account (id),
  amount INTEGER NOT NULL,
  balance_after INTEGER NOT NULL,
  PRIMARY KEY (txn, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_by_account ON entry (account, txn, line);
-- What a request with an Idempotency-Key did, for ever
CREATE TABLE idem_request (
  key TEXT PRIMARY KEY, payload_hash BLOB NOT NULL, txn INTEGER NOT NULL REFERENCES txn (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE balance (account INTEGER PRIMARY KEY REFERENCES ledger_account (id), amount INTEGER NOT NULL) STRICT;

-- One charge of one account's hour. rev 0 is the first; later revisions post differences.
CREATE TABLE charge (
  account INTEGER NOT NULL REFERENCES account (id),
  hour INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  txn INTEGER REFERENCES txn (id),      -- NULL: amount is 0, nothing was posted
  customer INTEGER NOT NULL REFERENCES customer (id),
  amount INTEGER NOT NULL,              -- what the customer paid, micro-units
  lines BLOB NOT NULL,                  -- packed: meter, quantity before and after, price version, amount
  PRIMARY KEY (account, hour, rev)
) STRICT, WITHOUT ROWID;
CREATE INDEX charge_by_customer ON charge (customer, hour, account);

-- Cumulative quantities of a billing month, for F(q_after) - F(q_before)
CREATE TABLE rated (
  account INTEGER NOT NULL, customer INTEGER NOT NULL, month INTEGER NOT NULL, version INTEGER NOT NULL,
  quantities BLOB NOT NULL,
  PRIMARY KEY (account, customer, month, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER txn_no_update BEFORE UPDATE ON txn BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER txn_no_delete BEFORE DELETE ON txn BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER charge_no_update BEFORE UPDATE ON charge BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER charge_no_delete BEFORE DELETE ON charge BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END;
CREATE TRIGGER price_no_update BEFORE UPDATE ON price_version WHEN EXISTS (SELECT 1 FROM charge WHERE hour >= old.from_hour)
  AND EXISTS (SELECT 1 FROM rated WHERE version = old.id)
  BEGIN SELECT RAISE(ABORT, 'a price that was charged is never changed'); END;

-- Lifecycle, commands, alerts --------------------------------------------------------------------------------------
CREATE TABLE lifecycle_event (
  id INTEGER PRIMARY KEY,
  customer INTEGER NOT NULL REFERENCES customer (id),
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,                   -- balance.negative, account.suspend, …
  detail TEXT NOT NULL DEFAULT '',
  idem_key TEXT NOT NULL UNIQUE         -- life:CUSTOMER:EPISODE:TRANSITION
) STRICT;
CREATE INDEX lifecycle_event_by_customer ON lifecycle_event (customer, id);

-- A row for each number handed out. state: queued, sent, begun, done, failed, deferred, refused, stale, expired, superseded
CREATE TABLE command (
  id INTEGER PRIMARY KEY,
  host INTEGER NOT NULL REFERENCES host (id),
  number INTEGER,                       -- given when handed out
  account INTEGER NOT NULL REFERENCES account (id),
  generation INTEGER NOT NULL,
  action TEXT NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued',
  made_ms INTEGER NOT NULL,
  issued_ms INTEGER,                    -- when its number was given
  sent_ms INTEGER,                      -- when its bytes, or the word that its `begun` is known, went out last
  expires_ms INTEGER, updated_ms INTEGER,
  detail TEXT NOT NULL DEFAULT '',
  surfaces TEXT NOT NULL DEFAULT '[]',  -- JSON of core::wire::command::Surface
  archive TEXT,
  envelope BLOB,                        -- signed when handed out; sent again as those bytes
  UNIQUE (host, number)
) STRICT;
CREATE INDEX command_by_state ON command (host, state);
CREATE INDEX command_by_account ON command (account, id);

-- Single numbers: alive_ms (when the lifecycle last ran), breaker_reset_ms
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,             -- once for each cause
  kind TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL,
  raised_ms INTEGER NOT NULL, cleared_ms INTEGER
) STRICT;

-- People -----------------------------------------------------------------------------------------------------------
CREATE TABLE user (
  id INTEGER PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL,               -- argon2id, PHC string
  role TEXT NOT NULL CHECK (role IN ('customer', 'reseller', 'admin', 'auditor')),
  customer INTEGER REFERENCES customer (id),
  disabled INTEGER NOT NULL DEFAULT 0,
  made_ms INTEGER NOT NULL,
  CHECK ((role = 'customer') = (customer IS NOT NULL))
) STRICT;
CREATE TABLE token (                    -- bearer tokens; only their SHA-256 is kept
  hash BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES user (id), label TEXT NOT NULL,
  made_ms INTEGER NOT NULL, expires_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE session (                  -- logins of the panel; only the SHA-256 of the cookie is kept
  hash BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES user (id), csrf TEXT NOT NULL,
  made_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL DEFAULT ''
) STRICT;
