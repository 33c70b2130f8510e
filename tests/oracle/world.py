"""What happens in a generated world apart from the hosts' batches; depends on the seed only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Optional

from rules import DAY, HOUR, hour_of, local_date, local_midnight, to_text
from tariffs import METERS, PLANS, Event, plan_events

ZONES = ["Europe/Riga", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
SOURCES = ["cloud-a", "cdn"]
KNOWN_AFTER = 80 * HOUR  # an account has been named by an arrived batch so long after its first usage, at the latest
LAG = 48 * HOUR
QUARANTINE = 35 * DAY
DRAIN = 62 * HOUR  # after the end of usage all batches have arrived
REACH = 20 * DAY  # how far back imports go


@dataclass
class HostPlan:
    name: str
    enrolled: int
    accounts: list[tuple[int, int]]  # (uid, time of its first usage)
    silent: Optional[tuple[int, int]] = None  # a silence of more than 35 days


@dataclass
class Known:
    """An account that commands may name from `since` on."""

    name: str
    since: int
    first_hour: int


@dataclass
class World:
    seed: int
    start: int
    end: int
    account_count: int
    hosts: list[HostPlan]
    events: list[Event]
    last_charge: int


def off_hour(rng: Random, ms: int) -> int:
    """An instant well inside the hour of `ms`."""
    return hour_of(ms) + rng.randint(3 * 60_000, 57 * 60_000)


def mid_month(rng: Random, low: int, high: int) -> Optional[int]:
    """An instant between the 4th and the 25th of a month."""
    for _ in range(40):
        if high - low < DAY:
            return None
        moment = off_hour(rng, rng.randrange(low, high - HOUR))
        if 4 <= local_date(moment, "UTC").day <= 25 and low < moment < high:
            return moment
    return None


def default_start(seed: int) -> int:
    """The spring or the autumn changes of all zones lie in the 40 days that follow."""
    return local_midnight(date(2025, 2, 27) if seed % 2 == 0 else date(2025, 9, 29), "UTC")


def make_hosts(rng: Random, count: int, start: int, end: int) -> list[HostPlan]:
    """Most hosts from the beginning, some later; one in thirty is silent for more than 35 days."""
    number = max(3, min(50, count // 40))
    span = end - start
    hosts: list[HostPlan] = []
    for index in range(number):
        late = index > 2 and rng.random() < 0.25
        enrolled = hour_of(start + (rng.randrange(span // 3) if late else 0)) + rng.randint(5, 40) * 60_000
        silent = None
        length = 35 * DAY + rng.randint(12, 20) * HOUR
        room = end - start - length - 3 * DAY
        if index % 30 == 1 and room > 0 and not late:
            begin = start + DAY + rng.randrange(room)
            silent = (begin, begin + length)
        hosts.append(HostPlan(f"h{index + 1}", enrolled, [], silent))
    for index in range(count):
        host = hosts[index % number]
        first = host.enrolled
        if index >= number and host.silent is None and rng.random() < 0.2:
            first = off_hour(rng, rng.randrange(host.enrolled + DAY, end - 12 * DAY)) if span > 20 * DAY else first
        host.accounts.append((1001 + len(host.accounts), first))
    return hosts


def customer_events(rng: Random, count: int, start: int, end: int) -> tuple[list[Event], dict[str, int]]:
    """Customers, their top-ups, plan switches and zone changes."""
    events: list[Event] = []
    made: dict[str, int] = {}
    choices: list[Optional[str]] = [None, *PLANS]
    for index in range(max(6, count // 3)):
        name = f"c-{index + 1}"
        at = start + 60_000 + index * 10
        if index >= 6 and rng.random() < 0.15:
            at = off_hour(rng, rng.randrange(start + HOUR, start + (end - start) // 3))
        made[name] = at
        plan = choices[index] if index < len(choices) else rng.choice(choices)
        zone = ZONES[index] if index < 6 else rng.choice(ZONES)
        events.append({"k": "customer", "at_ms": at, "customer": name, "plan": plan, "zone": zone})
        events += topup_events(rng, name, at, end)
        for month_start in spread_months(rng, at, end, 0.35):
            moment = mid_month(rng, month_start, month_start + 28 * DAY)
            if moment and at + DAY < moment < end:
                events.append({"k": "zone", "at_ms": moment, "customer": name, "zone": rng.choice(ZONES)})
        for month_start in spread_months(rng, at, end, 0.4):
            moment = mid_month(rng, month_start, month_start + 28 * DAY)
            if moment and at + DAY < moment < end:
                events.append({"k": "plan-switch", "at_ms": moment, "customer": name, "plan": rng.choice(PLANS)})
    return events, made


def spread_months(rng: Random, at: int, end: int, share: float) -> list[int]:
    """Starts of UTC months, for a share of the customers, at most three of them."""
    if rng.random() >= share:
        return []
    first = local_date(at, "UTC").replace(day=1)
    months: list[int] = []
    while local_midnight(first, "UTC") < end:
        months.append(local_midnight(first, "UTC"))
        first = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return sorted(rng.sample(months, min(len(months), rng.randint(1, 3))))


def topup_events(rng: Random, customer: str, made: int, end: int) -> list[Event]:
    """A large one at once, so that no balance comes near zero; then now and then a small one, some of them repeated."""
    events: list[Event] = []
    at, number, amount = made + 5, 1, "1000000.00"
    while at < end:
        event = {"k": "topup", "at_ms": at, "customer": customer, "gateway": "manual",
                 "payment": f"{customer}-p{number}", "amount": amount, "expect": "ok"}
        events.append(event)
        if rng.random() < 0.1:
            events.append({**event, "at_ms": at + rng.randint(1, 3 * HOUR), "expect": "same"})
        number += 1
        amount = rng.choice(["10.00", "25.00", f"{rng.randint(1, 99)}.{rng.randint(0, 999_999):06d}", "0.000001"])
        at += rng.randint(5 * DAY, 60 * DAY)
    return events


def quiet_part(rng: Random, low: int, high: int) -> int:
    """An instant from 03:00 to 05:00 UTC: far from midnight in most of the zones."""
    day = rng.randrange(low, high) // DAY * DAY + DAY
    return off_hour(rng, day + rng.randint(3, 4) * HOUR)


def account_events(
    rng: Random, api: int, hosts: list[HostPlan], made: dict[str, int], start: int, end: int
) -> tuple[list[Event], list[Known]]:
    """First owners, accounts made by the API, and moves between customers."""
    events: list[Event] = []
    known: list[Known] = []

    def owner(at: int, other: str = "") -> str:
        return rng.choice([name for name, since in made.items() if since < at and name != other])

    def moves(name: str, first: str, since: int) -> None:
        if rng.random() >= 0.25:
            return
        at = mid_month(rng, since + 2 * DAY, end)
        if at is None:
            return
        second = owner(at, first)
        events.append({"k": "assign", "at_ms": at, "account": name, "customer": second})
        back = at + rng.randint(2, 5 * 24) * HOUR
        if rng.random() < 0.4 and local_date(back, "UTC").day in range(4, 28) and back < end:
            events.append({"k": "assign", "at_ms": back, "account": name, "customer": first})

    for host in hosts:
        for uid, first_use in host.accounts:
            name = f"u{uid}@{host.name}"
            since = host.enrolled + 2 * HOUR if first_use == host.enrolled else first_use + KNOWN_AFTER
            known.append(Known(name, since, hour_of(first_use) + HOUR))
            at = off_hour(rng, since + HOUR + rng.randrange(3 * DAY))
            if at < end and rng.random() < 0.95:
                customer = owner(at)
                events.append({"k": "assign", "at_ms": at, "account": name, "customer": customer})
                moves(name, customer, at)
    for index in range(api):
        at = quiet_part(rng, start + DAY, start + (end - start) // 2)
        name = f"s{index + 1}@cloud"
        customer = owner(at)
        events.append({"k": "account", "at_ms": at, "account": name, "customer": customer})
        known.append(Known(name, at + HOUR, at - REACH))
        moves(name, customer, at)
    return events, known


def import_events(rng: Random, known: list[Known], start: int, end: int, count: int) -> list[Event]:
    """Imported rows, corrections below zero, repeated and refused imports."""
    events: list[Event] = []
    sums: dict[tuple[str, str, str, int], int] = {}
    recent: list[tuple[str, str, str, int]] = []
    api = [account for account in known if account.name.endswith("@cloud")]
    moments = sorted(off_hour(rng, rng.randrange(start + 4 * DAY, end + DRAIN)) for _ in range(count))
    for number, at in enumerate(moments):
        source = rng.choice(SOURCES)
        rows: dict[tuple[str, str, int], int] = {}
        for _ in range(rng.randint(1, 4)):
            account = rng.choice(api if rng.random() < 0.6 else known)
            low, high = max(account.first_hour, at - REACH), hour_of(at) - HOUR
            if account.since > at or low >= high:
                continue
            if rng.random() < 0.5:  # mostly fresh hours
                low = max(low, high - 2 * DAY)
            hour = hour_of(rng.randrange(low, high) + HOUR)
            meter = rng.choice(["net_tx_bytes", "net_rx_bytes", "web_requests", "disk_kib_sec"])
            rows[account.name, meter, hour] = rng.choice([rng.randint(1, 99), rng.randint(1, METERS[meter][1])])
        recent = [key for key in recent if key[3] > at - REACH][-200:]
        if recent and rng.random() < 0.4:
            key = rng.choice(recent)
            source = key[0]
            rows[key[1:]] = -rng.choice([sums[key], rng.randint(0, sums[key])])
        if not rows:
            continue
        listed = [{"account": name, "meter": meter, "hour_ms": hour, "quantity": quantity}
                  for (name, meter, hour), quantity in rows.items()]
        event: Event = {"k": "import", "at_ms": at, "key": f"i-{number}", "source": source, "expect": "ok",
                        "rows": listed}
        if rng.random() < 0.03:  # one row too low: none counts
            (name, meter, hour) = next(iter(rows))
            lost = sums.get((source, name, meter, hour), 0) + 1
            lowest = -lost - rows[name, meter, hour]
            listed.append({"account": name, "meter": meter, "hour_ms": hour, "quantity": lowest})
            events.append({**event, "expect": "refused"})
            continue
        for row, quantity in rows.items():
            if (source, *row) not in sums:
                recent.append((source, *row))
            sums[(source, *row)] = sums.get((source, *row), 0) + quantity
        events.append(event)
        if rng.random() < 0.08:
            events.append({**event, "at_ms": at + rng.randint(1, 2 * DAY), "expect": "same"})
    return events


def quarantine_events(hosts: list[HostPlan]) -> list[Event]:
    """Release for one half of the accounts with usage in quarantine, discard for the other."""
    events: list[Event] = []
    for host in hosts:
        if host.silent:
            for uid, _ in host.accounts:
                kind = "release" if uid % 2 else "discard"
                events.append({"k": kind, "at_ms": host.silent[1] + DAY + uid, "account": f"u{uid}@{host.name}"})
    return events


def make_world(seed: int, accounts: int, days: int, start: Optional[int], quarantine_actions: bool) -> World:
    rng = Random(f"world/{seed}/{accounts}/{days}")
    begin = default_start(seed) if start is None else start
    end = begin + days * DAY
    api = max(1, accounts * 15 // 100)
    hosts = make_hosts(rng, accounts - api, begin, end)
    events = plan_events(rng, begin, end)
    customers, made = customer_events(rng, accounts, begin, end)
    owned, known = account_events(rng, api, hosts, made, begin, end)
    imports = import_events(rng, known, begin, end, max(60, min(30_000, accounts * days // 60)))
    events += customers + owned + imports
    if quarantine_actions:
        events += quarantine_events(hosts)
    last = end + DRAIN + LAG + 2 * DAY + 20 * 60_000
    events = sorted((event for event in events if event["at_ms"] < last), key=lambda event: event["at_ms"])
    return World(seed, begin, end, accounts, hosts, events, last)


def header(world: World, shuffle: int) -> Event:
    return {"k": "scenario", "v": 1, "seed": world.seed, "shuffle": shuffle, "accounts": world.account_count,
            "days": (world.end - world.start) // DAY, "start_ms": world.start, "end_ms": world.end,
            "start": to_text(world.start), "close_lag_ms": LAG, "quarantine_ms": QUARANTINE,
            "default_plan": "basic", "currency": "EUR", "meters": list(METERS)}
