"""Ways that prices can move together: along one instrument, one underlying, or a shock of many."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.pools import Pool
from crossmargin.reference.run import Run
from crossmargin.reference.score import Situation
from crossmargin.reference.verdict import fails
from crossmargin.reference.walking import State

Runs = dict[str, Run[Fraction]]


@dataclass(frozen=True)
class Path:
    """Prices as functions of one value.

    ``instruments`` and ``assets`` give the factor, at a value, of the prices of each one that moves: of its mark and
    its last price, of its index price. Prices along a path are not rounded.
    """

    now: Situation
    instruments: Mapping[str, Callable[[Any], Any]]
    assets: Mapping[str, Callable[[Any], Any]]

    def at(self, value: Any) -> Runs:
        """Return the runs of the rules at a value, a `Fraction` or a `Moving`."""
        here = self.now
        moved = Situation(
            here.market,
            here.pools,
            _moved(here.marks, self.instruments, value),
            _moved(here.index, self.assets, value),
            None if here.last is None else _moved(here.last, self.instruments, value),
        )
        return moved.runs(Fraction)

    def failing(self, pool: Pool) -> State:
        """Return whether a pool fails, as a function of the value."""
        return lambda value: fails(self.at(value), pool)


def _moved(prices: Mapping[str, Fraction], factors: Mapping[str, Callable[[Any], Any]], value: Any) -> dict[str, Any]:
    return {name: price * factors[name](value) if name in factors else price for name, price in prices.items()}


def along_instrument(now: Situation, instrument: Instrument) -> Path:
    """Return the path on which the value is the mark of one instrument; its last price keeps its ratio to the mark."""
    mark = now.marks[instrument.name]
    return Path(now, {instrument.name: lambda value: value / mark}, {})


def along_underlying(now: Situation, underlying: str, start: Fraction) -> Path:
    """Return the path on which all prices of an underlying move in proportion, from where its price is ``start``.

    The marks and last prices of its instruments move, and the index price of the asset of its name, unless everything
    is valued in that asset.
    """

    def factor(value: Any) -> Any:
        return value / start

    names = [one.name for one in now.market.instruments if one.underlying == underlying]
    assets = [] if underlying == now.market.rules.valuation_asset else [underlying]
    return Path(now, dict.fromkeys(names, factor), dict.fromkeys(assets, factor))


def underlyings(now: Situation, pool: Pool) -> dict[str, Fraction]:
    """Return the underlyings that a pool hangs on, with their prices.

    Those of its positions and of its orders that count, those that it reserves for included, in market order; then
    the assets of a pool of several that are not what it is valued in. The price is the index price of the asset of
    that name where there is one, else the mark of the pool's first instrument.
    """
    found: dict[str, Fraction] = {}
    for instrument in held_instruments(now.market, pool):
        found.setdefault(instrument.underlying, _price_of(now, instrument.underlying, now.marks[instrument.name]))
    for asset in moving_assets(now.market, pool):
        found.setdefault(asset, now.index[asset])
    order = list(dict.fromkeys(instrument.underlying for instrument in now.market.instruments))
    return dict(sorted(found.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order)))


def _price_of(now: Situation, underlying: str, mark: Fraction) -> Fraction:
    if underlying == now.market.rules.valuation_asset or underlying not in {asset.name for asset in now.market.assets}:
        return mark
    return now.index.get(underlying, mark)


def held_instruments(market: Market, pool: Pool) -> Iterator[Instrument]:
    """Return the instruments of a pool's positions and orders, those that it reserves for included, in market order."""
    names = {position.instrument.name for position in pool.positions}
    names |= {order.instrument.name for order in pool.orders}
    names |= {order.instrument.name for enlarged in pool.enlarged for order in enlarged.orders}
    return (instrument for instrument in market.instruments if instrument.name in names)


def moving_assets(market: Market, pool: Pool) -> list[str]:
    """Return the assets of a pool of several whose index prices can move, in market order."""
    if pool.kind == "isolated" or market.rules.cross_pool == "per_asset":
        return []
    return [layer.asset for layer in pool.layers if layer.asset != market.rules.valuation_asset]
