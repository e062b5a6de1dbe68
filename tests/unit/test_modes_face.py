"""Margin modes compared from Python: columns with numbers of the textbook, what they are called, what is refused."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin import _core


@pytest.fixture(scope="module")
def market() -> xm.Market:
    return xm.load_market("textbook")


def pair(market: xm.Market, cash: float = 10_000.0, **of_btc: Any) -> xm.Book:
    """A hedged pair of 60,000 each at 20x: 3,000 of initial margin a leg, 2.5 % of maintenance."""
    rows = [
        {"instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 60_000.0, **of_btc},
        {"instrument": "ETHUSDT", "quantity": -20.0, "entry_price": 3_000.0},
    ]
    return xm.Book(
        market,
        balances={"account": [7], "asset": ["USDT"], "wallet_balance": [cash]},
        positions=[{"account": 7, "leverage": 20.0, **row} for row in rows],
    )


def marks(market: xm.Market, change: float = 0.0) -> xm.Prices:
    return market.prices(mark={"BTCUSDT": 60_000.0 * (1 + change), "ETHUSDT": 3_000.0 * (1 + change)})


def only(found: xm.ModeComparison, column: str) -> list[float]:
    return [float(found[f"{column}_{mode}"][0]) for mode in found.modes]


def test_modes_of_a_hedged_pair_are_worth_the_same_and_lock_the_same_at_entry(market: xm.Market) -> None:
    found = xm.compare_modes(pair(market), marks(market))
    assert only(found, "locked") == [6_000.0] * 3
    assert only(found, "available") == [4_000.0, 4_000.0, 4_000.0]
    assert found["freed"].tolist() == [0.0]
    assert found["affordable"].tolist() == [True]
    assert only(found, "n_liquidatable") == [0.0] * 3
    assert only(found, "effective_leverage") == pytest.approx([12.0, 12.0, 20.0])


def test_modes_isolated_leg_fails_where_cross_the_other_pays(market: xm.Market) -> None:
    found = xm.compare_modes(pair(market), marks(market, 0.1))
    # cross: 10,000 + 6,000 - 6,000 against 2.5 % of 120,000 at entry; isolated the short has 3,000 - 6,000
    assert only(found, "n_liquidatable") == [0.0, 0.0, 1.0]
    assert only(found, "margin_ratio")[:2] == pytest.approx([10_000 / 3_000] * 2)
    assert only(found, "margin_ratio")[2] == pytest.approx(-3_000 / 1_500)
    assert only(found, "loss_if_worst_fails") == pytest.approx([10_000.0, 10_000.0, 0.0])
    assert found.of()["column"].tolist() == _core.MODE_FIGURES
    assert found.of()["isolated"].tolist()[5] == found["leverage_weakest_isolated"][0]


def test_modes_as_they_are_take_what_the_book_says(market: xm.Market) -> None:
    book = pair(market, margin_mode="isolated", isolated_margin=5_000.0)
    found = xm.compare_modes(book, marks(market), modes=["as_is", "cross"])
    assert only(found, "locked") == [8_000.0, 6_000.0]
    assert only(found, "available") == [2_000.0, 4_000.0]
    assert "locked_isolated" not in found.columns
    assert "affordable" not in found.columns


def test_modes_allotted_amounts_are_what_is_fenced(market: xm.Market) -> None:
    found = xm.compare_modes(pair(market), marks(market), [1_000.0, 9_500.0], modes=("isolated",))
    assert only(found, "locked") == [10_500.0]
    assert found.affordable.tolist() == [False]
    shared = xm.compare_modes(pair(market), marks(market), "pro_rata")
    assert only(shared, "locked") == [6_000.0, 6_000.0, 10_000.0]
    assert shared["freed"].tolist() == [4_000.0]
    assert shared["affordable"].tolist() == [True]


def test_modes_returns_of_moves_are_on_what_is_locked(market: xm.Market) -> None:
    moves = {"up": {"BTC": 0.04}, "down": {"BTC": -0.06}}
    found = xm.compare_modes(pair(market), marks(market), moves=moves)
    assert only(found, "return_up") == pytest.approx([0.4, 0.4, 0.4])  # 2,400 on 6,000
    assert only(found, "return_down") == pytest.approx([-0.6, -0.6, -0.5])  # isolated no more than its 3,000
    assert found.moves == ("up", "down")
    assert xm.compare_modes(pair(market), marks(market), moves="all_up").moves == ("all_up",)
    assert xm.compare_modes(pair(market), marks(market), moves=[{"BTC": 1}, {"ETH": 1}]).moves == ("0", "1")


def test_modes_room_is_at_the_leverage_that_is_asked(market: xm.Market) -> None:
    found = xm.compare_modes(pair(market), marks(market), leverage=5)
    assert only(found, "room") == [20_000.0] * 3
    in_use = xm.compare_modes(pair(market), marks(market))
    assert only(in_use, "room")[:2] == [80_000.0] * 2


def test_modes_intervals_are_those_of_liquidation_prices(market: xm.Market) -> None:
    book, prices = pair(market), marks(market)
    found = xm.compare_modes(book, prices, intervals=True)
    own = xm.liquidation_prices(book, prices)
    table = found.positions
    for end in ("below", "above"):
        for mode in ("as_is", "cross"):
            np.testing.assert_array_equal(table[f"{end}_{mode}"], own[end])
    alone = pair(market, margin_mode="isolated", isolated_margin=3_000.0)
    assert table["below_isolated"][0] == xm.liquidation_prices(alone, prices).below[0]
    assert xm.compare_modes(book, prices).positions.columns == tuple(book._core.position_keys())


def test_modes_of_unpriced_accounts_are_left_out(market: xm.Market) -> None:
    book, prices = pair(market), market.prices(mark={"BTCUSDT": 60_000.0})
    with pytest.raises(xm.MissingPriceError):
        xm.compare_modes(book, prices)
    found = xm.compare_modes(book, prices, missing="null")
    assert found.unpriced.tolist() == [True]
    assert np.isnan(only(found, "locked")).all()


def test_modes_pickled_are_equal_and_named(market: xm.Market) -> None:
    found = xm.compare_modes(pair(market), marks(market), intervals=True)
    again = pickle.loads(pickle.dumps(found))
    assert again.table == found.table
    assert again.positions == found.positions
    assert again.locked_cross.tolist() == [6_000.0]
    with pytest.raises(AttributeError):
        _ = again.locked_nowhere


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"allot": "all"}, "allot was 'all', expected 'initial_margin', 'pro_rata', or an amount per position"),
        ({"allot": {}}, "allot was of type dict, expected 'initial_margin', 'pro_rata' or an amount per position"),
        ({"modes": ()}, "modes was (), expected some of as_is, cross, isolated, each once"),
        (
            {"modes": ["cross", "cross"]},
            "modes was ['cross', 'cross'], expected some of as_is, cross, isolated, each once",
        ),
        ({"modes": ["x"]}, "modes was 'x', expected 'as_is', 'cross', 'isolated'"),
        ({"modes": "cross"}, "modes was of type str, expected names of modes"),
        ({"leverage": 0}, "leverage was 0, expected a positive number"),
        ({"valuation": "X"}, 'valuation was "X", which is no asset of the market'),
        ({"moves": {1: "all_up"}}, "moves was of type int, expected text"),
        ({"moves": 5}, "moves was of type int, expected shocks by label"),
    ],
)
def test_modes_that_cannot_be_compared_are_refused(
    market: xm.Market, refused: Callable[..., str], options: dict[str, Any], message: str
) -> None:
    assert refused(xm.ArgumentError, xm.compare_modes, pair(market), marks(market), **options) == message


def test_modes_calls_with_other_things_are_refused(market: xm.Market, refused: Callable[..., str]) -> None:
    book, prices = pair(market), marks(market)
    assert refused(xm.ArgumentError, xm.compare_modes, {}, prices) == "book was of type dict, expected Book"
    assert refused(xm.ArgumentError, xm.compare_modes, book, {}) == "prices was of type dict, expected Prices"
    assert "expected 2" in refused(xm.ArgumentError, xm.compare_modes, book, prices, [1.0])
    with pytest.raises(xm.ArgumentError, match=r"expected one of book.accounts"):
        xm.compare_modes(book, prices).of(8)


def test_account_modes_are_those_of_its_book(market: xm.Market) -> None:
    account = xm.Account(market, {"USDT": 3_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    account.mark({"BTCUSDT": 66_000})
    found = account.compare_modes("pro_rata", modes=("cross", "isolated"))
    assert only(found, "free_margin") == [3_000.0, 0.0]
