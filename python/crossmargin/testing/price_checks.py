"""Liquidation prices tried out: a pool is scored at many prices, one by one, and must fail where it is said to.

This knows nothing of how such prices are found. Each probe is a verdict in exact fractions at prices that are put in
their place; what is tried are the answers, the doubles beside them, a dense grid up to them, and the doubles around
every price at which a rule could bend: floors of tables, limits of orders, entries.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import Pool, PoolScore, ReferenceInputError, exact, load_market
from crossmargin.reference.figures import score_pool
from crossmargin.reference.run import Run
from crossmargin.reference.score import Situation, situation
from crossmargin.reference.verdict import fails
from crossmargin.testing.cases import FullCase
from crossmargin.testing.kinds import tables_of
from crossmargin.testing.markets import InstrumentSpec

GRID = 24
"""Points of the grid between the present price and an answer, or as far as it is looked where there is none."""

FARTHEST = 2.0**40
"""How far is looked where no answer is: this multiple of the present price."""

Key = tuple[Any, ...]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Probe:
    """A pool of a case along one value: a function from it to the marks, last and index prices that move.

    ``value`` is the present one. ``instruments`` and ``assets`` are speeds by name: a price is multiplied by
    ``1 + speed * (value - present value)``.
    """

    case: FullCase
    now: Situation
    pool: Pool
    value: Fraction
    instruments: Mapping[str, Fraction]
    assets: Mapping[str, Fraction]

    def runs(self, value: Fraction) -> dict[str, Run[Fraction]] | None:
        """Return the runs at a value; None where a price would not be above zero."""
        moved = value - self.value
        if any(1 + speed * moved <= 0 for speed in (*self.instruments.values(), *self.assets.values())):
            return None
        return replace(
            self.now,
            marks=_moved(self.now.marks, self.instruments, moved),
            last=None if self.now.last is None else _moved(self.now.last, self.instruments, moved),
            index=_moved(self.now.index, self.assets, moved),
        ).runs(Fraction)

    def fails(self, value: Fraction) -> bool | None:
        """Whether the pool is liquidatable at a value."""
        runs = self.runs(value)
        return None if runs is None else fails(runs, self.pool)

    def score(self, value: Fraction) -> PoolScore[Fraction] | None:
        """Return all figures of the pool at a value."""
        runs = self.runs(value)
        return None if runs is None else score_pool(runs, self.pool)


def _moved(prices: Mapping[str, Fraction], speeds: Mapping[str, Fraction], moved: Fraction) -> dict[str, Fraction]:
    return {name: price * (1 + speeds[name] * moved) if name in speeds else price for name, price in prices.items()}


def probe_of_instrument(case: FullCase, pool: Key, instrument: str) -> Probe:
    """Return the probe of an instrument's mark."""
    mark = exact(case.marks[instrument])
    return _probe(case, pool, mark, {instrument: 1 / mark}, {})


def probe_of_underlying(case: FullCase, pool: Key, underlying: str, price: float) -> Probe:
    """Return the probe of an underlying's price."""
    market, value = load_market(case.market), exact(price)
    names = [one.name for one in market.instruments if one.underlying == underlying]
    assets = [] if underlying == market.rules.valuation_asset else [underlying]
    return _probe(case, pool, value, dict.fromkeys(names, 1 / value), dict.fromkeys(assets, 1 / value))


def probe_of_shock(case: FullCase, pool: Key, instruments: Mapping[str, float], assets: Mapping[str, float]) -> Probe:
    """Return the probe of a move t of all prices by ``1 + t * shock``."""
    speeds = [{name: exact(move) for name, move in moves.items()} for moves in (instruments, assets)]
    return _probe(case, pool, Fraction(0), *speeds)


def _probe(
    case: FullCase, pool: Key, value: Fraction, instruments: Mapping[str, Fraction], assets: Mapping[str, Fraction]
) -> Probe:
    alone = case.alone(pool[0])
    now = situation(load_market(alone.market), alone.balances, alone.positions, alone.marks, **alone.options())
    (own,) = (one for one in now.pools if (one.account, one.kind, one.asset, one.instrument, one.side) == pool)
    return Probe(alone, now, own, value, instruments, assets)


