"""The strategies over every kind of rule: what they claim to draw, they draw; their edges are edges."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings

from crossmargin.reference import load_market
from crossmargin.reference.score import read_tables
from crossmargin.testing import kinds
from crossmargin.testing.cases import FullCase
from crossmargin.testing.edges import edge_cases, exact_scores, floor_cases, on_floor, on_trigger
from crossmargin.testing.holdings import full_cases, size_of
from crossmargin.testing.kinds import MarketSpec
from crossmargin.testing.magnitude import Magnitude
from crossmargin.testing.markets import BINANCE_LIKE, InstrumentSpec
from crossmargin.testing.numbers import STYLES
from crossmargin.testing.oracle import AMOUNTS, Sizes, general_faults, reference_rows, sizes

drawn = settings(
    max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

CHOICES = {
    "pools.cross": {"per_asset", "per_account"},
    "pools.hedge_mode": {True, False},
    "trigger.price": {"mark", "last"},
    "trigger.combine": {"any", "all"},
    "maintenance_margin.price": {"mark", "entry"},
    "maintenance_margin.legs": set(kinds.LEGS),
    "maintenance_margin.tier_legs": set(kinds.TIER_LEGS),
    "maintenance_margin.closing_fee": set(kinds.FEES),
    "maintenance_margin.source": {"usual", "table", "share_of_initial"},
    "maintenance_margin.isolated.closing_fee": {*kinds.FEES, "bankruptcy_of_margin"},
    "initial_margin.source": {"usual", "table"},
    "isolated.fee_reserve": {"none", "opening_notional", "closing_at_bankruptcy"},
    "margin_class.user_coefficient": {"none", "bounds"},
    "margin_class.table_version": {"newest", "kept_by_open_positions"},
    "margin_class.tier": {"by_basis", "static", "higher_of_both"},
    "orders.maintenance_margin": set(kinds.MODES),
    "orders.initial_margin": set(kinds.MODES),
    "orders.tier_basis": set(kinds.MODES),
    "orders.frozen": set(kinds.FROZEN),
    "orders.price": {"limit", "mark", "worse"},
    "orders.order_loss": {"none", "admission", "equity"},
    "collateral.value": {"full", "haircut"},
    "collateral.base": {"equity", "cash"},
    "collateral.levels": {"both", "initial"},
    "collateral.negative": {"full", "ask", "liability_factor"},
    "collateral.requirement_conversion": {"index", "ask"},
    "liabilities.requirement": {"none", "tiers"},
}
"""Every kind of rule that a file chooses, by its path."""


def said(spec: MarketSpec) -> dict[str, Any]:
    found = {}
    for name, section in spec.sections.items():
        if isinstance(section, Mapping):
            found |= {f"{name}.{key}": value for key, value in section.items()}
    return found


def test_full_cases_draw_every_choice_of_every_rule_and_every_table() -> None:
    seen: dict[str, set[str]] = {path: set() for path in CHOICES}
    filled: Counter[str] = Counter()
    contracts = set()

    @seed(1)
    @settings(drawn, max_examples=1_000)
    @given(full_cases("decimal"))
    def look(case: FullCase) -> None:
        for path, value in said(case.spec).items():
            if path in seen:
                seen[path].add(value)
        contracts.update((one.payoff, one.bounds, one.law) for one in case.spec.instruments)
        for name in ("balances", "positions", "orders", "accounts", "settings"):
            for row in getattr(case, name):
                filled.update(f"{name}.{column}" for column, value in row.items() if value is not None)

    look()
    assert not {path: values - seen[path] for path, values in CHOICES.items() if values != seen[path]}
    assert {payoff for payoff, _, _ in contracts} == {"linear", "inverse", "quanto"}
    assert {bounds for _, bounds, _ in contracts} == set(kinds.BOUNDS)
    assert {law for _, _, law in contracts} == set(kinds.LAWS)
    columns = "bonus borrowed isolated_margin tier_version tier reduce_only trigger_price profile tier_coefficient kind"
    assert not set(columns.split()) - {name.split(".")[1] for name in filled}
    assert filled["accounts.margin_mode"] * filled["accounts.position_mode"] > 0


def test_full_cases_draw_orders_that_close_turn_and_enlarge_what_is_held_in_either_mode() -> None:
    seen: Counter[str] = Counter()

    @seed(1)
    @settings(drawn, max_examples=400)
    @given(full_cases("decimal"))
    def look(case: FullCase) -> None:
        market = load_market(case.market)
        held = read_tables(market, *case.arguments()[1:3], **tables_of(case))
        sides = {(row.account, row.instrument.name): row.position_side == "net" for row in held.positions}
        for one in held.orders:
            assert sides.get((one.account, one.instrument.name), one.position_side == "net") == (
                one.position_side == "net"
            )
            beside = [
                row
                for row in held.positions
                if (row.account, row.instrument, row.position_side, row.margin_mode)
                == (one.account, one.instrument, one.position_side, one.margin_mode)
            ]
            against = "none" if not beside else "against" if (beside[0].quantity > 0) != (one.quantity > 0) else "with"
            side = "net" if one.position_side == "net" else "hedged"
            seen[f"{one.margin_mode} {side} {against}"] += 1
            seen["unlike leverage"] += bool(beside) and beside[0].leverage != one.leverage

    look()
    kinds_of_orders = {
        f"{mode} {side} {against}"
        for mode in ("cross", "isolated")
        for side in ("net", "hedged")
        for against in ("none", "against", "with")
    }
    assert not {*kinds_of_orders, "unlike leverage"} - {name for name, count in seen.items() if count}


def tables_of(case: FullCase) -> dict[str, Any]:
    return {name: getattr(case, name) for name in ("orders", "accounts", "settings", "quantity_unit")}


@pytest.mark.parametrize("style", STYLES)
def test_full_cases_every_market_loads_and_every_book_is_scored(style: str) -> None:
    @drawn
    @given(full_cases(style))
    def scored(case: FullCase) -> None:
        pools = exact_scores(case)
        assert {pool.account for pool in pools} == set(case.holders())

    scored()


def test_edge_cases_reach_excesses_of_exactly_zero_with_positions() -> None:
    zero: Counter[bool] = Counter()

    @settings(drawn, max_examples=100)
    @given(edge_cases("decimal"))
    def look(case: FullCase) -> None:
        zero.update(pool.excess == 0 for pool in exact_scores(case) if pool.positions)

    look()
    assert zero[True] > 0.1 * zero.total()


def test_floor_cases_put_sizes_on_floors_and_beside_them() -> None:
    sides: Counter[int] = Counter()

    @settings(drawn, max_examples=100)
    @given(floor_cases("decimal"))
    def look(case: FullCase) -> None:
        specs = {one.name: one for one in case.spec.instruments}
        for row in case.positions:
            one, mark = specs[row["instrument"]], case.marks[row["instrument"]]
            size = size_of(one, abs(row["quantity"]), mark)
            for floor in one.floor[1:]:
                away = size / Fraction(repr(floor)) - 1
                if abs(away) < Fraction(1, 10**12):
                    sides[(away > 0) - (away < 0)] += 1

    look()
    assert all(sides[side] for side in (-1, 0, 1)), sides


HEDGED = MarketSpec(
    (InstrumentSpec("X", floor=(0, 100), maintenance_rate=(0.01, 0.02), law="flat"),), BINANCE_LIKE, {}, ("USDT",)
)


def case_of(quantity: float, mark: float) -> FullCase:
    held = {
        "account": 1,
        "instrument": "X",
        "quantity": quantity,
        "entry_price": 10.0,
        "margin_mode": "cross",
        "position_side": "net",
    }
    return FullCase(HEDGED, HEDGED.toml, (), (held,), {"X": mark})


@pytest.mark.parametrize(("ulps", "tier"), [(-1, 1), (0, 2), (1, 2)])
def test_on_floor_price_decides_the_tier(ulps: int, tier: int) -> None:
    case = on_floor(case_of(-8.0, 3.0), 0, 1, ulps)
    assert case.marks["X"] == pytest.approx(12.5, rel=1e-15)
    (pool,) = exact_scores(case)
    assert pool.positions[0].tier == tier


def test_on_trigger_wallet_is_what_maintenance_and_loss_need() -> None:
    # short 8 from 10 to 12.5 has lost 20; 100 is in the upper tier and requires 2
    case = on_trigger(on_floor(case_of(-8.0, 3.0), 0, 1, 0), 0)
    assert case.balances == ({"account": 1, "asset": "USDT", "wallet_balance": 22.0},)
    assert exact_scores(case)[0].excess == 0


@pytest.mark.parametrize("style", ["decimal", "wide"])
def test_sizes_hold_the_values_and_are_never_below_them(style: str) -> None:
    @drawn
    @given(full_cases(style))
    def held(case: FullCase) -> None:
        rows = reference_rows(*case.arguments(), **case.options())
        for row, size in zip(rows, sizes(*case.arguments(), **case.options()), strict=True):
            for name in AMOUNTS:
                assert row[name] is None or abs(row[name]) <= size.amounts[name]

    held()


def test_general_faults_names_what_is_wrong_and_nothing_else() -> None:
    case = on_trigger(case_of(-8.0, 3.0), 3)
    (row,) = reference_rows(*case.arguments())
    (size,) = sizes(*case.arguments())
    rounded = row | {
        name: float("nan") if row[name] is None else float(row[name]) for name in (*AMOUNTS, "venue_ratio")
    }
    rounded["margin_ratio"] = float(row["margin_ratio"])
    assert general_faults(rounded, row, size, "maintenance_over_equity") == []
    found = general_faults(rounded | {"equity": rounded["equity"] * (1 + 1e-9)}, row, size, "maintenance_over_equity")
    assert [text.split(":")[0] for text in found] == ["equity"]


def test_sizes_bound_of_amounts_without_initial_margin_leaves_it_out() -> None:
    size = Sizes(3, {"excess": Fraction(1), "equity": Fraction(2), "initial_margin": Fraction(2**40)})
    assert size.bound("excess") == (8 * 3 + 256) * 2 * Fraction(1, 2**53)
    assert size.bound("initial_margin") == (8 * 3 + 256) * 2**40 * Fraction(1, 2**53)


def test_magnitude_of_a_formula_is_that_of_its_terms() -> None:
    a, b = Magnitude(Fraction(7)), Magnitude(Fraction(-5))
    value = (a + b) * 2 - abs(b) / 5
    assert (value.value, value.size) == (3, 25)
    assert max(value, Magnitude(2)) is value
    assert value > 2
    assert value == 3
    quotient = Magnitude(1) / (a - 5)
    assert (quotient.value, quotient.size) == (Fraction(1, 2), Fraction(12, 4))


def test_markets_every_drawn_one_is_read_as_it_was_meant() -> None:
    @drawn
    @given(full_cases())
    def read(case: FullCase) -> None:
        loaded = load_market(case.market)
        rules = said(case.spec)
        assert loaded.rules.cross_pool == rules["pools.cross"]
        assert loaded.rules.maintenance.closing_fee == rules.get("maintenance_margin.closing_fee", "none")
        for one, spec in zip(loaded.instruments, case.spec.instruments, strict=True):
            assert (one.payoff, one.settle, one.table.bounds) == (spec.payoff, spec.settle, spec.bounds)
            assert [float(tier.floor) for tier in one.table.tiers] == list(spec.floor)

    read()
