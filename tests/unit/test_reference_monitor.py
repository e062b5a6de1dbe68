"""The reference's monitor, against events worked out by hand."""

from typing import Any

import pytest

from crossmargin.reference import Market, ReferenceInputError, exact, load_market
from crossmargin.reference.ledger import read_holdings
from crossmargin.reference.monitor import Alerts, Event, Monitor
from crossmargin.testing.markets import BINANCE_LIKE, InstrumentSpec, market_toml

SPECS = [InstrumentSpec("X", maintenance_rate=(0.1,)), InstrumentSpec("Y", maintenance_rate=(0.1,))]
MARKET = load_market(market_toml(SPECS))
ZERO_FAILS = load_market(market_toml(SPECS, BINANCE_LIKE))

ONLY_LIQUIDATION = Alerts(levels=(), soft_stop=None)
ONLY_LEVELS = Alerts(liquidation=False, levels=(2.0, 1.5), soft_stop=None)
ONLY_STOP = Alerts(liquidation=False, levels=())


def monitor(
    wallet: Any = 30,
    alerts: Alerts = ONLY_LIQUIDATION,
    market: Market = MARKET,
    positions: Any = ({"instrument": "X", "quantity": 1, "entry_price": 100},),
    **more: Any,
) -> Monitor[Any]:
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": wallet}]
    held = [{"account": 1, **row} for row in positions]
    return Monitor(market, read_holdings(market, cash, held), {"mark": {"X": 100, "Y": 100}}, alerts, **more)


def told(events: list[Event[Any]]) -> list[tuple[Any, ...]]:
    return [(event.alert, event.level, event.entered) for event in events]


ENTERED, LEFT = ("liquidation", None, True), ("liquidation", None, False)


def test_monitor_pool_at_zero_excess_fails_only_where_the_rules_say_so() -> None:
    """30 + p - 100 = 0.1 p at p = 77 and 7/9."""
    at = exact(100) * 7 / 9
    assert told(monitor(market=MARKET).update(mark={"X": at})) == []
    assert told(monitor(market=ZERO_FAILS).update(mark={"X": at})) == [ENTERED]


def test_monitor_level_is_passed_strictly_below_it() -> None:
    """30 + p - 100 = 2 * 0.1 p at p = 87.5."""
    watch = monitor(alerts=ONLY_LEVELS)
    assert told(watch.update(mark={"X": "87.5"})) == []
    assert told(watch.update(mark={"X": "87.49999999999999"})) == [("margin_ratio", 2.0, True)]
    assert told(watch.update(mark={"X": "87.5"})) == [("margin_ratio", 2.0, False)]


def test_monitor_levels_of_a_pool_without_positions_are_never_passed() -> None:
    assert monitor(wallet=-5, alerts=ONLY_LEVELS, positions=()).events == []


def test_monitor_events_of_a_frame_come_by_account_then_level_then_liquidation_then_stop() -> None:
    watch = monitor(alerts=Alerts(levels=(1.2, 2.0, 1.5)))
    found = watch.update(mark={"X": 50})
    assert [event.level for event in found] == [2.0, 1.5, 1.2, None, 0.15]
    assert [event.alert for event in found][3:] == ["liquidation", "soft_stop"]


def test_monitor_construction_tells_what_is_set_from_the_start() -> None:
    (event,) = monitor(wallet=5).events
    assert (event.frame, event.cause, event.excess) == (0, ("construction", None), -5)


def test_monitor_soft_stop_is_entered_at_the_share_exactly_and_stays() -> None:
    """30 * 0.85 = 25.5, at a mark of 95.5."""
    watch = monitor(alerts=ONLY_STOP)
    assert watch.update(mark={"X": "95.50000001"}) == []
    (event,) = watch.update(mark={"X": "95.5"})
    assert (event.alert, event.pool, event.equity, event.excess) == ("soft_stop", None, exact("25.5"), None)
    assert watch.update(mark={"X": 200}) == []


def test_monitor_soft_stop_of_a_reference_not_above_zero_never_comes() -> None:
    assert monitor(alerts=ONLY_STOP, references={1: 0}).update(mark={"X": 1}) == []


