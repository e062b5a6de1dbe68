"""Questions before a trade, asked with anything: answered, or refused by an error of ours with the book as it was."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from fuzz.junk import JOINT, MARKET, TEXTBOOK, answered_or_refused, columns, junk, numbers, plain, scalars, words

CASH = {"account": [1, 2], "asset": ["USDT", "USDT"], "wallet_balance": [5_000.0, 600.0]}
HELD = {
    "account": [1, 2],
    "instrument": ["BTCUSDT", "BTCUSDT"],
    "quantity": [0.1, -0.2],
    "entry_price": [60_000.0, 61_000.0],
    "leverage": [5.0, 3.0],
}
SOUND: dict[str, list[Any]] = {
    "account": [1, 2],
    "instrument": ["BTCUSDT", "BTCUSDT"],
    "quantity": [0.1, -0.2],
    "price": [60_000.0, None],
    "order_id": [3, 4],
    "trigger_price": [None, 61_000.0],
    "reduce_only": [False, True],
    "position_side": ["net", "net"],
    "margin_mode": ["cross", None],
    "leverage": [5.0, None],
    "kind": ["limit", "stop"],
}
OPTIONS = ("after", "assume", "fee", "round", "outputs", "violations", "on_error", "missing", "n_threads")


def held(market: xm.Market = MARKET) -> tuple[xm.Book, xm.Prices]:
    index = {"USDT": 1.0} if market is JOINT else {}
    return xm.Book(market, balances=CASH, positions=HELD), market.prices(mark={"BTCUSDT": 60_000.0}, index=index)


def test_sound_orders_are_decided() -> None:
    for market in (MARKET, TEXTBOOK, JOINT):
        assert len(xm.check_orders(*held(market), SOUND, "all", violations=True)) == 2


@given(orders=junk, book=st.one_of(st.none(), junk), prices=st.one_of(st.none(), junk))
def test_orders_of_anything_are_decided_or_refused_by_an_error_of_ours(orders: Any, book: Any, prices: Any) -> None:
    with answered_or_refused():
        xm.check_orders(*held(), orders)
    with answered_or_refused():
        xm.check_orders(book, held()[1], SOUND)
    with answered_or_refused():
        xm.check_orders(held()[0], prices, SOUND)


@pytest.mark.parametrize("on_error", ["raise", "reject"])
@pytest.mark.parametrize("assume", ["resting", "market_filled", "filled"])
@given(data=st.data())
def test_orders_with_a_hostile_column_are_decided_and_applied_or_change_nothing(
    assume: str, on_error: str, data: st.DataObject
) -> None:
    book, prices = held()
    before, core = book.tables(), book._core
    orders = {name: list(values) for name, values in SOUND.items()}
    for name in data.draw(st.lists(st.sampled_from([*SOUND]), min_size=1, max_size=2)):
        orders[name] = data.draw(st.one_of(st.lists(scalars, min_size=2, max_size=2), columns, junk))
    with answered_or_refused():
        decision = xm.check_orders(book, prices, orders, "all", assume=assume, on_error=on_error, violations=True)
        assert len(decision.table) == len(decision)
        assert repr(decision)
        assert book._core is core
        book.apply_orders(decision)
        assert xm.Book(book.market, **book.tables()) == book
    if book._core is core:
        assert book.tables() == before


@given(option=st.sampled_from(OPTIONS), value=junk)
def test_orders_with_a_hostile_option_are_decided_or_refused_by_an_error_of_ours(option: str, value: Any) -> None:
    with answered_or_refused():
        xm.check_orders(*held(), SOUND, **{option: value})


LIKELY = {
    "instrument": st.sampled_from(["BTCUSDT", "ETHUSDT", 0]),
    "quantity": st.floats(-1.0, 1.0),
    "price": st.one_of(st.none(), st.floats(50_000.0, 70_000.0)),
    "account": st.sampled_from([1, 2]),
    "leverage": st.one_of(st.none(), st.floats(1.0, 20.0)),
    "margin_mode": st.sampled_from([None, "cross", "isolated"]),
    "position_side": st.sampled_from([None, "net", "long"]),
    "reduce_only": st.booleans(),
    "trigger_price": st.one_of(st.none(), st.floats(50_000.0, 70_000.0)),
}


@pytest.mark.parametrize("name", LIKELY)
@given(data=st.data())
def test_order_with_a_hostile_argument_is_decided_or_refused_by_an_error_of_ours(
    name: str, data: st.DataObject
) -> None:
    asked = {other: data.draw(usual) for other, usual in LIKELY.items()}
    asked[name] = data.draw(st.one_of(plain, numbers, words, junk))
    with answered_or_refused():
        verdict = xm.check_order(*held(), **asked)
        assert verdict.reason in xm.REASONS


ASKED = {
    "max_order": {"instrument": "BTCUSDT", "side": "buy", "price": 60_000.0, "accounts": [1, 2]},
    "mirror": {"orders": {"instrument": "BTCUSDT", "quantity": 0.1}, "leader": 1, "followers": [2], "factor": 0.5},
}
MORE = {
    "max_order": ("leverage", "margin_mode", "position_side", "target_ratio", "liquidation_beyond", "missing"),
    "mirror": ("by", "cut", "assume", "fee", "round", "missing", "n_threads"),
}


@pytest.mark.parametrize("question", ASKED)
@given(data=st.data())
def test_question_with_a_hostile_argument_is_answered_or_refused_by_an_error_of_ours(
    question: str, data: st.DataObject
) -> None:
    book, prices = held()
    core = book._core
    asked: dict[str, Any] = dict(ASKED[question])
    asked[data.draw(st.sampled_from([*asked, *MORE[question]]))] = data.draw(junk)
    with answered_or_refused():
        found = getattr(xm, question)(book, prices, **asked)
        assert repr(found)
        assert len(found.table) == len(found)
    assert book._core is core


SIZED = {"instrument": "BTCUSDT", "side": "buy", "entry_price": 60_000.0, "equity": 1_000.0, "max_loss": 0.01}
SIZED |= {"stop_price": 59_000.0, "slippage": 0.0, "leverage": 5.0, "maintenance_share": 0.02}


@given(name=st.sampled_from([*SIZED, "fee", "margin_mode", "profile", "tier_coefficient", "book"]), value=junk)
def test_size_with_a_hostile_argument_is_found_or_refused_by_an_error_of_ours(name: str, value: Any) -> None:
    with answered_or_refused():
        sized = xm.size_position(MARKET, **SIZED | {name: value})
        assert repr(sized)
        assert len(sized.table) == len(sized)


@given(change=junk)
def test_change_of_anything_is_refused_by_an_error_of_ours(change: Any) -> None:
    book, _ = held()
    core = book._core
    with pytest.raises(xm.ArgumentError):
        book.apply_orders(change)
    assert book._core is core
