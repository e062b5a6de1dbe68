"""Numbers that were read as another decimal than the one they denote."""

from crossmargin.testing.markets import PLAIN, InstrumentSpec, market_toml
from crossmargin.testing.oracle import engine_rows


def test_regression_double_between_two_decimals_is_the_even_one() -> None:
    """A wallet halfway between ...34.2 and ...34.3, equally short, was read as the odd one.

    Required is 0.5 * 2 * 4 * 362488583022958.56 = 1449954332091834.24, so the excess is -0.04.
    """
    market = market_toml([InstrumentSpec("X", maintenance_rate=(0.5,), contract_size=4.0)], PLAIN)
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 1449954332091834.2}]
    held = [{"account": 1, "instrument": "X", "quantity": 2.0, "entry_price": 362488583022958.56}]
    (pool,) = engine_rows(market, cash, held, {"X": 362488583022958.56})
    assert pool["liquidatable"]
    assert pool["excess"] == -0.04


def test_regression_power_of_two_keeps_the_only_decimal_that_rounds_to_it() -> None:
    """2^-24 lies halfway between ...062e-8 and ...063e-8, but the even one rounds to the double below it."""
    market = market_toml([InstrumentSpec("X")], PLAIN)
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 5.960464477539064e-08}]
    held = [{"account": 1, "instrument": "X", "quantity": 1e-9, "entry_price": 1.0}]
    fence = {"margin_mode": "isolated", "isolated_margin": 2.0**-24}
    cross, _ = engine_rows(market, cash, [held[0] | fence], {"X": 1.0})
    assert cross["excess"] == 1e-23
