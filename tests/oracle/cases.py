"""Small worlds with results worked out by hand."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from typing import Any, Callable, Iterator

import rules
from oracle import Oracle, run
from rules import DAY, HOUR, Price, Tier, to_ms

Event = dict[str, Any]
Row = dict[str, Any]


class Builder:
    """A world of one host `h` and the customers and plans a case asks for; answers as lists of lines."""

    def __init__(self, start: str) -> None:
        self.now = self.mark = to_ms(start)
        self.events: list[Event] = [{"k": "scenario", "close_lag_ms": 48 * HOUR, "quarantine_ms": 35 * DAY,
                                     "default_plan": "p"}]
        self.seq = self.runs = self.imports = 0

    def add(self, k: str, **fields: Any) -> None:
        self.events.append({"k": k, "at_ms": self.now, **fields})

    def host(self) -> None:
        self.mark = self.now
        self.add("host", host="h")

    def plan(self, valid_from: str, *prices: Row, base: str = "0", plan: str = "p") -> None:
        file = {"id": plan, "valid_from": valid_from, "price": list(prices), "base_per_day": base}
        self.add("plan", file=file, expect="ok")

    def customer(self, name: str, zone: str = "UTC", plan: str = "p") -> None:
        self.add("customer", customer=name, plan=plan, zone=zone)

    def api(self, owner: str) -> None:
        self.add("account", account="a@x", customer=owner)

    def until(self, text: str) -> None:
        self.now = to_ms(text)

    def imported(self, hour: str, quantity: int, expect: str = "ok", account: str = "a@x") -> None:
        self.imports += 1
        row = {"account": account, "meter": "m", "hour_ms": to_ms(hour), "quantity": quantity}
        self.add("import", key=f"k{self.imports}", source="s", rows=[row], expect=expect)

    def batch(self, usage: dict[str, int], until: str) -> None:
        """The account u@h uses so much in these hours; intervals of whole hours up to `until`."""
        hours = {to_ms(hour): quantity for hour, quantity in usage.items()}
        intervals: list[Event] = []
        while self.mark < to_ms(until):
            stop = min(rules.next_hour(self.mark), to_ms(until))
            quantity = hours.get(rules.hour_of(self.mark), 0)
            rows = [{"uid": 1001, "user": "u", "m": quantity}] if quantity else []
            intervals.append({"from_ms": self.mark, "to_ms": stop, "accounts": rows})
            self.mark = stop
        self.seq += 1
        self.add("batch", host="h", seq=self.seq, intervals=intervals)

    def charge(self) -> None:
        self.runs += 1
        self.add("charge", n=self.runs)

    def result(self) -> tuple[Oracle, list[Row]]:
        out = io.StringIO()
        oracle = run(self.events, out)
        return oracle, [json.loads(line) for line in out.getvalue().splitlines()]


def flat(amount: str, per: str, **more: str) -> Row:
    return {"meter": "m", "amount": amount, "per": per, **more}


THIRD = flat("0.000001", "3")  # a third of a micro-unit a unit
ONE = flat("0.000001", "1")
TWO = flat("0.000002", "1")
EARLY = "2025-01-01T00:00:00Z"


def amounts(lines: list[Row]) -> list[int]:
    return [line["amount"] for line in lines if line["k"] == "charge"]


def months(lines: list[Row]) -> list[str]:
    return [line["month"] for line in lines if line["k"] == "charge"]


def dates(lines: list[Row]) -> list[tuple[str, str]]:
    return [(line["date"], line["owner"]) for line in lines if line["k"] == "base-fee"]


def expect(got: Any, wanted: Any) -> None:
    if got != wanted:
        raise AssertionError(f"got {got}, by hand {wanted}")


def case_rating() -> None:
    tiers = Price((Tier(10, Fraction(1)), Tier(20, Fraction(1, 2)), Tier(None, Fraction(3, 10))))
    expect([rules.exact_cost(tiers, q) for q in (0, 10, 11, 20, 25)], [0, 10, Fraction(21, 2), 15, Fraction(33, 2)])
    expect(rules.posting(tiers, 10, 25), 6)
    free = Price((Tier(None, Fraction(3, 2)),), free=5)
    expect([rules.posting(free, 0, q) for q in (4, 5, 6, 7)], [0, 0, 1, 3])
    cap = Price((Tier(None, Fraction(3, 2)),), cap=Fraction(4))
    expect([rules.posting(cap, 0, q) for q in (1, 2, 3, 100)], [1, 3, 4, 4])
    expect(rules.posting(cap, 100, 2), -1)
    both = Price((Tier(10, Fraction(1)), Tier(None, Fraction(2))), free=4)
    expect(rules.exact_cost(both, 12), 10)


def case_floor_differences() -> None:
    """Ten hours of one unit at a third: the month is floor(10/3) = 3."""
    w = Builder("2025-03-10T00:30:00Z")
    w.plan(EARLY, THIRD)
    w.customer("c")
    w.api("c")
    w.until("2025-03-10T12:30:00Z")
    for hour in range(10):
        w.imported(f"2025-03-10T{hour:02d}:00:00Z", 1)
    w.charge()
    oracle, lines = w.result()
    expect(amounts(lines), [0, 0, 1, 0, 0, 1, 0, 0, 1, 0])
    expect([line["billed"] for line in oracle.answer() if line["k"] == "meter-month"], [3])


def case_negative_revision() -> None:
    """10 units at a third: 3. Four taken back: floor(6/3) - 3 = -1. More than there is: refused."""
    w = Builder("2025-03-10T00:30:00Z")
    w.plan(EARLY, THIRD)
    w.customer("c")
    w.api("c")
    w.until("2025-03-10T12:30:00Z")
    w.imported("2025-03-10T05:00:00Z", 10)
    w.charge()
    w.imported("2025-03-10T05:00:00Z", -4)
    w.imported("2025-03-10T05:00:00Z", -7, "refused")
    w.imported("2025-03-10T12:00:00Z", 7, "refused")  # not over
    w.charge()
    w.charge()
    _, lines = w.result()
    expect(amounts(lines), [3, -1])
    expect([line["rev"] for line in lines], [0, 1])
    expect(lines[1]["lines"], [["m", 10, 6, -1]])


def case_zone_change_cuts_month() -> None:
    """Riga (UTC+3) to New York (UTC-4): April is 31 March 21:00Z to 30 April 21:00Z, May ends 1 June 04:00Z."""
    w = Builder("2025-03-01T00:30:00Z")
    w.plan(EARLY, ONE)
    w.customer("c", "Europe/Riga")
    w.api("c")
    w.until("2025-04-10T10:30:00Z")
    w.add("zone", customer="c", zone="America/New_York")
    for day, hour in (("03-31", 20), ("03-31", 21)):
        w.imported(f"2025-{day}T{hour:02d}:00:00Z", 1)
    w.until("2025-05-02T10:30:00Z")
    for day, hour in (("04-30", 20), ("04-30", 21), ("05-01", 3), ("05-01", 4)):
        w.imported(f"2025-{day}T{hour:02d}:00:00Z", 1)
    w.until("2025-06-02T10:30:00Z")
    for day, hour in (("06-01", 3), ("06-01", 4)):
        w.imported(f"2025-{day}T{hour:02d}:00:00Z", 1)
    w.charge()
    _, lines = w.result()
    wanted = ["2025-03", "2025-04", "2025-04", "2025-05", "2025-05", "2025-05", "2025-05", "2025-06"]
    expect(months(lines), wanted)


def case_half_hour_zones() -> None:
    """Kolkata's April begins 31 March 18:30Z: the hour 18:00Z is March, 19:00Z April."""
    w = Builder("2025-03-31T12:30:00Z")
    w.plan(EARLY, ONE)
    w.customer("c", "Asia/Kolkata")
    w.api("c")
    w.until("2025-04-01T12:30:00Z")
    for hour in (17, 18, 19):
        w.imported(f"2025-03-31T{hour}:00:00Z", 1)
    w.charge()
    expect(months(w.result()[1]), ["2025-03", "2025-03", "2025-04"])


