"""Money, limits and modes across the door: any number of threads, books of many accounts, hostile input."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.testing import reference_workload

QUESTIONS: dict[str, Callable[..., Any]] = {
    "withdrawable": xm.withdrawable,
    "rebalance": lambda book, prices, **options: xm.rebalance(book, prices, 1.5, **options),
    "check_limits": lambda book, prices, **options: xm.check_limits(
        book, prices, xm.Limits(max_leverage=20, concentration=0.5), **options
    ),
    "compare_modes": xm.compare_modes,
}


@pytest.fixture(scope="module")
def book() -> tuple[xm.Book, xm.Prices]:
    workload = reference_workload("R1", n_pools=2_000, n_instruments=50, seed=3)
    market = xm.Market.from_toml(workload.market_toml)
    return xm.Book(market, balances=workload.balances, positions=workload.positions), market.prices(mark=workload.marks)


def columns_of(found: Any) -> dict[str, Any]:
    if isinstance(found, xm.Rebalance):
        return found.transfers.to_dict() | {f"pool_{name}": values for name, values in found.pools.to_dict().items()}
    columns = dict(found.table.to_dict())
    if isinstance(found, xm.Breaches):
        columns |= {"positions": found.positions["bits"], "accounts": found.accounts["bits"]}
    return columns


@pytest.mark.parametrize("name", QUESTIONS)
def test_seam_funds_any_number_of_threads_gives_the_same_bits(name: str, book: tuple[xm.Book, xm.Prices]) -> None:
    one, many = (columns_of(QUESTIONS[name](*book, n_threads=n)) for n in (1, 3))
    assert list(one) == list(many)
    for column, values in one.items():
        assert values.tobytes() == many[column].tobytes() or values.tolist() == many[column].tolist(), column


@pytest.mark.parametrize("name", QUESTIONS)
def test_seam_funds_results_are_exported_to_arrow(name: str, book: tuple[xm.Book, xm.Prices]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    found = QUESTIONS[name](*book)
    table = pyarrow.table(found)
    assert table.num_rows == len(found)
    assert table.num_columns == len((found.transfers if isinstance(found, xm.Rebalance) else found.table).columns)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("options", [{"missing": 1}, {"missing": "\ud800"}, {"n_threads": True}, {"n_threads": 1e9}])
def test_seam_funds_hostile_options_are_refused(
    name: str, options: dict[str, Any], book: tuple[xm.Book, xm.Prices]
) -> None:
    with pytest.raises(xm.ArgumentError):
        QUESTIONS[name](*book, **options)


@pytest.mark.parametrize("name", QUESTIONS)
def test_seam_funds_of_an_empty_book_are_empty(name: str, usdm: xm.Market) -> None:
    found = QUESTIONS[name](xm.Book(usdm, balances=[]), usdm.prices(mark={}))
    assert len(found) == 0
    assert repr(found)


def test_seam_funds_what_can_leave_is_never_more_than_the_venues_formula(book: tuple[xm.Book, xm.Prices]) -> None:
    found, scores = xm.withdrawable(*book), xm.score(*book, "withdrawable")
    assert len(found) == len(scores)
    known = ~np.isnan(scores.withdrawable)
    assert (found.withdrawable[known] <= scores.withdrawable[known] * (1 + 1e-12) + 1e-6).all()
