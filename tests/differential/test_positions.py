"""The figures of single positions, and rows that are merged, against the reference in exact fractions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm
from crossmargin.reference import load_market, position_scores, score
from crossmargin.testing.oracle import BALANCES, POSITIONS, UNIT, columns
from crossmargin.testing.strategies import Case, cases
from differential.test_score import drawn

SAME = {"row": "row", "account": "account", "instrument": "instrument", "side": "position_side", "kind": "margin_mode"}


def engine_book(case: Case, **options: Any) -> tuple[xm.Book, xm.Prices]:
    market = xm.Market.from_toml(case.market)
    balances, positions = columns(case.balances, BALANCES), columns(case.positions, POSITIONS)
    return xm.Book(market, balances=balances, positions=positions, **options), market.prices(mark=dict(case.marks))


def is_near(got: float, want: Fraction | None, scale: Fraction) -> bool:
    return math.isnan(got) if want is None else abs(Fraction(got) - want) <= 8 * UNIT * scale


@drawn(100)
@given(cases())
def test_positions_figures_agree_with_exact_arithmetic_and_tiers_are_exact(case: Case) -> None:
    _, *book = case.arguments()
    loaded = load_market(case.market)
    legs = position_scores(score(loaded, *book))
    held, prices = engine_book(case)
    table = xm.score(held, prices).positions
    got = {name: table[name].tolist() for name in table}
    assert all(len(column) == len(legs) for column in got.values())
    for at, leg in enumerate(legs):
        assert {ours: got[ours][at] for ours in SAME.values()} == {SAME[name]: getattr(leg, name) for name in SAME}
        assert got["tier"][at] == leg.tier
        row = case.positions[leg.row]
        assert (got["quantity"][at], got["entry_price"][at]) == (row["quantity"], row["entry_price"])
        entered = abs(leg.notional) + abs(leg.unrealized_pnl)
        scales = {
            "notional": leg.notional,
            "unrealized_pnl": entered + leg.notional,
            "initial_margin": leg.initial_margin,
            "maintenance_margin": leg.notional if case.rules.maintenance_price == "mark" else entered,
        }
        for name, scale in scales.items():
            assert is_near(got[name][at], getattr(leg, name), scale or Fraction(0)), (name, got[name][at])


def parts(row: Mapping[str, Any], column: str, n: int, draw: Any) -> Sequence[dict[str, Any]]:
    """Rows of the same key whose column holds powers of two of the original: more to carry, no new sign."""
    return [dict(row) | {column: row[column] * 2.0 ** draw(st.integers(-3, 0))} for _ in range(n)]


@st.composite
def split_cases(draw: st.DrawFn) -> Case:
    """Draw a case, and say some of its rows several times with other sizes and entries."""
    case = draw(cases(draw(st.sampled_from(["decimal", "wide"]))))
    balances: list[dict[str, Any]] = []
    for row in case.balances:
        balances += parts(row, "wallet_balance", draw(st.integers(1, 3)), draw)
    positions: list[dict[str, Any]] = []
    for row in case.positions:
        held = parts(row, "quantity", draw(st.integers(1, 3)), draw)
        nearby = st.sampled_from([1.0, 0.875, 0.99]).map(row["entry_price"].__mul__)
        positions += [part | {"entry_price": draw(nearby)} for part in held]
    order = draw(st.permutations(range(len(positions))))
    split = replace(case, balances=tuple(balances), positions=tuple(positions[at] for at in order))
    return replace(split, balances=(*balances, *missing_cash(split))) if draw(st.booleans()) else split


def missing_cash(case: Case) -> list[dict[str, Any]]:
    """Rows of cash that bring the pools of positions to the trigger, as nearly as doubles can."""
    _, *book = case.arguments()
    pools = score(load_market(case.market), *book, duplicates="merge")
    short = [
        pool for pool in pools if pool.kind == "cross" and pool.positions and abs(pool.excess) > Fraction(1, 2**200)
    ]
    return [{"account": pool.account, "asset": pool.asset, "wallet_balance": -float(pool.excess)} for pool in short]


@drawn(100)
@given(split_cases())
def test_merged_rows_are_decided_as_in_exact_arithmetic(case: Case) -> None:
    _, *book = case.arguments()
    pools = score(load_market(case.market), *book, duplicates="merge")
    held, prices = engine_book(case, duplicates="merge")
    scores = xm.score(held, prices)
    assert scores.liquidatable.tolist() == [pool.liquidatable for pool in pools]
    for got, pool in zip(scores.excess.tolist(), pools, strict=True):
        assert (got > 0) - (got < 0) == (pool.excess > 0) - (pool.excess < 0)
