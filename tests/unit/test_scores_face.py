"""Scores: outputs by name, accounts, positions, totals, missing prices and arguments that are refused."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]


def test_scores_default_outputs_are_three(book: xm.Book, prices: xm.Prices) -> None:
    scores = xm.score(book, prices)
    assert scores.outputs == xm.DEFAULT_OUTPUTS == ("excess", "margin_ratio", "liquidatable")
    assert (len(scores), scores.n_exact, scores.n_unpriced) == (3, 0, 0)
    assert scores.excess is scores["excess"]
    assert scores.excess.dtype == np.float64
    assert scores.liquidatable.dtype == np.bool_
    assert scores.market_id == "binance-usdm/2024-10-01"


def test_scores_all_outputs_have_the_values_of_their_formulas(book: xm.Book, prices: xm.Prices) -> None:
    # account 7: 0.5 BTC from 60,000 and -2 ETH from 3,000, at 58,000 and 3,100
    row = xm.score(book, prices, outputs="all").table.rows()[0]
    maintenance = 0.004 * 29_000 + 0.004 * 6_200
    expected = {
        "wallet_balance": 5_000.0,
        "unrealized_pnl": -1_200.0,
        "equity": 3_800.0,
        "collateral_value": 3_800.0,
        "notional": 35_200.0,
        "initial_margin": 29_000 / 20 + 6_200 / 10,
        "maintenance_margin": maintenance,
        "excess": 3_800 - maintenance,
        "margin_ratio": 3_800 / maintenance,
        "venue_ratio": maintenance / 3_800,
        "free_margin": 3_800 - 2_070.0,
        "available": 3_800 - 2_070.0,
        "withdrawable": 3_800 - 2_070.0,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-14)
    assert row["liquidatable"] is False


def test_scores_isolated_pool_has_its_fence(book: xm.Book, prices: xm.Prices) -> None:
    scores = xm.score(book, prices, outputs=["wallet_balance", "equity"])
    assert scores.wallet_balance.tolist() == [5_000.0, 600.0, 300.0]
    assert scores.equity.tolist() == [3_800.0, 0.0, 200.0]


@pytest.mark.parametrize("name", xm.OUTPUTS)
def test_scores_each_output_can_be_asked_alone(name: str, book: xm.Book, prices: xm.Prices) -> None:
    alone = xm.score(book, prices, outputs=name)
    everything = xm.score(book, prices, outputs="all")
    assert alone.outputs == (name,)
    assert getattr(alone, name).tobytes() == everything[name].tobytes()
    assert type(xm.Scores.__dict__[name]) is property
    assert type(xm.Scores.__dict__[name].__doc__) is str


def test_scores_outputs_keep_their_order(book: xm.Book, prices: xm.Prices) -> None:
    names = ("liquidatable", "excess", "wallet_balance")
    for outputs in (names, list(names), dict.fromkeys(names)):
        assert xm.score(book, prices, outputs).outputs == names
    assert xm.score(book, prices, ()).outputs == ()


def test_scores_output_not_asked_for_is_refused(book: xm.Book, prices: xm.Prices, refused: Refused) -> None:
    scores = xm.score(book, prices, ["excess"])
    message = refused(xm.ArgumentError, lambda: scores.equity)
    assert message == "scores have no 'equity': ask for it in outputs=; there are excess"
    message = refused(xm.ArgumentError, lambda: scores["equty"])
    assert message == "scores have no 'equty': it is no output; there are excess"


def test_scores_missing_price_names_all_that_is_held(book: xm.Book, usdm: xm.Market) -> None:
    with pytest.raises(xm.MissingPriceError) as caught:
        xm.score(book, usdm.prices(mark={"ETHUSDT": 3_000.0}))
    assert caught.value.names == ("BTCUSDT", "SOLUSDT")
    assert str(caught.value) == (
        'no mark price for held instruments: BTCUSDT, SOLUSDT; give them, or score the rest with missing="null"'
    )


def test_scores_missing_price_null_scores_the_rest(book: xm.Book, usdm: xm.Market) -> None:
    prices = usdm.prices(mark={"BTCUSDT": 58_000.0, "ETHUSDT": 3_100.0})
    scores = xm.score(book, prices, "all", missing="null")
    assert scores.unpriced.tolist() == [False, False, True]
    assert scores["unpriced"].tolist() == [False, False, True]
    assert (scores.n_unpriced, scores.missing) == (1, "null")
    assert math.isnan(scores.excess[2])
    assert not scores.liquidatable[2]
    assert scores.table["unpriced"].tolist() == [False, False, True]
    accounts = scores.accounts()
    assert np.isnan(accounts["equity"]).tolist() == [False, True]
    assert np.isnan(accounts["margin_ratio"]).tolist() == [False, True]
    assert scores.positions["tier"].tolist()[-1] == 0
    assert math.isfinite(scores.totals()["excess"])
    with pytest.raises(xm.MissingPriceError):
        xm.score(book, prices)
    assert not xm.score(book, usdm.prices(mark={"BTCUSDT": 1, "ETHUSDT": 1, "SOLUSDT": 1})).unpriced.any()


def test_scores_positions_are_in_input_order(book: xm.Book, prices: xm.Prices) -> None:
    positions = xm.score(book, prices).positions
    assert positions["row"].tolist() == [0, 1, 2, 3]
    assert positions["account"].tolist() == [7, 7, 9, 9]
    assert positions["instrument"].tolist() == ["BTCUSDT", "ETHUSDT", "BTCUSDT", "SOLUSDT"]
    assert positions["margin_mode"].tolist() == ["cross", "cross", "cross", "isolated"]
    assert positions["position_side"].tolist() == ["net"] * 4
    assert positions["unrealized_pnl"].tolist() == [-1_000.0, -200.0, -600.0, -100.0]
    assert positions["initial_margin"].tolist() == [1_450.0, 620.0, 232.0, 280.0]
    assert positions["tier"].tolist() == [1, 1, 1, 1]
    shuffled = [3, 0, 2, 1]
    again = xm.Book(
        book.market,
        balances={"account": [9, 7], "asset": ["USDT", "USDT"], "wallet_balance": [900.0, 5_000.0]},
        positions={
            "account": positions["account"][shuffled],
            "instrument": positions["instrument"][shuffled],
            "quantity": positions["quantity"][shuffled],
            "entry_price": positions["entry_price"][shuffled],
            "margin_mode": positions["margin_mode"][shuffled],
            "leverage": [5.0, 20.0, 50.0, 10.0],
        },
    )
    assert xm.score(again, prices).positions["notional"].tolist() == positions["notional"][shuffled].tolist()


def test_scores_accounts_add_up_pools(book: xm.Book, prices: xm.Prices) -> None:
    scores = xm.score(book, prices, "all")
    accounts = scores.accounts(valuation="USDT")
    assert accounts["account"].tolist() == [7, 9]
    assert accounts["wallet_balance"].tolist() == [5_000.0, 900.0]
    assert accounts["equity"].tolist() == [3_800.0, 200.0]
    assert accounts["available"][0] == accounts["withdrawable"][0] == 3_800.0 - 2_070.0
    assert accounts["n_pools"].tolist() == [1, 2]
    assert accounts["n_liquidatable"].tolist() == [0, 1]
    assert accounts["margin_ratio"].tolist() == [scores.margin_ratio[0], scores.margin_ratio[1:].min()]
    assert xm.score(book, prices, ()).accounts() == accounts


def two_assets(market: xm.Market) -> xm.Book:
    return xm.Book(
        market,
        balances=[
            {"account": 1, "asset": "USDT", "wallet_balance": 10.0},
            {"account": 1, "asset": "USDC", "wallet_balance": 100.0},
        ],
    )


def test_scores_accounts_in_several_assets_need_an_index(usdm: xm.Market, refused: Refused) -> None:
    book = two_assets(usdm)
    scores = xm.score(book, usdm.prices(mark={}))
    message = refused(xm.MissingPriceError, scores.accounts)
    assert message == 'no index price for held assets: USDC; give them, or score the rest with missing="null"'
    assert refused(xm.MissingPriceError, scores.accounts, "USDC") == message
    assert refused(xm.ArgumentError, scores.accounts, "DOGE") == 'valuation was "DOGE", which is no asset of the market'
    priced = xm.score(book, usdm.prices(mark={}, index={"USDC": 0.5}))
    assert priced.accounts()["equity"].tolist() == [60.0]
    assert priced.accounts("USDC")["equity"].tolist() == [120.0]
    unknown = xm.score(book, usdm.prices(mark={}), missing="null").accounts()
    assert np.isnan(unknown["equity"]).tolist() == [True]


def test_scores_totals_do_not_depend_on_order() -> None:
    market = xm.load_market("textbook")
    cash = np.array([1e16, 3.0, -1e16, 1e-3])
    for order in ([0, 1, 2, 3], [2, 3, 1, 0], [3, 0, 2, 1]):
        balances = {"account": np.arange(4), "asset": ["USDT"] * 4, "wallet_balance": cash[order]}
        totals = xm.score(xm.Book(market, balances=balances), market.prices(mark={}), "all").totals()
        assert totals["wallet_balance"] == 3.001
        assert totals["liquidatable"] == 0.0
        assert "margin_ratio" not in totals


ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"outputs": 3}, 'outputs was of type int, expected names of outputs, or "all"'),
    ({"outputs": ["excess", "excess"]}, 'outputs named "excess" twice'),
    (
        {"outputs": "exces"},
        f"outputs named 'exces', which is no output; there are {', '.join(xm.OUTPUTS)}",
    ),
    ({"missing": "skip"}, 'missing was "skip", expected "raise" or "null"'),
    ({"n_threads": 0}, "n_threads was 0, expected an integer from 1 to 1024, or None"),
    ({"n_threads": 1025}, "n_threads was 1025, expected an integer from 1 to 1024, or None"),
    ({"n_threads": True}, "n_threads was True, expected an integer from 1 to 1024, or None"),
    ({"n_threads": 1.5}, "n_threads was 1.5, expected an integer from 1 to 1024, or None"),
    ({"_isa": "sse9"}, '_isa was "sse9", expected "baseline" or "avx2" or "avx512"'),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_scores_argument_that_is_none_is_refused(
    arguments: dict[str, Any], message: str, book: xm.Book, prices: xm.Prices, refused: Refused
) -> None:
    assert refused(xm.ArgumentError, xm.score, book, prices, **arguments) == message


def test_scores_of_other_things_are_refused(
    book: xm.Book, prices: xm.Prices, textbook: xm.Market, refused: Refused
) -> None:
    assert refused(xm.ArgumentError, xm.score, prices, prices) == "book was of type Prices, expected Book"
    assert refused(xm.ArgumentError, xm.score, {}, prices) == "book was of type dict, expected Book"
    assert refused(xm.ArgumentError, xm.score, book, {"BTCUSDT": 1.0}) == "prices was of type dict, expected Prices"
    message = refused(xm.ArgumentError, xm.score, book, textbook.prices(mark={}))
    assert message == (
        'prices were made for market "textbook/2020-01-01", the book\'s is "binance-usdm/2024-10-01": make them with '
        "that market's prices()"
    )


def test_scores_prices_of_an_equal_market_will_do(book: xm.Book, marks: dict[str, float]) -> None:
    equal = xm.Market.from_toml(book.market.to_toml())
    assert len(xm.score(book, equal.prices(mark=marks))) == 3


def test_scores_threads_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, book: xm.Book, prices: xm.Prices, refused: Refused
) -> None:
    from crossmargin import _core

    monkeypatch.delenv("CROSSMARGIN_NUM_THREADS", raising=False)
    assert _core.thread_count() is None
    monkeypatch.setenv("CROSSMARGIN_NUM_THREADS", " 3 ")
    assert (_core.thread_count(), _core.thread_count(2)) == (3, 2)
    monkeypatch.setenv("CROSSMARGIN_NUM_THREADS", "")
    assert _core.thread_count() is None
    monkeypatch.setenv("CROSSMARGIN_NUM_THREADS", "many")
    message = refused(xm.ArgumentError, xm.score, book, prices)
    assert message == 'CROSSMARGIN_NUM_THREADS was "many", expected an integer from 1 to 1024'


def test_scores_show_themselves(book: xm.Book, prices: xm.Prices) -> None:
    scores = xm.score(book, prices)
    head, columns, *rows = repr(scores).splitlines()
    assert head == "Scores(3 pools, 1 liquidatable, market 'binance-usdm/2024-10-01')"
    assert columns.split()[:5] == ["account", "kind", "asset", "instrument", "side"]
    assert rows[-1] == "(3 rows)"
    assert scores._repr_html_().startswith("<table><caption>(3 rows)</caption>")
