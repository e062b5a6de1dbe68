"""Pools whose notionals lie about floors and whose margin lies about flags, along walks that quicken and slow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import crossmargin as xm
from crossmargin.testing.markets import InstrumentSpec, market_toml

N, FRAMES, ROUNDS = 300, 250, 60
LEVELS = (2.0, 1.2)
START = np.array([100.0, 250.0])


@dataclass
class Walked:
    """A book, its marks, and how far they go at once."""

    book: xm.Book
    names: tuple[str, ...]
    step: float
    notional: NDArray[np.float64]


def drawn(rng: np.random.Generator, law: str, *, inverse: bool, hedge: bool) -> Walked:
    floors, rates = ((0, 100_000, 104_000), (0.005, 0.03, 0.1)) if rng.random() < 0.5 else ((0, 100_000), (0.004, 0.15))
    kind: dict[str, Any] = (
        {"payoff": "inverse", "settle": "BTC", "contract_size": 1, "bounds": "settle"} if inverse else {}
    )
    scale, names = (100.0 if inverse else 1.0), ("A0", "A1")
    bounds = tuple(floor / scale for floor in floors)
    specs = [InstrumentSpec(name, law=law, floor=bounds, maintenance_rate=rates, cap=1e9, **kind) for name in names]
    market = xm.Market.from_toml(market_toml(specs))
    columns: dict[str, list[Any]] = {
        "account": [],
        "instrument": [],
        "quantity": [],
        "entry_price": [],
        "position_side": [],
    }
    notional = np.zeros(N)
    for account in range(N):
        for at in rng.choice(2, size=1 + int(rng.random() < 0.4), replace=False).tolist():
            value = float(rng.choice(floors[1:])) / scale * (1.0 + rng.normal(0.0, 0.01))
            size = round(value * START[at] if inverse else value / START[at], 4)
            legs = [(size, "long")] if hedge else [(float(rng.choice([-1, 1])) * size, "net")]
            legs += [(-round(size * rng.uniform(0.3, 1.1), 4), "short")] if hedge and rng.random() < 0.6 else []
            for quantity, side in legs:
                for column, value_of in zip(columns, (account, names[at], quantity, START[at], side), strict=True):
                    columns[column].append(value_of)
                notional[account] += value
    step = 10.0 ** rng.uniform(-5.0, -2.7)
    balances = {
        "account": list(range(N)),
        "asset": ["BTC" if inverse else "USDT"] * N,
        "wallet_balance": np.full(N, 1e7),
    }
    marks = dict(zip(names, START.tolist(), strict=True))
    rich = xm.Book(market, balances=balances, positions=columns)
    required = np.asarray(xm.score(rich, market.prices(mark=marks), "maintenance_margin")["maintenance_margin"])
    slack = rng.uniform(-20.0, 200.0, N) * step * notional
    balances["wallet_balance"] = np.round(rng.choice([1.0, *LEVELS], N) * required + slack, 8)
    return Walked(xm.Book(market, balances=balances, positions=columns), names, step, notional)


def walk(rng: np.random.Generator, step: float) -> list[NDArray[np.float64]]:
    """Marks of all frames: steps of changing size, trends, some jumps, one mark or both at once."""
    marks, size, trend, frames = START.copy(), step, 0.0, []
    for _ in range(FRAMES):
        size = step * 10.0 ** rng.uniform(-1.0, 1.0) if rng.random() < 0.04 else size
        trend = float(rng.choice([-1.0, 0.0, 1.0])) if rng.random() < 0.04 else trend
        for at in [int(rng.integers(2))] if rng.random() < 0.8 else [0, 1]:
            jumps = rng.random() < 0.01
            marks[at] *= 1.0 + (rng.normal(0.0, 50.0 * step) if jumps else rng.normal(0.0, size) + trend * size)
            if abs(np.log(marks[at] / START[at])) > 200.0 * step:
                marks[at] = START[at] * (1.0 + rng.normal(0.0, 20.0 * step))
        frames.append(marks.copy())
    return frames


@pytest.mark.parametrize("hedge", [False, True])
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("law", ["flat", "marginal"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_monitor_of_pools_about_floors_is_a_full_scan(law: str, number: int, *, inverse: bool, hedge: bool) -> None:
    rng = np.random.default_rng([number, law == "flat", inverse, hedge])
    walked = drawn(rng, law, inverse=inverse, hedge=hedge)
    market, before = walked.book.market, START
    stop = 0.15 if rng.random() < 0.5 else None
    start = market.prices(mark=dict(zip(walked.names, START.tolist(), strict=True)))
    monitor = xm.Monitor(walked.book, start, xm.Alerts(levels=LEVELS, soft_stop=stop))
    for frame, marks in enumerate(walk(rng, walked.step)):
        moved = {
            name: mark for name, mark, old in zip(walked.names, marks.tolist(), before, strict=True) if mark != old
        }
        monitor.update(moved)
        before = marks
        prices = market.prices(mark=dict(zip(walked.names, marks.tolist(), strict=True)))
        scores = xm.score(walked.book, prices, ("equity", "maintenance_margin", "liquidatable"))
        flags = monitor.flags
        assert np.array_equal(flags["liquidation"], scores["liquidatable"]), frame
        for level in LEVELS:
            off = np.asarray(scores["equity"]) - level * np.asarray(scores["maintenance_margin"])
            # What doubles cannot tell is left to the tests on thresholds.
            certain = np.abs(off) > 1e-6 * walked.notional
            assert np.array_equal((off < 0.0)[certain], np.asarray(flags[f"below_{level:g}"])[certain]), frame
