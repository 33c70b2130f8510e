"""Recomputes charges, base fees and balances of a scenario. See FORMAT.md for both formats."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from math import floor
from typing import Any, Callable, Iterable, Iterator, Optional, TextIO

import rules
from rules import ALWAYS, HOUR, Customer, Version

Usage = dict[int, dict[str, int]]  # hour -> meter -> quantity
RatingKey = tuple[str, int, str, int, str]  # owner, month, plan, valid_from, meter (the account holds the dict)
Event = dict[str, Any]


@dataclass
class Account:
    host: Optional[str]  # None: made by the API
    owners: list[tuple[int, str]] = field(default_factory=list)
    waiting: Usage = field(default_factory=dict)  # arrived, not charged yet
    quarantine: Usage = field(default_factory=dict)
    reached: dict[RatingKey, int] = field(default_factory=dict)  # cumulative quantity
    charges_of: dict[int, int] = field(default_factory=dict)  # charges with lines of an hour
    base_hour: Optional[int] = None  # the next hour that may begin a date
    base_date: Optional[date] = None  # the last date that is settled
    base: dict[tuple[str, int], list[int]] = field(default_factory=dict)  # (owner, month) -> [days, amount]


def add(usage: Usage, hour: int, meter: str, quantity: int) -> None:
    meters = usage.setdefault(hour, {})
    meters[meter] = meters.get(meter, 0) + quantity


class Oracle:
    def __init__(self, header: Event, lines: Optional[TextIO] = None, order: Optional[Iterable[Event]] = None) -> None:
        self.header = header
        self.lines = lines
        self.order = read_order(order) if order is not None else None
        self.customers: dict[str, Customer] = {}
        self.accounts: dict[str, Account] = {}
        self.account_ids: Optional[list[str]] = None
        self.plans: dict[str, list[Version]] = defaultdict(list)
        self.plan_files: dict[tuple[str, int], Event] = {}
        self.watermark: dict[str, int] = {}
        self.seen_batches: dict[str, int] = {}
        self.seen_keys: set[str] = set()
        self.import_sums: dict[tuple[str, str, str, int], int] = {}
        self.topups: dict[str, int] = defaultdict(int)
        self.handlers: dict[str, Callable[[Event], None]] = {
            "host": self.on_host,
            "batch": self.on_batch,
            "again": self.on_again,
            "customer": self.on_customer,
            "account": self.on_account,
            "assign": self.on_assign,
            "plan-switch": self.on_plan_switch,
            "zone": self.on_zone,
            "plan": self.on_plan,
            "import": self.on_import,
            "topup": self.on_topup,
            "charge": self.on_charge,
            "release": self.on_release,
            "discard": self.on_discard,
            "end": self.on_end,
        }

    def feed(self, event: Event) -> None:
        self.handlers[event["k"]](event)

    def on_end(self, event: Event) -> None:
        """Nothing follows."""

    # ------------------------------------------------------------ usage arrives

    def on_host(self, event: Event) -> None:
        self.watermark[event["host"]] = event["at_ms"]
        self.seen_batches[event["host"]] = 0

    def on_batch(self, event: Event) -> None:
        """A host's batches come in its own order; the watermark is the end of the last interval."""
        host = event["host"]
        if event["seq"] != self.seen_batches[host] + 1:
            raise ValueError(f"hole in the batches of {host} at {event['seq']}")
        self.seen_batches[host] = event["seq"]
        old = rules.too_old(event["at_ms"], self.watermark[host], self.header["quarantine_ms"])
        for interval in event["intervals"]:
            if interval["from_ms"] != self.watermark[host] or interval["to_ms"] > event["at_ms"]:
                raise ValueError(f"interval of {host} out of place")
            self.watermark[host] = interval["to_ms"]
            hour = rules.hour_of(interval["from_ms"])
            for row in interval["accounts"]:
                account = self.account(f"{row['user']}@{host}", host)
                for meter, quantity in row.items():
                    if meter not in ("uid", "user"):
                        add(account.quarantine if old else account.waiting, hour, meter, quantity)

    def on_again(self, event: Event) -> None:
        """Bytes that are stored already change nothing."""
        if event["seq"] > self.seen_batches[event["host"]]:
            raise ValueError("a batch comes again that never came")

    def on_import(self, event: Event) -> None:
        """Quantities are added; no sum of (source, account, meter, hour) may fall below 0; all rows or none."""
        outcome = "same" if event["key"] in self.seen_keys else self.try_import(event)
        self.check(event, outcome)

    def try_import(self, event: Event) -> str:
        sums: dict[tuple[str, str, str, int], int] = {}
        for row in event["rows"]:
            key = (event["source"], row["account"], row["meter"], row["hour_ms"])
            sums[key] = sums.get(key, self.import_sums.get(key, 0)) + row["quantity"]
            if row["hour_ms"] + HOUR > event["at_ms"]:
                return "refused"
        if min(sums.values()) < 0:
            return "refused"
        self.import_sums.update(sums)
        self.seen_keys.add(event["key"])
        for row in event["rows"]:
            account = self.accounts[row["account"]]
            old = rules.too_old(event["at_ms"], row["hour_ms"] + rules.HOUR, self.header["quarantine_ms"])
            add(account.quarantine if old else account.waiting, row["hour_ms"], row["meter"], row["quantity"])
        return "ok"

    def on_release(self, event: Event) -> None:
        """Released usage arrives now, whatever its age."""
        account = self.accounts[event["account"]]
        for hour, meters in account.quarantine.items():
            for meter, quantity in meters.items():
                add(account.waiting, hour, meter, quantity)
        account.quarantine = {}

    def on_discard(self, event: Event) -> None:
        self.accounts[event["account"]].quarantine = {}

    # ------------------------------------------------------------ customers, accounts, plans

    def account(self, name: str, host: Optional[str]) -> Account:
        if name not in self.accounts:
            self.accounts[name] = Account(host)
            self.account_ids = None
        return self.accounts[name]

    def on_customer(self, event: Event) -> None:
        plan = event["plan"] or self.header["default_plan"]
        self.customers[event["customer"]] = rules.new_customer(plan, event["zone"])

    def on_account(self, event: Event) -> None:
        """The owner given when an account is made by the API also holds for earlier hours; base fees count from now."""
        account = self.account(event["account"], None)
        account.owners = [(ALWAYS, event["customer"])]
        account.base_hour = rules.hour_of(event["at_ms"])

    def on_assign(self, event: Event) -> None:
        """Every other assignment holds from the next UTC hour; it may begin a date in the new owner's zone."""
        account = self.accounts[event["account"]]
        start = rules.next_hour(event["at_ms"])
        account.owners.append((start, event["customer"]))
        account.base_hour = start if account.base_hour is None else min(start, account.base_hour)

    def on_plan_switch(self, event: Event) -> None:
        rules.switch_plan(self.customers[event["customer"]], event["plan"], event["at_ms"], self.plans)

    def on_zone(self, event: Event) -> None:
        self.customers[event["customer"]].calendar.change_zone(event["at_ms"], event["zone"])

    def on_plan(self, event: Event) -> None:
        """The same file again changes nothing; other content replaces a start still ahead, and is refused otherwise."""
        version = rules.read_version(event["file"])
        key = (version.plan, version.valid_from)
        known = self.plan_files.get(key)
        if known == event["file"]:
            self.check(event, "same")
        elif known is not None and version.valid_from <= event["at_ms"]:
            self.check(event, "refused")
        else:
            self.check(event, "ok")
            self.plan_files[key] = event["file"]
            others = [v for v in self.plans[version.plan] if v.valid_from != version.valid_from]
            self.plans[version.plan] = sorted(others + [version], key=lambda v: v.valid_from)

    def on_topup(self, event: Event) -> None:
        """The same gateway and payment count once."""
        key = f"topup:{event['gateway']}:{event['payment']}"
        self.check(event, "same" if key in self.seen_keys else "ok")
        if key not in self.seen_keys:
            self.seen_keys.add(key)
            self.topups[event["customer"]] += rules.money(event["amount"])

    @staticmethod
    def check(event: Event, outcome: str) -> None:
        if event["expect"] != outcome:
            raise ValueError(f"the scenario expects {event['expect']}, the rules say {outcome}: {event}")

    # ------------------------------------------------------------ charging

    def on_charge(self, event: Event) -> None:
        """Charges what has arrived for every closed hour and was not charged yet."""
        if self.account_ids is None:
            self.account_ids = sorted(self.accounts)
        for name in self.account_ids:
            account = self.accounts[name]
            mark = self.watermark[account.host] if account.host else None
            limit = rules.closed_until(event["at_ms"], mark, account.host is None, self.header["close_lag_ms"])
            self.settle_dates(event["n"], name, account, event["at_ms"])
            due = [hour for hour in account.waiting if hour + HOUR <= limit]
            for hour in self.sort_hours(name, account, due):
                self.charge_hour(event["n"], name, account, hour, account.waiting.pop(hour))

    def sort_hours(self, name: str, account: Account, due: list[int]) -> list[int]:
        """Hours ascending, or as a given order has them (its n-th mention of an hour is the hour's n-th charge)."""
        order = self.order
        if order is None:
            return sorted(due)
        last = sys.maxsize
        return sorted(due, key=lambda hour: (order.get((name, hour, account.charges_of.get(hour, 0)), last), hour))

    def in_force(self, owner: str, hour: int) -> tuple[int, Optional[Version]]:
        """The billing month and the price version of an hour for its owner."""
        customer = self.customers[owner]
        month = customer.calendar.month_of(hour)
        plan = customer.plan_at(hour, month)
        return month, rules.version_at(self.plans.get(plan, []), hour, month)

    def charge_hour(self, run: int, name: str, account: Account, hour: int, changes: dict[str, int]) -> None:
        """Posts the change of an hour's total, at the price of the hour, from the cumulative quantity reached."""
        owner = rules.owner_at(account.owners, hour)
        if owner is None:
            return  # without a customer: stored, not billed
        month, version = self.in_force(owner, hour)
        if version is None:
            return  # without a price version the cost is 0
        lines: list[tuple[str, int, int, int]] = []
        for meter in sorted(changes):
            price = version.prices.get(meter)
            if price is None or changes[meter] == 0:
                continue
            key = (owner, month, version.plan, version.valid_from, meter)
            before = account.reached.get(key, 0)
            after = before + changes[meter]
            account.reached[key] = after
            if self.lines:  # totals need only the last quantity of a key: the differences telescope
                lines.append((meter, before, after, rules.posting(price, before, after)))
        if self.lines and lines:
            rev = account.charges_of.get(hour, 0)
            account.charges_of[hour] = rev + 1
            self.write_line(
                k="charge", run=run, account=name, hour_ms=hour, rev=rev, owner=owner, month=rules.month_text(month),
                plan=version.plan, version=rules.to_text(version.valid_from), lines=lines,
                amount=sum(line[3] for line in lines),
            )

    def settle_dates(self, run: int, name: str, account: Account, limit: int) -> None:
        """The base fee is due per account and local date, once, from the owner at the date's first hour."""
        while account.base_hour is not None and account.base_hour + HOUR <= limit:
            hour = account.base_hour
            owner = rules.owner_at(account.owners, hour)
            assert owner is not None
            month, version = self.in_force(owner, hour)
            zone = self.customers[owner].calendar.zone_of(month)
            day = rules.local_date(hour, zone)
            if account.base_date is None or day > account.base_date:
                account.base_date = day
                if version is not None and version.base:
                    self.post_base(run, name, account, owner, month, version, (day, hour))
            account.base_hour = self.next_date_hour(account, hour, zone)

    @staticmethod
    def next_date_hour(account: Account, hour: int, zone: str) -> int:
        """Another date may begin at local midnight (every month ends at one of its zone), or with another owner."""
        moves = [start for start, _ in account.owners if start > hour]
        return min([rules.next_date_hour(hour, zone), *moves])

    def post_base(
        self, run: int, name: str, account: Account, owner: str, month: int, version: Version, at: tuple[date, int]
    ) -> None:
        day, hour = at
        entry = account.base.setdefault((owner, month), [0, 0])
        entry[0] += 1
        entry[1] += version.base
        if self.lines:
            self.write_line(
                k="base-fee", run=run, account=name, owner=owner, date=day.isoformat(), hour_ms=hour,
                month=rules.month_text(month),
                plan=version.plan, version=rules.to_text(version.valid_from), amount=version.base,
            )

    def write_line(self, **line: Any) -> None:
        assert self.lines is not None
        self.lines.write(dump(line))

    # ------------------------------------------------------------ the answer

    def answer(self) -> Iterator[Event]:
        usage: dict[tuple[str, int], int] = defaultdict(int)
        base: dict[tuple[str, int], int] = defaultdict(int)
        revenue: dict[str, int] = defaultdict(int)
        for name in sorted(self.accounts):
            for line in self.meter_months(name, usage, revenue):
                yield line
        for name in sorted(self.accounts):
            for (owner, month), (days, billed) in sorted(self.accounts[name].base.items()):
                base[owner, month] += billed
                revenue["base"] += billed
                yield {"k": "base-month", "account": name, "owner": owner, "month": rules.month_text(month),
                       "days": days, "billed": billed}
        charged: dict[str, int] = defaultdict(int)
        for customer, month in sorted(set(usage) | set(base)):
            parts = usage[customer, month], base[customer, month]
            charged[customer] += sum(parts)
            if any(parts):
                yield {"k": "customer-month", "customer": customer, "month": rules.month_text(month),
                       "usage": parts[0], "base": parts[1], "total": sum(parts)}
        for customer in sorted(self.customers):
            paid, due = self.topups[customer], charged[customer]
            yield {"k": "customer", "customer": customer, "topup": paid, "charge": due, "balance": paid - due}
        for meter in sorted(meter for meter in revenue if revenue[meter]):
            yield {"k": "revenue", "meter": meter, "amount": revenue[meter]}
        paid, due = sum(self.topups.values()), sum(charged.values())
        for kind, amount in (("balance", paid - due), ("charge", due), ("topup", paid)):
            yield {"k": "total", "kind": kind, "amount": amount}
        for name in sorted(self.accounts):
            for hour, meters in sorted(self.accounts[name].quarantine.items()):
                yield {"k": "quarantine", "account": name, "hour_ms": hour, "meters": meters}

    def meter_months(
        self, name: str, usage: dict[tuple[str, int], int], revenue: dict[str, int]
    ) -> Iterator[Event]:
        """The postings of a key add up to floor(F(q)) of its whole quantity."""
        for (owner, month, plan, start, meter), quantity in sorted(self.accounts[name].reached.items()):
            version = next(v for v in self.plans[plan] if v.valid_from == start)
            billed = floor(rules.exact_cost(version.prices[meter], quantity))
            usage[owner, month] += billed
            revenue[meter] += billed
            if quantity or billed:
                yield {"k": "meter-month", "account": name, "owner": owner, "month": rules.month_text(month),
                       "plan": plan, "version": rules.to_text(start), "meter": meter,
                       "quantity": quantity, "billed": billed}


