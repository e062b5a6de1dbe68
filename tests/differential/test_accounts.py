"""Pools added up to accounts in one asset, against the reference in exact fractions."""

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin.reference import exact, load_market, score
from crossmargin.testing.oracle import (
    BALANCES,
    HOLD_INITIAL,
    POSITIONS,
    UNIT,
    columns,
    documented_bound,
    scales,
)
from crossmargin.testing.strategies import SETTLEMENT_ASSETS, Case, cases
from differential.test_score import drawn

SUMS = (
    "wallet_balance",
    "unrealized_pnl",
    "equity",
    "collateral_value",
    "notional",
    "initial_margin",
    "maintenance_margin",
    "free_margin",
)


@drawn(80)
@given(cases(), st.lists(st.sampled_from([0.9995, 1.0, 3.25, 64_000.1]), min_size=3, max_size=3))
def test_accounts_are_the_sums_of_their_pools(case: Case, quotes: list[float]) -> None:
    market = xm.Market.from_toml(case.market)
    valuation = market.rules["valuation_asset"]
    held = {asset for asset in market.assets["asset"].tolist() if asset != valuation}
    index = {asset: quote for asset, quote in zip(SETTLEMENT_ASSETS, quotes, strict=True) if asset in held}
    book = xm.Book(market, balances=columns(case.balances, BALANCES), positions=columns(case.positions, POSITIONS))
    table = xm.score(book, market.prices(mark=dict(case.marks), index=index)).accounts()
    pools = score(load_market(case.market), *case.arguments()[1:])
    scale = scales(*case.arguments())
    rates = {asset: exact(quote) for asset, quote in index.items()} | {valuation: Fraction(1)}
    assert table["account"].tolist() == list(dict.fromkeys(pool.account for pool in pools))
    for at, account in enumerate(table["account"].tolist()):
        own = [pool for pool in pools if pool.account == account]
        assert table["n_pools"][at] == len(own)
        assert table["n_liquidatable"][at] == sum(pool.liquidatable for pool in own)
        for name in SUMS:
            got, values = float(table[name][at]), [getattr(pool, name) for pool in own]
            if None in values:
                assert math.isnan(got), name
                continue
            error = Fraction(0)
            for pool, value in zip(own, values, strict=True):
                size = scale[pool.key]
                absolute = size.absolute + (pool.initial_margin or 0 if name in HOLD_INITIAL else 0)
                error += rates[pool.asset] * (documented_bound(size.n_legs, absolute) + 4 * UNIT * abs(value))
            want = sum((rates[pool.asset] * value for pool, value in zip(own, values, strict=True)), Fraction(0))
            assert abs(Fraction(got) - want) <= error + 4 * UNIT * abs(want), (name, got, float(want))
