"""What a monitor watches for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from crossmargin._arguments import listed, of_type, shown, text
from crossmargin.errors import ArgumentError

_MOST_LEVELS = 16

_LIQUIDATION = {True: "watched", False: "off", "latched": "latched"}


@dataclass(frozen=True)
class Alerts:
    """What a monitor watches for: liquidations, levels of the margin ratio, a soft stop.

    Parameters
    ----------
    liquidation : bool or "latched"
        Whether a pool is `liquidatable <score>`: watched as it is entered and left, not at all, or latched, which stays
        set once it is entered, until it is reset.
    levels : sequence of float
        Levels of the margin ratio, positive and distinct, at most 16; kept in descending order. One is passed where a
        pool requires something, holds what can be liquidated, and ``collateral_value < level * maintenance_margin``.
    soft_stop : float or None
        The share of its reference, between 0 and 1, whose loss stops an account:
        ``equity <= (1 - soft_stop) * reference``, latched until it is reset. ``None``: no soft stop.
    valuation : str, optional
        The asset that equity of accounts is stated in for the soft stop; by default the market's valuation asset, or
        the only one that pools settle in.

    Raises
    ------
    ArgumentError
        For values that are none of these.

    Examples
    --------
    >>> import crossmargin as xm
    >>> xm.Alerts()
    Alerts(liquidation=True, levels=(2.0, 1.5, 1.2), soft_stop=0.15, valuation=None)
    >>> xm.Alerts(liquidation="latched", levels=[1.1, 3], soft_stop=None).levels
    (3.0, 1.1)
    """

    liquidation: bool | Literal["latched"] = True
    levels: tuple[float, ...] = (2.0, 1.5, 1.2)
    soft_stop: float | None = 0.15
    valuation: str | None = None

    def __post_init__(self) -> None:
        liquidation: Any = self.liquidation
        if not isinstance(liquidation, (bool, str)) or liquidation not in _LIQUIDATION:
            raise ArgumentError(f"liquidation was {shown(liquidation)}, expected True, False or 'latched'")
        object.__setattr__(self, "levels", levels_of(self.levels))
        if self.soft_stop is not None:
            share = share_of(self.soft_stop, "soft_stop", "a share of the reference", 0.15)
            object.__setattr__(self, "soft_stop", share)
        if self.valuation is not None:
            text(self.valuation, "valuation")

    def _core(self) -> tuple[str, list[float], float | None, str | None]:
        """Give the alerts as the compiled half takes them."""
        return _LIQUIDATION[self.liquidation], list(self.levels), self.soft_stop, self.valuation

    @classmethod
    def _of(cls, word: str, levels: list[float], soft_stop: float | None, valuation: str | None) -> Alerts:
        """Make the alerts that a snapshot was taken under."""
        liquidation: Any = next(value for value, known in _LIQUIDATION.items() if known == word)
        return cls(liquidation, tuple(levels), soft_stop, valuation)


def levels_of(given: Any) -> tuple[float, ...]:
    """Take levels of the margin ratio, in descending order."""
    levels = [
        number_of(level, f"levels[{at}]") for at, level in enumerate(listed(given, "levels", "a list of numbers"))
    ]
    for level in levels:
        if not (level > 0.0 and math.isfinite(level)):
            raise ArgumentError(f"levels had {level!r}, expected positive numbers")
    ordered = sorted(levels, reverse=True)
    for level, following in pairwise(ordered):
        if level == following:
            raise ArgumentError(f"levels had {level!r} twice, expected distinct ones")
    if len(ordered) > _MOST_LEVELS:
        raise ArgumentError(f"levels had {len(ordered)} elements, expected at most {_MOST_LEVELS}")
    return tuple(ordered)


def share_of(value: Any, name: str, what: str, such_as: float) -> float:
    """Take a share between 0 and 1."""
    share = number_of(value, name)
    if not 0.0 < share < 1.0:
        raise ArgumentError(f"{name} was {shown(value)}, expected {what} between 0 and 1, such as {such_as}")
    return share


def number_of(value: Any, name: str) -> float:
    """Take a number."""
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        raise of_type(value, name, "a number") from None
