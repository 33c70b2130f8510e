"""CPU microseconds of one sweep over all processes with psutil, the fields that the agent reads; mean of N sweeps.

A second argument is the time from one sweep to the next in seconds; without it they follow at once."""
import resource
import sys
import time

import psutil

FIELDS = ["pid", "name", "uids", "create_time", "cpu_times", "memory_info", "io_counters", "num_threads"]


def sweep():
    return sum(1 for _ in psutil.process_iter(FIELDS))


def spent():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


sweep()
count = int(sys.argv[1])
start = spent()
pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0
for _ in range(count):
    begun = time.monotonic()
    sweep()
    if pause:
        time.sleep(max(0, pause - (time.monotonic() - begun)))
print(int((spent() - start) * 1e6 / count))
