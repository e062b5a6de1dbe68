"""Liquidation prices of the reference on drawn books, tried out point by point."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import copysign, inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossmargin.reference import (
    PoolScore,
    PositionPrices,
    contribution,
    exact,
    liquidation_distance,
    liquidation_prices,
    load_market,
    underlying_prices,
)
from crossmargin.reference.shocks import read_shock
from crossmargin.testing.cases import FullCase
from crossmargin.testing.edges import edge_cases, exact_scores, floor_cases
from crossmargin.testing.holdings import full_cases
from crossmargin.testing.numbers import STYLES
from crossmargin.testing.price_checks import (
    faults_of_bounds,
    probe_of_instrument,
    probe_of_shock,
    probe_of_underlying,
)
from differential.test_score import drawn

DRAWN = [(full_cases, style) for style in STYLES] + [(edge_cases, "decimal"), (floor_cases, "decimal")]


def singles(case: FullCase) -> Iterator[tuple[FullCase, list[PoolScore[Fraction]]]]:
    """Each account alone, with its pools."""
    for account in case.holders():
        alone = case.alone(account)
        yield alone, exact_scores(alone)


def prices_of(case: FullCase) -> list[PositionPrices]:
    market, *tables = case.arguments()
    return liquidation_prices(load_market(market), *tables, **case.options())


def assert_point(states: list[bool | None], found: float) -> None:
    """One double below, the double itself, one above: the state is not the same at all of them."""
    assert None in states or len(set(states)) == 2, found


@pytest.mark.parametrize(("cases", "style"), DRAWN)
def test_prices_along_an_instrument_are_where_the_verdict_turns_and_not_before(cases, style: str) -> None:
    @drawn(6)
    @given(cases(style))
    def turn(case: FullCase) -> None:
        for alone, pools in singles(case):
            pool_of = {leg.row: pool for pool in pools for leg in pool.positions}
            for row in prices_of(alone):
                probe = probe_of_instrument(alone, pool_of[row.row].key, row.instrument)
                assert not faults_of_bounds(probe, (row.below, row.above), liquidatable=row.liquidatable), row
                if row.liquidation_price is not None:
                    beside = (nextafter(row.liquidation_price, end) for end in (0, row.liquidation_price, inf))
                    assert_point([probe.fails(exact(value)) for value in beside], row.liquidation_price)

    turn()


@pytest.mark.parametrize("style", STYLES)
def test_prices_of_bankruptcy_are_where_the_collateral_ends(style: str) -> None:
    """Where no closing fee is charged at a bankruptcy price, nothing but the collateral counts."""

    @drawn(20)
    @given(full_cases(style))
    def end(case: FullCase) -> None:
        rules = load_market(case.market).rules
        fees = {rules.requirement("maintenance", kind).closing_fee for kind in ("cross", "isolated")}
        if not fees <= {"none", "mark"} or rules.constraints[0].price != "mark":
            return
        for alone, pools in singles(case):
            pool_of = {leg.row: pool for pool in pools for leg in pool.positions}
            for row in prices_of(alone):
                price = row.bankruptcy_price
                if price is None:
                    continue
                probe = probe_of_instrument(alone, pool_of[row.row].key, row.instrument)
                scores = [probe.score(exact(nextafter(price, end))) for end in (0, price, inf)]
                assert_point([None if score is None else score.collateral_value <= 0 for score in scores], price)

    end()


@pytest.mark.parametrize(("cases", "style"), DRAWN)
def test_prices_along_an_underlying_are_where_the_verdict_turns_and_not_before(cases, style: str) -> None:
    @drawn(6)
    @given(cases(style))
    def turn(case: FullCase) -> None:
        for alone, _ in singles(case):
            market, *tables = alone.arguments()
            for row in underlying_prices(load_market(market), *tables, **alone.options()):
                key = (row.account, row.kind, row.asset, row.instrument, row.side)
                probe = probe_of_underlying(alone, key, row.underlying, row.price)
                assert not faults_of_bounds(probe, (row.below, row.above), liquidatable=row.liquidatable), row

    turn()


MOVES = st.sampled_from([0.0, 1.0, -1.0, 0.5, -2.0, 0.125])


@pytest.mark.parametrize("style", STYLES)
def test_distances_are_where_the_verdict_turns_and_not_before(style: str) -> None:
    @drawn(8)
    @given(full_cases(style), st.data())
    def turn(case: FullCase, data: st.DataObject) -> None:
        market = load_market(case.market)
        moves = {one.name: data.draw(MOVES) for one in market.instruments}
        shock = read_shock(market, moves)
        assets = {name: float(move) for name, move in shock.assets.items()}
        for alone, _ in singles(case):
            found = liquidation_distance(market, *alone.arguments()[1:], moves, **alone.options())
            for row in found:
                probe = probe_of_shock(alone, row.pool, moves, assets)
                if row.liquidatable:
                    assert probe.fails(Fraction(0))
                    assert (row.below, row.above) == (0.0, 0.0)
                    continue
                # What is answered is the first t that fails; the one before it is the last safe one.
                last = [None if t is None else nextafter(t, -copysign(inf, t)) for t in (row.below, row.above)]
                assert not faults_of_bounds(probe, (last[0], last[1]), liquidatable=False), (row, moves)

    turn()


@pytest.mark.parametrize("style", STYLES)
def test_contributions_with_the_cash_are_the_excess_now_and_fail_at_the_point(style: str) -> None:
    """In a pool of one asset without orders, under one test of the maintenance margin."""

    @drawn(40)
    @given(full_cases(style), st.sampled_from([None, "all_down", "all_up"]))
    def add_up(case: FullCase, shock: str | None) -> None:
        market = load_market(case.market)
        rules = market.rules
        required = [constraint.required for constraint in rules.constraints]
        if rules.cross_pool != "per_asset" or required != ["maintenance"]:
            return
        for alone, pools in singles(replace(case, orders=())):
            parts = contribution(market, *alone.arguments()[1:], shock, **alone.options())
            for pool in pools:
                rows = {leg.row for leg in pool.positions}
                own = [part for part in parts if part.row in rows]
                cash = pool.equity - pool.unrealized_pnl
                assert cash + sum(part.excess for part in own) == pool.excess
                if not own or own[0].excess_at is None:
                    continue
                there = cash + sum(part.excess_at for part in own)
                assert there < 0 or (there == 0 and rules.zero_fails)
                taken = [part.excess if pool.liquidatable else part.change for part in own]
                assert sum(part.dragged for part in own) == any(part < 0 for part in taken)

    add_up()


@drawn(20)
@given(full_cases("decimal"), st.sampled_from([1.0, 1_000.0]))
def test_prices_under_more_cash_are_never_nearer(case: FullCase, more: float) -> None:
    """Cash of the asset that the pool is valued in; an isolated pool gets none of it."""
    asset = case.spec.assets[0]
    for alone, _ in singles(case):
        kept = [row for row in alone.balances if row["asset"] != asset]
        row = next((row for row in alone.balances if row["asset"] == asset), None)
        row = row or {"account": alone.holders()[0], "asset": asset, "wallet_balance": 0.0}
        wallet = float(exact(row["wallet_balance"]) + exact(more))
        richer = replace(alone, balances=(*kept, {**row, "wallet_balance": wallet}))
        for poor, rich in zip(prices_of(alone), prices_of(richer), strict=True):
            assert rich.liquidatable <= poor.liquidatable
            if not poor.liquidatable:
                assert (rich.below or 0) <= (poor.below or 0)
                assert (rich.above or inf) >= (poor.above or inf)
