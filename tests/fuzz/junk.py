"""Arguments that nobody should give, and what may come of them: an answer, or an error of ours.

Where a table goes, anything is given; where a word or a number goes, any word, number or other single value.
"""

import contextlib
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

import crossmargin as xm

MARKET = xm.load_market("binance-usdm", as_of="2024-10-01")
TEXTBOOK = xm.load_market("textbook", as_of="2020-01-01")
JOINT = xm.load_market("bybit-uta", as_of="2025-09-02")


@contextlib.contextmanager
def answered_or_refused(*others: type[Exception]) -> Iterator[None]:
    """Let errors of ours pass, and those that the function says it lets through; anything else is a fault."""
    try:
        yield
    except xm.InternalError:
        raise
    except (xm.CrossmarginError, *others):
        pass


class Silent:
    """An object with no more than an identity."""


extremes = st.sampled_from(
    [0, -0.0, 1, -1, True, 5e-324, 1e-78, 1e-77, 1.1e77, 1e308, math.inf, -math.inf, math.nan, 2**63, -(2**63), 10**300]
)
numbers = st.one_of(
    extremes,
    st.integers(),
    st.floats(),
    st.decimals(-(10**40), 10**40),
    st.fractions(-(10**40), 10**40),
    st.sampled_from(
        [
            Decimal("1e-400"),
            Decimal("1e300"),
            Decimal("Infinity"),
            Fraction(1, 3),
            np.float32(0.1),
            np.int8(3),
            np.uint64(2**63),
        ]
    ),
)
WORDS = ["", "BTCUSDT", "USDT", "cross", "isolated", "net", "long", "short", "all", "null", "merge", "reject", "base"]
WORDS += ["down", "mark", "excess", "\x00", "ü\n", "1e40", "nan", "0x10"]
words = st.one_of(st.sampled_from(WORDS), st.text(max_size=5))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    words,
    st.binary(max_size=3),
    st.complex_numbers(),
    st.sampled_from([date(2024, 10, 1), datetime(2024, 10, 1, tzinfo=UTC), np.datetime64("NaT")]),
    st.builds(Silent),
)
plain = st.one_of(st.none(), st.booleans(), numbers, words, st.binary(max_size=3), st.just(date(2024, 10, 1)))
"""What is of no container type: for arguments that are one value."""
arrays = st.one_of(
    st.lists(numbers, max_size=3).map(lambda values: np.array(values, dtype=object)),
    st.integers(0, 4).map(np.zeros),
    st.just(np.zeros((2, 2))),
    st.just(np.zeros(3, dtype="U2")),
    st.just(np.zeros(2, dtype=[("a", "f8")])),
    st.just(np.zeros(4)[::2]),
    st.just(np.zeros(2, dtype=">f8")),
)
columns = st.one_of(st.lists(scalars, max_size=3), st.tuples(scalars), arrays, st.sets(st.integers(), max_size=2))
junk = st.one_of(
    scalars,
    columns,
    st.dictionaries(words, scalars, max_size=3),
    st.lists(st.dictionaries(words, scalars, max_size=3), max_size=2),
    st.builds(lambda: iter([1, 2])),
    st.sampled_from([MARKET, TEXTBOOK, MARKET.prices(mark={})]),
)
