"""Liquidation prices tried out: a pool is scored at many prices, one by one, and must fail where it is said to.

This knows nothing of how such prices are found. Each probe is a score in exact fractions at prices that are put in its
place; what is tried are the answers, the doubles beside them, a dense grid up to them, and the doubles around every
price at which a rule could bend: floors of tables, limits of orders, entries.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import Market, PoolScore, ReferenceInputError, exact, load_market, score
from crossmargin.testing.cases import FullCase
from crossmargin.testing.kinds import tables_of

GRID = 24
"""Points of the grid between the present price and an answer, or as far as it is looked where there is none."""

FARTHEST = 2.0**40
"""How far is looked where no answer is: this multiple of the present price."""

Key = tuple[Any, ...]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Probe:
    """A pool of a case along one price: a function from a value to the marks, last and index prices that move.

    ``value`` is the present one; ``factor`` says by what a price is multiplied at a value.
    """

    case: FullCase
    market: Market
    pool: Key
    value: Fraction
    instruments: tuple[str, ...]
    assets: tuple[str, ...] = ()

    def score(self, value: Fraction) -> PoolScore[Fraction] | None:
        """Score the pool at a value; None where a price would be one that is refused."""
        factor = value / self.value
        case = replace(
            self.case,
            marks=_moved(self.case.marks, self.instruments, factor),
            last=_moved(self.case.last, self.instruments, factor),
            index=_moved(self.case.index, self.assets, factor),
        )
        try:
            pools = score(self.market, *case.arguments()[1:], **case.options())
        except ReferenceInputError:
            return None
        found: list[PoolScore[Fraction]] = [pool for pool in pools if pool.key == self.pool]
        return found[0]

    def fails(self, value: Fraction) -> bool | None:
        """Whether the pool is liquidatable at a value."""
        pool = self.score(value)
        return None if pool is None else pool.liquidatable


def _moved(prices: Mapping[str, Any], names: Iterable[str], factor: Fraction) -> dict[str, Any]:
    return {name: exact(price) * factor if name in names else price for name, price in prices.items()}


def probe_of_instrument(case: FullCase, pool: Key, instrument: str) -> Probe:
    """Return the probe of an instrument's mark."""
    return Probe(case.alone(pool[0]), load_market(case.market), pool, exact(case.marks[instrument]), (instrument,))


def probe_of_underlying(case: FullCase, pool: Key, underlying: str, price: float) -> Probe:
    """Return the probe of an underlying's price."""
    market = load_market(case.market)
    names = tuple(one.name for one in market.instruments if one.underlying == underlying)
    assets = () if underlying == market.rules.valuation_asset else (underlying,)
    return Probe(case.alone(pool[0]), market, pool, exact(price), names, assets)


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
    far = bound if bound is not None else start * (FARTHEST if outward > 0 else 1 / FARTHEST)
    low, high = sorted((start, far))
    ratio = high / low
    wanted = [low * ratio ** (step / GRID) for step in range(1, GRID)]
    wanted += [(low + high) / 2, *(beside for kink in kinks(probe) for beside in around(kink))]
    for value in wanted:
        if low < value < high and exact_or_none(value) is not None:
            yield value


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
        if one.name not in probe.instruments:
            continue
        rows = [row for row in (*case.positions, *case.orders) if row["instrument"] == one.name]
        prices = [row.get("price") or row.get("entry_price") for row in rows]
        versions = [None, *one.old]
        floors = {exact(floor) for version in versions for floor in tables_of(one, version) if floor}
        unit = exact(one.contract_size)
        if one.bounds == "settle" and one.payoff == "quanto":
            unit *= exact(one.multiplier)
        turn: Callable[[Fraction, Fraction], Fraction] = _linear if one.payoff != "inverse" else _inverse
        at = [turn(size * unit, floor) for size in _sizes(rows) for floor in floors]
        at += [exact(price) for price in prices if price is not None and not math.isnan(price)]
        now = exact(case.marks[one.name])
        yield from (value for mark in at if (value := _double(mark / now * probe.value)) is not None)


def _linear(size: Fraction, floor: Fraction) -> Fraction:
    return floor / size


def _inverse(size: Fraction, floor: Fraction) -> Fraction:
    return size / floor


def _sizes(rows: list[Mapping[str, Any]]) -> set[Fraction]:
    """Sizes that rules may look at: of rows alone, of a side, net and gross."""
    quantities = [exact(row["quantity"]) for row in rows]
    longs = sum((quantity for quantity in quantities if quantity > 0), Fraction(0))
    shorts = sum((-quantity for quantity in quantities if quantity < 0), Fraction(0))
    return {*map(abs, quantities), longs, shorts, longs + shorts, abs(longs - shorts)} - {Fraction(0)}


def _double(value: Fraction) -> float | None:
    limit = Fraction(2) ** 255
    return float(value) if 1 / limit < value < limit else None
