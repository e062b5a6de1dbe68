"""Shocks: many prices that move together, how far they can go, and which single underlying is the most dangerous."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference.liquidation import Line, line
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.paths import Path, along_underlying, held_instruments, moving_assets, underlyings
from crossmargin.reference.pools import Pool
from crossmargin.reference.rows import Row
from crossmargin.reference.score import Situation, situation
from crossmargin.reference.values import exact, positive, refuse
from crossmargin.reference.walking import DOWN, FIRST, LAST, UP, Way, denoted, double_at, first_other, first_place_from

PRESETS = {"all_down": Fraction(-1), "all_up": Fraction(1)}
"""Every underlying moves by the same fraction."""

PoolKey = tuple[Any, str, str, str | None, str | None]
Moves = Mapping[str, Any] | Sequence[Any] | str


@dataclass(frozen=True)
class Shock:
    """By how much, in units of t, the prices of each instrument and the index price of each asset move."""

    instruments: Mapping[str, Fraction]
    assets: Mapping[str, Fraction]

    def path(self, now: Situation, side: int) -> Path:
        """Return the path on which the value is t (side 1), or -t (side -1)."""
        return Path(
            now,
            {name: _Factor(side * move) for name, move in self.instruments.items() if move},
            {name: _Factor(side * move) for name, move in self.assets.items() if move},
        )

    def way(self, market: Market, pool: Pool, side: int) -> Way:
        """Return the doubles that t, or -t, can be: all prices that the pool hangs on stay above zero."""
        moves = [self.instruments[one.name] for one in held_instruments(market, pool)]
        moves += [self.assets[asset] for asset in moving_assets(market, pool)]
        fastest = min((side * move for move in moves), default=Fraction(0))
        if fastest >= 0 or -1 / fastest >= Fraction(2) ** 256:
            return UP
        if -1 / fastest <= Fraction(1, 2**256):
            return Way(1, FIRST - 1)
        limit = -1 / fastest
        place = first_place_from(limit, DOWN)
        return Way(1, min(place if denoted(place) < limit else place - 1, LAST))


@dataclass(frozen=True)
class _Factor:
    """By what a price is multiplied at a value: ``1 + value * move``."""

    move: Fraction

    def __call__(self, value: Any) -> Any:
        return 1 + value * self.move


@dataclass(frozen=True)
class Distance:
    """The nearest moves at which a pool fails, of the two signs; None where there is none."""

    pool: PoolKey
    below: float | None
    above: float | None
    liquidatable: bool


@dataclass(frozen=True)
class CriticalMove:
    """The single underlying that needs the fewest standard deviations to kill a pool.

    ``price`` is the last at which the pool is safe, ``move`` the relative move to it. None where no underlying kills
    the pool; a pool that fails already needs no move.
    """

    pool: PoolKey
    underlying: str | None
    price: float | None
    move: float | None
    sigmas: float | None


def key_of(pool: Pool) -> PoolKey:
    """Return what tells a pool from another."""
    return (pool.account, pool.kind, pool.asset, pool.instrument, pool.side)


def read_shock(market: Market, shock: Moves, assets: Mapping[str, Any] | None = None) -> Shock:
    """Read a shock: ``all_down``, ``all_up``, a number per instrument in market order, or numbers by name.

    A name is that of an instrument or its alias, of an underlying or of an asset, and of all that it names; an
    instrument's own number stands before that of its underlying. An asset's index price moves by ``assets``, else by
    the number of its name, else with the first instrument on it that has a number of its own.

    Source: the definition of this library.

    Examples
    --------
    >>> from crossmargin.testing.markets import InstrumentSpec, market_toml
    >>> from crossmargin.reference import load_market
    >>> market = load_market(market_toml([InstrumentSpec("X"), InstrumentSpec("Y")]))
    >>> read_shock(market, {"X": -2}).instruments
    {'X': Fraction(-2, 1), 'Y': Fraction(0, 1)}
    """
    named = _by_name(market, shock)
    own = {one.name: _own(named, one) for one in market.instruments}
    given = {
        market.asset(name, "assets").name: exact(move, f"assets[{name!r}]") for name, move in (assets or {}).items()
    }
    found: dict[str, Fraction] = {}
    for asset in market.assets:
        first = [own[one.name] for one in market.instruments if one.underlying == asset.name]
        said = [given.get(asset.name), named.get(asset.name), *first]
        found[asset.name] = next((move for move in said if move is not None), Fraction(0))
    if market.rules.valuation_asset is not None:
        found[market.rules.valuation_asset] = Fraction(0)
    moves = {one.name: _first(own[one.name], named.get(one.underlying)) for one in market.instruments}
    return Shock(moves, found)


def _by_name(market: Market, shock: Moves) -> dict[str, Fraction]:
    if isinstance(shock, str):
        if shock not in PRESETS:
            raise refuse("shock", shock, " or ".join(map(repr, PRESETS)))
        return {one.underlying: PRESETS[shock] for one in market.instruments}
    if not isinstance(shock, Mapping):
        if len(shock) != len(market.instruments):
            raise refuse("shock", f"{len(shock)} numbers", f"{len(market.instruments)}, one per instrument")
        shock = {one.name: move for one, move in zip(market.instruments, shock, strict=True)}
    known = {asset.name for asset in market.assets}
    for one in market.instruments:
        known |= {one.name, one.underlying, *one.aliases}
    unknown = sorted(set(shock) - known)
    if unknown:
        raise refuse("shock", unknown[0], "the name of an instrument, an underlying or an asset")
    return {name: exact(move, f"shock[{name!r}]") for name, move in shock.items()}


def _own(named: Mapping[str, Fraction], instrument: Instrument) -> Fraction | None:
    return next((named[name] for name in (instrument.name, *instrument.aliases) if name in named), None)


def _first(*moves: Fraction | None) -> Fraction:
    return next((move for move in moves if move is not None), Fraction(0))


def nearest_failure(now: Situation, pool: Pool, shock: Shock, side: int) -> float | None:
    """Return the t of a sign that is nearest to zero and at which a pool that is safe now fails."""
    state = shock.path(now, side).failing(pool)
    place = first_other(state, known=False, place=FIRST, way=shock.way(now.market, pool, side))
    return None if place is None else side * double_at(place)


def liquidation_distance(  # noqa: PLR0913 - the tables that everybody has
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    shock: Moves,
    *,
    assets: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[Distance]:
    """Return for every pool the smallest t of either sign at which it fails when prices move by ``1 + t * shock``.

    How far the market can go, in units of the shock, before the venue steps in. Prices stay above zero.

    Formula: marks and last prices of instrument k times ``1 + t * shock_k``, index prices alike (`read_shock`); the
    first double t, from 2^-256 on, where the exact verdict is failure; 0 for a pool that fails now.

    Source: the definition of this library.

    Parameters
    ----------
    market, balances, positions, marks, options
        As of `crossmargin.reference.score`.
    shock, assets
        As of `read_shock`.

    Returns
    -------
    list of Distance
        By pool, in the order of `crossmargin.reference.score`.

    Examples
    --------
    >>> from crossmargin.testing.markets import InstrumentSpec, market_toml
    >>> from crossmargin.reference import load_market
    >>> market = load_market(market_toml([InstrumentSpec("X", maintenance_rate=(0,))]))
    >>> cash = [{"account": 1, "asset": "USDT", "wallet_balance": 25}]
    >>> held = [{"account": 1, "instrument": "X", "quantity": 1, "entry_price": 100}]
    >>> (found,) = liquidation_distance(market, cash, held, {"X": 100}, "all_down")
    >>> found.below, found.above  # the excess is 0 at t = 0.25, which does not fail yet
    (None, 0.25000000000000006)
    """
    now = situation(market, balances, positions, marks, **options)
    moves = read_shock(market, shock, assets)
    return [_distance(now, pool, moves) for pool in now.pools]


def _distance(now: Situation, pool: Pool, shock: Shock) -> Distance:
    if shock.path(now, 1).failing(pool)(Fraction(0)):
        return Distance(key_of(pool), 0.0, 0.0, liquidatable=True)
    below, above = (nearest_failure(now, pool, shock, side) for side in (-1, 1))
    return Distance(key_of(pool), below, above, liquidatable=False)


def critical_move(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    volatility: Mapping[str, Any] | float,
    **options: Any,
) -> list[CriticalMove]:
    """Return for every pool the underlying that needs the fewest standard deviations to kill it.

    Formula: the smallest ``|move| / volatility`` with ``move = last safe price / present price - 1``, in doubles; of
    equals the first, in the order of `crossmargin.reference.underlying_prices`, down before up.

    Source: the definition of this library.

    Parameters
    ----------
    market, balances, positions, marks, options
        As of `crossmargin.reference.score`.
    volatility : mapping or float
        Standard deviation of a day's relative move, above zero: by underlying, or one for all.

    Returns
    -------
    list of CriticalMove
        By pool.
    """
    now = situation(market, balances, positions, marks, **options)
    return [_critical(now, pool, volatility) for pool in now.pools]


def _critical(now: Situation, pool: Pool, volatility: Mapping[str, Any] | float) -> CriticalMove:
    best = CriticalMove(key_of(pool), None, None, None, None)
    for underlying, price in underlyings(now, pool).items():
        failing = line(along_underlying(now, underlying, price).failing(pool), price)
        if failing.now:
            return CriticalMove(key_of(pool), None, None, 0.0, 0.0)
        deviation = _deviation(volatility, underlying)
        for bound in _bounds(failing):
            move = bound / float(price) - 1.0
            sigmas = abs(move) / deviation
            if best.sigmas is None or sigmas < best.sigmas:
                best = CriticalMove(key_of(pool), underlying, bound, move, sigmas)
    return best


def _bounds(failing: Line) -> list[float]:
    return [bound for bound in (failing.bound(DOWN), failing.bound(UP)) if bound is not None]


def _deviation(volatility: Mapping[str, Any] | float, underlying: str) -> float:
    where = f"volatility[{underlying!r}]"
    if not isinstance(volatility, Mapping):
        return float(positive(volatility, "volatility"))
    if underlying not in volatility:
        raise refuse(where, None, "a number for every underlying that a pool hangs on")
    return float(positive(volatility[underlying], where))
