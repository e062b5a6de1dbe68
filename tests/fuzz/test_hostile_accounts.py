"""Operations of an account with anything: done, or refused by an error of ours with the account as it was."""

import inspect
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from fuzz.junk import MARKET, TEXTBOOK, answered_or_refused, junk, numbers, plain, words

OPERATIONS = [
    *("deposit", "withdraw", "add_margin", "remove_margin", "set_margin_mode", "open", "close", "flip", "fill"),
    *("set_leverage", "place", "cancel", "cancel_all", "execute", "mark", "position", "pool", "wallet"),
]
likely = {
    "instrument": st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
    "asset": st.just("USDT"),
    "amount": st.integers(0, 500),
    "quantity": st.integers(-3, 3),
    "entry_price": st.integers(10, 90),
    "price": st.integers(10, 90),
    "leverage": st.integers(1, 9),
    "isolated_margin": st.integers(0, 90),
    "fee": st.integers(0, 2),
    "margin_mode": st.sampled_from(["cross", "isolated"]),
    "position_side": st.sampled_from(["net", "long", "short"]),
    "order_id": st.integers(0, 3),
    "reduce_only": st.booleans(),
    "round": st.sampled_from(["down", "up", "nearest"]),
    "mark": st.fixed_dictionaries({"BTCUSDT": st.integers(10, 90), "ETHUSDT": st.integers(10, 90)}),
}


def is_within_doubles(value: Any) -> bool:
    """Say whether a number stays one when it is added up; beyond that see the open ones."""
    return not isinstance(value, (int, float, Decimal, Fraction)) or not 1e200 < abs(value) < math.inf


def hostile_values(parameter: inspect.Parameter) -> st.SearchStrategy[Any]:
    """What to give where a word, prices by name, or a number is wanted."""
    wanted = str(parameter.annotation)
    if "Mapping" in wanted:
        return st.one_of(st.none(), st.dictionaries(words, plain, max_size=3))
    return st.one_of(st.none(), words) if "str" in wanted else st.one_of(plain, numbers).filter(is_within_doubles)


def trader() -> xm.Account:
    account = xm.Account(TEXTBOOK, {"USDT": 1_000})
    account.open("BTCUSDT", 2, entry_price=50, leverage=5)
    account.open("ETHUSDT", -3, entry_price=30, leverage=5, margin_mode="isolated", isolated_margin=40)
    account.place("BTCUSDT", 1, 45, leverage=5)
    account.mark({"BTCUSDT": 51, "ETHUSDT": 29, "SOLUSDT": 40})
    return account


def told(account: xm.Account) -> list[Any]:
    """Everything that an account says of itself."""
    tables = {
        name: table.rows() if isinstance(table, xm.Table) else table for name, table in account.book.tables().items()
    }
    figures = [str(account.summary), account.flows.rows(), account.orders.rows(), account.positions.table.rows()]
    return [str(tables), str(figures), account.prices.mark.tolist()]


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
def test_account_operation_with_anything_is_done_or_changes_nothing(operation: str, data: st.DataObject) -> None:
    account = trader()
    method = getattr(account, operation)
    parameters = inspect.signature(method).parameters.values()
    arguments: dict[str, Any] = {}
    hostile = data.draw(st.sampled_from([parameter.name for parameter in parameters]))
    for parameter in parameters:
        usual = likely.get(parameter.name, st.none())
        if parameter.name == hostile:
            arguments[parameter.name] = data.draw(hostile_values(parameter))
        elif parameter.default is inspect.Parameter.empty or data.draw(st.booleans()):
            arguments[parameter.name] = data.draw(usual)
    before = told(account)
    try:
        method(**arguments)
    except xm.InternalError:
        raise
    except xm.CrossmarginError:
        assert told(account) == before
    else:
        with answered_or_refused():
            told(account)


amounts = st.one_of(st.none(), st.dictionaries(st.sampled_from(["USDT", "USDC", "", "x"]), plain, max_size=2))


@given(market=junk, balances=amounts, bonus=amounts, borrowed=amounts)
def test_account_of_anything_is_made_or_refused_by_an_error_of_ours(
    market: Any, balances: Any, bonus: Any, borrowed: Any
) -> None:
    with answered_or_refused():
        xm.Account(market, {"USDT": 1})
    with answered_or_refused():
        account = xm.Account(MARKET, balances, bonus=bonus, borrowed=borrowed)
        account.mark({"BTCUSDT": 1.0})
        assert repr(account)


@given(words=st.lists(st.one_of(st.none(), words), min_size=5, max_size=5), coefficient=plain, key=plain)
def test_account_with_hostile_options_is_made_or_refused_by_an_error_of_ours(
    words: list[Any], coefficient: Any, key: Any
) -> None:
    names = ("margin_mode", "profile", "quantity_unit", "valuation", "round")
    for option, value in [*zip(names, words, strict=True), ("tier_coefficient", coefficient), ("key", key)]:
        with answered_or_refused():
            account = xm.Account(MARKET, {"USDT": 1}, **{option: value})
            account.mark({"BTCUSDT": 1.0})
            assert repr(account)


@given(book=junk, key=plain, prices=st.one_of(st.none(), st.dictionaries(words, plain)))
def test_account_from_a_book_of_anything_is_made_or_refused_by_an_error_of_ours(
    book: Any, key: Any, prices: Any
) -> None:
    for ask in (
        lambda: xm.Account.from_book(book, 1),
        lambda: xm.Account.from_book(trader().book, key),
        lambda: xm.Account.from_book(trader().book, 0, prices),
    ):
        with answered_or_refused():
            ask()
