"""Open orders and fees in the requirements, by the reference. Expected values by hand."""

from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import PoolScore, ReferenceInputError, load_market, score_account
from crossmargin.testing.markets import InstrumentSpec, RuleSpec, market_toml

SPEC = InstrumentSpec("X", (0, 1_500), (0.01, 0.02), law="flat")


def order(quantity: float, price: float | None = 100, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": "X", "quantity": quantity, "price": price, "leverage": 10, **more}


def held(quantity: float, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": "X", "quantity": quantity, "entry_price": 100, "leverage": 10, **more}


def pools_of(
    positions: list[dict[str, Any]],
    orders: list[dict[str, Any]],
    *,
    wallet: float = 1_000,
    mark: float = 100,
    spec: InstrumentSpec = SPEC,
    sections: dict[str, Any] | None = None,
    accounts: tuple[dict[str, Any], ...] = (),
    settings: tuple[dict[str, Any], ...] = (),
    **rules: Any,
) -> list[PoolScore[Fraction]]:
    market = load_market(market_toml([spec], RuleSpec(), {"orders": rules, **(sections or {})}))
    cash = [{"account": 1, "asset": spec.settle, "wallet_balance": wallet}]
    return score_account(market, cash, positions, {"X": mark}, orders=orders, accounts=accounts, settings=settings)


def initial(positions: list[dict[str, Any]], orders: list[dict[str, Any]], **given: Any) -> Fraction | None:
    return pools_of(positions, orders, **given)[0].initial_margin


# Position 10 at 100, buys of 500, sells of 1,800, leverage 10.
@pytest.mark.parametrize(
    ("mode", "legs", "margin"),
    [
        ("none", "each", 100),
        ("sum", "each", 230),  # of the 18 to sell 10 close: 1,000, 500 and 800
        ("worst_fill", "each", 150),  # |1,000 + 500| against |1,000 - 1,800|
        ("larger_side", "each", 150),  # 1,500 against 800
        ("larger_side", "larger_side", 150),
        ("worst_fill", "long_plus_short", 150),  # a net position is turned, whatever is done with legs
        ("worst_fill", "larger_side", 150),
        ("sum", "larger_side", 230),
        ("sum", "long_plus_short", 230),
    ],
)
def test_orders_enter_the_initial_margin_by_mode(mode: str, legs: str, margin: int) -> None:
    sections = {"initial_margin": {"legs": legs}}
    placed = [order(2), order(3), order(-18)]
    assert initial([held(10)], placed, initial_margin=mode, sections=sections) == margin


# Long 1,000 and short 400; buys of the long side 200, sells of the short side 600; leverage 10.
@pytest.mark.parametrize(
    ("legs", "margins"),
    [
        ("each", {"none": 140, "sum": 220, "worst_fill": 220, "larger_side": 220}),
        ("long_plus_short", {"none": 140, "sum": 220, "worst_fill": 220}),
        ("larger_side", {"none": 100, "sum": 180, "worst_fill": 120, "larger_side": 120}),
        ("net", {"none": 60, "sum": 140, "worst_fill": 80, "larger_side": 80}),
    ],
)
def test_orders_of_a_hedge_enter_the_initial_margin_by_mode(legs: str, margins: dict[str, int]) -> None:
    sections = {"initial_margin": {"legs": legs}}
    sides = [held(10, position_side="long"), held(-4, position_side="short")]
    placed = [order(2, position_side="long"), order(-6, position_side="short")]
    for mode, margin in margins.items():
        assert initial(sides, placed, initial_margin=mode, sections=sections) == margin


@pytest.mark.parametrize("margin", ["initial_margin", "maintenance_margin", "tier_basis"])
def test_orders_of_the_larger_side_are_refused_where_the_legs_are_added(margin: str) -> None:
    section = "initial_margin" if margin == "initial_margin" else "maintenance_margin"
    for more in ({"tier_legs": "same"}, {"tier_legs": "underlying"}):
        sections = {section: {"legs": "long_plus_short", **more}}
        with pytest.raises(ReferenceInputError, match=rf"^orders.{margin} was 'larger_side', expected another mode"):
            pools_of([], [], sections=sections, **{margin: "larger_side"})


def test_orders_hedge_legs_each_have_their_own_worst_fill() -> None:
    # Binance, hedge mode: the long side with its orders and the short side with its own are added; the sell of the
    # long side closes.
    legs = [held(10, position_side="long"), held(-4, position_side="short")]
    placed = [order(2, position_side="long"), order(-5, position_side="long"), order(-6, position_side="short")]
    assert initial(legs, placed, initial_margin="worst_fill") == 120 + 100


def test_orders_alone_need_margin() -> None:
    (pool,) = pools_of([], [order(5)], initial_margin="worst_fill")
    assert (pool.initial_margin, pool.maintenance_margin, pool.free_margin) == (50, 0, 950)


@pytest.mark.parametrize("without", [{"reduce_only": True}, {"trigger_price": 90}])
def test_orders_that_reserve_nothing(without: dict[str, Any]) -> None:
    assert initial([held(10)], [order(5, **without)], initial_margin="sum") == 100


@pytest.mark.parametrize(("side", "quantity"), [("long", -12), ("short", 12)])
def test_orders_that_close_a_side_of_a_hedge_count_nowhere(side: str, quantity: int) -> None:
    # 1,200 against a side of 1,000, with a price 10 worse than the mark: no margin, no tier, no loss, no fee.
    rules: dict[str, Any] = {"initial_margin": "sum", "maintenance_margin": "sum", "tier_basis": "sum"}
    rules |= {"order_loss": "equity", "opening_fee": True, "frozen": "all", "sections": {"fees": {"taker": 0.001}}}
    leg = held(-quantity / 1.2, position_side=side)
    price = 90 if quantity < 0 else 110
    with_order, without = (
        pools_of([leg], placed, **rules) for placed in ([order(quantity, price, position_side=side)], [])
    )
    assert with_order == without
    assert (without[0].initial_margin, without[0].maintenance_margin) == (100, 10)


def test_orders_conditional_count_where_the_rule_says_so() -> None:
    assert initial([held(10)], [order(5, trigger_price=90)], initial_margin="sum", conditional=True) == 150


@pytest.mark.parametrize(("rule", "margin"), [("limit", 45), ("mark", 50), ("worse", 50)])
def test_orders_are_valued_at_limit_mark_or_the_worse(rule: str, margin: int) -> None:
    assert initial([], [order(5, 90)], initial_margin="sum", price=rule) == margin
    assert initial([], [order(5, None)], initial_margin="sum", price=rule) == 50


def test_orders_and_positions_count_at_their_own_leverage() -> None:
    # 1,000 at ten-fold and 500 at five-fold; sells of 3,000 and 5,000 leave 2,000 and 4,000 short, at twenty-fold.
    assert initial([held(10)], [order(5, leverage=5)], initial_margin="sum") == 200
    assert initial([held(10)], [order(5, leverage=5)], initial_margin="none") == 100
    assert initial([held(10)], [order(-30, leverage=20)], initial_margin="worst_fill") == 100
    assert initial([held(10)], [order(-50, leverage=20)], initial_margin="worst_fill") == 200
    legs = [held(10, position_side="long"), held(-4, position_side="short", leverage=2)]
    for rule, margin in (("each", 300), ("long_plus_short", 300), ("larger_side", 200), ("net", 100)):
        assert initial(legs, [], sections={"initial_margin": {"legs": rule}}) == margin


# Position 10 at 100, ten-fold.
@pytest.mark.parametrize(
    ("mode", "placed", "margin"),
    [
        # By quantity, whatever the price: the sell of 10 at 300 closes; of 40 at 200 three quarters open, 6,000.
        ("sum", [order(-10, 300)], 100),
        ("larger_side", [order(-10, 300)], 100),
        ("sum", [order(-40, 200)], 700),
        ("larger_side", [order(-40, 200)], 600),
        # 10 at 100 five-fold and 10 at 200 twenty-fold: half of 200 and of 100.
        ("sum", [order(-10, 100, leverage=5), order(-10, 200, leverage=20)], 250),
        ("larger_side", [order(-10, 100, leverage=5), order(-10, 200, leverage=20)], 150),
        # By value, what is left of 1,000 at ten-fold, or of the orders at theirs: sells of 400, 1,000 and 3,000.
        ("worst_fill", [order(-4, leverage=1)], 100),
        ("worst_fill", [order(-10, leverage=1)], 100),
        ("worst_fill", [order(-30, leverage=1)], 2_000),
        ("worst_fill", [order(2, leverage=1), order(-30, leverage=20)], 300),
        # 3,000 to sell at 300 of margin, a tenth: 2,000 are left.
        ("worst_fill", [order(-10, 100, leverage=5), order(-10, 200, leverage=20)], 200),
    ],
)
def test_orders_against_a_position_count_as_far_as_they_open(mode: str, placed: list[Any], margin: int) -> None:
    assert initial([held(10)], placed, initial_margin=mode) == margin
    mirror = [{**row, "quantity": -row["quantity"]} for row in placed]
    assert initial([held(-10)], mirror, initial_margin=mode) == margin


def test_orders_of_a_hedge_all_open() -> None:
    # The short side opens beside the long one, also where legs are netted: 1,000 and 700 to sell; net 300 long.
    leg, waiting = held(10, position_side="long"), order(-7, position_side="short")
    for legs, mode, margin in (("each", "sum", 170), ("net", "sum", 170), ("net", "larger_side", 100)):
        sections = {"initial_margin": {"legs": legs}}
        assert initial([leg], [waiting], initial_margin=mode, sections=sections) == margin


def test_orders_of_netted_legs_keep_the_leverage_of_what_is_left() -> None:
    # Net long 600, of which margin is 100 - 40 at ten-fold and 1,000 - 400; sells of 1,000 at two-fold leave 400: 200.
    legs = [held(10, position_side="long"), held(-4, position_side="short")]
    sections = {"initial_margin": {"legs": "net"}}
    waiting = [order(-10, position_side="short", leverage=2)]
    assert initial(legs, waiting, initial_margin="worst_fill", sections=sections) == 200


@pytest.mark.parametrize(("tier_basis", "maintenance"), [("sum", 10), ("worst_fill", 10), ("larger_side", 20)])
def test_orders_that_close_lift_the_tier_only_on_the_larger_side(tier_basis: str, maintenance: int) -> None:
    # 1,000 held; a take-profit of 1,600, beyond the floor of 1,500, counts whole where the larger side is looked at.
    (pool,) = pools_of([held(10)], [order(-10, 160)], tier_basis=tier_basis)
    assert pool.maintenance_margin == maintenance


@pytest.mark.parametrize(("mode", "maintenance"), [("sum", 10), ("worst_fill", 10), ("larger_side", 10)])
def test_orders_that_close_raise_no_maintenance(mode: str, maintenance: int) -> None:
    for quantity in (-10, -5):
        (pool,) = pools_of([held(10)], [order(quantity, 110)], maintenance_margin=mode)
        assert pool.maintenance_margin == maintenance


def test_orders_without_leverage_have_that_of_their_position() -> None:
    bare = order(5, leverage=None)
    assert initial([held(10, leverage=5)], [bare], initial_margin="sum") == 300
    said = ({"account": 1, "instrument": "X", "leverage": 10},)
    assert initial([held(10, leverage=5)], [bare], initial_margin="sum", settings=said) == 250
    sides = [held(10, position_side="long"), held(-10, position_side="short", leverage=2)]
    assert initial(sides, [{**bare, "position_side": "long"}], initial_margin="sum") == 650
    other_mode = [{**bare, "margin_mode": "isolated"}]
    assert initial([held(10)], other_mode, initial_margin="sum") is None


def test_orders_without_leverage_leave_the_initial_margin_unknown() -> None:
    assert initial([held(10, leverage=None)], [order(5, leverage=None)], initial_margin="sum") is None
    assert initial([], [order(5, leverage=None)], initial_margin="sum") is None
    fallback = ({"account": 1, "instrument": "X", "leverage": 10},)
    assert initial([], [order(5, leverage=None)], initial_margin="sum", settings=fallback) == 50


def test_orders_without_leverage_are_not_refused_beside_a_position_that_has_one() -> None:
    sections = {**FEES, "initial_margin": {"closing_fee": "bankruptcy_at_entry"}}
    rules: dict[str, Any] = {"initial_margin": "sum", "closing_fee": True, "sections": sections}
    with pytest.raises(ReferenceInputError, match=r"^orders.leverage\[0\] was absent"):
        initial([], [order(5, leverage=None)], **rules)
    # 100 and 50 of margin; fees on 900 and on 450.
    assert initial([held(10)], [order(5, leverage=None)], **rules) == Fraction("150.81")


def test_settings_fill_in_and_a_row_wins() -> None:
    fallback = ({"account": 1, "instrument": "X", "leverage": 20, "margin_mode": "isolated"},)
    bare = {key: value for key, value in held(10).items() if key != "leverage"}
    _, alone = pools_of([bare], [], settings=fallback)
    assert (alone.wallet_balance, alone.initial_margin) == (50, 50)
    (cross,) = pools_of([{**bare, "leverage": 5, "margin_mode": "cross"}], [], settings=fallback)
    assert cross.initial_margin == 200


def test_orders_in_maintenance_and_in_the_tier() -> None:
    # 1,000 held and 600 to buy: 1,600 is in the tier of 2 %.
    for rules, maintenance in (
        ({"maintenance_margin": "sum"}, 16),
        ({"tier_basis": "sum"}, 20),
        ({"maintenance_margin": "sum", "tier_basis": "sum"}, 32),
    ):
        (pool,) = pools_of([held(10)], [order(6)], **rules)
        assert pool.maintenance_margin == maintenance
        assert pool.positions[0].maintenance_margin == (20 if "tier_basis" in rules else 10)


def test_orders_in_maintenance_can_liquidate_without_a_position() -> None:
    assert pools_of([], [order(6)], wallet=5, maintenance_margin="sum")[0].liquidatable
    assert not pools_of([], [order(6)], wallet=5, initial_margin="sum")[0].liquidatable
    assert not pools_of([], [order(6, reduce_only=True)], wallet=5, maintenance_margin="sum")[0].liquidatable


# Binance: a sell limited at 9,253.30 with the mark at 9,259.84 loses 6.54 at once; a buy above the mark loses too.
@pytest.mark.parametrize(("quantity", "limit", "loss"), [(-1, 93, -7), (1, 93, 0), (2, 104, -8), (2, None, 0)])
def test_order_loss_comes_off_the_collateral_not_the_equity(quantity: float, limit: float | None, loss: int) -> None:
    (pool,) = pools_of([], [order(quantity, limit)], order_loss="equity")
    assert (pool.equity, pool.collateral_value, pool.excess) == (1_000, 1_000 + loss, 1_000 + loss)
    assert pool.available == 1_000
    (pool,) = pools_of([], [order(quantity, limit)], order_loss="admission")
    assert pool.collateral_value == 1_000


FEES = {"fees": {"taker": 0.0006, "maker": 0.0002}, "fees.profile.vip": {"taker": 0.0003, "maker": 0}}


@pytest.mark.parametrize(
    ("kind", "long", "short"),
    [("none", "10", "10"), ("mark", "10.6", "10.6"), ("bankruptcy_at_entry", "10.432", "10.528")],
)
def test_closing_fee_is_inside_both_margins(kind: str, long: str, short: str) -> None:
    # Notional 1,000 at mark and 800 at entry, leverage 10: the fee is on 1,000, or on 720 (long) and 880 (short).
    sections = {**FEES, "maintenance_margin": {"closing_fee": kind}, "initial_margin": {"closing_fee": kind}}
    for side, total in ((1, long), (-1, short)):
        (pool,) = pools_of([{**held(10 * side), "entry_price": 80}], [], sections=sections)
        assert (pool.maintenance_margin, pool.initial_margin) == (Fraction(total), Fraction(total) + 90)
        assert pool.positions[0].maintenance_margin == pool.maintenance_margin


def test_closing_fee_of_a_profile() -> None:
    sections = {**FEES, "maintenance_margin": {"closing_fee": "mark"}}
    vip = ({"account": 1, "profile": "vip"},)
    assert pools_of([held(10)], [], sections=sections, accounts=vip)[0].maintenance_margin == Fraction("10.3")


def test_closing_fee_at_bankruptcy_needs_the_leverage() -> None:
    sections = {**FEES, "maintenance_margin": {"closing_fee": "bankruptcy_at_mark"}}
    with pytest.raises(ReferenceInputError, match=r"^positions.leverage\[0\] was absent, expected a number above 0$"):
        pools_of([held(10, leverage=None)], [], sections=sections)


@pytest.mark.parametrize(
    ("payoff", "side", "margin", "maintenance"),
    [
        ("linear", 1, 500.3, "10.3"),  # (1,000 - 500.3) / 0.9994 = 500
        ("linear", -1, 500.9, "10.9"),  # (1,000 + 500.9) / 1.0006 = 1,500
        ("linear", 1, 2_000, "10"),  # more than the position can lose
        ("inverse", 1, 5.009, "0.109"),  # (10 + 5.009) / 1.0006 = 15
        ("inverse", -1, 5.003, "0.103"),  # (10 - 5.003) / 0.9994 = 5
    ],
)
def test_closing_fee_where_the_margin_ends(payoff: str, side: int, margin: float, maintenance: str) -> None:
    sections = {**FEES, "maintenance_margin": {"isolated": {"closing_fee": "bankruptcy_of_margin"}}}
    size = 100 if payoff == "inverse" else 1
    spec = InstrumentSpec("X", (0,), (0.01,), payoff=payoff, contract_size=size)
    position = held(10 * side, margin_mode="isolated", isolated_margin=margin)
    assert pools_of([position], [], spec=spec, sections=sections)[-1].maintenance_margin == Fraction(maintenance)


def test_fee_reserve_is_in_the_margin_that_leverage_implies() -> None:
    # MEXC, ETH at 1217.3 and 100x, 0.01 ETH: 0.121730 and 0.0006 * 12.173 reserved.
    spec = InstrumentSpec("X", contract_size=0.01)
    position = {**held(1, margin_mode="isolated"), "entry_price": 1217.3, "leverage": 100}
    for rule, margin in (
        ("opening_notional", "0.1290338"),
        ("closing_at_bankruptcy", "0.128960762"),
        ("none", "0.12173"),
    ):
        sections = {**FEES, "isolated": {"fee_reserve": rule}}
        alone = pools_of([position], [], spec=spec, sections=sections)[-1]
        assert alone.wallet_balance == Fraction(margin)


@pytest.mark.parametrize(
    ("rules", "margin"),
    [
        ({}, "100"),
        ({"opening_fee": True}, "100.6"),
        ({"closing_fee": True}, "100.54"),  # of the notional at 90
        ({"opening_fee": True, "closing_fee": True}, "101.14"),
    ],
)
def test_orders_reserve_their_fees(rules: dict[str, Any], margin: str) -> None:
    sections = {**FEES, "initial_margin": {"closing_fee": "bankruptcy_at_entry"}}
    for mode in ("cross", "isolated"):
        placed = [order(10, margin_mode=mode)]
        assert initial([], placed, initial_margin="sum", sections=sections, **rules) == Fraction(margin)
