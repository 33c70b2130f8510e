"""One sweep over all processes with psutil, the fields that the agent reads, every so many seconds."""
import sys
import time

import psutil

FIELDS = ["pid", "name", "uids", "create_time", "cpu_times", "memory_info", "io_counters", "num_threads"]

while True:
    begun = time.monotonic()
    swept = sum(1 for _ in psutil.process_iter(FIELDS))
    print(swept, flush=True)
    time.sleep(max(0, float(sys.argv[1]) - (time.monotonic() - begun)))
