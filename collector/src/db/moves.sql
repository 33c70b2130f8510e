-- Step 11: the account that this one's bill goes on from, after it moved to another host: months and base fees are counted
-- there. NULL: its own. Never an account that has one itself.
ALTER TABLE account ADD COLUMN billing INTEGER REFERENCES account (id);
CREATE INDEX account_by_billing ON account (billing) WHERE billing IS NOT NULL;
