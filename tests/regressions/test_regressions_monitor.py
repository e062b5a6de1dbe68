"""Faults of the monitor: a flag that changed while its pool was not looked at, and a latch that a transfer opened."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.testing.markets import InstrumentSpec, market_toml


def market(*instruments: InstrumentSpec) -> xm.Market:
    return xm.Market.from_toml(market_toml(list(instruments)))


def book_of(rules: xm.Market, cash: float, held: Mapping[str, tuple[float, float]]) -> xm.Book:
    """Hold what is told, quantity and entry price by instrument, in one account."""
    quantity, entry = zip(*held.values(), strict=True)
    return xm.Book(
        rules,
        balances={"account": [1], "asset": ["USDT"], "wallet_balance": [cash]},
        positions={"account": [1] * len(held), "instrument": list(held), "quantity": quantity, "entry_price": entry},
    )


def check(book: xm.Book, start: Mapping[str, float], alerts: xm.Alerts, frames: Sequence[Mapping[str, float]]) -> int:
    """Compare flags with a full scan after every frame; returns how many frames had a flag set."""
    marks, monitor, n_set = dict(start), xm.Monitor(book, book.market.prices(mark=start), alerts), 0
    for frame in frames:
        monitor.update(frame)
        marks |= frame
        scores = xm.score(book, book.market.prices(mark=marks), ("equity", "maintenance_margin", "liquidatable"))
        flags: Any = monitor.flags
        expected = {"liquidation": bool(scores["liquidatable"][0])} if alerts.liquidation else {}
        for level in alerts.levels:
            expected[f"below_{level:g}"] = scores["equity"][0] < level * scores["maintenance_margin"][0]
        assert {name: bool(flags[name][0]) for name in expected} == expected, (frame, marks)
        n_set += any(expected.values())
    return n_set


def test_monitor_of_a_flat_tier_whose_steps_grow_keeps_off_the_floor() -> None:
    # Followers kept fences that were set for smaller steps, and so came over the floor untold.
    rules = market(
        InstrumentSpec(
            "AAA", law="flat", floor=(0, 102_500), maintenance_rate=(0.005, 0.1), cap=1e9, max_leverage=(100, 5)
        )
    )
    book = book_of(rules, 1_700.0, {"AAA": (1_000.0, 100.0)})
    path = [100.0 * (1.0 + 3e-4 * (k % 2)) for k in range(1, 120)]
    while path[-1] < 103.2:
        path.append(path[-1] * (1.0 + 2.6e-4))
    frames = [{"AAA": price} for price in path]
    assert check(book, {"AAA": 100.0}, xm.Alerts(levels=(), soft_stop=None), frames) > 10


@pytest.mark.parametrize("points", range(18, 34))
def test_monitor_of_a_marginal_tier_told_on_the_other_side_of_a_floor_sees_the_level(points: int) -> None:
    # The rate beyond the floor was taken to hold back to where the followers were told.
    rules = market(
        InstrumentSpec("AAA", floor=(0, 100_000), maintenance_rate=(0.005, 0.2), cap=1e9, max_leverage=(100, 2)),
        InstrumentSpec("BBB", maintenance_rate=(0.005,), cap=1e9),
    )
    start = 100.0 * (1.0 - 30e-4)
    required = 2.0 * 0.005 * (1_000.0 * start + 16.0 * 50.0)
    cash = round(required + 10.0 * points - 1_000.0 * (start - 100.0) + 16.0 * 50.0, 2)
    book = book_of(rules, cash, {"AAA": (1_000.0, 100.0), "BBB": (16.0, 100.0)})
    frames = [{"AAA": 100.005}, {"BBB": 50.0}, {"AAA": start * (1.0 - 31.8e-4)}]
    alerts = xm.Alerts(liquidation=False, levels=(2.0,), soft_stop=None)
    check(book, {"AAA": start, "BBB": 100.0}, alerts, frames)


@pytest.mark.parametrize("first", [{"A0": 100.5, "A1": 251.5}, {"A1": 251.5, "A0": 100.5}])
@pytest.mark.parametrize("back", [{"A0": 99.5}, {"A1": 249.0}])
def test_monitor_of_two_positions_over_floors_in_one_frame_sees_both(
    first: Mapping[str, float], back: Mapping[str, float]
) -> None:
    # Only one of the two was given other bounds; the other's old one lay beyond the floor that it had come over.
    tiers = {"law": "flat", "floor": (0, 100_000), "maintenance_rate": (0.05, 0.3), "max_leverage": (10, 2)}
    rules = market(*(InstrumentSpec(name, cap=1e9, **tiers) for name in ("A0", "A1")))
    book = book_of(rules, 42_000.0, {"A0": (-1_000.0, 99.0), "A1": (-400.0, 248.0)})
    alerts = xm.Alerts(levels=(5.0,), soft_stop=None)
    assert check(book, {"A0": 99.0, "A1": 248.0}, alerts, [first, back]) == 2


def test_monitor_of_a_level_that_is_no_short_number_beside_another_sees_both() -> None:
    # The distance to such a level was not a number, and the other level's hid that.
    rules = market(InstrumentSpec("AAA", maintenance_rate=(0.0002,), cap=1e9))
    book = book_of(rules, 40.0, {"AAA": (1_000.0, 100.0)})
    frames = [{"AAA": 100.0 - 1e-3 * k} for k in range(100)]
    alerts = xm.Alerts(liquidation=False, levels=(1.2, 1e-40), soft_stop=None)
    assert check(book, {"AAA": 100.0}, alerts, [*frames, *reversed(frames)]) > 50


def test_soft_stop_of_an_account_that_pays_all_out_stays() -> None:
    rules = xm.load_market("textbook")
    book = book_of(rules, 1_000.0, {"BTCUSDT": (0.1, 60_000.0)})
    monitor = xm.Monitor(book, rules.prices(mark={"BTCUSDT": 60_000.0}), xm.Alerts(levels=()))
    assert len(monitor.update({"BTCUSDT": 58_000.0})) == 1
    events = monitor.apply_transfers([{"account": 1, "asset": "USDT", "amount": -1_000.0}])
    assert "soft_stop" not in events["alert"].tolist()
    assert np.asarray(monitor.soft_stops["soft_stop"]).tolist() == [True]
    assert np.asarray(xm.Monitor.restore(monitor.snapshot()).soft_stops["soft_stop"]).tolist() == [True]
