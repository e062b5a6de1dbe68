"""Liquidation prices of the reference, each worked by hand."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import (
    PositionPrices,
    ReferenceInputError,
    UnderlyingPrices,
    contribution,
    critical_move,
    liquidation_distance,
    liquidation_prices,
    load_market,
    underlying_prices,
)
from crossmargin.testing.markets import BINANCE_LIKE, PLAIN, InstrumentSpec, RuleSpec, market_toml

Rows = Sequence[dict[str, Any]]

X = InstrumentSpec("X", maintenance_rate=(0.01,))
ZERO = (0,)


def held(quantity: float, price: float, name: str = "X", **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": name, "quantity": quantity, "entry_price": price} | more


def cash(**amounts: float) -> Rows:
    return [{"account": 1, "asset": asset, "wallet_balance": amount} for asset, amount in amounts.items()]


def one(
    spec: InstrumentSpec, wallet: Rows, positions: Rows, mark: float, rules: RuleSpec = PLAIN, **sections: Any
) -> list[PositionPrices]:
    return liquidation_prices(load_market(market_toml([spec], rules, sections)), wallet, positions, {spec.name: mark})


def after(value: float) -> float:
    return math.nextafter(value, math.inf)


def before(value: float) -> float:
    return math.nextafter(value, 0)


def test_price_long_is_the_last_double_of_safety_and_the_nearest_to_the_root() -> None:
    """10 + (v - 100) = v / 100 at v = 9000/99: 90.909..., whose nearest double is below it."""
    (found,) = one(X, cash(USDT=10), [held(1, 100)], 100.0)
    root = Fraction(9_000, 99)
    assert Fraction(repr(found.below)) > root > Fraction(repr(before(found.below)))
    assert found.liquidation_price in (found.below, before(found.below))
    assert abs(Fraction(found.liquidation_price) - root) <= abs(Fraction(after(found.liquidation_price)) - root)
    assert (found.above, found.liquidatable) == (None, False)


@pytest.mark.parametrize(("rules", "below"), [(PLAIN, 90.0), (BINANCE_LIKE, after(90.0))])
def test_price_where_zero_fails_is_one_double_nearer(rules: RuleSpec, below: float) -> None:
    """Without a requirement the excess is 0 at 90 exactly, which only one of the two rules allows."""
    spec = InstrumentSpec("X", maintenance_rate=ZERO)
    (found,) = one(spec, cash(USDT=10), [held(1, 100)], 100.0, rules)
    assert found.below == below
    assert (found.liquidation_price, found.bankruptcy_price) == (90.0, 90.0)


def test_price_short_is_above_and_its_bankruptcy_beyond_it() -> None:
    """10 - (v - 100) = v / 100 at v = 11000/101; nothing is left at 110."""
    (found,) = one(X, cash(USDT=10), [held(-1, 100)], 100.0)
    assert found.liquidation_price == pytest.approx(11_000 / 101, rel=1e-15)
    assert (found.below, found.bankruptcy_price) == (None, 110.0)


def test_price_inverse_long_is_where_its_coin_runs_out() -> None:
    """1,000 of 1 dollar from 50: 2 + 1000 * (1/50 - 1/v) = 10 / v at v = 1010 / 22."""
    spec = InstrumentSpec("X", maintenance_rate=(0.01,), payoff="inverse", settle="BTC")
    (found,) = one(spec, cash(BTC=2), [held(1_000, 50)], 50.0)
    assert found.liquidation_price == pytest.approx(1_010 / 22, rel=1e-15)
    assert found.bankruptcy_price == pytest.approx(1_000 / 22, rel=1e-15)


FLAT = InstrumentSpec("X", floor=(0, 50_000), maintenance_rate=(0.004, 0.01), law="flat", at_floor="lower")


@pytest.mark.parametrize(
    ("mark", "below", "above", "failing"),
    [
        (49_900.0, 49_600 / 0.996, 50_000.0, False),  # safe from the root of the lower tier up to the floor itself
        (60_000.0, 49_600 / 0.99, math.inf, False),  # the higher tier has a root of its own, above the floor
        (50_050.0, 50_000.0, 49_600 / 0.99, True),  # between the two the pool is under water
        (40_000.0, -math.inf, 49_600 / 0.996, True),
    ],
)
def test_price_where_a_flat_tier_begins_may_lie_on_the_floor(
    mark: float, below: float, above: float, failing: bool
) -> None:
    """A debt of 49,600 behind one contract: the excess is -99 at 50,001, +200 at 50,000 and -0.2 at 49,799."""
    (found,) = one(FLAT, cash(USDT=0), [held(1, 49_600)], mark)
    assert found.liquidatable == failing
    assert (found.below or -math.inf) == pytest.approx(below, rel=1e-15)
    assert (found.above or math.inf) == pytest.approx(above, rel=1e-15)
    assert 50_000.0 not in (below, above) or 50_000.0 in (found.below, found.above)


def test_price_side_of_a_long_that_fails_is_where_it_is_safe_again() -> None:
    (found,) = one(FLAT, cash(USDT=0), [held(1, 49_600)], 50_050.0)
    assert found.liquidation_price == found.above or found.liquidation_price == before(found.above)
    assert found.bankruptcy_price == 49_600.0


def test_price_of_a_neutral_hedge_is_where_its_margins_use_the_wallet_up() -> None:
    """The two legs together never gain or lose; 2 % of the price is the wallet of 10 at 500."""
    legs = [held(1, 100, position_side="long"), held(-1, 100, position_side="short")]
    for found in one(X, cash(USDT=10), legs, 100.0):
        assert (found.below, found.above, found.liquidation_price) == (None, 500.0, 500.0)
        assert found.bankruptcy_price is None


def test_price_of_a_pool_that_no_price_kills_is_absent() -> None:
    (found,) = one(X, cash(USDT=100), [held(1, 100)], 100.0)
    assert (found.below, found.above, found.liquidation_price, found.bankruptcy_price) == (None, None, None, None)


JOINT: dict[str, Any] = {"pools": {"cross": "per_account"}, "valuation": {"asset": "USDT"}}
BENT = [
    InstrumentSpec("X", maintenance_rate=ZERO, underlying="COIN"),
    InstrumentSpec("Y", maintenance_rate=ZERO, underlying="COIN", payoff="inverse", settle="BTC"),
]


@pytest.mark.parametrize(("zero_fails", "below"), [(True, after(100.0)), (False, None)])
def test_price_where_the_excess_only_touches_zero_is_found(zero_fails: bool, below: float | None) -> None:
    """Both contracts at one price v, the index fixed at 100: v + 10,000 / v - 200 is 0 at 100 and nowhere below."""
    market = load_market(market_toml(BENT, RuleSpec(zero_fails=zero_fails), JOINT))
    legs, marks = [held(1, 50), held(-100, 100, "Y")], {"X": 150.0, "Y": 150.0}
    (coin, _) = underlying_prices(market, cash(USDT=-50), legs, marks, index={"BTC": 100.0})
    assert (coin.underlying, coin.below, coin.above) == ("COIN", below, None)


def by_name(rows: Sequence[UnderlyingPrices]) -> dict[str, UnderlyingPrices]:
    return {row.underlying: row for row in rows}


COINS = [InstrumentSpec("ETHUSDT", maintenance_rate=(0.01,), underlying="ETH")]


def test_underlying_price_of_the_collateral_kills_a_position_in_another_coin() -> None:
    """0.1 BTC carry a loss of 2,000 and a margin of 30: until bitcoin is at 20,300."""
    market = load_market(market_toml(COINS, PLAIN, JOINT, assets=("USDT", "BTC")))
    rows = underlying_prices(
        market, cash(BTC=0.1), [held(10, 500, "ETHUSDT")], {"ETHUSDT": 300.0}, index={"BTC": 50_000.0}
    )
    assert list(by_name(rows)) == ["ETH", "BTC"]
    found = by_name(rows)["BTC"]
    assert (found.price, found.below, found.above) == (50_000.0, 20_300.0, None)
    assert by_name(rows)["ETH"].below is None


def test_underlying_price_of_the_valuation_asset_has_no_row() -> None:
    market = load_market(market_toml([X], PLAIN, JOINT))
    rows = underlying_prices(market, cash(USDT=10), [held(1, 100)], {"X": 100.0})
    assert [(row.underlying, row.price) for row in rows] == [("BASEX", 100.0)]


def test_price_of_a_test_at_last_prices_keeps_their_ratio_to_the_mark() -> None:
    """Both tests must fail; the last price is a tenth above the mark, so it is the later one: 90 / 1.1."""
    spec = InstrumentSpec("X", maintenance_rate=ZERO)
    tests = [{"name": "mark", "price": "mark"}, {"name": "last", "price": "last"}]
    sections = {"trigger": {"level": 1, "zero_fails": True, "combine": "all"}, "trigger.constraint": tests}
    market = load_market(market_toml([spec], PLAIN, sections))
    (found,) = liquidation_prices(market, cash(USDT=10), [held(1, 100)], {"X": 100.0}, last={"X": 110.0})
    assert found.liquidation_price == pytest.approx(90 / 1.1, rel=1e-15)
    assert found.bankruptcy_price == 90.0


TWO = [InstrumentSpec(name, maintenance_rate=ZERO, underlying=name * 2) for name in ("A", "B")]


def test_distance_of_two_shocks_is_where_their_losses_meet_the_wallet() -> None:
    """A long of 100 and a short of 100: at (-1, +0.5) each t costs 150, at (-1, -1) nothing."""
    market, legs = load_market(market_toml(TWO)), [held(1, 100, "A"), held(-1, 100, "B")]
    marks = {"A": 100.0, "B": 100.0}
    (found,) = liquidation_distance(market, cash(USDT=30), legs, marks, {"A": -1, "BB": 0.5})
    assert (found.below, found.above) == (None, after(0.2))
    (none,) = liquidation_distance(market, cash(USDT=30), legs, marks, "all_down")
    assert (none.below, none.above, none.liquidatable) == (None, None, False)


def test_distance_of_a_pool_that_fails_is_nothing() -> None:
    market = load_market(market_toml(TWO))
    (found,) = liquidation_distance(market, cash(USDT=-1), [held(1, 100, "A")], {"A": 100.0}, [1, 1])
    assert (found.below, found.above, found.liquidatable) == (0.0, 0.0, True)


def test_distance_of_a_name_that_nothing_has_is_refused() -> None:
    market = load_market(market_toml(TWO))
    with pytest.raises(ReferenceInputError, match="shock was 'C', expected the name of an instrument"):
        liquidation_distance(market, cash(USDT=1), [], {}, {"C": 1})


def test_critical_move_is_the_fewest_deviations_and_not_the_smallest_move() -> None:
    """A can fall by 30 %, at 1 % a day; B can rise by 60 %, at 4 % a day: 15 deviations against 30."""
    market, legs = load_market(market_toml(TWO)), [held(1, 100, "A"), held(-1, 50, "B")]
    (found,) = critical_move(market, cash(USDT=30), legs, {"A": 100.0, "B": 50.0}, {"AA": 0.01, "BB": 0.04})
    assert (found.underlying, found.price) == ("BB", 80.0)
    assert (found.move, found.sigmas) == pytest.approx((0.6, 15.0))


def test_contribution_names_the_position_that_dragged_the_pool_under() -> None:
    """With A at -1 and B at -0.5 a long of each loses 100 t and 25 t: 50 at t = 0.4, of which A 40."""
    market = load_market(market_toml(TWO))
    legs = [held(1, 50, "B", leverage=5), held(1, 90, "A", leverage=10)]
    b, a = contribution(market, cash(USDT=40), legs, {"A": 100.0, "B": 50.0}, {"A": -1, "B": -0.5})
    assert (a.excess, b.excess) == (10, 0)
    for part, change in ((a, -40), (b, -10)):
        assert float(part.change) == pytest.approx(change)
        assert float(part.loss) == pytest.approx(-change)
    assert (a.dragged, b.dragged) == (True, False)
    # A alone had 10 of margin and 10 of profit to lose; B had 10 of margin and loses 10 and a rounding of t.
    assert (a.loss_isolated, b.loss_isolated) == (20, 10)


def test_contribution_of_a_pool_that_nothing_kills_says_the_present_only() -> None:
    market = load_market(market_toml(TWO))
    (found,) = contribution(market, cash(USDT=100), [held(1, 100, "A")], {"A": 100.0})
    assert (found.excess, found.excess_at, found.loss, found.dragged) == (0, None, None, False)
