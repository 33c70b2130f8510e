-- Step 3: hosts that come back with older state, and numbers that are lost.
ALTER TABLE host ADD COLUMN spoke_ms INTEGER;  -- when the epoch in force last brought something new, or was granted
ALTER TABLE host ADD COLUMN behind_ms INTEGER; -- when the host came with older state and was told to wait; NULL: it did not
UPDATE host SET spoke_ms = coalesce(last_seen_ms, made_ms);

-- Epochs that were granted to a host beside its first; the nonce of the question gets the same answer again.
CREATE TABLE epoch (
  host INTEGER NOT NULL REFERENCES host (id),
  epoch INTEGER NOT NULL,
  nonce BLOB NOT NULL CHECK (length(nonce) = 16),
  old_epoch INTEGER NOT NULL,
  stored_seq INTEGER NOT NULL,          -- of the old epoch, how far the host's envelopes are stored
  watermark_ms INTEGER,
  granted_ms INTEGER NOT NULL,
  PRIMARY KEY (host, epoch)
) STRICT, WITHOUT ROWID;

-- Numbers that a host said are lost, as far as they were not stored.
CREATE TABLE gap (
  host INTEGER NOT NULL REFERENCES host (id),
  epoch INTEGER NOT NULL,
  from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  reason TEXT NOT NULL,
  bytes BLOB NOT NULL,                  -- the envelope as received
  PRIMARY KEY (host, epoch, to_seq)
) STRICT;
