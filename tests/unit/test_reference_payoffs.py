"""Linear, inverse and quanto contracts, and tables in each unit of bounds. Expected values by hand."""

from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import PoolScore, load_market, read_positions, score_account
from crossmargin.testing.markets import BINANCE_LIKE, InstrumentSpec, market_toml

COIN = InstrumentSpec("COIN", (0,), (0.01,), settle="BTC", payoff="inverse", contract_size=100)
QUANTO = InstrumentSpec("QUANTO", (0,), (0.01,), settle="BTC", payoff="quanto", contract_size=2, multiplier=0.001)


def row(instrument: str, quantity: float, entry: float, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": instrument, "quantity": quantity, "entry_price": entry, **more}


def pool_of(
    spec: InstrumentSpec, *held: dict[str, Any], wallet: float = 0, mark: float = 1, **sections: Any
) -> PoolScore[Fraction]:
    market = load_market(market_toml([spec], BINANCE_LIKE, sections))
    cash = [{"account": 1, "asset": spec.settle, "wallet_balance": wallet}]
    return score_account(market, cash, held, {spec.name: mark})[0]


def test_inverse_long_gains_coin_when_the_price_rises() -> None:
    # 50 contracts of 100 USD from 40,000 to 50,000: 5,000/40,000 - 5,000/50,000 = 0.125 - 0.1.
    pool = pool_of(COIN, row("COIN", 50, 40_000, leverage=10), mark=50_000)
    assert pool.asset == "BTC"
    assert (pool.unrealized_pnl, pool.notional) == (Fraction("0.025"), Fraction("0.1"))
    assert (pool.maintenance_margin, pool.initial_margin) == (Fraction("0.001"), Fraction("0.01"))


def test_inverse_short_loses_what_the_long_gains() -> None:
    assert pool_of(COIN, row("COIN", -50, 40_000), mark=50_000).unrealized_pnl == Fraction("-0.025")


def test_quanto_pays_the_multiplier_per_unit_of_quote() -> None:
    # 3 contracts of 2 units, 0.001 BTC per USD: 6 * 0.001 * (1,100 - 1,000), and a notional of 6.6 BTC, not USD.
    pool = pool_of(QUANTO, row("QUANTO", 3, 1_000, leverage=3), mark=1_100)
    assert (pool.asset, pool.unrealized_pnl, pool.notional) == ("BTC", Fraction("0.6"), Fraction("6.6"))
    assert (pool.maintenance_margin, pool.initial_margin) == (Fraction("0.066"), Fraction("2.2"))


def test_inverse_rows_merge_at_the_harmonic_entry() -> None:
    market = load_market(market_toml([COIN], BINANCE_LIKE))
    rows = [row("COIN", 1, 20_000), row("COIN", 1, 60_000)]
    (merged,) = read_positions(market, rows, "merge")
    assert (merged.quantity, merged.entry_price) == (2, 30_000)


def test_quantity_in_base_units_is_quantity_over_contract_size() -> None:
    spec = InstrumentSpec("X", (0, 10), (0.01, 0.02), contract_size=0.1, law="flat", bounds="contracts")
    market = load_market(market_toml([spec], BINANCE_LIKE))
    held = [row("X", 1, 100)]  # one unit is ten contracts
    (pool,) = score_account(market, [], held, {"X": 100}, quantity_unit="base")
    assert (pool.notional, pool.positions[0].tier, pool.maintenance_margin) == (100, 2, 2)


# Two tiers, 1 % and 2 %: a notional of 2 BTC at 50,000 is 100,000 USD or 1,000 contracts of 100 USD.
@pytest.mark.parametrize(
    ("bounds", "floor", "deduction"),
    [("settle", 1, "0.01"), ("quote", 50_000, "0.01"), ("contracts", 500, "0.01")],
)
def test_inverse_deduction_is_worth_what_its_unit_is_worth(bounds: str, floor: float, deduction: str) -> None:
    spec = InstrumentSpec(
        "COIN", (0, floor), (0.01, 0.02), settle="BTC", payoff="inverse", contract_size=100, bounds=bounds
    )
    pool = pool_of(spec, row("COIN", 1_000, 50_000), mark=50_000)
    assert pool.notional == 2
    assert pool.maintenance_margin == Fraction("0.04") - Fraction(deduction)


def test_quanto_deduction_in_quote_is_worth_the_multiplier() -> None:
    # 10 contracts of 2 units at 1,000 are 20,000 USD, 20 BTC; from 5,000 USD on 2 %: 0.4 - 50 USD * 0.001.
    spec = InstrumentSpec(
        "Q", (0, 5_000), (0.01, 0.02), settle="BTC", payoff="quanto", contract_size=2, multiplier=0.001
    )
    assert pool_of(spec, row("Q", 10, 1_000), mark=1_000).maintenance_margin == Fraction("0.35")


def test_inverse_isolated_cash_is_the_coin_notional_at_entry_over_leverage() -> None:
    held = row("COIN", -50, 40_000, leverage=5, margin_mode="isolated")
    market = load_market(market_toml([COIN], BINANCE_LIKE))
    cross, alone = score_account(market, [], [held], {"COIN": 50_000})
    assert (cross.wallet_balance, alone.wallet_balance) == (Fraction("-0.025"), Fraction("0.025"))
    assert (alone.equity, alone.liquidatable) == (0, True)
