"""``crossmargin check``: rows, exit codes, what is written, and the exact text of what is refused."""

import csv
import io
import json

import pytest

from cli.running import Command, Ran

TABLES = ("--balances", "balances.csv", "--positions", "positions.csv", "--marks", "marks.json")
PROPOSED = """\
account,instrument,quantity,price,leverage
ann,BTCUSDT,0.1,62000,10
ann,BTCUSDT,-5,62000,10
bob,BTCUSDT,-0.2,62000,20
cleo,SOLUSDT,1,146,20
"""


def check(command: Command, *arguments: str, proposed: str = PROPOSED, preset: str = "binance-usdm") -> Ran:
    command.write("proposed.csv", proposed)
    return command("check", "--preset", preset, *TABLES, "--proposed", "proposed.csv", *arguments)


def rows(ran: Ran) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(ran.text)))


def test_check_small_book_says_which_orders_fit_and_why_not(command: Command) -> None:
    ran = check(command, "--quiet")
    assert (ran.code, ran.err) == (3, "")
    found = rows(ran)
    assert [row["reason"] for row in found] == ["accepted", "margin", "accepted", "accepted"]
    assert [row["accepted"] for row in found] == ["true", "false", "true", "true"]
    # 0.1 * 62000 / 10; the short side comes to 4.5 of 62000 / 10, less the 0.6 that the buys hold
    assert float(found[0]["cost"]) == pytest.approx(620.0)
    assert float(found[2]["cost"]) == 0.0


def test_check_all_accepted_exits_with_0(command: Command) -> None:
    ran = check(command, "--quiet", proposed="\n".join(PROPOSED.splitlines()[:2]) + "\n")
    assert ran.code == 0
    assert len(rows(ran)) == 1


def test_check_after_adds_columns_of_the_pool_with_the_order(command: Command) -> None:
    ran = check(command, "--after", "initial_margin,liquidation_price", "--quiet", "--format", "jsonl")
    found = [json.loads(line) for line in ran.text.splitlines()]
    assert {"after_initial_margin", "after_liquidation_price"} <= set(found[0])
    assert found[0]["after_initial_margin"] == pytest.approx(0.6 * 6_200 + 2 * 245)


def test_check_summary_says_rules_counts_and_reasons(command: Command) -> None:
    lines = check(command, "--out", "decision.csv").err.splitlines()
    assert lines[-3:-1] == ["rules   binance-usdm/2024-10-01 (unofficial)", "book    3 accounts, 4 pools, 4 positions"]
    assert lines[-1].startswith("orders  4 orders, 3 accepted; 1 margin; ")


def test_check_filled_orders_are_in_the_positions_written(command: Command) -> None:
    ran = check(command, "--assume", "filled", "--fee", "none", "--positions-out", "after.csv", "--quiet")
    assert ran.code == 3
    after = list(csv.DictReader(io.StringIO(command.read("after.csv"))))
    held = {(row["account"], row["instrument"]): float(row["quantity"]) for row in after}
    assert held["ann", "BTCUSDT"] == pytest.approx(0.6)
    assert ("bob", "BTCUSDT") not in held


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--after", "profit"), 2, "--after: 'profit' is no figure; there are "),
        (("--after", "excess,excess"), 2, "--after was 'excess,excess', expected names that occur once"),
        (("--assume", "hoped"), 2, "invalid choice: 'hoped'"),
    ],
)
def test_check_options_that_are_none_are_refused(
    command: Command, arguments: tuple[str, ...], code: int, text: str
) -> None:
    ran = check(command, *arguments)
    assert ran.code == code
    assert text in ran.err
    assert ran.text == ""


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("ann,NOPE,1,2,10", "orders.instrument[0]"),
        ("ann,BTCUSDT,0,62000,10", "orders.quantity[0]"),
        ("zoe,BTCUSDT,1,62000,10", "orders.account[0]"),
        ("ann,BTCUSDT,1,-5,10", "orders.price[0]"),
    ],
)
def test_check_malformed_orders_are_refused_by_name(command: Command, row: str, text: str) -> None:
    ran = check(command, proposed=f"account,instrument,quantity,price,leverage\n{row}\n")
    assert ran.code == 1
    assert text in ran.err
