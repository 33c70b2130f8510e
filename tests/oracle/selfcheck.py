"""Checks the oracle: cases worked out by hand, and equal totals for every order of arrival."""

from __future__ import annotations

import argparse
import io
import json
from collections import defaultdict
from typing import Any

from cases import all_cases
from oracle import dump, run
from scenario import scenario

Line = dict[str, Any]


def answer_of(seed: int, accounts: int, days: int, shuffle: int, actions: bool) -> tuple[list[str], list[Line]]:
    out = io.StringIO()
    oracle = run(scenario(seed, accounts, days, shuffle, None, actions), out)
    return [dump(line) for line in oracle.answer()], [json.loads(line) for line in out.getvalue().splitlines()]


def check_lines(answer: list[str], lines: list[Line]) -> None:
    """The lines add up to the months, line by line and in sum, and each goes on where its key's last one ended."""
    reached: dict[tuple[str, ...], int] = defaultdict(int)
    billed: dict[tuple[str, ...], int] = defaultdict(int)
    paid_dates: set[tuple[str, str]] = set()
    key: tuple[str, ...]
    for line in lines:
        if line["k"] == "base-fee":
            date = (line["account"], line["date"])
            assert date not in paid_dates, f"base fee twice: {date}"
            paid_dates.add(date)
            billed["base", line["account"], line["owner"], line["month"]] += line["amount"]
            continue
        for meter, before, after, amount in line["lines"]:
            key = (line["account"], line["owner"], line["month"], line["plan"], line["version"], meter)
            assert reached[key] == before and after >= 0, f"quantity does not go on: {key}"
            reached[key] = after
            billed[key] += amount
    for text in answer:
        line = json.loads(text)
        assert line["k"] != "customer" or line["balance"] > 500_000_000_000, f"the balance comes near zero: {line}"
        if line["k"] == "meter-month":
            key = tuple(line[name] for name in ("account", "owner", "month", "plan", "version", "meter"))
            assert (reached.pop(key), billed.pop(key)) == (line["quantity"], line["billed"]), f"month differs: {key}"
        if line["k"] == "base-month":
            key = ("base", line["account"], line["owner"], line["month"])
            assert billed.pop(key) == line["billed"], f"base fees differ: {key}"
    assert not any(reached.values()) and not any(billed.values()), "lines without a month"


def check_order_file(seed: int, accounts: int, days: int) -> None:
    """Charged backwards within each run, the lines differ and the months do not."""
    answer, lines = answer_of(seed, accounts, days, 0, False)
    order = [line for line in lines if line["k"] == "charge"]
    order.sort(key=lambda line: (line["run"], -line["hour_ms"]))
    out = io.StringIO()
    oracle = run(scenario(seed, accounts, days), out, order)
    assert [dump(line) for line in oracle.answer()] == answer, f"seed {seed}: another order within runs, other months"
    turned = [json.loads(line) for line in out.getvalue().splitlines()]
    check_lines(answer, turned)
    def shape(rows: list[Line]) -> list[tuple[int, str, int]]:
        return sorted((row["run"], row["account"], row["hour_ms"]) for row in rows if row["k"] == "charge")
    assert shape(turned) == shape(lines) and turned != lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--shuffles", type=int, default=3)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--days", type=int, default=40)
    options = parser.parse_args()
    for name, case in all_cases():
        case()
        print(f"by hand: {name}: equal")
    different = 0
    for seed in range(1, options.seeds + 1):
        actions = seed % 3 == 0
        answer, lines = answer_of(seed, options.accounts, options.days, 0, actions)
        check_lines(answer, lines)
        for shuffle in range(1, options.shuffles + 1):
            other, other_lines = answer_of(seed, options.accounts, options.days, shuffle, actions)
            check_lines(other, other_lines)
            assert other == answer, f"seed {seed}, shuffle {shuffle}: totals differ"
            different += other_lines != lines
        check_order_file(seed, options.accounts, options.days)
    total = options.seeds * options.shuffles
    print(f"{options.seeds} worlds, {total} other orders of arrival: all totals equal; the lines differ in {different}")


if __name__ == "__main__":
    main()
