"""Adds up the CPU of each uid as a poller does: once a second, what each process used since it was last seen.

A process that is new counts from its birth; those that ran before the first look do not. Prints the sums so far in
microseconds as a line of JSON, {"uid": usec}, after each look.
"""
import json
import time

import psutil

FIELDS = ["pid", "uids", "create_time", "cpu_times"]
seen = None
sums = {}
while True:
    now = {}
    for process in psutil.process_iter(FIELDS):
        i = process.info
        if i["uids"] is None or i["cpu_times"] is None:
            continue
        key = (i["pid"], i["create_time"])
        now[key] = used = i["cpu_times"].user + i["cpu_times"].system
        before = used if seen is None else seen.get(key, 0.0)
        uid = i["uids"].real
        sums[uid] = sums.get(uid, 0.0) + used - before
    seen = now
    print(json.dumps({str(uid): round(sec * 1e6) for uid, sec in sums.items()}), flush=True)
    time.sleep(1)