def test_monitor_reset_clears_the_stop_and_measures_from_the_equity_now() -> None:
    watch = monitor(alerts=ONLY_STOP)
    watch.update(mark={"X": 90})
    (event,) = watch.reset()
    assert (event.entered, event.cause) == (False, ("reset", None))
    assert watch.watches[1].reference == 20
    assert told(watch.update(mark={"X": 87})) == [("soft_stop", 0.15, True)]


def test_monitor_reset_of_what_is_still_so_tells_nothing() -> None:
    watch = monitor(alerts=Alerts(liquidation="latched", levels=(), soft_stop=None))
    assert told(watch.update(mark={"X": 70})) == [ENTERED]
    assert watch.reset() == []
    assert watch.update(mark={"X": 100}) == []
    assert told(watch.reset()) == [LEFT]


def test_monitor_transfer_moves_what_the_loss_is_relative_to() -> None:
    watch = monitor(alerts=ONLY_STOP)
    assert watch.apply_transfers([{"account": 1, "asset": "USDT", "amount": -10}]) == []
    assert watch.watches[1].reference == 20
    assert told(watch.update(mark={"X": 97})) == [("soft_stop", 0.15, True)]


def test_monitor_loss_that_is_realised_counts_as_a_loss() -> None:
    watch = monitor(alerts=ONLY_STOP)
    (event,) = watch.apply_fills([{"account": 1, "instrument": "X", "quantity": -1, "price": 95}])
    assert (event.alert, event.cause, event.equity) == ("soft_stop", ("fills", None), 25)


def test_monitor_cause_is_the_price_that_moved_the_pool_furthest() -> None:
    rows = [{"instrument": name, "quantity": 1, "entry_price": 100} for name in ("X", "Y")]
    watch = monitor(wallet=60, positions=rows)
    (event,) = watch.update(mark={"X": 80, "Y": 65})
    assert event.cause == ("mark", "Y")
    (event,) = watch.update(mark={"X": 95, "Y": 70})
    assert (event.entered, event.cause) == (False, ("mark", "X"))
    (event,) = watch.update(mark={"X": 80, "Y": 55})
    assert event.cause == ("mark", "X")  # both by the same: the first of the market


def test_monitor_price_of_what_is_not_held_is_no_cause() -> None:
    (event,) = monitor().update(mark={"X": 70, "Y": 1})
    assert event.cause == ("mark", "X")


def test_monitor_pool_that_is_closed_leaves_what_was_set() -> None:
    held = [{"instrument": "X", "quantity": 1, "entry_price": 100, "margin_mode": "isolated", "isolated_margin": 30}]
    watch = monitor(wallet=100, positions=held)
    assert told(watch.update(mark={"X": 75})) == [ENTERED]
    (event,) = watch.apply_fills([{"account": 1, "instrument": "X", "quantity": -1, "price": 75}])
    assert (event.pool, event.entered, event.excess) == (("isolated", "USDT", "X", "net"), False, None)


def test_monitor_account_that_is_closed_leaves_all_and_is_no_more() -> None:
    watch = monitor(alerts=Alerts(liquidation="latched", levels=(2.0,)))
    watch.update(mark={"X": 50})
    assert told(watch.close_accounts([1])) == [("margin_ratio", 2.0, False), LEFT, ("soft_stop", 0.15, False)]
    assert watch.update(mark={"X": 10}) == []


def test_monitor_operation_that_is_refused_changes_nothing() -> None:
    watch = monitor(alerts=ONLY_STOP)
    before = (watch.holdings, watch.watches[1].reference)
    with pytest.raises(ReferenceInputError):
        watch.apply_transfers(
            [{"account": 1, "asset": "USDT", "amount": 5}, {"account": 1, "asset": "USDT", "amount": -50}]
        )
    assert (watch.holdings, watch.watches[1].reference) == before


def test_monitor_of_a_bad_price_changes_nothing() -> None:
    watch = monitor()
    with pytest.raises(ReferenceInputError):
        watch.update(mark={"X": 70, "Y": -1})
    assert (watch.frame, watch.prices["mark"]["X"]) == (0, 100)


@pytest.mark.parametrize("number", [float, exact("1").__class__])
def test_monitor_in_doubles_says_the_same_where_nothing_is_near(number: type[Any]) -> None:
    watch = monitor(alerts=Alerts(), number=number)
    assert told(watch.update(mark={"X": 85})) == [("margin_ratio", 2.0, True), ("soft_stop", 0.15, True)]
