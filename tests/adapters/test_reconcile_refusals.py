"""What `reconcile` refuses to compare."""

from typing import Any

import pytest

import crossmargin as xm

MARKET = xm.load_market("binance-usdm", as_of="2024-10-01")


@pytest.mark.parametrize(
    ("reported", "message"),
    [
        ([{"account": 1, "level": "planet", "field": "equity", "value": 1.0}], r"reported\.level\[0\] was 'planet'"),
        ([{"account": 1, "level": "pool", "value": 1.0}], "no column field"),
        (
            [{"account": 1, "level": "pool", "field": "equity", "value": 1.0, "margin_mode": "both"}],
            r"reported\.margin_mode\[0\] was 'both'",
        ),
        (7, "reported was of type int"),
    ],
)
def test_reconcile_tables_that_are_none_are_refused(reported: Any, message: str) -> None:
    book = xm.Book(MARKET, balances=[{"account": 1, "asset": "USDT", "wallet_balance": 1.0}])
    with pytest.raises(xm.ArgumentError, match=message):
        xm.reconcile(book, MARKET.prices(mark={}), reported)


def test_reconcile_other_arguments_are_refused_by_type() -> None:
    with pytest.raises(xm.ArgumentError, match="book was of type str"):
        xm.reconcile("book", MARKET.prices(mark={}), [])  # type: ignore[arg-type]
