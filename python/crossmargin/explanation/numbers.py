"""Numbers and formulas as a person reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Token = str | int | tuple[str, float]
"""A symbol, the place of another term, or a number with what it is."""

_DIGITS = 12
_FRACTIONS = ("_rate", "_buffer", "weight", "share", "rate")
_SPACED = ("+", "-", "*", "/", "<", "<=", "or", "and")
_TIMES = {"*": "x"}


def number(value: float) -> str:
    """Write a number with twelve digits and commas.

    Examples
    --------
    >>> number(32000.0), number(-0.00055), number(0.1 + 0.2), number(1e-9)
    ('32,000', '-0.00055', '0.3', '1e-09')
    """
    if math.isnan(value):
        return "unknown"
    if value == 0.0 or math.isinf(value) or not 1e-6 <= abs(value) < 1e15:
        return f"{value:.{_DIGITS}g}".replace("-0", "0") if value == 0.0 else f"{value:.{_DIGITS}g}"
    decimals = max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals > 0 else text


def operand(word: str, value: float) -> str:
    """Write a number of a formula: fractions in per cent.

    Examples
    --------
    >>> operand("maintenance_rate", 0.004), operand("leverage", 10.0)
    ('0.4 %', '10')
    """
    if word.endswith(_FRACTIONS):
        return f"{number(value * 100)} %"
    return number(value)


def written(tokens: Sequence[Token], values: Sequence[float]) -> str:
    """Write a formula with its numbers; ``values`` are those of the terms."""
    pieces: list[str] = []
    for token in tokens:
        if isinstance(token, str):
            pieces.append(token)
        elif isinstance(token, int):
            _append(pieces, number(values[token]))
        else:
            _append(pieces, operand(*token))
    text = ""
    for piece in pieces:
        if piece in _SPACED and not (piece == "-" and (not text or text.endswith("("))):
            text += f" {_TIMES.get(piece, piece)} "
        elif piece == ",":
            text += ", "
        else:
            text += piece
    return text


def _append(pieces: list[str], text: str) -> None:
    """Append a number; what is below zero changes the sign before it, or is put in brackets."""
    before = pieces[-1] if pieces else ""
    if text.startswith("-") and before == "+":
        pieces[-1] = "-"
        pieces.append(text[1:])
    elif text.startswith("-") and before in ("-", "*", "/"):
        pieces.append(f"({text})")
    else:
        pieces.append(text)
