"""`Account`: what is refused, with which error, and that a refusal changes nothing."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import crossmargin as xm

Refused = Callable[..., str]


@pytest.fixture
def account(textbook: xm.Market) -> xm.Account:
    return xm.Account(textbook, {"USDT": 10_000})


def refusals(account: xm.Account) -> list[tuple[type[Exception], Callable[[], Any]]]:
    """Operations that must be refused, on an account with BTC cross at 10x, an isolated ETH and an order."""
    return [
        (xm.ArgumentError, lambda: account.deposit("USDT", -1)),
        (xm.ArgumentError, lambda: account.deposit("USDT", 1e-9)),
        (xm.ArgumentError, lambda: account.deposit("USDT", math.nan)),
        (xm.ArgumentError, lambda: account.deposit("USDT", True)),
        (xm.ArgumentError, lambda: account.deposit("DOGE", 1)),
        (xm.ArgumentError, lambda: account.deposit("USDT", 1, round="sideways")),
        (xm.FundsError, lambda: account.withdraw("USDT", 9_999)),
        (xm.ArgumentError, lambda: account.open("XRPUSDT", 1, entry_price=1)),
        (xm.ArgumentError, lambda: account.open("BTCUSDT", 0, entry_price=1)),
        (xm.ArgumentError, lambda: account.open("BTCUSDT", -1, entry_price=60_000)),
        (xm.ArgumentError, lambda: account.open("BTCUSDT", 1, entry_price=60_000, leverage=20)),
        (xm.ArgumentError, lambda: account.open("BTCUSDT", 1, entry_price=60_000, leverage=0)),
        (xm.ArgumentError, lambda: account.open("BTCUSDT", 1, entry_price=-1)),
        (xm.ArgumentError, lambda: account.open("BTCUSDT", 1, entry_price=60_000, isolated_margin=5)),
        (xm.ArgumentError, lambda: account.open("BTCUSDT", 1, entry_price=60_000, fee=math.inf)),
        (xm.BookError, lambda: account.open("SOLUSDT", -1, entry_price=100, position_side="long")),
        (xm.BookError, lambda: account.open("SOLUSDT", 1, entry_price=100, margin_mode="isolated")),
        (xm.FundsError, lambda: account.open("ETHUSDT", 100, entry_price=3_000)),
        (xm.MissingPriceError, lambda: account.open("SOLUSDT", 1)),
        (xm.ArgumentError, lambda: account.close("BTCUSDT", 3)),
        (xm.ArgumentError, lambda: account.close("SOLUSDT")),
        (xm.ArgumentError, lambda: account.close("BTCUSDT", 0.1, price="60000.0000000001")),
        (xm.ArgumentError, lambda: account.flip("BTCUSDT", 1, price=61_000, fee=1e-9)),
        (xm.FundsError, lambda: account.add_margin("ETHUSDT", 9_000)),
        (xm.FundsError, lambda: account.remove_margin("ETHUSDT", 1)),
        (xm.ArgumentError, lambda: account.add_margin("BTCUSDT", 1)),
        (xm.ArgumentError, lambda: account.set_margin_mode("BTCUSDT", "cross")),
        (xm.FundsError, lambda: account.set_margin_mode("BTCUSDT", "isolated", isolated_margin=20_000)),
        (xm.BookError, lambda: account.place("BTCUSDT", 1, 60_000, position_side="long")),
        (xm.ArgumentError, lambda: account.place("BTCUSDT", 1, 60_000, leverage=1e300)),
        (xm.ArgumentError, lambda: account.fill("BTCUSDT", 1, price=60_000, fee="taker")),
        (xm.ArgumentError, lambda: account.cancel(9)),
        (xm.ArgumentError, lambda: account.position("SOLUSDT")),
        (xm.ArgumentError, lambda: account.pool("DOGE")),
        (xm.ArgumentError, lambda: account.pool(instrument="BTCUSDT")),
    ]


@pytest.mark.parametrize("which", range(35))
def test_account_refused_operation_changes_nothing(account: xm.Account, which: int) -> None:
    account.open("BTCUSDT", 1, entry_price=60_000, leverage=10)
    account.open("ETHUSDT", 1, entry_price=3_000, leverage=10, margin_mode="isolated")
    account.place("BTCUSDT", 1, 50_000)
    account.mark({"BTCUSDT": 61_000, "ETHUSDT": 3_000})
    before, shown = pickle.dumps(account), repr(account)
    cases = refusals(account)
    assert len(cases) == 35
    kind, operation = cases[which]
    with pytest.raises(kind) as caught:
        operation()
    assert type(caught.value) is kind
    assert pickle.dumps(account) == before
    assert repr(account) == shown


def test_account_arguments_that_make_none_are_refused(textbook: xm.Market, refused: Refused) -> None:
    refused(xm.ArgumentError, xm.Account, "textbook")
    refused(xm.ArgumentError, xm.Account, textbook, {"EUR": 1})
    refused(xm.ArgumentError, xm.Account, textbook, {"USDT": 1e-9})
    refused(xm.ArgumentError, xm.Account, textbook, margin_mode="crossed")
    refused(xm.ArgumentError, xm.Account, textbook, quantity_unit="lots")
    refused(xm.ArgumentError, xm.Account, textbook, valuation="EUR")
    refused(xm.BookError, xm.Account, textbook, {"USDT": 1}, profile="vip")
    assert xm.Account(textbook, {"USDT": -5}).equity == -5
    assert xm.Account(textbook).equity == 0
    assert xm.Account(textbook).margin_ratio == math.inf
