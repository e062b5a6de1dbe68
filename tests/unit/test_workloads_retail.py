"""The retail book is a consistent book with the mix that its text states."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from crossmargin.testing import (
    ILLUSTRATIVE_MARKS,
    Workload,
    illustrative_marks,
    reference_workload,
    retail_book,
)

N_ACCOUNTS = 20_000
TIERS = (
    'law = "marginal"\nbounds = "quote"\nfloor = [0, 50_000, 600_000, 3_000_000]\n'
    "maintenance_rate = [0.004, 0.005, 0.01, 0.025]\nmax_leverage = [125, 100, 50, 20]\n"
    "cap = 12_000_000\n"
)
SYMBOLS = ("ETHUSDT", "BTCUSDT", "UNLISTEDUSDT", "BTCUSDC", "DOGEUSDT", "1000PEPEUSDT")
MARKET = "".join(
    ['[[asset]]\nname = "USDT"\n[[asset]]\nname = "USDC"\n']
    + [
        f'[[instrument]]\nname = "{name}"\nsettle = "{name[-4:]}"\npayoff = "linear"\n'
        f"contract_size = 1\n[tiers.{name}]\n{TIERS}"
        for name in SYMBOLS
    ]
)


@pytest.fixture(scope="module")
def book() -> Workload:
    return retail_book(MARKET, N_ACCOUNTS, seed=5)


def test_retail_book_modes_and_sides_have_the_stated_mix(book: Workload) -> None:
    positions = book.positions
    assert np.mean(positions["margin_mode"] == "isolated") == pytest.approx(0.2, abs=0.02)
    hedged = positions["position_side"] != "net"
    assert np.unique(positions["account"][hedged]).size == pytest.approx(0.15 * 0.95 * N_ACCOUNTS, rel=0.05)
    # an account is in one position mode
    assert not set(positions["account"][hedged]) & set(positions["account"][~hedged])


def test_retail_book_side_agrees_with_the_sign_of_the_quantity(book: Workload) -> None:
    side, quantity = book.positions["position_side"], book.positions["quantity"]
    assert np.all(quantity[side == "long"] > 0)
    assert np.all(quantity[side == "short"] < 0)
    assert np.all(quantity != 0)


def test_retail_book_keys_are_unique_and_accounts_have_balances(book: Workload) -> None:
    positions, balances = book.positions, book.balances
    columns = ("account", "instrument", "position_side", "margin_mode")
    keys = list(zip(*(positions[name].tolist() for name in columns), strict=True))
    assert len(set(keys)) == len(keys)
    assert np.all(np.diff(positions["account"]) >= 0)
    cells = balances["account"] * 2 + balances["asset"]
    assert np.all(np.diff(cells) > 0)
    assert np.unique(balances["account"]).size == N_ACCOUNTS
    settle = np.array([name.endswith("USDC") for name in SYMBOLS])[positions["instrument"]]
    assert np.isin(positions["account"] * 2 + settle, cells).all()


def test_retail_book_holds_only_instruments_with_marks(book: Workload) -> None:
    held = set(book.positions["instrument"].tolist())
    assert held == {0, 1, 3, 4, 5}
    assert np.isnan(book.marks[2])
    assert book.marks[1] == ILLUSTRATIVE_MARKS["BTCUSDT"]


def test_retail_book_quantities_are_short_decimals(book: Workload) -> None:
    doge = book.positions["instrument"] == SYMBOLS.index("DOGEUSDT")
    bitcoin = book.positions["instrument"] == SYMBOLS.index("BTCUSDT")
    quantity = book.positions["quantity"]
    assert np.array_equal(quantity[doge], np.rint(quantity[doge]))
    assert np.array_equal(quantity[bitcoin], np.round(quantity[bitcoin], 4))
    entry = book.positions["entry_price"]
    assert np.array_equal(entry[bitcoin], np.round(entry[bitcoin], 1))
    wallet = book.balances["wallet_balance"]
    assert np.array_equal(wallet, np.round(wallet, 2))


def test_retail_book_leverage_is_within_the_tier_and_cap(book: Workload) -> None:
    positions = book.positions
    notional = np.abs(positions["quantity"]) * book.marks[positions["instrument"]]
    highest = np.array([125.0, 100.0, 50.0, 20.0])
    # a rounded lot can carry the notional of a hedge leg or a net position over a floor
    tier = np.searchsorted([50_000, 600_000, 3_000_000], notional * (1 - 1e-3), side="right")
    assert np.all(positions["leverage"] <= highest[tier])
    assert positions["leverage"].min() == 1
    assert notional.max() < 12_000_000


def test_retail_book_few_cross_pools_are_near_or_under_liquidation(book: Workload) -> None:
    positions, balances = book.positions, book.balances
    mark = book.marks[positions["instrument"]]
    size = np.abs(positions["quantity"])
    settle = np.array([name.endswith("USDC") for name in SYMBOLS])[positions["instrument"]]
    pool = np.searchsorted(balances["account"] * 2 + balances["asset"], positions["account"] * 2 + settle)
    cross = positions["margin_mode"] == "cross"

    def total(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.bincount(pool[rows], values[rows], minlength=len(balances["account"]))

    floors, rates = [0, 50_000, 600_000, 3_000_000], np.array([0.004, 0.005, 0.01, 0.025])
    slices = np.maximum(size[:, None] * mark[:, None] - floors, 0.0)
    margin = slices @ np.diff(rates, prepend=0.0)
    cash = balances["wallet_balance"] - total(size * positions["entry_price"] / positions["leverage"], ~cross)
    equity = cash + total(positions["quantity"] * (mark - positions["entry_price"]), cross)
    required = total(margin, cross)
    ratio = equity[required > 0] / required[required > 0]
    assert 0.002 < np.mean(ratio < 1) < 0.02
    assert np.median(ratio) > 2
    assert cash.min() > -0.02


def test_retail_book_same_seed_gives_the_same_bytes(book: Workload) -> None:
    again = retail_book(tomllib.loads(MARKET), N_ACCOUNTS, seed=5)
    for table in ("balances", "positions"):
        for column, values in getattr(book, table).items():
            assert getattr(again, table)[column].tobytes() == values.tobytes()


def test_retail_book_market_without_marks_is_refused() -> None:
    market = reference_workload(n_pools=1, n_instruments=2).market_toml
    with pytest.raises(ValueError, match=r"^marks named no instrument of the market; pass marks="):
        retail_book(market, 10)


def test_retail_book_without_accounts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^n_accounts was 0, expected at least 1$"):
        retail_book(MARKET, 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('payoff = "linear"', 'payoff = "inverse"', "ETHUSDT was inverse, expected a linear"),
        ('law = "marginal"', 'law = "flat"', "tiers of ETHUSDT were flat in quote"),
    ],
)
def test_retail_book_unsupported_instrument_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        retail_book(MARKET.replace(old, new), 10, marks={"ETHUSDT": 2_450.0})


def test_illustrative_marks_are_positive_prices() -> None:
    assert len(ILLUSTRATIVE_MARKS) > 250
    assert all(price > 0 for price in ILLUSTRATIVE_MARKS.values())
    assert list(illustrative_marks(["DOGEUSDT", "BTCUSDT"])) == ["BTCUSDT", "DOGEUSDT"]
