"""What orders reserve and freeze: fees of the side that fills, isolated orders, frozen collateral. Worked by hand."""

from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import PoolScore, ReferenceInputError, load_market, score_account
from crossmargin.testing.markets import InstrumentSpec, RuleSpec, market_toml

SPEC = InstrumentSpec("X", (0, 1_500), (0.01, 0.02), law="flat", initial_rate=(0.1, 0.2))


def order(quantity: float, price: float | None = 100, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": "X", "quantity": quantity, "price": price, "leverage": 10, **more}


def held(quantity: float, entry: float = 100, **more: Any) -> dict[str, Any]:
    return {"account": 1, "instrument": "X", "quantity": quantity, "entry_price": entry, "leverage": 10, **more}


def isolated(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**row, "margin_mode": "isolated", **more}


def pools_of(
    positions: list[dict[str, Any]],
    orders: list[dict[str, Any]],
    *,
    wallet: float = 1_000,
    mark: float = 100,
    spec: InstrumentSpec = SPEC,
    fee: float = 0,
    accounts: tuple[dict[str, Any], ...] = (),
    settings: tuple[dict[str, Any], ...] = (),
    index: dict[str, float] | None = None,
    sections: dict[str, Any] | None = None,
    **rules: Any,
) -> list[PoolScore[Fraction]]:
    said: dict[str, Any] = {"orders": rules, "fees": {"taker": fee}, **(sections or {})}
    assets = ("USD", "USDT") if index else ()
    market = load_market(market_toml([spec], RuleSpec(), said, assets))
    cash = [{"account": 1, "asset": spec.settle, "wallet_balance": wallet}]
    given: dict[str, Any] = {"accounts": accounts, "settings": settings, "index": index or {}}
    return score_account(market, cash, positions, {"X": mark}, orders=orders, **given)


def refused(text: str) -> Any:
    return pytest.raises(ReferenceInputError, match=text)


BYBIT_LIKE: dict[str, Any] = {
    "wallet": 350,
    "mark": 60_000,
    "fee": 0.00055,
    "spec": InstrumentSpec("X", (0,), (0.005,)),
    "sections": {
        "maintenance_margin": {"closing_fee": "bankruptcy_at_mark"},
        "initial_margin": {"closing_fee": "bankruptcy_at_mark"},
    },
    "initial_margin": "worst_fill",
    "maintenance_margin": "worst_fill",
    "tier_basis": "larger_side",
    "opening_fee": True,
    "closing_fee": True,
}
"""Orders in both margins with their fees, as far as they open; the fee to close is at the bankruptcy price."""

LONG = held(1, 60_000)


def margins(*orders: dict[str, Any], position: dict[str, Any] = LONG, **more: Any) -> tuple[Any, ...]:
    (pool,) = pools_of([position], list(orders), **{**BYBIT_LIKE, **more})
    return pool.maintenance_margin, pool.initial_margin, pool.liquidatable


def test_fees_of_a_take_profit_raise_neither_margin() -> None:
    # 0.5 % of 60,000 and 0.00055 of 54,000, where the margin of ten-fold leverage is used up: 300 + 29.70.
    alone = margins()
    assert alone == (Fraction("329.7"), Fraction("6029.7"), False)
    assert margins(order(-1, 61_000)) == alone
    assert margins(order(-1, 61_000, reduce_only=True)) == alone


def test_fees_of_an_order_that_turns_a_position_are_those_of_what_opens() -> None:
    # 183,000 to sell against 60,000: 123,000 open. 615 + 0.00055 * 123,000 * 1.1; 12,300 with the fee to open too.
    maintenance, opening, _ = margins(order(-3, 61_000))
    assert maintenance == Fraction("329.7") - 300 + 615 + Fraction("74.415")
    assert opening == Fraction("29.7") + 12_300 + Fraction("74.415") + Fraction("67.65")


def test_fees_of_a_buy_against_a_short_are_those_of_what_opens() -> None:
    # Short 60,000, fee to close on 66,000: 36.30; 183,000 to buy, of which 123,000 open at a factor of 0.9.
    short = held(-1, 60_000)
    assert margins(position=short)[0] == 300 + Fraction("36.3")
    assert margins(order(1, 61_000), position=short)[0] == 300 + Fraction("36.3")
    assert margins(order(3, 61_000), position=short)[0] == Fraction("36.3") + 615 + Fraction("60.885")


def test_fees_of_a_buy_that_adds_are_whole() -> None:
    # 121,000 in all: 605; the fee to close 61,000 at 0.9.
    assert margins(order(1, 61_000))[0] == Fraction("29.7") + 605 + Fraction("30.195")


# Leverage 10, fee to open 0.1 %: buys of 2,000 and sells of 1,500; then 700 more to sell. Classic accounts of Bybit
# asked for 200 and 20 more, before fees.
@pytest.mark.parametrize(("sells", "margin"), [((15,), "202"), ((15, 7), "222.2"), ((), "202")])
def test_fees_of_two_sided_orders_are_those_of_the_larger_side(sells: tuple[int, ...], margin: str) -> None:
    placed = [order(20), *(order(-quantity) for quantity in sells)]
    for mode in ("larger_side", "worst_fill"):
        (pool,) = pools_of([], placed, initial_margin=mode, opening_fee=True, fee=0.001)
        assert pool.initial_margin == Fraction(margin)


def test_fees_can_make_the_side_of_less_margin_the_dearer() -> None:
    # Buys of 1,000 at fifty-fold are 20 and 10 of fees; sells of 250 at ten-fold are 25 and 2.50.
    placed = [order(10, leverage=50), order(-2.5)]
    (pool,) = pools_of([], placed, initial_margin="larger_side", opening_fee=True, fee=0.01)
    assert pool.initial_margin == 30


# Long 1,000, short 400, buys 200 and sells 600, leverage 10, fee to open 0.1 %: 0.20 and 0.60.
@pytest.mark.parametrize(
    ("legs", "mode", "margin"),
    [
        ("each", "worst_fill", "220.8"),
        ("long_plus_short", "worst_fill", "220.8"),
        ("larger_side", "sum", "180.8"),
        ("larger_side", "worst_fill", "120.2"),  # 120 + 0.20 against 100 + 0.60
        ("larger_side", "larger_side", "120.2"),
        ("net", "worst_fill", "80.2"),  # net 600 long: the sells only close
        ("net", "larger_side", "80.2"),
        ("net", "none", "60"),
    ],
)
def test_fees_of_a_hedge_go_with_their_side(legs: str, mode: str, margin: str) -> None:
    sides = [held(10, position_side="long"), held(-4, position_side="short")]
    placed = [order(2, position_side="long"), order(-6, position_side="short")]
    sections = {"initial_margin": {"legs": legs}}
    (pool,) = pools_of(sides, placed, sections=sections, initial_margin=mode, opening_fee=True, fee=0.001)
    assert pool.initial_margin == Fraction(margin)


def test_fees_stand_beside_a_share_of_the_initial_margin() -> None:
    # Half of 150, and 0.1 % of 1,000 and of 500.
    sections = {"maintenance_margin": {"source": "share_of_initial", "share": 0.5, "closing_fee": "mark"}}
    modes = {"initial_margin": "sum", "maintenance_margin": "sum"}
    (pool,) = pools_of([held(10)], [order(5)], sections=sections, closing_fee=True, fee=0.001, **modes)
    assert (pool.initial_margin, pool.maintenance_margin) == (150, Fraction("76.5"))


# Binance: isolated long of 1,000 at ten-fold leverage. A take-profit reserves nothing until it exceeds the position.
@pytest.mark.parametrize(
    ("placed", "reserved"),
    [
        ([order(-10, 110)], 0),
        ([order(-25, 110)], 75),  # |1,000 - 2,750| / 10 less 100
        ([order(5)], 50),
        ([order(5), order(-25, 110)], 75),
        ([order(5), order(-10, 110)], 50),
        ([order(5, reduce_only=True)], 0),
        ([order(-50, leverage=20)], 100),  # |1,000 - 5,000| / 20 less 100
        ([order(-5, leverage=2)], 0),
        ([order(5, leverage=None)], 50),
    ],
)
def test_isolated_orders_reserve_what_exceeds_their_position(placed: list[dict[str, Any]], reserved: int) -> None:
    waiting = [isolated(row) for row in placed]
    cross, alone = pools_of([isolated(held(10))], waiting, initial_margin="worst_fill")
    assert (cross.initial_margin, cross.free_margin, cross.available) == (reserved, 900 - reserved, 900 - reserved)
    assert (alone.initial_margin, alone.wallet_balance, alone.free_margin) == (100, 100, 0)


def test_isolated_orders_without_a_position_reserve_in_full() -> None:
    assert pools_of([], [isolated(order(-10, 110))], initial_margin="worst_fill")[0].initial_margin == 110
    assert pools_of([held(10)], [isolated(order(-10, 110))], initial_margin="worst_fill")[0].initial_margin == 210
    assert pools_of([], [isolated(order(5))], initial_margin="none")[0].initial_margin == 0


def test_isolated_orders_of_a_hedge_are_apart_by_side() -> None:
    # The sell of the long side closes; that of the short side opens 1,000.
    sides = [isolated(order(-10, position_side=side)) for side in ("long", "short")]
    cross, _ = pools_of([isolated(held(10, position_side="long"))], sides, initial_margin="worst_fill")
    assert cross.initial_margin == 100


def test_isolated_orders_reserve_fees_of_what_they_open() -> None:
    # 2,750 to sell against 1,000: 75 of margin; the fee to open is on 1,750.
    waiting = [isolated(order(-25, 110))]
    cross, _ = pools_of([isolated(held(10))], waiting, initial_margin="worst_fill", opening_fee=True, fee=0.001)
    assert cross.initial_margin == Fraction("76.75")


@pytest.mark.parametrize(("tier_basis", "reserved"), [("none", 60), ("sum", 220)])
def test_isolated_orders_by_the_table_are_in_the_tier_of_both(tier_basis: str, reserved: int) -> None:
    # 10 % of 1,000 alone; of 1,600 at 10 %, or in the tier of 20 %.
    sections = {"initial_margin": {"source": "table"}}
    rules = {"initial_margin": "sum", "tier_basis": tier_basis, "sections": sections}
    cross, _ = pools_of([isolated(held(10))], [isolated(order(6, leverage=None))], **rules)
    assert cross.initial_margin == reserved


def test_isolated_orders_without_leverage_leave_the_initial_margin_unknown() -> None:
    known = isolated(held(10), isolated_margin=100)
    unknown = {**known, "leverage": None}
    for position, waiting in ((unknown, order(5, leverage=None)), (unknown, order(5))):
        cross, _ = pools_of([position], [isolated(waiting)], initial_margin="sum")
        assert (cross.initial_margin, cross.available) == (None, None)


# A cross position of 1,000 with a buy of 500, and an isolated buy of 400, ten-fold, fee to open 0.1 %:
# 100 + 50.50 + 40.40 of initial margin and 10 of maintenance.
@pytest.mark.parametrize(
    ("frozen", "collateral"), [("none", "1000"), ("isolated_orders_and_fees", "959.1"), ("all", "909.1")]
)
def test_frozen_margin_comes_off_the_collateral_once(frozen: str, collateral: str) -> None:
    placed = [order(5), isolated(order(4))]
    rules = {"initial_margin": "sum", "opening_fee": True, "fee": 0.001, "frozen": frozen}
    (pool,) = pools_of([held(10)], placed, **rules)
    assert (pool.equity, pool.initial_margin) == (1_000, Fraction("190.9"))
    assert pool.collateral_value == Fraction(collateral)
    assert (pool.excess, pool.margin_ratio) == (Fraction(collateral) - 10, Fraction(collateral) / 10)
    assert (pool.free_margin, pool.available, pool.withdrawable) == (Fraction("809.1"),) * 3


def test_frozen_margin_can_liquidate() -> None:
    # 50 against 10; an isolated buy freezes 40 and its fee of 0.40.
    rules = {"initial_margin": "sum", "opening_fee": True, "fee": 0.001, "wallet": 50}
    placed = [isolated(order(4))]
    assert not pools_of([held(10)], placed, **rules)[0].liquidatable
    (pool,) = pools_of([held(10)], placed, frozen="isolated_orders_and_fees", **rules)
    assert (pool.excess, pool.liquidatable) == (Fraction("-0.4"), True)


def test_frozen_margin_of_what_only_closes_is_nothing() -> None:
    (pool,) = pools_of([held(10)], [order(-10, 110)], initial_margin="worst_fill", frozen="all")
    assert pool.collateral_value == 1_000


@pytest.mark.parametrize("frozen", ["isolated_orders_and_fees", "all"])
def test_frozen_margin_of_summed_orders_is_of_what_opens(frozen: str) -> None:
    # Ten-fold, fee to open 0.1 %: 2,200 to sell, half of which opens: 110 and 1.10.
    rules: dict[str, Any] = {"initial_margin": "sum", "opening_fee": True, "fee": 0.001, "frozen": frozen}
    (pool,) = pools_of([held(10)], [order(-10, 110)], **rules)
    assert (pool.initial_margin, pool.collateral_value) == (100, 1_000)
    (pool,) = pools_of([held(10)], [order(-20, 110)], **rules)
    held_back = Fraction("111.1") if frozen == "all" else Fraction("1.1")
    assert (pool.initial_margin, pool.collateral_value) == (Fraction("211.1"), 1_000 - held_back)


def test_frozen_margin_is_nothing_where_orders_are_not_in_the_initial_margin() -> None:
    # The order lifts the position from 10 to 20 % of 1,000, but reserves nothing itself.
    rules = {"sections": {"initial_margin": {"source": "table"}}, "tier_basis": "sum", "frozen": "all"}
    (pool,) = pools_of([held(10)], [order(6)], **rules)
    assert (pool.initial_margin, pool.collateral_value) == (200, 1_000)


def test_frozen_margin_by_the_table_is_less_that_of_the_positions_tier() -> None:
    # 20 % of 1,600 less 10 % of 1,000.
    rules = {"sections": {"initial_margin": {"source": "table"}}, "tier_basis": "sum", "frozen": "all"}
    (pool,) = pools_of([held(10)], [order(6)], initial_margin="sum", **rules)
    assert (pool.initial_margin, pool.collateral_value) == (320, 780)


def test_frozen_margin_of_several_assets_is_at_the_index_without_a_haircut() -> None:
    # 1,000 coins at 2 count 90 %: 1,800; 40 frozen coins take off 80.
    sections = {
        "pools": {"cross": "per_account"},
        "valuation": {"asset": "USD"},
        "collateral": {"value": "haircut"},
        "collateral.asset.USDT": {"weight": 0.9},
    }
    rules: dict[str, Any] = {"initial_margin": "sum", "frozen": "all", "sections": sections, "index": {"USDT": 2}}
    (pool,) = pools_of([], [isolated(order(4))], **rules)
    assert (pool.collateral_value, pool.initial_margin, pool.free_margin) == (1_720, 80, 1_720)


@pytest.mark.parametrize("frozen", ["isolated_orders_and_fees", "all"])
def test_frozen_margin_needs_the_leverages_that_it_hangs_on(frozen: str) -> None:
    rules = {"initial_margin": "sum", "frozen": frozen}
    with refused(r"^orders.leverage\[0\] was absent, expected a number above 0; the venue freezes its margin$"):
        pools_of([], [isolated(order(4, leverage=None))], **rules)
    margin = isolated(held(10, leverage=None), isolated_margin=100)
    with refused(r"^positions.leverage\[0\] was absent, expected a number above 0; the venue freezes margin"):
        pools_of([margin], [isolated(order(4))], **rules)
    assert pools_of([margin], [], **rules)[0].collateral_value == 900
    cross = [held(10, leverage=None)], [order(4)]
    if frozen == "all":
        with refused(r"^positions.leverage\[0\] was absent"):
            pools_of(*cross, **rules)
    else:
        assert pools_of(*cross, **rules)[0].collateral_value == 1_000
        with refused(r"^positions.leverage\[0\] was absent"):
            pools_of(*cross, **rules, opening_fee=True)


# MEXC: 0.06 % of the notional is kept in the margin.
@pytest.mark.parametrize(("margin", "leaves"), [(None, "0"), (150, "49.4")])
def test_isolated_pool_backs_nothing_else_and_keeps_its_fee(margin: float | None, leaves: str) -> None:
    position = isolated(held(10), **({} if margin is None else {"isolated_margin": margin}))
    for fee_in_margin in ("none", "mark"):
        sections = {"isolated": {"fee_reserve": "opening_notional"}, "initial_margin": {"closing_fee": fee_in_margin}}
        for mark in (100, 110):
            alone = pools_of([position], [], mark=mark, fee=0.0006, sections=sections)[-1]
            assert alone.available == 0
        alone = pools_of([position], [], fee=0.0006, sections=sections)[-1]
        assert alone.withdrawable == Fraction(leaves)


def test_isolated_pool_without_leverage_does_not_know_its_reserve() -> None:
    position = isolated(held(10, leverage=None), isolated_margin=150)
    sections = {"isolated": {"fee_reserve": "closing_at_bankruptcy"}, "initial_margin": {"source": "table"}}
    alone = pools_of([position], [], fee=0.001, sections=sections)[-1]
    assert (alone.initial_margin, alone.available, alone.withdrawable) == (100, 0, None)


def test_accounts_margin_mode_stands_behind_rows_and_settings() -> None:
    mine = ({"account": 1, "margin_mode": "isolated"},)
    assert [pool.kind for pool in pools_of([held(10)], [], accounts=mine)] == ["cross", "isolated"]
    cross = ({"account": 1, "instrument": "X", "margin_mode": "cross"},)
    assert [pool.kind for pool in pools_of([held(10)], [], accounts=mine, settings=cross)] == ["cross"]
    assert [pool.kind for pool in pools_of([held(10, margin_mode="cross")], [], accounts=mine)] == ["cross"]
    (pool,) = pools_of([], [order(5)], accounts=mine, initial_margin="worst_fill", frozen="isolated_orders_and_fees")
    assert pool.collateral_value == 950


def test_orders_without_a_margin_mode_have_that_of_the_positions_beside_them() -> None:
    # 1,000 fenced at ten-fold; 500 more to buy are 50, with the position's leverage.
    bare = {key: value for key, value in order(5).items() if key != "leverage"}
    rules: dict[str, Any] = {"initial_margin": "sum", "frozen": "isolated_orders_and_fees"}
    for accounts in ((), ({"account": 1, "margin_mode": "cross"},)):
        cross, alone = pools_of([isolated(held(10))], [bare], accounts=accounts, **rules)
        assert (cross.initial_margin, cross.collateral_value, alone.initial_margin) == (50, 850, 100)
    settings = ({"account": 1, "instrument": "X", "margin_mode": "cross", "leverage": 10},)
    cross, _ = pools_of([isolated(held(10))], [bare], settings=settings, **rules)
    assert (cross.initial_margin, cross.collateral_value) == (50, 900)
    cross, _ = pools_of([isolated(held(10))], [{**bare, "margin_mode": "cross", "leverage": 10}], **rules)
    assert cross.collateral_value == 900
    # Of both modes, so that of the account, else cross: 100 of cross and 50.
    both = [held(10), isolated(held(10))]
    for accounts, collateral in (((), 900), (({"account": 1, "margin_mode": "isolated"},), 850)):
        explicit = [{"margin_mode": "cross", **row} for row in both]
        assert pools_of(explicit, [bare], accounts=accounts, **rules)[0].collateral_value == collateral
    # The position of the other side says nothing.
    sides = [isolated(held(-10, position_side="short"))]
    cross, _ = pools_of(sides, [{**order(5), "position_side": "long"}], **rules)
    assert cross.collateral_value == 900


@pytest.mark.parametrize(
    ("mode", "side", "expected"), [("one_way", "long", "'net'"), ("hedge", "net", "'long' or 'short'")]
)
def test_accounts_position_mode_must_fit_the_rows(mode: str, side: str, expected: str) -> None:
    mine = ({"account": 1, "position_mode": mode},)
    for table, rows in (("positions", ([held(1, position_side=side)], [])), ("orders", ([], [order(1, **_at(side))]))):
        with refused(
            rf"^{table}.position_side\[0\] was '{side}', expected {expected} in an account with position_mode"
        ):
            pools_of(*rows, accounts=mine)
    fitting = "net" if mode == "one_way" else "long"
    assert pools_of([held(1, position_side=fitting)], [order(1, **_at(fitting))], accounts=mine)


def _at(side: str) -> dict[str, Any]:
    return {"position_side": side}


def test_sides_net_and_hedged_rows_of_one_instrument_are_refused() -> None:
    with refused(r"^positions.position_side\[1\] was 'long', expected 'net' beside rows that are net; X is net or"):
        pools_of([held(1), isolated(held(1, position_side="long"))], [])
    with refused(r"^orders.position_side\[0\] was 'net', expected 'long' or 'short' beside rows with a side"):
        pools_of([held(1, position_side="long")], [order(1, reduce_only=True)])


def test_sides_of_a_market_without_hedge_mode_are_net() -> None:
    sections = {"pools": {"hedge_mode": False}}
    assert pools_of([held(1)], [order(1)], sections=sections)
    for positions, orders in (([held(1, position_side="long")], []), ([], [order(1, position_side="short")])):
        with refused(r"position_side\[0\] was '(long|short)', expected 'net' in a market without hedge mode$"):
            pools_of(positions, orders, sections=sections)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "limit", "price": None}, "orders.price[0] was absent, expected a price above 0 for an order of kind"),
        ({"kind": "market"}, "orders.price[0] was 100, expected absent for an order of kind 'market'"),
        ({"kind": "stop"}, "orders.trigger_price[0] was absent, expected a price above 0 for an order of kind 'stop'"),
        ({"kind": "take_profit"}, "orders.trigger_price[0] was absent, expected a price above 0"),
        (
            {"kind": "limit", "trigger_price": 90},
            "orders.trigger_price[0] was 90, expected absent for an order of kind",
        ),
        (
            {"kind": "market", "price": None, "trigger_price": 90},
            "orders.trigger_price[0] was 90, expected absent for an order of kind 'market'",
        ),
        ({"kind": "iceberg"}, "orders.kind[0] was 'iceberg', expected 'limit' or 'market' or 'stop' or 'take_profit'"),
    ],
)
def test_order_of_a_kind_that_its_prices_contradict_is_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ReferenceInputError) as caught:
        pools_of([], [order(1, **change)])
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "limit"},
        {"kind": "market", "price": float("nan")},
        {"kind": "stop", "trigger_price": 90},
        {"kind": "take_profit", "trigger_price": 90, "price": None},
    ],
)
def test_order_of_a_kind_that_fits_its_prices_is_read(change: dict[str, Any]) -> None:
    assert pools_of([], [order(1, **change)])
