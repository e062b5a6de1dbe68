"""From double to double: where a state that hangs on a price changes, exactly.

A price is a double and denotes its shortest decimal. Those decimals are in the order of the doubles, so the doubles
from 2^-256 to 2^256 are places in a row, and the question is always which is the next place with another state.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference.moving import Course
from crossmargin.reference.polynomials import Polynomial, Roots
from crossmargin.reference.values import LARGEST, SMALLEST, parsed

State = Callable[[Any], bool]
"""What is true or not at a value: computed by the rules from a `Fraction` or a `Moving`."""


def place_of(value: float) -> int:
    """Return the place of a positive double: its bits, which are in the order of the doubles."""
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def double_at(place: int) -> float:
    """Return the double at a place."""
    return float(struct.unpack("<d", struct.pack("<q", place))[0])


def denoted(place: int) -> Fraction:
    """Return the number that the double at a place denotes; of 2^256 itself it is a little larger."""
    return parsed(double_at(place), "place")


FIRST = place_of(float(SMALLEST))
LAST = place_of(float(LARGEST))


@dataclass(frozen=True)
class Way:
    """A direction along the places: a step of 1 or -1, to a last place that belongs to it."""

    step: int
    end: int

    def has(self, place: int) -> bool:
        """Whether a place is not beyond the end."""
        return place <= self.end if self.step > 0 else place >= self.end


DOWN, UP = Way(-1, FIRST), Way(1, LAST)


def first_other(state: State, known: bool, place: int, way: Way) -> int | None:
    """Return the first place, from this one on, where the state is not the known one; None where there is none.

    The state is computed at a place with a moving number. It is the same at all further places up to the nearest where
    one of the polynomials that it was compared by may have another sign, so that is the place to look at next.
    """
    while way.has(place):
        course = Course(denoted(place))
        if state(course.variable) != known:
            return place
        place = next_look(course.polynomials, place, way)
    return None


def next_look(signs: Mapping[Polynomial, int], place: int, way: Way) -> int:
    """Return a place such that at all places before it every polynomial has the sign that it has at the given one.

    It is the nearest place that a root lies on or before, or one beyond the end of the way.
    """
    found = way.end + way.step
    for polynomial, sign in signs.items():
        if sign == 0:
            return place + way.step
        last = found - way.step
        if last != place:
            roots = Roots(polynomial)
            if _between(roots, place, last):
                found = _nearest(roots, place, last)
    return found


def _between(roots: Roots, place: int, last: int) -> bool:
    """Whether there is a root between two places, both included."""
    low, high = sorted((place, last))
    return roots.between(denoted(low), denoted(high))


def _nearest(roots: Roots, place: int, last: int) -> int:
    """Bisect: there is no root at the first place, and one up to the last."""
    while abs(last - place) > 1:
        middle = (place + last) // 2
        if _between(roots, place, middle):
            last = middle
        else:
            place = middle
    return last


def first_place_from(value: Fraction, way: Way) -> int:
    """Return the place of a number, or the first one beyond it on a way; the number is one that inputs may be."""
    place = place_of(float(value))
    while (denoted(place) - value) * way.step < 0:
        place += way.step
    return place
