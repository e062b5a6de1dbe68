"""`Account`: what may leave, against the exact limit of the reference: all of it, and not a quantum more."""

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin import reference

QUANTUM = Decimal("1e-8")


@lru_cache
def markets(name: str) -> tuple[xm.Market, reference.Market]:
    market = xm.load_market(name)
    return market, reference.load_market(market.to_toml())


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    scale = 10**places
    return st.integers(low * scale, high * scale).map(lambda count: Decimal(count).scaleb(-places))


def known(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is absent."""
    return {name: value for name, value in row.items() if not (isinstance(value, float) and math.isnan(value))}


def exact(account: xm.Account, specified: reference.Market, marks: Any, index: Any = None) -> Any:
    """The cross pool in exact arithmetic, from the rows of the account's book."""
    tables = account.book.tables()
    balances, positions = ([known(row) for row in tables[name].rows()] for name in ("balances", "positions"))
    pools = reference.score_account(specified, balances, positions, marks, index=index or {})
    return next(pool for pool in pools if pool.kind == "cross")


@given(
    cash=decimals(100, 5_000, 8),
    size=decimals(0, 2, 3).filter(bool),
    prices=st.tuples(decimals(900, 1_100, 2), decimals(900, 1_100, 2)),
    leverage=st.integers(1, 20),
    name=st.sampled_from(["textbook", "binance-usdm"]),
)
def test_account_lets_all_that_is_withdrawable_leave_and_no_quantum_more(
    cash: Decimal, size: Decimal, prices: tuple[Decimal, Decimal], leverage: int, name: str
) -> None:
    market, specified = markets(name)
    account = xm.Account(market, {"USDT": cash})
    account.open("BTCUSDT", size, entry_price=prices[0], leverage=leverage)
    marks = {"BTCUSDT": float(prices[1])}
    account.mark(marks)
    limit = exact(account, specified, marks).withdrawable
    most = math.floor(limit / Fraction(QUANTUM)) * QUANTUM
    assert account.withdrawable == pytest.approx(float(limit), rel=1e-12, abs=1e-9)
    with pytest.raises(xm.FundsError) as caught:
        account.withdraw("USDT", most + QUANTUM)
    assert caught.value.limit == most
    account.withdraw("USDT", most)
    assert account.wallet("USDT") == cash - most
    with pytest.raises(xm.FundsError):
        account.withdraw("USDT", QUANTUM)


@given(
    cash=decimals(100, 5_000, 8),
    bitcoin=decimals(0, 1, 8),
    size=decimals(1, 50, 3),
    asked=st.tuples(decimals(0, 5_000, 8), decimals(0, 1, 8)),
)
def test_account_of_several_assets_covers_its_margin_after_every_withdrawal(
    cash: Decimal, bitcoin: Decimal, size: Decimal, asked: tuple[Decimal, Decimal]
) -> None:
    market, specified = markets("binance-usdm-multi")
    marks, index = {"ETHUSDT": 2_500.0}, {"USDT": 1.0, "BTC": 60_000.0, "USD": 1.0}
    account = xm.Account(market, {"USDT": cash, "BTC": bitcoin})
    account.open("ETHUSDT", -size, entry_price=2_450, leverage=10)
    account.mark(marks, index=index)
    assume(account.free_margin > 0)
    for asset, amount in zip(("BTC", "USDT"), reversed(asked), strict=True):
        before = account.wallet(asset)
        try:
            account.withdraw(asset, amount)
        except xm.FundsError:
            assert account.wallet(asset) == before
        else:
            assert account.wallet(asset) == before - amount >= 0
    assert exact(account, specified, marks, index).free_margin > -1e-6
