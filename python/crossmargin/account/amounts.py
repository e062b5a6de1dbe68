"""Exact amounts: the decimals that inputs denote, and the steps in which assets move.

Here are numbers only; what they are amounts of is told by the callers. Nothing is rounded unless a direction was named.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from numbers import Integral
from typing import Any

from crossmargin._arguments import LARGEST, SMALLEST, one_of, shown
from crossmargin.errors import ArgumentError

DIRECTIONS = ("down", "up", "nearest")
"""Toward less money for the owner, toward more, or to the nearest step (halves to the even one)."""

_NOISE = Fraction(1, 2**46)
"""A figure of few positions is this near its exact value, relative to the largest amount in it."""

_LARGEST_ORDER = 100
"""A decimal order beyond the range of magnitudes."""

_WRITTEN = Context(prec=60, traps=[Inexact, InvalidOperation])
_CUT = Context(prec=17)


def exact(value: Any, name: str) -> Fraction:
    """Take a number as the decimal that it denotes.

    Parameters
    ----------
    value : int, float, decimal.Decimal, fractions.Fraction or str
        A float denotes the shortest decimal that round-trips to it, text the decimal that it writes.
    name : str
        What the message calls it.

    Returns
    -------
    fractions.Fraction
        The number, exactly.

    Raises
    ------
    ArgumentError
        For what is no number, for NaN and infinities, and for magnitudes outside 2^-256..2^256.

    Examples
    --------
    >>> exact(0.1, "amount"), exact("1e-8", "amount")
    (Fraction(1, 10), Fraction(1, 100000000))
    """
    number = _number(value)
    if number is None:
        raise ArgumentError(f"{name} was {shown(value)}, expected a finite number")
    if number and not SMALLEST <= abs(number) <= LARGEST:
        raise ArgumentError(f"{name} was {shown(value)}, expected zero or a magnitude within 2^-256..2^256")
    return number


def _number(value: Any) -> Fraction | None:
    if isinstance(value, Fraction):
        return value
    try:
        if isinstance(value, Integral) and not isinstance(value, bool):
            return Fraction(int(value))
        if isinstance(value, (str, Decimal)):
            return _of_decimal(Decimal(value))
        if not isinstance(value, bool):
            return Fraction(repr(float(value)))
    except (TypeError, ValueError, OverflowError, InvalidOperation):
        pass
    return None


def _of_decimal(value: Decimal) -> Fraction | None:
    """Take a decimal exactly; of one far outside the range no more than its order, which may be of a billion digits."""
    if not value.is_finite():
        return None
    if value and abs(order := value.adjusted()) > _LARGEST_ORDER:
        return Fraction(10) ** (_LARGEST_ORDER if order > 0 else -_LARGEST_ORDER)
    return Fraction(value)


def positive(value: Any, name: str) -> Fraction:
    """Take a number above zero as the decimal that it denotes; see `exact`."""
    number = exact(value, name)
    if number <= 0:
        raise ArgumentError(f"{name} was {shown(value)}, expected a positive number")
    return number


def written(amount: Fraction) -> str:
    """Write an amount for people: its decimal, or 17 digits of what has none."""
    try:
        decimal = to_decimal(amount)
    except ArgumentError:
        decimal = _CUT.divide(Decimal(amount.numerator), Decimal(amount.denominator))
    text = f"{decimal:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_decimal(amount: Fraction) -> Decimal:
    """Turn an amount of money into the decimal that it is.

    Raises
    ------
    ArgumentError
        For a fraction that is no decimal of 60 digits, which no amount of money is.
    """
    try:
        return _WRITTEN.divide(Decimal(amount.numerator), Decimal(amount.denominator))
    except (Inexact, InvalidOperation):
        raise ArgumentError(f"amount was {amount}, which is no decimal") from None


def check_direction(direction: str | None) -> None:
    """Refuse a ``round`` that is no direction."""
    if direction is not None:
        one_of(direction, "round", DIRECTIONS, " or None")


def in_steps(amount: Fraction, step: Fraction, direction: str | None, what: str) -> Fraction:
    """Give an amount as a multiple of a step.

    Parameters
    ----------
    amount : fractions.Fraction
        Positive for what the owner gets.
    step : fractions.Fraction
        The quantum of an asset, or the lot of an instrument.
    direction : {"down", "up", "nearest"} or None
        Where to go with what is no multiple; ``None`` refuses it.
    what : str
        The beginning of the message, such as ``"amount was 0.123 USDT"``.

    Returns
    -------
    fractions.Fraction
        The multiple.

    Raises
    ------
    ArgumentError
        For what is no multiple, where no direction was named.
    """
    count = amount / step
    if count.denominator == 1:
        return amount
    if direction is None:
        cure = "give a multiple, or say round='down', 'up' or 'nearest'"
        raise ArgumentError(f"{what}, which is no multiple of {written(step)}: {cure}")
    if direction == "nearest":
        return round(count) * step
    return (math.floor(count) if direction == "down" else math.ceil(count)) * step


def limit_in_steps(limit: float, step: Fraction, largest: float) -> Fraction:
    """Give a computed limit as a multiple of a step: the one that is meant where it is noise beside it, else below.

    Parameters
    ----------
    limit : float
        What the engine computed, with the error of floating point.
    step : fractions.Fraction
        The quantum.
    largest : float
        The largest amount that went into it, to which its error is relative.
    """
    value = Fraction(limit)
    nearest = round(value / step) * step
    if abs(value - nearest) <= _NOISE * Fraction(largest):
        return nearest
    return math.floor(value / step) * step


def at_least_in_steps(amount: float, step: Fraction) -> Fraction:
    """Give a computed amount as the multiple of a step that is meant, or the next above it."""
    return -limit_in_steps(-amount, step, abs(amount))
