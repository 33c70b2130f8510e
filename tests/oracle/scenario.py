"""Writes a scenario as JSON lines: a hosting world with late hosts, moves and price changes. See FORMAT.md."""

from __future__ import annotations

import argparse
import heapq
import json
import math
import sys
from random import Random
from typing import Iterator, Optional

from rules import DAY, HOUR, hour_of, to_ms
from tariffs import METERS, Event
from world import HostPlan, World, header, make_world

HUGE = 2**40
HUGE_METERS = {"net_tx_bytes", "net_rx_bytes", "io_write_bytes", "memory_kib_sec", "disk_kib_sec"}
METER_NAMES = list(METERS)
QUIET = 4 * HOUR  # no usage so near to the border of 35 days


def quantity(rng: Random, meter: str) -> int:
    """Mostly in the meter's usual range, evenly over its powers; at times tiny, at times near 2^40."""
    dice = rng.random()
    if dice < 0.15:
        return rng.randint(1, 9)
    if dice < 0.20 and meter in HUGE_METERS:
        return HUGE - rng.randint(0, 999)
    least, most = METERS[meter]
    return int(math.exp(rng.uniform(math.log(least), math.log(most))))


def usage_row(rng: Random, uid: int) -> Event:
    row: Event = {"uid": uid, "user": f"u{uid}"}
    for meter in sorted(rng.sample(METER_NAMES, rng.randint(1, 4))):
        row[meter] = quantity(rng, meter)
    return row


