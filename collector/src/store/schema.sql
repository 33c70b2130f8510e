-- usage.db: time series. Times are milliseconds since the epoch; account and host are rows of control.db.
-- Rows carry the envelope they are from, so that storing it again changes nothing.
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meter (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS usage (
  account INTEGER NOT NULL, from_ms INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  to_ms INTEGER NOT NULL,
  vals BLOB NOT NULL,                   -- see pack.rs
  PRIMARY KEY (account, from_ms, epoch, seq)
) STRICT, WITHOUT ROWID;
-- One row for each part; the parts of an interval have the same times.
CREATE TABLE IF NOT EXISTS host (
  host INTEGER NOT NULL, from_ms INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  to_ms INTEGER NOT NULL,
  measured BLOB NOT NULL,
  totals TEXT,                          -- JSON of core::wire::batch::HostTotals
  PRIMARY KEY (host, from_ms, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (
  host INTEGER NOT NULL, from_ms INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL,
  to_ms INTEGER NOT NULL,
  meter TEXT NOT NULL, uid INTEGER, reason TEXT NOT NULL,
  PRIMARY KEY (host, from_ms, epoch, seq, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS top (
  account INTEGER NOT NULL, at_ms INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
  commands TEXT NOT NULL,               -- JSON of core::wire::batch::TopCommand
  PRIMARY KEY (account, at_ms, epoch, seq)
) STRICT, WITHOUT ROWID;
