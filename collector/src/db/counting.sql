-- Step 3: envelopes are stored first and counted soon after. Everything in `forward` up to the number in meta that is
-- called counted_serial is in the hour totals; what comes after it is stored and acknowledged, and waits for that.
-- Before this step every envelope was counted when it was stored.
INSERT INTO meta (key, value)
VALUES ('counted_serial', coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'forward'), 0));
