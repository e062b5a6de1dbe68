"""Paths that go to the prices at which something changes, to the doubles beside them, and back.

Where pools fail is asked of `crossmargin.liquidation_prices`; where they pass a level of the margin ratio, of the same
call under the same rules with that level as the only trigger; where rules bend, of tier floors, entries and limits.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.testing.watching.ticks import LAST, MARK, Ticks, Writer
from crossmargin.testing.watching.watched import SOFT_STOP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crossmargin.testing.watching.watched import Watched

Random = np.random.Generator
Place = tuple[int, float]
"""An instrument and a price of its mark."""

_BESIDE = (0, 1, -1, -2, 2, 0)
_MOST_ASKED = 4_000
"""Pools of a book that are asked for their prices."""


def ulps_away(price: float, steps: int) -> float:
    """Return the double so many steps above a price, or below."""
    for _ in range(abs(steps)):
        price = math.nextafter(price, math.copysign(math.inf, steps))
    return price


def along_trigger(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Put marks exactly where pools fail, one at a time, and on the doubles beside."""
    return _visited(watched, rng, n_frames, _failing(watched, watched.market_text))


def along_level(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Put marks exactly where pools pass a level of the margin ratio."""
    places: list[Place] = []
    for level in watched.ratios:
        places += _failing(watched, with_trigger(watched.market_text, level))
    return _visited(watched, rng, n_frames, places)


def with_trigger(market: str, level: float) -> str:
    r"""Return the text of a market under which a pool fails exactly where its margin ratio is below a level.

    Examples
    --------
    >>> text = '[trigger]\nlevel = 1\nprice = "last"\n\n[[trigger.constraint]]\nname = "a"\n\n[valuation]\n'
    >>> print(with_trigger(text, 1.5))
    [trigger]
    level = 1.5
    price = "last"
    zero_fails = false
    <BLANKLINE>
    [valuation]
    <BLANKLINE>
    """
    prices = re.findall(r"^\[+trigger[^\]]*\]+\n(?:.+\n)*?price = (.+)$", market, flags=re.MULTILINE)
    constraints = re.findall(r"^\[\[trigger\.constraint\]\]\n((?:.+\n)*)", market, flags=re.MULTILINE)
    first = re.findall(r"^price = (.+)$", constraints[0], flags=re.MULTILINE) if constraints else []
    price = (first or prices or ['"mark"'])[0]
    market = re.sub(r"^preset = .*$", 'preset = "one-trigger"', market, flags=re.MULTILINE)
    text = re.sub(r"^\[\[trigger\.constraint\]\]\n(?:.+\n)*\n?", "", market, flags=re.MULTILINE)
    trigger = f"[trigger]\nlevel = {level!r}\nprice = {price}\nzero_fails = false\n"
    return re.sub(r"^\[trigger\]\n(?:.+\n)*", lambda _: trigger, text, flags=re.MULTILINE)


def _failing(watched: Watched, market: str) -> list[Place]:
    """Return the marks at which pools of a book would change state under a market."""
    import crossmargin as xm

    book = watched.sample(xm.Market.from_toml(market), _MOST_ASKED)
    prices = book.market.prices(watched.levels.mark, watched.levels.index, watched.levels.last)
    found: Any = xm.liquidation_prices(book, prices)
    places: list[Place] = []
    instruments = watched.places
    at = [instruments[name] for name in found.positions["instrument"].tolist()]
    for name in ("below", "above"):
        places += [(where, price) for where, price in zip(at, found[name].tolist(), strict=True) if price > 0]
    return places


def along_soft_stop(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Put marks where accounts have lost the share that stops them, and on the doubles beside."""
    from crossmargin.testing.watching.equities import Equities

    equities = Equities(watched)
    now = equities.at(watched.levels)
    given = now if watched.references is None else np.where(np.isnan(watched.references), now, watched.references)
    places: list[Place] = []
    for account in rng.permutation(len(now))[: n_frames // 4 + 1].tolist():
        if given[account] > 0:
            wanted = (1 - (watched.soft_stop or SOFT_STOP)) * float(given[account])
            places += equities.marks_where(watched.levels, account, wanted)
    return _visited(watched, rng, n_frames, places)


def along_kink(watched: Watched, rng: Random, n_frames: int) -> Ticks:
    """Put marks on the floors of tiers, on entries and limits, and on the doubles beside."""
    table: Any = watched.tables.get("positions", {})
    places: list[Place] = []
    count = len(watched.positions_in)
    for row in rng.permutation(count)[: n_frames // 4 + 1].tolist():
        at = int(watched.positions_in[row])
        one = watched.specified.instruments[at]
        places.append((at, float(table["entry_price"][row])))
        unit = abs(float(table["quantity"][row])) * float(one.contract_size)
        for tier in one.table.tiers[1:]:
            floor = float(tier.floor)
            if one.payoff == "inverse":
                places.append((at, unit / floor))
            else:
                places += [(at, floor / unit), (at, floor / (unit * float(one.multiplier)))]
    near = [(at, price) for at, price in places if 0.1 < price / float(watched.levels.mark[at]) < 10]
    return _visited(watched, rng, n_frames, [*near, *_limits(watched)])


def _limits(watched: Watched) -> list[Place]:
    orders = watched.tables.get("orders")
    if orders is None:
        return []
    at = [watched.places[name] for name in orders["instrument"][:_MOST_ASKED].tolist()]
    prices = orders["price"][:_MOST_ASKED].tolist()
    return [(where, price) for where, price in zip(at, prices, strict=True) if price > 0]


def _visited(watched: Watched, rng: Random, n_frames: int, places: Iterable[Place]) -> Ticks:
    """Go to places one by one, and back to the start after each; last prices go with the marks where they are seen."""
    writer = Writer(watched.levels)
    wanted = [place for place in dict.fromkeys(places) if 2.0**-250 < place[1] < 2.0**250]
    order = rng.permutation(len(wanted))
    lasts = set(watched.quoted[LAST])
    for at, price in (wanted[row] for row in order):
        if len(writer) + len(_BESIDE) >= max(n_frames, len(_BESIDE) + 1):
            break  # each place to its end: where others lie depends on all prices
        start = float(watched.levels.mark[at])
        for steps in _BESIDE:
            _both(writer, at, ulps_away(price, steps), lasts)
        _both(writer, at, start, lasts)
    if not len(writer):
        at = int(watched.held[0])
        writer.one(MARK, at, float(watched.levels.mark[at]))
    return writer.ticks(n_frames)


def _both(writer: Writer, at: int, price: float, lasts: set[int]) -> None:
    if at in lasts:
        last = float(writer.now.last[at]) / float(writer.now.mark[at]) * price
        writer.put(LAST, at, last)
    writer.one(MARK, at, price)
