"""A number that moves with a price: a quotient of polynomials, which remembers what it was compared with.

The rules of this package are written for any number type. Given a price that is such a number, they compute every
figure as a function of that price: additions and products make quotients of polynomials again, and a comparison is
answered at the one price where the computation stands, its `Course`. Every comparison is the sign of a polynomial.
As long as none of those signs is another, the rules take the same branches and every figure is the same quotient, so
the verdict is the same: between that price and the nearest root of a polynomial of the course nothing changes.
"""

import math
from fractions import Fraction
from typing import Any

from crossmargin.reference.polynomials import (
    Polynomial,
    added,
    common_divisor,
    divided,
    primitive,
    sign_at,
    times,
    trimmed,
)


class Course:
    """One computation at one value of the variable, and the polynomials whose signs it depended on."""

    def __init__(self, at: Fraction) -> None:
        self.at = at
        self.polynomials: dict[Polynomial, int] = {}

    @property
    def variable(self) -> "Moving":
        """The variable itself."""
        return Moving(self, (0, 1), (1,))

    def sign(self, polynomial: Polynomial) -> int:
        """Return the sign of a polynomial here, and remember that it was asked for."""
        if len(polynomial) <= 1:
            return sign_at(polynomial, self.at)
        polynomial = primitive(polynomial)
        if polynomial not in self.polynomials:
            self.polynomials[polynomial] = sign_at(polynomial, self.at)
        return self.polynomials[polynomial]


class Moving:
    """A quotient of two polynomials in the variable of a course; it works together with `Fraction` and whole numbers.

    Results that do not hang on the variable are fractions again.

    Examples
    --------
    >>> course = Course(Fraction(50))
    >>> mark = course.variable
    >>> 3 * mark > 100, sorted(course.polynomials.items())
    (True, [((-100, 3), 1)])
    >>> mark * (2 / mark)
    Fraction(2, 1)
    """

    __hash__ = None  # type: ignore[assignment] # its comparisons are remembered
    __slots__ = ("above", "below", "course")

    def __init__(self, course: Course, above: Polynomial, below: Polynomial) -> None:
        self.course = course
        self.above = above
        self.below = below

    def _quotient(self, above: Polynomial, below: Polynomial) -> "Moving | Fraction":
        """Put a quotient into lowest terms."""
        if not above:
            return Fraction(0)
        if len(above) > 1 and len(below) > 1:
            common = common_divisor(above, below)
            above, below = divided(above, common), divided(below, common)
        if len(above) == len(below) == 1:
            return Fraction(above[0], below[0])
        content = math.gcd(*above, *below)
        return Moving(self.course, tuple(x // content for x in above), tuple(x // content for x in below))

    def _parts(self, other: Any) -> tuple[Polynomial, Polynomial] | None:
        """Polynomials of another operand; None where it is no number of ours."""
        if isinstance(other, Moving):
            return other.above, other.below
        if isinstance(other, int | Fraction):
            return trimmed((other.numerator,)), (other.denominator,)
        return None

    def __add__(self, other: Any) -> Any:
        parts = self._parts(other)
        if parts is None:
            return NotImplemented
        above, below = parts
        if below == self.below:
            return self._quotient(added(self.above, above), below)
        return self._quotient(added(times(self.above, below), times(above, self.below)), times(self.below, below))

    __radd__ = __add__

    def __neg__(self) -> "Moving":
        return Moving(self.course, tuple(-x for x in self.above), self.below)

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if self._parts(other) is None else self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        parts = self._parts(other)
        if parts is None:
            return NotImplemented
        return self._quotient(times(self.above, parts[0]), times(self.below, parts[1]))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        parts = self._parts(other)
        if parts is None:
            return NotImplemented
        if self.course.sign(parts[0]) == 0:
            raise ZeroDivisionError(f"division by {other!r}")
        return self._quotient(times(self.above, parts[1]), times(self.below, parts[0]))

    def __rtruediv__(self, other: Any) -> Any:
        parts = self._parts(other)
        if parts is None:
            return NotImplemented
        return Moving(self.course, *parts) / self

    def __abs__(self) -> "Moving":
        return -self if self < 0 else self

    def __bool__(self) -> bool:
        return self._sign() != 0

    def _sign(self) -> int:
        return self.course.sign(self.above) * self.course.sign(self.below)

    def _against(self, other: Any) -> int | None:
        """Sign of the difference to another number."""
        if self._parts(other) is None:
            return None
        difference: Moving | Fraction = self - other
        if isinstance(difference, Moving):
            return difference._sign()
        return int(difference > 0) - int(difference < 0)

    def __eq__(self, other: object) -> bool:
        return self._against(other) == 0

    def __lt__(self, other: Any) -> bool:
        sign = self._against(other)
        return NotImplemented if sign is None else sign < 0

    def __le__(self, other: Any) -> bool:
        sign = self._against(other)
        return NotImplemented if sign is None else sign <= 0

    def __gt__(self, other: Any) -> bool:
        sign = self._against(other)
        return NotImplemented if sign is None else sign > 0

    def __ge__(self, other: Any) -> bool:
        sign = self._against(other)
        return NotImplemented if sign is None else sign >= 0

    def __repr__(self) -> str:
        return f"Moving({self.above}, {self.below})"
