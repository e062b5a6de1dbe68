"""Reading values of a market file: names, choices, flags, columns of numbers.

Each reader says in its error the path of the key, what was found and what was expected. Nothing here knows a rule.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from crossmargin.reference.values import exact, refuse

T = TypeVar("T")

Table = Mapping[str, Any]
"""A table of a market file, as `tomllib` makes it."""


def section(source: Table, *names: str) -> Table:
    """Return a section or subsection, empty where the file has none."""
    path = ".".join(names)
    found: Any = source
    for name in names:
        found = found.get(name, {})
        if not isinstance(found, Mapping):
            raise refuse(path, found, "a section")
    return found  # type: ignore[no-any-return]


def text(entry: Table, key: str, where: str) -> str:
    """Read a name that must be there."""
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise refuse(f"{where}.{key}", value, "a name")
    return value


def one_of(value: T, where: str, choices: tuple[T, ...]) -> T:
    """Read one of the choices that the reference supports."""
    if value not in choices:
        raise refuse(where, value, " or ".join(repr(choice) for choice in choices), "not supported by the reference")
    return value


def choice(entry: Table, key: str, where: str, choices: tuple[str, ...], default: str | None = None) -> str:
    """Read a key that names a kind of rule; absent, it is the default, or else the first choice."""
    return one_of(str(entry.get(key, default or choices[0])), f"{where}.{key}", choices)


def flag(entry: Table, key: str, where: str, default: bool = False) -> bool:
    """Read true or false."""
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise refuse(f"{where}.{key}", value, "true or false")
    return value


def number(
    entry: Table, key: str, where: str, read: Callable[[Any, str], Fraction], default: Any = None
) -> Fraction | None:
    """Read a number if it is there."""
    value = entry.get(key, default)
    return None if value is None else read(value, f"{where}.{key}")


def count(entry: Table, key: str, where: str) -> int | None:
    """Read a whole number if it is there."""
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise refuse(f"{where}.{key}", value, "a whole number not below 0")
    return value


def column(entry: Table, key: str, where: str, read: Callable[[Any, str], Fraction]) -> list[Fraction]:
    """Read a list of numbers that must be there."""
    values = entry.get(key)
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise refuse(f"{where}.{key}", values, "a list of numbers")
    return [read(value, f"{where}.{key}[{index}]") for index, value in enumerate(values)]


def fraction(value: Any, where: str) -> Fraction:
    """Read a rate or weight: a number between 0 and 1."""
    result = exact(value, where)
    if not 0 <= result <= 1:
        raise refuse(where, result, "a fraction between 0 and 1")
    return result


def rising(floors: Sequence[Fraction], where: str) -> None:
    """Refuse lower ends that do not start at 0 or do not rise."""
    if not floors or floors[0] != 0:
        raise refuse(where, floors[0] if floors else None, "a first floor of 0")
    for index in range(1, len(floors)):
        if floors[index] <= floors[index - 1]:
            raise refuse(f"{where}[{index}]", floors[index], "floors that rise")
