"""Hypothesis strategies: magnitudes of prices, sizes and cash, in three styles.

``decimal``: a few decimal digits, as people write them, so that sums of decimals tie exactly where sums of doubles do
not. ``wide``: full mantissas and exponents from 2^-60 to 2^60. ``limit``: exponents up to the magnitudes that are
refused.
"""

import math

from hypothesis import strategies as st

LIMIT = 250
"""Exponent of two that the style ``limit`` reaches; the refused magnitudes begin at 256."""

EXPONENTS = {"wide": 60, "limit": LIMIT}

STYLES = ("decimal", "wide", "limit")

# All of these and their quotients are short decimals: no prime factor but 2 and 5.
ROUND_PRICES = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 5.0, 8.0, 10.0, 20.0, 25.0, 50.0, 100.0, 1000.0, 6250.0, 64000.0)
ROUND_SIZES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)


def magnitudes(style: str) -> st.SearchStrategy[float]:
    """Draw positive numbers in a style."""
    if style == "decimal":
        digits = st.builds(lambda n, places: float(f"{n}e-{places}"), st.integers(1, 99_999), st.integers(0, 6))
        return st.one_of(st.sampled_from(ROUND_PRICES), digits)
    reach = EXPONENTS[style]
    mantissas = st.integers(2**52, 2**53 - 1) | st.sampled_from([2**52, 2**52 + 1, 2**53 - 1])
    return st.builds(lambda m, e: math.ldexp(m, e - 52), mantissas, st.integers(-reach, reach - 1))


def narrow(style: str) -> str:
    """Contract sizes of extreme magnitude leave no room for the rest of the product; draw them wide at most."""
    return "wide" if style == "limit" else style


@st.composite
def near(draw: st.DrawFn, price: float) -> float:
    """Draw a price within some per cent of another: the usual case, where most digits cancel."""
    return price * draw(st.sampled_from([0.5, 0.9, 0.99, 1 - 2**-40, 1 + 2**-52, 1.001, 1.125, 2.0]))


@st.composite
def signed(draw: st.DrawFn, style: str) -> float:
    """Draw a balance: positive, owed or nothing."""
    return draw(st.sampled_from([1.0, 1.0, 1.0, -1.0, 0.0])) * draw(magnitudes(style)) or 0.0


def step(value: float, ulps: int) -> float:
    """Move by doubles, staying inside the magnitudes that are accepted."""
    for _ in range(abs(ulps)):
        value = math.nextafter(value, math.copysign(math.inf, ulps))
    return clamp(value) if value else 0.0


def clamp(value: float) -> float:
    """Bring a magnitude into the accepted range; zero stays zero."""
    if value == 0:
        return 0.0
    return math.copysign(min(max(abs(value), 2.0**-255), 2.0**255), value)
