"""The rules of billing, one function per rule. Exact fractions, no floats."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from functools import cached_property, lru_cache
from math import floor
from typing import Any, Optional
from zoneinfo import ZoneInfo

HOUR = 3_600_000
DAY = 24 * HOUR
ALWAYS = -(2**62)  # "holds for all earlier hours too"

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


# ---------------------------------------------------------------- time


def hour_of(ms: int) -> int:
    """Start of the UTC hour that holds an instant."""
    return ms // HOUR * HOUR


def next_hour(ms: int) -> int:
    """The first whole UTC hour after an instant."""
    return hour_of(ms) + HOUR


def to_ms(text: str) -> int:
    """2025-03-01T00:00:00Z -> milliseconds."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment - EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=1 << 16)
def to_text(ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1 << 10)
def month_text(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


@lru_cache(maxsize=1 << 18)
def local_date(ms: int, zone: str) -> date:
    """The calendar date on the wall in a zone."""
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=1 << 18)
def local_midnight(day: date, zone: str) -> int:
    """The instant at which a local date begins."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return (start.astimezone(timezone.utc) - EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=1 << 18)
def next_date_hour(ms: int, zone: str) -> int:
    """The first UTC hour whose start lies in the local date after that of `ms`."""
    midnight = local_midnight(local_date(ms, zone) + timedelta(days=1), zone)
    return -(-midnight // HOUR) * HOUR


def month_index(day: date) -> int:
    return day.year * 12 + day.month - 1


@lru_cache(maxsize=1 << 16)
def utc_month(ms: int) -> int:
    return month_index(local_date(ms, "UTC"))


# ---------------------------------------------------------------- billing months


@dataclass
class Calendar:
    """A customer's billing months; `zones` lists (first month it holds for, zone)."""

    zones: list[tuple[int, str]]
    starts: dict[int, int] = field(default_factory=dict)

    def zone_of(self, month: int) -> str:
        """The zone in which a billing month ends."""
        return [zone for first, zone in self.zones if first <= month][-1]

    def month_start(self, month: int) -> int:
        """A month starts where the one before ended: at local midnight of the first, in that one's zone."""
        if month not in self.starts:
            first = date(month // 12, month % 12 + 1, 1)
            self.starts[month] = local_midnight(first, self.zone_of(month - 1))
        return self.starts[month]

    def month_of(self, hour: int) -> int:
        """An hour belongs to the month that holds its start."""
        month = utc_month(hour)
        while self.month_start(month + 1) <= hour:
            month += 1
        while self.month_start(month) > hour:
            month -= 1
        return month

    def change_zone(self, at_ms: int, zone: str) -> None:
        """The old month ends in the old zone; the next starts there and ends in the new one."""
        following = self.month_of(hour_of(at_ms)) + 1
        self.zones = [(first, old) for first, old in self.zones if first < following]
        self.zones.append((following, zone))
        self.starts.clear()


# ---------------------------------------------------------------- prices


@dataclass(frozen=True)
class Tier:
    up_to: Optional[int]  # cumulative; None in the last tier
    rate: Fraction  # micro-units of money for one unit


@dataclass(frozen=True)
class Price:
    """A price of one meter; a plain price is a single endless tier."""

    tiers: tuple[Tier, ...]
    free: int = 0
    cap: Optional[Fraction] = None

    @property
    def linear(self) -> bool:
        return self.free == 0 and self.cap is None and len(self.tiers) == 1


@dataclass(frozen=True)
class Version:
    plan: str
    valid_from: int
    prices: dict[str, Price]
    base: int  # micro-units a local date

    @cached_property
    def linear(self) -> bool:
        return all(price.linear for price in self.prices.values())


def money(text: str) -> int:
    """A decimal string as micro-units; more than six decimals are an error."""
    exact = Fraction(text) * 1_000_000
    if exact.denominator != 1:
        raise ValueError(f"not a whole number of micro-units: {text}")
    return exact.numerator


def rate(row: dict[str, Any]) -> Fraction:
    """A price is `amount` for `per` units, as an exact fraction."""
    return Fraction(row["amount"]) * 1_000_000 / Fraction(row["per"])


def read_price(row: dict[str, Any]) -> Price:
    if "tiers" in row:
        tiers = tuple(Tier(int(t["up_to"]) if "up_to" in t else None, rate(t)) for t in row["tiers"])
    else:
        tiers = (Tier(None, rate(row)),)
    cap = Fraction(row["monthly_cap"]) * 1_000_000 if "monthly_cap" in row else None
    return Price(tiers, int(row.get("free", "0")), cap)


def read_version(file: dict[str, Any]) -> Version:
    prices = {row["meter"]: read_price(row) for row in file.get("price", [])}
    return Version(file["id"], to_ms(file["valid_from"]), prices, money(file.get("base_per_day", "0")))


def exact_cost(price: Price, quantity: int) -> Fraction:
    """F(q): each unit at the rate of its tier, the first `free` units at nothing, never above the monthly cap."""
    cost = Fraction(0)
    lower = 0
    for tier in price.tiers:
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to)
        charged_from = max(lower, price.free)
        if upper > charged_from:
            cost += tier.rate * (upper - charged_from)
        lower = upper
    return cost if price.cap is None else min(cost, price.cap)