def case_first_hours_of_dates() -> None:
    """Days of 23, 25 and 24.5/23.5 hours; first hours of local dates."""
    def firsts(zone: str, start: str, count: int) -> list[str]:
        hour, found = to_ms(start), []
        for _ in range(count):
            hour = rules.next_date_hour(hour, zone)
            found.append(rules.to_text(hour)[5:13])
        return found
    expect(firsts("Europe/Riga", "2025-03-29T12:00:00Z", 3), ["03-29T22", "03-30T21", "03-31T21"])
    expect(firsts("America/New_York", "2025-11-01T12:00:00Z", 3), ["11-02T04", "11-03T05", "11-04T05"])
    expect(firsts("Australia/Lord_Howe", "2025-10-04T05:00:00Z", 2), ["10-04T14", "10-05T13"])
    expect(firsts("Australia/Lord_Howe", "2025-04-05T05:00:00Z", 2), ["04-05T13", "04-06T14"])
    expect(firsts("Pacific/Apia", "2025-03-31T05:00:00Z", 1), ["03-31T11"])


def base_world(zone: str, start: str) -> Builder:
    w = Builder(start)
    w.plan(EARLY, base="0.5")
    w.customer("c", zone)
    w.customer("d", "America/New_York")
    w.api("c")
    return w


