"""The face of joint moves: how a shock is said, critical moves, contributions, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.price.shocks import moves_of


@pytest.fixture(scope="module")
def multi() -> xm.Market:
    return xm.load_market("binance-usdm-multi", as_of="2024-10-01")


@pytest.fixture
def account(multi: xm.Market) -> xm.Account:
    account = xm.Account(multi, {"USDT": 4_000, "BTC": 0.1})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=20)
    account.open("ETHUSDT", -4, entry_price=2_500, leverage=20)
    account.mark({"BTCUSDT": 60_000, "ETHUSDT": 2_500}, index={"USDT": 1.0, "BTC": 60_000.0})
    return account


def spread(market: xm.Market, shock: Any, assets: Any = None) -> tuple[dict[str, float], dict[str, float]]:
    """The moves that are not 0, by name."""
    moves, indices = moves_of(market, shock, assets)
    names = (market.instruments["instrument"].tolist(), market.assets["asset"].tolist())
    found = [dict(zip(of, of_them.tolist(), strict=True)) for of, of_them in zip(names, (moves, indices), strict=True)]
    one, other = ({name: move for name, move in each.items() if move} for each in found)
    return one, other


# shocks


def test_shock_preset_moves_every_underlying_and_its_assets(multi: xm.Market) -> None:
    for word, move in (("all_down", -1.0), ("all_up", 1.0)):
        instruments, assets = spread(multi, word)
        assert set(instruments.values()) == {move}
        assert len(instruments) == len(multi.instruments)
        assert assets == dict.fromkeys(("USDC", "BTC", "ETH", "BNB", "XRP", "ADA", "DOT"), move)


def test_shock_of_an_underlying_moves_its_contracts_and_its_coin(multi: xm.Market) -> None:
    assert spread(multi, {"BTC": -0.5}) == ({"BTCUSDT": -0.5, "BTCUSDC": -0.5}, {"BTC": -0.5})


def test_shock_of_an_instrument_comes_before_its_underlyings(multi: xm.Market) -> None:
    for shock in ({"BTC": -1, "BTCUSDC": -2}, {"BTCUSDC": -2, "BTC": -1}):
        assert spread(multi, shock) == ({"BTCUSDT": -1.0, "BTCUSDC": -2.0}, {"BTC": -1.0})


def test_shock_of_one_contract_moves_the_coin_by_it(multi: xm.Market) -> None:
    assert spread(multi, {"BTCUSDC": -2}) == ({"BTCUSDC": -2.0}, {"BTC": -2.0})
    assert spread(multi, {"BTCUSDC": -2, "BTCUSDT": -3})[1] == {"BTC": -3.0}  # the first in market order
    assert spread(multi, {"BTC/USDT:USDT": -3}) == ({"BTCUSDT": -3.0}, {"BTC": -3.0})  # an alias


def test_shock_of_assets_comes_before_all(multi: xm.Market) -> None:
    assert spread(multi, {"BTC": -1}, {"BTC": 0.0, "USDT": -0.1}) == (
        {"BTCUSDT": -1.0, "BTCUSDC": -1.0},
        {"USDT": -0.1},
    )
    assert spread(multi, {"BTC": -1}, {"USD": 3.0})[1] == {"BTC": -1.0}  # the valuation asset stays


def test_shock_in_market_order_names_every_instrument(multi: xm.Market) -> None:
    moves = np.zeros(len(multi.instruments))
    moves[1] = 0.25
    assert spread(multi, moves) == ({"ETHUSDT": 0.25}, {"ETH": 0.25})
    assert spread(multi, moves.tolist()) == spread(multi, moves)


EXPECTED = "expected a finite number: the share of the price that it moves by"


@pytest.mark.parametrize(
    ("shock", "assets", "message"),
    [
        ("down", None, "shock was 'down', expected 'all_down', 'all_up', or moves by name"),
        ({"BTCX": 1}, None, "shock named 'BTCX', which is no instrument, underlying or asset"),
        ({3: 1}, None, "shock named 3, which is no instrument, underlying or asset"),
        ({"BTC": math.nan}, None, f"shock['BTC'] was nan, {EXPECTED}"),
        (
            {"BTC": "x"},
            None,
            "shock['BTC'] was of type str, expected a number: the share of the price that it moves by",
        ),
        (
            {"BTCUSDT": 1, "BTC/USDT:USDT": 1},
            None,
            "shock named 'BTCUSDT' twice, once as 'BTC/USDT:USDT'; give one of them",
        ),
        ([1.0], None, "shock had shape (1,), expected a move of each of 78 instruments"),
        (
            None,
            None,
            "shock was of type NoneType, expected moves by name, an array of them in market order, or a preset",
        ),
        (
            {"BTC": 1e300},
            None,
            "shock['BTC'] was 1e+300, expected 0 or a magnitude within 2^-256 and 2^256, such as -1",
        ),
        ([0.0, -1e-300] * 39, None, "shock[1] was -1e-300, expected 0 or a magnitude within 2^-256 and 2^256"),
        ([math.inf] * 78, None, "shock[0] was inf, expected a finite number: the share of the price"),
        ("all_down", {"EUR": 1}, "assets named 'EUR', which is no asset of the market"),
        ("all_down", {"BTC": math.inf}, f"assets['BTC'] was inf, {EXPECTED}"),
        ("all_down", 3, "assets was of type int, expected a mapping by name"),
    ],
)
def test_shock_that_is_none_is_refused(account: xm.Account, shock: Any, assets: Any, message: str) -> None:
    with pytest.raises(xm.ArgumentError) as refused:
        xm.liquidation_distance(account.book, account.prices, shock, assets=assets)
    assert str(refused.value) == message


# distances


def test_distance_shocked_prices_kill_the_pool(account: xm.Account) -> None:
    found = account.liquidation_distance({"BTC": -1, "ETH": -1.4})
    t = float(found.above[0])
    for factor, dead in ((1 - 1e-9, False), (1 + 1e-9, True)):
        trial = account.copy()
        down = t * factor
        trial.mark({"BTCUSDT": 60_000 * (1 - down), "ETHUSDT": 2_500 * (1 - 1.4 * down)})
        trial.mark(index={"BTC": 60_000 * (1 - down)})
        assert trial.liquidatable == dead


def test_distance_of_opposite_shocks_is_mirrored(account: xm.Account) -> None:
    down, up = account.liquidation_distance("all_down"), account.liquidation_distance("all_up")
    assert down.above.tolist() == (-up.below).tolist()
    assert np.isnan(up.above[0])


def test_distance_of_a_failing_pool_is_zero(account: xm.Account) -> None:
    account.mark({"BTCUSDT": 30_000})
    found = account.liquidation_distance("all_down")
    assert (found.below.tolist(), found.above.tolist(), found.liquidatable.tolist()) == ([0.0], [0.0], [True])


# critical moves


def test_critical_move_is_the_fewest_deviations_of_an_underlying(account: xm.Account) -> None:
    found = account.critical_move({"BTC": 0.02, "ETH": 0.03, "USDT": 10.0})
    rows = account.liquidation_prices(along="underlying")
    at = rows.underlying.tolist().index("BTC")
    assert found.underlying.tolist() == ["BTC"]
    assert found.price[0] == rows.below[at]
    assert found.move[0] == rows.below[at] / 60_000.0 - 1.0
    assert found.sigmas[0] == abs(found.move[0]) / 0.02
    assert account.critical_move({"BTC": 0.02, "ETH": 0.2, "USDT": 10.0}).underlying.tolist() == ["ETH"]


def test_critical_move_of_a_failing_pool_is_none_at_all(account: xm.Account) -> None:
    account.mark({"BTCUSDT": 30_000})
    found = account.critical_move(0.02)
    row = found.table.rows()[0]
    assert (row["underlying"], row["move"], row["sigmas"], row["liquidatable"]) == (None, 0.0, 0.0, True)
    assert math.isnan(row["price"])


@pytest.mark.parametrize(
    ("volatility", "message"),
    [
        (0.0, "volatility was 0.0, expected a positive number: the deviation of a day's move"),
        ("x", "volatility was 'x', expected a positive number: the deviation of a day's move"),
        ({"BTC": -1}, "volatility['BTC'] was -1, expected a positive number: the deviation of a day's move"),
        ({"BTCX": 1}, "volatility named 'BTCX', which is no underlying of the market"),
        ({"BTC": 1}, "volatility had none of ETH, USDT: give one of each underlying that is held"),
    ],
)
def test_critical_move_volatility_that_is_none_is_refused(account: xm.Account, volatility: Any, message: str) -> None:
    with pytest.raises(xm.ArgumentError) as refused:
        account.critical_move(volatility)
    assert str(refused.value) == message


# contributions


def test_contribution_of_a_hedge_gives_what_the_other_takes(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 1_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10)
    account.open("ETHUSDT", -1, entry_price=2_500, leverage=10)
    account.mark({"BTCUSDT": 60_000, "ETHUSDT": 2_500})
    found = account.contribution({"BTC": -1, "ETH": -1})
    # what is left of the excess after both moves is 0: cash 1,000 + what each position gives
    assert found.excess.tolist() == [-150.0, -62.5]
    assert 1_000 + found.excess_at.sum() == pytest.approx(0.0, abs=1e-9)
    assert found.change[0] < 0.0 < found.change[1]
    assert found.loss[1] == 0.0
    assert found.loss_isolated[0] == 600.0
    assert found.dragged.tolist() == [True, False]
    assert found.pool.tolist() == [0, 0]
    assert found["asset"].tolist() == ["USDT", "USDT"]


def test_contribution_of_a_pool_that_nothing_kills_is_unknown_there(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 100_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10)
    account.mark({"BTCUSDT": 60_000})
    found = account.contribution()
    assert found.excess.tolist() == [-150.0]
    for name in ("excess_at", "change", "loss", "loss_isolated"):
        assert math.isnan(found[name][0])
    assert found.dragged.tolist() == [False]


def test_contribution_assets_without_a_shock_are_refused(account: xm.Account) -> None:
    with pytest.raises(xm.ArgumentError) as refused:
        account.contribution(assets={"BTC": 1})
    assert str(refused.value) == "assets was given without a shock: give the moves of instruments too"


def test_contribution_missing_null_marks_unpriced_positions(usdm: xm.Market) -> None:
    book = xm.Book(
        usdm,
        balances=[{"account": 1, "asset": "USDT", "wallet_balance": 100.0}],
        positions=[{"account": 1, "instrument": "BTCUSDT", "quantity": 0.001, "entry_price": 60_000.0}],
    )
    found = xm.contribution(book, usdm.prices(mark={}), missing="null")
    assert found.unpriced.tolist() == [True]
    assert xm.critical_move(book, usdm.prices(mark={}), 0.1, missing="null").unpriced.tolist() == [True]
    assert xm.liquidation_distance(book, usdm.prices(mark={}), "all_up", missing="null").unpriced.tolist() == [True]
