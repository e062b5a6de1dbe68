"""Tiers by the reference: laws, owners of an exact bound, what picks the tier, what an account or owner may change.

Numbers are those of the venues' pages where one is named, and of arithmetic by hand elsewhere.
"""

from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import PoolScore, load_market, score_account
from crossmargin.testing.markets import InstrumentSpec, RuleSpec, market_toml


def row(quantity: float, instrument: str = "X", entry: float = 1, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": instrument, "quantity": quantity, "entry_price": entry, **more}


def pool_of(
    specs: InstrumentSpec | list[InstrumentSpec],
    *held: dict[str, Any],
    sections: dict[str, Any] | None = None,
    accounts: tuple[dict[str, Any], ...] = (),
    rules: RuleSpec | None = None,
    **marks: float,
) -> PoolScore[Fraction]:
    specs = specs if isinstance(specs, list) else [specs]
    market = load_market(market_toml(specs, rules or RuleSpec(), sections))
    prices = {spec.name: 1.0 for spec in specs} | marks
    return score_account(market, [], held, prices, accounts=accounts)[-1]


# WEEX, TRBUSDT after 2023-09-15: 0-5,000 contracts 2.5 %, 5,001-25,000 5 %, up to 400,000 10 %.
TRB = InstrumentSpec(
    "X", (0, 5_000, 25_000), (0.025, 0.05, 0.1), law="flat", bounds="contracts", at_floor="lower", contract_size=0.1
)


@pytest.mark.parametrize(
    ("contracts", "tier", "rate"), [(5_000, 1, "0.025"), (5_001, 2, "0.05"), (25_000, 2, "0.05"), (-25_001, 3, "0.1")]
)
def test_flat_tiers_by_contracts_own_their_upper_bound(contracts: int, tier: int, rate: str) -> None:
    pool = pool_of(TRB, row(contracts), X=20)
    assert pool.positions[0].tier == tier
    assert pool.maintenance_margin == Fraction(rate) * abs(contracts) * 2


# MEXC, BTC_USDT: base 10,000 contracts of 0.0001 BTC, increment 200,000, rate 0.4 % and 0.4 % more per level, 5 levels.
LEVELS = {
    "base": 10_000,
    "increment": 200_000,
    "maintenance_rate": 0.004,
    "maintenance_step": 0.004,
    "initial_rate": 0.008,
    "initial_step": 0.004,
    "levels": 5,
}
MEXC_BTC = InstrumentSpec(
    "X", law="arithmetic", bounds="contracts", contract_size=0.0001, arithmetic=LEVELS, cap=10.0**9
)


@pytest.mark.parametrize(
    ("contracts", "level"), [(10_000, 1), (10_001, 2), (210_000, 2), (210_001, 3), (610_000, 4), (900_000, 5)]
)
def test_arithmetic_level_is_the_ceiling_of_what_exceeds_the_base(contracts: int, level: int) -> None:
    pool = pool_of(MEXC_BTC, row(contracts), sections={"initial_margin": {"source": "table"}}, X=50_000)
    size = contracts * 5
    assert pool.positions[0].tier == level
    assert pool.maintenance_margin == Fraction("0.004") * level * size
    assert pool.initial_margin == (Fraction("0.004") + Fraction("0.004") * level) * size


def test_arithmetic_table_ends_with_its_last_level() -> None:
    market = market_toml([InstrumentSpec("X", law="arithmetic", bounds="contracts", arithmetic=LEVELS)])
    text = "\n".join(line for line in market.splitlines() if not line.startswith("cap"))
    (table,) = {instrument.table for instrument in load_market(text).instruments}
    assert table.cap == 810_000


def test_half_of_max_leverage_is_marginal_with_exact_rates() -> None:
    # Hyperliquid: BTC 40x up to 150 million, then 20x: 1.25 %, then 2.5 % of what is above.
    spec = InstrumentSpec("X", (0, 150_000_000), law="half_of_max_leverage", max_leverage=(40, 20))
    pool = pool_of(spec, row(200_000_000))
    assert pool.maintenance_margin == 1_875_000 + 1_250_000
    thirds = InstrumentSpec("X", law="half_of_max_leverage", max_leverage=(3,))
    assert pool_of(thirds, row(600)).maintenance_margin == 100


def test_marginal_rate_is_not_a_flat_rate() -> None:
    # 0.5 %, and 1 % from 250,000: a notional of 300,000 needs 1,250 + 500, not 3,000.
    pool = pool_of(InstrumentSpec("X", (0, 250_000), (0.005, 0.01)), row(300_000))
    assert pool.maintenance_margin == 1_750


def test_marginal_slices_of_the_venues_page_add_up() -> None:
    # Bybit, "Maintenance Margin": 3,500 in tiers of 1,000 at 2, 2.5, 3 and 3.5 %.
    spec = InstrumentSpec("X", (0, 1_000, 2_000, 3_000), (0.02, 0.025, 0.03, 0.035), at_floor="lower")
    assert pool_of(spec, row(3_500)).maintenance_margin == Fraction("92.5")


HEDGE = (row(200_000, position_side="long"), row(-200_000, position_side="short"))
STEP = InstrumentSpec("X", (0, 250_000), (0.005, 0.01), law="flat")


@pytest.mark.parametrize(
    ("legs", "tier_legs", "tier", "maintenance"),
    [
        ("each", "same", 1, 2_000),  # each leg by itself: not the rate of 400,000
        ("each", "long_plus_short", 2, 4_000),
        ("each", "net", 1, 2_000),
        ("net", "same", 1, 0),
        ("net", "long_plus_short", 2, 0),
        ("long_plus_short", "same", 2, 4_000),
        ("long_plus_short", "larger_side", 1, 2_000),
        ("larger_side", "same", 1, 1_000),
        ("larger_side", "long_plus_short", 2, 2_000),
    ],
)
def test_hedge_legs_are_charged_and_tiered_as_the_rule_says(
    legs: str, tier_legs: str, tier: int, maintenance: int
) -> None:
    pool = pool_of(STEP, *HEDGE, sections={"maintenance_margin": {"legs": legs, "tier_legs": tier_legs}})
    assert [leg.tier for leg in pool.positions] == [tier, tier]
    assert pool.maintenance_margin == maintenance
    assert [leg.maintenance_margin for leg in pool.positions] == [Fraction(maintenance, 2)] * 2


def test_underlying_adds_expiries_but_not_other_coins() -> None:
    # OKX, cross: expiries of one underlying are summed for the tier; each pays its own part.
    near, far = (InstrumentSpec(name, STEP.floor, STEP.maintenance_rate, law="flat", underlying="U") for name in "XY")
    other = InstrumentSpec("Z", STEP.floor, STEP.maintenance_rate, law="flat", underlying="V")
    held = (row(150_000), row(-150_000, "Y"), row(150_000, "Z"))
    pool = pool_of([near, far, other], *held, sections={"maintenance_margin": {"tier_legs": "underlying"}})
    assert [leg.tier for leg in pool.positions] == [2, 2, 1]
    assert [leg.maintenance_margin for leg in pool.positions] == [1_500, 1_500, 750]


@pytest.mark.parametrize(
    ("price", "tier_price", "tier"), [("mark", "mark", 2), ("mark", "entry", 1), ("entry", "mark", 2)]
)
def test_tier_price_may_differ_from_the_price_charged(price: str, tier_price: str, tier: int) -> None:
    sections = {"maintenance_margin": {"price": price, "tier_price": tier_price}}
    pool = pool_of(STEP, row(100, entry=2_000), sections=sections, X=3_000)
    size = 300_000 if price == "mark" else 200_000
    assert pool.positions[0].tier == tier
    assert pool.maintenance_margin == size * Fraction("0.005") * tier


def test_isolated_rule_stands_before_the_common_one() -> None:
    sections = {"maintenance_margin": {"price": "mark", "isolated": {"price": "entry"}}}
    isolated = row(100, entry=10, margin_mode="isolated", isolated_margin=50)
    spec = InstrumentSpec("X", (0,), (0.01,))
    assert pool_of(spec, isolated, sections=sections, X=20).maintenance_margin == 10
    assert pool_of(spec, row(100, entry=10), sections=sections, X=20).maintenance_margin == 20


def test_coefficient_multiplies_bounds_and_deductions() -> None:
    # Bounds of 250,000 become 375,000; 400,000 needs 4,000 less 1.5 times 1,250.
    spec = InstrumentSpec("X", (0, 250_000), (0.005, 0.01))
    terms = ({"account": 1, "tier_coefficient": 1.5},)
    sections = {"margin_class": {"user_coefficient": "bounds"}}
    pool = pool_of(spec, row(400_000), sections=sections, accounts=terms)
    assert pool.maintenance_margin == 4_000 - 1_875
    assert pool_of(spec, row(400_000), accounts=terms).maintenance_margin == 4_000 - 1_250
    assert pool_of(spec, row(300_000), sections=sections, accounts=terms).positions[0].tier == 1


@pytest.mark.parametrize(
    ("rule", "given", "tier"),
    [("static", 2, 2), ("static", None, 1), ("higher_of_both", 2, 2), ("by_basis", 2, 1)],
)
def test_chosen_tier_counts_where_the_rule_says_so(rule: str, given: int | None, tier: int) -> None:
    pool = pool_of(STEP, row(1_000, tier=given), sections={"margin_class": {"tier": rule}})
    assert (pool.positions[0].tier, pool.maintenance_margin) == (tier, 5 * tier)


def test_chosen_tier_ends_with_the_table_of_the_first_leg() -> None:
    old = InstrumentSpec("X", (0,), (0.02,))
    spec = InstrumentSpec("X", (0, 10), (0.01, 0.03), old={"old": old})
    sections = {
        "margin_class": {"tier": "static", "table_version": "kept_by_open_positions"},
        "maintenance_margin": {"legs": "long_plus_short"},
    }
    legs = (row(100, position_side="long", tier_version="old"), row(-100, position_side="short", tier=2))
    assert pool_of(spec, *legs, sections=sections).maintenance_margin == 4


@pytest.mark.parametrize(("rule", "tier"), [("static", 1), ("higher_of_both", 2)])
def test_chosen_tier_below_the_basis(rule: str, tier: int) -> None:
    pool = pool_of(STEP, row(300_000, tier=1), sections={"margin_class": {"tier": rule}})
    assert pool.positions[0].tier == tier


@pytest.mark.parametrize(("rule", "maintenance"), [("kept_by_open_positions", 20), ("newest", 10)])
def test_old_table_stays_with_positions_opened_under_it(rule: str, maintenance: int) -> None:
    # BingX: a changed table is not applied to positions already open.
    old = InstrumentSpec("X", (0,), (0.02,))
    spec = InstrumentSpec("X", (0,), (0.01,), old={"2024-01": old})
    sections = {"margin_class": {"table_version": rule}}
    assert pool_of(spec, row(1_000, tier_version="2024-01"), sections=sections).maintenance_margin == maintenance
    assert pool_of(spec, row(1_000), sections=sections).maintenance_margin == 10


def test_table_initial_rate_absent_is_one_over_the_largest_leverage() -> None:
    spec = InstrumentSpec("X", (0, 1_000), (0.01, 0.02), law="flat", max_leverage=(50, 20))
    assert pool_of(spec, row(1_000), sections={"initial_margin": {"source": "table"}}).initial_margin == 50


def test_share_of_initial_is_a_share_of_it() -> None:
    # dYdX: maintenance is a fraction of the initial margin.
    spec = InstrumentSpec("X", (0,), (0.9,), max_leverage=(50,))
    sections = {
        "maintenance_margin": {"source": "share_of_initial", "share": 0.6},
        "initial_margin": {"source": "table"},
    }
    assert pool_of(spec, row(1_000), sections=sections).maintenance_margin == 12
