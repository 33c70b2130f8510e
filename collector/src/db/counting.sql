-- Step 5: envelopes are stored first and counted soon after. Everything in `forward` up to this serial is in the hour
-- totals; what comes after it is stored and acknowledged, and waits for that. One row. Not in `meta`, which the journal
-- brings back: after a restore it must fit the envelopes that are there.
CREATE TABLE counted (
  serial INTEGER NOT NULL
) STRICT;
-- Before this step every envelope was counted when it was stored.
INSERT INTO counted (serial) VALUES (coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'forward'), 0));
