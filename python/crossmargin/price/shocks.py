"""Joint moves of prices: what a caller says by names, as a move per instrument and per asset."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin._arguments import is_among, mapping, of_type, one_of, shown
from crossmargin._tables import is_mapping
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from crossmargin.market import Market

    Moves = tuple[NDArray[np.float64], NDArray[np.float64]]

PRESETS = {"all_down": -1.0, "all_up": 1.0}
"""Shocks by name: every underlying moves by so much of its price."""


def moves_of(market: Market, shock: Any, assets: Any = None) -> Moves:
    """Lay a shock out.

    Parameters
    ----------
    market : Market
        Whose names they are.
    shock : str, mapping of str to float, or array-like of float
        One of `PRESETS`; a move by name of an instrument, an underlying or an asset; or a move of each instrument, in
        market order.
    assets : mapping of str to float, optional
        Moves of index prices, where they are not those of the underlying of the same name. The valuation asset
        stays where it is, whatever is said of it.

    Returns
    -------
    tuple of ndarray
        The move of each instrument's mark and of each asset's index price, in market order.

    Raises
    ------
    ArgumentError
        For names that the market does not have, and moves that are no finite numbers.
    """
    names = _names_of(market)
    if isinstance(shock, str):
        one_of(shock, "shock", tuple(PRESETS), ", or moves by name")
        shock = np.full(len(names.instruments), PRESETS[shock])
    if is_mapping(shock):
        moves, named, indices = names.spread(shock)
    else:
        moves, indices = _ordered(shock, len(names.instruments)), {}
        named = np.ones(len(moves), dtype=np.bool_)
    index = np.zeros(len(names.assets))
    for asset, place in names.assets.items():
        followed = [at for at in names.by_underlying.get(asset, ()) if named[at]]
        if asset in indices:
            index[place] = indices[asset]
        elif followed:
            index[place] = moves[followed[0]]
    for asset, move in mapping(assets, "assets").items():
        if not is_among(asset, names.assets):
            raise ArgumentError(f"assets named {shown(asset)}, which is no asset of the market")
        index[names.assets[asset]] = _move(move, f"assets[{asset!r}]")
    if names.valuation is not None:
        index[names.assets[names.valuation]] = 0.0
    return moves, index


@lru_cache(maxsize=16)
def _names_of(market: Market) -> _Names:
    """Read a market's names once."""
    return _Names(market)


class _Names:
    """Instruments, underlyings and assets of a market by name."""

    def __init__(self, market: Market) -> None:
        table = market.instruments
        self.instruments: list[str] = table["instrument"].tolist()
        self.places = {name: at for at, name in enumerate(self.instruments)}
        for name, others in market.aliases.items():
            for other in others:
                self.places.setdefault(other, self.places[name])
        self.by_underlying: dict[str, list[int]] = {}
        for at, underlying in enumerate(table["underlying"].tolist()):
            self.by_underlying.setdefault(underlying, []).append(at)
        self.assets = {name: at for at, name in enumerate(market.assets["asset"].tolist())}
        self.valuation: str | None = market.rules["valuation_asset"]

    def spread(self, shock: Mapping[Any, Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_], dict[str, float]]:
        """Give the moves of instruments, which of them are named, and the moves of assets that are named."""
        moves = np.zeros(len(self.instruments))
        named = np.zeros(len(self.instruments), dtype=np.bool_)
        indices: dict[str, float] = {}
        of_instruments: dict[int, float] = {}
        for name, value in shock.items():
            move = _move(value, f"shock[{name!r}]" if isinstance(name, str) else "shock")
            if not any(is_among(name, known) for known in (self.places, self.by_underlying, self.assets)):
                raise ArgumentError(f"shock named {shown(name)}, which is no instrument, underlying or asset")
            if name in self.places:
                self._once(of_instruments, name, move)
            for at in self.by_underlying.get(name, ()):
                moves[at], named[at] = move, True
            if name in self.assets:
                indices[name] = move
        for at, move in of_instruments.items():
            moves[at], named[at] = move, True
        return moves, named, indices

    def _once(self, of_instruments: dict[int, float], name: str, move: float) -> None:
        at = self.places[name]
        if at in of_instruments:
            raise ArgumentError(f"shock named {self.instruments[at]!r} twice, once as {name!r}; give one of them")
        of_instruments[at] = move


def _move(value: object, name: str) -> float:
    try:
        move = float(value)  # type: ignore[arg-type]
    except (OverflowError, TypeError, ValueError):
        raise of_type(value, name, "a number: the share of the price that it moves by") from None
    if not np.isfinite(move):
        raise ArgumentError(f"{name} was {move}, expected a finite number: the share of the price that it moves by")
    if not _is_in_range(move):
        raise ArgumentError(f"{name} was {move}, expected 0 or a magnitude within 2^-256 and 2^256, such as -1")
    return move


def _is_in_range(moves: Any) -> Any:
    """Say which moves the engine takes: 0, and what has the magnitude of an input."""
    size = np.abs(moves)
    return (size == 0.0) | ((size >= 2.0**-256) & (size <= 2.0**256))


def _ordered(shock: Any, n: int) -> NDArray[np.float64]:
    try:
        iter(shock)
        moves = np.array(shock, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        raise of_type(shock, "shock", "moves by name, an array of them in market order, or a preset") from None
    if moves.shape != (n,):
        raise ArgumentError(f"shock had shape {moves.shape}, expected a move of each of {n} instruments")
    if not np.isfinite(moves).all():
        at = int(np.flatnonzero(~np.isfinite(moves))[0])
        raise ArgumentError(f"shock[{at}] was {moves[at]}, expected a finite number: the share of the price")
    if not _is_in_range(moves).all():
        at = int(np.flatnonzero(~_is_in_range(moves))[0])
        raise ArgumentError(f"shock[{at}] was {moves[at]}, expected 0 or a magnitude within 2^-256 and 2^256")
    return moves
