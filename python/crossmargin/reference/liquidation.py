"""Liquidation prices: the doubles up to which a pool stays as it is when one price moves and all else is fixed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.paths import Path, along_instrument, along_underlying, underlyings
from crossmargin.reference.pools import Pool
from crossmargin.reference.rows import Row
from crossmargin.reference.score import Situation, situation
from crossmargin.reference.values import parsed
from crossmargin.reference.verdict import bankruptcy_margin_of
from crossmargin.reference.walking import DOWN, UP, State, Way, double_at, first_other, first_place_from


@dataclass(frozen=True)
class PositionPrices:
    """Prices of one position; ``row`` is its place in the input table. None where there is no such price."""

    row: int
    account: Any
    instrument: str
    side: str
    kind: str
    below: float | None
    above: float | None
    liquidation_price: float | None
    bankruptcy_price: float | None
    liquidatable: bool


@dataclass(frozen=True)
class UnderlyingPrices:
    """Prices of one underlying for one pool, which the first five fields tell from others."""

    account: Any
    kind: str
    asset: str
    instrument: str | None
    side: str | None
    underlying: str
    price: float
    below: float | None
    above: float | None
    liquidatable: bool


@dataclass(frozen=True)
class Change:
    """Two neighbouring doubles, the state of the present price at the ``near`` one and the other at the ``far`` one."""

    near: float
    far: float


@dataclass(frozen=True)
class Line:
    """A state along a path that begins at a price: whether a pool fails, or is bankrupt."""

    state: State
    start: Fraction
    now: bool

    def change(self, way: Way) -> Change | None:
        """Return where the state changes first on a way from the start; None where it stays."""
        at = first_other(self.state, self.now, first_place_from(self.start, way), way)
        return None if at is None else Change(double_at(at - way.step), double_at(at))

    def bound(self, way: Way) -> float | None:
        """Return the last double of safety on a way; where the present is none, the first safe one."""
        found = self.change(way)
        if found is None:
            return None
        return found.far if self.now else found.near

    def price(self, way: Way) -> float | None:
        """Return the double nearest to the point between two doubles where the state changes.

        Formula: with the safe double s and its neighbour f, the failing one: s where the state holds in the middle
        ``(s + f) / 2`` of the two binary numbers, else f.
        """
        found = self.change(way)
        if found is None:
            return None
        safe, other = (found.far, found.near) if self.now else (found.near, found.far)
        return safe if self.state((Fraction(safe) + Fraction(other)) / 2) else other

    def shown(self, net: Fraction) -> float | None:
        """Return the price on the side that hurts a net quantity; for none, of both the nearer.

        Where the state holds already it is the side that helps. Nearer is the smaller ``|price / start - 1|``; of two
        equally near it is the lower.
        """
        if net:
            return self.price(DOWN if (net > 0) != self.now else UP)
        sides = [price for price in (self.price(DOWN), self.price(UP)) if price is not None]
        return min(sides, key=lambda price: abs(parsed(price, "price") / self.start - 1), default=None)


def bankrupt_along(path: Path, pool: Pool) -> State:
    """Return whether a pool is bankrupt, as a function of the value of a path; it is looked at at mark prices."""
    return lambda value: bool(bankruptcy_margin_of(path.at(value)["mark"], pool) <= 0)


def line(state: State, start: Fraction) -> Line:
    """Return a state along a path, with its value at the start."""
    return Line(state, start, state(start))


def liquidation_prices(
    market: Market, balances: Iterable[Row], positions: Iterable[Row], marks: Mapping[str, Any], **options: Any
) -> list[PositionPrices]:
    """Return the liquidation prices of all positions, each along the mark of its instrument.

    The mark moves and everything else is fixed, index prices too; the last price keeps its ratio to the mark. All
    positions and orders in that instrument of the pool go with it.

    ``below`` and ``above`` are the last doubles, moving away from the present mark, up to which the pool stays safe;
    for a pool that fails already, the nearest at which it is safe. ``liquidation_price`` is the double nearest to the
    point of change on the side that a venue shows (down for what is net long in the instrument, up for net short; the
    other for a pool that fails), ``bankruptcy_price`` the same for the point where nothing is left
    (`verdict.bankruptcy_margin_of`).

    Formula: signs of the exact verdict at the decimals of neighbouring doubles between 2^-256 and 2^256.

    Source: the definition of this library; that the price of a position in cross margin hangs on all of the pool is
    said by Binance FAQ b3c689c1f50a44cabb3a84e663b81d93, read 2026-11-22.

    Parameters
    ----------
    market, balances, positions, marks, options
        As of `crossmargin.reference.score`.

    Returns
    -------
    list of PositionPrices
        In the order of the input rows.

    Raises
    ------
    ReferenceInputError
        When a row or a price is refused.

    Examples
    --------
    >>> from crossmargin.testing.markets import InstrumentSpec, market_toml
    >>> from crossmargin.reference import load_market
    >>> market = load_market(market_toml([InstrumentSpec("X", maintenance_rate=(0.01,))]))
    >>> cash = [{"account": 1, "asset": "USDT", "wallet_balance": 10}]
    >>> held = [{"account": 1, "instrument": "X", "quantity": 1, "entry_price": 100}]
    >>> (found,) = liquidation_prices(market, cash, held, {"X": 100.0})
    >>> found.liquidation_price, found.bankruptcy_price, found.above
    (90.9090909090909, 90.0, None)
    """
    now = situation(market, balances, positions, marks, **options)
    found = [
        prices
        for pool in now.pools
        for instrument in dict.fromkeys(position.instrument.name for position in pool.positions)
        for prices in _of_instrument(now, pool, market.instrument(instrument))
    ]
    return sorted(found, key=lambda prices: prices.row)


def _of_instrument(now: Situation, pool: Pool, instrument: Instrument) -> list[PositionPrices]:
    """Return the prices of a pool's positions in one instrument: the same for all."""
    path = along_instrument(now, instrument)
    legs = [position for position in pool.positions if position.instrument.name == instrument.name]
    net = sum((leg.quantity for leg in legs), Fraction(0))
    mark = now.marks[instrument.name]
    failing, bankrupt = line(path.failing(pool), mark), line(bankrupt_along(path, pool), mark)
    below, above = failing.bound(DOWN), failing.bound(UP)
    liquidation_price, bankruptcy_price = failing.shown(net), bankrupt.shown(net)
    return [
        PositionPrices(
            row=leg.row,
            account=leg.account,
            instrument=instrument.name,
            side=leg.position_side,
            kind=leg.margin_mode,
            below=below,
            above=above,
            liquidation_price=liquidation_price,
            bankruptcy_price=bankruptcy_price,
            liquidatable=failing.now,
        )
        for leg in legs
    ]


