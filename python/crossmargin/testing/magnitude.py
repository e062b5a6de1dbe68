"""A number that knows how large the terms were that it is made of: what rounding errors are relative to.

The reference runs in any number type. In this one it computes exactly, and beside each value keeps the magnitude that
the same formula has with every term taken by its absolute value: 100 - 99 is 1 of magnitude 199. A program that
computes the formula in floating point errs by a few roundings of that magnitude, not of the value.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any


class Magnitude:
    """An exact value with the magnitude of its terms.

    Compares by value. A quotient's magnitude is ``|a| * |b| / b ** 2`` with magnitudes in bars: a divisor that is a
    small difference of large terms makes it large.

    Parameters
    ----------
    value : int or Fraction
        The number.
    size : Fraction, optional
        Its magnitude, at least its absolute value; by default that.

    Examples
    --------
    >>> one = Magnitude(100) - Magnitude(99)
    >>> int(one.value), int(one.size)
    (1, 199)
    """

    __slots__ = ("size", "value")

    def __init__(self, value: int | Fraction, size: Fraction | None = None) -> None:
        self.value = Fraction(value)
        self.size = abs(self.value) if size is None else size

    def __add__(self, other: Any) -> Magnitude:
        more = _lifted(other)
        return Magnitude(self.value + more.value, self.size + more.size)

    def __radd__(self, other: Any) -> Magnitude:
        return _lifted(other) + self

    def __sub__(self, other: Any) -> Magnitude:
        less = _lifted(other)
        return Magnitude(self.value - less.value, self.size + less.size)

    def __rsub__(self, other: Any) -> Magnitude:
        return _lifted(other) - self

    def __mul__(self, other: Any) -> Magnitude:
        times = _lifted(other)
        return Magnitude(self.value * times.value, self.size * times.size)

    def __rmul__(self, other: Any) -> Magnitude:
        return _lifted(other) * self

    def __truediv__(self, other: Any) -> Magnitude:
        by = _lifted(other)
        return Magnitude(self.value / by.value, self.size * by.size / by.value**2)

    def __rtruediv__(self, other: Any) -> Magnitude:
        return _lifted(other) / self

    def __neg__(self) -> Magnitude:
        return Magnitude(-self.value, self.size)

    def __abs__(self) -> Magnitude:
        return Magnitude(abs(self.value), self.size)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Magnitude | Fraction | int) and self.value == _lifted(other).value

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Any) -> bool:
        return self.value < _lifted(other).value

    def __le__(self, other: Any) -> bool:
        return self.value <= _lifted(other).value

    def __gt__(self, other: Any) -> bool:
        return self.value > _lifted(other).value

    def __ge__(self, other: Any) -> bool:
        return self.value >= _lifted(other).value

    def __repr__(self) -> str:
        return f"Magnitude({float(self.value)!r}, {float(self.size)!r})"


def _lifted(number: Magnitude | Fraction | int) -> Magnitude:
    return number if isinstance(number, Magnitude) else Magnitude(number)
