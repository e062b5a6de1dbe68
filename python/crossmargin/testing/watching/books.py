"""The kinds of books that a monitor is tried on, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from crossmargin.testing.retail import retail_book
from crossmargin.testing.watching.drawn import drawn_book
from crossmargin.testing.watching.made_up import made_up_markets
from crossmargin.testing.watching.ticks import Levels
from crossmargin.testing.watching.watched import Watched
from crossmargin.testing.workloads import reference_workload

if TYPE_CHECKING:
    from crossmargin.testing.workload import Workload

Draw = Callable[[int, int], Watched]
"""Draws a book of about so many accounts from a seed."""

LANES = ("R1", "R2", "R3", "retail")
"""Kinds of which a scan costs some nanoseconds a pool."""


def book_kinds() -> dict[str, Draw]:
    """Return what draws each kind of book: the large ones, every shipped preset, every made-up market.

    Examples
    --------
    >>> watched = book_kinds()["flat tiers"](50, 7)
    >>> watched.kind, watched.book.n_accounts
    ('flat tiers', 50)
    """
    import crossmargin as xm

    kinds: dict[str, Draw] = {name: partial(workload_book, name) for name in LANES[:3]}
    kinds["retail"] = retail
    presets = xm.presets()
    for name, as_of in zip(presets["preset"].tolist(), presets["as_of"].tolist(), strict=True):
        market = xm.load_market(name, as_of=str(as_of))
        if len(market.instruments):  # some bring no tables of their own
            kinds[market.id] = partial(_drawn, market.id, market)
    for name, text in made_up_markets().items():
        kinds[name] = partial(_drawn, name, text)
    return kinds


def _drawn(kind: str, market: Any, n_accounts: int, seed: int) -> Watched:
    import crossmargin as xm

    market = xm.Market.from_toml(market) if isinstance(market, str) else market
    return drawn_book(kind, market, n_accounts, seed ^ crc32(kind.encode()))


def workload_book(name: str, n_accounts: int, seed: int) -> Watched:
    """Draw a reference workload; soft stops are watched where a scan for them is cheap."""
    import crossmargin as xm

    workload = reference_workload(name, n_pools=n_accounts, seed=seed)
    market = xm.Market.from_toml(workload.market_toml)
    watched = Watched(name, _book(workload, market), _levels(workload, market))
    return watched if n_accounts <= _MOST_STOPPED else replace(watched, soft_stop=None)


_MOST_STOPPED = 20_000
"""Accounts of which equity is added up after every frame."""


def retail(n_accounts: int, seed: int) -> Watched:
    """Draw a retail book on the largest venue's preset: cross and isolated, hedged, two settlement assets."""
    import crossmargin as xm

    market = xm.load_market("binance-usdm")
    workload = retail_book(market.to_toml(), n_accounts, seed=seed)
    watched = Watched("retail", _book(workload, market), _levels(workload, market))
    return watched if n_accounts <= _MOST_STOPPED else replace(watched, soft_stop=None)


def _book(workload: Workload, market: Any) -> Any:
    import crossmargin as xm

    orders: dict[str, Any] = {} if workload.orders is None else {"orders": workload.orders}
    return xm.Book(market, balances=workload.balances, positions=workload.positions, **orders)


def _levels(workload: Workload, market: Any) -> Levels:
    none = np.full(len(workload.marks), np.nan)
    index = np.ones(len(market.assets)) if workload.index is None else workload.index
    return Levels(workload.marks.copy(), index.copy(), none)