def underlying_prices(
    market: Market, balances: Iterable[Row], positions: Iterable[Row], marks: Mapping[str, Any], **options: Any
) -> list[UnderlyingPrices]:
    """Return for every pool and underlying how far its price can move before the pool fails.

    All marks of the underlying move in proportion, and the index price of the asset of its name: the price of bitcoin
    that kills a position in ether held on bitcoin. Parameters as `liquidation_prices`.

    Returns
    -------
    list of UnderlyingPrices
        By pool, then as `paths.underlyings`; ``price`` is the present one, ``below`` and ``above`` are as of
        `liquidation_prices`.
    """
    now = situation(market, balances, positions, marks, **options)
    return [
        _of_underlying(now, pool, underlying, price)
        for pool in now.pools
        for underlying, price in underlyings(now, pool).items()
    ]


def _of_underlying(now: Situation, pool: Pool, underlying: str, price: Fraction) -> UnderlyingPrices:
    failing = line(along_underlying(now, underlying, price).failing(pool), price)
    return UnderlyingPrices(
        account=pool.account,
        kind=pool.kind,
        asset=pool.asset,
        instrument=pool.instrument,
        side=pool.side,
        underlying=underlying,
        price=float(price),
        below=failing.bound(DOWN),
        above=failing.bound(UP),
        liquidatable=failing.now,
    )
