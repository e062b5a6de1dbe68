"""What the results of questions before a trade share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin.price.results import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

REASONS: tuple[str, ...] = tuple(engine.REASONS)
"""The word of each reason code, at the place of its code: why an order is refused, or what binds a size."""

_WORDS = np.array(REASONS, dtype=object)


class Found(Result):
    """Columns about what might be done with a book at given prices, with keys before them."""

    __slots__ = ()


def reason_words(codes: NDArray[Any]) -> NDArray[Any]:
    """Give the words of reason codes."""
    words: NDArray[Any] = _WORDS[codes]
    return words
