"""Checks of single arguments, whatever they are.

Nothing is compared before its type is known: an array compares element by element, a signalling NaN by raising.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHOWN = 80
_NAMED = 5

SMALLEST, LARGEST = 2.0**-256, 2.0**256
"""Magnitudes that the engine takes, beside zero."""


def shown(value: object) -> str:
    """Write a value for a message, cut where it is long."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a value that cannot be written is still to be refused
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def of_type(value: object, name: str, expected: str) -> ArgumentError:
    """Say that an argument has the wrong type."""
    return ArgumentError(f"{name} was of type {type(value).__name__}, expected {expected}")


def text(value: object, name: str) -> str:
    """Take text that can be written as UTF-8: without lone halves of surrogate pairs."""
    if not isinstance(value, str):
        raise of_type(value, name, "text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{name} was {value!r}, expected text of whole characters") from None
    return value


def is_among(value: object, names: Container[str]) -> bool:
    """Say whether a value is one of the names."""
    return isinstance(value, str) and value in names


def one_of(value: object, name: str, words: tuple[str, ...], absent: str = "") -> None:
    """Refuse what is none of the words; ``absent`` says what else is known."""
    if not is_among(value, words):
        *others, last = map(repr, words)
        known = f"{others[0]} or {last}" if len(others) == 1 and not absent else ", ".join((*others, last))
        raise ArgumentError(f"{name} was {shown(value)}, expected {known}{absent}")


def mapping(value: Any, name: str) -> Mapping[Any, Any]:
    """Take a mapping; an absent one is empty."""
    if value is None:
        return {}
    if isinstance(value, (dict, Mapping)):
        return value
    raise of_type(value, name, "a mapping by name")


def is_whole(value: object) -> bool:
    """Say whether a value is an integer, of Python or NumPy, and no flag."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_key(value: object) -> bool:
    """Say whether a value may be the key of an account."""
    return isinstance(value, str) or is_whole(value)


def no_account(key: object, accounts: NDArray[Any]) -> ArgumentError:
    """Say that a book does not hold an account, and name some that it holds."""
    known, count = ", ".join(map(shown, accounts[:_NAMED].tolist())), len(accounts)
    cure = f"name one of its {count:,} accounts, such as {known}"
    if count <= _NAMED:
        cure = f"name one of its {count} accounts, {known}" if count > 1 else f"its one account is {known}"
    return ArgumentError(
        f"account was {shown(key)}, which the book does not hold: {cure if count else 'it has no accounts'}"
    )


def listed(values: Any, name: str, expected: str = "a list") -> list[Any]:
    """Take a sequence of values that is neither text nor a mapping."""
    if not isinstance(values, (str, bytes, Mapping)):
        try:
            return list(values)
        except TypeError:
            pass
    raise of_type(values, name, expected)
