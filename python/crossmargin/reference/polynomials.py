"""Polynomials with whole coefficients: just enough to say exactly between which numbers one has a root.

A polynomial is a tuple of coefficients, the constant first, without zeros at its end; nothing is the zero polynomial.
"""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

Polynomial = tuple[int, ...]


def trimmed(coefficients: Sequence[int]) -> Polynomial:
    """Drop zeros at the end, so that the last coefficient is the leading one."""
    end = len(coefficients)
    while end and coefficients[end - 1] == 0:
        end -= 1
    return tuple(coefficients[:end])


def added(a: Polynomial, b: Polynomial) -> Polynomial:
    """Add two polynomials."""
    if len(a) < len(b):
        a, b = b, a
    return trimmed([*(x + y for x, y in zip(a, b, strict=False)), *a[len(b) :]])


def times(a: Polynomial, b: Polynomial) -> Polynomial:
    """Multiply two polynomials."""
    product = [0] * max(len(a) + len(b) - 1, 0)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product[i + j] += x * y
    return trimmed(product)


def primitive(a: Polynomial) -> Polynomial:
    """Divide by the largest common divisor of the coefficients; signs and roots stay."""
    content = math.gcd(*a)
    return a if content <= 1 else tuple(x // content for x in a)


def derivative(a: Polynomial) -> Polynomial:
    """Differentiate."""
    return tuple(k * x for k, x in enumerate(a))[1:]


def remainder(a: Polynomial, b: Polynomial) -> Polynomial:
    """Return the remainder of a division by a polynomial that is not zero, times a positive number.

    Formula: each step takes ``a * |l| - sign(l) * leading(a) * x^k * b`` with ``l = leading(b)``.
    """
    lead, sign = abs(b[-1]), 1 if b[-1] > 0 else -1
    while len(a) >= len(b):
        factor, shift = sign * a[-1], len(a) - len(b)
        low = [lead * x for x in a[:shift]]
        high = [lead * x - factor * y for x, y in zip(a[shift:], b, strict=True)]
        a = primitive(trimmed([*low, *high]))
    return a


def common_divisor(a: Polynomial, b: Polynomial) -> Polynomial:
    """Return the greatest common divisor, without common divisors of its coefficients (Euclid)."""
    while b:
        a, b = b, remainder(a, b)
    return primitive(a)


def divided(a: Polynomial, b: Polynomial) -> Polynomial:
    """Divide by a polynomial that divides and whose coefficients have no common divisor.

    By the lemma of Gauss every coefficient of the quotient is whole.
    """
    rest, quotient = list(a), [0] * (len(a) - len(b) + 1)
    for k in reversed(range(len(quotient))):
        quotient[k] = rest[k + len(b) - 1] // b[-1]
        for j, y in enumerate(b):
            rest[k + j] -= quotient[k] * y
    assert not any(rest)
    return tuple(quotient)


def sign_at(a: Polynomial, x: Fraction) -> int:
    """Return the sign of the value at a point: -1, 0 or 1.

    Formula: ``sum a_k p^k q^(n - k)`` for ``x = p / q``, which has the sign of the value.

    Examples
    --------
    >>> sign_at((-2, 0, 1), Fraction(3, 2))
    1
    """
    p, q = x.numerator, x.denominator
    total, power = 0, 1
    for coefficient in reversed(a):
        total = total * p + coefficient * power
        power *= q
    return (total > 0) - (total < 0)


class Roots:
    """The real roots of a polynomial that is not zero, by Sturm's theorem.

    The theorem: with ``V(x)`` the changes of sign in the chain ``p, p', -rem(p, p'), ...`` at ``x``, a polynomial
    without double roots has ``V(a) - V(b)`` roots in ``a < x <= b``. Double roots are divided out first.

    Examples
    --------
    >>> roots = Roots((-2, 0, 1))  # x^2 - 2
    >>> roots.between(Fraction(1), Fraction(2)), roots.between(Fraction(-1), Fraction(1))
    (True, False)
    """

    def __init__(self, polynomial: Polynomial) -> None:
        slope = derivative(polynomial)
        if len(slope) > 1:
            polynomial = divided(primitive(polynomial), common_divisor(polynomial, slope))
            slope = derivative(polynomial)
        self._chain = [polynomial, slope]
        while len(self._chain[-1]) > 1:
            rest = remainder(self._chain[-2], self._chain[-1])
            self._chain.append(tuple(-x for x in rest))

    def between(self, low: Fraction, high: Fraction) -> bool:
        """Whether there is a root in ``low <= x <= high``."""
        if sign_at(self._chain[0], low) == 0:
            return True
        return self._changes(low) > self._changes(high)

    def _changes(self, x: Fraction) -> int:
        signs = [sign for sign in (sign_at(one, x) for one in self._chain) if sign]
        return sum(a != b for a, b in itertools.pairwise(signs))
