"""``crossmargin compare``: rows, intervals, allotments, and the exact text of what is refused."""

import csv
import io
from pathlib import Path

import pytest

from cli.running import Command, Ran

TABLES = ("--balances", "balances.csv", "--positions", "positions.csv", "--marks", "marks.json")


def compare(command: Command, *arguments: str, preset: str = "binance-usdm") -> Ran:
    return command("compare", "--preset", preset, *TABLES, *arguments)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_compare_small_book_gives_a_row_per_account(command: Command) -> None:
    ran = compare(command, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    found = rows(ran.text)
    assert [row["account"] for row in found] == ["ann", "bob", "cleo"]
    # fences at entry: 0.5 * 60000 / 10 and 2 * 2600 / 10
    assert float(found[0]["locked_isolated"]) == pytest.approx(3_520.0)
    # at the mark: 0.5 * 62000 / 10 and 2 * 2450 / 10
    assert float(found[0]["locked_cross"]) == pytest.approx(3_590.0)


def test_compare_cash_by_position_is_what_is_locked(command: Command) -> None:
    cash = "account,instrument,isolated_margin\nann,BTCUSDT,1000\nann,ETHUSDT,200\nbob,BTCUSDT,300\ncleo,SOLUSDT,90\n"
    command.write("cash.csv", cash)
    found = rows(compare(command, "--cash", "cash.csv", "--quiet").text)
    assert [float(row["locked_isolated"]) for row in found] == [1_200.0, 300.0, 90.0]


def test_compare_moves_give_returns_by_label(command: Command) -> None:
    command.write("moves.json", '{"fall": {"BTCUSDT": -0.1, "SOLUSDT": -0.2}, "dip": {"BTCUSDT": -0.05}}')
    found = rows(compare(command, "--moves", "moves.json", "--quiet").text)
    # 0.5 long of 62000 loses 1550 in a dip by a twentieth
    assert float(found[0]["return_dip_cross"]) == pytest.approx(-1_550 / 3_590)
    assert "return_fall_isolated" in found[0]


def test_compare_intervals_are_written_by_position(command: Command) -> None:
    ran = compare(command, "--intervals", "--positions-out", "intervals.csv", "--quiet")
    assert ran.code == 0, ran.err
    found = rows(Path("intervals.csv").read_text(encoding="utf-8"))
    assert len(found) == 4
    assert {"below_cross", "above_cross", "below_isolated", "above_isolated"} <= set(found[0])


def test_compare_summary_has_a_line_per_mode(command: Command) -> None:
    lines = compare(command, "--out", "modes.csv").err.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["as", "cross", "isolated"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--intervals",), 2, "--intervals are of positions; give --positions-out too, and the one with the other"),
        (("--allot", "fair"), 2, "invalid choice: 'fair'"),
        (("--cash", "short.csv"), 1, "cash has no isolated_margin for positions[1], ann, ETHUSDT; give each position"),
        (("--moves", "moves.json"), 1, "moves were no object of label to move"),
    ],
)
def test_compare_options_that_are_none_are_refused(
    command: Command, arguments: tuple[str, ...], code: int, text: str
) -> None:
    command.write("short.csv", "account,instrument,isolated_margin\nann,BTCUSDT,1000\n")
    command.write("moves.json", "[]")
    ran = compare(command, *arguments)
    assert ran.code == code
    assert text in ran.err
