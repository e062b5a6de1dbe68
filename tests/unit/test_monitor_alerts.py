"""What a monitor is told to watch for: words and numbers, and the exact text of what is refused."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm


def test_alerts_defaults_are_those_of_the_docstring() -> None:
    assert xm.Alerts() == xm.Alerts(liquidation=True, levels=(2.0, 1.5, 1.2), soft_stop=0.15, valuation=None)
    assert hash(xm.Alerts()) == hash(xm.Alerts(levels=[1.2, 2, 1.5]))


def test_alerts_levels_of_any_order_are_kept_in_descending_order() -> None:
    assert xm.Alerts(levels=np.array([1.1, 3.0, 2.0])).levels == (3.0, 2.0, 1.1)
    assert xm.Alerts(levels=()).levels == ()


def test_alerts_pickled_are_equal() -> None:
    alerts = xm.Alerts("latched", [4, 1], None, "USDT")
    assert pickle.loads(pickle.dumps(alerts)) == alerts


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"liquidation": "on"}, "liquidation was 'on', expected True, False or 'latched'"),
        ({"liquidation": 1}, "liquidation was 1, expected True, False or 'latched'"),
        ({"liquidation": None}, "liquidation was None, expected True, False or 'latched'"),
        ({"levels": [2.0, 0.0]}, "levels had 0.0, expected positive numbers"),
        ({"levels": [float("inf")]}, "levels had inf, expected positive numbers"),
        ({"levels": [float("nan")]}, "levels had nan, expected positive numbers"),
        ({"levels": [2, 2.0]}, "levels had 2.0 twice, expected distinct ones"),
        ({"levels": range(1, 18)}, "levels had 17 elements, expected at most 16"),
        ({"levels": ["2", "x"]}, "levels[1] was of type str, expected a number"),
        ({"levels": "2"}, "levels was of type str, expected a list of numbers"),
        ({"levels": 2.0}, "levels was of type float, expected a list of numbers"),
        ({"soft_stop": 0}, "soft_stop was 0, expected a share of the reference between 0 and 1, such as 0.15"),
        ({"soft_stop": 15}, "soft_stop was 15, expected a share of the reference between 0 and 1, such as 0.15"),
        ({"soft_stop": "a"}, "soft_stop was of type str, expected a number"),
        ({"valuation": 1}, "valuation was of type int, expected text"),
    ],
)
def test_alerts_that_are_none_are_refused(refused: Callable[..., str], given: dict[str, Any], message: str) -> None:
    assert refused(xm.ArgumentError, xm.Alerts, **given) == message


# references


def monitor(book: xm.Book, prices: xm.Prices, references: Any) -> xm.Monitor:
    return xm.Monitor(book, prices, xm.Alerts(liquidation=False, levels=()), references=references)


EQUITY = {7: 3_800.0, 9: 200.0}
"""Equity of the two accounts at the marks."""


@pytest.mark.parametrize(
    "given",
    [
        {7: 4_000.0},
        {7: 4_000.0, 9: None},
        [4_000.0, np.nan],
        np.array([4_000.0, np.nan]),
        {"account": [7], "reference_equity": [4_000.0]},
        {"account": np.array([9, 7]), "reference_equity": np.array([np.nan, 4_000.0])},
        [{"account": 7, "reference_equity": 4_000.0}],
        xm.Table({"account": [7], "reference_equity": [4_000.0]}),
    ],
    ids=["mapping", "null", "list", "array", "columns", "arrays", "rows", "table"],
)
def test_monitor_references_in_any_form_are_those(book: xm.Book, prices: xm.Prices, given: Any) -> None:
    stops = monitor(book, prices, given).soft_stops
    assert stops["account"].tolist() == [7, 9]
    assert stops["reference"].tolist() == [4_000.0, EQUITY[9]]
    assert stops["soft_stop"].tolist() == [False, False]


def test_monitor_references_of_arrow_are_those(book: xm.Book, prices: xm.Prices) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"account": [9, 7], "reference_equity": [None, 5_000.0]})
    stops = monitor(book, prices, table).soft_stops
    assert stops["reference"].tolist() == [5_000.0, EQUITY[9]]
    assert stops["soft_stop"].tolist() == [True, False]  # 3,800 is less than 85 % of 5,000


def test_monitor_without_references_takes_the_equity_now(book: xm.Book, prices: xm.Prices) -> None:
    assert monitor(book, prices, None).soft_stops["reference"].tolist() == list(EQUITY.values())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({8: 1.0}, "references: account was 8, which the book does not hold: name one of its 2 accounts, 7, 9"),
        ({"account": [7, 7], "reference_equity": [1, 2]}, "references named account 7 twice; give one of each"),
        ({7: "x"}, "references[7] was of type str, expected a number"),
        ({"account": [7]}, "references.reference_equity is missing; a table needs account and reference_equity"),
        ({"account": [7], "reference_equity": []}, "references had columns of unequal length"),
        ([1.0], "references had shape (1,), expected 2, one per account in the order of book.accounts"),
        ("x", "references was of type str, expected equity by account, or in the order of book.accounts"),
        ([np.inf, 1.0], "references had inf, expected finite amounts or NaN"),
    ],
)
def test_monitor_references_that_are_none_are_refused(
    refused: Callable[..., str], book: xm.Book, prices: xm.Prices, given: Any, message: str
) -> None:
    assert refused(xm.ArgumentError, monitor, book, prices, given) == message
