"""Faults that programs of this field are known for, each with numbers worked by hand, through engine and reference."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import crossmargin as xm
from crossmargin.reference import load_market, score
from crossmargin.testing.markets import InstrumentSpec, market_toml
from crossmargin.testing.oracle import PoolRow, Scorer, engine_rows, reference_rows

both = pytest.mark.parametrize("scorer", [engine_rows, reference_rows])

Row = Mapping[str, Any]


def near(value: float) -> Any:
    """A hand-worked number, up to a few roundings."""
    return pytest.approx(value, rel=1e-12, abs=1e-12)


def figures(row: PoolRow, *names: str) -> list[Any]:
    return [row[name] if isinstance(row[name], str) else float(row[name]) for name in names]


def held(instrument: str, quantity: float, price: float, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": instrument, "quantity": quantity, "entry_price": price} | more


def cash(**amounts: float) -> Sequence[Row]:
    return [{"account": 1, "asset": asset, "wallet_balance": amount} for asset, amount in amounts.items()]


# Half a per cent up to 250,000, one per cent above.
STEP = {"floor": (0, 250_000), "maintenance_rate": (0.005, 0.01)}


@both
@pytest.mark.parametrize(("law", "margin"), [("marginal", 1_750.0), ("flat", 3_000.0)])
def test_regression_marginal_tiers_charge_each_slice_and_not_the_whole(scorer: Scorer, law: str, margin: float) -> None:
    """300,000 by slices: 0.5 % of 250,000 and 1 % of 50,000 are 1,750; a flat 1 % would be 3,000."""
    market = market_toml([InstrumentSpec("X", law=law, **STEP)])
    (pool,) = scorer(market, cash(USDT=10_000), [held("X", 3, 100_000)], {"X": 100_000})
    assert float(pool["maintenance_margin"]) == near(margin)


@both
@pytest.mark.parametrize("legs", ["two instruments", "two sides"])
def test_regression_tier_is_that_of_each_leg_and_not_of_the_sum(scorer: Scorer, legs: str) -> None:
    """Two legs of 200,000 pay 0.5 % each, 2,000; picked by their sum of 400,000 it would be 1 %, 4,000."""
    specs = [InstrumentSpec(name, law="flat", **STEP) for name in ("X", "Y")]
    if legs == "two instruments":
        positions = [held("X", 2, 100_000), held("Y", -4, 50_000)]
    else:
        positions = [held("X", 2, 100_000, position_side="long"), held("X", -2, 100_000, position_side="short")]
    (pool,) = scorer(market_toml(specs), cash(USDT=10_000), positions, {"X": 100_000, "Y": 50_000})
    assert float(pool["maintenance_margin"]) == near(2_000)


@both
def test_regression_fill_on_the_smaller_side_of_a_hedge_adds_no_margin(scorer: Scorer) -> None:
    """Long 2 at 100 under 1 % and ten-fold leverage: 2 and 20, however much of the short of at most 2 is filled."""
    sections = {name: {"price": "mark", "legs": "larger_side"} for name in ("maintenance_margin", "initial_margin")}
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.01,))], sections=sections)
    for filled in (0.5, 1.0, 1.5, 2.0):
        positions = [
            held("X", 2, 100, position_side="long", leverage=10),
            held("X", -filled, 100, position_side="short", leverage=10),
        ]
        (pool,) = scorer(market, cash(USDT=100), positions, {"X": 100})
        assert figures(pool, "maintenance_margin", "initial_margin") == [near(2), near(20)]


@both
def test_regression_fill_that_closes_a_leg_gives_its_margin_back(scorer: Scorer) -> None:
    """Charged by leg, 2 long and 2 short are 4 of maintenance; with the short closed to 0.5 they are 2.5."""
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.01,))])
    for short, margin in ((-2.0, 4.0), (-1.0, 3.0), (-0.5, 2.5)):
        positions = [held("X", 2, 100, position_side="long"), held("X", short, 100, position_side="short")]
        (pool,) = scorer(market, cash(USDT=100), positions, {"X": 100})
        assert float(pool["maintenance_margin"]) == near(margin)


def test_regression_fills_of_a_hedge_leg_have_the_margin_of_one_position() -> None:
    """Four fills of 0.5 at 90 and 110 are 2 at 100; the other leg is three of 0.5: 2 and 1.5 at 1 %, ten-fold."""
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.01,))])
    fills = [held("X", 0.5, price, position_side="long", leverage=10) for price in (90, 110, 90, 110)]
    fills += [held("X", -0.5, 100, position_side="short", leverage=10) for _ in range(3)]
    loaded = xm.Market.from_toml(market)
    book = xm.Book(loaded, balances=list(cash(USDT=100)), positions=fills, duplicates="merge")
    scores = xm.score(book, loaded.prices(mark={"X": 100.0}), outputs="all")
    (exact,) = score(load_market(market), cash(USDT=100), fills, {"X": 100}, duplicates="merge")
    for pool in (exact, {name: scores[name][0] for name in ("maintenance_margin", "initial_margin", "unrealized_pnl")}):
        row = pool if isinstance(pool, dict) else vars(pool)
        assert figures(row, "maintenance_margin", "initial_margin", "unrealized_pnl") == [near(3.5), near(35), near(0)]


QUANTO = {"payoff": "quanto", "multiplier": 0.000_001, "settle": "BTC"}


@both
def test_regression_quanto_margin_is_in_the_settlement_asset_and_so_labelled(scorer: Scorer) -> None:
    """A millionth of a bitcoin per dollar: 100 contracts from 1,900 to 2,000 gain 0.01 and are worth 0.2 BTC."""
    market = market_toml([InstrumentSpec("ETHUSD", maintenance_rate=(0.01,), **QUANTO)])
    (pool,) = scorer(market, cash(BTC=0.05), [held("ETHUSD", 100, 1_900, leverage=20)], {"ETHUSD": 2_000})
    assert pool["asset"] == "BTC"
    names = ("unrealized_pnl", "equity", "notional", "maintenance_margin", "initial_margin")
    assert figures(pool, *names) == [near(0.01), near(0.06), near(0.2), near(0.002), near(0.01)]


@both
def test_regression_quanto_tiers_in_quote_deduct_in_the_settlement_asset(scorer: Scorer) -> None:
    """200,000 dollars under 1 % and 2 % from 150,000: 1,500 and 1,000 dollars, which are 0.0025 BTC."""
    table = {"floor": (0, 150_000), "maintenance_rate": (0.01, 0.02)}
    market = market_toml([InstrumentSpec("ETHUSD", **table, **QUANTO)])
    (pool,) = scorer(market, cash(BTC=1), [held("ETHUSD", 100, 2_000)], {"ETHUSD": 2_000})
    assert float(pool["maintenance_margin"]) == near(0.0025)


SEVERAL = {"pools": {"cross": "per_account"}, "valuation": {"asset": "USD"}}
INVERSE = InstrumentSpec("BTCUSD", maintenance_rate=(0.01,), payoff="inverse", settle="BTC", contract_size=100)


@both
def test_regression_collateral_counts_once_and_not_once_per_currency(scorer: Scorer) -> None:
    """1,000 USDT and 0.1 BTC at 50,000 are 6,000, whatever the account holds in how many settlement assets."""
    specs = [InstrumentSpec("XUSDT"), InstrumentSpec("YUSDT"), INVERSE]
    market = market_toml(specs, sections=SEVERAL, assets=("USD", "USDT", "BTC"))
    positions = [held("XUSDT", 1, 100), held("YUSDT", -1, 200), held("BTCUSD", 5, 50_000)]
    options = {"index": {"USDT": 1, "BTC": 50_000}}
    for count in range(4):
        marks = {"XUSDT": 100, "YUSDT": 200, "BTCUSD": 50_000}
        (pool,) = scorer(market, cash(USDT=1_000, BTC=0.1), positions[:count], marks, **options)
        assert (pool["kind"], pool["asset"]) == ("cross", "USD")
        assert figures(pool, "wallet_balance", "equity", "collateral_value") == [near(6_000)] * 3


@both
def test_regression_free_margin_converts_the_requirement_once(scorer: Scorer) -> None:
    """300 contracts of 100 dollars at 30,000 are one bitcoin; a tenth of it is 3,000 dollars, which leaves 7,000."""
    market = market_toml([INVERSE], sections=SEVERAL, assets=("USD", "BTC"))
    positions = [held("BTCUSD", 300, 30_000, leverage=10)]
    (pool,) = scorer(market, cash(USD=10_000), positions, {"BTCUSD": 30_000}, index={"BTC": 30_000})
    names = ("notional", "initial_margin", "maintenance_margin", "free_margin", "excess")
    assert figures(pool, *names) == [near(30_000), near(3_000), near(300), near(7_000), near(9_700)]


@both
def test_regression_free_margin_moves_with_the_index_of_what_it_is_held_in(scorer: Scorer) -> None:
    """The same with the collateral of 0.5 BTC: 15,000 less 3,000 at 30,000; at an index of 20,000 10,000 less 2,000."""
    market = market_toml([INVERSE], sections=SEVERAL, assets=("USD", "BTC"))
    positions = [held("BTCUSD", 300, 30_000, leverage=10)]
    for index, free in ((30_000, 12_000), (20_000, 8_000)):
        (pool,) = scorer(market, cash(BTC=0.5), positions, {"BTCUSD": 30_000}, index={"BTC": index})
        assert float(pool["free_margin"]) == near(free)
