"""Contagion: what each position gives to its pool and takes from it, now and where the pool fails."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference.book import Position
from crossmargin.reference.collateral import index_price
from crossmargin.reference.liquidation import line
from crossmargin.reference.market import Market
from crossmargin.reference.paths import Path, Runs, along_underlying, underlyings
from crossmargin.reference.pools import Pool
from crossmargin.reference.requirement import known, shares
from crossmargin.reference.rows import Row
from crossmargin.reference.run import Run
from crossmargin.reference.score import Situation, situation
from crossmargin.reference.shocks import Moves, Shock, nearest_failure, read_shock
from crossmargin.reference.values import parsed
from crossmargin.reference.verdict import fails, several
from crossmargin.reference.walking import DOWN, UP


@dataclass(frozen=True)
class Contribution:
    """What one position gives and takes, in the pool's asset; ``row`` is its place in the input table.

    ``excess_at``, ``change``, ``loss`` and ``loss_isolated`` are None where the pool does not fail, the last one too
    where the initial margin is unknown.
    """

    row: int
    account: Any
    instrument: str
    side: str
    kind: str
    excess: Fraction
    excess_at: Fraction | None
    change: Fraction | None
    loss: Fraction | None
    loss_isolated: Fraction | None
    dragged: bool


@dataclass(frozen=True)
class _Part:
    """Figures of a position at one vector of prices, valued in the pool's asset."""

    profit: Fraction
    excess: Fraction
    initial: Fraction | None


def contribution(  # noqa: PLR0913 - the tables that everybody has
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    shock: Moves | None = None,
    *,
    assets: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[Contribution]:
    """Return what every position contributes to its pool's excess, now and at the point where the pool fails.

    In cross margin profit of one position backs the others and the loss of one drags all of them under. Along a shock
    the point is the nearer of the two moves at which the pool fails; without one it is where the underlying with the
    smallest relative move to a failing price has it. A pool that fails now is at its point.

    Formula: ``excess = value of (unrealized_pnl - level * share of the maintenance margin)`` at the prices and the
    level of the first test, at the index price in a pool of several assets; ``change = excess_at - excess``;
    ``loss = max(0, pnl - pnl at the point)``, each valued at its own prices; ``loss_isolated = min(loss, max(0,
    initial margin + pnl))``. ``dragged`` is the position of the pool whose change is the most negative; in a
    pool that fails now, the one whose excess is.

    Source: the definition of this library; no venue publishes how an excess divides among positions.

    Parameters
    ----------
    market, balances, positions, marks, options
        As of `crossmargin.reference.score`.
    shock, assets
        As of `crossmargin.reference.liquidation_distance`.

    Returns
    -------
    list of Contribution
        In the order of the input rows.

    Examples
    --------
    >>> from crossmargin.testing.markets import InstrumentSpec, market_toml
    >>> from crossmargin.reference import load_market
    >>> market = load_market(market_toml([InstrumentSpec("X", maintenance_rate=(0,))]))
    >>> cash = [{"account": 1, "asset": "USDT", "wallet_balance": 25}]
    >>> held = [{"account": 1, "instrument": "X", "quantity": 1, "entry_price": 100, "leverage": 5}]
    >>> (found,) = contribution(market, cash, held, {"X": 100}, "all_down")
    >>> round(found.loss, 12), found.loss_isolated, found.dragged
    (Fraction(25, 1), Fraction(20, 1), True)
    """
    now = situation(market, balances, positions, marks, **options)
    moves = None if shock is None else read_shock(market, shock, assets)
    found = [part for pool in now.pools for part in _of_pool(now, pool, moves)]
    return sorted(found, key=lambda part: part.row)


def _of_pool(now: Situation, pool: Pool, shock: Shock | None) -> Iterator[Contribution]:
    price = now.market.rules.constraints[0].price
    here = _parts(now.runs(Fraction)[price], pool)
    point = liquidation_point(now, pool, shock)
    there = None if point is None else _parts(point[price], pool)
    taken = {row: there[row].excess - here[row].excess for row in here} if there is not None else {}
    if fails(now.runs(Fraction), pool):
        taken = {row: part.excess for row, part in here.items()}
    worst = min(taken.values(), default=Fraction(0))
    dragged = next((row for row in taken if taken[row] == worst), None) if worst < 0 else None
    for position in pool.positions:
        at = None if there is None else there[position.row]
        yield _told(position, here[position.row], at, dragged=position.row == dragged)


def _told(position: Position, here: _Part, at: _Part | None, *, dragged: bool) -> Contribution:
    loss = None if at is None else max(Fraction(0), here.profit - at.profit)
    isolated = None
    if loss is not None and here.initial is not None:
        isolated = min(loss, max(Fraction(0), here.initial + here.profit))
    return Contribution(
        row=position.row,
        account=position.account,
        instrument=position.instrument.name,
        side=position.position_side,
        kind=position.margin_mode,
        excess=here.excess,
        excess_at=None if at is None else at.excess,
        change=None if at is None else at.excess - here.excess,
        loss=loss,
        loss_isolated=isolated,
        dragged=dragged,
    )


def _parts(run: Run[Fraction], pool: Pool) -> dict[int, _Part]:
    """Return the figures of a pool's positions by row, in canonical order."""
    level = run.market.rules.constraints[0].level
    maintenance, initial = shares(run, pool, "maintenance"), shares(run, pool, "initial")
    parts: dict[int, _Part] = {}
    for position in pool.positions:
        unit = index_price(run, position.instrument.settle) if several(run, pool) else Fraction(1)
        profit, margin = run.pnl(position), initial[position.row]
        excess = profit - level * known(maintenance[position.row])
        parts[position.row] = _Part(unit * profit, unit * excess, None if margin is None else unit * margin)
    return parts


def liquidation_point(now: Situation, pool: Pool, shock: Shock | None) -> Runs | None:
    """Return the prices at which a pool fails, as `contribution` says; None where there are none."""
    runs = now.runs(Fraction)
    if fails(runs, pool):
        return runs
    points = _along_underlyings(now, pool) if shock is None else _along_shock(now, pool, shock)
    nearest = min(points, key=lambda point: point[0], default=None)
    if nearest is None:
        return None
    _, path, value = nearest
    return path.at(value)


def _along_shock(now: Situation, pool: Pool, shock: Shock) -> Iterator[tuple[Fraction, Path, Fraction]]:
    for side in (-1, 1):
        found = nearest_failure(now, pool, shock, side)
        if found is not None:
            far = abs(parsed(found, "t"))
            yield far, shock.path(now, side), far


def _along_underlyings(now: Situation, pool: Pool) -> Iterator[tuple[Fraction, Path, Fraction]]:
    for underlying, price in underlyings(now, pool).items():
        path = along_underlying(now, underlying, price)
        failing = line(path.failing(pool), price)
        for way in (DOWN, UP):
            change = failing.change(way)
            if change is not None:
                value = parsed(change.far, "price")
                yield abs(value / price - 1), path, value