def read_order(rows: Iterable[Event]) -> dict[tuple[str, int, int], int]:
    """(account, hour, n-th mention) -> position."""
    mentions: dict[tuple[str, int], int] = defaultdict(int)
    order: dict[tuple[str, int, int], int] = {}
    for position, row in enumerate(rows):
        hour = (row["account"], row["hour_ms"])
        order[(*hour, mentions[hour])] = position
        mentions[hour] += 1
    return order


ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def dump(line: Event) -> str:
    return ENCODE(line) + "\n"


def run(events: Iterable[Event], lines: Optional[TextIO] = None, order: Optional[Iterable[Event]] = None) -> Oracle:
    stream = iter(events)
    oracle = Oracle(next(stream), lines, order)
    for event in stream:
        oracle.feed(event)
    return oracle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario")
    parser.add_argument("--lines", help="write every charge here, in the order of charging")
    parser.add_argument("--order", help="a product's order of charging, see FORMAT.md")
    options = parser.parse_args()
    lines = open(options.lines, "w", encoding="utf-8") if options.lines else None
    order = map(json.loads, open(options.order, encoding="utf-8")) if options.order else None
    with open(options.scenario, encoding="utf-8") as scenario:
        oracle = run(map(json.loads, scenario), lines, order)
    for line in oracle.answer():
        sys.stdout.write(dump(line))
    if lines:
        lines.close()


if __name__ == "__main__":
    main()
