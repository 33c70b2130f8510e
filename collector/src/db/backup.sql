-- Step 4: what backups cover, and where the journal stands.

-- Verified backups, and up to where each holds every host's envelopes
CREATE TABLE backup (
  id INTEGER PRIMARY KEY,
  made_ms INTEGER NOT NULL,             -- when the copy was begun
  path TEXT NOT NULL,                   -- its directory
  serial INTEGER NOT NULL               -- of the journal: what came later is replayed on top
) STRICT;
CREATE TABLE archived (
  host INTEGER NOT NULL REFERENCES host (id), epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (host, epoch)
) STRICT, WITHOUT ROWID;

-- One row: the last transaction with a record for the journal, and the hash of that record. Without a journal the hash
-- is random, made anew at every start, so that a journal with writes missing in between never fits.
CREATE TABLE journal_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  serial INTEGER NOT NULL, head BLOB NOT NULL CHECK (length(head) = 32)
) STRICT;
-- Records that may not be in the journal yet, written by the transactions that they describe
CREATE TABLE journal_tail (serial INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;

-- Set by a restore: hours that ended by then were charged, and their usage comes again from the host's agent. They wait
-- for it, however long the host is silent.
ALTER TABLE host ADD COLUMN refill_ms INTEGER;