def faults_of_bounds(probe: Probe, bounds: Bounds, *, liquidatable: bool) -> list[str]:
    """Return what is wrong with ``below`` and ``above`` of a pool.

    Beyond a bound the next double has the other verdict, and no double nearer than it has.

    Parameters
    ----------
    probe : Probe
        The pool and the price.
    bounds : tuple of float or None
        The answers below and above; None says that there is none.
    liquidatable : bool
        The verdict at the present price, as answered.

    Returns
    -------
    list of str
        Empty where nothing is found.
    """
    found = [] if probe.fails(probe.value) == liquidatable else [f"liquidatable was {liquidatable}"]
    for bound, outward in zip(bounds, (-math.inf, math.inf), strict=True):
        if bound is not None:
            # The answer is the last safe one; of a pool that fails, the first.
            stays = math.nextafter(bound, -outward) if liquidatable else bound
            turns = bound if liquidatable else math.nextafter(bound, outward)
            found += _wrong(probe, [stays], liquidatable) + _wrong(probe, [turns], not liquidatable)
        found += _wrong(probe, between(probe, bound, outward), liquidatable, bound)
    return found


def _wrong(probe: Probe, values: Iterable[float], expected: bool, bound: float | None = None) -> list[str]:
    bad = [value for value in values if probe.fails(exact(value)) not in (expected, None)]
    told = f"liquidatable is {not expected}, bound {bound!r}, from {float(probe.value)!r}"
    return [f"at {value!r} {told}" for value in bad]


def between(probe: Probe, bound: float | None, outward: float) -> Iterator[float]:
    """Return doubles from the present price up to an answer, that itself excluded."""
    start = float(probe.value)
    far = bound if bound is not None else _far(start, outward)
    low, high = sorted((start or far / FARTHEST, far))
    ratio = high / low
    wanted = [low * ratio ** (step / GRID) for step in range(1, GRID)]
    wanted += [(low + high) / 2, *(beside for kink in kinks(probe) for beside in around(kink))]
    for value in wanted:
        if low < value < high and exact_or_none(value) is not None:
            yield value


def _far(start: float, outward: float) -> float:
    if start == 0:
        return math.copysign(FARTHEST, outward)
    return start * (FARTHEST if outward > 0 else 1 / FARTHEST)


def exact_or_none(value: float) -> Fraction | None:
    """Read a price if it is one that inputs may be."""
    try:
        return exact(value)
    except ReferenceInputError:
        return None


def around(value: float) -> Iterator[float]:
    """Return a double and two on either side."""
    for direction in (-math.inf, math.inf):
        beside = value
        for _ in range(2):
            beside = math.nextafter(beside, direction)
            yield beside
    yield value


def kinks(probe: Probe) -> Iterator[float]:
    """Return values at which something could bend: sizes on floors, orders at their limits, positions at entry."""
    case = probe.case
    for one in case.spec.instruments:
        speed = probe.instruments.get(one.name)
        if not speed:
            continue
        rows = [row for row in (*case.positions, *case.orders) if row["instrument"] == one.name]
        prices = [row.get("price") or row.get("entry_price") for row in rows]
        floors = {exact(floor) for version in (None, *one.old) for floor in tables_of(one, version) if floor}
        at = [price for size in _sizes(rows) for floor in floors for price in _prices_of(one, size, floor)]
        at += [exact(price) for price in prices if price is not None and not math.isnan(price)]
        now = exact(case.marks[one.name])
        values = (_double(probe.value + (mark / now - 1) / speed) for mark in at)
        yield from (value for value in values if value is not None)


def _prices_of(one: InstrumentSpec, size: Fraction, floor: Fraction) -> Iterator[Fraction]:
    """Return the prices at which a size is on a floor, in either unit."""
    unit = size * exact(one.contract_size)
    if one.payoff == "inverse":
        yield unit / floor
    else:
        yield floor / unit
        yield floor / (unit * exact(one.multiplier))


def _sizes(rows: list[Mapping[str, Any]]) -> set[Fraction]:
    """Sizes that rules may look at: of rows alone, of a side, net and gross."""
    quantities = [exact(row["quantity"]) for row in rows]
    longs = sum((quantity for quantity in quantities if quantity > 0), Fraction(0))
    shorts = sum((-quantity for quantity in quantities if quantity < 0), Fraction(0))
    return {*map(abs, quantities), longs, shorts, longs + shorts, abs(longs - shorts)} - {Fraction(0)}


def _double(value: Fraction) -> float | None:
    limit = Fraction(2) ** 255
    return float(value) if 1 / limit < abs(value) < limit else None
