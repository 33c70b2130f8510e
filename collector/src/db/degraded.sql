-- Step 2: stretches of time in which a host was not metered in full. Neighbours of one tier and one reason are one
-- row; it grows while that goes on.
CREATE TABLE degraded (
  id INTEGER PRIMARY KEY,
  host INTEGER NOT NULL REFERENCES host (id),
  from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  lasted_ms INTEGER NOT NULL,           -- of the stretch, how long it was so: short full metering in between is left out
  tier TEXT NOT NULL, why TEXT NOT NULL,
  cpu_ppm INTEGER, io_ppm INTEGER, memory_ppm INTEGER -- lowest coverage seen; NULL: never known
) STRICT;
CREATE INDEX degraded_by_host ON degraded (host, to_ms);
