"""Events and flags of the face: columns, figures, order, latches, and what can be asked of a pool."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

DOWN = {"BTCUSDT": 51_500.0, "SOLUSDT": 112.0}
LEVELS = ("below_2", "below_1.5", "below_1.2")


@pytest.fixture
def monitor(book: xm.Book, prices: xm.Prices) -> xm.Monitor:
    return xm.Monitor(book, prices)


def scanned(monitor: xm.Monitor) -> dict[str, list[bool]]:
    """The flags of all pools by a full scan."""
    scores = xm.score(monitor.book, monitor.prices, "all")
    counts = scores.maintenance_margin > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = scores.collateral_value / scores.maintenance_margin
    below = {name: (counts & (ratio < float(name.removeprefix("below_")))).tolist() for name in LEVELS}
    return {"liquidation": scores.liquidatable.tolist()} | below


# flags


def test_monitor_flags_after_each_frame_are_those_of_a_scan(monitor: xm.Monitor) -> None:
    for frame in ({}, {"BTCUSDT": 52_000.0}, {"ETHUSDT": 3_500.0}, {"SOLUSDT": 112.0}, {"BTCUSDT": 60_000.0}):
        monitor.update(frame)
        flags = monitor.flags
        assert {name: flags[name].tolist() for name in scanned(monitor)} == scanned(monitor)
        assert flags.columns[:5] == monitor.book.pools.columns
        assert xm.Table({name: flags[name] for name in flags.columns[:5]}) == monitor.book.pools


def test_monitor_flags_have_a_column_for_what_is_watched(book: xm.Book, prices: xm.Prices) -> None:
    keys = book.pools.columns
    alerts = {
        xm.Alerts(liquidation=False, levels=()): (),
        xm.Alerts(levels=[1.25, 10]): ("liquidation", "below_10", "below_1.25"),
        xm.Alerts("latched", [3]): ("liquidation", "below_3"),
    }
    for chosen, columns in alerts.items():
        assert xm.Monitor(book, prices, chosen).flags.columns == (*keys, *columns)


def test_monitor_events_change_the_flags_that_they_name(monitor: xm.Monitor) -> None:
    before = monitor.flags
    events = [event for event in monitor.update(DOWN) if event.kind != "account"]
    after = monitor.flags
    changed = {}
    for name in before.columns[5:]:
        for at in np.flatnonzero(before[name] != after[name]).tolist():
            changed[after["account"][at], after["kind"][at], name] = "entered" if after[name][at] else "left"
    named = {
        (
            event.account,
            event.kind,
            "liquidation" if event.alert == "liquidation" else f"below_{event.level:g}",
        ): event.change
        for event in events
    }
    assert named == changed
    assert len(events) == len(changed) > 0


# events


def test_monitor_construction_has_an_event_for_each_flag_that_is_set(monitor: xm.Monitor) -> None:
    flags = monitor.flags
    events = monitor.events
    assert len(events) == sum(int(flags[name].sum()) for name in flags.columns[5:]) == 4
    assert set(events.cause) == {"construction"}
    assert set(events.change) == {"entered"}
    assert events.frame.tolist() == [0] * 4
    assert events.cause_name.tolist() == [None] * 4


def test_monitor_events_figures_are_those_of_score(monitor: xm.Monitor) -> None:
    events = monitor.update(DOWN)
    scores = xm.score(monitor.book, monitor.prices, "all")
    of = {(row["account"], row["kind"]): at for at, row in enumerate(monitor.book.pools.rows())}
    checked = 0
    for event in events:
        if event.kind == "account":
            total = scores.accounts(valuation="USDT")
            place = total["account"].tolist().index(event.account)
            assert event.equity == total["equity"][place]
            assert np.isnan([event.margin_ratio, event.excess]).all()
            assert event.asset == "USDT"
            continue
        at = of[event.account, event.kind]
        for name in ("margin_ratio", "excess", "equity"):
            assert getattr(event, name) == scores[name][at]
        checked += 1
    assert checked > 0


def test_monitor_events_are_in_order_of_frame_owner_and_level(monitor: xm.Monitor) -> None:
    events = monitor.update_many({"name": ["BTCUSDT", "SOLUSDT", "SOLUSDT"], "price": [51_000.0, 105.0, 140.0]})
    kinds = {"cross": 0, "isolated": 1, "account": 2}
    alerts = {"margin_ratio": 0, "liquidation": 1, "soft_stop": 2}
    keys = [
        (event.frame, event.account, kinds[event.kind], alerts[event.alert], -event.level if event.level > 1 else 0)
        for event in events
    ]
    assert keys == sorted(keys)
    assert {event.frame for event in events} == {1, 2, 3}


def test_monitor_events_columns_are_attributes_and_items(monitor: xm.Monitor) -> None:
    events = monitor.update(DOWN)
    for name in events.columns:
        assert getattr(events, name) is events[name]
        assert len(events[name]) == len(events)
    assert events.columns == xm.Event._fields == events.table.columns == tuple(events.to_dict())
    assert events.outcome is None


def test_monitor_events_iterated_are_rows(monitor: xm.Monitor) -> None:
    events = monitor.update(DOWN, time=7)
    rows = list(events)
    assert [row.equity for row in rows] == events.equity.tolist()
    assert all(isinstance(row, xm.Event) for row in rows)
    assert [row.entered for row in rows] == (events.change == "entered").tolist()
    assert {type(row.account) for row in rows} == {int}


def test_monitor_events_of_names_have_names(usdm: xm.Market, prices: xm.Prices) -> None:
    book = xm.Book(
        usdm,
        balances={"account": ["ann"], "asset": ["USDT"], "wallet_balance": [81.0]},
        positions={"account": ["ann"], "instrument": ["BTCUSDT"], "quantity": [0.01], "entry_price": [66_000.0]},
    )
    monitor = xm.Monitor(book, prices)
    assert set(monitor.events.account) == {"ann"}
    assert monitor.why("ann").account == "ann"


def test_monitor_events_exported_to_arrow_have_nulls(monitor: xm.Monitor) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(monitor.update(DOWN))
    assert table.column_names == list(xm.Event._fields)
    assert str(table.schema.field("time").type) == "timestamp[ns]"
    assert table["time"].null_count == len(table)
    assert table["level"].null_count == sum(word == "liquidation" for word in table["alert"].to_pylist()) > 0
    assert pa.table(monitor.update({})).num_rows == 0


def test_monitor_events_pickled_are_equal(monitor: xm.Monitor) -> None:
    events = monitor.update(DOWN, time=3)
    again = pickle.loads(pickle.dumps(events))
    assert again == events
    assert repr(again) == repr(events)
    assert again != monitor.update({})
    assert list(again) == list(events) or any(np.isnan(event.level) for event in events)


def test_monitor_events_shown_are_counted_and_have_times(monitor: xm.Monitor) -> None:
    assert repr(monitor.update({})) == "Events(0 events)"
    text = repr(monitor.update(DOWN, time="2024-10-01T08:00"))
    assert text.startswith("Events(")
    assert "2024-10-01T08:00:00.000000000" in text
    assert "<table>" in monitor.events._repr_html_()


def test_monitor_events_without_a_monitor_are_refused(monitor: xm.Monitor, refused: Callable[..., str]) -> None:
    assert refused(xm.ArgumentError, xm.Events) == "Events are made by a Monitor; make one, and call what changes it"
    message = refused(xm.ArgumentError, monitor.events.__getitem__, "name")
    assert message.startswith("events have no column 'name'; they have frame, time, account, kind, asset, instrument")


def test_monitor_events_are_kept_until_the_next_call(monitor: xm.Monitor) -> None:
    events = monitor.update(DOWN)
    assert monitor.events == events
    assert monitor.update_many({}) == monitor.events
    assert len(monitor.events) == 0


def test_monitor_cause_of_several_prices_is_what_moved_the_pool_most(monitor: xm.Monitor) -> None:
    events = monitor.update({"BTCUSDT": 52_500.0, "ETHUSDT": 3_400.0})
    assert {event.cause_name for event in events if event.account == 7} == {"BTCUSDT"}
    assert set(events.cause) == {"mark"}


# latches


def test_monitor_latched_liquidation_stays_until_reset(book: xm.Book, prices: xm.Prices) -> None:
    monitor = xm.Monitor(book, prices, xm.Alerts("latched", levels=(), soft_stop=None))
    assert monitor.events.account.tolist() == [9]
    assert monitor.update({"BTCUSDT": 50_500.0}).account.tolist() == [7]
    assert not monitor.update({"BTCUSDT": 70_000.0})
    assert monitor.flags["liquidation"].tolist() == [True, True, False]
    events = monitor.reset(7)
    assert [(event.account, event.change, event.cause) for event in events] == [(7, "left", "reset")]
    assert monitor.reset().account.tolist() == [9]
    assert not monitor.flags["liquidation"].any()
    assert not monitor.reset([7, 9])


def test_monitor_soft_stop_stays_until_reset(book: xm.Book, prices: xm.Prices) -> None:
    monitor = xm.Monitor(book, prices, xm.Alerts(False, (), 0.5), references={7: 3_800.0, 9: 0.0})
    assert not monitor.update({"BTCUSDT": 54_210.0})
    events = monitor.update({"BTCUSDT": 54_200.0})
    assert [(event.kind, event.alert, event.level, event.equity) for event in events] == [
        ("account", "soft_stop", 0.5, 1_900.0)
    ]
    assert not monitor.update({"BTCUSDT": 60_000.0})
    assert monitor.soft_stops["soft_stop"].tolist() == [True, False]
    assert monitor.reset([7]).change.tolist() == ["left"]
    assert monitor.soft_stops["reference"].tolist()[0] == 4_800.0


@pytest.mark.parametrize("key", ["x", 8, 2.0, None, True])
def test_monitor_reset_of_an_unknown_account_is_refused(monitor: xm.Monitor, key: Any) -> None:
    with pytest.raises(xm.ArgumentError) as caught:
        monitor.reset([key])
    assert str(caught.value).startswith("accounts[0] was ")
    assert monitor.stats().events == len(monitor.events)


# why, stats


def test_monitor_why_gives_a_box_in_which_no_flag_changes(book: xm.Book, prices: xm.Prices) -> None:
    monitor = xm.Monitor(book, prices)
    why = monitor.why(7)
    assert why.pool == {"kind": "cross", "asset": "USDT", "instrument": None, "side": None}
    assert why["quote"].tolist() == ["mark", "mark"]
    assert why["name"].tolist() == ["BTCUSDT", "ETHUSDT"]
    assert why["price"].tolist() == [58_000.0, 3_100.0]
    assert why.columns == ("quote", "name", "price", "low", "high")
    assert why.flags == dict.fromkeys(("liquidation", *LEVELS), False)
    before = {name: values[0] for name, values in monitor.flags.to_dict().items()}
    for btc in (max(float(why["low"][0]), 1.0), min(float(np.nextafter(why["high"][0], 0)), 1e9)):
        for eth in (max(float(why["low"][1]), 1.0), min(float(np.nextafter(why["high"][1], 0)), 1e9)):
            monitor.update({"BTCUSDT": btc, "ETHUSDT": eth})
            assert {name: values[0] for name, values in monitor.flags.to_dict().items()} == before


def test_monitor_why_of_one_pool_of_several_is_chosen_by_its_place(monitor: xm.Monitor) -> None:
    why = monitor.why(9, pool=1)
    assert why.pool == {"kind": "isolated", "asset": "USDT", "instrument": "SOLUSDT", "side": "net"}
    assert why["name"].tolist() == ["SOLUSDT"]
    assert len(why) == 1
    assert repr(why).startswith("Why(account 9, isolated pool SOLUSDT in USDT, flags set: none, market 'binance-usdm/")
    assert repr(monitor.why(9, 0)).startswith("Why(account 9, cross pool in USDT, flags set: liquidation, below_2, ")
    assert "<table>" in why._repr_html_()


def test_monitor_why_exports_arrow(monitor: xm.Monitor) -> None:
    pa = pytest.importorskip("pyarrow")
    assert pa.table(monitor.why(7)).column_names == ["quote", "name", "price", "low", "high"]


@pytest.mark.parametrize(
    ("account", "pool", "message"),
    [
        (8, None, "account was 8, which the book does not hold: name one of its 2 accounts, 7, 9"),
        (True, None, "account was True, which the book does not hold: name one of its 2 accounts, 7, 9"),
        (None, None, "account was not given, and the monitor has 2: name one of book.accounts"),
        (9, None, "pool was not given, and the account has 2: give its place among them, from 0"),
        (9, 2, "pool was 2, expected a place among the 2 of the account, 0 to 1"),
        (9, -1, "pool was -1, expected its place among the pools of the account, from 0"),
        (9, 2**63, "pool was 9223372036854775808, expected its place among the pools of the account, from 0"),
        (9, "a", "pool was 'a', expected its place among the pools of the account, from 0"),
    ],
)
def test_monitor_why_of_what_is_not_there_is_refused(
    monitor: xm.Monitor, refused: Callable[..., str], account: Any, pool: Any, message: str
) -> None:
    assert refused(xm.ArgumentError, monitor.why, account, pool) == message


def test_monitor_stats_count_frames_and_events(monitor: xm.Monitor) -> None:
    begun = monitor.stats()
    assert begun[:4] == (0, 0, 0, len(monitor.events)) or begun.exact > 0
    events = monitor.update(DOWN)
    monitor.update({})
    stats = monitor.stats()
    assert (stats.frames, stats.events) == (2, begun.events + len(events))
    assert stats.touches >= 2
    assert stats.bytes > 0


# construction


def test_monitor_without_a_price_names_all_that_are_missing(book: xm.Book, usdm: xm.Market) -> None:
    with pytest.raises(xm.MissingPriceError) as caught:
        xm.Monitor(book, usdm.prices(mark={"BTCUSDT": 58_000.0}))
    assert caught.value.mark == ("ETHUSDT", "SOLUSDT")


def test_monitor_of_several_assets_needs_a_valuation(refused: Callable[..., str]) -> None:
    market = xm.Market.from_toml(
        'extends = "binance-coinm/2024-10-01"\npreset = "two"\nas_of = 2024-10-01\n[[asset]]\nname = "ETH"\n'
    )
    cash = {"account": [1, 1], "asset": ["BTC", "ETH"], "wallet_balance": [1.0, 10.0]}
    book, prices = xm.Book(market, balances=cash), market.prices(mark={}, index={"BTC": 50_000.0, "ETH": 2_500.0})
    message = refused(xm.ArgumentError, xm.Monitor, book, prices)
    assert message.startswith("valuation is missing, and pools settle in several assets: say in which one")
    monitor = xm.Monitor(book, prices, xm.Alerts(valuation="BTC"))
    assert monitor.soft_stops["reference"].tolist() == [1.5]
    assert monitor.alerts.valuation == "BTC"
    assert len(xm.Monitor(book, prices, xm.Alerts(soft_stop=None)).soft_stops) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"book": 1}, "book was of type int, expected Book"),
        ({"prices": {}}, "prices was of type dict, expected Prices"),
        ({"alerts": {}}, "alerts was of type dict, expected Alerts or Limits"),
        ({"alerts": xm.Alerts(valuation="EUR")}, 'valuation was "EUR", which is no asset of the market'),
        ({"n_threads": 0}, "n_threads was 0, expected an integer from 1 to 1024, or None"),
    ],
)
def test_monitor_of_something_else_is_refused(
    book: xm.Book, prices: xm.Prices, refused: Callable[..., str], arguments: dict[str, Any], message: str
) -> None:
    assert refused(xm.ArgumentError, xm.Monitor, **({"book": book, "prices": prices} | arguments)) == message


def test_monitor_of_prices_of_another_market_is_refused(
    book: xm.Book, textbook: xm.Market, refused: Callable[..., str]
) -> None:
    prices = textbook.prices(mark={"BTCUSDT": 1.0})
    assert "market" in refused(xm.ArgumentError, xm.Monitor, book, prices)


def test_monitor_shown_has_sizes_and_frame(monitor: xm.Monitor) -> None:
    monitor.update({})
    assert repr(monitor) == "Monitor(2 accounts, 3 pools, frame 1, market 'binance-usdm/2024-10-01')"
