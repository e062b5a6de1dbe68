"""Reading what venues send: numbers that are text, empty text that means nothing, lists wrapped in replies.

Whatever cannot be read is refused by an `ArgumentError` that says where, what the value was and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from crossmargin.errors import ArgumentError

Json = Mapping[str, Any]
"""An object of JSON, as `json.loads` and venues' clients give it."""

_ABSENT = (None, "")
_STEP_OF_NUMBERS = 1e-8
_LARGEST_EXPONENT = 200


def objects(reply: Any, name: str, *wrappers: str) -> list[Json]:
    """Give the objects in a reply: the list itself, what it is wrapped in, or the one object.

    Parameters
    ----------
    reply : list or mapping
        Parsed JSON.
    name : str
        What the caller calls it, for messages.
    *wrappers : str
        Keys under which venues wrap the list, looked for from the outside in.
    """
    while isinstance(reply, Mapping):
        inner = next((key for key in wrappers if isinstance(reply.get(key), (Mapping, list, tuple))), None)
        if inner is None:
            return [reply]
        reply = reply[inner]
    if isinstance(reply, (str, bytes)) or not isinstance(reply, Sequence):
        raise ArgumentError(
            f"{name} was of type {type(reply).__name__}, expected parsed JSON: a dict or a list of dicts"
        )
    for at, row in enumerate(reply):
        if not isinstance(row, Mapping):
            raise ArgumentError(f"{name}[{at}] was of type {type(row).__name__}, expected a dict")
    return list(reply)


def one(reply: Any, name: str, *wrappers: str) -> Json:
    """Give the one object in a reply; refuse none and several."""
    found = objects(reply, name, *wrappers)
    if len(found) != 1:
        raise ArgumentError(f"{name} held {len(found)} objects, expected one: make a snapshot of each and join them")
    return found[0]


def exact(row: Json, key: str, place: str) -> Fraction | None:
    """Read a number exactly; absent and empty ones are ``None``."""
    value = row.get(key)
    if value in _ABSENT:
        return None
    return exact_of(value, f"{place}.{key}")


def exact_of(value: Any, place: str) -> Fraction:
    """Read one value exactly: text as the decimal that it writes, a double as the shortest that it is."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ArgumentError(f"{place} was {value!r}, expected a number, or text that writes one")
    try:
        made = Decimal(value.strip() if isinstance(value, str) else repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ArgumentError(f"{place} was {value!r}, expected a number, or text that writes one") from None
    if not made.is_finite() or abs(made.adjusted()) > _LARGEST_EXPONENT:
        raise ArgumentError(f"{place} was {value!r}, expected a finite number")
    return Fraction(made)


def number(row: Json, key: str, place: str) -> float | None:
    """Read a number as the nearest double; absent and empty ones are ``None``."""
    value = exact(row, key, place)
    return None if value is None else float(value)


def needed(row: Json, key: str, place: str, cure: str) -> Fraction:
    """Read a number that must be there."""
    value = exact(row, key, place)
    if value is None:
        raise ArgumentError(f"{place}.{key} was {row.get(key)!r}, expected a number: {cure}")
    return value


def first(row: Json, keys: Iterable[str], place: str) -> Fraction | None:
    """Read the first of several spellings that says something."""
    return next((value for key in keys if (value := exact(row, key, place)) is not None), None)


def text(row: Json, key: str, place: str, choices: Sequence[str] = ()) -> str:
    """Read text that must be there, and be one of the choices where there are any."""
    value = row.get(key)
    if not isinstance(value, str) or value == "":
        raise ArgumentError(f"{place}.{key} was {value!r}, expected text")
    if choices and value not in choices:
        raise ArgumentError(f"{place}.{key} was {value!r}, expected one of {', '.join(map(repr, choices))}")
    return value


def flag(row: Json, key: str, place: str) -> bool | None:
    """Read a flag that some venues write as text; an absent one is ``None``."""
    value = row.get(key)
    if value in _ABSENT:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ArgumentError(f"{place}.{key} was {value!r}, expected true or false")


def step_of(value: Any) -> float:
    """Give the unit of the last digit that is written: 0.01 for ``"1.50"``, 1 for ``"12"``.

    A number of JSON has lost the zeros at its end: it counts as written with 8 decimals at least.
    """
    written = Decimal(value) if isinstance(value, (str, int, Decimal)) else Decimal(repr(float(value)))
    exponent = written.as_tuple().exponent
    step = float(Fraction(10) ** exponent) if isinstance(exponent, int) and exponent < 0 else 1.0
    return step if isinstance(value, str) else min(step, _STEP_OF_NUMBERS)


def choice(value: Any, name: str, choices: Sequence[str], why: str) -> str:
    """Check an argument against its choices."""
    if value not in choices:
        raise ArgumentError(f"{name} was {value!r}, expected one of {', '.join(map(repr, choices))}: {why}")
    return str(value)
