-- Step 8: what the lifecycle goes by beside the balance.
ALTER TABLE customer ADD COLUMN abuse TEXT;           -- why staff suspended the accounts, whatever the balance; NULL: it did not
ALTER TABLE customer ADD COLUMN low_below INTEGER;    -- tell when balance less pending falls below; NULL: the collector's setting
ALTER TABLE customer ADD COLUMN cap_day INTEGER;      -- most that may be spent a local day; NULL: no cap
ALTER TABLE customer ADD COLUMN cap_day_suspends INTEGER NOT NULL DEFAULT 0;   -- 1: suspend, 0: only tell
ALTER TABLE customer ADD COLUMN cap_month INTEGER;
ALTER TABLE customer ADD COLUMN cap_month_suspends INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;  -- 1: staff wants no suspension and no deletion
ALTER TABLE account ADD COLUMN purged_ms INTEGER;     -- what it held is gone for good since then
ALTER TABLE account ADD COLUMN budget INTEGER;        -- tell when it costs so much a billing month; NULL: no budget

-- Customers of whom an invariant is broken. accepted: staff has looked, and this very reason parks no more.
CREATE TABLE parked (
  customer INTEGER PRIMARY KEY REFERENCES customer (id),
  since_ms INTEGER NOT NULL, why TEXT NOT NULL, accepted INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What was charged by customer and local day of its billing zone (days since 1970-01-01): for forecasts and caps. It
-- follows from `charge`. Days before this step are UTC's.
CREATE TABLE spend (
  customer INTEGER NOT NULL REFERENCES customer (id),
  day INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY (customer, day)
) STRICT, WITHOUT ROWID;
INSERT INTO spend (customer, day, amount)
  SELECT customer, hour / 24, sum(amount) FROM charge
  WHERE hour >= (SELECT max(hour) FROM charge) - 24 * 40 GROUP BY 1, 2;
