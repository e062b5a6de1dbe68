"""Rounding of what is displayed: to decimals and to ticks, in the direction that a venue rounds.

Nothing here enters a computation. Figures are doubles, the nearest to the exact values or a few steps beside them; a
value within `_SLACK` steps of a double from a multiple of the unit counts as that multiple, so that truncation does not
show 0.29 where 0.30 is meant.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_SLACK = 8.0
"""Steps between neighbouring doubles: what a figure of few positions may be beside the exact value."""

_LARGEST_COUNT = 2.0**53
"""Above it a double has no fraction: a larger count of units is as exact as it can be."""


_RATIOS = ("margin_ratio", "venue_ratio")
_REQUIRED = ("notional", "initial_margin", "maintenance_margin")


def displayed(columns: Mapping[str, Any], outputs: Iterable[str], rules: Mapping[str, Any]) -> dict[str, Any]:
    """Round the outputs among columns as a venue displays them.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Outputs, and other columns that stay as they are.
    outputs : iterable of str
        Which of them are outputs.
    rules : mapping
        `Market.rules`: ``amount_decimals``, ``amount_rounding``, ``ratio_decimals`` and ``venue_ratio``.

    Returns
    -------
    dict of str to ndarray
        The columns, in the same order.
    """
    rounded = dict(columns)
    for name in outputs:
        decimals = rules["ratio_decimals" if name in _RATIOS else "amount_decimals"]
        if name == "liquidatable" or decimals is None:
            continue
        upward = name in _REQUIRED
        if name == "venue_ratio":
            upward = rules["venue_ratio"] == "maintenance_over_equity"
        rounded[name] = round_to(columns[name], (1, 10**decimals), rules["amount_rounding"], upward=upward)
    return rounded


def at_ticks(
    columns: Mapping[str, Any], prices: Iterable[str], ticks: Mapping[str, float], rounding: str
) -> dict[str, Any]:
    """Round the prices among columns of positions to the ticks of their instruments.

    Parameters
    ----------
    columns : mapping of str to ndarray
        ``instrument``, ``quantity``, the prices, and others that stay as they are.
    prices : iterable of str
        Which of them are prices.
    ticks : mapping of str to float
        The step by instrument; NaN where the market states none, and prices stay as they are.
    rounding : str
        As of `round_to`; ``"adverse"`` is up for longs and down for shorts, of ``below`` up and of ``above`` down.

    Returns
    -------
    dict of str to ndarray
        The columns, in the same order.
    """
    rounded = dict(columns)
    steps = np.array([ticks[name] for name in columns["instrument"].tolist()], dtype=np.float64)
    long = np.asarray(columns["quantity"]) > 0.0
    upward = {"below": np.ones_like(long), "above": np.zeros_like(long)}
    for name in prices:
        made = rounded[name] = np.array(columns[name], dtype=np.float64)
        for step in np.unique(steps[~np.isnan(steps)]).tolist():
            at = steps == step
            unit = Fraction(repr(step)).as_integer_ratio()
            made[at] = round_to(made[at], unit, rounding, upward=upward.get(name, long)[at])
    return rounded


def round_to(values: Any, unit: tuple[int, int], rounding: str, *, upward: Any = False) -> NDArray[np.float64]:
    """Round to multiples of a unit.

    Parameters
    ----------
    values : array-like of float
        What is displayed. NaN and infinities stay.
    unit : tuple of int
        The unit exactly, as numerator and denominator: of decimals or of a tick.
    rounding : {"truncate", "half_up", "half_even", "floor", "ceiling", "adverse"}
        Toward zero; to the nearest, halves away from zero or to the even one; down; up; or up where ``upward`` and
        down elsewhere.
    upward : array-like of bool
        Where ``"adverse"`` is up.

    Returns
    -------
    ndarray of float64
        The doubles nearest to the multiples.

    Examples
    --------
    >>> round_to([11.954764755, 0.1 + 0.2 - 1e-17], (1, 10**8), "truncate").tolist()
    [11.95476475, 0.3]
    >>> round_to(7735.372549, (1, 2), "adverse", upward=True).item()
    7735.5
    """
    values = np.asarray(values, dtype=np.float64)
    numerator, denominator = map(float, unit)
    with np.errstate(invalid="ignore", over="ignore"):
        count = values * denominator / numerator
        slack = _SLACK * np.spacing(np.abs(count))
        nearest = np.rint(count)
        whole = np.where(np.abs(count - nearest) <= slack, nearest, _rounded(count, slack, rounding, upward))
        shown = whole * numerator / denominator
    return np.where(np.abs(count) < _LARGEST_COUNT, shown + 0.0, values)


def _rounded(count: NDArray[np.float64], slack: NDArray[np.float64], rounding: str, upward: Any) -> NDArray[np.float64]:
    """Round counts that are not whole."""
    if rounding == "floor":
        return np.floor(count)
    if rounding == "ceiling":
        return np.ceil(count)
    if rounding == "adverse":
        return np.where(upward, np.ceil(count), np.floor(count))
    if rounding == "truncate":
        return np.trunc(count)
    below = np.floor(count)
    tie = np.abs(count - (below + 0.5)) <= slack
    if rounding == "half_even":
        even = np.where(np.fmod(below, 2.0) == 0.0, below, below + 1.0)
        return np.where(tie, even, np.rint(count))
    away = np.where(count < 0.0, below, below + 1.0)
    return np.where(tie, away, np.rint(count))
