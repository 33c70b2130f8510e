"""Plan files of a generated world: linear ones, and ones with free allowance, tiers and caps."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any, Optional

from rules import DAY, HOUR, hour_of, local_midnight, month_index, local_date, to_text

File = dict[str, Any]
Event = dict[str, Any]

PLANS = ["basic", "turn", "free", "tier", "cap", "late", "single"]

# meter -> (least, most) of one interval, and usual prices (amount, per)
METERS: dict[str, tuple[int, int]] = {
    "cpu_usec": (1_000, 3_600_000_000),
    "db_queries": (1, 200_000),
    "disk_kib_sec": (100_000, 40_000_000_000),
    "io_ops": (1, 500_000),
    "io_write_bytes": (4_096, 20_000_000_000),
    "memory_kib_sec": (10_000, 4_000_000_000),
    "net_rx_bytes": (60, 5_000_000_000),
    "net_tx_bytes": (60, 30_000_000_000),
    "session_sec": (1, 3_600),
    "web_requests": (1, 20_000),
}
PER: dict[str, list[int]] = {
    "cpu_usec": [3_600_000_000, 7_777_777_777, 1_000_000],
    "db_queries": [1_000_003, 1_000, 7],
    "disk_kib_sec": [2_717_908_992_000, 999_999_999_937],
    "io_ops": [1_000_000, 9_999, 13],
    "io_write_bytes": [1_073_741_824, 1_000_000_007],
    "memory_kib_sec": [3_774_873_600, 3_599_999_999],
    "net_rx_bytes": [1_000_000_000, 1_073_741_823],
    "net_tx_bytes": [1_000_000_000, 1_073_741_823, 300_007],
    "session_sec": [3_600, 3_601],
    "web_requests": [10_000, 9_999, 17],
}
UNPRICED = "db_queries"  # some versions leave it out


def month_first(start_ms: int, months: int) -> int:
    """00:00Z of the first of the month that lies `months` after that of an instant."""
    month = month_index(local_date(start_ms, "UTC")) + months
    return local_midnight(date(month // 12, month % 12 + 1, 1), "UTC")


def amount_for(rng: Random, per: int) -> str:
    """Up to 0.09 for large units, less for small ones: an hour of a very busy account costs at most some hundred."""
    if per < 100_000:
        return f"0.{rng.randint(1, 999):06d}"
    if per < 100_000_000:
        return f"0.{rng.randint(1, 9):06d}"
    return f"0.{rng.randint(1, 90_000):06d}"


def linear_price(rng: Random, meter: str) -> File:
    per = rng.choice(PER[meter])
    return {"meter": meter, "amount": amount_for(rng, per), "per": str(per)}


def steps_of(rng: Random, meter: str, count: int) -> list[int]:
    """Rising cumulative bounds which a month's usage is likely to cross."""
    least, most = METERS[meter]
    bound = rng.randint(max(1, most // 50), most)
    bounds: list[int] = []
    for _ in range(count):
        bounds.append(bound)
        bound = bound * rng.randint(2, 6) + rng.randint(1, 99)
    return bounds


def tiered_price(rng: Random, meter: str) -> File:
    bounds: list[Optional[int]] = [*steps_of(rng, meter, rng.randint(1, 3)), None]
    tiers: list[File] = []
    unit = rng.choice(PER[meter])
    for bound in bounds:
        # The `per` of a price's tiers must have a common multiple below 2^63.
        per = unit * rng.choice([1, 7, 13])
        tier = {"amount": amount_for(rng, per), "per": str(per)}
        tiers.append(tier if bound is None else {"up_to": str(bound), **tier})
    if rng.random() < 0.3:
        tiers[0]["amount"] = "0"
    return {"meter": meter, "tiers": tiers}


def version_file(rng: Random, plan: str, valid_from: int, kind: str, base: Optional[str] = None) -> File:
    """kind: linear, free, tier, cap or mixed; only some meters get what makes the version non-linear."""
    prices: list[File] = []
    for meter in METERS:
        if meter == UNPRICED and rng.random() < 0.5:
            continue
        row = linear_price(rng, meter)
        wanted = rng.choice(["free", "tier", "cap", "linear"]) if kind == "mixed" else kind
        if wanted == "tier" and rng.random() < 0.7:
            row = tiered_price(rng, meter)
        if wanted == "free":
            row["free"] = str(steps_of(rng, meter, 1)[0])
        if wanted == "cap" or (wanted in ("tier", "free") and kind == "mixed"):
            row["monthly_cap"] = f"0.{rng.randint(1, 50_000):06d}"
        prices.append(row)
    if kind != "linear" and not any({"free", "tiers", "monthly_cap"} & set(row) for row in prices):
        prices[0]["free"] = str(steps_of(rng, prices[0]["meter"], 1)[0])
    file = {"id": plan, "currency": "EUR", "valid_from": to_text(valid_from), "price": prices}
    return file if base is None else {**file, "base_per_day": base}


def publish(at_ms: int, file: File, expect: str = "ok") -> Event:
    return {"k": "plan", "at_ms": at_ms, "file": file, "expect": expect}


def plan_events(rng: Random, start: int, end: int) -> list[Event]:
    """First versions when the world begins; later ones some days ahead of their start."""
    early = month_first(start, -2)
    span = end - start
    now = start + 1_000
    events = [
        publish(now, version_file(rng, "basic", early, "linear", "0.033333")),
        publish(now, version_file(rng, "turn", early, "linear", "0.05")),
        publish(now, version_file(rng, "free", early, "free")),
        publish(now, version_file(rng, "tier", early, "tier")),
        publish(now, version_file(rng, "cap", early, "cap", "0.100001")),
        publish(now, version_file(rng, "late", hour_of(start + span // 4) + HOUR, "linear", "0.01")),
    ]
    single = version_file(rng, "single", early, "linear")
    single["price"] = [row for row in single["price"] if row["meter"] == "cpu_usec"]
    events.append(publish(now, single))
    events.append(publish(start + 5 * HOUR, events[0]["file"], "same"))
    events.append(publish(start + 6 * DAY, {**events[0]["file"], "base_per_day": "9.00"}, "refused"))
    for plan in ("basic", "late", "single"):
        for part in (30, 55, 80):
            valid = hour_of(start + span * part // 100 + rng.randint(-DAY, DAY))
            base = rng.choice([None, "0.02", "0.123457"])
            file = version_file(rng, plan, valid, "linear", base)
            events.append(publish(valid - rng.randint(4 * DAY, 6 * DAY), file))
            if rng.random() < 0.5:  # replaced while its start is still ahead
                other = version_file(rng, plan, valid, "linear", base)
                events.append(publish(valid - rng.randint(2 * DAY, 3 * DAY), other))
    month = 1
    while month_first(start, month) < end:
        first = month_first(start, month)
        for plan, kind in (("turn", "mixed"), ("free", "free"), ("tier", "tier"), ("cap", "mixed")):
            ahead = first - rng.randint(3 * DAY, 5 * DAY)
            if ahead > start + DAY and rng.random() < (0.8 if month < 3 else 0.3):
                events.append(publish(ahead, version_file(rng, plan, first, kind, rng.choice([None, "0.07"]))))
        month += 1
    return events