def posting(price: Price, before: int, after: int) -> int:
    """A posting is floor(F(after)) - floor(F(before)); such differences add up to floor(F) of the whole month."""
    return floor(exact_cost(price, after)) - floor(exact_cost(price, before))


def has_begun(version: Version, hour: int, month: int) -> bool:
    """Linear versions begin at their UTC hour; the others at the start of the billing month that `valid_from` names."""
    if version.linear:
        return hour >= version.valid_from
    return month >= utc_month(version.valid_from)


def version_at(versions: list[Version], hour: int, month: int) -> Optional[Version]:
    """The price of an hour: the latest version of the plan that has begun (`versions` rise by `valid_from`)."""
    for version in reversed(versions):
        if has_begun(version, hour, month):
            return version
    return None


# ---------------------------------------------------------------- who pays, by which plan


@dataclass(frozen=True)
class PlanStep:
    """From an hour, or from the start of a billing month, a customer has this plan."""

    plan: str
    from_hour: int
    from_month: Optional[int] = None

    def begun(self, hour: int, month: int) -> bool:
        return hour >= self.from_hour if self.from_month is None else month >= self.from_month


@dataclass
class Customer:
    calendar: Calendar
    steps: list[PlanStep]

    def plan_at(self, hour: int, month: int) -> str:
        """A customer's first plan also holds for all hours before."""
        return [step.plan for step in self.steps if step.begun(hour, month)][-1]


def new_customer(plan: str, zone: str) -> Customer:
    return Customer(Calendar([(ALWAYS, zone)]), [PlanStep(plan, ALWAYS)])


def switch_plan(customer: Customer, plan: str, at_ms: int, plans: dict[str, list[Version]]) -> None:
    """A new plan holds from the next UTC hour; with a non-linear version on either side, from the next month."""
    hour = next_hour(at_ms)
    month = customer.calendar.month_of(hour)
    old = version_at(plans.get(customer.plan_at(hour, month), []), hour, month)
    new = version_at(plans.get(plan, []), hour, month)
    step = PlanStep(plan, hour)
    if (old and not old.linear) or (new and not new.linear):
        step = PlanStep(plan, ALWAYS, customer.calendar.month_of(hour_of(at_ms)) + 1)
    customer.steps = [known for known in customer.steps if known.begun(hour, month)] + [step]


def owner_at(owners: list[tuple[int, str]], hour: int) -> Optional[str]:
    """An hour belongs to the owner at its start (`owners` rise by the hour they hold from)."""
    for start, owner in reversed(owners):
        if hour >= start:
            return owner
    return None


# ---------------------------------------------------------------- hours


def closed_until(at_ms: int, watermark: Optional[int], made_by_api: bool, lag_ms: int) -> int:
    """An hour is closed if it ends by the host's watermark, or by now less the lag limit; imported hours at once."""
    if made_by_api:
        return at_ms
    late = at_ms - lag_ms
    return late if watermark is None else max(watermark, late)


def too_old(at_ms: int, since_ms: int, limit_ms: int) -> bool:
    """A batch that begins more than 35 days before it arrives goes into quarantine as a whole."""
    return since_ms + limit_ms < at_ms
