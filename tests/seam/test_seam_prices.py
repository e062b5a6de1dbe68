"""Prices and moves across the seam: buffers that do not fit, hidden options, threads, and odd arguments."""

from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin import _core as core
from crossmargin.testing import reference_workload


@pytest.fixture(scope="module")
def made() -> tuple[xm.Book, xm.Prices]:
    drawn = reference_workload("R1", n_pools=300, seed=5)
    market = xm.Market.from_toml(drawn.market_toml)
    book = xm.Book(market, balances=drawn.balances, positions=drawn.positions)
    return book, market.prices(mark=drawn.marks)


def test_seam_prices_names_are_those_of_the_engine() -> None:
    assert core.POSITION_PRICES == ["below", "above", "liquidation_price", "bankruptcy_price", "liquidatable"]


def test_seam_prices_hidden_options_change_no_bit(made: tuple[xm.Book, xm.Prices]) -> None:
    wanted = xm.liquidation_prices(*made)
    for options in ({"_isa": core.ISAS[0]}, {"_windows_per_claim": 1}, {"n_threads": 3}):
        found = xm.liquidation_prices(*made, **options)
        for name in wanted.outputs:
            assert found[name].tobytes() == wanted[name].tobytes(), (name, options)


def test_seam_prices_threads_change_no_bit(made: tuple[xm.Book, xm.Prices]) -> None:
    for question in (
        lambda n: xm.liquidation_prices(*made, along="underlying", n_threads=n),
        lambda n: xm.liquidation_distance(*made, "all_down", n_threads=n),
        lambda n: xm.contribution(*made, n_threads=n),
    ):
        assert question(1).table == question(4).table


CASES: list[tuple[str, Any, str]] = [
    ("no flags", {"liquidatable": np.zeros(4)}, "out[liquidatable] had dtype float64 and 1 dimensions"),
    ("strided", {"below": np.zeros(8)[::2]}, "out[below] was not contiguous"),
    ("list", {"below": [0.0] * 4}, "out[below] was of type list"),
    ("absent", {}, 'out was of type dict without "below"'),
    ("short", {"below": np.zeros(2)}, "below"),
]


@pytest.mark.parametrize(("name", "out", "message"), CASES, ids=[case[0] for case in CASES])
def test_seam_prices_out_that_does_not_fit_is_refused(
    name: str, out: dict[str, Any], message: str, book: xm.Book, prices: xm.Prices
) -> None:
    outputs = tuple(out) or ("below",)
    with pytest.raises(xm.ArgumentError) as refused:
        xm.liquidation_prices(book, prices, outputs=outputs, out=out)
    assert message in str(refused.value)


def test_seam_prices_out_that_shares_memory_is_refused(book: xm.Book, prices: xm.Prices) -> None:
    memory = np.zeros(6)
    out = {"below": memory[:4], "above": memory[2:]}
    with pytest.raises(xm.ArgumentError) as refused:
        xm.liquidation_prices(book, prices, outputs=("below", "above"), out=out)
    assert "out[above]" in str(refused.value)


def test_seam_prices_keys_are_the_books(book: xm.Book) -> None:
    keys = book._core.position_keys()
    pools, instruments = book._core.position_places()
    assert keys["row"].tolist() == [0, 1, 2, 3]
    assert keys["instrument"].tolist() == [book.market.instruments["instrument"][at] for at in instruments]
    assert pools.tolist() == [0, 0, 1, 2]


def test_seam_moves_of_another_length_are_refused(book: xm.Book, prices: xm.Prices) -> None:
    for moves in ((np.zeros(1), np.zeros(1)), (np.zeros(len(book.market.instruments)), np.zeros(1))):
        with pytest.raises(xm.ArgumentError):
            core.liquidation_distance(book._core, prices._core, moves, "raise", None)
        with pytest.raises(xm.ArgumentError):
            core.contribution(book._core, prices._core, moves, "raise", None)