class HostStream:
    """One host: its batches by what they hold (from the seed), and when they arrive (from seed and shuffle)."""

    def __init__(self, world: World, host: HostPlan, shuffle: int) -> None:
        self.world = world
        self.host = host
        self.content = Random(f"content/{world.seed}/{host.name}")
        self.arrival = Random(f"arrival/{world.seed}/{0 if host.silent else shuffle}/{host.name}")
        days = (world.end - world.start) / DAY
        self.chance = min(90.0, days * 4) / (days * 24)  # share of hours with usage, per account
        self.batch_hours = 1.5 if days <= 60 else 6.0
        self.alive = [uid for uid, first in host.accounts if first == host.enrolled]
        self.coming = sorted(((first, uid) for uid, first in host.accounts if first > host.enrolled), reverse=True)
        self.silence = host.silent or self.next_silence(host.enrolled + 2 * HOUR)

    def next_silence(self, after: int) -> tuple[int, int]:
        begin = after + self.arrival.randrange(HOUR, 16 * DAY)
        hours = self.arrival.choice([1, 3, 7, 24, 52, 60, 60])
        return begin, begin + self.arrival.randrange(hours * HOUR * 4 // 5, hours * HOUR)

    def active(self, hour: int) -> list[int]:
        """The accounts with usage in an hour; hours come in bursts and lulls."""
        new: list[int] = []
        while self.coming and hour_of(self.coming[-1][0]) <= hour:
            new.append(self.coming.pop()[1])
        alive, self.alive = self.alive, self.alive + new
        silent = self.host.silent
        expected = len(alive) * self.chance * (0 if self.content.random() < 0.5 else 2)
        number = int(expected) + (self.content.random() < expected % 1)
        if silent and silent[0] <= hour < silent[1] - 35 * DAY:
            number = max(number, 1)
        if silent and abs(hour + HOUR - (silent[1] - 35 * DAY)) < QUIET:
            number = 0
        return new + self.content.sample(alive, min(number, len(alive)))

    def intervals(self) -> Iterator[Event]:
        """From enrolment to the end without holes, cut at UTC hours and at times inside them."""
        rng = self.content
        at = self.host.enrolled
        while at < self.world.end:
            hour = hour_of(at)
            first = at == self.host.enrolled
            uids = self.alive if first else self.active(hour)
            cuts = [at, hour + HOUR]
            if first:
                cuts.insert(1, at + rng.randint(60_000, 600_000))
            elif uids:
                cuts = sorted({*cuts, *(rng.randrange(at + 1, hour + HOUR) for _ in range(rng.randint(0, 3)))})
            rows: list[list[Event]] = [[] for _ in cuts[1:]]
            for uid in uids:
                chosen = [0] if first else rng.sample(range(len(rows)), rng.randint(1, len(rows)))
                for index in sorted(chosen):
                    rows[index].append(usage_row(rng, uid))
            for begin, stop, accounts in zip(cuts, cuts[1:], rows):
                yield {"from_ms": begin, "to_ms": stop, "accounts": accounts}
            at = hour + HOUR

    def batches(self) -> Iterator[list[Event]]:
        batch: list[Event] = []
        for interval in self.intervals():
            batch.append(interval)
            first = interval["from_ms"] == self.host.enrolled
            full = interval["to_ms"] - batch[0]["from_ms"] >= 12 * HOUR
            length = (interval["to_ms"] - interval["from_ms"]) / HOUR
            if first or full or self.content.random() < length / self.batch_hours:
                yield batch
                batch = []
        if batch:
            yield batch

    def arrives(self, sealed: int, previous: int) -> int:
        """Soon after it was made, or when the host's silence is over; always after the batch before."""
        if sealed < self.host.enrolled + HOUR and not previous:
            return sealed + self.arrival.randint(1_000, 60_000)
        while sealed >= self.silence[1]:
            self.silence = (2**60, 2**60) if self.host.silent else self.next_silence(self.silence[1])
        base = max(sealed, self.silence[1] if sealed >= self.silence[0] else 0)
        return max(base + self.arrival.randint(2_000, 200_000), previous + self.arrival.randint(1_000, 3_000))

    def events(self) -> Iterator[Event]:
        name = self.host.name
        yield {"k": "host", "at_ms": self.host.enrolled, "host": name}
        at = 0
        for seq, batch in enumerate(self.batches(), start=1):
            at = self.arrives(batch[-1]["to_ms"], at)
            yield {"k": "batch", "at_ms": at, "host": name, "seq": seq, "intervals": batch}
            if self.arrival.random() < 0.04:
                yield {"k": "again", "at_ms": at + 300, "host": name,
                       "seq": self.arrival.randint(max(1, seq - 19), seq)}


def charge_events(world: World, shuffle: int) -> Iterator[Event]:
    """Several runs a day or one in some days; some at once after another; the last when all is closed."""
    rng = Random(f"charge/{world.seed}/{shuffle}")
    at = world.start + HOUR
    number = 0
    while True:
        pace = rng.choice([2, 5, 12, 24, 24, 80])
        for _ in range(rng.randint(1, 8)):
            at = hour_of(at + rng.randint(1, pace) * HOUR) + rng.randint(60_000, 59 * 60_000)
            if at >= world.last_charge - HOUR:
                yield {"k": "charge", "at_ms": world.last_charge, "n": number + 1}
                return
            number += 1
            yield {"k": "charge", "at_ms": at, "n": number}
            if rng.random() < 0.1:
                number += 1
                yield {"k": "charge", "at_ms": at + 1_000, "n": number}


def scenario(
    seed: int, accounts: int, days: int, shuffle: int = 0, start: Optional[int] = None, quarantine_actions: bool = False
) -> Iterator[Event]:
    world = make_world(seed, accounts, days, start, quarantine_actions)
    yield header(world, shuffle)
    streams: list[Iterator[Event]] = [iter(world.events)]
    streams += [HostStream(world, host, shuffle).events() for host in world.hosts]
    streams.append(charge_events(world, shuffle))
    count = 0
    for event in heapq.merge(*streams, key=lambda event: event["at_ms"]):
        count += 1
        yield event
    yield {"k": "end", "at_ms": world.last_charge, "events": count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--shuffle", type=int, default=0, help="another order of arrival of the same world")
    parser.add_argument("--start", help="first day, 2025-02-27 (default: before the spring or the autumn change)")
    parser.add_argument("--quarantine-actions", action="store_true", help="release and discard quarantined usage")
    options = parser.parse_args()
    if options.days < 30 or options.accounts < 5:
        parser.error("a scenario needs at least 30 days and 5 accounts")
    start = to_ms(options.start + "T00:00:00Z") if options.start else None
    encode = json.JSONEncoder(separators=(",", ":")).encode
    events = scenario(
        options.seed, options.accounts, options.days, options.shuffle, start, options.quarantine_actions
    )
    for event in events:
        sys.stdout.write(encode(event) + "\n")


if __name__ == "__main__":
    main()