def case_base_once_a_date() -> None:
    """Over the 25-hour day of New York: three dates, three fees, however often it is charged."""
    w = base_world("America/New_York", "2025-11-01T12:30:00Z")
    for text in ("2025-11-02T03:30:00Z", "2025-11-02T05:30:00Z", "2025-11-03T05:30:00Z", "2025-11-03T06:30:00Z"):
        w.until(text)
        w.charge()
    oracle, lines = w.result()
    expect(dates(lines), [("2025-11-01", "c"), ("2025-11-02", "c"), ("2025-11-03", "c")])
    expect([line["run"] for line in lines], [1, 2, 4])
    expect([line["billed"] for line in oracle.answer() if line["k"] == "base-month"], [1_500_000])


def case_base_and_moves() -> None:
    """Riga's 5 November is paid by c; after a move to New York the same date is not paid again, the 6th is d's."""
    w = base_world("Europe/Riga", "2025-11-04T12:30:00Z")
    w.until("2025-11-05T02:30:00Z")  # New York: still the 4th
    w.add("assign", account="a@x", customer="d")
    w.until("2025-11-06T06:30:00Z")
    w.charge()
    expect(dates(w.result()[1]), [("2025-11-04", "c"), ("2025-11-05", "c"), ("2025-11-06", "d")])


def case_base_first_owner_of_a_date() -> None:
    """d (New York) to c (Riga) at 00:00Z, 5 November there already, and back at 03:00Z: c pays the 5th."""
    w = base_world("Europe/Riga", "2025-11-03T12:30:00Z")
    w.add("assign", account="a@x", customer="d")
    w.until("2025-11-04T23:30:00Z")
    w.add("assign", account="a@x", customer="c")
    w.until("2025-11-05T02:30:00Z")
    w.add("assign", account="a@x", customer="d")
    w.until("2025-11-06T06:30:00Z")
    w.charge()
    expect(dates(w.result()[1]), [("2025-11-03", "c"), ("2025-11-04", "d"), ("2025-11-05", "c"), ("2025-11-06", "d")])


def case_base_and_zone_change() -> None:
    """New York to Apia in October: October's dates stay New York's; every date is paid once."""
    w = base_world("America/New_York", "2025-10-30T12:30:00Z")
    w.until("2025-10-30T13:30:00Z")
    w.add("zone", customer="c", zone="Pacific/Apia")
    w.until("2025-11-02T12:30:00Z")
    w.charge()
    # November begins 1 November 04:00Z, which is 17:00 of 1 November in Apia
    expect([day for day, _ in dates(w.result()[1])],
           ["2025-10-30", "2025-10-31", "2025-11-01", "2025-11-02", "2025-11-03"])


def case_price_of_the_hour() -> None:
    """A price change at 12:00Z; usage of 11:00Z that arrives days later still has the old price."""
    w = Builder("2025-03-10T00:30:00Z")
    w.plan(EARLY, ONE)
    w.plan("2025-03-12T12:00:00Z", TWO)
    w.customer("c")
    w.host()
    w.batch({"2025-03-10T00:00:00Z": 1}, "2025-03-10T00:30:00Z")
    w.until("2025-03-10T00:40:00Z")
    w.batch({"2025-03-10T00:00:00Z": 5}, "2025-03-10T00:40:00Z")
    w.add("assign", account="u@h", customer="c")
    w.until("2025-03-14T13:30:00Z")
    w.charge()  # closed by the lag limit, without usage
    w.until("2025-03-14T14:30:00Z")
    usage = {"2025-03-10T00:00:00Z": 9, "2025-03-12T11:00:00Z": 10, "2025-03-12T12:00:00Z": 10}
    w.batch(usage, "2025-03-14T14:00:00Z")
    w.charge()
    oracle, lines = w.result()
    expect(amounts(lines), [10, 20])
    expect([line["version"] for line in lines], [EARLY, "2025-03-12T12:00:00Z"])
    expect(oracle.accounts["u@h"].waiting, {})  # usage before the first owner is dropped from billing


