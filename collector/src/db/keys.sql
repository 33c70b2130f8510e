-- Step 6: a host's key that was replaced by another, signed by both. The key stays 'good' in host_key unless it is
-- revoked; from until_ms on only the batches up to its end are taken of it.
CREATE TABLE key_rotation (
  old_key BLOB PRIMARY KEY REFERENCES host_key (key_id),
  new_key BLOB NOT NULL UNIQUE REFERENCES host_key (key_id),
  host INTEGER NOT NULL REFERENCES host (id),
  made_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  -- the last envelope that the old key sealed, as both keys say; NULL: not said yet
  end_epoch INTEGER, end_seq INTEGER, end_hash BLOB CHECK (length(end_hash) = 32),
  CHECK ((end_epoch IS NULL) = (end_seq IS NULL) AND (end_seq IS NULL) = (end_hash IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX key_rotation_by_host ON key_rotation (host);

-- Why an envelope was kept aside or does not count, and what was decided about it. NULL: from before this step.
ALTER TABLE envelope ADD COLUMN why TEXT;
CREATE INDEX envelope_held ON envelope (host, epoch, seq) WHERE status <> 'billed';
-- What staff decided about envelopes that were kept aside. Agents send the envelopes again after a restore, and this
-- says what becomes of them then.
CREATE TABLE held_decision (
  host INTEGER NOT NULL REFERENCES host (id), epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('released', 'discarded')),
  reason TEXT NOT NULL, actor TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (host, epoch, seq)
) STRICT, WITHOUT ROWID;
