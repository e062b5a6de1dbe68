"""Numbers of the reference: what an input denotes and which inputs are refused.

Everything is read into `Fraction` once, and cast to the number type of the run afterwards. Only this module knows
about the types that a caller may hand in.
"""

import math
import operator
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

N = TypeVar("N", float, Decimal, Fraction)
"""The number type of a run."""

LARGEST = Fraction(2) ** 256
"""Magnitudes above this are refused: no money is that large, and products of inputs then stay finite in a double."""

SMALLEST = 1 / LARGEST
"""Non-zero magnitudes below this are refused."""


class ReferenceInputError(ValueError):
    """A table, a price or a market that the reference refuses; the text names the place, the value and the cure."""


def refuse(where: str, found: object, expected: str, cure: str | None = None) -> ReferenceInputError:
    """Build the error for a refused value: ``where`` was ``found``, expected ``expected``; ``cure``."""
    text = f"{where} was {_show(found)}, expected {expected}"
    return ReferenceInputError(text if cure is None else f"{text}; {cure}")


def exact(value: Any, where: str = "value") -> Fraction:
    """Return the number that an input denotes, exactly.

    A double denotes the shortest decimal that rounds to it, so ``0.1`` is one tenth and not the binary fraction next
    to it: people and venues write decimals. Integers, `Decimal`, `Fraction` and numeric strings denote themselves.

    Formula: ``Fraction(repr(x))``.

    Parameters
    ----------
    value : int, float, Decimal, Fraction or str
        A finite number, zero or of magnitude between 2^-256 and 2^256.
    where : str
        The name of the place, for the error text.

    Returns
    -------
    Fraction
        The exact value. Negative zero is zero.

    Raises
    ------
    ReferenceInputError
        When the value is no number, not finite, or of a magnitude outside the range.

    Examples
    --------
    >>> exact(0.1)
    Fraction(1, 10)
    """
    number = parsed(value, where)
    if number != 0 and not SMALLEST <= abs(number) <= LARGEST:
        raise refuse(where, value, "zero or a magnitude between 2^-256 and 2^256")
    return number


def parsed(value: Any, where: str) -> Fraction:
    """Read any number that a caller may hand in, of whatever magnitude."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise refuse(where, value, "a finite number")
        return Fraction(repr(float(value)))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise refuse(where, value, "a finite number")
        return Fraction(value)
    if isinstance(value, str):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            raise refuse(where, value, "a number") from None
    if isinstance(value, bool):
        raise refuse(where, value, "a number")
    try:
        return Fraction(operator.index(value))
    except TypeError:
        raise refuse(where, value, "a number") from None


def positive(value: Any, where: str) -> Fraction:
    """Read a number that must be above zero, such as a price."""
    number = exact(value, where)
    if number <= 0:
        raise refuse(where, value, "a number above 0")
    return number


def not_negative(value: Any, where: str) -> Fraction:
    """Read a number that must not be below zero, such as a rate."""
    number = exact(value, where)
    if number < 0:
        raise refuse(where, value, "a number not below 0")
    return number


def cast(value: Fraction, number: type[N]) -> N:
    """Bring an exact input into the number type of the run.

    For ``float`` this is the nearest double, hence the very double that was handed in; for ``Decimal`` the quotient
    in the current context, exact for every input of up to 28 digits under the default context.
    """
    if number is Fraction:
        return value  # type: ignore[return-value]
    if number is float:
        return value.numerator / value.denominator  # type: ignore[return-value]
    if number is Decimal:
        return Decimal(value.numerator) / Decimal(value.denominator)  # type: ignore[return-value]
    return number(value)  # type: ignore[arg-type] # a number type of the caller's, made of fractions


def _show(value: object) -> str:
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if value is None:
        return "absent"
    return str(value) if isinstance(value, Fraction) else repr(value)