def case_closing() -> None:
    """An hour closes by the watermark at once, without it after 48 hours; a rest that comes later is a revision."""
    w = Builder("2025-03-10T00:30:00Z")
    w.plan(EARLY, ONE)
    w.customer("c")
    w.host()
    w.until("2025-03-10T00:40:00Z")
    w.batch({"2025-03-10T00:00:00Z": 1}, "2025-03-10T00:40:00Z")
    w.add("assign", account="u@h", customer="c")
    w.until("2025-03-10T02:31:00Z")
    w.batch({"2025-03-10T01:00:00Z": 7, "2025-03-10T02:00:00Z": 5}, "2025-03-10T02:30:00Z")
    w.charge()  # 01:00Z
    w.until("2025-03-12T02:59:00Z")
    w.charge()  # nothing
    w.until("2025-03-12T03:01:00Z")
    w.charge()  # 02:00Z by the lag limit
    w.until("2025-03-12T05:01:00Z")
    w.batch({"2025-03-10T02:00:00Z": 2}, "2025-03-12T05:00:00Z")
    w.charge()  # its revision
    _, lines = w.result()
    expect([(line["run"], line["rev"], line["amount"]) for line in lines], [(1, 0, 7), (3, 0, 5), (4, 1, 2)])


def case_moves_and_allowance() -> None:
    """Five free units for each owner; back at the first owner its quantity goes on."""
    w = Builder("2025-03-10T00:30:00Z")
    w.plan(EARLY, flat("0.000001", "1", free="5"))
    w.customer("c")
    w.customer("d")
    w.api("c")
    w.until("2025-03-10T05:30:00Z")
    w.add("assign", account="a@x", customer="d")  # from 06:00Z
    w.until("2025-03-10T07:30:00Z")
    w.add("assign", account="a@x", customer="c")  # from 08:00Z
    w.until("2025-03-10T12:30:00Z")
    for hour in (5, 6, 7, 8):
        w.imported(f"2025-03-10T{hour:02d}:00:00Z", 4)
    w.charge()
    _, lines = w.result()
    expect([(line["owner"], line["amount"]) for line in lines], [("c", 0), ("d", 0), ("d", 3), ("c", 3)])


def case_plan_switch() -> None:
    """Linear to linear from the next hour; to a plan with an allowance from the start of the customer's next month."""
    w = Builder("2025-03-10T00:30:00Z")
    w.plan(EARLY, ONE)
    w.plan(EARLY, TWO, plan="q")
    w.plan(EARLY, flat("0.000005", "1", free="1"), plan="r")
    w.customer("c", "Europe/Riga")
    w.api("c")
    w.until("2025-03-10T05:30:00Z")
    w.add("plan-switch", customer="c", plan="q")
    w.until("2025-03-20T05:30:00Z")
    w.add("plan-switch", customer="c", plan="r")
    w.until("2025-04-02T00:30:00Z")
    for hour in ("03-01T00", "03-10T05", "03-10T06", "03-31T20", "03-31T21", "03-31T22"):
        w.imported(f"2025-{hour}:00:00Z", 1)
    w.charge()
    _, lines = w.result()
    expect([(line["plan"], line["amount"]) for line in lines],
           [("p", 1), ("p", 1), ("q", 2), ("q", 2), ("r", 0), ("r", 5)])


def case_version_by_local_month() -> None:
    """A version with a cap for April begins in Riga at 31 March 21:00Z, in New York at 1 April 04:00Z."""
    for zone, old, new in (("Europe/Riga", "03-31T20", "03-31T21"), ("America/New_York", "04-01T03", "04-01T04")):
        w = Builder("2025-03-10T00:30:00Z")
        w.plan(EARLY, ONE)
        w.plan("2025-04-01T00:00:00Z", flat("0.000009", "1", monthly_cap="0.000020"))
        w.customer("c", zone)
        w.api("c")
        w.until("2025-04-02T00:30:00Z")
        w.imported(f"2025-{old}:00:00Z", 3)
        w.imported(f"2025-{new}:00:00Z", 3)
        w.charge()
        expect(amounts(w.result()[1]), [3, 20])


def case_quarantine() -> None:
    """A batch that begins 36 days ago is kept out as a whole; released, it is billed at the price of its hours."""
    for action, wanted in (("release", [11, 2, 4]), ("discard", [4])):
        w = Builder("2025-03-10T00:30:00Z")
        w.plan(EARLY, ONE)
        w.customer("c")
        w.host()
        w.until("2025-03-10T00:40:00Z")
        w.batch({"2025-03-10T00:00:00Z": 1}, "2025-03-10T00:40:00Z")
        w.add("assign", account="u@h", customer="c")
        w.until("2025-04-16T12:30:00Z")
        w.batch({"2025-03-11T01:00:00Z": 11, "2025-03-12T20:00:00Z": 2}, "2025-03-12T21:00:00Z")
        w.batch({"2025-03-13T01:00:00Z": 4}, "2025-04-16T12:00:00Z")
        w.add(action, account="u@h")
        w.charge()
        expect(amounts(w.result()[1]), wanted)


def all_cases() -> Iterator[tuple[str, Callable[[], None]]]:
    for name, value in globals().items():
        if name.startswith("case_"):
            yield name[5:], value
